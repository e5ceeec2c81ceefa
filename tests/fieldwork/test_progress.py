"""Funnel, days and quota on a handful of people."""

import pandas as pd

from spi_analysis.fieldwork import daily_completes, funnel, log_against_answers, quota_progress

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
