"""How the survey went: after how many messages people answered, whom none reached, who declined; never few people."""

from __future__ import annotations

import pandas as pd

from spi_analysis.stages.report import survey_course

START = pd.Timestamp("2024-08-01 10:00")


def _people(n: int) -> pd.DataFrame:
    return pd.DataFrame({"source": "internal", "person_id": [f"p{i}" for i in range(n)], "weight": 1.0})


def _events(people: pd.DataFrame, event: str, day: int) -> pd.DataFrame:
    return people[["source", "person_id"]].assign(event=event, at=START + pd.Timedelta(days=day))


def test_messages_before_the_answer_are_counted_by_the_day():
    """30 people; messages on days 0 (twice) and 14; 21 answer on day 1, 9 on day 20; 4 of nobody's business."""
    people = _people(30)
    answers = people[["source", "person_id"]].assign(started_at=pd.NaT, completed_at=START + pd.Timedelta(days=1))
    answers.loc[21:, "completed_at"] = START + pd.Timedelta(days=20)
    events = [_events(people, "sent", day) for day in (0, 0, 14)]
    events += [_events(people.head(12), "invalid_number", 0), _events(people.head(4), "refused", 3)]
    events += [_events(people.head(7), "opted_out", 4)]
    table = survey_course(people, pd.concat(events), answers, 10).set_index(["kind", "detail"])["number"]
    assert table["answered", "1"] == 20, "21, in tens"
    assert pd.isna(table["answered", "2"]), "nine are not told"
    assert table.loc["unreached"].tolist() == [10], "twelve, whose answers came all the same"
    assert table.loc["declined"].isna().all(), "seven, of whom four refused before they objected"


def test_whoever_does_not_count_is_not_among_those_who_answered():
    people = _people(12).assign(weight=0.0)
    answers = people[["source", "person_id"]].assign(started_at=START, completed_at=START)
    assert survey_course(people, _events(people, "delivered", 0), answers, 10).empty
