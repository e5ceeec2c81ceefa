"""The unit-level model: a balanced toy by hand, lme4 on a generated table, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError
from spi_analysis.survey import SurveyDesign, UnitModel, response_tendency, unit_model

TOY = pd.DataFrame({"unit": list("aabbcc"), "score": [60.0, 64, 70, 74, 77, 85], "w": 1.0})
UNITS, CLASSES = [f"u{k:02d}" for k in range(10)], list("abc")


def generated() -> pd.DataFrame:
    """180 generated answers in ten units of three classes."""
    rng = np.random.default_rng(20240722)
    n = 180
    unit, cls = rng.choice(UNITS, n), rng.choice(CLASSES, n)
    table = pd.DataFrame({"unit": unit, "cls": cls, "sex": rng.choice(["f", "m"], n), "age": rng.integers(25, 58, n)})
    of_unit, of_cell = 5 * rng.standard_normal(10), 4 * rng.standard_normal((10, 3))
    u, c = table["unit"].map(UNITS.index), table["cls"].map(CLASSES.index)
    score = 70 + 2.0 * (table["sex"] == "m") + of_unit[u] + of_cell[u, c] + 14 * rng.standard_normal(n)
    return table.assign(score=score.round(2), w=1.0)


def listed() -> pd.DataFrame:
    """The list: every unit, class, sex and age of 30 and 50 once."""
    product = pd.MultiIndex.from_product([UNITS, CLASSES, ["f", "m"], [30, 50]], names=["unit", "cls", "sex", "age"])
    return product.to_frame(index=False)


@pytest.fixture(scope="module")
def model() -> UnitModel:
    return unit_model(SurveyDesign(generated(), "w"), "score", ["sex", "age"], "unit", "cls", listed())


def test_a_balanced_toy_by_hand() -> None:
    """Three units of two: mean squares 180.667 between and 16 within, so units have (180.667 - 16)/2 = 82.333.

    A unit keeps g = 82.333/90.333 of its distance. MSE: 82.333 (1 - g) + (1 - g)^2 90.333/3 + 2 g3, where the ratio
    82.333/16 + 1/2 has the relative variance 2/2 + 2/3 of an F with 2 and 3 degrees of freedom, and
    dg/dratio = 0.5/5.6458^2; a unit's distance from the estimated mean has the variance 90.333 x 2/3: g3 =
    (0.5/5.6458^2)^2 (5.6458^2 5/3) 90.333 x 2/3. The mean of all three is that of the answers, whatever the ratio.
    """
    found = unit_model(SurveyDesign(TOY, "w"), "score", [], "unit")
    assert found.components["variance"].to_dict() == pytest.approx({"unit": 82.3333, "person": 16.0}, rel=1e-4)
    kept, grand = 82.3333 / 90.3333, 215 / 3
    assert found.units["estimate"].tolist() == pytest.approx(
        [grand + kept * (m - grand) for m in (62, 72, 81)], rel=1e-5
    )
    g3 = (0.5 / 5.6458**2) ** 2 * 5.6458**2 * 5 / 3 * 90.3333 * 2 / 3
    mse = 82.3333 * (1 - kept) + (1 - kept) ** 2 * 90.3333 / 3 + 2 * g3
    assert found.units["mse"].tolist() == pytest.approx([mse] * 3, rel=1e-3)
    assert found.source["estimate"].iloc[0] == pytest.approx(grand)
    assert found.source["mse"].iloc[0] == pytest.approx(16 / 6, rel=1e-3), "of these units: only people are left"
    assert found.classes.empty


def test_lme4_has_the_same_fit(model: UnitModel) -> None:
    """R 4.2.2, lme4 1.1.31: lmer(score ~ sex + age + (1|unit) + (1|unit:cls), REML = TRUE), bobyqa rhoend 1e-10; 2024.

    Means of predict(fit, list, allow.new.levels = TRUE) by tapply.
    """
    variances = {"unit": 14.38816632, "class": 28.10575379, "person": 191.38000418}
    assert model.components["variance"].to_dict() == pytest.approx(variances, rel=1e-3)
    assert model.fixed["estimate"].tolist() == pytest.approx([64.8251912636, -0.9874525447, 0.1638211163], rel=1e-4)
    assert model.fixed["se"].tolist() == pytest.approx([5.1601194923, 2.2167067166, 0.1156795211], rel=1e-4)
    units = [
        67.540656,
        69.119495,
        77.329423,
        74.864659,
        74.564397,
        66.372119,
        65.226458,
        72.658670,
        71.357887,
        69.809332,
    ]
    assert model.units["estimate"].tolist() == pytest.approx(units, abs=2e-3)
    assert model.classes["estimate"].tolist() == pytest.approx([70.086102, 71.032518, 71.534309], abs=2e-3)
    assert model.source["estimate"].iloc[0] == pytest.approx(70.884310, abs=2e-3)


def test_penalised_variances_are_those_of_lme4_with_the_same_penalty() -> None:
    """R 4.2.2, lme4 1.1.31, 2026-11: ``dev <- lmer(..., devFunOnly = TRUE)`` of the fit above, whose ``theta`` are the
    standard deviations over that of people, then ``optim(c(.3, .3), function(t) dev(t) - 2 * sum(log(t)))``
    (reltol 1e-14); variances are theta^2 sigma^2.
    """
    found = unit_model(
        SurveyDesign(generated(), "w"), "score", ["sex", "age"], "unit", "cls", listed(), variances="penalised"
    )
    variances = {"unit": 22.9486950350, "class": 33.1521275536, "person": 187.2997127821}
    assert found.components["variance"].to_dict() == pytest.approx(variances, rel=1e-4)
    assert found.fixed["estimate"].tolist() == pytest.approx([64.9255116041, -1.0459803639, 0.1619030549], rel=1e-4)


def test_of_the_listed_people_those_who_answered_are_known() -> None:
    """The toy, with two more people a unit: half of a unit's mean is that of its answers, half is predicted.

    The error of the predicted half is that of its mean, 9.102, and of two people around it, 16/2, each times 1/4. Where
    everybody answered nothing is left to predict.
    """
    plain = unit_model(SurveyDesign(TOY, "w"), "score", [], "unit").units
    half = unit_model(SurveyDesign(TOY.assign(w=2.0), "w"), "score", [], "unit", realised=True).units
    assert half["estimate"].tolist() == pytest.approx((plain["estimate"] / 2 + np.array([62, 72, 81]) / 2).tolist())
    assert half["mse"].tolist() == pytest.approx((plain["mse"] / 4 + 16 / 2 / 4).tolist(), rel=1e-4)
    everybody = unit_model(SurveyDesign(TOY, "w"), "score", [], "unit", realised=True).units
    assert everybody["estimate"].tolist() == pytest.approx([62, 72, 81])
    assert everybody["mse"].tolist() == pytest.approx([0, 0, 0], abs=1e-9)


def _ready_cells(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten units of three classes of sixty people: cells have effects on score and on readiness that go together."""
    rng = np.random.default_rng(seed)
    score, ready = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 30).T
    cells = pd.DataFrame({"unit": np.repeat(UNITS, 3), "cls": CLASSES * 10, "score": 70 + 6 * score, "ready": ready})
    people = cells.loc[np.repeat(cells.index, 60)].reset_index(drop=True)
    people["score"] += 12 * rng.standard_normal(len(people))
    people["answered"] = rng.random(len(people)) < 1 / (1 + np.exp(2 - 0.8 * people["ready"]))
    cells = people.groupby(["unit", "cls"])["answered"].agg(["size", "sum"])
    people = people.join(response_tendency(cells["size"], cells["sum"]).rename("readiness"), on=["unit", "cls"])
    return people, people[people["answered"]].assign(w=1.0)


def test_readiness_takes_off_what_ready_cells_add() -> None:
    """Twelve generated sources: without readiness the score is drawn towards the cells that answer, up by a point."""
    errors = []
    for seed in range(12):
        people, answers = _ready_cells(seed)
        both = (
            unit_model(SurveyDesign(answers, "w"), "score", fixed, "unit", "cls", people, realised=True)
            for fixed in ([], ["readiness"])
        )
        errors.append([one.source["estimate"].iloc[0] - people["score"].mean() for one in both])
    without, known = np.array(errors).T
    assert without.mean() > 0.8
    assert abs(known.mean()) < 0.5
    assert (without - known).mean() > 3 * (without - known).std() / np.sqrt(12)


def test_people_count_as_often_as_they_are_listed(model: UnitModel) -> None:
    """The list as one row per person, or per group with a column N: the same."""
    once = listed().drop_duplicates(["unit", "cls", "sex", "age"]).assign(N=1.0)
    again = unit_model(SurveyDesign(generated(), "w"), "score", ["sex", "age"], "unit", "cls", once)
    pd.testing.assert_frame_equal(again.units, model.units)


def test_a_unit_without_answers_is_predicted_and_says_how_badly(model: UnitModel) -> None:
    answers = generated().query("unit != 'u03'")
    found = unit_model(SurveyDesign(answers, "w"), "score", ["sex", "age"], "unit", "cls", listed())
    alone = found.units.loc["u03"]
    assert alone["n"] == 0
    assert alone["mse"] > found.components.loc["unit", "variance"], "at least the spread between units"
    others = (listed().assign(age=40.0).iloc[:1], found.fixed["estimate"])
    expected = others[1]["(intercept)"] + 0.5 * others[1]["sex: m"] + 40 * others[1]["age"]
    assert alone["estimate"] == pytest.approx(expected), "nothing of its own: the fixed part at its people"


def test_benchmarked_units_average_to_the_figure_shown(model: UnitModel) -> None:
    moved = model.benchmarked(72.5)
    for table in (moved.units, moved.classes):
        assert (table["estimate"] * table["share"]).sum() == pytest.approx(72.5)
    assert moved.source["estimate"].iloc[0] == model.source["estimate"].iloc[0], "the source score stays as it was"


def test_units_alike_have_no_spread() -> None:
    """The same four answers in every unit: less between units than chance alone would make."""
    alike = pd.DataFrame({"unit": np.repeat(list("abcd"), 4), "score": [60.0, 70, 80, 90] * 4, "w": 1.0})
    found = unit_model(SurveyDesign(alike, "w"), "score", [], "unit")
    assert found.components.loc["unit", "variance"] == 0
    assert found.units["estimate"].tolist() == pytest.approx([75.0] * 4)
    penalised = unit_model(SurveyDesign(alike, "w"), "score", [], "unit", variances="penalised")
    assert penalised.components.loc["unit", "variance"] > 0, "never taken for certain"
    assert (penalised.units["se"] > found.units["se"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fixed": ["nothing"]}, "nothing"),
        ({"totals": listed().assign(sex="x")}, "a category of the list has no respondent"),
        ({"fixed": ["sex", "twice"]}, "the fixed columns depend on each other"),
        ({"fixed": ["gap"]}, "a column has gaps among the respondents"),
        ({"unit": "one"}, "too few answers for a model of units"),
        ({"y": "constant"}, "the answers do not differ"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_fitted_is_refused(change: dict, message: str) -> None:
    table = generated()
    table = table.assign(twice=table["sex"], gap=table["sex"].where(table.index > 3), one="all", constant=70.0)
    about = {"y": "score", "fixed": ["sex"], "unit": "unit"} | change
    with pytest.raises(EstimationError, match=message):
        unit_model(SurveyDesign(table, "w"), **about)
