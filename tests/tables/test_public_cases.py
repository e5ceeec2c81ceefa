"""Files behind public bug reports, brought in whole: what is stored, and what is said.

The expected values are read off the files by hand, with the meaning that each case's README gives.
"""

from __future__ import annotations

import pandas as pd
import pytest

from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from tests.tables.cases import case, with_tokens

CITY = "kota-mojokerto"
NONE = [None] * 4
LABELS, FORMULAS = "21-sav-labels-of-another-scale", "25-formulas-in-answers"


@pytest.fixture
def answers_of(setup, store, vault, write_csv, draw_everyone, tmp_path):
    """Import a file of answers for people of our own; their answers to two items, and the codes of what was said."""
    people = [
        f"Orang {letter};19850315201001100{i};Staf;Dinas Sosial;08120000000{i}" for i, letter in enumerate("ABCDE", 1)
    ]
    rows = [line.split(";") for line in ["Nama;NIP;Jabatan;Unit Kerja;No HP", *people]]
    import_frame([write_csv(f"{CITY}__internal.csv", rows)], setup, store, vault)
    who = draw_everyone(CITY)["person_id"].tolist()
    tokens = answer_tokens(who, "spi_2024", CITY, "internal", vault.secret("link_token"))
    (tmp_path / "theirs").mkdir()

    def answers_of(folder, name, columns, settled=""):
        path = with_tokens(case(folder, name), tokens, tmp_path / "theirs")
        if settled:
            stopped = import_responses([path], setup, store, vault)
            assert [problem.column for problem in stopped.failed] == columns
            assert not store.has("responses", CITY), "nothing comes in before it is settled"
            (tmp_path / "m.yaml").write_text(settled, encoding="utf-8")
        mapping = tmp_path / "m.yaml" if settled else None
        result = import_responses([path], setup, store, vault, mapping=mapping)
        counts = result.counts[["read", "accepted", "rejected"]].sum()
        assert counts["read"] == counts["accepted"] + counts["rejected"], "nothing is lost"
        kept = pd.DataFrame({"person_id": []}) if counts["accepted"] == 0 else store.read("responses", CITY)
        kept = kept.set_index("person_id").reindex(who[: counts["accepted"]], columns=columns)
        said = result.problems.query("code != 'item_missing'")
        found = kept[columns].astype(object).where(kept[columns].notna(), None)
        return [found[name].tolist() for name in columns], sorted(zip(said["column"], said["code"], strict=True))

    return answers_of


def test_labels_of_another_scale(answers_of):
    items, settled = ["int_tra_1", "int_tra_2"], "nothing: [Netral, Ragu-ragu]"
    found, said = answers_of(LABELS, "jawaban.sav", items, settled)
    assert found == [[1, 2, None, 5, 6]] * 2, "the middle answer is none of ours; the others go by their words"
    for item in items:
        assert (item, "answer_declared_missing") in said
        assert (item, "labels_decide") in said


def test_values_declared_missing(answers_of):
    found, said = answers_of("22-sav-user-missing", "jawaban.sav", ["int_tra_1", "int_tra_2"])
    assert found == [[None, None, 3], [5, None, None]]
    assert said == [
        ("int_tra_1", "answer_declared_missing"),
        ("int_tra_1", "answer_out_of_scale"),
        ("int_tra_2", "answer_declared_missing"),
        ("int_tra_2", "answer_declared_missing"),
    ]


def test_number_and_label_that_disagree(answers_of):
    settled = """
        nothing: [3 - Netral]
        answers:
          agree:
            1: ["6 - Sangat tidak setuju"]
            5: ["2 = Setuju", "4. Setuju", "Setuju - 2"]
            6: ["1 - Sangat setuju", "1 (Sangat setuju)", "5. Sangat setuju (5)"]
    """
    found, said = answers_of("23-number-and-label-disagree", "jawaban.csv", ["int_tra_1", "int_tra_2"], settled)
    assert found == [[6, 1, 5, 6], [None, 5, 6, 5]], "by their words, since a person said so"
    assert said == []


@pytest.mark.parametrize("name", ["jawaban.xlsx", "jawaban-xlsxwriter.xlsx"])
def test_formulas_that_were_never_computed(answers_of, name):
    items = ["int_exp_1", "int_exp_2", "int_tra_1"]
    found, said = answers_of(FORMULAS, name, items)
    assert found == [[]] * 3, "nobody is taken for somebody who began and broke off"
    assert said == [*((item, "formula_without_value") for item in items), *[("token", "no_answer_in_file")] * 2]


@pytest.mark.parametrize("name", ["kota-mojokerto__internal.xlsx", "xlsxwriter__kota-mojokerto__internal.xlsx"])
def test_formulas_in_a_list(setup, store, vault, name):
    path = case("09-formulas-without-values", name)
    said = import_frame([path], setup, store, vault, institution=CITY, source="internal").problems
    assert said.query("code == 'formula_without_value'")["column"].tolist() == ["No HP", "TMT Unit"]


def test_two_numbers_and_suffixes(setup, store, vault):
    path = case("08-two-numbers-and-suffixes", "kota-mojokerto__internal.csv")
    result = import_frame([path], setup, store, vault)
    kept = vault.read_contacts("spi_2024", CITY, "internal")
    assert kept[["phone", "phone_2"]].to_numpy().tolist() == [["+62812345678", "+62857123456"]]
    doubtful = result.problems.query("code == 'phone_doubtful'")["row"].tolist()
    assert doubtful == [2, 3, 4, 5, 7, 9]
    assert result.problems.query("code == 'phone_too_short'")["row"].tolist() == [8], "081234567 is no whole number"
