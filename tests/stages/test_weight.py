"""Weights of an institution: totals, margins, replicates, and the tables they are made from."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError, WeightingError
from spi_analysis.params import RoundParams
from spi_analysis.stages.respondents import replicate_weights
from spi_analysis.stages.weight import (
    Representativity,
    Weighting,
    begin_weighting,
    declared_columns,
    people_with_disposition,
    replicate_seed,
    representativity,
    response_model,
    save_weights,
)
from spi_analysis.survey.weighting import apply_recipe, two_phase_replicates
from spi_analysis.tables import eligible_list, replicate_values
from spi_analysis.tables.store import Store
from tests.kills import kill_after, numbered, times_of
from tests.stages.conftest import Round, elsewhere
from tests.stages.town import TOWN, steps_of, with_steps

PROBABILITY = ("internal", "external")


def of(table: pd.DataFrame, source: str) -> pd.DataFrame:
    return table[table["source"] == source].reset_index(drop=True)


def merged_variables(report: pd.DataFrame) -> set[str]:
    return {merged.variable for step in report["merged"] for merged in step}


def with_margins(round_: RoundParams, *margins: str) -> RoundParams:
    """The round with other margins of the internal source; levels of five answers stay by themselves."""
    other = {"margins": list(margins), "min_respondents": 5}
    steps = [step | other if step["step"] == "rake" else step for step in steps_of(round_)]
    return with_steps(round_, *steps)


@pytest.mark.parametrize("source", PROBABILITY)
def test_every_step_stands_for_the_whole_list(drawn: Round, source: str) -> None:
    people = len(eligible_list(drawn.frame, source))
    weights = of(drawn.weighted.weights, source)
    sums = weights[["base_weight", *declared_columns(drawn.setup.round)]].sum()
    assert sums.tolist() == pytest.approx([people] * len(sums)), "nobody is lost on the way"
    ineligible = weights.loc[weights["disposition"] == "NE", "recal_weight"].sum()
    assert weights["weight"].sum() == pytest.approx(people - ineligible), "the known ineligible leave at the end"


def test_some_were_found_ineligible(drawn: Round) -> None:
    weights = of(drawn.weighted.weights, "internal")
    assert (weights["disposition"] == "NE").sum() == 3
    assert (weights.loc[weights["disposition"] == "NE", "recal_weight"] > 0).all()


@pytest.mark.parametrize("source", PROBABILITY)
def test_only_respondents_have_a_final_weight(drawn: Round, source: str) -> None:
    weights = of(drawn.weighted.weights, source)
    assert ((weights["weight"] > 0) == weights["disposition"].isin(["I", "P"])).all()


@pytest.mark.parametrize("source", PROBABILITY)
@pytest.mark.parametrize("column", ["cal_weight", "recal_weight"])
def test_list_margins_are_hit(drawn: Round, source: str, column: str) -> None:
    weights = of(drawn.weighted.weights, source).merge(of(drawn.frame, source), on="person_id")
    listed = eligible_list(drawn.frame, source)
    for margin in drawn.setup.round.sources[source].weighting.margins:
        if margin in merged_variables(of(drawn.weighted.report, source)):
            continue  # the report says which levels were too thin
        sums = weights.groupby(margin)[column].sum().to_dict()
        assert sums == pytest.approx(listed[margin].value_counts().astype(float).to_dict(), rel=1e-8), margin


def test_merged_levels_hit_their_common_total(drawn: Round) -> None:
    """The smallest unit (20 people) rests on too few answers once only a tenth answers."""
    thin = drawn.responses[(drawn.responses["source"] != "internal") | (drawn.responses.index % 5 == 0)]
    weighted = drawn.weight(responses=thin)
    assert "unit" in merged_variables(of(weighted.report, "internal"))
    assert of(weighted.weights, "internal")["recal_weight"].sum() == pytest.approx(198)


@pytest.mark.parametrize("source", PROBABILITY)
def test_every_replicate_hits_the_margins_too(drawn: Round, source: str) -> None:
    """The stored replicates are those of respondents; with the ineligible still in, each sums to the list."""
    people = of(drawn.weighted.sample, source).merge(
        of(drawn.weighted.weights, source)[["person_id", "nr_class"]], on="person_id"
    )
    seed = replicate_seed(drawn.setup.round, TOWN, source)
    made = two_phase_replicates(people, "nr_class", 200, seed, status="disposition")
    listed = eligible_list(drawn.frame, source)
    steps = drawn.setup.round.sources[source].weighting.recipe[:-1]
    whole = apply_recipe(people, steps, replicates=made, frame=listed)
    for margin in drawn.setup.round.sources[source].weighting.margins:
        if margin in merged_variables(whole.report):
            continue
        sums = pd.DataFrame(whole.replicates.values).groupby(people[margin].to_numpy()).sum()
        expected = listed[margin].value_counts().sort_index().to_numpy(dtype=float)
        np.testing.assert_allclose(sums, np.repeat(expected[:, None], 200, axis=1), rtol=1e-7)
    ids, stored = replicate_weights(drawn.weighted.replicates, source)
    rows = people.set_index("person_id").index.get_indexer(ids)
    np.testing.assert_allclose(stored.values, whole.replicates.values[rows])
    fitted, totals = whole.fitted
    assert fitted == people["disposition"].isin(["I", "P", "NE"]).sum(), "those with weight when margins are met"
    assert stored.scale == pytest.approx(fitted / (fitted - totals) / 200), "n/(n - p) over the number of replicates"


def test_replicates_are_of_the_respondents_of_probability_sources(drawn: Round) -> None:
    weights = drawn.weighted.weights
    expected = weights[(weights["weight"] > 0) & weights["source"].isin(PROBABILITY)]
    assert set(drawn.weighted.replicates["person_id"]) == set(expected["person_id"])
    values = replicate_values(drawn.weighted.replicates)
    assert values.shape[1] == 200
    assert (values > 0).all(), "f > 0, so nobody disappears from a replicate"


def test_panel_counts_the_same_for_all(drawn: Round) -> None:
    panel = of(drawn.weighted.weights, "expert")
    assert panel["weight"].tolist() == [1.0] * 14


def test_same_inputs_give_the_same_tables_in_any_row_order(drawn: Round) -> None:
    mixed = {
        name: getattr(drawn, name).sample(frac=1, random_state=4) for name in ("frame", "sample", "events", "responses")
    }
    again = drawn.weight(**mixed)
    pd.testing.assert_frame_equal(again.weights, drawn.weighted.weights, check_exact=True)
    pd.testing.assert_frame_equal(again.replicates, drawn.weighted.replicates, check_exact=True)


def test_seeds_differ_between_institutions_and_sources(drawn: Round) -> None:
    round_ = drawn.setup.round
    seeds = {replicate_seed(round_, i, s) for i in (TOWN, "kota-bengkulu") for s in PROBABILITY}
    assert len(seeds) == 4
    assert max(seeds) < 2**64


def test_tables_fit_the_store(drawn: Round, tmp_path) -> None:
    store = Store(tmp_path / "spi_2024")
    save_weights(store, TOWN, drawn.weighted)
    pd.testing.assert_frame_equal(
        store.read("weights", TOWN)[drawn.weighted.weights.columns],
        drawn.weighted.weights.astype({"nr_class": store.read("weights", TOWN)["nr_class"].dtype}),
        check_dtype=False,
    )
    kept = replicate_values(store.read("replicates", TOWN))
    np.testing.assert_array_equal(kept, replicate_values(drawn.weighted.replicates))


def test_as_many_replicates_as_the_round_says_begin_with_those_of_fewer(drawn: Round, tmp_path) -> None:
    """Draws are counted: 2,000 replicates hold the first 200, and all of them come back from the store."""
    many = drawn.setup.round.replicates.model_copy(update={"n_replicates": 2000})
    weighted = drawn.weight(round_=drawn.setup.round.model_copy(update={"replicates": many}))
    store = Store(tmp_path / "spi_2024")
    save_weights(store, TOWN, weighted)
    kept = replicate_values(store.read("replicates", TOWN))
    assert kept.shape == (len(drawn.weighted.replicates), 2000)
    np.testing.assert_allclose(kept[:, :200], replicate_values(drawn.weighted.replicates), rtol=1e-6)


# --- what may happen to a round


def test_partial_answers_count_only_where_the_round_says_so(drawn: Round) -> None:
    broken_off = drawn.responses.copy()
    broken_off.loc[broken_off["source"] == "internal", "completed_at"] = pd.NaT
    counted = of(drawn.weight(responses=broken_off).weights, "internal")
    assert ((counted["disposition"] == "P") == (counted["weight"] > 0)).all()
    rules = drawn.setup.round.dispositions.model_copy(update={"respondents": ["I"]})
    strict = drawn.setup.round.model_copy(update={"dispositions": rules})
    some = broken_off.copy()
    some.loc[some.index % 2 == 0, "completed_at"] = drawn.responses["completed_at"]
    left_out = of(drawn.weight(responses=some, round_=strict).weights, "internal")
    assert ((left_out["disposition"] == "I") == (left_out["weight"] > 0)).all()
    assert left_out["weight"].sum() == pytest.approx(counted["weight"].sum(), rel=0.03)


@pytest.mark.parametrize("margins", [["is_asn"], ["unit", "is_asn", "sex"]])
def test_margins_may_be_flags(drawn: Round, margins: list[str]) -> None:
    weighted = drawn.weight(round_=with_margins(drawn.setup.round, *margins))
    weights = of(weighted.weights, "internal").merge(of(drawn.frame, "internal"), on="person_id")
    listed = eligible_list(drawn.frame, "internal")["is_asn"].sum()
    assert weights.loc[weights["is_asn"].astype(bool), "recal_weight"].sum() == pytest.approx(listed)


def test_unknown_levels_are_a_level_of_their_own(drawn: Round) -> None:
    gaps = drawn.frame.assign(unit=drawn.frame["unit"].mask(drawn.frame["unit"] == "Dinas Satu"))
    weights = of(drawn.weight(frame=gaps).weights, "internal").merge(of(gaps, "internal"), on="person_id")
    listed = eligible_list(gaps, "internal")["unit"].isna().sum()
    assert weights.loc[weights["unit"].isna(), "recal_weight"].sum() == pytest.approx(listed)


def test_misspelt_margin_names_the_nearest(drawn: Round) -> None:
    with pytest.raises(ValueError, match="the list has no such column") as caught:
        with_margins(drawn.setup.round, "unit", "agegroup")
    assert caught.value.errors()[0]["ctx"]["error"].hint == "did you mean 'age_group'?"


def test_sampled_people_missing_from_the_frame_are_not_dropped_in_silence(drawn: Round) -> None:
    lost = drawn.frame[~drawn.frame["person_id"].isin(drawn.sample["person_id"].head(5))]
    with pytest.raises(InputError, match="not in the frame any more") as caught:
        drawn.weight(frame=lost)
    assert "5 of" in str(caught.value)


def test_a_source_that_nobody_answered_keeps_its_design_weights(drawn: Round) -> None:
    silent = drawn.responses[drawn.responses["source"] != "external"]
    weights = of(drawn.weight(responses=silent).weights, "external")
    assert (weights["weight"] == 0).all()
    assert weights["base_weight"].sum() == pytest.approx(168)


def test_no_answer_at_all_is_a_table_without_weight(drawn: Round) -> None:
    nothing = drawn.responses.head(0)[["institution_id", "person_id", "source", "started_at", "completed_at"]]
    weighted = drawn.weight(responses=nothing)
    assert (weighted.weights["weight"] == 0).all()
    assert weighted.replicates.empty


# --- the recipe of a round is data

PROPENSITY = (
    {"step": "unknown_eligibility", "by": ["unit"]},
    {"step": "propensity", "formula": "position_class + sex + age_group", "method": "classes", "n_classes": 5},
    {"step": "rake", "margins": ["unit", "position_class", "sex", "age_group"]},
    {"step": "trim", "k": 5},
    {"step": "drop_ineligible"},
)


def test_the_round_declares_the_columns(drawn: Round) -> None:
    declared = ["elig_weight", "nr_weight", "cal_weight", "trimmed_weight", "recal_weight"]
    assert declared_columns(drawn.setup.round) == declared
    assert list(drawn.weighted.weights.columns[-7:]) == ["base_weight", *declared, "weight"]


def test_a_recipe_without_trimming_ends_where_the_raking_ends(drawn: Round) -> None:
    """Raked twice with nothing between changes nothing: the default's calibrated weights are then the final ones."""
    steps = [step for step in steps_of(drawn.setup.round) if step["step"] != "trim"]
    weights = of(drawn.weight(round_=with_steps(drawn.setup.round, *steps)).weights, "internal")
    assert weights["trimmed_weight"].isna().all(), "only the other source has this step"
    kept = weights["disposition"] != "NE"
    expected = of(drawn.weighted.weights, "internal")["cal_weight"].where(kept, 0.0)
    np.testing.assert_allclose(weights["weight"], expected, rtol=1e-8)


def test_a_recipe_with_propensities_stands_for_the_list(drawn: Round, tmp_path) -> None:
    round_ = with_steps(drawn.setup.round, *PROPENSITY)
    weighted = drawn.weight(round_=round_)
    weights = of(weighted.weights, "internal").merge(of(drawn.frame, "internal"), on="person_id")
    listed = eligible_list(drawn.frame, "internal")
    for margin in ("unit", "position_class", "sex", "age_group"):
        sums = weights.groupby(margin)["cal_weight"].sum().to_dict()
        assert sums == pytest.approx(listed[margin].value_counts().astype(float).to_dict(), rel=1e-6), margin
    assert ((weights["weight"] > 0) == weights["disposition"].isin(["I", "P"])).all()
    store = Store(tmp_path / "spi_2024")
    save_weights(store, TOWN, weighted)
    assert store.read("weights", TOWN)["nr_weight"].tolist() == weighted.weights["nr_weight"].tolist()


def test_propensity_classes_are_those_of_the_response_model(drawn: Round) -> None:
    """Inside a class of the model the weight of all goes to the respondents, in proportion: W_c / R_c."""
    round_ = with_steps(drawn.setup.round, *PROPENSITY)
    weights = of(drawn.weight(round_=round_).weights, "internal")
    inside = weights[weights["disposition"] != "NE"]
    moved = inside.groupby("nr_class")[["elig_weight", "nr_weight"]].sum()
    assert len(moved) == 5
    np.testing.assert_allclose(moved["nr_weight"], moved["elig_weight"])


def test_replicates_fit_the_response_model_anew(drawn: Round) -> None:
    """Their weights vary inside a class: with the model of the sample kept, the factor would be one for all."""
    recipe = with_steps(drawn.setup.round, *PROPENSITY[:2], PROPENSITY[-1])
    weighted = drawn.weight(round_=recipe)
    ids, made = replicate_weights(weighted.replicates, "internal")
    classes = of(weighted.weights, "internal").set_index("person_id").loc[ids]
    share = made.values / classes["weight"].to_numpy()[:, None]
    assert len(np.unique(np.round(share[:, 0], 6))) > 5
    assert made.values.sum(axis=0) == pytest.approx(classes["weight"].sum(), rel=0.2), "nobody is lost"


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ("weighting_classes", "weighting_classes, propensity or rake"),
        ("drop_ineligible", "the known ineligible"),
    ],
)
def test_a_recipe_that_leaves_weight_to_others_is_refused(drawn: Round, left_out: str, words: str) -> None:
    steps = [step for step in steps_of(drawn.setup.round) if step["step"] not in (left_out, "rake", "trim")]
    with pytest.raises(WeightingError, match=words) as caught:
        drawn.weight(round_=with_steps(drawn.setup.round, *steps))
    assert "sources.internal.weighting" in str(caught.value)


# --- how evenly people answered


def test_representativity_by_hand(drawn: Round) -> None:
    """With one column of two groups the propensities are the response rates of the groups."""
    steps = [{"step": "weighting_classes", "by": ["sex"]}, {"step": "drop_ineligible"}]
    found = representativity(drawn.weighted.sample, with_steps(drawn.setup.round, *steps))["internal"]
    people = of(drawn.weighted.sample, "internal").query("disposition != 'NE'")
    weight, answered = people["base_weight"], people["disposition"].isin(["I", "P"])
    rates = (weight * answered).groupby(people["sex"]).sum() / weight.groupby(people["sex"]).sum()
    share = people["sex"].map(rates)
    mean = (weight * answered).sum() / weight.sum()
    spread = np.sqrt((weight * (share - mean) ** 2).sum() / (weight.sum() - 1))
    assert found.found.response_rate == pytest.approx(mean)
    assert found.found.unadjusted == pytest.approx(1 - 2 * spread)
    assert found.found.cv == pytest.approx(spread / mean)
    assert (found.answered, found.invited) == (answered.sum(), len(people))


def test_no_group_of_few_is_told_apart(drawn: Round) -> None:
    least = drawn.setup.round.disclosure.min_cell
    found = representativity(drawn.weighted.sample, drawn.setup.round)
    assert set(found) == {"internal", "external"}, "a panel is no sample"
    people = of(drawn.weighted.sample, "internal").query("disposition != 'NE'")
    answered = people["disposition"].isin(["I", "P"]).groupby(people["unit"]).agg(["sum", "size"])
    assert (answered["sum"] < least).any() or (answered["size"] - answered["sum"] < least).any()
    assert (found["internal"].found.categories["n"] >= 2 * least).all()


def test_a_source_that_few_answered_tells_nothing(drawn: Round) -> None:
    kept = drawn.responses.groupby("source").head(12)
    people = drawn.weight(responses=kept).sample
    assert representativity(people, drawn.setup.round) == {"internal": None, "external": None}


def test_cells_of_the_notebook_give_what_one_call_gives(drawn: Round) -> None:
    """Step by step or at once: the same weights, replicates and report, to the last digit."""
    people = people_with_disposition(
        drawn.frame, drawn.sample, drawn.events, drawn.responses, drawn.setup.round, drawn.setup.instrument
    )
    started = begin_weighting(people, drawn.frame, drawn.setup.round)
    found = started.adjusted().calibrated().trimmed().finished()
    for name in ("weights", "replicates", "report", "sample"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(drawn.weighted, name), check_exact=True)


def test_cells_take_the_steps_that_their_names_say(drawn: Round) -> None:
    """unknown_eligibility and weighting_classes; rake; trim; then rake and drop_ineligible are left."""
    left = [len(part.runs["internal"].left) for part in moments(drawn, drawn.setup.round)]
    assert left == [6, 4, 3, 2]


def test_cells_follow_another_recipe(drawn: Round) -> None:
    """Without raking and trimming those cells do nothing, and the last one ends the recipe."""
    steps = [
        {"step": "propensity", "formula": "sex"},
        {"step": "drop_ineligible"},
    ]
    round_ = with_steps(drawn.setup.round, *steps)
    started, *others = moments(drawn, round_)
    assert len(started.runs["internal"].left) == 2
    assert [len(part.runs["internal"].left) for part in others] == [1, 1, 1]
    assert of(others[-1].finished().report, "internal")["step"].tolist()[-1] == "DropIneligible"


def moments(drawn: Round, round_: RoundParams) -> list[Weighting]:
    people = people_with_disposition(
        drawn.frame, drawn.sample, drawn.events, drawn.responses, round_, drawn.setup.instrument
    )
    started = begin_weighting(people, drawn.frame, round_)
    return [started, started.adjusted(), started.adjusted().calibrated(), started.adjusted().calibrated().trimmed()]


def test_odds_of_answering_by_hand(drawn: Round) -> None:
    """Of 100 men 50 answered, of 80 women 20: odds 1 and 1/3.

    The variance of the log odds ratio is 1/50 + 1/50 + 1/20 + 1/60 (Woolf 1955), times n/(n - 1) of one stratum.
    """
    answered = [True] * 50 + [False] * 50 + [True] * 20 + [False] * 60
    people = pd.DataFrame({"answered": answered, "base_weight": 2.0, "stratum": "all"})
    levels = pd.DataFrame({"sex": ["male"] * 100 + ["female"] * 80})
    table = response_model(Representativity(None, people, levels), 0.95).table
    assert table[["variable", "category", "n"]].values.tolist() == [["sex", "female", 180]]
    assert table["estimate"].tolist() == pytest.approx([np.log(1 / 3)])
    assert table["se"].tolist() == pytest.approx([np.sqrt((1 / 50 + 1 / 50 + 1 / 20 + 1 / 60) * 180 / 179)])


@pytest.mark.slow
@pytest.mark.long
def test_weighting_killed_at_ten_moments_leaves_nothing_half(drawn: Round, again: Round, tmp_path) -> None:
    """Kill -9 over earlier weights: both tables can be read, none counts as done by halves, once more ends it."""
    from spi_analysis.operations.many import RoundContext, _weight

    def place(name):
        told = elsewhere(drawn.setup, tmp_path / name)
        store = Store(told.workspace.data / told.round.round_id)
        for table in ("frame", "sample", "events", "responses"):
            store.write(table, TOWN, getattr(drawn, table))
        save_weights(store, TOWN, again.weighted)
        return RoundContext(told)

    def files(context):
        return [context.store.path(table, TOWN).read_bytes() for table in ("replicates", "weights")]

    trial = place("trial")
    before = files(trial)
    moments = times_of(lambda: _weight(trial, TOWN, None))
    after = files(trial)
    assert before != after
    for name, moment in numbered(moments):
        context = place(name)
        kill_after(moment, lambda context=context: _weight(context, TOWN, None))
        assert all(one in (old, new) for one, old, new in zip(files(context), before, after, strict=True))
        assert len(context.store.read("weights", TOWN)) > len(context.store.read("replicates", TOWN)) > 0
        assert _weight(context, TOWN, None) or files(context) == after, "what is done is done in whole"
        assert files(context) == after
        assert not _weight(context, TOWN, None)
