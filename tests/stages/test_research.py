"""The researcher's door: designs and labelled tables of one institution and of all, and what may leave the house."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.disclosure import released_table
from spi_analysis.errors import EstimationError, InputError, ParameterError
from spi_analysis.params import Workspace
from spi_analysis.stages import Pooled, ResearchRound, read_survey
from spi_analysis.stages.research import _at_scale
from spi_analysis.survey import (
    ReplicateDesign,
    chi_square,
    contrast,
    crosstab,
    estimate_mean,
    estimate_proportion,
    estimate_regression,
    t_test,
)
from spi_analysis.tables import Store
from tests.scores.toys import instrument as toy_instrument
from tests.stages.conftest import Round
from tests.stages.town import TOWN

OTHER = "kota-bengkulu"


@pytest.fixture
def everyone(tmp_path: Path, drawn: Round) -> Pooled:
    """Two institutions with the same people; the second has weights ten times as large."""
    store = Store(tmp_path / "data" / "spi_2024")
    tables = {"frame": drawn.frame, "sample": drawn.sample, "events": drawn.events, "responses": drawn.responses}
    tables |= {"weights": drawn.weighted.weights, "replicates": drawn.weighted.replicates}
    for name, table in tables.items():
        store.write(name, TOWN, table)
        moved = table.assign(institution_id=OTHER) if "institution_id" in table else table
        if name == "weights":
            moved = moved.assign(weight=10 * moved["weight"])
        store.write(name, OTHER, moved)
    store.write("estimates", TOWN, drawn.score().estimates)
    return Pooled((replace(drawn.setup, workspace=Workspace(tmp_path)),))


@pytest.fixture
def data(everyone: Pooled) -> ResearchRound:
    return everyone[TOWN]


def test_a_design_has_answers_experiences_and_scores(data: ResearchRound) -> None:
    design = data.design("internal")
    items = [item.code for item in data.instrument.items("internal")]
    assert set(design.data[items].stack().dropna()) <= set(range(1, 7)), "8 is no answer"
    assert design.data[items].isna().any(axis=None)
    questions = data.instrument.sources["internal"]
    for question in [*questions.contacts, *questions.experiences]:
        assert set(design.data[question.code].dropna()) <= {0.0, 1.0}
    assert {"unit", "sex", "score", *data.instrument.item_weights("internal")} <= set(design.data)
    assert "ext_fai_1" not in design.data, "a question to others"
    assert design.data["score"].between(0, 100).all()


def test_rates_of_the_design_are_those_of_the_round(data: ResearchRound) -> None:
    """Of all respondents; and of those with contact, where the contact's own column is 1."""
    design, item = data.design("external"), data.instrument.sources["external"].experiences[0]
    met = design.subset(design.data[item.contact] == 1)
    stored = data.estimates[data.estimates["part"] == item.code].set_index("denominator")
    for part, denominator in ((design, "respondents"), (met, "contacts")):
        row = estimate_mean(part, item.code).table.iloc[0]
        assert 100 * row["estimate"] == pytest.approx(stored.loc[denominator, "estimate"])
        assert 100 * row["se"] == pytest.approx(stored.loc[denominator, "se"])


def test_a_persons_score_counts_what_was_answered(data: ResearchRound) -> None:
    design, weights = data.design("internal"), data.instrument.item_weights("internal")["score"]
    values = design.data[[f"{code}__score" for code in weights.index]].to_numpy()
    known = ~np.isnan(values)
    expected = [
        np.average(row[there], weights=weights.to_numpy()[there]) for row, there in zip(values, known, strict=True)
    ]
    assert design.data["score"].tolist() == pytest.approx(expected)


def test_labels_are_in_the_order_of_the_scale(data: ResearchRound) -> None:
    answers = data.labelled("internal")
    item = data.instrument.items("internal")[0]
    scale = data.instrument.scales[item.scale]
    assert answers[item.code].cat.ordered
    assert answers[item.code].cat.categories[0] == scale.labels[1].en
    assert len(answers[item.code].cat.categories) == 6, "no answer is missing"
    assert answers.attrs["labels"][item.code] == item.text.en
    assert data.labelled("internal", "id").attrs["labels"][item.code] == item.text.id
    assert set(answers["sex"].dropna()) <= {"Female", "Male", "Unknown"}


def test_fewer_replicates_are_the_first_ones(data: ResearchRound) -> None:
    whole, part = data.design("internal"), data.design("internal", replicates=20)
    np.testing.assert_array_equal(part.replicates, whole.replicates[:, :20])
    assert part.scale == pytest.approx(whole.scale * whole.replicates.shape[1] / 20)
    assert part.scale > 1 / 20, "weights were fitted to totals"
    with pytest.raises(InputError, match="so many replicates are not stored"):
        data.design("internal", replicates=10**6)


def test_a_pooled_mean_is_that_of_all_people(everyone: Pooled) -> None:
    """The same people twice, with weights of 1 and of 10: the same mean; 1/121 and 100/121 of one variance."""
    pooled, alone = everyone.design("internal", replicates=20), everyone[TOWN].design("internal", replicates=20)
    assert len(pooled) == 2 * len(alone)
    assert pooled.data["type"].unique().tolist() == ["kota"]
    assert pooled.data["institution_id"].unique().tolist() == [TOWN, OTHER]
    both, one = (estimate_mean(design, "score").table["estimate"][0] for design in (pooled, alone))
    assert both == pytest.approx(one)
    assert pooled.df_design == pytest.approx(alone.df_design + everyone[OTHER].design("internal").df_design)
    panel = everyone.design("expert")
    assert estimate_mean(panel, "score", by="institution_id").table["n"].tolist() == [14, 14]


def test_designs_of_different_scales_keep_their_variances(everyone: Pooled) -> None:
    """A round whose weights were fitted to more totals, beside one with fewer: each mean has the error it has alone."""
    alone = everyone[TOWN].design("internal", replicates=20)
    wider = ReplicateDesign(
        alone.data, "weight", alone.replicates, "bootstrap", scale=2 * alone.scale, df_design=alone.df_design
    )
    values = [_at_scale(one, wider.scale) for one in (alone, wider)]
    np.testing.assert_array_equal(values[1], wider.replicates)
    assert (values[0] >= 0).all(), "they deviate less: no weight falls below 0"
    again = ReplicateDesign(alone.data, "weight", values[0], "bootstrap", scale=wider.scale, df_design=alone.df_design)
    first, second = (estimate_mean(one, "score").table["se"][0] for one in (alone, again))
    # A mean is a ratio, in which half the deviation is not exactly half the variance's root.
    assert second == pytest.approx(first, rel=0.02)


def test_years_take_different_replicates(everyone: Pooled) -> None:
    twice = Pooled((everyone.setups[0], replace_round(everyone, "spi_2025")))
    design = twice.design("internal", replicates=10)
    stored = everyone[TOWN].design("internal")
    first = (design.data["round_id"] == "spi_2024") & (design.data["institution_id"] == TOWN)
    later = (design.data["round_id"] == "spi_2025") & (design.data["institution_id"] == TOWN)
    np.testing.assert_array_equal(design.replicates[first], stored.replicates[:, :10])
    np.testing.assert_array_equal(design.replicates[later], stored.replicates[:, 10:20])


def replace_round(everyone: Pooled, name: str):
    """The same store under the name of another round."""
    (setup,) = everyone.setups
    (setup.workspace.data / name).symlink_to(setup.workspace.data / "spi_2024")
    return replace(setup, round=setup.round.model_copy(update={"round_id": name}))


def test_institutions_are_offered_and_found_by_their_code(everyone: Pooled) -> None:
    assert {TOWN, OTHER} <= set(everyone._ipython_key_completions_()) == set(everyone)
    assert len(everyone) == len(everyone.setups[0].institution_ids)
    assert everyone[OTHER].institution_id == OTHER
    assert "2 with weights, 1 with estimates" in repr(everyone)
    with pytest.raises(ParameterError, match="did you mean 'kota-bengkulu'"):
        everyone["kota-bengkul"]
    with pytest.raises(ParameterError, match="unknown source"):
        everyone[TOWN].design("internl")


def test_a_mean_of_institutions_comes_from_their_estimates(everyone: Pooled) -> None:
    index = everyone.estimates.query("measure == 'index'")
    assert index[["institution_id", "type", "round_id"]].to_numpy().tolist() == [[TOWN, "kota", "spi_2024"]]


# What may leave the house.


def test_released_figures_are_rounded_and_small_cells_are_missing(data: ResearchRound) -> None:
    inside, outside = (
        estimate_mean(data.design("internal", released=released), "score", by=["unit", "sex"])
        for released in (False, True)
    )
    small = inside.table["n"] < 10
    assert small.any()
    assert outside.table.loc[small, ["estimate", "se", "ci_low", "n"]].isna().all(axis=None)
    shown = outside.table["estimate"].notna()
    assert 0 < shown.sum() < len(shown)
    assert outside.table.loc[shown, "estimate"].tolist() == inside.table.loc[shown, "estimate"].round(2).tolist()
    assert np.isnan(np.diag(outside.covariance)[~shown]).all()
    assert outside.replicates is None


def test_no_hidden_cell_follows_from_the_total_of_a_line() -> None:
    """One of a's cells is small: with it another of that row, and then one more of each of their columns."""
    table = pd.DataFrame(
        {"variable": "y", "row": list("aaabbb"), "column": list("xyz") * 2, "n": [4, 12, 30, 20, 15, 40]}
    )
    for name in ("estimate", "se", "ci_low", "ci_high", "df_design"):
        table[name] = 1.0
    hidden = released_table(table, 10)["estimate"].isna()
    assert hidden.tolist() == [True, True, False, True, True, False]


def test_cells_in_which_all_answer_alike_are_hidden() -> None:
    table = pd.DataFrame({"variable": "y", "row": list("abc"), "n": [40, 30, 20], "se": [0.0, 1, 1]})
    for name in ("estimate", "ci_low", "ci_high", "df_design"):
        table[name] = 100.0
    assert released_table(table, 10)["estimate"].isna().tolist() == [True, False, True]


def test_tests_tables_and_regressions_of_what_is_released(data: ResearchRound) -> None:
    inside, outside = data.design("internal"), data.design("internal", released=True)
    both = [
        crosstab(design, "sex", data.instrument.sources["internal"].contacts[0].code) for design in (inside, outside)
    ]
    # A test is made from what is not rounded, and rounded then.
    assert (both[1].test.statistic, both[1].test.p_value) == (
        round(both[0].test.statistic, 2),
        pytest.approx(both[0].test.p_value, abs=0.0005),
    )
    assert both[1].table["share"].dropna().tolist() == both[1].table["share"].dropna().round(3).tolist()
    with pytest.raises(EstimationError, match="too few people to be shown"):
        estimate_regression(outside, "score ~ C(person_id == 'internal-dinassatu-001') + sex")
    fits = [estimate_regression(design, "score ~ position_class") for design in (inside, outside)]
    assert fits[1].table["estimate"].tolist() == fits[0].table["estimate"].round(2).tolist()
    assert fits[1].joint("position_class").statistic == round(fits[0].joint("position_class").statistic, 2)


def test_no_test_of_what_is_released_rests_on_a_few_people(data: ResearchRound) -> None:
    design = data.design("internal", released=True)
    few = pd.Series(np.arange(len(design)) < 3, design.data.index, name="few")
    design = design.with_columns(few)
    assert estimate_mean(design, "score", by="few").table["estimate"].isna().all()
    with pytest.raises(EstimationError, match="too few people to be shown"):
        t_test(design, "score", by="few")
    contact = data.instrument.sources["internal"].contacts[0].code
    with pytest.raises(EstimationError, match="too few people to be shown"):
        chi_square(design, "few", contact)
    found = crosstab(design, "few", contact)
    assert np.isnan(found.test.p_value)
    assert "hidden cells" in repr(found.test)


def test_a_rate_of_a_few_is_hidden_however_many_answered(data: ResearchRound) -> None:
    """Nine who said yes are hidden, ten are shown; the same as a mean of 1 and 0, and for those who said no."""
    design = data.design("internal", released=True)
    yes = {f"yes_{k}": np.where(np.arange(len(design)) < k, 1.0, 0.0) for k in (9, 10, len(design) - 9)}
    design = design.with_columns(pd.DataFrame(yes, design.data.index))
    hidden = [True, False, True]
    assert estimate_mean(design, list(yes)).table["estimate"].isna().tolist() == hidden
    shares = [estimate_proportion(design, name).table["estimate"].isna() for name in yes]
    assert [(part.all(), part.any()) for part in shares] == [(one, one) for one in hidden]


def test_what_is_made_from_released_figures_is_rounded_and_hidden_like_them(data: ResearchRound) -> None:
    design = data.design("internal", released=True)
    means = estimate_mean(design, "score", by=["position_class", "sex"])
    shown = np.flatnonzero(means.table["estimate"].notna())
    hidden = np.flatnonzero(means.table["estimate"].isna())
    apart = contrast(means, {"shown": {shown[0]: 1, shown[1]: -1}, "hidden": {shown[0]: 1, hidden[0]: -1}}).table
    figures = apart.loc[0, ["estimate", "se", "ci_low", "ci_high"]].astype(float)
    assert figures.tolist() == figures.round(2).tolist()
    assert apart.loc[1, ["estimate", "se", "n"]].isna().all()


def test_ages_and_tenures_stand_in_their_order(data: ResearchRound) -> None:
    design = data.design("internal")
    groups = ["<30", "30-39", "40-49", "50+"]
    assert list(design.data["age_group"].cat.categories)[: len(groups)] == groups, "and then what no rule names"
    shown = [one for one in estimate_mean(design, "score", by="age_group").table["age_group"] if one in groups]
    assert shown == [one for one in groups if one in shown]
    assert len(shown) > 1
    bands = list(design.data["tenure_band"].cat.categories)
    assert bands.index("2_to_5") < bands.index("10_to_20")
    answers = data.labelled("internal", "id")
    assert list(answers["age_group"].cat.categories)[: len(groups)] == groups
    assert "unknown" not in answers["age_group"].cat.categories


def test_nothing_is_released_of_a_result_that_is_withheld(everyone: Pooled) -> None:
    (setup,) = everyone.setups
    inputs = setup.inputs[TOWN].model_copy(update={"release": "withheld", "withheld_reason": "conduct"})
    withheld = Pooled((replace(setup, inputs=setup.inputs | {TOWN: inputs}),))
    with pytest.raises(InputError, match="withheld"):
        withheld[TOWN].design("internal", released=True)
    assert set(withheld.design("internal", 10, released=True).data["institution_id"]) == {OTHER}
    assert set(withheld.design("internal", 10).data["institution_id"]) == {TOWN, OTHER}


# Surveys of others.


def test_a_survey_of_others_has_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("No,W,Region,A,B,C,D,met,asked\n1,1.5,n,1,2,3,4,1,0\n2,0.5,s,5,5,,5,1,1\n3,1,s,2,2,2,2,0,\n")
    survey = read_survey(path, toy_instrument(), "internal")
    design = survey.design(weight="W")
    assert estimate_mean(design, "asked").table["estimate"][0] == pytest.approx(0.5 / 3), "no contact counts as no"
    assert design.data["Region"].tolist() == ["n", "s", "s"]
    assert design.data["score"].notna().all()


def test_a_regression_of_an_experience_of_a_few_is_refused(data: ResearchRound) -> None:
    """Of the men of a level nine said yes: its coefficient would give their rate away."""
    design = data.design("internal", released=True)
    place = np.arange(len(design))
    group = np.where(place < 40, "few", "many")
    made = pd.DataFrame({"y": np.where((place < 9) | (place % 3 == 2) & (place >= 40), 1.0, 0.0), "g": group})
    few = design.with_columns(made.set_index(design.data.index))
    with pytest.raises(EstimationError, match=r"too few people to be shown[\s\S]*9 people"):
        estimate_regression(few, "y ~ g", "binomial")
    ten = few.with_columns(few.data["y"].where(few.data.index != few.data.index[9], 1.0))
    assert estimate_regression(ten, "y ~ g", "binomial").table["estimate"].notna().all()
