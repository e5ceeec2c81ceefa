"""Reliability and other weights of the town: from shown parts only, and the declared weights give the score itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.scores.consistency import cronbach_alpha, weighted_covariance
from spi_analysis.stages.score import Scored
from tests.stages.conftest import Round


def test_every_dimension_has_its_alpha(scored: Scored, drawn: Round) -> None:
    dimensions = [(s, d.code) for s, part in drawn.setup.instrument.sources.items() for d in part.dimensions]
    table = scored.reliability
    assert list(zip(table["source"], table["dimension"], strict=True)) == dimensions
    shown = table[table["status"] == "shown"]
    assert len(shown) > 0
    assert shown[["estimate", "se", "ci_low", "ci_high", "n", "effective_n", "level"]].notna().all(axis=None)
    assert (shown["n"] >= 10).all()


def test_alpha_the_long_way(scored: Scored, drawn: Round) -> None:
    """Answers on a scale of 1 to 6, turned where "often" is bad; final weights; people without a gap."""
    dimension = drawn.setup.instrument.sources["internal"].dimensions[1]
    weights = drawn.weighted.weights.query("source == 'internal' and weight > 0").set_index("person_id")["weight"]
    answers = drawn.responses.set_index("person_id").loc[weights.index, [item.code for item in dimension.items]]
    turned = answers.where(answers <= 6)
    for item in dimension.items:
        turned[item.code] = turned[item.code] if item.direction == "positive" else 7 - turned[item.code]
    whole = turned.dropna()
    alpha = cronbach_alpha(weighted_covariance(whole.to_numpy(), weights[whole.index].to_numpy()[:, None]))[0]
    row = scored.reliability.set_index("dimension").loc["duty_integrity"]
    assert row["estimate"] == pytest.approx(alpha)
    assert row["n"] == len(whole)


def test_declared_weights_give_the_source_score(scored: Scored) -> None:
    table = scored.dimension_weights
    scores = scored.estimates.query("measure == 'source_score'").set_index("source")
    for source in ("internal", "external"):
        declared = table[(table["source"] == source) & (table["method"] == "declared")]
        assert declared["estimate"].iloc[0] == pytest.approx(scores.loc[source, "estimate"])
        assert declared["se"].iloc[0] == pytest.approx(scores.loc[source, "se"])
    assert table.groupby(["source", "method"])["weight"].sum().to_numpy() == pytest.approx(1)
    assert "expert" not in set(table["source"]), "one dimension has nothing to weigh"


def test_nothing_of_a_withheld_result(drawn: Round) -> None:
    inputs = drawn.setup.inputs["kota-mojokerto"]
    scored = drawn.score(inputs=inputs.model_copy(update={"release": "withheld", "withheld_reason": "conduct"}))
    assert scored.reliability.empty
    assert scored.dimension_weights.empty


def test_few_whole_answers_are_not_shown(drawn: Round) -> None:
    """All but nine employees leave out one item of a dimension: its score stands, its alpha does not."""
    responses = drawn.responses.copy()
    item = drawn.setup.instrument.sources["internal"].dimensions[0].items[0].code
    of_source = np.flatnonzero(responses["source"] == "internal")
    responses.loc[responses.index[of_source[9:]], item] = np.nan
    scored = drawn.rescored(responses=responses)
    row = scored.reliability.set_index("dimension").loc["transparency"]
    assert row["status"] == "suppressed"
    assert pd.isna(row[["estimate", "n", "omega"]]).all()
