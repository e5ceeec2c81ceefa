"""Reminders: who is in a file, and who never is."""

import datetime as dt

import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.fieldwork.reminders import good_channels, next_reminder

TODAY = dt.date(2024, 8, 14)


@pytest.mark.parametrize(
    ("day", "expected", "rationale"),
    [
        ("2024-07-20", (1, 2), "before the start the first is next"),
        ("2024-08-18", (1, 2), "start 29 July, week 2 is 12 to 18 August: it is not over on its last day"),
        ("2024-08-19", (2, 4), "the day after"),
        ("2024-10-06", (4, 9), "week 9 is 30 September to 6 October"),
    ],
)
def test_the_reminder_that_is_due(setup, day, expected, rationale):
    assert next_reminder(setup.round.fieldwork, dt.date.fromisoformat(day)) == expected, rationale


def test_after_the_last_reminder_and_in_another_week_there_is_none(setup):
    with pytest.raises(InputError, match="all reminders of this round are over"):
        next_reminder(setup.round.fieldwork, dt.date(2024, 10, 7))
    with pytest.raises(InputError, match="week 3"):
        next_reminder(setup.round.fieldwork, TODAY, 3)
    assert next_reminder(setup.round.fieldwork, dt.date(2030, 1, 1), 6) == (3, 6)


def happened(*rows):
    columns = ["person_id", "event", "at", "channel"]
    table = pd.DataFrame(rows, columns=columns).assign(source="internal")
    return table.assign(at=pd.to_datetime(table["at"]))


PEOPLE = pd.DataFrame(
    {"person_id": ["a", "b", "c"], "source": "internal", "phone": ["+62811", "+62812", None],
     "email": ["a@example.org", None, "c@example.org"]}
)  # fmt: skip
NOTHING = pd.DataFrame({"person_id": [], "phone": [], "email": [], "at": pd.to_datetime([])})


@pytest.mark.parametrize(
    ("events", "phones", "rationale"),
    [
        ([], [True, True, False], "c has no number"),
        ([("a", "invalid_number", "2024-08-01", "whatsapp")], [False, True, False], "the number is dead"),
        ([("a", "invalid_number", "2024-08-01", "email")], [True, True, False], "the address is dead, not the number"),
        (
            [("a", "invalid_number", "2024-08-01", "whatsapp"), ("a", "delivered", "2024-08-03", "whatsapp")],
            [True, True, False],
            "it came through later",
        ),
        ([("a", "invalid_number", "2024-08-01", "telephone")], [False, True, False], "somebody else answers there"),
        ([("a", "invalid_number", "2024-08-01", "sms")], [False, True, False], "the same number"),
        ([("a", "invalid_number", "2024-08-01", "face_to_face")], [True, True, False], "no number was tried"),
        (
            [("a", "invalid_number", "2024-08-01", "whatsapp"), ("a", "delivered", "2024-08-03", "sms")],
            [False, True, False],
            "a number may take SMS and no WhatsApp",
        ),
        (
            [("a", "invalid_number", "2024-08-01", "telephone"), ("a", "read", "2024-08-03", "whatsapp")],
            [True, True, False],
            "it was read there since",
        ),
    ],
)
def test_a_channel_is_good_until_the_last_word_is_that_it_is_not(events, phones, rationale):
    assert good_channels(PEOPLE, happened(*events), NOTHING)["whatsapp"].tolist() == phones, rationale


@pytest.mark.parametrize(("day", "good"), [("2024-07-31", False), ("2024-08-01", True), ("2024-08-09", True)])
def test_a_new_number_makes_the_channel_good_again(day, good):
    """The number failed on 1 August at noon; what was heard up to the day of the new one is of the old one."""
    events = happened(("a", "invalid_number", "2024-08-01 12:00", "whatsapp"))
    new = pd.DataFrame({"person_id": ["a"], "phone": ["+62899"], "email": [None], "at": pd.to_datetime([day])})
    assert good_channels(PEOPLE, events, new)["whatsapp"].tolist() == [good, True, False]
