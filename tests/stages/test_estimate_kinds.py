"""The estimates of a round: every part and domain is one of its kind, in the instrument, the round or the lists."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from spi_analysis.columns import MEASURES
from spi_analysis.params import CORRECTIONS
from spi_analysis.stages.change import PublishedFigure
from tests.stages.conftest import Round, side
from tests.stages.town import TOWN

PARTS = {"internal": 70.0, "external": 80.0, "expert": 60.0, "correction_conduct": 4.0, "correction_facts": 0.0}
# They make 65 points; what is published beyond them is unexplained.
WEIGHTS = {"internal": 0.3, "external": 0.3, "expert": 0.4}


def members(drawn: Round) -> dict[str, set[tuple[object, str]]]:
    """Kind -> source and code of everything that is of that kind, from where it is declared."""
    setup, frame = drawn.setup, drawn.frame
    instrument = setup.instrument.sources
    known = {
        "dimension": {(s, d.code) for s, part in instrument.items() for d in part.dimensions},
        "item": {(s, e.code) for s, part in instrument.items() for e in part.experiences}
        | {(s, item.code) for s in instrument for item in setup.instrument.items(s)}
        | {(s, code) for s in instrument for code in setup.instrument.module_codes(s)},
        "unit": set(frame[["source", "unit"]].dropna().itertuples(index=False, name=None)),
        "position_class": set(frame[["source", "position_class"]].dropna().itertuples(index=False, name=None)),
    }
    of_all = {
        "source": set(setup.round.sources),
        "correction": set(CORRECTIONS),
        "contribution": {"weights", "unexplained"},
        "category": {level.code for level in setup.round.categories.levels},
        "target": set(setup.targets.values(TOWN, setup.round.year)),
        "assumption": {"same_design", "model", "own"},
    }
    return known | {kind: {(None, code) for code in codes} for kind, codes in of_all.items()}


def require_one_meaning(table: pd.DataFrame, drawn: Round) -> None:
    known, round_ = members(drawn), drawn.setup.round
    # The town's earlier round is its round a second time, so of the same year.
    years = {round_.previous_year, round_.year}
    for row in table.astype(object).where(table.notna(), None).itertuples():
        declared = MEASURES[row.measure]
        assert row.part_kind in declared.parts
        assert row.part is None if row.part_kind == "whole" else (row.source, row.part) in known[row.part_kind]
        assert row.domain_kind == declared.domain
        assert row.domain is None if row.domain_kind == "all" else (row.source, row.domain) in known[row.domain_kind]
        assert (row.source in round_.sources) if declared.has_source else row.source is None
        assert row.denominator in ({"respondents", "contacts"} if declared.has_denominator else {None})
        assert row.reference_year in (years if declared.has_reference_year else {None})


def asked_indirectly(responses: pd.DataFrame) -> pd.DataFrame:
    """The answers with an arm for every third user, and answers to its questions that go round."""
    users = responses["source"] == "external"
    place = users.cumsum().where(users)
    arm = (place % 3).map({0.0: "list_short", 1.0: "list_long", 2.0: "crosswise"})
    climate = dict.fromkeys(("ext_clm_knew", "ext_clm_told", "ext_clm_would"), place % 2)
    lists = {"ext_lst_short": place % 4, "ext_lst_long": place % 5, "ext_cross": place % 2}
    return responses.assign(arm=arm, **lists, **climate)


def shown_before(drawn: Round) -> pd.DataFrame:
    """The round's own figures, as those of the year before."""
    return drawn.score(previous=None).estimates.query("status == 'shown'").assign(reference_year=2023)


# What the round is compared with: nothing, a published index, its parts too, the answers of an earlier round.
AGAINST: dict[str, Callable[[Round, Round], pd.DataFrame]] = {
    "nothing": lambda drawn, again: drawn.score(previous=None).estimates,
    "indirectly": lambda drawn, again: drawn.score(responses=asked_indirectly(drawn.responses)).estimates,
    "index": lambda drawn, again: drawn.score(previous=PublishedFigure(2023, 65.0)).estimates,
    "parts": lambda drawn, again: drawn.score(previous=PublishedFigure(2023, 66.0, PARTS, WEIGHTS)).estimates,
    "answers": lambda drawn, again: again.score(earlier=side(drawn), last=shown_before(drawn)).estimates,
}


@pytest.fixture(scope="module")
def tables(drawn: Round, again: Round) -> dict[str, pd.DataFrame]:
    return {name: against(drawn, again) for name, against in AGAINST.items()}


@pytest.mark.parametrize("name", AGAINST)
def test_every_column_has_one_meaning(name: str, tables: dict[str, pd.DataFrame], drawn: Round) -> None:
    require_one_meaning(tables[name], drawn)


def test_no_measure_was_left_out(tables: dict[str, pd.DataFrame]) -> None:
    """But the model's scores: they are rows of ``unit_score`` with other figures, and the town has too few units.

    And the change of a component: the index of this round has none. And what is told of experts drawn from a list:
    those of this town are a panel (``tests/stages/test_drawn_experts.py`` has such a town).
    """
    found = {measure for table in tables.values() for measure in table["measure"]}
    assert set(MEASURES) - found == {
        "unit_score_model",
        "change_component",
        "index_panel_reading",
        "nominator_difference",
    }
