"""Funnel, days and quota on a handful of people."""

import datetime as dt

import pandas as pd

from spi_analysis.fieldwork import (
    contact_states,
    daily_completes,
    forecast_answers,
    funnel,
    log_against_answers,
    quota_progress,
)

SAMPLE = pd.DataFrame({"person_id": list("abcd"), "source": ["x", "x", "x", "y"]})


def with_source(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(source=events["person_id"].map(SAMPLE.set_index("person_id")["source"]))


def test_each_stage_includes_the_later_ones() -> None:
    events = pd.DataFrame(
        [("a", "sent"), ("a", "completed"), ("b", "delivered"), ("b", "sent"), ("b", "refused"), ("d", "read")],
        columns=["person_id", "event"],
    )
    table = funnel(SAMPLE, with_source(events), ["source"])
    assert table.loc["x"].tolist() == [3, 2, 2, 1, 1, 1], (
        "a completed without a logged start has started; c has no event"
    )
    assert table.loc["y"].tolist() == [1, 1, 1, 1, 0, 0]


ANSWERS = pd.DataFrame(
    [("a", "x", "2024-08-01"), ("b", "x", None), ("d", "y", "2024-08-02"), ("z", "x", "2024-08-02")],
    columns=["person_id", "source", "completed_at"],
).astype({"completed_at": "datetime64[ns]"})


def test_answers_count_whether_or_not_the_log_knows_of_them() -> None:
    """The log ends with "read", or with "started": a sent answers off, b broke off, c only read, z is no one's."""
    log = pd.DataFrame([(p, "read") for p in "abcd"], columns=["person_id", "event"])
    table = funnel(SAMPLE, with_source(log), ["source"], ANSWERS)
    assert table.loc["x"].tolist() == [3, 3, 3, 3, 2, 1]
    assert table.loc["y"].tolist() == [1, 1, 1, 1, 1, 1]
    none = with_source(log).iloc[:0]
    assert funnel(SAMPLE, none, ["source"], ANSWERS).loc["x"].tolist() == [3, 2, 2, 2, 2, 1], "no log at all"


def test_completed_without_answers_is_a_start() -> None:
    """As for dispositions: of c, logged as completed, nothing was sent off; b broke off, whatever is logged."""
    log = with_source(pd.DataFrame([(p, "completed") for p in "abc"], columns=["person_id", "event"]))
    assert funnel(SAMPLE, log, ["source"], ANSWERS).loc["x"].tolist() == [3, 3, 3, 3, 3, 1]
    odd = log_against_answers(SAMPLE, log, ANSWERS)
    assert odd.loc["x"].tolist() == [0, 2], "b and c are logged as completed only"
    assert odd.loc["y"].tolist() == [1, 0], "d sent answers off and is not logged; z is in no sample"


def test_events_of_people_outside_the_sample_do_not_count() -> None:
    events = pd.DataFrame([("z", "x", "completed"), ("a", "y", "completed")], columns=["person_id", "source", "event"])
    assert funnel(SAMPLE, events, ["source"])["completed"].sum() == 0, "nor what a person did for another source"


def test_every_day_between_is_there_and_days_add_up() -> None:
    times = pd.to_datetime(["2024-08-01 23:59", "2024-08-04 00:00", None, "2024-08-04 12:00"])
    table = daily_completes(SAMPLE, pd.DataFrame({"source": ["x", "x", "x", "y"], "completed_at": times}))
    assert [str(day.date()) for day in table.index] == [f"2024-08-0{d}" for d in (1, 2, 3, 4)]
    assert table["x"].tolist() == [1, 1, 1, 2]
    assert table["y"].tolist() == [0, 0, 0, 1]


def test_no_complete_yet_is_an_empty_table_with_the_groups() -> None:
    table = daily_completes(SAMPLE, pd.DataFrame({"source": ["x"], "completed_at": [pd.NaT]}))
    assert list(table.columns) == ["x", "y"]
    assert table.empty


def test_quota_of_nothing_has_no_share() -> None:
    table = quota_progress(pd.Series({"x": 30, "y": 5}), pd.Series({"x": 40, "z": 10, "y": 0}))
    assert table.loc["x", "share"] == 0.75
    assert pd.isna(table.loc["y", "share"])
    assert table.loc["z", "completes"] == 0, "a source without any answer is there all the same"


def states_of(answered, *rows):
    people = pd.DataFrame({"source": "internal", "person_id": list("abcdef")})
    events = pd.DataFrame(rows, columns=["person_id", "event"]).assign(source="internal")
    return contact_states(people, events, people["person_id"].isin(list(answered))).tolist()


def test_the_state_of_a_person_is_the_most_telling_word():
    """a answered; b's number failed and a message came through later; c's failed; d refused; e only got one sent."""
    rows = [("a", "opted_out"), ("b", "invalid_number"), ("b", "delivered"), ("c", "sent"), ("c", "invalid_number"),
            ("d", "read"), ("d", "refused"), ("e", "sent")]  # fmt: skip
    expected = ["answered", "silent", "wrong_number", "refused", "not_reached", "not_reached"]
    assert states_of("a", *rows) == expected


def test_completed_in_the_log_without_answers_is_broken_off():
    assert states_of("", ("a", "completed"))[0] == "broken_off"


FIELDWORK_END = dt.date(2024, 10, 20)


def answer_days(setup, weekly):
    """So many answers in each week of fieldwork, on its second day."""
    start = pd.Timestamp(setup.round.fieldwork.start)
    return pd.Series([start + pd.Timedelta(days=7 * week + 1) for week, n in weekly.items() for _ in range(n)])


def test_a_forecast_before_the_first_answer_and_after_the_end(setup):
    fieldwork, nobody = setup.round.fieldwork, answer_days(setup, {})
    assert forecast_answers(nobody, 1000, fieldwork, dt.date(2024, 8, 5), 0.95) is None
    done = forecast_answers(answer_days(setup, {0: 30, 2: 10}), 1000, fieldwork, FIELDWORK_END, 0.95)
    assert (done.estimate, done.low, done.high) == (40, 40, 40)


def test_a_forecast_counts_on_the_reminders_to_come(setup):
    """200, 0, 80, 0 in the first four weeks of 2,000; reminders of about 80 follow in weeks 4, 6 and 9: 520 in all."""
    days = answer_days(setup, {0: 200, 1: 2, 2: 80, 3: 1})
    found = forecast_answers(days, 2000, setup.round.fieldwork, dt.date(2024, 8, 25), 0.95)
    assert found.low < 520 < found.high
    assert 430 < found.estimate < 600
    without = setup.round.fieldwork.model_copy(update={"reminder_weeks": [2]})
    fewer = forecast_answers(days, 2000, without, dt.date(2024, 8, 25), 0.95)
    assert fewer.estimate < 300, "nothing more is sent"
    assert fewer.high <= 2000


def test_a_forecast_never_exceeds_the_invited(setup):
    found = forecast_answers(answer_days(setup, {0: 45}), 50, setup.round.fieldwork, dt.date(2024, 8, 3), 0.95)
    assert 45 <= found.low <= found.estimate <= found.high <= 50
