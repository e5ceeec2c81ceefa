"""Estimates of an institution: the contract, the formula on its own rows, and what is hidden."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.reporting.analyst.score_analysis import dimensions_apart_note, experience_model_tables
from spi_analysis.scores import (
    answer_counts,
    experience_answers,
    index_from_scores,
    item_scores,
    score_estimates,
)
from spi_analysis.stages.respondents import item_weights
from spi_analysis.stages.score import Scored, experience_models, save_estimates
from spi_analysis.tables import Store
from spi_analysis.tables.contracts import CONTRACTS, HIDDEN_COLUMNS, KEYS
from tests.stages.conftest import Round, published_history
from tests.stages.town import TOWN, with_steps

COMPOSITES = ("index", "category", "target")


def rows(scored: Scored, measure: str, **where: str) -> pd.DataFrame:
    table = scored.estimates[scored.estimates["measure"] == measure]
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def source_scores(scored: Scored) -> pd.DataFrame:
    return rows(scored, "source_score").set_index("source")


def keep(drawn: Round, source: str, n: int) -> pd.DataFrame:
    """Responses with only n of a source."""
    of_source = drawn.responses["source"] == source
    return pd.concat([drawn.responses[~of_source], drawn.responses[of_source].head(n)], ignore_index=True)


# --- the table


def test_table_obeys_its_contract_and_keys(scored: Scored) -> None:
    table = scored.estimates
    assert list(table.columns) == list(CONTRACTS["estimates"].columns)
    assert not table.duplicated(KEYS["estimates"]).any()
    assert set(table["status"]) <= {"shown", "suppressed"}
    shown = table[table["status"] == "shown"]
    assert shown["estimate"].notna().all()


def test_every_measure_is_there(scored: Scored, drawn: Round) -> None:
    counts = scored.estimates["measure"].value_counts()
    dimensions = sum(len(part.dimensions) for part in drawn.setup.instrument.sources.values())
    items = sum(len(drawn.setup.instrument.items(source)) for source in drawn.setup.instrument.sources)
    experiences = sum(len(part.experiences) for part in drawn.setup.instrument.sources.values())
    assert counts.to_dict() == {
        "source_score": 3,
        "dimension_score": dimensions,
        "unit_score": 4 + 3,
        "unit_difference": 4 + 3,
        "class_score": 3,
        "class_difference": 3,
        "experience_rate": 2 * experiences,
        **dict.fromkeys(("item_favourable", "item_neutral", "item_unfavourable"), items),
        "index": 1,
        "index_without_panel_variance": 1,
        "index_variance_share": 3,
        "index_part": 5,
        "category_probability": 3,
        "target_probability": 2,
        "index_change": 1,
        "index_previous_noise": 1,
        "index_repeated": 1,
        "change_probability": 1,
    }


def test_intervals_hold_their_estimates(scored: Scored) -> None:
    table = scored.estimates.dropna(subset=["ci_low"])
    assert ((table["ci_low"] <= table["estimate"]) & (table["estimate"] <= table["ci_high"])).all()
    assert (table["se"] >= 0).all()
    assert (table["effective_n"].dropna() <= table.loc[table["effective_n"].notna(), "n"] + 1e-9).all()


def test_estimates_fit_the_store(scored: Scored, tmp_path) -> None:
    store = Store(tmp_path / "spi_2024")
    save_estimates(store, TOWN, scored)
    assert len(store.read("estimates", TOWN)) == len(scored.estimates)


# --- the figures


@pytest.mark.parametrize("source", ["internal", "external", "expert"])
def test_source_score_is_the_weighted_mean_of_item_means(scored: Scored, drawn: Round, source: str) -> None:
    """Computed once more, the long way: item by item with the final weights."""
    weights = drawn.weighted.weights.query("source == @source and weight > 0")
    answers = drawn.responses[drawn.responses["source"] == source].set_index("person_id").loc[weights["person_id"]]
    items = item_scores(answers, drawn.setup.instrument, source)
    w = weights["weight"].to_numpy()
    means = {c: np.average(v.dropna(), weights=w[v.notna().to_numpy()]) for c, v in items.items()}
    dimensions = []
    for dimension in drawn.setup.instrument.sources[source].dimensions:
        indicators = [np.mean([means[item.code] for item in i.items]) for i in dimension.indicators]
        dimensions.append(np.mean(indicators))
        figure = rows(scored, "dimension_score", source=source, part=dimension.code)["estimate"].iloc[0]
        assert figure == pytest.approx(dimensions[-1]), dimension.code
    assert source_scores(scored).loc[source, "estimate"] == pytest.approx(np.mean(dimensions))


def test_index_is_the_formula_on_the_source_rows(scored: Scored, drawn: Round) -> None:
    scores, inputs = source_scores(scored)["estimate"], drawn.setup.inputs[TOWN]
    index = rows(scored, "index").iloc[0]
    taken_off = [inputs.correction_conduct, inputs.correction_facts, inputs.correction_other]
    expected = index_from_scores(scores.to_dict(), drawn.setup.round.index.source_weights, taken_off)
    assert index["estimate"] == pytest.approx(expected, abs=1e-12)
    assert rows(scored, "index_part")["estimate"].sum() == pytest.approx(expected, abs=1e-9)
    made = ["internal", "external", "expert", "correction_conduct", "correction_facts"]
    assert rows(scored, "index_part")["part"].tolist() == made, "no row of a correction that was not made"


def test_index_variance_is_the_sum_over_sources(scored: Scored, drawn: Round) -> None:
    scores, weights = source_scores(scored), drawn.setup.round.index.source_weights
    parts = {source: (weights[source] * scores.loc[source, "se"]) ** 2 for source in weights}
    index = rows(scored, "index").iloc[0]
    assert index["se"] ** 2 == pytest.approx(sum(parts.values()))
    shares = rows(scored, "index_variance_share").set_index("part")["estimate"].to_dict()
    assert shares == pytest.approx({source: part / sum(parts.values()) for source, part in parts.items()})
    without = rows(scored, "index_without_panel_variance").iloc[0]
    assert without["se"] ** 2 == pytest.approx(parts["internal"] + parts["external"])
    assert without["estimate"] == index["estimate"]


def test_change_is_against_the_published_index(drawn: Round, scored: Scored) -> None:
    """A year of the same design is no more certain; a panel draws on all panels (12 points, worth 10)."""
    change, index = rows(scored, "index_change").iloc[0], rows(scored, "index").iloc[0]
    assert change["estimate"] == pytest.approx(index["estimate"] - 78.37)
    flat = rows(drawn.score(history=None), "index_change").iloc[0]
    assert flat["se"] == pytest.approx(2**0.5 * index["se"])
    expert = source_scores(scored).loc["expert"]
    n, weight = expert["n"], drawn.setup.round.index.source_weights["expert"]
    moderated = (10 * 144 + (n - 1) * n * expert["se"] ** 2) / (10 + n - 1) / n
    own = index["se"] ** 2 - weight**2 * expert["se"] ** 2
    assert change["se"] == pytest.approx((2 * (own + weight**2 * moderated)) ** 0.5)
    assert change["reference_year"] == 2023


def test_category_chances_sum_to_one(scored: Scored) -> None:
    assert rows(scored, "category_probability")["estimate"].sum() == pytest.approx(1)


def test_chances_lean_towards_what_the_published_years_lead_to_expect(drawn: Round, scored: Scored) -> None:
    """A flat prior takes this round at its word: with 78.37 a year before, a low index is less likely to be so low."""
    flat = drawn.score(history=None)
    index = rows(scored, "index")["estimate"].iloc[0]
    lowest, before = (rows(t, "category_probability", part="rentan")["estimate"].iloc[0] for t in (scored, flat))
    assert (lowest < before) == (index < 78.37)
    assert rows(flat, "change_probability").empty
    assert rows(flat, "index_repeated").empty


def test_the_interval_if_done_again_counts_what_does_not_last(drawn: Round, scored: Scored) -> None:
    """Of a kota 2.96 points (params/published.yaml): never narrower than sampling alone."""
    again, index = rows(scored, "index_repeated").iloc[0], rows(scored, "index").iloc[0]
    sampling, noise = index["ci_high"] - index["estimate"], 1.959964 * 2.96
    assert again["ci_high"] - again["estimate"] == pytest.approx(max(sampling, noise), abs=1e-5)
    assert again["estimate"] == index["estimate"]


def test_the_published_year_itself_and_later_ones_tell_nothing_beforehand(drawn: Round, scored: Scored) -> None:
    told = published_history(drawn.setup)
    later = replace(told, own={**told.own, 2024: 99.0, 2025: 99.0})
    pd.testing.assert_frame_equal(drawn.score(history=later).estimates, scored.estimates)


def test_panel_interval_is_that_of_exchangeable_members(scored: Scored) -> None:
    expert = source_scores(scored).loc["expert"]
    assert (expert["df_design"], expert["n"], expert["effective_n"]) == (13, 14, 14)


@pytest.mark.parametrize("source", ["internal", "external"])
def test_degrees_of_freedom_are_those_of_unequal_classes(scored: Scored, drawn: Round, source: str) -> None:
    """Class by class, by a loop: (sum V)**2 / sum(V**2 / (m - 1)) with V = (1 - m/W) sum w**2."""
    weights = drawn.weighted.weights.query("source == @source and weight > 0")
    parts = [
        ((1 - len(w) / w.sum()) * sum(w**2), len(w) - 1) for _, w in weights.groupby("nr_class")["weight"] if len(w) > 1
    ]
    expected = sum(v for v, _ in parts) ** 2 / sum(v**2 / m for v, m in parts)
    assert source_scores(scored).loc[source, "df_design"] == pytest.approx(expected)
    assert expected <= len(weights) - weights["nr_class"].nunique()


def test_same_inputs_give_the_same_table(scored: Scored, drawn: Round) -> None:
    mixed = drawn.responses.sample(frac=1, random_state=9)
    pd.testing.assert_frame_equal(drawn.score(responses=mixed).estimates, scored.estimates, check_exact=True)


def test_order_of_the_sources_in_the_file_changes_nothing(scored: Scored, drawn: Round) -> None:
    names = ("external", "expert", "internal")
    round_ = drawn.setup.round.model_copy(update={"sources": {n: drawn.setup.round.sources[n] for n in names}})
    again = drawn.rescored(round_=round_)
    assert rows(again, "index")["estimate"].iloc[0] == pytest.approx(rows(scored, "index")["estimate"].iloc[0])


def test_first_round_has_no_change(drawn: Round) -> None:
    assert rows(drawn.score(previous=None), "index_change").empty


# --- what is hidden


@pytest.mark.parametrize(("source", "n"), [("internal", 9), ("external", 9), ("expert", 4)])
def test_a_thin_source_hides_itself_and_every_composite(drawn: Round, source: str, n: int) -> None:
    responses = keep(drawn, source, n)
    scored = drawn.rescored(responses=responses)
    table = scored.estimates
    gone = table[(table["source"] == source) | table["measure"].str.startswith(COMPOSITES)]
    assert (gone["status"] == "suppressed").all()
    assert gone[HIDDEN_COLUMNS].isna().all(axis=None)
    others = source_scores(scored).drop(source)
    assert (others["status"] == "shown").all()
    assert source not in set(scored.item_nonresponse["source"]), "nor how often its few respondents said don't know"


def test_panel_of_five_is_shown(drawn: Round) -> None:
    scored = drawn.rescored(responses=keep(drawn, "expert", 5))
    assert source_scores(scored).loc["expert", "status"] == "shown"
    assert rows(scored, "index")["status"].iloc[0] == "shown"


def test_one_expert_alone_stops_nothing(drawn: Round) -> None:
    scored = drawn.rescored(responses=keep(drawn, "expert", 1))
    assert source_scores(scored)["status"].to_dict() == {
        "internal": "shown",
        "external": "shown",
        "expert": "suppressed",
    }


def test_thin_unit_takes_another_with_it(drawn: Round) -> None:
    weak = (drawn.responses["source"] == "internal") & drawn.responses["person_id"].str.startswith("internal-kecamatan")
    responses = pd.concat([drawn.responses[~weak], drawn.responses[weak].head(3)], ignore_index=True)
    scored = drawn.rescored(responses=responses)
    hidden = rows(scored, "unit_score", source="internal", status="suppressed")["domain"]
    assert set(hidden) == {"Kecamatan", "Dinas Tiga"}, "the 3 of the Kecamatan, and the smallest other unit"
    apart = rows(scored, "unit_difference", source="internal", status="suppressed")
    assert set(apart["domain"]) == set(hidden), "the score would follow from its difference to the whole"
    assert apart[HIDDEN_COLUMNS].isna().all(axis=None)


def test_withheld_hides_all_figures(drawn: Round) -> None:
    inputs = drawn.setup.inputs[TOWN].model_copy(update={"release": "withheld", "withheld_reason": "conduct"})
    scored = drawn.score(inputs=inputs)
    assert (scored.estimates["status"] == "withheld").all()
    assert scored.estimates[HIDDEN_COLUMNS].isna().all(axis=None)
    assert scored.item_nonresponse.empty


# --- what may be missing


def test_source_without_answers_leaves_no_index(drawn: Round) -> None:
    scored = drawn.rescored(responses=keep(drawn, "external", 0))
    assert rows(scored, "index")["status"].tolist() == ["no_answers"]
    assert set(source_scores(scored).index) == {"internal", "expert"}


def test_dimension_that_nobody_answered_leaves_no_index(drawn: Round) -> None:
    responses = drawn.responses.copy()
    codes = [item.code for item in drawn.setup.instrument.sources["external"].dimensions[1].items]
    responses.loc[responses["source"] == "external", codes] = 8.0
    scored = drawn.rescored(responses=responses)
    assert source_scores(scored).loc["external", "status"] == "no_answers"
    assert rows(scored, "index")["status"].tolist() == ["no_answers"]
    assert rows(scored, "dimension_score", source="external")["status"].value_counts().to_dict()["suppressed"] >= 1


def test_unit_where_everybody_said_dont_know(drawn: Round) -> None:
    responses = drawn.responses.copy()
    unit = responses["person_id"].str.startswith("external-puskesmas")
    responses.loc[unit, [item.code for item in drawn.setup.instrument.items("external")]] = 8.0
    scored = drawn.rescored(responses=responses)
    assert rows(scored, "unit_score", domain="Puskesmas")["estimate"].isna().all()
    assert rows(scored, "index")["status"].iloc[0] == "shown"


def test_units_without_any_answer_are_hidden_like_those_with_few(drawn: Round) -> None:
    """Neither shown nor named among the hidden ones, they would be told to have no answer at all."""
    people = drawn.frame.set_index("person_id")["unit"]
    gone = drawn.responses["person_id"].map(people).eq("Kecamatan") & (drawn.responses["source"] == "internal")
    responses = drawn.responses[~gone]
    scored = drawn.score(drawn.weight(responses=responses), responses=responses)
    units = rows(scored, "unit_score", source="internal").set_index("domain")
    listed = set(drawn.frame.loc[(drawn.frame["source"] == "internal") & drawn.frame["is_eligible"], "unit"])
    assert set(units.index) == listed, "every unit of the list is there"
    assert units.loc["Kecamatan", "status"] == "suppressed"
    assert np.isnan(units.loc["Kecamatan", "n"])
    assert (units["status"] == "suppressed").sum() >= 2, "alone it would follow from the total that nobody answered"
    assert "Kecamatan" not in rows(scored, "unit_difference", source="internal")["domain"].tolist()


def test_lists_without_units_have_no_unit_scores(drawn: Round) -> None:
    frame = drawn.frame.assign(unit=drawn.frame["unit"].where(drawn.frame["source"] != "external"))
    scored = drawn.rescored(frame=frame)
    assert rows(scored, "unit_score", source="external").empty
    assert rows(scored, "index")["status"].iloc[0] == "shown"


@pytest.mark.parametrize("table", ["frame", "responses", "replicates"])
def test_tables_that_lost_people_are_refused(drawn: Round, table: str) -> None:
    whole = getattr(drawn if table != "replicates" else drawn.weighted, table)
    gone = whole[~((whole["source"] == "internal") & (np.arange(len(whole)) % 2 == 0))]
    with pytest.raises(InputError, match="people with a weight are not in") as caught:
        drawn.score(**{table: gone})
    assert "key internal" in str(caught.value)
    assert "spi run --notebook 30" in str(caught.value)


def test_too_few_answers_withhold_the_result_by_rule(drawn: Round) -> None:
    rules = drawn.setup.round.release.model_copy(update={"min_answers": 1000})
    scored = drawn.score(round_=drawn.setup.round.model_copy(update={"release": rules}))
    assert (scored.estimates["status"] == "withheld").all()
    assert scored.estimates[HIDDEN_COLUMNS].isna().all(axis=None)


def test_every_shown_estimate_has_all_that_belongs_to_it(scored: Scored) -> None:
    """Chances, shares of the variance and the error taken for a published index are made from estimates that stand
    beside them; corrections are decided.
    """
    table = scored.estimates[scored.estimates["status"] == "shown"]
    made = ["category_probability", "target_probability", "change_probability", "index_variance_share"]
    made.append("index_previous_noise")
    derived = table["measure"].isin(made)
    decided = table["part"].isin(["correction_conduct", "correction_facts", "correction_other", "unexplained"])
    assert table["level"].eq(0.95).all()
    estimates = table[~derived]
    assert estimates[["estimate", "se", "ci_low", "ci_high", "df_design"]].notna().all(axis=None)
    assert estimates.loc[~decided, ["n", "effective_n"]].notna().all(axis=None)
    assert estimates.loc[decided, "se"].eq(0).all()


def test_an_experience_by_what_the_list_tells(drawn: Round) -> None:
    """One column of two groups: the odds ratio is that of the weighted shares of yes (two of each are enough here)."""
    round_ = with_steps(drawn.setup.round, {"step": "weighting_classes", "by": ["sex"]}, {"step": "drop_ineligible"})
    disclosure = drawn.setup.round.disclosure.model_copy(update={"min_cell": 2})
    round_ = round_.model_copy(update={"disclosure": disclosure})
    scored = drawn.rescored(round_=round_)
    found = experience_models(scored, drawn.setup.instrument, round_)["internal"]
    data = scored.designs["internal"].data
    rates = scored.estimates.query("measure == 'experience_rate' and source == 'internal' and status == 'shown'")
    rates = rates[rates["denominator"] == "respondents"]
    assert found.item == rates.loc[rates["estimate"].astype(float).idxmax(), "part"]
    yes = experience_answers(data, drawn.setup.instrument, "internal")[f"{found.item}|respondents"]
    known = yes.notna()
    groups, weight = found.levels["sex"].to_numpy(), data["weight"][known].to_numpy()
    odds = {
        group: (weight * yes[known])[groups == group].sum() / (weight * (1 - yes[known]))[groups == group].sum()
        for group in set(groups)
    }
    (row,) = found.model.table.to_dict("records")
    (other,) = set(groups) - {row["category"]}
    assert row["estimate"] == pytest.approx(np.log(odds[row["category"]] / odds[other]))


def test_no_experience_of_few_is_modelled(drawn: Round, scored: Scored) -> None:
    """Where a hundred yes and a hundred no were needed of each group, nothing is told."""
    disclosure = drawn.setup.round.disclosure.model_copy(update={"min_cell": 10_000})
    round_ = drawn.setup.round.model_copy(update={"disclosure": disclosure})
    found = experience_models(scored, drawn.setup.instrument, round_)
    assert found == {"internal": None, "external": None}
    html = experience_model_tables(found, drawn.setup.instrument).to_html("en")
    assert "Too few said yes" in html
    assert "<table" not in html


def test_dimensions_apart_are_a_difference_with_its_own_interval(drawn: Round, scored: Scored) -> None:
    dimensions = {
        source: score_estimates(design, item_weights(drawn.setup.instrument, source), 0.95)
        for source, design in scored.designs.items()
    }
    html = dimensions_apart_note(dimensions, scored, drawn.setup.instrument).to_html("en")
    stored = scored.estimates.query("measure == 'dimension_score' and source == 'internal'")["estimate"].astype(float)
    assert f"lies {stored.max() - stored.min():.2f} points above" in html
    hidden = replace(scored, estimates=scored.estimates.assign(status="suppressed"))
    assert "nothing to show" in dimensions_apart_note(dimensions, hidden, drawn.setup.instrument).to_html("en")


def test_no_share_of_answers_that_few_gave_is_shown(scored: Scored, drawn: Round) -> None:
    """Counted once more from the answers: every shown share stands for ten people or more."""
    shown = scored.estimates[scored.estimates["measure"].str.startswith("item_")]
    shown = shown[shown["status"] == "shown"]
    assert len(shown)
    for source, part in shown.groupby("source"):
        people = drawn.weighted.weights.query("source == @source and weight > 0")["person_id"]
        answers = drawn.responses[drawn.responses["person_id"].isin(people)]
        counts = answer_counts(answers[answers["source"] == source], drawn.setup.instrument, source)
        keys = part["part"] + "|" + part["measure"].str.removeprefix("item_")
        assert counts[keys].min() >= drawn.setup.round.disclosure.min_cell
