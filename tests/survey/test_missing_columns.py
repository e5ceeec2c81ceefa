"""Whatever takes the name of a column says which one is missing: every table, without each of its columns in turn."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_analysis import survey
from spi_analysis.errors import SpiError

N = 24
PLACE = np.arange(N)
PEOPLE = pd.DataFrame(
    {
        "stratum": np.where(PLACE < 12, "a", "b"),
        "psu": PLACE // 3,
        "N": 48.0,
        "w": 4.0,
        "sex": np.where(PLACE % 2, "f", "m"),
        "unit": np.array(list("xyz"))[PLACE % 3],
        "score": 50.0 + PLACE,
        "count": 1.0 + PLACE % 4,
        "yes": (PLACE % 5 < 2).astype(float),
        "long": PLACE // 2 % 2,
        "disposition": np.where(PLACE % 5, "I", "R"),
        "person_id": [f"p{i}" for i in PLACE],
        "prn": (PLACE * 7 % N + 0.5) / N,
        "size": 1.0 + PLACE % 3,
        "wave": 1 + PLACE % 2,
        "inclusion_prob": 0.5,
    }
)
STRATA = pd.DataFrame(
    {
        "N": [100.0, 200.0],
        "response": [0.5, 0.4],
        "sd": [10.0, 20.0],
        "mean": 50.0,
        "cost": [1.0, 2.0],
        "least": 2,
        "most": 90,
        "region": ["a", "b"],
        "mean_y": 50.0,
        "sd_y": [10.0, 20.0],
    }
)
TARGETS = pd.DataFrame({"domain": ["region"], "variable": ["y"], "cv": [0.1]})
RUNS = pd.DataFrame(
    {"design": "d", "response": "r", "answer": "a", "truth": 10.0, "estimate": [9.0, 11.0], "se": 1.0}
).assign(ci_low=[8.0, 10.0], ci_high=[10.0, 12.0], n=5, invitations=9, cost=2.0, why="", low=9.0, high=11.0)
INTERVALS = pd.DataFrame({"estimate": [0.5], "se": [0.05], "df_design": [50.0], "n": [100]})
SECRET = b"for examples only"
DRAW = survey.DrawDesign("closing price 7214.17", sizes={"a": [3], "b": [3]})
SEX = {"f": 50.0, "m": 46.0}


def designed(people: pd.DataFrame) -> survey.SurveyDesign:
    return survey.SurveyDesign(people, "w")


@dataclass(frozen=True)
class Call:
    """A function on tables, each of them with the columns that it needs and no others."""

    run: Callable[..., Any]
    tables: tuple[pd.DataFrame, ...]


def on(table: pd.DataFrame, columns: str, run: Callable[..., Any]) -> Call:
    return Call(run, (table[columns.split()],))


def planned(people: pd.DataFrame) -> Any:
    return survey.bootstrap_plan(PEOPLE, "w", "stratum", n_replicates=5)


CALLS = {
    # sampling
    "achieved_cv": Call(
        lambda strata, targets: survey.achieved_cv(strata, pd.Series([20, 20]), targets, "N", "response"),
        (STRATA[["N", "response", "region", "mean_y", "sd_y"]], TARGETS),
    ),
    "activate_waves": on(PEOPLE, "stratum wave inclusion_prob", lambda t: survey.activate_waves(t, 1)),
    "allocate": on(
        STRATA,
        "N sd mean cost least most",
        lambda t: [
            survey.allocate(t, 40, "power", mean="mean", min_n="least", max_n="most"),
            survey.allocate(t, 40, "cost", cost="cost"),
        ],
    ),
    "assign_waves": on(
        PEOPLE, "stratum inclusion_prob prn", lambda t: survey.assign_waves(t, {"a": [6, 6], "b": [12]})
    ),
    "bethel": Call(
        lambda strata, targets: survey.bethel(strata, targets, cost="cost", min_n="least", response="response"),
        (STRATA[["N", "response", "cost", "least", "region", "mean_y", "sd_y"]], TARGETS),
    ),
    "compared_allocations": on(
        STRATA, "N response sd", lambda t: survey.compared_allocations(t, 60, ["neyman"], pop_size="N")
    ),
    "draw_record": Call(
        lambda frame, sample: survey.draw_record(frame, sample, {"secret": SECRET, "public_value": "7214.17"}),
        (PEOPLE[["person_id", "stratum"]], PEOPLE[["person_id"]]),
    ),
    "draw_sample": on(PEOPLE, "person_id stratum", lambda t: survey.draw_sample(t, DRAW, SECRET)),
    "invitations_by": on(STRATA, "N response sd", lambda t: survey.invitations_by(t, 60, "neyman", pop_size="N")),
    "invitations_for": on(STRATA, "N response sd", lambda t: survey.invitations_for(t, 30, "neyman", pop_size="N")),
    "list_quality": on(PEOPLE, "unit", lambda t: survey.list_quality(t, "unit", {"f": PEOPLE["sex"] == "f"})),
    "overlap": Call(survey.overlap, (PEOPLE[["person_id"]], PEOPLE[["person_id", "stratum"]])),
    "select_pps": on(
        PEOPLE,
        "size stratum prn",
        lambda t: survey.select_pps(t, 3, "size", "stratum", method="pareto", prn="prn"),
    ),
    "select_srs": on(PEOPLE, "stratum prn", lambda t: survey.select_srs(t, 3, "stratum")),
    "select_systematic": on(PEOPLE, "stratum score", lambda t: survey.select_systematic(t, 3, "stratum", "score")),
    "select_two_stage": on(
        PEOPLE,
        "stratum psu person_id",
        lambda t: survey.select_two_stage(t, 2, 2, "psu", stratum="stratum"),
    ),
    "shown_counts": on(
        pd.DataFrame({"people": [30, 20, 3]}), "people", lambda t: survey.shown_counts(t.assign(other=1), 5)
    ),
    "stratified_margin": on(STRATA, "N sd", lambda t: survey.stratified_margin(t, [20, 20], pop_size="N")),
    # weighting
    "adjust_nonresponse": on(
        PEOPLE, "unit w disposition", lambda t: survey.adjust_nonresponse(t, "unit", weight="w")
    ),
    "adjust_unknown_eligibility": on(
        PEOPLE, "unit w disposition", lambda t: survey.adjust_unknown_eligibility(t, "unit", weight="w")
    ),
    "apply_recipe": on(
        PEOPLE,
        "unit w disposition",
        lambda t: survey.apply_recipe(t, [survey.WeightingClasses("unit")], weight="w"),
    ),
    "begin_recipe": on(
        PEOPLE,
        "w disposition",
        lambda t: survey.begin_recipe(t, [survey.WeightingClasses("unit")], weight="w"),
    ),
    "response_classes": on(
        PEOPLE,
        "unit w disposition",
        lambda t: survey.response_classes(t, [survey.WeightingClasses("unit")], weight="w"),
    ),
    "auxiliary_of": on(PEOPLE, "sex score", lambda t: survey.auxiliary_of(t, {"sex": SEX, "score": 900.0})),
    "balance": Call(
        lambda sample, frame: survey.balance(sample, frame, ["sex"], {"base": np.ones(N)}),
        (PEOPLE[["sex"]], PEOPLE[["sex"]]),
    ),
    "bootstrap_plan": on(
        PEOPLE, "w stratum psu N", lambda t: survey.bootstrap_plan(t, "w", "stratum", "psu", "N", n_replicates=5)
    ),
    "bootstrap_replicates": on(
        PEOPLE, "w stratum psu N", lambda t: survey.bootstrap_replicates(t, "w", "stratum", "psu", "N", n_replicates=5)
    ),
    "brr_replicates": on(
        PEOPLE.assign(pair=PLACE // 12 * 2 + PLACE % 2),
        "w stratum pair",
        lambda t: survey.brr_replicates(t, "w", "stratum", "pair"),
    ),
    "calibrate": on(PEOPLE, "w sex score", lambda t: survey.calibrate(t, "w", {"sex": SEX, "score": 5900.0})),
    "cell_labels": on(PEOPLE, "sex unit", lambda t: survey.cell_labels(t, ["sex", "unit"])),
    "fit_propensity": on(
        PEOPLE, "w sex disposition", lambda t: survey.fit_propensity(t, "sex", "disposition", "w")
    ),
    "jackknife_replicates": on(
        PEOPLE, "w stratum psu N", lambda t: survey.jackknife_replicates(t, "w", "stratum", "psu", "N")
    ),
    "merge_thin_cells": on(
        pd.DataFrame({"unit": ["a", "b"], "n": [2, 9]}),
        "unit n",
        lambda t: survey.merge_thin_cells(t, ["unit"], "n", 5),
    ),
    "observed_fraction": on(
        PEOPLE, "unit w disposition", lambda t: survey.observed_fraction(t, "unit", weight="w")
    ),
    "post_stratify": on(PEOPLE, "w sex", lambda t: survey.post_stratify(t, "w", "sex", SEX)),
    "post_stratum_cells": on(PEOPLE, "sex", lambda t: survey.post_stratum_cells(t, "sex", SEX)),
    "r_indicator": on(
        PEOPLE,
        "w sex unit disposition stratum",
        lambda t: survey.r_indicator(t, "sex", "disposition", "w", stratum="stratum", other_variables=["unit"]),
    ),
    "multilevel_calibrate": on(
        PEOPLE, "w sex unit",
        lambda t: survey.multilevel_calibrate(t, "w", {"sex": SEX}, {"unit": {"x": 40, "y": 30, "z": 26}}),
    ),
    "rake": on(PEOPLE, "w sex", lambda t: survey.rake(t, "w", {"sex": SEX})),
    "raked_replicates": on(PEOPLE, "sex", lambda t: survey.raked_replicates(planned(t), t, {"sex": SEX})),
    "require_columns": on(PEOPLE, "sex", lambda t: survey.require_columns(t, ["sex"])),
    "response_propensity": on(
        PEOPLE, "w sex disposition", lambda t: survey.response_propensity(t, "sex", "disposition", "w")
    ),
    "two_phase_replicates": on(
        PEOPLE, "unit w disposition", lambda t: survey.two_phase_replicates(t, "unit", 5, 1, weight="w")
    ),
    "weighting_classes": on(PEOPLE, "unit sex disposition", lambda t: survey.weighting_classes(t, ["unit", "sex"])),
    # estimation
    "bootstrap_means": on(
        PEOPLE, "score sex", lambda t: survey.bootstrap_means(t, planned(t), "score", by="sex")
    ),
    "chi_square": on(PEOPLE, "w sex yes", lambda t: survey.chi_square(designed(t), "sex", "yes")),
    "coverage_summary": on(
        RUNS, "design truth estimate se ci_low ci_high n", lambda t: survey.coverage_summary(t, ["design"])
    ),
    "domains_of": on(PEOPLE, "sex", lambda t: survey.domains_of(t, np.ones(N, dtype=bool), "sex")),
    "estimate_mean": on(PEOPLE, "w score sex", lambda t: survey.estimate_mean(designed(t), "score", "sex")),
    "estimate_proportion": on(PEOPLE, "w unit sex", lambda t: survey.estimate_proportion(designed(t), "unit", "sex")),
    "estimate_quantile": on(
        PEOPLE, "w score sex", lambda t: survey.estimate_quantile(designed(t), "score", 0.5, "sex")
    ),
    "crosswise": on(PEOPLE, "w yes long", lambda t: survey.crosswise(designed(t), "yes", 0.25, "long")),
    "list_checks": on(
        PEOPLE, "w count long yes", lambda t: survey.list_checks(designed(t), "count", "long", 4, "yes")
    ),
    "list_experiment": on(
        PEOPLE, "w count long yes", lambda t: survey.list_experiment(designed(t), "count", "long", "yes")
    ),
    "crosstab": on(PEOPLE, "w sex yes", lambda t: survey.crosstab(designed(t), "sex", "yes")),
    "estimate_ratio": on(
        PEOPLE, "w score count sex", lambda t: survey.estimate_ratio(designed(t), "score", "count", "sex")
    ),
    "estimate_regression": on(PEOPLE, "w score sex", lambda t: survey.estimate_regression(designed(t), "score ~ sex")),
    "estimate_total": on(PEOPLE, "w score sex", lambda t: survey.estimate_total(designed(t), "score", "sex")),
    "estimate_variance": on(PEOPLE, "w score sex", lambda t: survey.estimate_variance(designed(t), "score", "sex")),
    "proportion_interval": on(
        INTERVALS, "estimate se df_design n", lambda t: survey.proportion_interval(t, "wilson", 0.95)
    ),
    "range_summary": on(
        RUNS,
        "design truth estimate ci_low ci_high low high",
        lambda t: survey.range_summary(t, ["design"], "low", "high"),
    ),
    "regression_proxy": Call(
        lambda everyone: survey.regression_proxy(
            PEOPLE["score"].to_numpy(), PEOPLE[["sex", "count"]], everyone, np.ones(N), 1
        ),
        (PEOPLE[["sex", "count"]],),
    ),
    "tilted_means": on(
        PEOPLE, "w score sex", lambda t: survey.tilted_means(designed(t), "score", 0.5, [0.25], by="sex")
    ),
    "t_test": on(PEOPLE, "w score sex", lambda t: survey.t_test(designed(t), "score", "sex")),
    # simulation
    "compare_designs": on(
        PEOPLE,
        "score unit",
        lambda t: survey.compare_designs(
            t, "score", [survey.ResponseModel("all", 1.0)], [survey.Design("d", 6, strata=("unit",))],
            runs=2, n_replicates=5, workers=1,
        ),
    ),
    "summarise": on(
        RUNS,
        "design response answer truth estimate se ci_low ci_high n invitations cost why",
        survey.summarise,
    ),
}  # fmt: skip
# Functions with a table that name no column of it, by the reason.
NO_COLUMN = {
    "verify_draw": "a column that is missing is a difference, which is its result",
    "make_table": "takes the labels as they are",
    "model_estimate": "takes a model that is fitted",
    "lists_shared": "makes a table",
    "coverage": "makes a table",
}


@pytest.mark.parametrize(
    ("name", "which", "column"),
    [(n, i, column) for n, call in CALLS.items() for i, table in enumerate(call.tables) for column in table],
)
def test_a_missing_column_is_named(name: str, which: int, column: str) -> None:
    call = CALLS[name]
    tables = [table.drop(columns=column) if i == which else table for i, table in enumerate(call.tables)]
    with pytest.raises(SpiError) as caught:
        call.run(*tables)
    assert column in str(caught.value), str(caught.value)
    assert not isinstance(caught.value, KeyError)


@pytest.mark.parametrize("name", CALLS)
def test_the_tables_have_what_it_takes(name: str) -> None:
    CALLS[name].run(*CALLS[name].tables)


def test_every_function_that_takes_a_table_or_a_design_is_called() -> None:
    functions = {name: getattr(survey, name) for name in survey.__all__ if inspect.isfunction(getattr(survey, name))}
    with_table = {
        name
        for name, function in functions.items()
        if any(
            str(one.annotation) in ("pd.DataFrame", "Design") for one in inspect.signature(function).parameters.values()
        )
    }
    assert with_table <= set(CALLS) | set(NO_COLUMN), sorted(with_table - set(CALLS) - set(NO_COLUMN))
