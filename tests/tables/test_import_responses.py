import pandas as pd
import pyreadstat
import pytest
import yaml

from spi_analysis.errors import InputError
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses, item_codes

CITY = "kota-mojokerto"
HEADER = ["Token", "Mulai", "Selesai", "INT_TRA_1", "int_tra_2", "int_con_1", "ext_fai_1"]
AT = ("2024-08-01 10:00", "2024-08-01 10:20")


@pytest.fixture
def tokens(setup, store, vault, write_xlsx, write_csv, employees, draw_everyone):
    users = [["Nama", "Unit Layanan", "No HP"], ["Pengguna A", "Dinas Sosial", "081200000011"]]
    files = [write_xlsx(f"{CITY}__internal.xlsx", employees), write_csv(f"{CITY}__eksternal.csv", users)]
    import_frame(files, setup, store, vault)
    found = {}
    for source, people in draw_everyone(CITY).groupby("source")["person_id"]:
        found[source] = answer_tokens(people, "spi_2024", CITY, source, vault.secret("link_token"))
    return found


@pytest.fixture
def bring(setup, store, vault):
    return lambda *files, **options: import_responses(files, setup, store, vault, **options)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (4, 4),
        ("4", 4),
        ("4.0", 4),
        ("Agak setuju", 4),
        ("somewhat AGREE", 4),
        ("4 - Agak setuju", 4),
        ("4. Agak setuju", 4),
        ("8", 8),
        ("Tidak tahu", 8),
        ("Prefer not to answer", 9),
    ],
)
def test_answers_as_codes_or_words(bring, write_xlsx, store, tokens, cell, code):
    result = bring(write_xlsx("a.xlsx", [HEADER, [tokens["internal"][0], *AT, cell]]))
    assert set(result.problems["code"]) == {"item_missing"}
    assert store.read("responses", CITY)["int_tra_1"].tolist() == [code]


@pytest.mark.parametrize("cell", ["7", 0, "4,5", "Setuju sekali", "45", "-1"])
def test_an_answer_outside_the_scale_is_emptied_and_the_row_kept(bring, write_xlsx, store, tokens, cell):
    result = bring(write_xlsx("a.xlsx", [HEADER, [tokens["internal"][0], *AT, cell, 5]]))
    (found,) = result.problems.query("code == 'answer_out_of_scale'").itertuples()
    assert (found.row, found.column, found.severity) == (2, "INT_TRA_1", "flagged")
    assert "1-6, 8, 9" in found.reason_id
    row = store.read("responses", CITY).iloc[0]
    assert pd.isna(row["int_tra_1"])
    assert row["int_tra_2"] == 5


def test_the_table_has_a_column_for_every_item_of_every_source(bring, write_csv, store, setup, tokens):
    bring(write_csv("a.csv", [HEADER, [tokens["external"][0], *AT, None, None, None, "Setuju"]]))
    table = store.read("responses", CITY)
    codes = item_codes(setup.instrument)
    assert list(table.columns[6:]) == codes
    assert set(table[codes].dtypes.astype(str)) == {"float64"}
    assert table[codes].notna().sum(axis=1).tolist() == [1]


def test_an_answer_to_anothers_question_is_emptied(bring, write_csv, store, tokens):
    result = bring(write_csv("a.csv", [HEADER, [tokens["internal"][0], *AT, 4, 4, 1, 5]]))
    assert "answer_of_another_source" in result.problems["code"].tolist()
    assert store.read("responses", CITY)["ext_fai_1"].isna().all()


def test_of_several_rows_of_a_person_the_fullest_then_earliest_is_kept(bring, write_csv, store, tokens):
    a, b, _ = tokens["internal"]
    rows = [
        HEADER,
        [a, "2024-08-01", "2024-08-01 10:00", 1, None],
        [a, "2024-08-01", "2024-08-03 10:00", 2, 2],
        [a, "2024-08-01", "2024-08-02 10:00", 3, 3],
        [b, "2024-08-01", None, 1, None],
    ]
    result = bring(write_csv("a.csv", rows))
    kept = store.read("responses", CITY).set_index("int_tra_1")
    assert sorted(kept.index) == [1, 3], "row 4 has two answers and was completed before row 3"
    rejected = result.problems.query("severity == 'rejected'")
    assert rejected["row"].tolist() == [2, 3]
    assert rejected["reason_id"].str.contains("baris 4 di a.csv").all()
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[4, 2, 2]]


def test_a_later_import_adds_people_and_never_loses_answers(bring, write_csv, store, tokens):
    a, b, c = tokens["internal"]
    bring(write_csv("1.csv", [HEADER, [a, *AT, 4, 4], [b, *AT, 1, None]]))
    result = bring(write_csv("2.csv", [HEADER, [a, *AT, 2, None], [b, *AT, 1, 6], [c, *AT, 5, 5]]))
    assert result.problems.query("severity == 'rejected'")["code"].tolist() == ["fuller_answers_stored"]
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[3, 2, 1]]
    answers = store.read("responses", CITY)[["int_tra_1", "int_tra_2"]]
    assert sorted(map(tuple, answers.to_numpy().tolist())) == [(1, 6), (4, 4), (5, 5)]


def test_the_same_file_again_changes_nothing(bring, write_csv, store, tokens):
    file = write_csv("1.csv", [HEADER, *([token, *AT, 4, 4] for token in tokens["internal"])])
    first = bring(file)
    before = store.path("responses", CITY).read_bytes()
    assert bring(file).counts.equals(first.counts)
    assert store.path("responses", CITY).read_bytes() == before


def test_times_that_cannot_be_right_are_flagged(bring, write_csv, store, tokens):
    a, b, c = tokens["internal"]
    rows = [
        HEADER,
        [a, "entah", "2024-08-01", 4],
        [b, "2024-08-02", "2024-08-01", 4],
        [c, "2024-08-01", "2025-08-01", 4],
    ]
    result = bring(write_csv("a.csv", rows))
    found = result.problems.dropna(subset="row").set_index("row")["code"].drop(1).to_dict()
    assert found == {2: "started_at_unreadable", 3: "completed_before_started", 4: "time_outside_fieldwork"}
    assert result.counts["flagged"].tolist() == [3]
    assert store.read("responses", CITY)["started_at"].isna().sum() == 1, "the answers are worth more than their hour"


def test_an_spss_file_whose_own_labels_differ_from_ours(bring, store, tokens, tmp_path):
    """The platform counts "Setuju" as 2; its labels say so, and they decide."""
    data = pd.DataFrame({"token": tokens["internal"][:2], "INT_TRA_1": [2.0, 8.0], "int_tra_2": [2.0, None]})
    labels = {"INT_TRA_1": {1.0: "Sangat setuju", 2.0: "Setuju"}}
    pyreadstat.write_sav(data, str(tmp_path / "a.sav"), variable_value_labels=labels, missing_ranges={"INT_TRA_1": [8]})
    bring(tmp_path / "a.sav")
    answers = store.read("responses", CITY)[["int_tra_1", "int_tra_2"]]
    assert sorted(answers["int_tra_1"]) == [5, 8], "5 is our code of Setuju; 8 is do not know in both"
    assert answers["int_tra_2"].dropna().tolist() == [2], "a column without labels holds our codes"


def test_what_an_spss_file_says_of_its_values_is_used_and_said(bring, store, tokens, tmp_path):
    a, b, c = tokens["internal"]
    data = pd.DataFrame({"token": [a, b, c], "int_tra_1": [6.0, 5.0, 3.0], "int_tra_2": [3.0, 4.0, 1.0]})
    labels = {"int_tra_1": {6.0: "Tidak relevan"}, "int_tra_2": {1.0: "Sangat tidak setuju", 3.0: "Netral"}}
    pyreadstat.write_sav(data, str(tmp_path / "a.sav"), variable_value_labels=labels, missing_ranges={"int_tra_1": [6]})
    stopped = bring(tmp_path / "a.sav")
    (problem,) = stopped.failed
    assert (problem.column, problem.got) == ("int_tra_2", "'Netral' (1 rows), '4' (1 rows)")
    assert stopped.mapping == {"answers": {"agree": {"FILL_IN": ["Netral", "4"]}}}
    assert not store.has("responses", CITY)
    (tmp_path / "m.yaml").write_text("answers: {agree: {8: [Netral], 4: ['4']}}", encoding="utf-8")
    result = bring(tmp_path / "a.sav", mapping=tmp_path / "m.yaml")
    kept = store.read("responses", CITY)
    assert sorted(kept["int_tra_1"].dropna()) == [3, 5], "6 is declared missing, though our scale has a 6"
    assert sorted(kept["int_tra_2"]) == [1, 4, 8]
    said = result.problems.set_index(["column", "code"])[["row", "severity"]]
    assert said.loc[("int_tra_1", "answer_declared_missing")].tolist() == [2, "note"]
    assert result.counts["flagged"].tolist() == [0]


def test_what_the_file_calls_a_value_may_be_nothing(bring, store, tokens, tmp_path):
    data = pd.DataFrame({"token": tokens["internal"], "int_tra_1": [3.0, 1.0, 3.0]})
    labels = {"int_tra_1": {1.0: "Sangat tidak setuju", 3.0: "Netral"}}
    pyreadstat.write_sav(data, str(tmp_path / "a.sav"), variable_value_labels=labels)
    (tmp_path / "m.yaml").write_text("nothing: [netral]", encoding="utf-8")
    result = bring(tmp_path / "a.sav", mapping=tmp_path / "m.yaml")
    assert store.read("responses", CITY)["int_tra_1"].dropna().tolist() == [1]
    assert "answer_declared_missing" in result.problems["code"].tolist()


def test_doubt_about_a_column_stops_the_import_until_a_mapping_settles_it(bring, write_csv, store, tokens, tmp_path):
    """1 = yes, 2 = no, as many platforms count; read cell by cell, only the yes would be left."""
    rows = [["token", "int_exp_1", "int_tra_1"], *([token, 2, "1 - Sangat setuju"] for token in tokens["internal"])]
    path = write_csv("a.csv", rows)
    stopped = bring(path)
    assert [(problem.column, problem.got) for problem in stopped.failed] == [
        ("int_tra_1", "'1 - Sangat setuju' (3 rows)"),
        ("int_exp_1", "'2' (3 rows)"),
    ]
    assert stopped.mapping == {"answers": {"yes_no": {"FILL_IN": ["2"]}, "agree": {6: ["1 - Sangat setuju"]}}}
    assert (len(stopped.counts), stopped.written) == (0, ())
    assert not store.has("responses", CITY)
    settled = yaml.safe_dump(stopped.mapping).replace("FILL_IN", "0")
    (tmp_path / "m.yaml").write_text(settled, encoding="utf-8")
    result = bring(path, mapping=tmp_path / "m.yaml")
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[3, 3, 0]]
    assert store.read("responses", CITY)[["int_exp_1", "int_tra_1"]].to_numpy().tolist() == [[0, 6]] * 3


def test_a_doubtful_column_of_one_file_keeps_the_others_of_the_import_out(bring, write_csv, store, tokens):
    a, b, _ = tokens["internal"]
    good = write_csv("a.csv", [["token", "int_tra_1"], [a, 4]])
    doubtful = write_csv("b.csv", [["token", "int_tra_1"], [b, "1 - Sangat setuju"]])
    assert [problem.file for problem in bring(good, doubtful).failed] == ["b.csv"]
    assert not store.has("responses", CITY)


def test_a_mapping_gives_the_words_of_a_platform(bring, write_csv, store, tokens, tmp_path):
    a, b, c = tokens["internal"]
    mapping = tmp_path / "platform.yaml"
    answers = {"yes_no": {0: ["2"]}, "agree": {6: ["1 - Sangat setuju"]}}
    mapping.write_text(yaml.safe_dump({"answers": answers}), encoding="utf-8")
    rows = [["token", "int_exp_1", "int_tra_1"], [a, 1, "1 - Sangat setuju"], [b, 2, None], [c, 2, None]]
    result = bring(write_csv("a.csv", rows), mapping=mapping)
    kept = store.read("responses", CITY)
    assert (sorted(kept["int_exp_1"]), kept["int_tra_1"].dropna().tolist()) == ([0, 0, 1], [6])
    assert set(result.problems["code"]) == {"item_missing"}


def test_a_mapping_for_scales_and_codes_that_are_not_there_is_refused(bring, write_csv, store, tokens, tmp_path):
    mapping = tmp_path / "platform.yaml"
    mapping.write_text(yaml.safe_dump({"answers": {"agre": {1: ["x"]}, "yes_no": {2: ["y"]}}}), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        bring(write_csv("a.csv", [["token", "int_tra_1"], [tokens["internal"][0], 4]]), mapping=mapping)
    said = [(problem.key, problem.got, problem.hint) for problem in caught.value.problems]
    assert said == [("answers: agre", "", "did you mean 'agree'?"), ("answers: yes_no", "2", "")]


def test_a_boolean_among_numbers_spoils_none_of_them(bring, write_xlsx, store, tokens):
    a, b, c = tokens["internal"]
    rows = [["token", "int_tra_1", "int_exp_1"], [a, True, True], [b, 1, 1], [c, 1, False]]
    result = bring(write_xlsx("a.xlsx", rows))
    kept = store.read("responses", CITY)
    assert kept["int_tra_1"].dropna().tolist() == [1, 1]
    assert sorted(kept["int_exp_1"]) == [0, 1, 1], "on a question of yes or no TRUE is a yes"
    assert result.problems.query("code == 'answer_out_of_scale'")["row"].tolist() == [2]


def test_formulas_that_were_never_computed_are_said_once_a_column(bring, write_xlsx, store, tokens):
    a, b, _ = tokens["internal"]
    result = bring(write_xlsx("a.xlsx", [["token", "int_tra_1", "int_tra_2"], [a, "=3+1", 5], [b, "=5", 4]]))
    found = result.problems.query("code != 'item_missing'")
    assert found[["row", "column", "code", "severity"]].to_numpy().tolist() == [
        [2, "int_tra_1", "formula_without_value", "flagged"]
    ]
    assert "2 baris" in found["reason_id"].iloc[0]
    assert store.read("responses", CITY)["int_tra_1"].isna().all()
    assert result.counts[["accepted", "flagged"]].to_numpy().tolist() == [[2, 2]]


def test_formulas_in_the_column_of_links_are_named_as_the_cause(bring, write_xlsx, tokens):
    result = bring(write_xlsx("a.xlsx", [["token", "int_tra_1"], ['="abc"', 5], ['="abd"', None]]))
    found = result.problems[["column", "code"]].to_numpy().tolist()
    assert ["token", "formula_without_value"] in found
    assert ["token", "missing_token"] in found


def test_a_platform_with_item_names_of_its_own(bring, write_csv, store, tokens, tmp_path):
    mapping = tmp_path / "platform.yaml"
    mapping.write_text(yaml.safe_dump({"items": {"int_tra_1": ["Q1"]}}), encoding="utf-8")
    bring(write_csv("a.csv", [["token", "Q1"], [tokens["internal"][0], 6]]), mapping=mapping)
    assert store.read("responses", CITY)["int_tra_1"].tolist() == [6]


def test_items_that_are_not_there_and_columns_that_mean_nothing_are_told(bring, write_csv, tokens):
    result = bring(write_csv("a.csv", [["token", "int_tra_1", "int_tr_2"], [tokens["internal"][0], 6, 5]]))
    notes = result.problems.set_index("code")
    assert notes.loc["column_ignored", "column"] == "C (••••)", "it may be anything, so its place is named"
    assert "int_tra_2" in notes.loc["item_missing", "reason_id"]
    assert "ext_fai_1" not in notes.loc["item_missing", "reason_id"], "no user answered in this file"


def test_a_file_without_any_item_is_no_file_of_answers(bring, write_csv, tokens, store):
    (problem,) = bring(write_csv("a.csv", [["token", "mulai", "int_trx_1"], [tokens["internal"][0], AT[0], 5]])).failed
    assert problem.what == "no column is an item of the instrument"
    assert problem.hint.startswith("did you mean 'int_tra_1'")
    assert not store.has("responses", CITY)


def test_unknown_tokens_are_counted_and_kept_aside(bring, write_csv, tokens, vault):
    result = bring(write_csv("a.csv", [HEADER, ["zzzz", *AT, 4, 4], [tokens["internal"][0], *AT, 4, 4]]))
    assert result.counts["rejected"].sum() == 1
    kept = vault.read_rejected("spi_2024", "unassigned", "responses")
    assert kept["int_tra_1"].tolist() == ["4"], "nothing is lost"


@pytest.mark.parametrize("cell", ["9" * 5000, "0812345678901", "1e400", "<script>"])
def test_a_cell_that_is_no_answer_is_remarked_on_and_left_empty(bring, write_csv, store, tokens, cell):
    result = bring(write_csv("a.csv", [["token", "int_tra_1", "int_tra_2"], [tokens["internal"][0], cell, 5]]))
    assert "answer_out_of_scale" in result.problems["code"].tolist()
    row = store.read("responses", CITY).iloc[0]
    assert pd.isna(row["int_tra_1"])
    assert row["int_tra_2"] == 5
    assert cell not in str(result.problems["value"].tolist()) or cell in ("1e400", "<script>"), "numbers are masked"


def test_impossible_times_of_an_answer_are_unknown(bring, write_csv, store, tokens):
    rows = [
        ["token", "started_at", "completed_at", "int_tra_1"],
        [tokens["internal"][0], "9999-12-31T23:59:59Z", "2024-08-01 10:00 +25:00", 5],
    ]
    result = bring(write_csv("a.csv", rows))
    assert {"started_at_out_of_range", "completed_at_out_of_range"} <= set(result.problems["code"])
    kept = store.read("responses", CITY).iloc[0]
    assert pd.isna(kept["started_at"])
    assert pd.isna(kept["completed_at"])
    assert kept["int_tra_1"] == 5, "the answers are worth keeping"


def test_how_an_answer_was_given_is_kept_and_is_by_web_where_nobody_says(bring, write_csv, store, tokens):
    a, b, c = tokens["internal"]
    rows = [["token", "Cara wawancara", "int_tra_1"], [a, "Tatap muka", 4], [b, None, 4], [c, "merpati", 4]]
    result = bring(write_csv("a.csv", rows), mode="telephone")
    modes = store.read("responses", CITY)["mode"].value_counts().to_dict()
    assert modes == {"face_to_face": 1, "telephone": 2}, "what the row says, else what is said of the whole file"
    assert result.problems.query("code == 'unknown_mode'")["row"].tolist() == [4]
    bring(write_csv("b.csv", [["token", "int_tra_1", "int_tra_2"], [a, 5, 5]]))
    assert sorted(store.read("responses", CITY)["mode"]) == ["telephone", "telephone", "web"], "the fuller answer"


def test_answers_from_before_modes_were_kept_are_of_the_web(bring, write_csv, store, tokens):
    a, b, _ = tokens["internal"]
    bring(write_csv("a.csv", [["token", "int_tra_1"], [a, 4]]))
    store.write("responses", CITY, store.read("responses", CITY).drop(columns="mode"))
    assert "mode" not in store.read("responses", CITY)
    bring(write_csv("b.csv", [["token", "int_tra_1"], [b, 4]]), mode="face_to_face")
    assert sorted(store.read("responses", CITY)["mode"]) == ["face_to_face", "web"]


def test_answers_to_modules_come_with_the_arm_that_was_drawn(bring, write_csv, store, tokens):
    """Of an institution without arms the columns of modules are left out; the arm is that of the sample."""
    header = ["Token", "Mulai", "Selesai", "ext_fai_1", "ext_lst_long", "ext_clm_fear"]
    rows = [header, [tokens["external"][0], *AT, 5, "Dua", "Ya"]]
    bring(write_csv("a.csv", rows))
    assert not {"arm", "ext_lst_long"} & set(store.read("responses", CITY))
    sample = store.read("sample", CITY)
    write_parquet(store.root / "sample" / f"{CITY}.parquet", sample.assign(arm="list_long"))
    bring(write_csv("b.csv", rows))
    assert store.read("responses", CITY)[["arm", "ext_lst_long", "ext_clm_fear"]].values.tolist() == [
        ["list_long", 2, 1]
    ]
    write_parquet(store.root / "sample" / f"{CITY}.parquet", sample.assign(form="reversed"))
    bring(write_csv("c.csv", rows))
    kept = store.read("responses", CITY)
    assert kept["form"].tolist() == ["reversed"], "as it was drawn; the answers by codes need no turning round"
    assert kept["ext_fai_1"].tolist() == [5]
    assert not {"arm", "ext_lst_long"} & set(kept)
