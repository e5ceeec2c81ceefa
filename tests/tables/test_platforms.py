"""Exports in the shape of each platform, as its documentation gives it (docs/platforms.md), brought in whole.

Expected values are read off the files of tests/tables/exports by hand; all people and answers are made up.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyreadstat
import pytest

from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from tests.tables.cases import case, with_tokens

CITY = "kota-mojokerto"
EXPORTS = Path(__file__).with_name("exports")
ITEMS = ["int_tra_1", "int_tra_2"]


@pytest.fixture
def who(setup, store, vault, write_csv, draw_everyone):
    """Five people of a list, all drawn, with their tokens, in one order."""
    people = [f"Orang {x};19850315201001100{i};Staf;Dinas Sosial;08120000000{i}" for i, x in enumerate("ABCDE", 1)]
    rows = [line.split(";") for line in ["Nama;NIP;Jabatan;Unit Kerja;No HP", *people]]
    import_frame([write_csv(f"{CITY}__internal.csv", rows)], setup, store, vault)
    return draw_everyone(CITY)["person_id"].tolist()


@pytest.fixture
def answers_of(who, setup, store, vault, tmp_path):
    """Import an export with links of ours: counts, answers in the file's order (None: not stored), what was said."""
    tokens = answer_tokens(who, "spi_2024", CITY, "internal", vault.secret("link_token"))
    (tmp_path / "theirs").mkdir()

    def answers_of(path, columns=ITEMS):
        result = import_responses([with_tokens(path, tokens, tmp_path / "theirs")], setup, store, vault)
        assert not result.failed
        kept = store.read("responses", CITY).set_index("person_id").reindex(who)[columns].astype(object)
        counts = result.counts[["read", "accepted", "rejected"]].sum()
        assert counts["read"] == counts["accepted"] + counts["rejected"], "nothing is lost"
        return counts.tolist(), kept.where(kept.notna(), None).to_numpy().tolist(), result.problems

    return answers_of


def codes(problems, severity):
    return sorted(problems.loc[problems["severity"] == severity, "code"])


def platform(problems):
    (said,) = problems.loc[problems["code"] == "platform_known", "reason_en"].drop_duplicates()
    return said.removeprefix("The file is an export of ").rstrip(".")


def test_limesurvey_codes(answers_of):
    counts, found, said = answers_of(EXPORTS / "limesurvey.csv", [*ITEMS, "int_dut_1", "int_con_1", "completed_at"])
    assert platform(said) == "LimeSurvey"
    assert counts == [4, 4, 0]
    assert found[:4] == [
        [4, 5, 1, 1, None],
        [4, None, 2, 0, None],
        [None, 6, None, 1, None],
        [None, 6, 3, None, None],
    ], "A7 is the seventh answer (8) or a seven: it is not read; 1980 is no time"
    unread = said.query("code == 'answer_out_of_scale'")
    assert sorted(zip(unread["row"], unread["column"], strict=True)) == [(4, "INTDUT[INTDUT1]"), (4, "INTTRA1")]
    assert said.query("code == 'time_not_kept'")["reason_en"].str.contains("3 row").all()


def test_limesurvey_texts_as_headings(answers_of):
    counts, found, _ = answers_of(EXPORTS / "limesurvey_full.csv", [*ITEMS, "started_at"])
    assert counts == [2, 2, 0]
    assert found[:2] == [[4, 5, datetime(2024, 8, 1, 10)], [8, 6, datetime(2024, 8, 2, 11)]]


def test_kobo_groups_choices_and_clocks(answers_of):
    counts, found, said = answers_of(EXPORTS / "kobo.csv", [*ITEMS, "int_tra_3", "int_con_1", "completed_at"])
    assert platform(said) == "KoboToolbox or ODK"
    assert counts == [3, 2, 1]
    assert found[:3] == [
        [4, 5, 6, 1, datetime(2024, 8, 1, 10, 20)],
        [4, 5, None, None, datetime(2024, 8, 1, 21, 50)],
        [None] * 5,
    ], "two choices are no answer; 23.50 in Jayapura is 21.50 in Jakarta; the third row was not approved"
    assert codes(said, "rejected") == ["not_approved"]
    assert sorted(said.query("code == 'answer_out_of_scale'")["column"]) == ["bagian_a/int_tra_3", "bagian_b/int_con_1"]


def test_odk_central(answers_of):
    counts, found, _ = answers_of(EXPORTS / "odk_central.csv", [*ITEMS, "completed_at"])
    assert counts == [2, 2, 0]
    assert found[:2] == [[4, 5, datetime(2024, 8, 1, 10, 20)], [6, 8, datetime(2024, 8, 1, 21, 50)]]


def test_qualtrics_rows_of_tests_and_its_own_clock(answers_of):
    counts, found, said = answers_of(EXPORTS / "qualtrics.csv", [*ITEMS, "started_at"])
    assert platform(said) == "Qualtrics"
    assert counts == [4, 2, 2]
    assert found[:4] == [
        [4, 5, datetime(2024, 8, 2, 9)],
        [None] * 3,
        [None] * 3,
        [2, None, datetime(2024, 8, 3, 10)],
    ], "20.00 in Denver (UTC-6 in summer) is 09.00 of the next day in Jakarta; 16 (offline) is an answer"
    assert codes(said, "rejected") == ["platform_preview", "platform_spam"]


def test_surveymonkey_parts_of_questions_and_month_first(answers_of):
    counts, found, said = answers_of(EXPORTS / "surveymonkey.csv", [*ITEMS, "int_tra_3"])
    assert platform(said) == "SurveyMonkey"
    assert counts == [2, 2, 0]
    assert found[:2] == [[4, 5, 8], [4, 5, 6]]


def test_google_forms(answers_of):
    counts, found, said = answers_of(EXPORTS / "google_forms.csv", [*ITEMS, "completed_at"])
    assert platform(said) == "Google Forms"
    assert counts == [2, 2, 0]
    assert found[:2] == [[4, 5, datetime(2024, 8, 1, 10, 20)], [6, 6, datetime(2024, 8, 2, 21, 20)]]


def test_a_column_of_times_does_not_make_a_google_form(answers_of, who, vault, write_csv):
    rows = [["token", "timestamp", *ITEMS], ["aaaaaaaaaaaaaaaaaaa2", "2024-08-01 10:20", 4, 5]]
    counts, found, said = answers_of(write_csv("own.csv", rows))
    assert (counts, found[0]) == ([1, 1, 0], [4, 5])
    assert "platform_known" not in said["code"].tolist()


def test_stata(answers_of, tmp_path):
    import pandas as pd

    table = pd.DataFrame(
        {"token": ["aaaaaaaaaaaaaaaaaaa2", "bbbbbbbbbbbbbbbbbbb2"], "int_tra_1": [4, 5], "int_tra_2": [1, 2]}
    )
    labels = {"int_tra_2": {1: "Sangat setuju", 2: "Setuju"}}
    pyreadstat.write_dta(table, str(tmp_path / "jawaban.dta"), variable_value_labels=labels)
    counts, found, _ = answers_of(tmp_path / "jawaban.dta")
    assert (counts, found[:2]) == ([2, 2, 0], [[4, 6], [5, 5]]), "the file's words go before its numbers"


@pytest.mark.parametrize(
    ("folder", "name", "counts", "found"),
    [
        (
            "27-qualtrics-three-headers-and-preview",
            "jawaban.csv",
            [4, 2, 2],
            [[4, 5], [None] * 2, [None] * 2, [2, None]],
        ),
        ("31-limesurvey-exports", "jawaban.csv", [4, 4, 0], [[4, 5], [4, None], [None, 6], [None, 6]]),
        ("31-limesurvey-exports", "jawaban.sav", [3, 3, 0], [[4, None], [5, None], [None, None]]),
        ("32-kobo-exports", "jawaban.xlsx", [2, 2, 0], [[4, 5], [4, 5]]),
        ("32-kobo-exports", "tanpa-grup.xlsx", [2, 2, 0], [[4, 5], [4, None]]),
        ("35-stata-dta", "jawaban.dta", [2, 2, 0], [[4, None], [5, None]]),
    ],
)
def test_files_behind_public_reports(answers_of, folder, name, counts, found):
    got = answers_of(case(folder, name))
    assert (got[0], got[1][: len(found)]) == (counts, found)
