"""One final code per person: answers first, then the most decisive event."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.fieldwork import final_dispositions, scored_items_answered
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
