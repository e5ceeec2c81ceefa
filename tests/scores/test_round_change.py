"""Change between two rounds of answers: contributions by hand, which sum exactly; errors with and without overlap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.scores.change import IndexRule, SourcePair, SourceRound, change_between

NO_SE: dict[str, float] = {}
W1 = {"internal": 0.3, "external": 0.3, "expert": 0.4}
W2 = {"internal": 0.4, "external": 0.3, "expert": 0.3}


def source_round(scores: dict[str, float], se: float, df: float = 20.0, n: float = 50.0) -> SourceRound:
    names = list(scores)
    shares = pd.Series(1 / len(names), names)
    return SourceRound(pd.Series(scores), np.eye(len(names)) * se**2, shares, df, n, n / 2)


def pair(before: dict[str, float], after: dict[str, float], se: float = 1.0, correlation: float = 0.0) -> SourcePair:
    between = np.eye(len(before), len(after)) * correlation * se**2
    return SourcePair(source_round(before, se), source_round(after, se), between)


PAIRS = {
    "internal": pair({"open": 60.0, "fair": 70.0}, {"open": 64.0, "fair": 70.0}),
    "external": pair({"service": 80.0}, {"service": 78.0}),
    "expert": pair({"whole": 50.0}, {"whole": 60.0}, se=5.0),
}
SAME = IndexRule(W1, {"correction_conduct": 3.0}, NO_SE)


def contributions(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    names = table["part"].fillna("")
    return dict(zip(zip(table["kind"], names, strict=True), table["estimate"], strict=True))


def test_contributions_by_hand() -> None:
    after = IndexRule(W1, {"correction_conduct": 2.0, "correction_facts": 0.5}, NO_SE)
    got = contributions(change_between(PAIRS, SAME, after, 0.95))
    assert got["dimension", "open"] == pytest.approx(0.15 * 4), "half of 0.3, times 4 points"
    assert got["dimension", "fair"] == 0
    assert got["source", "internal"] == pytest.approx(0.6)
    assert got["source", "external"] == pytest.approx(-0.6)
    assert got["source", "expert"] == pytest.approx(4)
    assert (got["correction", "correction_conduct"], got["correction", "correction_facts"]) == (1, -0.5)
    assert got["weights", "weights"] == 0
    assert got["index", ""] == pytest.approx(0.6 - 0.6 + 4 + 1 - 0.5)


def test_change_of_weights_has_a_bar_of_its_own() -> None:
    """Mean scores of the two rounds: internal 66, expert 55; weights +0.1 and -0.1."""
    got = contributions(change_between(PAIRS, SAME, IndexRule(W2, {"correction_conduct": 3.0}, NO_SE), 0.95))
    assert got["weights", "weights"] == pytest.approx(0.1 * 66 - 0.1 * 55)
    assert got["source", "internal"] == pytest.approx(0.35 * 2)


def test_a_correction_that_neither_round_made_has_no_contribution() -> None:
    two = IndexRule(W1, {"correction_conduct": 1.0, "correction_facts": 0.0}, NO_SE)
    three = IndexRule(W1, {"correction_conduct": 1.0, "correction_facts": 0.0, "correction_other": 3.0}, NO_SE)
    assert set(change_between(PAIRS, two, two, 0.95)["part"].dropna()) >= {"correction_conduct", "correction_facts"}
    assert "correction_other" not in set(change_between(PAIRS, two, two, 0.95)["part"])
    assert contributions(change_between(PAIRS, three, two, 0.95))["correction", "correction_other"] == 3.0, (
        "it was lifted"
    )


@given(
    scores=st.lists(st.floats(0, 100), min_size=8, max_size=8),
    corrections=st.lists(st.floats(0, 15), min_size=6, max_size=6),
    swapped=st.booleans(),
)
def test_contributions_sum_exactly(scores: list[float], corrections: list[float], swapped: bool) -> None:
    names = ("correction_conduct", "correction_facts", "correction_other")
    a, b, c, d, e, f, g, h = scores
    pairs = {
        "internal": pair({"open": a, "fair": b}, {"open": c, "fair": d}),
        "external": pair({"service": e}, {"service": f}),
        "expert": pair({"whole": g}, {"whole": h}),
    }
    first = IndexRule(W1, dict(zip(names, corrections[:3], strict=True)), NO_SE)
    second = IndexRule(W2 if swapped else W1, dict(zip(names, corrections[3:], strict=True)), NO_SE)
    table = change_between(pairs, first, second, 0.95)
    by_kind = table.groupby("kind")["estimate"].sum()
    before = 0.3 * (a + b) / 2 + 0.3 * e + 0.4 * g - sum(corrections[:3])
    w = second.weights
    after = w["internal"] * (c + d) / 2 + w["external"] * f + w["expert"] * h - sum(corrections[3:])
    assert by_kind["index"] == pytest.approx(after - before, abs=1e-9)
    for inner in ("source", "dimension"):
        assert by_kind[inner] + by_kind["weights"] + by_kind["correction"] == pytest.approx(by_kind["index"], abs=1e-9)


def test_errors_by_hand_without_overlap() -> None:
    table = change_between(PAIRS, SAME, SAME, 0.95).set_index("kind")
    variances = {"internal": 2 * 2 * 0.15**2, "external": 2 * 0.3**2, "expert": 2 * (0.4 * 5) ** 2}
    assert table.loc["index", "se"] ** 2 == pytest.approx(sum(variances.values()))
    of_sources = table.loc["source"].set_index("part")
    assert of_sources["se"].pow(2).to_dict() == pytest.approx(variances)
    assert of_sources["df_design"].tolist() == pytest.approx([40, 40, 40]), "two equal parts with 20 each"
    expected = sum(variances.values()) ** 2 / sum(v**2 / 40 for v in variances.values())
    assert table.loc["index", "df_design"] == pytest.approx(expected)


def test_one_error_for_both_rounds_counts_its_degrees_of_freedom_once() -> None:
    """Twice the same estimated variance: 2 s^2 is as uncertain, relatively, as s^2 (20 df); two estimates have 40."""
    one = {name: replace(p, same_error=True) for name, p in PAIRS.items()}
    table = change_between(one, SAME, SAME, 0.95)
    two = change_between(PAIRS, SAME, SAME, 0.95)
    assert table["se"].tolist() == pytest.approx(two["se"].tolist())
    assert table.query("kind == 'source'")["df_design"].tolist() == [20, 20, 20]
    assert table.loc[0, "df_design"] == pytest.approx(two.loc[0, "df_design"] / 2)


def test_noise_of_a_published_index_stands_in_for_that_of_its_parts() -> None:
    """After: 2 x 0.15^2 + 0.3^2 + (0.4 x 5)^2 = 4.135; before: noise 9 with 10 df. Contributions keep their errors."""
    noisy = replace(SAME, noise=(9.0, 10.0))
    table, plain = (change_between(PAIRS, rule, SAME, 0.95) for rule in (noisy, SAME))
    assert table.loc[0, "se"] ** 2 == pytest.approx(4.135 + 9)
    parts = {"internal": 2 * 0.15**2, "external": 0.3**2, "expert": 4.0}
    spread = sum(v**2 / 20 for v in parts.values()) + 9**2 / 10
    assert table.loc[0, "df_design"] == pytest.approx((4.135 + 9) ** 2 / spread)
    pd.testing.assert_frame_equal(table.iloc[1:], plain.iloc[1:])


def test_common_people_make_a_change_clearer() -> None:
    """Correlation 0.75: a quarter of the variance is left, and no more degrees of freedom than one round has."""
    overlapping = {name: pair(dict(p.before.scores), dict(p.after.scores), 1.0, 0.75) for name, p in PAIRS.items()}
    apart = {name: pair(dict(p.before.scores), dict(p.after.scores), 1.0) for name, p in PAIRS.items()}
    small, large = (change_between(p, SAME, SAME, 0.95).iloc[0] for p in (overlapping, apart))
    assert small["se"] ** 2 == pytest.approx(large["se"] ** 2 / 4)
    sources = change_between(overlapping, SAME, SAME, 0.95).query("kind == 'source'")
    assert sources["df_design"].tolist() == [20, 20, 20]


def test_a_covariance_beyond_the_variances_is_held_to_them() -> None:
    wild = {"internal": pair({"open": 60.0}, {"open": 61.0}, 1.0, 3.0)}
    table = change_between(wild, IndexRule({"internal": 1.0}, {}, NO_SE), IndexRule({"internal": 1.0}, {}, NO_SE), 0.95)
    assert table.loc[0, "se"] == 0, "a correlation of 1 at the most"


def test_error_of_a_correction_enters_its_bar_and_the_index() -> None:
    after = IndexRule(W1, {"correction_conduct": 1.0}, {"correction_conduct": 2.0})
    table = change_between(PAIRS, SAME, after, 0.95)
    plain = change_between(PAIRS, SAME, SAME, 0.95)
    correction = table[table["part"] == "correction_conduct"].iloc[0]
    assert correction["ci_low"] == pytest.approx(2 - 1.959963985 * 2), "known from outside: the normal"
    assert table.loc[0, "se"] ** 2 == pytest.approx(plain.loc[0, "se"] ** 2 + 4)


def test_other_dimensions_leave_whole_sources() -> None:
    pairs = PAIRS | {"internal": pair({"old": 60.0, "fair": 70.0}, {"new": 64.0, "fair": 70.0, "more": 61.0})}
    table = change_between(pairs, SAME, IndexRule(W2, {}, NO_SE), 0.95)
    assert "internal" not in set(table.loc[table["kind"] == "dimension", "source"])
    parts = table[table["kind"].isin(["source", "weights", "correction"])]["estimate"].sum()
    assert parts == pytest.approx(table.loc[0, "estimate"], abs=1e-9)
    before, after = 0.3 * 65 + 0.3 * 80 + 0.4 * 50 - 3, 0.4 * 65 + 0.3 * 78 + 0.3 * 60
    assert table.loc[0, "estimate"] == pytest.approx(after - before)


def test_sizes_are_those_of_the_smaller_round() -> None:
    before, after = (source_round({"service": x}, 1.0, n=n) for x, n in ((80.0, 30.0), (78.0, 90.0)))
    pairs = PAIRS | {"external": SourcePair(before, after, np.zeros((1, 1)))}
    table = change_between(pairs, SAME, SAME, 0.95)
    of_source = (table["part"] == "external") | (table["source"] == "external")
    assert table[of_source]["n"].tolist() == [30, 30], "the source and its dimension"
    assert table.loc[0, ["n", "effective_n"]].tolist() == [130, 65]
