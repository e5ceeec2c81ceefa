"""Delivery logs in the shape of each platform (docs/platforms.md): by telephone number, wide, with error codes.

Expected events are read off the files of tests/tables/exports by hand; all people and numbers are made up.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.frame import import_frame
from tests.tables.cases import case, with_tokens

CITY = "kota-mojokerto"
EXPORTS = Path(__file__).with_name("exports")


@pytest.fixture
def who(setup, store, vault, write_csv, draw_everyone):
    """Five people of a list, all drawn, in the order of their numbers."""
    people = [f"Orang {x};19850315201001100{i};Staf;Dinas Sosial;08120000000{i}" for i, x in enumerate("ABCDE", 1)]
    rows = [line.split(";") for line in ["Nama;NIP;Jabatan;Unit Kerja;No HP", *people]]
    import_frame([write_csv(f"{CITY}__internal.csv", rows)], setup, store, vault)
    draw_everyone(CITY)
    contacts = vault.read_contacts("spi_2024", CITY, "internal").sort_values("phone")
    return contacts["person_id"].tolist()


@pytest.fixture
def events_of(who, setup, store, vault, tmp_path):
    """Import a log: counts, the events of each person in time, the issues by row."""
    tokens = link_tokens(who, "spi_2024", CITY, "internal", vault.secret("link_token"))
    (tmp_path / "theirs").mkdir()

    def events_of(path):
        result = import_events([with_tokens(path, tokens, tmp_path / "theirs")], setup, store, vault)
        assert not result.failed
        kept = store.read("events", CITY)
        happened = [
            [
                f"{at:%d %H:%M:%S} {event}"
                for at, event in kept.loc[kept["person_id"] == person, ["at", "event"]].to_numpy()
            ]
            for person in who
        ]
        counts = result.counts[["read", "accepted", "rejected"]].sum()
        assert counts["read"] == counts["accepted"] + counts["rejected"], "nothing is lost"
        turned_away = result.problems.query("severity == 'rejected'")
        assert not result.problems["value"].fillna("").str.contains("8120000000").any(), "numbers are masked"
        return counts.tolist(), happened, turned_away.groupby("row")["code"].first().to_dict()

    return events_of


def test_kaleyra_a_column_per_event(events_of):
    counts, happened, rejected = events_of(EXPORTS / "kaleyra.csv")
    assert counts == [8, 5, 3]
    assert happened == [
        ["01 08:00:01 sent", "01 08:00:05 delivered", "02 01:30:00 read"],
        [],
        ["01 08:00:01 sent", "01 08:00:03 invalid_number"],
        [],
        [],
    ], "the times are UTC; a template that does not fit is no wrong number"
    assert rejected == {3: "message_not_sent", 5: "inbound_message", 6: "unknown_phone"}


def test_twilio_by_number_with_error_codes(events_of):
    counts, happened, rejected = events_of(EXPORTS / "twilio.csv")
    assert counts == [6, 3, 3]
    assert happened == [["01 08:00:01 read"], [], ["01 08:00:03 invalid_number"], [], ["01 11:00:00 opted_out"]]
    assert rejected == {3: "message_not_sent", 5: "unknown_error", 6: "inbound_message"}


def test_whatsapp_statuses_by_number_or_token(events_of):
    counts, happened, rejected = events_of(EXPORTS / "whatsapp_cloud.csv")
    assert counts == [6, 5, 1]
    assert happened[0] == ["01 10:00:00 sent", "01 10:00:05 delivered", "01 10:01:40 read"]
    assert happened[1:] == [[], ["01 10:00:02 opted_out"], ["01 10:00:03 invalid_number"], []]
    assert rejected == {5: "message_not_sent"}, "found by the token, though the number is another"


def test_qontak_words_of_failures(events_of):
    counts, happened, rejected = events_of(EXPORTS / "qontak.csv")
    assert counts == [3, 2, 1]
    assert happened[:3] == [["01 08:00:05 delivered"], ["01 08:00:06 invalid_number"], []]
    assert rejected == {4: "message_not_sent"}


def test_limesurvey_participants(events_of, setup, store):
    counts, happened, rejected = events_of(EXPORTS / "limesurvey_participants.csv")
    assert counts == [5, 4, 1]
    assert happened[:3] == [["01 08:00:00 sent", "15 08:00:00 sent", "16 09:30:00 completed"], ["01 08:00:00 sent"], []]
    assert rejected == {4: "unknown_event"}, "a row to whom nothing happened is said, not lost"
    said = store.read_record("events_imports", CITY)
    codes = [problem["code"] for entry in said.values() for problem in entry["problems"]]
    assert "opted_out_there" in codes


def test_a_number_of_two_people_is_nobody_s(events_of, who, setup, store, vault, write_csv):
    contacts = vault.read_contacts("spi_2024", CITY, "internal")
    contacts.loc[contacts["person_id"] == who[1], "phone"] = "+6281200000001"
    vault.write_contacts("spi_2024", CITY, "internal", contacts)
    rows = [
        ["phone", "status", "timestamp"],
        ["081200000001", "read", "2024-08-01 10:00"],
        ["081200000003", "read", "2024-08-01 10:00"],
    ]
    counts, happened, rejected = events_of(write_csv("log.csv", rows))
    assert counts == [2, 1, 1]
    assert rejected == {2: "phone_of_several"}
    assert happened == [[], [], ["01 10:00:00 read"], [], []]


def test_log_behind_a_public_report(events_of):
    counts, happened, _ = events_of(case("29-whatsapp-log-epoch", "log.csv"))
    assert counts == [4, 4, 0]
    assert happened[0] == ["01 10:00:00 sent", "01 10:00:05 delivered", "01 10:01:40 read"]
    assert happened[1] == ["01 10:00:01 invalid_number"], "a failure of which no cause is given"


@pytest.mark.parametrize(
    ("code", "event", "turned_away"),
    [
        ("63014", "opted_out", {}),
        ("21610", "opted_out", {}),
        ("131050", "opted_out", {}),
        ("63003", "invalid_number", {}),
        ("30006", "invalid_number", {}),
        ("131026", "invalid_number", {}),
        ("30003", "", {2: "message_not_sent"}),
        ("63023", "", {2: "message_not_sent"}),
        ("131049", "", {2: "message_not_sent"}),
        ("99999", "", {2: "unknown_error"}),
    ],
)
def test_what_an_error_code_tells_of_the_person(events_of, write_csv, code, event, turned_away):
    """As the documents of the platforms say (docs/platforms.md); a code that is not there is asked about."""
    other = ["081200000002", "replied", "2024-08-01 10:00", ""]
    rows = [["phone", "status", "timestamp", "error code"], ["081200000001", "failed", "2024-08-01 10:00", code], other]
    _, happened, rejected = events_of(write_csv("log.csv", rows))
    assert happened[:2] == [[f"01 10:00:00 {event}"] if event else [], ["01 10:00:00 read"]]
    assert rejected == turned_away
