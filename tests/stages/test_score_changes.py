"""What rose, fell and stayed since the round before: dimensions and questions, from figures that both rounds show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.operations.demo import _write_last_round
from spi_analysis.params import RoundSetup
from spi_analysis.scores import clear_changes
from spi_analysis.stages.change import (
    PublishedFigure,
    earlier_figure,
    last_results,
    score_changes,
)
from spi_analysis.synthetic import make_city
from spi_analysis.tables import LAST_COLUMNS, RoundData, Store, last_results_path
from tests.stages.conftest import Round, elsewhere
from tests.stages.test_change import estimated, of, two_rounds
from tests.stages.town import TOWN

__all__ = ["two_rounds"]
SIZES = {"internal": 300, "external": 200, "expert": 13}


def _rows(measure: str, part: str, estimate: float, se: float, df: float, n: float) -> pd.DataFrame:
    row = {"measure": measure, "source": "internal", "part": part, "estimate": estimate, "se": se, "df_design": df}
    return pd.DataFrame([{**row, "n": n, "status": "shown", "reference_year": 2023, "institution_id": TOWN}])


def test_a_dimension_by_hand():
    """70 (3) against 66 (4): SE 5, and (9 + 16)² / (81/10 + 256/20) = 625 / 20.9 degrees of freedom."""
    now, before = (_rows("dimension_score", "budget", *given) for given in ((70, 3, 10, 40), (66, 4, 20, 30)))
    row = score_changes(now, before[LAST_COLUMNS], 0.95).iloc[0]
    assert (row["measure"], row["estimate"], row["se"], row["n"]) == ("dimension_change", 4, 5, 30)
    assert row["df_design"] == pytest.approx(625 / 20.9)
    assert row["ci_low"] < 0 < 4 < row["ci_high"] == pytest.approx(4 + 2.0424 * 5, abs=0.01), "t of 29.9 df is 2.042"


def test_a_question_that_everybody_answered_well_is_not_certain():
    """25 of 25: (25 + 1) / (25 + 2), so an SE of 100 sqrt(26/27 * 1/27 / 25); before that of the design, 6 points."""
    now, before = (_rows("item_favourable", "q", *given) for given in ((100, 0, 24, 25), (80, 6, 99, 100)))
    row = score_changes(now, before[LAST_COLUMNS], 0.95).iloc[0]
    assert row["measure"] == "item_change"
    assert row["se"] == pytest.approx((1e4 * 26 / 27 / 27 / 25 + 36) ** 0.5)


def test_what_one_round_does_not_show_has_no_change():
    now, before = (_rows("dimension_score", "budget", 70, 3, 10, 40).assign(status=s) for s in ("suppressed", "shown"))
    assert score_changes(now, before[LAST_COLUMNS], 0.95).empty
    assert score_changes(before, before[LAST_COLUMNS].assign(part="hr"), 0.95).empty


def test_all_changes_are_looked_at_together():
    """Three changes of 2, -3 and 1 SE, many df: two-sided p .0455, .0027, .317; times 3/2, 3/1 and 1: one is clear."""
    changes = pd.DataFrame({"estimate": [2.0, -3.0, 1.0], "se": 1.0, "df_design": np.inf})
    found = clear_changes(changes, "bh", 0.05)
    assert found["direction"].tolist() == ["down", "no_clear_change", "no_clear_change"]
    assert found["p_adjusted"].tolist() == pytest.approx([0.0081, 0.0683, 0.3173], abs=1e-4)
    assert clear_changes(changes.assign(estimate=[2.5, -3.0, 1.0]), "bh", 0.05)["direction"].tolist()[:2] == [
        "down",
        "up",
    ], "falls come first"


def test_the_round_before_in_the_store_is_compared_with(two_rounds) -> None:
    before, after = estimated(two_rounds, "spi_2023"), estimated(two_rounds, "spi_2024")
    rows = of(after, "dimension_change").set_index(["source", "part"])
    scores = [of(t, "dimension_score").set_index(["source", "part"])["estimate"] for t in (before, after)]
    assert len(rows) == len(scores[0])
    assert rows["estimate"].to_numpy() == pytest.approx((scores[1] - scores[0]).loc[rows.index].to_numpy())
    assert set(rows["status"]) == {"shown"}
    assert set(rows["reference_year"]) == {2023}


@pytest.fixture(scope="module")
def generated(setup: RoundSetup, tmp_path_factory: pytest.TempPathFactory) -> RoundSetup:
    place = elsewhere(setup, tmp_path_factory.mktemp("last"))
    _write_last_round(place, [make_city(place, TOWN, 5, sizes=SIZES)])
    return place


def test_the_generated_year_before_makes_the_index_that_was_published(generated: RoundSetup) -> None:
    """Mojokerto 2023: 78.37; weights of that year 0.3046, 0.3279 and 0.3675."""
    known = earlier_figure(load_round_of(generated))
    assert isinstance(known, PublishedFigure)
    parts = known.parts
    made = 0.3046 * parts["internal"] + 0.3279 * parts["external"] + 0.3675 * parts["expert"]
    assert made - parts["correction_conduct"] - parts["correction_facts"] == pytest.approx(78.37)
    assert known.index == 78.37, "the published index stays as it is"
    last = last_results(load_round_of(generated))
    scores = last[last["measure"] == "source_score"].set_index("source")
    assert {source: noise.variance for source, noise in known.noise.items()} == pytest.approx(
        (scores["se"].astype(float) ** 2).to_dict()
    ), "a source is as uncertain as where its dimensions are compared"


def test_a_source_changes_by_one_interval_wherever_it_stands(generated: RoundSetup, drawn: Round) -> None:
    """The part of the index, over its mean weight, has the errors of both years that the score itself has."""
    known = earlier_figure(load_round_of(generated))
    assert known is not None
    table = drawn.score(previous=known, history=None).estimates
    scores, parts = of(table, "source_score").set_index("source"), of(table, "change_source").set_index("part")
    weight = (known.weights["internal"] + drawn.setup.round.index.source_weights["internal"]) / 2
    variance = scores.loc["internal", "se"] ** 2 + known.noise["internal"].variance
    assert (parts.loc["internal", "se"] / weight) ** 2 == pytest.approx(variance)
    said = of(table, "index_previous_noise").iloc[0]
    expected = sum((known.weights[s] * one.variance**0.5) ** 2 for s, one in known.noise.items()) ** 0.5
    assert (said["part"], said["estimate"]) == ("own", pytest.approx(expected))


def test_a_generated_source_is_the_mean_of_its_dimensions_and_the_same_seed_gives_the_same_bytes(generated) -> None:
    table = last_results(load_round_of(generated))
    scores = table[table["measure"] == "source_score"].set_index("source")["estimate"]
    means = table[table["measure"] == "dimension_score"].groupby("source")["estimate"].mean()
    assert means.to_numpy() == pytest.approx(scores.loc[means.index].to_numpy(), abs=0.01), "weights are equal"
    dimensions = table[table["measure"] == "dimension_score"]["estimate"]
    assert dimensions.between(1, 99).all(), "a score of 100 would be everybody's best answer to everything"
    before = last_results_path(generated).read_bytes()
    _write_last_round(generated, [make_city(generated, TOWN, 5, sizes=SIZES)])
    assert last_results_path(generated).read_bytes() == before


def load_round_of(setup: RoundSetup):
    return RoundData(setup, Store(setup.workspace.data / "spi_2024"), setup.roster[TOWN])


def test_where_nothing_is_known_of_the_year_before_there_is_no_change(drawn: Round, tmp_path) -> None:
    empty = last_results(load_round_of(elsewhere(drawn.setup, tmp_path)))
    assert empty.empty
    table = drawn.score(last=empty).estimates
    assert table[table["measure"].isin(["dimension_change", "item_change"])].empty
