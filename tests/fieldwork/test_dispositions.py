"""One final code per person: answers first, then the most decisive event."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.fieldwork import final_dispositions, ineligible_reports, scored_items_answered
from spi_analysis.params import RoundSetup

AT = pd.Timestamp("2024-08-01")


@pytest.fixture
def items(setup: RoundSetup) -> list[str]:
    return [item.code for item in setup.instrument.items("expert")]


def response(items: list[str], person: str, answered: int, complete: bool = True, source: str = "expert") -> dict:
    codes = {item: (3.0 if i < answered else np.nan) for i, item in enumerate(items)}
    return {"person_id": person, "source": source, "completed_at": AT if complete else pd.NaT, **codes}


def final(
    setup: RoundSetup, events: list[tuple[str, str]], responses: list[dict] | None = None, source: str = "expert"
) -> dict:
    people = sorted({person for person, _ in events} | {r["person_id"] for r in responses or []} | {"nobody"})
    sample = pd.DataFrame({"person_id": people, "source": source})
    codes = final_dispositions(
        sample,
        pd.DataFrame(events, columns=["person_id", "event"]).assign(source=source),
        pd.DataFrame(responses or [], columns=None if responses else ["person_id", "source", "completed_at"]),
        setup.round.dispositions,
        setup.instrument,
    )
    return dict(zip(people, codes, strict=True))


@pytest.mark.parametrize(
    ("events", "code", "rationale"),
    [
        (["sent", "delivered", "read"], "NC", "reading is no refusal: non-contact"),
        (["sent", "delivered", "read", "started"], "R", "began and never sent off: a break-off"),
        (["refused", "started"], "R", "a refusal outranks the start"),
        (["opted_out", "delivered"], "R", "opting out is a refusal"),
        (["ineligible", "refused"], "NE", "ineligible is the most decisive of all"),
        (["sent", "completed"], "R", "completed, but no answers came: treated as a break-off"),
        (["invalid_number", "sent"], "NC", "a nominated expert stays eligible with a dead number"),
    ],
)
def test_most_decisive_event(setup: RoundSetup, events: list[str], code: str, rationale: str) -> None:
    assert final(setup, [("p", event) for event in events])["p"] == code, rationale
    assert final(setup, [("p", event) for event in reversed(events)])["p"] == code, "whatever the order of the log"


@pytest.mark.parametrize(("source", "code"), [("internal", "NC"), ("external", "UO"), ("expert", "NC")])
def test_dead_number_on_a_service_list_says_nothing_of_the_person(setup: RoundSetup, source: str, code: str) -> None:
    assert final(setup, [("p", "invalid_number")], source=source)["p"] == code
    assert final(setup, [("p", "sent")], source=source)["nobody"] == code, "no event at all counts as sent"


@pytest.mark.parametrize(
    ("answered", "complete", "code", "rationale"),
    [
        (6, True, "I", "everything answered and sent off"),
        (3, True, "I", "half of six answered and sent off"),
        (3, False, "P", "half answered, not sent off: partial"),
        (2, True, "R", "sent off with a third answered: break-off"),
        (0, True, "R", "an empty questionnaire is no interview"),
    ],
)
def test_answers_decide_first(
    setup: RoundSetup, items: list[str], answered: int, complete: bool, code: str, rationale: str
) -> None:
    got = final(setup, [("p", "started"), ("p", "refused")], [response(items, "p", answered, complete)])
    assert got["p"] == code, rationale


def test_ineligible_outranks_answers_where_the_rules_say_so(setup: RoundSetup, items: list[str]) -> None:
    told = [("p", "ineligible")]
    assert final(setup, told, [response(items, "p", 6)])["p"] == "NE"
    rules = setup.round.dispositions
    later = [e for e in rules.precedence if e != "ineligible"]
    later.insert(later.index("completed") + 1, "ineligible")
    codes = final_dispositions(
        pd.DataFrame({"person_id": ["p"], "source": ["expert"]}),
        pd.DataFrame(told, columns=["person_id", "event"]).assign(source="expert"),
        pd.DataFrame([response(items, "p", 6)]),
        rules.model_copy(update={"precedence": later}),
        setup.instrument,
    )
    assert codes.tolist() == ["I"]


def test_events_count_for_their_own_source_only(setup: RoundSetup) -> None:
    """An employee who is a service user too gets two invitations; refusing one is not refusing the other."""
    both = pd.DataFrame({"person_id": ["p", "p"], "source": ["internal", "external"]})
    events = pd.DataFrame(
        [("p", "internal", "refused"), ("p", "external", "read")], columns=["person_id", "source", "event"]
    )
    nothing = pd.DataFrame(columns=["person_id", "source", "completed_at"])
    codes = final_dispositions(both, events, nothing, setup.round.dispositions, setup.instrument)
    assert codes.tolist() == ["R", "NC"]


def test_answers_count_for_their_own_source_only(setup: RoundSetup, items: list[str]) -> None:
    got = final(setup, [("p", "started")], [response(items, "p", 6, source="internal")])
    assert got["p"] == "R", "the same person answered as an employee, not as an expert"


def test_dont_know_is_an_answer(setup: RoundSetup, items: list[str]) -> None:
    row = pd.DataFrame([response(items, "p", 2)])
    row[items[2]] = 8.0
    assert scored_items_answered(row, setup.instrument, "expert").tolist() == [0.5]


def test_no_response_at_all_needs_no_columns(setup: RoundSetup) -> None:
    assert final(setup, [("p", "started")]) == {"p": "R", "nobody": "NC"}


def test_a_lost_item_column_is_named(setup: RoundSetup, items: list[str]) -> None:
    row = pd.DataFrame([response(items, "p", 6)]).rename(columns={items[0]: "exp_ins1"})
    with pytest.raises(InputError, match="has no column") as caught:
        scored_items_answered(row, setup.instrument, "expert")
    assert "column exp_ins_1" in str(caught.value)
    assert "did you mean 'exp_ins1'?" in str(caught.value)


SENT_OFF = pd.Timestamp("2024-08-10 12:00")


def told(setup: RoundSetup, items: list[str], at: list[str], rule: str = "keep", **answer) -> tuple[str, tuple]:
    """The code of a person who answered on 10 August at noon and was called ineligible at these times."""
    sample = pd.DataFrame({"person_id": ["p"], "source": ["expert"]})
    events = pd.DataFrame({"person_id": "p", "source": "expert", "event": "ineligible", "at": pd.to_datetime(at)})
    responses = pd.DataFrame([response(items, "p", 6) | {"completed_at": SENT_OFF, "started_at": SENT_OFF} | answer])
    rules = setup.round.dispositions.model_copy(update={"ineligible_after_answers": rule})
    codes = final_dispositions(sample, events, responses, rules, setup.instrument)
    reports = ineligible_reports(sample.assign(disposition=codes), events, responses, rules, setup.instrument)
    return codes.item(), (reports.reported, reports.kept, reports.dropped)


@pytest.mark.parametrize(
    ("at", "rule", "code", "counted", "rationale"),
    [
        (["2024-08-20"], "keep", "I", (1, 1, 0), "moved away after answering: eligible on the day of the answer"),
        (["2024-08-20"], "drop", "NE", (1, 0, 1), "the round may say otherwise, and the page says how many"),
        (["2024-08-01"], "keep", "NE", (1, 0, 1), "known to be ineligible before anybody answered"),
        (["2024-08-20", "2024-08-01"], "keep", "NE", (1, 0, 1), "the first report counts"),
        ([], "keep", "I", (0, 0, 0), "nobody reported anything"),
    ],
)
def test_a_report_that_comes_after_the_answers_does_not_undo_them(
    setup: RoundSetup, items: list[str], at: list[str], rule: str, code: str, counted: tuple, rationale: str
) -> None:
    assert told(setup, items, at, rule) == (code, counted), rationale


def test_answers_without_a_time_cannot_be_shown_to_have_come_first(setup: RoundSetup, items: list[str]) -> None:
    begun = {"completed_at": pd.NaT}
    assert told(setup, items, ["2024-08-20"], **begun) == ("P", (1, 1, 0)), "broken off, but begun before the report"
    assert told(setup, items, ["2024-08-20"], **begun, started_at=pd.NaT) == ("NE", (1, 0, 1))


def test_too_few_answers_are_neither_kept_nor_dropped_by_a_report(setup: RoundSetup, items: list[str]) -> None:
    assert told(setup, items, ["2024-08-20"], **dict.fromkeys(items[:4], np.nan)) == ("NE", (1, 0, 0))


def test_reports_and_answers_count_for_their_own_source_only(setup: RoundSetup, items: list[str]) -> None:
    """An expert who is also listed as a user: ineligible as a user, answers as an expert."""
    people = pd.DataFrame({"person_id": ["p", "p"], "source": ["external", "expert"], "disposition": ["NE", "I"]})
    events = pd.DataFrame({"person_id": ["p"], "source": ["external"], "event": ["ineligible"]})
    reports = ineligible_reports(
        people, events, pd.DataFrame([response(items, "p", 6)]), setup.round.dispositions, setup.instrument
    )
    assert (reports.reported, reports.kept, reports.dropped) == (1, 0, 0)
