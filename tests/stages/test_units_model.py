"""Units estimated by a model: between the direct score and the common mean, and nearer to the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.params import RoundParams, RoundSetup, SmallAreaParams
from spi_analysis.stages.respondents import Design, respondents_design, source_rows
from spi_analysis.stages.score import Scored
from spi_analysis.stages.unit_scores import area_rows, model_rows, model_state, unit_level_scores
from tests.stages.conftest import Round
from tests.stages.town import steps_of, with_steps


def units(scores: list[float], answers: list[float], sd: float = 20.0, source: str = "internal") -> pd.DataFrame:
    n = np.array(answers)
    columns = {"source": source, "domain": [f"unit {i}" for i in range(len(n))], "estimate": scores, "n": n}
    figures = {"se": sd / np.sqrt(n), "effective_n": n, "df_design": n - 1, "ci_low": 0.0, "ci_high": 100.0}
    return pd.DataFrame(columns | figures | {"measure": "unit_score", "status": "shown"})


GIVEN = units([50.0, 60, 70, 75, 80, 62], [12, 200, 12, 200, 40, 90])


def areas(setup: RoundSetup) -> SmallAreaParams:
    return setup.round.small_area.model_copy(update={"model": "areas"})


def rows(table: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    return area_rows(table, setup.round.small_area, 0.95)


def test_few_answers_are_drawn_towards_the_common_mean(setup: RoundSetup) -> None:
    made = rows(GIVEN, setup).set_index("domain")
    direct = GIVEN.set_index("domain")["estimate"]
    moved = (made["estimate"] - direct).abs()
    assert made.loc["unit 0", "estimate"] > 50
    assert made.loc["unit 4", "estimate"] < 80
    assert moved["unit 0"] > moved["unit 1"], "12 answers move, 200 hardly do"
    assert (made["se"] < GIVEN.set_index("domain")["se"]).all()


def test_every_figure_is_there(setup: RoundSetup) -> None:
    made = rows(GIVEN, setup)
    assert (made["measure"] == "unit_score_model").all()
    assert ((made["ci_low"] < made["estimate"]) & (made["estimate"] < made["ci_high"])).all()
    assert made["n"].tolist() == GIVEN["n"].tolist()


def test_hidden_units_neither_appear_nor_count(setup: RoundSetup) -> None:
    hidden = GIVEN.assign(status=["suppressed"] + ["shown"] * 5)
    changed = hidden.assign(estimate=[99.0, *GIVEN["estimate"][1:]])
    pd.testing.assert_frame_equal(rows(hidden, setup), rows(changed, setup))
    assert "unit 0" not in set(rows(hidden, setup)["domain"])


def test_too_few_units_have_no_model(setup: RoundSetup) -> None:
    assert rows(GIVEN.head(4), setup).empty
    assert rows(GIVEN.assign(status="withheld"), setup).empty


def test_units_that_differ_by_chance_only_have_no_model(setup: RoundSetup) -> None:
    """Every unit would get the same figure, and the one measured best the widest interval."""
    alike = units([60.1, 60.0, 59.9, 60.05, 60.0], [10, 20, 40, 80, 160])
    assert rows(alike, setup).empty
    assert model_state(alike, "internal", areas(setup)) == "no_spread"


def test_one_source_without_spread_leaves_the_other_its_model(setup: RoundSetup) -> None:
    alike = units([60.1, 60.0, 59.9, 60.05, 60.0], [10] * 5, source="external")
    both = pd.concat([GIVEN, alike], ignore_index=True)
    made = rows(both, setup)
    assert set(made["source"]) == {"internal"}
    whole = pd.concat([both, made], ignore_index=True)
    states = {source: model_state(whole, source, areas(setup)) for source in ("internal", "external")}
    assert states == {"internal": "modelled", "external": "no_spread"}
    assert model_state(GIVEN.head(4), "internal", areas(setup)) == "few_units"


def test_nearer_to_the_truth_than_the_direct_scores(setup: RoundSetup) -> None:
    """200 institutions of eight units, true spread 5 points, 12 answers each (error 5.8): mean squared errors.

    Where there is no model the direct scores stand.
    """
    rng = np.random.default_rng(4)
    lost = []
    for _ in range(200):
        true = rng.normal(70, 5, 8)
        direct = true + rng.normal(0, 20 / np.sqrt(12), 8)
        found = rows(units(list(direct), [12.0] * 8), setup)["estimate"].to_numpy()
        made = found if len(found) else direct
        lost.append([((made - true) ** 2).mean(), ((direct - true) ** 2).mean()])
    model, direct_error = np.mean(lost, axis=0)
    assert model < 0.75 * direct_error


# --- the model of people


def town_units(drawn: Round, responses: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Design], RoundParams]:
    """Direct scores of the town's four units of employees, all shown; a model from three on."""
    setup = drawn.setup
    few = setup.round.small_area.model_copy(update={"min_units": 3})
    round_ = setup.round.model_copy(update={"small_area": few})
    tables = (drawn.frame, responses, drawn.weighted.weights, drawn.weighted.replicates)
    design = respondents_design("internal", *tables, round_, setup.instrument)
    rows = source_rows("internal", design, setup.instrument, round_.level).assign(status="shown")
    return rows[rows["measure"] == "unit_score"], {"internal": design}, round_


def by_people(drawn: Round, responses: pd.DataFrame, hidden: str = "") -> pd.DataFrame:
    direct, designs, round_ = town_units(drawn, responses)
    shown = direct.assign(status=direct["status"].mask(direct["domain"] == hidden, "suppressed"))
    made = model_rows(shown, designs, drawn.frame, drawn.weighted.weights, round_, drawn.setup.instrument)
    return made.set_index("domain")


def test_shown_units_have_a_score_of_the_model_of_people(drawn: Round) -> None:
    """Answers at random: units differ by chance only, so that the model draws them together."""
    model, direct = by_people(drawn, drawn.responses), town_units(drawn, drawn.responses)[0].set_index("domain")
    assert (model["measure"] == "unit_score_model").all()
    assert set(model.index) == set(direct.index)
    assert ((model["ci_low"] < model["estimate"]) & (model["estimate"] < model["ci_high"])).all()
    assert model["n"].to_dict() == direct["n"].to_dict()
    spread = model["estimate"].max() - model["estimate"].min()
    assert 0 < spread < direct["estimate"].max() - direct["estimate"].min()


def test_answers_of_a_hidden_unit_move_no_figure(drawn: Round) -> None:
    """Whatever the people of Dinas Satu answer, the others' figures are the same; if it is shown they are not."""
    people = drawn.frame.loc[drawn.frame["unit"] == "Dinas Satu", "person_id"]
    items = [item.code for item in drawn.setup.instrument.items("internal")]
    theirs = drawn.responses[items].mask(drawn.responses[items] < 8, 1.0)
    changed = drawn.responses.copy()
    changed[items] = theirs.where(changed["person_id"].isin(people), changed[items])
    one, other = (by_people(drawn, answers, "Dinas Satu") for answers in (drawn.responses, changed))
    assert set(one.index) == {"Dinas Dua", "Dinas Tiga", "Kecamatan"}
    pd.testing.assert_frame_equal(one, other)
    told = by_people(drawn, changed)
    assert told.loc["Dinas Dua", "estimate"] != one.loc["Dinas Dua", "estimate"]


def test_fewer_units_than_the_round_asks_for_have_no_model(drawn: Round, scored: Scored) -> None:
    """Two of the town's units are shown, five are asked for."""
    assert not (scored.estimates["measure"] == "unit_score_model").any()
    assert model_state(scored.estimates, "internal", drawn.setup.round.small_area) == "few_units"


def test_the_model_knows_how_readily_cells_answer(drawn: Round) -> None:
    """Of Dinas Satu three in four answers are taken away: it is less ready than the others, and the model knows."""
    theirs = drawn.responses["person_id"].isin(drawn.frame.loc[drawn.frame["unit"] == "Dinas Satu", "person_id"])
    fewer = drawn.responses[~theirs | (theirs.cumsum() % 4 == 0)]
    weighted = drawn.weight(responses=fewer)
    tables = (drawn.frame, fewer, weighted.weights, weighted.replicates)
    round_, instrument = drawn.setup.round, drawn.setup.instrument
    design = respondents_design("internal", *tables, round_, instrument)
    model = unit_level_scores("internal", design, drawn.frame, weighted.weights, round_, instrument)
    assert "readiness" in model.fixed.index
    assert model.source["n"].iloc[0] == len(design.data)


def test_units_are_modelled_whatever_classes_the_weighting_has(drawn: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    """Response propensities by position and sex have no units among their columns, or not in front."""
    round_, instrument = drawn.setup.round, drawn.setup.instrument
    weighted = drawn.weight(responses=drawn.responses)
    tables = (drawn.frame, drawn.responses, weighted.weights, weighted.replicates)
    design = respondents_design("internal", *tables, round_, instrument)
    recipe = type(round_.sources["internal"].weighting)
    monkeypatch.setattr(recipe, "classes", property(lambda _: ["position_class", "sex"]))
    model = unit_level_scores("internal", design, drawn.frame, weighted.weights, round_, instrument)
    assert set(model.units.index) == set(design.data["unit"])


def test_levels_that_the_margins_would_merge_are_merged_in_the_model(drawn: Round) -> None:
    """The round's margins take levels of five answers or more; of 10,000, all levels of a column are one."""
    _, designs, round_ = town_units(drawn, drawn.responses)
    about = (drawn.frame, drawn.weighted.weights)
    whole = unit_level_scores("internal", designs["internal"], *about, round_, drawn.setup.instrument)
    steps = [step | {"min_respondents": 10_000} if step["step"] == "rake" else step for step in steps_of(round_)]
    merged = with_steps(round_, *steps)
    alike = unit_level_scores("internal", designs["internal"], *about, merged, drawn.setup.instrument)
    assert [name for name in whole.fixed.index if name.startswith("age_group")]
    assert set(alike.fixed.index) <= {"(intercept)", "readiness"}
