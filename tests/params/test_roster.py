"""Institutions and what is decided for each: all problems of a file at once, by row."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup
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
