"""The design simulator of one institution: the round's weights, the index made of its sources, and what must hold."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.stages.plan import History
from spi_analysis.survey.estimation import satterthwaite_df
from spi_analysis.survey.simulation import Population, bias_of_respondents
from spi_analysis.survey.simulation.means import Answered, WeightingCells, weighted_means
from spi_analysis.survey.simulation.repeated_draws import prepare_draws
from spi_analysis.survey.weighting import Rake, WeightingClasses, apply_recipe, two_phase_replicates, weighting_classes
from spi_analysis.synthetic import designs
from spi_analysis.synthetic.city import make_city
from spi_analysis.synthetic.designs import KEYS, Trials, design_set, planned, simulate_designs
from tests.stages.test_reserves import with_design

CITY = "kota-pangkalpinang"


@pytest.fixture(scope="module")
def table(setup) -> pd.DataFrame:
    return simulate_designs(setup, CITY, Trials((0.0831,), runs=12), workers=1)


@pytest.fixture(scope="module")
def rows(table) -> pd.DataFrame:
    return table.set_index(KEYS)


def test_truth_is_that_of_the_city(setup, table):
    truth = make_city(setup, CITY, 2024).truth
    known = truth[truth["measure"].isin(["index", "source"])]
    for name, value in zip(known["source"].fillna("index"), known["value"], strict=True):
        assert table.loc[table["measure"] == name, "truth"].to_numpy() == pytest.approx(value, abs=1e-9)


def test_the_index_is_made_of_its_sources(setup, rows):
    """Without gaps the bias of the index is the weighted sum of the sources' biases, run by run and so on average."""
    weights = setup.round.index.source_weights
    assert rows["without_estimate"].sum() == 0
    for key in [("round", "list", 0.0831), ("census", "answer", 0.0831)]:
        parts = sum(weights[g] * rows.loc[(g, *key), "bias"] for g in weights)
        assert rows.loc[("index", *key), "bias"] == pytest.approx(parts)
        index = rows.loc[("index", *key)]
        assert index["completes"] == pytest.approx(sum(rows.loc[(g, *key), "completes"] for g in weights))
        assert index["variance_expert"] == pytest.approx(
            (weights["expert"] * rows.loc[("expert", *key), "true_se"]) ** 2
        )


def test_only_silence_by_the_answer_leaves_a_bias_and_everyone_invited_has_it_too(rows):
    for design in ("round", "census"):
        silent, by_list = (rows.loc[("index", design, answering, 0.0831)] for answering in ("answer", "list"))
        assert silent["bias"] > 2
        assert silent["bias_share"] > 0.5
        assert abs(by_list["bias"]) < 4 * by_list["bias_error"]


def test_the_panel_is_the_same_under_all_designs(table):
    experts = table[table["measure"] == "expert"]
    assert experts["true_se"].nunique() == 1
    assert experts["first_order_bias"].isna().all()


def test_designs_that_invite_everyone_are_one(rows):
    """In this city users are invited whole by the round already, so twice as many changes nothing for them."""
    for name in ("double", "census"):
        pd.testing.assert_series_equal(
            rows.loc[("external", name, "list", 0.0831)],
            rows.loc[("external", "round", "list", 0.0831)],
            check_names=False,
        )
    assert rows.loc[("internal", "half", "list", 0.0831), "invitations"] == pytest.approx(
        rows.loc[("internal", "round", "list", 0.0831), "invitations"] / 2, abs=1
    )


def test_first_order_bias_is_that_of_the_probabilities(setup, rows):
    city = make_city(setup, CITY, 2024, response_rate=0.0831)
    people = designs._population(setup, "external", city)
    (_, model) = next(m for m in designs._models("external", {0.0831: city}, 0.5) if m[0][0] == "answer")
    expected = bias_of_respondents(model.probabilities(people), people.values)[0]
    assert rows.loc[("external", "round", "answer", 0.0831), "first_order_bias"] == pytest.approx(expected)
    by_list = designs._models("external", {0.0831: city}, 0.5)[1][1].probabilities(people)
    assert by_list == pytest.approx(people.frame["propensity"].to_numpy(), abs=1e-9), "the city's own probabilities"


@pytest.mark.parametrize("rates", ["observed", "shrunken"])
def test_a_run_is_the_weighting_of_the_workbench(setup, rates):
    """Draw in strata, classes, raking with merged levels: the recipe gives the same weights, but for trimming."""
    city = make_city(setup, CITY, 2024, response_rate=0.2)
    people, plan = planned(designs._population(setup, "internal", city), setup.round, "internal")
    design = design_set(setup.round, people, plan)[0]
    rng = np.random.default_rng(3)
    invited = np.sort(rng.permutation(len(people))[:1500])
    answered = rng.random(len(people)) < 0.2
    base = rng.choice([1.5, 2.0], len(people))
    rows = invited[answered[invited]]
    by = design.weighting
    levels = {n: people.cells((n,)) for n in by.margins}
    cells = WeightingCells(people.cells(by.classes), levels, by.min_respondents, 5, rates)
    found = weighted_means(
        Answered(invited, rows, base, people.values[rows]), cells, n_replicates=200, seed=1, level=0.95
    )
    sample = people.frame.iloc[invited].assign(
        base_weight=base[invited], disposition=np.where(answered[invited], "I", "NC")
    )
    sample["nr_class"] = weighting_classes(sample, list(by.classes), min_respondents=by.min_respondents)["nr_class"]
    margins = {name: people.frame[name].value_counts().astype(float).to_dict() for name in by.margins}
    classes = {"observed": "nr_class", "shrunken": by.classes}[rates]
    weighted = apply_recipe(
        sample,
        [WeightingClasses(classes, rates=rates), Rake(margins, 5)],
        replicates=two_phase_replicates(sample, "nr_class", 200, seed=2),
    )
    means = sample["score"].to_numpy() @ np.column_stack([weighted.weight, weighted.replicates.values]) / len(people)
    assert found.estimate[0] == pytest.approx(means[0], rel=1e-5)
    assert found.se[0] == pytest.approx(np.sqrt(((means[1:] - means[0]) ** 2).mean()), rel=0.2)
    kept = answered[invited]
    assert found.df == pytest.approx(
        satterthwaite_df(weighted.weight[kept].to_numpy(), sample["nr_class"][kept]), rel=1e-4
    )


@pytest.mark.parametrize("allocation", ["proportional", "equal", "power", "neyman"])
def test_the_round_s_design_has_the_sizes_of_its_plan(setup, allocation):
    """Whatever the rule of allocation, and with what earlier rounds told; half and twice keep the shares."""
    round_ = with_design(setup, margin=0.05, allocation=allocation, strata=["unit"]).round
    people = designs._population(setup, "internal", make_city(setup, CITY, 2024))
    units = sorted(people.frame["unit"].dropna().unique())[:2]
    groups = pd.DataFrame({"unit": units, "invited": 300, "answered": [30, 200], "sd": np.nan})
    history = History(["unit"], groups, 600, 230)
    people, plan = planned(people, round_, "internal", history)
    found = {design.label: design for design in design_set(round_, people, plan)}
    sizes = plan.strata.set_index("stratum")["invited"].to_dict()
    assert found["round"].n == sizes
    drawing = prepare_draws(found["round"], people)
    drawn = dict(zip(people.cells(("stratum",)).labels, drawing.ends[-1], strict=True))
    assert drawn == sizes
    assert sum(found["half"].n.values()) == sum(sizes.values()) // 2
    assert sum(found["by_response"].n.values()) == sum(sizes.values())
    large = [h for h, n in sizes.items() if n >= 40]
    assert large
    assert [found["half"].n[h] / sizes[h] for h in large] == pytest.approx([0.5] * len(large), rel=0.15)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"method": "two_stage", "two_stage": {"unit": "unit", "units": 3, "people": 12}}, ["got: two_stage"]),
        ({"method": "systematic", "order": ("unit",)}, ["got: systematic", "sources.external.design.method"]),
    ],
)
def test_what_is_not_simulated_is_refused(setup, changes, parts):
    with pytest.raises(InputError) as caught:
        simulate_designs(with_design(setup, **changes), CITY, Trials((0.2,), runs=1), workers=1)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_population_leaves_out_those_who_may_not_be_asked(setup):
    city = make_city(setup, CITY, 2024)
    people = designs._population(setup, "internal", city)
    assert isinstance(people, Population)
    assert len(people) == int((city.people["is_eligible"] & (city.people["source"] == "internal")).sum())


@pytest.mark.parametrize("rates", [(), (0.0,), (1.0,), (0.2, 0.2)])
def test_response_rates_are_checked(rates):
    with pytest.raises(InputError, match="out of range"):
        Trials(rates)
