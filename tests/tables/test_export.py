import re
import shutil
import subprocess

import openpyxl
import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import InputError, StoreError
from spi_analysis.tables.export import FORMATS, export_round, uniqueness
from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from spi_analysis.tables.neutral_texts import as_written

CITY, ROUND = "kota-mojokerto", "spi_2024"


@pytest.fixture
def round_done(setup, store, vault, write_xlsx, write_csv, employees, draw_everyone):
    """Three employees and a user who answered, with weights and three replicates."""
    users = [["Nama", "Unit Layanan", "No HP"], ["Pengguna A", "Dinas Sosial", "081200000011"]]
    files = [write_xlsx(f"{CITY}__internal.xlsx", employees), write_csv(f"{CITY}__eksternal.csv", users)]
    import_frame(files, setup, store, vault)
    sample, rows = draw_everyone(CITY), [["token", "int_tra_1", "int_con_1", "ext_fai_1"]]
    for source, people in sample.groupby("source")["person_id"]:
        for i, token in enumerate(answer_tokens(people, ROUND, CITY, source, vault.secret("link_token"))):
            rows.append(
                [token, 8 if i == 1 else 4 + i, i % 2, None] if source == "internal" else [token, None, None, 9]
            )
    import_responses([write_csv("a.csv", rows)], setup, store, vault)
    steps = dict.fromkeys(("elig_weight", "nr_weight", "cal_weight", "trimmed_weight", "recal_weight", "weight"), 2.0)
    who = sample[["institution_id", "person_id", "source", "stratum", "base_weight"]]
    store.write("weights", CITY, who.assign(nr_class="a", disposition="I", **steps))
    inside = who.loc[who["source"] == "internal", ["source", "person_id"]].reset_index(drop=True)
    draws = [[2.0, 4.0, 0.0], [4.0, 0.0, 2.0], [0.0, 2.0, 4.0]]
    store.write("replicates", CITY, inside.assign(replicates=draws, variance_factor=1.25))


@pytest.fixture
def export(round_done, workspace, tmp_path):
    def export(*formats, language="id"):
        paths = export_round(ROUND, CITY, tmp_path / "out", formats or FORMATS, workspace, language)
        return {path.name.removeprefix(f"{ROUND}_{CITY}"): path for path in paths}

    return export


def test_every_format_brings_its_files(export):
    assert set(export()) == {
        ".csv",
        "_codebook.csv",
        "_replicates.csv",
        ".xlsx",
        ".sav",
        ".dta",
        ".R",
        "_uniqueness.csv",
    }
    assert set(export("xlsx")) == {".xlsx", "_uniqueness.csv"}
    files = export("r")
    assert {".csv", "_replicates.csv", ".R"} <= set(files), "the script needs the data beside it"
    script = files[".R"].read_text(encoding="utf-8")
    assert "scale = part$variance_factor[1] / length(used)" in script
    assert 'setdiff(names(replicates), c("source", "person_id", "variance_factor"))' in script


def test_the_same_round_gives_the_same_bytes(export):
    before = {name: path.read_bytes() for name, path in export().items()}
    assert {name: path.read_bytes() for name, path in export().items()} == before


def test_replicates_have_a_column_each_for_other_programs(export):
    """By hand, as stored: the first person's weights are 2, 4 and 0."""
    table = pd.read_csv(export("csv")["_replicates.csv"])
    assert list(table.columns) == ["source", "person_id", "variance_factor", "r0001", "r0002", "r0003"]
    assert table["variance_factor"].eq(1.25).all()
    assert table[["r0001", "r0002", "r0003"]].to_numpy().tolist() == [[2, 4, 0], [4, 0, 2], [0, 2, 4]]


def test_the_csv_holds_answers_design_and_weights_and_no_contact(export, vault, store):
    paths = export("csv")
    table = pd.read_csv(paths[".csv"])
    assert table["source"].tolist() == ["internal"] * 3 + ["external"]
    assert sorted(table["int_tra_1"].dropna()) == [4, 6, 8]
    assert {"unit", "sex", "age_group", "stratum", "pop_size", "base_weight", "weight"} <= set(table.columns)
    assert "prn" not in table, "with a public shift it would tell who is drawn next year"
    text = paths[".csv"].read_text(encoding="utf-8-sig")
    contacts = vault.read_contacts(ROUND, CITY, "internal")
    for value in contacts[["name", "phone", "email", "employee_number"]].stack().dropna():
        assert value not in text


def test_nothing_that_a_list_brought_in_runs_in_a_spreadsheet(export, store):
    """A unit called =cmd|... is a text in the workbook, and has an apostrophe in the CSV; nothing of it is lost."""
    unit = "=cmd|' /C calc'!A0\x07"
    frame = store.read("frame", CITY)
    store.write("frame", CITY, frame.assign(unit=unit))
    paths = export("csv", "xlsx", "sav", "r")
    cells = [cell for sheet in openpyxl.load_workbook(paths[".xlsx"]) for row in sheet for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    assert unit.rstrip("\x07") in {cell.value for cell in cells}, "no workbook can hold control characters"
    assert pd.read_csv(paths[".csv"])["unit"].map(as_written).unique().tolist() == [unit]
    assert pd.read_csv(paths[".csv"], dtype=str)["unit"].str.startswith("'").all()
    assert pyreadstat.read_sav(paths[".sav"])[0]["unit"].unique().tolist() == [unit], "SPSS runs nothing: as it was"


def test_the_codebook_names_every_column_and_code(export):
    paths = export("csv")
    table, codes = pd.read_csv(paths[".csv"]), pd.read_csv(paths["_codebook.csv"], dtype=str)
    assert set(table.columns) == set(codes["column"])
    item = codes[codes["column"] == "int_tra_1"].set_index("value")
    assert item.loc["8", "value_label"] == "Tidak tahu"
    assert item["is_missing"].eq("True").to_dict() == {**dict.fromkeys("123456", False), "8": True, "9": True}
    assert codes.set_index(["column", "value"]).loc[("sex", "female"), "value_label"] == "Perempuan"


def test_the_workbook_holds_the_data_and_the_codebook(export):
    book = openpyxl.load_workbook(export("xlsx")[".xlsx"])
    assert book.sheetnames == ["data", "codebook"]
    assert book["data"].max_row == 5


@pytest.mark.parametrize(("language", "label", "know"), [("id", "Ya", "Tidak tahu"), ("en", "Yes", "Do not know")])
def test_spss_labels_go_round(export, setup, language, label, know):
    data, meta = pyreadstat.read_sav(export("sav", language=language)[".sav"], user_missing=True)
    assert sorted(data["int_tra_1"].dropna()) == [4, 6, 8]
    item = next(q for q in setup.instrument.questions["internal"] if q.code == "int_tra_1")
    assert meta.column_names_to_labels["int_tra_1"] == item.text[language]
    assert meta.variable_value_labels["int_con_1"][1.0] == label
    assert meta.variable_value_labels["int_tra_1"][8.0] == know
    assert [gap["lo"] for gap in meta.missing_ranges["int_tra_1"]] == [8, 9]
    sexes = data["sex"].map(meta.variable_value_labels["sex"])
    assert sexes.value_counts().to_dict() == (
        {"Laki-laki": 2, "Perempuan": 1, "Tidak diketahui": 1}
        if language == "id"
        else {"Male": 2, "Female": 1, "Unknown": 1}
    )
    blank, _ = pyreadstat.read_sav(export("sav")[".sav"])
    assert sorted(blank["int_tra_1"].dropna()) == [4, 6], "do not know is missing unless asked for"


def test_stata_labels_go_round(export):
    data, meta = pyreadstat.read_dta(export("dta")[".dta"], user_missing=True)
    assert sorted(map(str, data["int_tra_1"].dropna())) == ["4.0", "6.0", "a"]
    assert meta.variable_value_labels["int_tra_1"]["a"] == "Tidak tahu"
    assert meta.variable_value_labels["int_tra_1"]["b"] == "Tidak bersedia menjawab"
    assert data["ext_fai_1"].dropna().tolist() == ["b"]
    assert max(len(label) for label in meta.column_labels) <= 80, "Stata's limit"
    blank, _ = pyreadstat.read_dta(export("dta")[".dta"])
    assert sorted(blank["int_tra_1"].dropna()) == [4, 6]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_the_script_runs_in_r(export, store):
    """Of 4, 8 (do not know) and 6, weights alike, the mean is 5; the one user alone makes no design.

    The name of the unit is what the list says, without the apostrophes of the file.
    """
    store.write("frame", CITY, store.read("frame", CITY).assign(unit="=x;@y"))
    script = export("r")[".R"]
    code = (
        f'source("{script.name}"); m <- svymean(~int_tra_1, replicate_designs$internal, na.rm = TRUE); '
        "cat(coef(m), SE(m) > 0, ncol(weights(replicate_designs$internal)), names(designs), "
        "as.character(labelled$int_tra_1[labelled$person_id == data$person_id[is.na(data$int_tra_1)][1]]), "
        "unique(data$unit))"
    )
    run = subprocess.run(["Rscript", "-e", code], cwd=script.parent, capture_output=True, text=True, check=False)
    if "there is no package called" in run.stderr:
        pytest.skip("R has no package survey")
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"5 TRUE 3 internal Tidak tahu =x;@y", run.stdout.strip())


def test_what_cannot_be_exported_is_told(workspace, tmp_path, setup, store, round_done):
    with pytest.raises(InputError, match="unknown language\n  got: fr\n  expected: id, en"):
        export_round(ROUND, CITY, tmp_path, ["csv"], workspace, language="fr")
    with pytest.raises(InputError, match="did you mean 'dta'"):
        export_round(ROUND, CITY, tmp_path, ["dtaa"], workspace)
    with pytest.raises(StoreError, match="spi import responses"):
        export_round(ROUND, "kota-bengkulu", tmp_path, ["csv"], workspace)


def test_who_can_be_told_apart_is_counted_by_hand():
    """Two women of one unit are alike and differ in one item of two; the man is alone. A panel of two is alike."""
    data = pd.DataFrame({
        "source": ["internal"] * 3 + ["expert"] * 2, "person_id": list("abcde"), "institution_id": CITY,
        "unit": ["Dinas", "Dinas", "Dinas", None, None], "sex": ["female", "female", "male", "male", "male"],
        "weight": [1.0, 2.0, 3.0, 1.0, 1.0], "q1": [4, 5, 4, 3, 2], "q2": [4, 4, 4, 1, 6],
    })  # fmt: skip
    found = uniqueness(data, ["q1", "q2"]).set_index("source")
    assert found.loc["internal"].tolist() == [3, 1, 1, 1]
    assert found.loc["expert"].tolist() == [2, 2, 0, 2]
    assert uniqueness(data.drop(columns="sex"), ["q1"]).set_index("source").loc["internal"].tolist() == [3, 3, 0, 2]


def test_nothing_is_written_where_people_can_be_told_apart(round_done, workspace, tmp_path):
    with pytest.raises(InputError, match="people can be told apart"):
        export_round(ROUND, CITY, tmp_path / "out", ["csv"], workspace, least=2)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="did you mean 'unit'"):
        export_round(ROUND, CITY, tmp_path / "out", ["csv"], workspace, without=["unti"])
    paths = export_round(ROUND, CITY, tmp_path / "out", ["csv"], workspace, without=["unit", "age_group"])
    header = paths[0].read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    assert "unit" not in header
    assert "sex" in header
    assert pd.read_csv(paths[-1])["people"].sum() == 4 == len(pd.read_csv(paths[0]))
