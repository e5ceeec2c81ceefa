import subprocess
import sys

import openpyxl
import pandas as pd
import pyreadstat
import pytest
import yaml

from spi_analysis.errors import ParameterError, StoreError
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from spi_analysis.tables.writer_lock import one_writer

CITY, OTHER = "kota-mojokerto", "kota-bengkulu"
HEADER = ["Token", "Status", "Waktu", "Kanal"]


@pytest.fixture
def tokens(setup, store, vault, write_xlsx, employees, draw_everyone):
    """Token of every sampled person of two institutions, by institution."""
    found = {}
    for institution in (CITY, OTHER):
        import_frame([write_xlsx(f"{institution}__internal.xlsx", employees)], setup, store, vault)
        people = draw_everyone(institution)["person_id"]
        found[institution] = link_tokens(people, "spi_2024", institution, "internal", vault.secret("link_token"))
    return found


@pytest.fixture
def bring(setup, store, vault):
    return lambda *files, **options: import_events(files, setup, store, vault, **options)


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("Terkirim", "sent"),
        ("diterima", "delivered"),
        ("DIBACA", "read"),
        ("Mulai", "started"),
        ("selesai", "completed"),
        ("menolak", "refused"),
        ("berhenti", "opted_out"),
        ("Nomor salah", "invalid_number"),
        ("opted_out", "opted_out"),
        ("tidak memenuhi syarat", "ineligible"),
    ],
)
def test_the_words_of_vendors(bring, write_csv, store, tokens, word, event):
    result = bring(write_csv("log.csv", [HEADER, [tokens[CITY][0], word, "29/07/2024 10:15", "WA"]]))
    assert result.counts["accepted"].tolist() == [1]
    row = store.read("events", CITY).iloc[0]
    assert (row["event"], row["channel"], row["at"]) == (event, "whatsapp", pd.Timestamp("2024-07-29 10:15"))


def test_what_cannot_be_used_is_turned_away_and_counted(bring, write_csv, write_xlsx, store, vault, tokens, setup):
    a, b = tokens[CITY][:2]
    rows = [
        HEADER,
        [a, "terkirim", "2024-07-29 10:15", "WA"],
        [a, "terkirim", "2024-07-29 10:15", "WhatsApp"],
        [f"https://contoh.id/?t={b.upper()}", "dibaca", "2024-07-30 10:15", None],
        [a, "melamun", "kapan", "WA"],
        ["aaaaaaaaaaaaaaaaaaaa", "dibaca", "2024-07-30", "WA"],
        [None, "dibaca", "2024-07-30", "WA"],
        [tokens[OTHER][0], "dibaca", "2024-07-30", "merpati"],
        [b, "selesai", "2025-01-01 08:00", "web"],
    ]
    result = bring(write_xlsx("log.xlsx", rows))
    counts = result.counts.set_index("institution_id")[["read", "accepted", "rejected", "flagged"]]
    assert counts.loc[CITY].tolist() == [5, 3, 2, 1]
    assert counts.loc[OTHER].tolist() == [1, 1, 0, 1]
    assert counts.loc[""].tolist() == [2, 0, 2, 0], "no token told whose these are"
    found = result.problems.set_index("row")["code"]
    assert found[3] == "repeated_event"
    assert sorted(found[5]) == ["unknown_event", "unreadable_time"], "all that is wrong with a row at once"
    assert found[6] == "unknown_token"
    assert found[7] == "missing_token"
    assert found[8] == "unknown_channel"
    assert found[9] == "time_outside_fieldwork"
    assert store.read("events", OTHER)["channel"].tolist() == ["whatsapp"], "the usual channel of a read message"
    assert len(vault.read_rejected("spi_2024", CITY, "events")) == 2
    assert len(vault.read_rejected("spi_2024", "unassigned", "events")) == 2
    for path in result.written:
        if path.suffix == ".xlsx":
            text = str([[cell.value for cell in row] for sheet in openpyxl.load_workbook(path) for row in sheet])
            assert a not in text, "a token opens a questionnaire; it is shown by its beginning only"
            assert b.upper() not in text


@pytest.mark.parametrize(
    ("written", "channel"),
    [
        ("Telepon", "telephone"),
        ("wawancara telepon", "telephone"),
        ("phone call", "telephone"),
        ("SMS", "sms"),
        ("Kunjungan langsung", "face_to_face"),
        ("tatap-muka", "face_to_face"),
        ("face to face", "face_to_face"),
    ],
)
def test_the_channels_of_interviewers_are_kept_as_they_are(bring, write_csv, store, tokens, written, channel):
    """Read as the questionnaire's site they would count for a message that nobody sent."""
    rows = [HEADER, [tokens[CITY][0], "menolak", "2024-08-05 10:15", written]]
    result = bring(write_csv("log.csv", rows))
    assert result.counts.set_index("institution_id").loc[CITY, ["accepted", "flagged"]].tolist() == [1, 0]
    assert store.read("events", CITY)["channel"].tolist() == [channel]


def test_a_log_sent_again_changes_nothing_and_a_new_one_adds(bring, write_csv, store, tokens):
    first = [HEADER, [tokens[CITY][0], "terkirim", "2024-07-29 10:15", "WA"]]
    bring(write_csv("1.csv", first))
    before = store.path("events", CITY).read_bytes()
    assert bring(write_csv("1.csv", first)).counts["accepted"].tolist() == [1]
    assert store.path("events", CITY).read_bytes() == before
    bring(write_csv("2.csv", [HEADER, [tokens[CITY][0], "dibaca", "2024-07-29 11:15", "WA"]]))
    assert store.read("events", CITY)["event"].tolist() == ["sent", "read"]


def test_tokens_of_another_institution_can_be_refused(bring, write_csv, store, tokens):
    rows = [
        HEADER,
        [tokens[CITY][0], "terkirim", "2024-07-29", "WA"],
        [tokens[OTHER][0], "terkirim", "2024-07-29", "WA"],
    ]
    result = bring(write_csv("log.csv", rows), institution=CITY)
    assert result.problems["code"].tolist() == ["token_of_another_institution"]
    assert not store.has("events", OTHER)
    with pytest.raises(ParameterError):
        bring(institution="kota-mojokreto")


def test_a_vendor_with_words_of_its_own(bring, write_csv, store, tokens, tmp_path):
    mapping = tmp_path / "vendor.yaml"
    mapping.write_text(yaml.safe_dump({"fields": {"token": ["kunci"]}, "events": {"read": ["centang biru"]}}))
    rows = [["Kunci", "Status", "Waktu"], [tokens[CITY][0], "Centang Biru", "2024-07-29"]]
    bring(write_csv("log.csv", rows), mapping=mapping)
    assert store.read("events", CITY)["event"].tolist() == ["read"]


def test_an_spss_log_with_value_labels(bring, store, tokens, tmp_path):
    data = pd.DataFrame({"token": tokens[CITY][:1], "status": [3.0], "waktu": pd.to_datetime(["2024-07-29 10:15:00"])})
    data["waktu"] = data["waktu"].astype("datetime64[ns]")
    pyreadstat.write_sav(data, str(tmp_path / "log.sav"), variable_value_labels={"status": {3.0: "Dibaca"}})
    bring(tmp_path / "log.sav")
    assert store.read("events", CITY)["event"].tolist() == ["read"]


def test_one_bad_file_does_not_lose_the_others(bring, write_csv, tokens, tmp_path):
    good = write_csv("good.csv", [HEADER, [tokens[CITY][0], "terkirim", "2024-07-29", "WA"]])
    bad = write_csv("bad.csv", [["Token", "Kanal", "Baterai"], ["x", "WA", "80"]])
    result = bring(good, bad, tmp_path / "none.csv")
    assert result.counts["accepted"].tolist() == [1]
    assert {problem.file for problem in result.failed} == {"bad.csv", "none.csv"}
    assert "event (such as" in result.failed[0].expected
    assert "at (such as" in result.failed[0].expected


def test_a_sheet_of_remarks_is_passed_over_and_told(bring, write_xlsx, tokens):
    rows = [HEADER, [tokens[CITY][0], "terkirim", "2024-07-29", "WA"]]
    result = bring(write_xlsx("log.xlsx", rows, Legenda=[["Laporan pengiriman"], ["centang dua berarti diterima"]]))
    assert result.counts["accepted"].tolist() == [1]
    assert result.problems[["sheet", "code"]].to_numpy().tolist() == [["Legenda", "sheet_skipped"]]


def test_impossible_times_are_turned_away_and_odd_ones_flagged(bring, write_csv, store, tokens):
    a = tokens[CITY][0]
    times = ["9999-12-31T23:59:59Z", "0001-01-01", "2024-08-01 10:00 +25:00", "2019-08-01 10:00", "Budi Contoh 0812"]
    result = bring(write_csv("log.csv", [HEADER, *([a, "terkirim", time, "WA"] for time in times)]))
    found = result.problems.set_index("row")["code"].to_dict()
    assert found == dict(zip(range(2, 7), [*["time_out_of_range"] * 3, "time_outside_fieldwork", "unreadable_time"],
                             strict=True))  # fmt: skip
    assert len(store.read("events", CITY)) == 1
    assert result.problems["value"].tolist()[-1] == "••••", "what is no time may be a person's name"


def problem_rows(setup, institution=CITY):
    path = setup.workspace.institution_outputs("spi_2024", institution) / "events_problems.xlsx"
    sheet = openpyxl.load_workbook(path)["Problems"]
    return [(row[0].value, row[2].value, row[7].value) for row in sheet.iter_rows(min_row=2)]


def test_the_next_import_keeps_what_was_turned_away_before(bring, write_csv, vault, tokens, setup):
    a, b = tokens[CITY][:2]
    first = write_csv("monday.csv", [HEADER, [a, "bogus", "2024-08-01", "WA"], ["none", "terkirim", "2024-08-01", ""]])
    second = write_csv("tuesday.csv", [HEADER, [b, "terkirim", "2024-08-02", "WA"], [b, "bogus", "2024-08-02", "WA"]])
    for file in (first, second, first, second):
        bring(file)
    kept = vault.read_rejected("spi_2024", CITY, "events")
    assert kept["file"].tolist() == ["monday.csv", "tuesday.csv"], "each row once, however often a file comes"
    assert kept["digest"].nunique() == 2
    assert len(vault.read_rejected("spi_2024", "unassigned", "events")) == 1
    assert problem_rows(setup) == [("monday.csv", 2, "unknown_event"), ("tuesday.csv", 3, "unknown_event")]
    grown = write_csv("monday.csv", [HEADER, [a, "bogus", "2024-08-01", "WA"], [a, "dibaca", "2024-08-03", "WA"]])
    bring(grown)
    assert len(vault.read_rejected("spi_2024", CITY, "events")) == 2, "a log that grew brings the same row again"
    assert len(problem_rows(setup)) == 2


def test_the_same_imports_give_the_same_bytes(bring, write_csv, tokens, setup, store):
    a = tokens[CITY][0]
    file = write_csv("log.csv", [HEADER, [a, "terkirim", "2024-08-01", "WA"], [a, "bogus", "2024-08-01", "WA"]])
    made = []
    for _ in range(2):
        written = bring(file).written
        record = store.root / "events_imports" / f"{CITY}.json"
        made.append([path.read_bytes() for path in (*sorted(written), record)])
    assert made[0] == made[1]


def test_two_imports_at_once_lose_nothing(bring, write_csv, store, tokens):
    file = write_csv("log.csv", [HEADER, [tokens[CITY][0], "terkirim", "2024-08-01", "WA"]])
    with one_writer(store.root.parent), pytest.raises(StoreError, match="is running"):
        bring(file)
    assert not store.has("events", CITY), "nothing was changed"
    bring(file)
    assert len(store.read("events", CITY)) == 1


def test_a_killed_import_leaves_no_lock(store):
    holder = "import sys, pathlib\nfrom spi_analysis.tables.writer_lock import one_writer\n"
    holder += "with one_writer(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    command = [sys.executable, "-c", holder, str(store.root.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StoreError), one_writer(store.root.parent):
            pass
        process.kill()
        process.wait()
    with one_writer(store.root.parent):
        pass


def test_every_row_that_holds_anything_is_counted(bring, write_csv, tokens):
    rows = [
        [*HEADER, "Baterai"],
        [tokens[CITY][0], "terkirim", "2024-08-01", "WA", "80", "beyond", "header"],
        ["", "", "", "", "only here"],
        ["", "", "", "", ""],
    ]
    result = bring(write_csv("log.csv", rows))
    assert result.counts[["read", "accepted", "rejected"]].sum().tolist() == [2, 1, 1]
    assert {"missing_token", "cells_beyond_header"} <= set(result.problems["code"])


def test_a_log_without_rows_is_told(bring, write_csv, tokens):
    result = bring(write_csv("log.csv", [HEADER]))
    assert result.problems["code"].tolist() == ["no_rows"]


@pytest.mark.parametrize("answers_first", [True, False])
def test_a_report_of_ineligibility_and_an_answer_are_flagged_whichever_comes_first(
    bring, write_csv, store, vault, setup, tokens, answers_first
):
    """Such a report may take somebody's answers out of the score: said at import, row by row and with its number."""
    a, b, c = tokens[CITY]
    log = write_csv("log.csv", [HEADER, [a, "pindah", "2024-08-20 10:00", "WA"], [a, "dibaca", "2024-08-01", "WA"],
                                [b, "terkirim", "2024-08-01", "WA"], [c, "pensiun", "2024-08-02", "WA"]])  # fmt: skip
    rows = [["token", "selesai", "int_tra_1"], *([token, "2024-08-10 10:00", "4"] for token in (a, b))]
    answers = write_csv("jawaban.csv", rows)

    def answer():
        return import_responses([answers], setup, store, vault)

    steps = [answer, lambda: bring(log)] if answers_first else [lambda: bring(log), answer]
    first, second = (step() for step in steps)
    codes = {"ineligible_but_answered", "answered_but_ineligible"}
    assert not codes & set(first.problems["code"]), "nothing to say yet"
    found = second.problems[second.problems["code"].isin(codes)]
    expected = ("ineligible_but_answered", 2) if answers_first else ("answered_but_ineligible", 2)
    assert found[["code", "row"]].to_numpy().tolist() == [list(expected)]
    assert second.counts["flagged"].tolist() == [1], "kept with a remark, not turned away"
    assert second.counts["rejected"].tolist() == [0]
