"""Institutions and what is decided for each: all problems of a file at once, by row."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup, load_setup
from tests.params.conftest import Spoiled

ROSTER, INPUTS = "institutions.csv", "rounds/spi_2024.institutions.csv"
MOJOKERTO = "kota-mojokerto,5.72,0,published,,KPK (SPI 2024)"


def test_blank_cells_are_nothing(setup: RoundSetup) -> None:
    inputs = setup.inputs["kota-mojokerto"]
    assert (inputs.correction_conduct, inputs.correction_conduct_se, inputs.withheld_reason) == (5.72, None, None)


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        (ROSTER, "kota-mojokerto,", "Kota_Mojokerto,", ["row 2", "column institution_id", "got: Kota_Mojokerto"]),
        (ROSTER, "kota,35,kecil", "kotta,35,kecil", ["row 2", "column type", "did you mean 'kota'?"]),
        (ROSTER, "kota,35,kecil", "kota,350,kecil", ["column province_code", "got: 350"]),
        (ROSTER, "kota-bengkulu,", "kota-mojokerto,", ["listed twice", "row 4", "first in row 2"]),
        (INPUTS, "kota-mojokerto,", "kota-mojokarto,", ["unknown institution", "did you mean 'kota-mojokerto'?"]),
        (INPUTS, MOJOKERTO, MOJOKERTO.replace("5.72", "-1"), ["row 2", "column correction_conduct", "got: -1"]),
        (INPUTS, MOJOKERTO, MOJOKERTO.replace("published,", "withheld,"), ["release and withheld_reason do not fit"]),
        (
            INPUTS,
            MOJOKERTO,
            MOJOKERTO.replace("published,,", "published,secrecy,"),
            ["do not fit", "none if published"],
        ),
        (INPUTS, MOJOKERTO, MOJOKERTO.replace("published,,", "witheld,secrecy,"), ["did you mean 'withheld'?"]),
        (INPUTS, "correction_facts", "correction_fact", ["unknown column", "did you mean 'correction_facts'?"]),
        (INPUTS, "withheld_reason", "mode_adjustment", ["unknown column", "now called correction_other"]),
    ],
)
def test_wrong_rows_name_row_and_column(spoiled: Spoiled, file: str, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text(file, old, new)
    assert all(part in str(caught.value) for part in [*parts, file.split("/")[-1]]), str(caught.value)


def test_the_third_correction_is_there_only_where_it_was_made(spoiled: Spoiled) -> None:
    """Left out, left blank or 0: the institution has two corrections. A value or a standard error: it has three."""
    assert list(spoiled.load().inputs["kota-mojokerto"].corrections) == ["correction_conduct", "correction_facts"]
    path = spoiled.workspace.params / INPUTS
    with_column = "correction_facts,correction_other,correction_other_se,release"
    text = path.read_text(encoding="utf-8").replace("correction_facts,release", with_column)
    for value, error, made in [("", "", False), ("0", "", False), ("3.1", "", True), ("0", "0.4", True)]:
        rows = [
            line if line.startswith("institution_id") else ",".join([*(c := line.split(","))[:3], value, error, *c[3:]])
            for line in text.splitlines()
        ]
        path.write_text("\n".join(rows), encoding="utf-8")
        corrections = spoiled.load().inputs["kota-mojokerto"].corrections
        assert ("correction_other" in corrections) == made, (value, error)
        assert not made or corrections["correction_other"] == float(value)


def test_roster_keeps_the_order_of_the_file(setup: RoundSetup) -> None:
    rows = (setup.workspace.params / ROSTER).read_text(encoding="utf-8").splitlines()[1:]
    assert setup.roster.ids() == [row.split(",")[0] for row in rows]


HEADER = "institution_id,name,type,province_code,size_class\n"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["the file is empty"]),
        (HEADER.encode(), ["no rows below its header"]),
        ((HEADER + "kota-x,Kota \u00e9,kota,35,\n").encode("latin-1"), ["not in UTF-8", "row 2", "0xe9"]),
        ((HEADER + "kota-x,Kota X,kota,35,\n").encode("utf-16"), ["not in UTF-8", "UTF-16"]),
        ((HEADER + "kota-x," + "x" * 140_000 + ",kota,35,\n").encode(), ["a cell is too long", "row 2"]),
        ((HEADER + 'kota-x,"Kota X,kota,35,\nkota-y,Kota Y,kota,35,\n').encode(), ["quotation mark", "row 2"]),
        ((HEADER + "kota-x,Kota X,kota,35,,zzz\nkota-y,Kota Y\n").encode(), ["more cells", "row 2", "fewer", "row 3"]),
        ((HEADER + "kota-x,Kota X,kota,35,\n\n,,,,\nkota-y,Y,kotta,35,\n").encode(), ["row 5", "column type"]),
        (HEADER.replace("size_class", "type").encode() + b"a,b,c,d,e\n", ["a column is there twice", "type"]),
        (HEADER.replace(",type", "").encode() + b"kota-x,Kota X,35,\n", ["a column is missing", "column type"]),
        ((HEADER + "kota-x,Kota\0X,kota,35,\n").encode(), ["NUL character", "row 2"]),
    ],
)
def test_a_roster_that_is_no_table_is_refused(spoiled: Spoiled, content: bytes, parts: list[str]) -> None:
    (spoiled.workspace.params / ROSTER).write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        spoiled.load()
    assert all(part in str(caught.value) for part in [*parts, "params/institutions.csv"]), str(caught.value)


@pytest.mark.parametrize("name", [ROSTER, INPUTS, "rounds/spi_2024.yaml", "aliases.yaml"])
def test_a_folder_in_the_place_of_a_file(spoiled: Spoiled, name: str) -> None:
    path = spoiled.workspace.params / name
    path.unlink()
    path.mkdir()
    with pytest.raises(ParameterError) as caught:
        spoiled.load()
    assert f"params/{name}" in str(caught.value)
    assert "a folder" in str(caught.value)
    assert str(path.parent) not in str(caught.value), "a message shows no machine's path"


def test_a_round_without_institutions_is_refused(spoiled: Spoiled) -> None:
    path = spoiled.workspace.params / INPUTS
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="no rows below its header"):
        spoiled.load()


HERE, OTHER, TARGETS = "kota-mojokerto", "kota-bengkulu", "targets.csv"
# Where a cell of another institution is wrong, and what is said of it.
OF_ANOTHER = [
    (ROSTER, "kota,17,sedang", "kotta,17,sedang", ["row 4", "column type", "got: kotta", "did you mean 'kota'?"]),
    (ROSTER, "kota,17,sedang", "kota,17,sedang,more", ["row 4", "more cells than the header"]),
    (ROSTER, "kota-pangkalpinang,", "kota-bengkulu,", ["row 5", "listed twice", "first in row 4"]),
    (INPUTS, "kota-bengkulu,3.09", "kota-bengkulu,three", ["row 4", "column correction_conduct", "got: three"]),
]


@pytest.fixture
def spoil(workspace):
    def change(file, old, new):
        path = workspace.params / file
        before = path.read_text(encoding="utf-8")
        assert before.count(old) >= 1, f"{old!r} is not in {file}"
        path.write_text(before.replace(old, new, 1), encoding="utf-8")
        return workspace

    return change


@pytest.mark.parametrize(("file", "old", "new", "parts"), OF_ANOTHER)
def test_a_wrong_row_of_another_institution_stops_that_one_alone(setup, spoil, file, old, new, parts) -> None:
    workspace = spoil(file, old, new)
    found = load_setup(workspace, "spi_2024", of=[HERE])
    said = "\n".join(map(str, found.blocked[OTHER]))
    assert all(part in said for part in [*parts, f"params/{file}"]), said
    # The code that was written over is one that the roster does not know.
    gone = {OTHER, "kota-pangkalpinang"} if "twice" in said else {OTHER}
    assert set(found.blocked) == gone
    assert found.institution_ids == [code for code in setup.institution_ids if code not in gone]
    assert (found.round_for(HERE), found.roster[HERE]) == (setup.round_for(HERE), setup.roster[HERE])
    assert found.roster.ids() == [code for code in setup.roster.ids() if code not in gone - {OTHER}]
    for refused in (lambda: found.require(OTHER), lambda: load_setup(workspace, "spi_2024", of=[HERE, OTHER])):
        with pytest.raises(ParameterError) as caught:
            refused()
        assert set(caught.value.problems) == set(found.blocked[OTHER])
    with pytest.raises(ParameterError) as caught:
        load_setup(workspace, "spi_2024")
    assert set(found.blocked[OTHER]) <= set(caught.value.problems), "who asks for all is told all"


def test_the_readable_cells_of_a_wrong_row_stay_in_the_roster(setup, spoil) -> None:
    """Else a file of "bengkulu" would be taken for one of another institution of that place."""
    wrong = load_setup(spoil(ROSTER, "kota,17,sedang", "kotta,17,sedang"), "spi_2024", of=[]).roster[OTHER]
    assert (wrong.name, wrong.type, wrong.size_class) == (setup.roster[OTHER].name, "kotta", "sedang")
    lost = load_setup(spoil(ROSTER, "kotta,17,sedang", "kota,17,sedang,more"), "spi_2024", of=[]).roster[OTHER]
    assert (lost.province_code, lost.size_class) == (None, None), "its cells may stand in other columns"


def test_a_wrong_target_or_override_of_another_institution_stops_that_one_alone(setup, workspace) -> None:
    own = workspace.params / "overrides" / f"{OTHER}.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text("rounds: [", encoding="utf-8")
    targets = workspace.params / TARGETS
    last = targets.read_text(encoding="utf-8").rstrip("\n").splitlines()[-1].split(",", 1)[1]
    with targets.open("a", encoding="utf-8") as file:
        file.write(f"kota-pangkalpinang,{last}\n".replace(",20", ",never20", 1))
    found = load_setup(workspace, "spi_2024", of=[HERE])
    assert set(found.blocked) == {OTHER, "kota-pangkalpinang"}
    assert "not valid YAML" in str(found.blocked[OTHER][0])
    assert "never20" in str(found.blocked["kota-pangkalpinang"][0])
    assert found.targets.values(HERE, 2024) == setup.targets.values(HERE, 2024)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (ROSTER, "kota-mojokerto,Pemerintah", "kota-mojokerto,,Pemerintah", "more cells than the header"),
        (ROSTER, "kota-bengkulu,", "Kota Bengkulu,", "got: Kota Bengkulu"),
        (ROSTER, "size_class", "size", "unknown column"),
        (ROSTER, "kota-bengkulu,", '"kota-bengkulu,', "quotation mark"),
        (INPUTS, "kota-mojokerto,5.72", "kota-mojokerto,five", "got: five"),
        (TARGETS, "nasional,2021,70", "nasional,2021,seventy", "got: seventy"),
        ("rounds/spi_2024.yaml", "level: 0.95", "levl: 0.95", "did you mean 'level'?"),
    ],
)
def test_what_is_ones_own_or_nobodys_stops_as_ever(spoil, file, old, new, said) -> None:
    workspace = spoil(file, old, new)
    with pytest.raises(ParameterError) as caught:
        load_setup(workspace, "spi_2024", of=[HERE])
    assert said in str(caught.value)
