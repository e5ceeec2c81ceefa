"""How closely hidden cells are told: by hand, on tables that can be counted."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.disclosure import coarse_spread, hide_small, suppression, told_cells, widened
from spi_analysis.disclosure.suppression import Sums, extremes
from spi_analysis.errors import EstimationError
from spi_analysis.params import DisclosureParams
from spi_analysis.tables import mask, with_kinds

LIMITS = DisclosureParams(min_cell=10, min_panel=5, min_panel_reason="a test", source="a test", as_of="2024-07-01")


def cells(*facts: tuple[str, str, int, int]) -> pd.DataFrame:
    """Unit, class, answers, silent people; everyone weighs 1."""
    table = pd.DataFrame(facts, columns=["unit", "position_class", "answered", "silent"])
    return table.assign(weight=table["answered"].astype(float))


def estimates(
    people: pd.DataFrame, score: dict[str, float], hidden: str = "", whole: float | None = None
) -> pd.DataFrame:
    """A source whose units have these scores; those named in ``hidden`` are hidden."""
    n = people.groupby("unit")["answered"].sum()
    mean = sum(score[unit] * n[unit] for unit in score) / n.sum()
    rows = [{"measure": "source_score", "estimate": mean, "n": n.sum()}]
    rows += [{"measure": "unit_score", "domain": unit, "estimate": score[unit], "n": n[unit]} for unit in score]
    table = with_kinds(pd.DataFrame(rows).assign(source="internal", se=2.0))
    status = np.where(table["domain"].isin(list(hidden)), "suppressed", "shown")
    table = table.assign(status=status, ci_low=np.nan, ci_high=np.nan, df_design=np.nan, effective_n=np.nan)
    return table.assign(**{name: table[name].where(status == "shown") for name in ("estimate", "se", "n")})


@pytest.mark.parametrize(
    ("members", "value", "got"),
    [([1.0, 1.0], np.nan, "not finite"), ([0.0, 0.0], 5.0, "infeasible")],
    ids=["a figure without a value", "a sum of nothing that is five"],
)
def test_limits_that_cannot_be_worked_out_are_no_all_clear(members: list[float], value: float, got: str) -> None:
    sums = Sums(np.array([members]), np.array([value]), np.array([value]))
    with pytest.raises(EstimationError, match=rf"(?s)cannot be worked out.*{got}"):
        extremes(sums, np.array([100.0, 100.0]), np.array([[1.0, 0.0]]))


def test_a_unit_of_three_near_the_ceiling_is_told_by_the_total() -> None:
    """12 people are left with a mean of 99: 1188 points, of which the 9 others have 900 at the most; 288 / 3 = 96."""
    people = cells(("A", "s", 60, 90), ("B", "s", 3, 20), ("C", "s", 9, 20))
    table = estimates(people, {"A": 80.0, "B": 99.0, "C": 99.0}, hidden="BC")
    (b, c) = told_cells(table, people, {}, LIMITS)
    assert (b.cell, b.what, b.high) == ("B", "score", 100.0)
    assert b.low == pytest.approx(96.0 - 0.005 * (60 + 72) / 3), "with the rounding of both figures"
    assert (c.cell, c.low) == ("C", pytest.approx((888 - 0.005 * (60 + 72)) / 9)), "1188 less 300"


def test_the_answers_of_a_hidden_unit_follow_from_those_who_were_invited() -> None:
    """12 answered in B and C, and all 12 who were invited there: 3 and 9."""
    people = cells(("A", "s", 60, 90), ("B", "s", 3, 0), ("C", "s", 9, 0))
    table = estimates(people, {"A": 80.0, "B": 50.0, "C": 60.0}, hidden="BC")
    told = [one for one in told_cells(table, people, {}, LIMITS) if one.what == "answers"]
    assert [(one.cell, one.low, one.high) for one in told] == [("B", 3, 3), ("C", 9, 9)]


def test_a_class_that_is_the_unit_hidden_with_it_tells_the_other() -> None:
    people = cells(("A", "s", 60, 90), ("B", "s", 4, 20), ("C", "f", 12, 30))
    table = estimates(people, {"A": 80.0, "B": 30.0, "C": 70.0}, hidden="BC")
    classes = pd.DataFrame(
        {"measure": "class_score", "domain": ["s", "f"], "n": [64.0, 12.0], "estimate": [76.88, 70.0]}
    )
    classes = with_kinds(classes.assign(source="internal", status="shown", se=2.0))
    told = told_cells(pd.concat([table, classes], ignore_index=True), people, {}, LIMITS)
    assert {one.cell for one in told if one.what == "score"} == {"B", "C"}
    assert next(one for one in told if one.cell == "C").low == pytest.approx(70, abs=0.1)
    wide = widened(pd.concat([table, classes], ignore_index=True), {"internal": people}, {"internal": {}}, LIMITS)
    assert told_cells(wide, people, {}, LIMITS) == []


def test_what_the_source_alone_tells_is_no_reason_to_hide_it() -> None:
    """Two units, both hidden: of the one of 300 the source's own score tells as much."""
    people = cells(("A", "s", 300, 300), ("B", "s", 9, 50))
    assert told_cells(estimates(people, {"A": 75.0, "B": 40.0}, hidden="AB"), people, {}, LIMITS) == []


def test_the_smallest_cell_goes_next_and_no_more_than_needed() -> None:
    people = cells(("A", "s", 60, 90), ("B", "s", 3, 20), ("C", "s", 9, 20), ("D", "s", 20, 40), ("E", "s", 30, 40))
    table = estimates(people, {"A": 80.0, "B": 99.0, "C": 99.0, "D": 70.0, "E": 70.0}, hidden="BC")
    wide = widened(table, {"internal": people}, {"internal": {}}, LIMITS)
    assert set(wide.loc[wide["status"] != "shown", "domain"]) == {"B", "C", "D"}


def test_two_hidden_dimensions_both_high() -> None:
    """Four of equal weight, two shown at 90: of a mean of 94 the others hold 196 of 200, so each at least 96."""
    rows = [{"measure": "source_score", "estimate": 94.0, "n": 99.0}]
    rows += [{"measure": "dimension_score", "part": part, "estimate": 90.0, "n": 99.0} for part in "ab"]
    rows += [{"measure": "dimension_score", "part": part} for part in "cd"]
    table = with_kinds(pd.DataFrame(rows).assign(source="internal"))
    table = table.assign(status=np.where(table["estimate"].isna(), "suppressed", "shown"))
    told = told_cells(table, cells(), dict.fromkeys("abcd", 0.25), LIMITS)
    assert [(one.cell, round(one.low)) for one in told] == [("c", 96), ("d", 96)]


def test_figures_that_disagree_a_little_get_room() -> None:
    """Questions left open: the parts say 10 of 10, the whole 9; both are given the room that lets them agree."""
    sums = Sums(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([10.0, 9.0]), np.array([10.0, 9.0]))
    low, high = extremes(sums, np.array([20.0, 20.0]), np.array([[0.0, 1.0]]))
    assert low[0] == pytest.approx(0, abs=1e-3)
    assert high[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("fewest", "is_hidden", "why"),
    [(9, True, "30 of 39 answered: the nine others are known"), (10, False, "ten who did not answer")],
)
def test_a_unit_of_which_nearly_all_answered_is_hidden(fewest: int, is_hidden: bool, why: str) -> None:
    people = cells(("A", "s", 60, 90), ("B", "s", 30, fewest), ("C", "s", 40, 60))
    table = estimates(people, {"A": 80.0, "B": 70.0, "C": 75.0})
    table["fewest"] = table["domain"].map({"A": 90, "B": fewest, "C": 60})
    shown = hide_small(table, LIMITS, [])
    assert (shown.loc[shown["domain"] == "B", "status"].item() == "suppressed") == is_hidden, why


def test_a_unit_of_one_mind_is_hidden() -> None:
    """13 answers with an error of 0.2: none lies farther than 12 * 0.2 = 2.4 from their mean."""
    people = cells(("A", "s", 60, 90), ("B", "s", 13, 20), ("C", "s", 40, 60))
    table = estimates(people, {"A": 80.0, "B": 70.0, "C": 75.0})
    table.loc[table["domain"] == "B", "se"] = 0.2
    shown = hide_small(table, LIMITS, [])
    assert set(shown.loc[shown["status"] != "shown", "domain"]) == {"B", "C"}, "and the next smallest with it"


@pytest.mark.parametrize(
    ("sd", "n", "step"),
    [(0.0, 9, 11), (11.0, 9, 11), (11.1, 9, 13.75), (12, 5, 16), (21, 7, 25), (3, 4, 20), (3, 3, 24), (3, 1, 24)],
)
def test_the_spread_of_a_panel_is_rounded_up(sd: float, n: int, step: float) -> None:
    assert coarse_spread(sd, n, LIMITS) == step


def two_ways(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Five units by two classes, most of them near the ceiling; people, and estimates after the first suppression."""
    facts = [(u, c, int(rng.choice([2, 4, 7, 11, 16, 30])), int(rng.integers(10, 60))) for u in "ABCDE" for c in "sf"]
    people = cells(*[fact for fact in facts if rng.random() > 0.15])
    level = {unit: rng.choice([70.0, 85.0, 95.0, 98.0]) for unit in "ABCDE"}
    people = people.assign(
        points=[min(100.0, level[u] + rng.normal(0, 2)) for u in people["unit"]] * people["answered"]
    )
    groups = {"source_score": people.assign(all="").groupby("all"), "unit_score": people.groupby("unit"),
              "class_score": people.groupby("position_class")}  # fmt: skip
    parts = [group[["points", "answered"]].sum().rename_axis("domain").reset_index().assign(measure=measure)
             for measure, group in groups.items()]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(estimate=table["points"] / table["answered"], n=table["answered"].astype(float), se=3.0)
    table = with_kinds(table.drop(columns=["points", "answered"]).replace({"domain": {"": None}}))
    table = table.assign(source="internal", status="shown", part=None, denominator=None)
    table = table.assign(**dict.fromkeys(("ci_low", "ci_high", "df_design", "effective_n"), np.nan))
    return people, hide_small(table, LIMITS, [])


# Tables of ``two_ways`` that tell something after the first suppression.
TELLING = (7, 10)


@pytest.mark.parametrize("seed", TELLING)
def test_no_fewer_cells_would_do(seed: int) -> None:
    """All sets of further cells that are smaller are tried: each would tell something."""
    people, table = two_ways(np.random.default_rng(seed))
    wide = widened(table, {"internal": people}, {"internal": {}}, LIMITS)
    free = table.index[table["measure"].isin(["unit_score", "class_score"]) & (table["status"] == "shown")]
    further = int((wide.loc[free, "status"] != "shown").sum())
    assert further > 0
    assert told_cells(wide, people, {}, LIMITS) == []
    for fewer in range(further):
        for others in combinations(free, fewer):
            assert told_cells(mask(table, table.index.isin(others)), people, {}, LIMITS) != []


def test_a_point_that_a_program_found_spares_others_and_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a program for every limit, as without the shortcut, the same cells are told within the same limits."""
    tables = [two_ways(np.random.default_rng(seed)) for seed in (0, *TELLING)]
    short = [told_cells(table, people, {}, LIMITS) for people, table in tables]
    solved = suppression.extremes
    monkeypatch.setattr(suppression, "extremes", lambda sums, top, wanted, enough: solved(sums, top, wanted))
    full = [told_cells(table, people, {}, LIMITS) for people, table in tables]
    assert sum(map(len, full)) > 0
    for one, other in zip(short, full, strict=True):
        assert [told[:4] for told in one] == [told[:4] for told in other]
        np.testing.assert_allclose([told[4:] for told in one], [told[4:] for told in other], atol=1e-6)
