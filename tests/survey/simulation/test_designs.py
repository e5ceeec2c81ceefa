"""Designs on populations small enough to know by hand what must come out; bounds are Monte-Carlo errors wide."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError, SamplingError
from spi_analysis.survey.sampling import allocate, select_srs
from spi_analysis.survey.simulation import (
    Allocation,
    Design,
    Population,
    ResponseModel,
    Waves,
    Weighting,
    bias_of_respondents,
    compare_designs,
    run_designs,
)
from spi_analysis.survey.simulation.repeated_draws import prepare_draws
from spi_analysis.survey.simulation.runs import Settings

EVERYBODY = ResponseModel("all answer", 1.0)
FEW_REPLICATES = 50


@pytest.fixture(params=[100, pytest.param(1000, marks=pytest.mark.long)])
def runs(request: pytest.FixtureRequest) -> int:
    """How often each design is drawn; bounds are as wide as so many draws leave them."""
    return request.param


def compared(frame, responses, designs, runs=400, **options) -> pd.DataFrame:
    options = {"n_replicates": FEW_REPLICATES, "workers": 1, "seed": 7} | options
    return compare_designs(frame, "y", responses, designs, runs=runs, **options)


def town(n: int = 600, seed: int = 3) -> pd.DataFrame:
    """Generated people: three units that differ in level and spread, and a sex that does not matter."""
    rng = np.random.default_rng(seed)
    unit = rng.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1])
    level, spread = {"A": 60, "B": 75, "C": 40}, {"A": 5, "B": 10, "C": 25}
    y = np.array([level[u] + spread[u] * z for u, z in zip(unit, rng.normal(size=n), strict=True)])
    return pd.DataFrame({"unit": unit, "sex": rng.choice(["f", "m"], n), "y": y})


def test_one_of_two_people_has_the_variance_that_can_be_listed() -> None:
    """Of y = (0, 10) one is drawn: means 0 or 10, so an SD of 5 = sqrt((1 - 1/2) * 50); one answer has no SE."""
    people = Population.of(pd.DataFrame({"y": [0.0, 10.0]}), "y")
    # One answer is no estimate, so the draw itself is looked at.
    drawing = prepare_draws(Design("one", 1), people)
    rng = np.random.default_rng(1)
    drawn = [drawing.activated(rng.random(2), np.ones(2, dtype=bool))[0] for _ in range(2000)]
    means = np.array([people.values[invited, 0].mean() for invited in drawn])
    assert set(means) == {0.0, 10.0}
    assert abs(means.mean() - 5) < 4 * 5 / math.sqrt(2000)
    row = compared(people.frame, [EVERYBODY], [Design("one", 1)], runs=5).iloc[0]
    assert (row["runs"], row["without_estimate"], row["why"]) == (0, 5, "fewer than 2 answers (5)")


@pytest.mark.long
def test_simple_random_sampling_has_its_textbook_variance() -> None:
    """All 10 pairs out of 5 people, listed: the SD of their means is sqrt((1 - f) S^2 / n)."""
    y = np.array([0.0, 1.0, 4.0, 9.0, 16.0])
    pairs = [np.mean(pair) for pair in itertools.combinations(y, 2)]
    exact = math.sqrt((1 - 2 / 5) * y.var(ddof=1) / 2)
    assert np.std(pairs) == pytest.approx(exact), "the formula is that of the list"
    row = compared(pd.DataFrame({"y": y}), [EVERYBODY], [Design("two", 2)], runs=3000, n_replicates=20).iloc[0]
    assert abs(row["bias"]) < 4 * row["bias_error"]
    assert abs(row["true_se"] - exact) < 4 * row["true_se_error"]


@pytest.mark.parametrize("method", ["proportional", "neyman", "equal"])
def test_stratified_designs_have_their_textbook_variance(method: str, runs: int) -> None:
    """sum W_h^2 (1 - f_h) S_h^2 / n_h (Cochran 1977, theorem 5.3); the estimated SE says the same."""
    frame = town()
    design = Design(
        method, 90, strata=("unit",), allocation=Allocation(method, min_n=2, spread="y"), weighting=Weighting(("unit",))
    )
    strata = frame.groupby("unit")["y"].agg(N="size", sd="std").reset_index()
    strata["n"] = allocate(strata, 90, method, min_n=2)
    exact = math.sqrt(sum((h.N / 600) ** 2 * (1 - h.n / h.N) * h.sd**2 / h.n for h in strata.itertuples()))
    row = compared(frame, [EVERYBODY], [design], runs=runs).iloc[0]
    assert abs(row["bias"]) < 4 * row["bias_error"]
    assert abs(row["true_se"] - exact) < 4 * row["true_se_error"]
    assert row["estimated_se"] == pytest.approx(exact, rel=0.06)
    assert abs(row["coverage"] - 0.95) < 0.03 + 3 * row["coverage_error"]


def test_neyman_beats_proportional_where_units_spread_differently() -> None:
    frame = town()
    designs = [
        Design(m, 90, strata=("unit",), allocation=Allocation(m, 2, "y"), weighting=Weighting(("unit",)))
        for m in ("proportional", "neyman")
    ]
    table = compared(frame, [EVERYBODY], designs, runs=300).set_index("design")
    assert table.loc["neyman", "true_se"] < 0.85 * table.loc["proportional", "true_se"]


@pytest.mark.parametrize("weighting", [None, Weighting(("unit",)), Weighting(("unit",), ("unit", "sex"))])
def test_a_census_that_everybody_answers_is_certain(weighting: Weighting | None) -> None:
    row = compared(town(), [EVERYBODY], [Design("census", weighting=weighting)], runs=3).iloc[0]
    assert row["completes"] == row["invitations"] == 600
    assert abs(row["bias"]) < 1e-9
    assert row["true_se"] < 1e-9
    assert row["estimated_se"] < 1e-9
    assert row["coverage"] == 1


def test_a_census_that_few_answer_is_not(runs: int) -> None:
    """Response has no correction of its own: at 10 % the SE is near that of 60 people out of 600 drawn at random."""
    frame = town()
    row = compared(frame, [ResponseModel("10 %", 0.1)], [Design("census")], runs=runs).iloc[0]
    exact = math.sqrt((1 - 0.1) * frame["y"].var() / 60)
    # The number of answers varies, which adds about 1/60 to the variance.
    assert abs(row["true_se"] - exact) < 0.02 * exact + 4 * row["true_se_error"]
    assert row["estimated_se"] == pytest.approx(exact, rel=0.06)


def test_bias_of_the_silent_can_be_counted_by_hand() -> None:
    """Half would say 0 and answer with 1/4, half 10 with 3/4: of those who answer 3 in 4 say 10: mean 7.5, not 5."""
    assert bias_of_respondents(np.array([0.25, 0.75]), np.array([[0.0], [10.0]])) == pytest.approx(2.5)


@pytest.mark.parametrize("n", [150, 300, None])
def test_silence_that_depends_on_the_answer_biases_by_the_formula_whatever_n(n: int | None, runs: int) -> None:
    """cov(p, y) / mean(p) (Bethlehem 1988); the formula is of first order, its error of order bias / answers."""
    frame = town()
    model = ResponseModel("by answer", 0.3, on_answer=0.6)
    people = Population.of(frame, "y")
    formula = bias_of_respondents(model.probabilities(people), people.values)[0]
    row = compared(frame, [model], [Design("plain", n)], runs=runs).iloc[0]
    assert formula > 2
    assert abs(row["bias"] - formula) < 3 * row["bias_error"] + formula / row["completes"]


def test_classes_take_away_what_depends_on_the_class_only(runs: int) -> None:
    frame = town(3000)
    model = ResponseModel("by unit", 0.4, effects={"unit": {"A": 0.0, "B": 1.5, "C": -0.8}})
    designs = [Design("plain"), Design("classes", weighting=Weighting(("unit",)))]
    table = compared(frame, [model], designs, runs=runs).set_index("design")
    people = Population.of(frame, "y")
    formula = bias_of_respondents(model.probabilities(people), people.values)[0]
    plain, classes = table.loc["plain"], table.loc["classes"]
    assert abs(plain["bias"] - formula) < 3 * plain["bias_error"] + abs(formula) / plain["completes"]
    assert abs(formula) > 10 * classes["bias_error"]
    assert abs(classes["bias"]) < 3 * classes["bias_error"]
    assert abs(classes["coverage"] - 0.95) < 0.02 + 3 * classes["coverage_error"]


def test_classes_leave_what_depends_on_the_answer(runs: int) -> None:
    """Inside a class the bias is the formula's, of the class's own probabilities."""
    frame = town()
    model = ResponseModel("both", 0.4, effects={"unit": {"B": 1.0}}, on_answer=0.5)
    probability = model.probabilities(Population.of(frame, "y"))
    parts = frame.assign(p=probability).groupby("unit")[["p", "y"]]
    left = sum(len(g) / 600 * bias_of_respondents(g["p"].to_numpy(), g[["y"]].to_numpy())[0] for _, g in parts)
    row = compared(frame, [model], [Design("classes", weighting=Weighting(("unit",)))], runs=runs).iloc[0]
    assert left > 1
    # First order in every class: the smallest has some 15 answers.
    assert abs(row["bias"] - left) < 3 * row["bias_error"] + 0.05 * left


def test_twice_the_invitations_halve_the_variance_and_keep_the_bias() -> None:
    frame = town(3000)
    model = ResponseModel("by answer", 0.1, on_answer=0.4)
    one, two = (r for _, r in compared(frame, [model], [Design("n", 800), Design("2n", 1600)]).iterrows())
    assert one["true_se"] / two["true_se"] == pytest.approx(math.sqrt(2), rel=0.15)
    assert abs(one["bias"] - two["bias"]) < 4 * math.hypot(one["bias_error"], two["bias_error"])
    assert two["bias_share"] > one["bias_share"]


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers() -> None:
    people = Population.of(town(200), "y")
    design = Design("d", 100, strata=("unit",), weighting=Weighting(("unit",), ("unit", "sex"), 3))
    arguments = people, [ResponseModel("half", 0.5)], [design], Settings(5, 20), 60
    alone, together = run_designs(*arguments, workers=1), run_designs(*arguments, workers=2)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    other = run_designs(*arguments[:3], Settings(6, 20), 60, workers=1)
    assert not np.allclose(alone["estimate"], other["estimate"])


def test_more_runs_keep_the_first_ones_and_tighten_what_is_known() -> None:
    frame, model, design = town(200), ResponseModel("half", 0.5), Design("d", 100)
    people = Population.of(frame, "y")
    few, many = (run_designs(people, [model], [design], Settings(1, 20), runs, workers=1) for runs in (30, 120))
    pd.testing.assert_frame_equal(few, many.iloc[:30], check_exact=True)
    rough, fine = (compared(frame, [model], [design], runs=runs, n_replicates=20).iloc[0] for runs in (50, 400))
    for error in ("bias_error", "true_se_error", "coverage_error"):
        assert fine[error] < rough[error] / 1.5, "a root of 8 is expected"


def test_a_draw_takes_the_people_that_the_workbench_would_take() -> None:
    frame = town(80)
    people = Population.of(frame, "y")
    drawing = prepare_draws(Design("d", 30, strata=("unit",), allocation=Allocation(min_n=2)), people)
    numbers = np.random.default_rng(4).random(80)
    invited, activated = drawing.activated(numbers, np.ones(80, dtype=bool))
    sizes = dict(zip(sorted(frame["unit"].unique()), activated, strict=True))
    drawn = select_srs(frame.assign(prn=numbers), {k: int(v) for k, v in sizes.items()}, stratum="unit")
    assert drawn.index.tolist() == np.flatnonzero(invited).tolist()


def test_reserves_are_activated_only_while_answers_are_few() -> None:
    """Of 100 people half are activated first: 50 answers are enough for a rule of 50, not for one of 51."""
    frame = pd.DataFrame({"y": np.arange(100.0)})
    designs = [Design(f"{k}", 100, waves=Waves((0.5, 0.5), k)) for k in (50, 51)]
    table = compared(frame, [EVERYBODY], designs, runs=5).set_index("design")
    assert table["invitations"].tolist() == [50, 100]
    assert table.loc["50", "estimated_se"] > 1, "half the list is a sample"
    assert table.loc["51", "true_se"] < 1e-9, "the whole list is none"


def test_cost_is_counted_per_invitation_and_answer() -> None:
    design = Design("d", 40, cost_per_invitation=2.0, cost_per_complete=10.0)
    row = compared(town(100), [EVERYBODY], [design], runs=2).iloc[0]
    assert row["cost"] == 40 * 2 + 40 * 10


def test_invitations_follow_the_anticipated_response() -> None:
    """Two strata of 100; one is expected to answer half as often: it gets twice (Neyman: root 2 times) the letters."""
    frame = pd.DataFrame({"g": ["a"] * 100 + ["b"] * 100, "r": [0.4] * 100 + [0.2] * 100})
    frame["y"] = np.tile(np.arange(100.0), 2)
    people = Population.of(frame, "y")

    def sizes(method: str) -> list[int]:
        rule = Allocation(method, spread="y", response="r")
        return prepare_draws(Design("d", 90, strata=("g",), allocation=rule), people).ends[-1].tolist()

    assert sizes("proportional") == [30, 60]
    assert sizes("neyman") == [37, 53]


def test_sizes_can_be_given_by_stratum() -> None:
    """The rarest stratum comes last by name and first by size: it gets what was asked for it."""
    people = Population.of(town(), "y")
    drawing = prepare_draws(Design("d", {"A": 30, "B": 20, "C": 7}, strata=("unit",)), people)
    invited, _ = drawing.activated(np.random.default_rng(1).random(600), np.ones(600, dtype=bool))
    assert people.frame["unit"][invited].value_counts().to_dict() == {"A": 30, "B": 20, "C": 7}


def test_answers_of_several_columns_share_their_weights() -> None:
    frame = town(200).assign(twice=lambda d: 2 * d["y"])
    table = compare_designs(
        frame, ["y", "twice"], [ResponseModel("half", 0.5)], [Design("d", 100)], runs=20, n_replicates=20, workers=1
    ).set_index("answer")
    assert table.loc["twice", "bias"] == pytest.approx(2 * table.loc["y", "bias"])
    assert table.loc["twice", "estimated_se"] == pytest.approx(2 * table.loc["y", "estimated_se"])


def test_margins_that_cannot_be_met_are_counted_with_the_reason() -> None:
    """Of 10 women 8 are in unit A; where no woman of B answers, the 8 people of A would have to weigh 10."""
    frame = pd.DataFrame({"unit": ["A"] * 8 + ["B"] * 4, "sex": ["f"] * 10 + ["m"] * 2, "y": np.arange(12.0)})
    design = Design("d", weighting=Weighting((), ("unit", "sex"), 1, 1))
    row = compared(frame, [ResponseModel("half", 0.5)], [design], runs=40, n_replicates=20).iloc[0]
    assert row["runs"] + row["without_estimate"] == 40
    assert row["without_estimate"] > 0
    assert "raking does not converge" in row["why"]


@pytest.mark.parametrize(
    ("design", "said"),
    [
        (Design("d", 10, strata=("units",)), "did you mean 'unit'"),
        (Design("d", {"A": 3, "B": 4, "D": 1}, strata=("unit",)), "no such stratum"),
        (Design("d", {"A": 3, "B": 10_000, "C": 1}, strata=("unit",)), "does not fit"),
        (Design("d", 10, allocation=Allocation("neyman", spread="sex")), "is no number"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_the_first_run(design: Design, said: str) -> None:
    with pytest.raises((SamplingError, InputError), match=said):
        compared(town(50), [EVERYBODY], [design], runs=1)


def test_everything_wrong_with_a_design_is_said_at_once() -> None:
    with pytest.raises(SamplingError) as raised:
        Design("d", 0, allocation=Allocation("nieman"), waves=Waves((0.5, 0.4), 10), cost_per_complete=-1)
    assert len(raised.value.problems) == 4
    assert "did you mean 'neyman'" in str(raised.value)


def test_unusable_answers_and_labels_are_refused() -> None:
    with pytest.raises(InputError, match="1 people without a number"):
        Population.of(pd.DataFrame({"y": [1.0, np.nan]}), "y")
    with pytest.raises(InputError, match="label of its own"):
        compared(town(50), [EVERYBODY], [Design("d"), Design("d", 10)], runs=1)
    with pytest.raises(InputError, match="out of range"):
        ResponseModel("none", 0.0)
    with pytest.raises(InputError, match="that nobody has"):
        compared(town(50), [ResponseModel("m", 0.5, {"unit": {"Z": 1.0}})], [Design("d")], runs=1)


@pytest.mark.parametrize("mean", [0.0831, 0.2, 0.9])
def test_probabilities_have_the_mean_that_was_asked_for(mean: float) -> None:
    people = Population.of(town(), "y")
    probability = ResponseModel("m", mean, {"unit": {"A": 2.0}, "y": 0.01}, on_answer=-0.3).probabilities(people)
    assert probability.mean() == pytest.approx(mean, abs=1e-9)
    assert probability.min() > 0
    assert probability.max() < 1
