"""Priority areas in the order of their evidence; adjusted p-values against statsmodels and by repeated draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from spi_analysis.errors import EstimationError
from spi_analysis.scores.priority_areas import adjusted_p, find_priority_areas


def estimate(
    measure: str, source: str, name: str | None, value: float, se: float, **other: object
) -> dict[str, object]:
    place = "part" if measure == "dimension_score" else "domain"
    figures = {"estimate": value, "se": se, "ci_low": value - 2 * se, "ci_high": value + 2 * se, "df_design": 20.0}
    row = {"measure": measure, "source": source, "part": None, "domain": None, "level": 0.95, "n": 30.0}
    return row | {place: name, "effective_n": 25.0, "status": "shown"} | figures | other


TABLE = pd.DataFrame(
    [
        estimate("source_score", "internal", None, 70, 1),
        estimate("dimension_score", "internal", "budget", 60, 10),
        estimate("dimension_score", "internal", "hr", 69, 1),
        estimate("dimension_score", "internal", "open", 80, 1),
        estimate("dimension_score", "expert", "whole", 40, 1, status="suppressed"),
        estimate("unit_score", "internal", "Dinas A", 62, 3),
        estimate("unit_difference", "internal", "Dinas A", -8, 2),
        estimate("unit_score", "internal", "Dinas B", 71, 3),
        estimate("unit_difference", "internal", "Dinas B", 1, 2),
        estimate("class_score", "internal", "staff", 66, 3),
        estimate("class_difference", "internal", "staff", -4, 2, df_design=0.0),
    ]
)


def test_order_is_that_of_the_evidence_not_of_the_scores() -> None:
    table = find_priority_areas(TABLE, 73, "bh", 0.1)
    below = table[table["difference"] < 0]
    assert below["part"].tolist() == ["hr", "Dinas A", "", "budget"], "60 +- 10 is weaker evidence than 69 +- 1"
    assert below["score"].tolist() == [69, 62, 70, 60]
    assert below["difference"].tolist() == [-4, -8, -3, -13]


def test_one_family_by_hand() -> None:
    """Six parts, four compared with the threshold and two units: the two smallest p-values are alike, p 6/2 each."""
    table = find_priority_areas(TABLE, 73, "bh", 0.1).set_index("part")
    assert table.loc["hr", "p_value"] == pytest.approx(student.cdf(-4, 20))
    assert table.loc["hr", "p_adjusted"] == pytest.approx(3 * student.cdf(-4, 20))
    assert table.loc["Dinas A", "p_adjusted"] == pytest.approx(3 * student.cdf(-4, 20))
    assert table.loc["budget", "is_clear"] == (table.loc["budget", "p_adjusted"] <= 0.1)
    assert table.loc["hr", ["ci_low", "ci_high"]].tolist() == [-6, -2], "the interval of the score, from the threshold"


def test_a_source_of_one_dimension_is_not_counted_twice() -> None:
    """The panel's one dimension is its score; a source whose dimensions are hidden is there for itself."""
    panel = [estimate("source_score", "expert", None, 60, 2), estimate("dimension_score", "expert", "whole", 60, 2)]
    table = find_priority_areas(pd.DataFrame(panel), 73, "bh", 0.1)
    assert table[["kind", "part"]].to_numpy().tolist() == [["dimension", "whole"]]
    hidden = pd.DataFrame(panel).assign(status=["shown", "suppressed"])
    assert find_priority_areas(hidden, 73, "bh", 0.1)["kind"].tolist() == ["source"]


@pytest.mark.long
def test_an_institution_without_weak_parts_has_one_called_clear_as_seldom_as_said() -> None:
    """Three sources, ten dimensions, twelve units, four classes, all exactly at their measure; 600 institutions.

    Where nothing is weak every part called clear is a false alarm, so in at most a tenth of them is there any.
    """
    kinds = ["source_score"] * 3 + ["dimension_score"] * 10 + ["unit_difference"] * 12 + ["class_difference"] * 4
    level = np.array([73.0] * 13 + [0.0] * 16)
    rng, alarms = np.random.default_rng(7), 0
    blank = pd.DataFrame([estimate(kind, "internal", f"{i}", 0, 1) for i, kind in enumerate(kinds)])
    for _ in range(600):
        table = find_priority_areas(blank.assign(estimate=level + rng.standard_t(20, len(level))), 73, "bh", 0.1)
        alarms += bool(table["is_clear"].any())
    assert alarms / 600 < 0.1 + 3 * np.sqrt(0.09 / 600), "three families by themselves: over a quarter"
    assert alarms / 600 > 0.05


def test_hidden_parts_and_parts_without_an_error_take_no_part() -> None:
    parts = set(find_priority_areas(TABLE, 73, "bh", 0.1)["part"])
    assert parts == {"", "budget", "hr", "open", "Dinas A", "Dinas B"}


def test_nothing_shown_is_an_empty_table() -> None:
    assert find_priority_areas(TABLE.assign(status="withheld"), 73, "bh", 0.1).empty


@settings(max_examples=30)
@given(
    p=st.lists(st.floats(0, 1), min_size=1, max_size=12), method=st.sampled_from([("bh", "fdr_bh"), ("holm", "holm")])
)
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float], method: tuple[str, str]) -> None:
    expected = multipletests(p, method=method[1])[1]
    np.testing.assert_allclose(adjusted_p(np.array(p), method[0]), expected, rtol=1e-12, atol=1e-300)


def test_unknown_adjustment_is_explained() -> None:
    with pytest.raises(EstimationError, match="did you mean 'holm'"):
        adjusted_p(np.array([0.1]), "holme")


def test_false_alarms_are_kept_to_the_rate() -> None:
    """Of 12 units 9 are like the rest, 3 are 2.5 errors below: at most 10 % false alarms among those called clear."""
    rng = np.random.default_rng(1)
    true = np.array([0.0] * 9 + [-2.5] * 3)
    shares = []
    for _ in range(400):
        p = student.cdf(true + rng.standard_t(60, 12), 60)
        clear = adjusted_p(p, "bh") <= 0.1
        shares.append((clear & (true == 0)).sum() / max(clear.sum(), 1))
    assert np.mean(shares) <= 0.1
    assert np.mean(shares) > 0.03, "and not by never calling anything clear"


def test_what_peers_reach_takes_the_place_of_the_threshold() -> None:
    """External scores of 85 are no weakness against 73, but one against peers at 90; a part without peers keeps 73."""
    figures = {"se": 1.0, "ci_low": 83.0, "ci_high": 87.0, "level": 0.95, "df_design": 100.0, "n": 200.0}
    rows = [
        {"measure": "source_score", "source": "external", "part": None, "estimate": 85.0},
        {"measure": "dimension_score", "source": "internal", "part": "hr", "estimate": 85.0},
    ]
    table = pd.DataFrame([row | figures | {"domain": None, "status": "shown", "effective_n": 200.0} for row in rows])
    assert not find_priority_areas(table, 73, "bh", 0.1)["is_clear"].any()
    found = find_priority_areas(table, 73, "bh", 0.1, {("external", ""): 90.0}).set_index("source")
    assert found["yardstick"].to_dict() == {"external": 90.0, "internal": 73.0}
    assert found["difference"].to_dict() == {"external": -5.0, "internal": 12.0}
    assert found["is_clear"].to_dict() == {"external": True, "internal": False}
