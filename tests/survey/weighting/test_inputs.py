"""Input that cannot be used is refused in words, never by a traceback of something underneath."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import SamplingError, WeightingError
from spi_analysis.survey import effective_n
from spi_analysis.survey.groups import floats_of, require_columns, weights_of
from spi_analysis.survey.weighting import (
    Trim,
    TrimFixed,
    TrimRatio,
    apply_recipe,
    balance,
    bootstrap_replicates,
    calibrate,
    kish_deff,
    post_stratify,
    propensity_classes,
    rake,
    trim_weights,
    two_phase_replicates,
    weighting_classes,
)
from spi_analysis.survey.weighting.inputs import is_whole, limits_of

PEOPLE = pd.DataFrame({"w": [1.0, 2, 3, 4], "g": ["a", "b", "a", "b"], "disposition": ["I", "I", "NC", "I"]})
TOTALS = {"g": {"a": 7.0, "b": 6.0}}
WEIGHTED = {"weight": "w", "status": "disposition"}
DONE = PEOPLE.assign(disposition="I")

REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no table": (lambda: rake([1, 2], "w", TOTALS), "no table"),  # type: ignore[arg-type]
    "text as weight": (lambda: rake(PEOPLE, "g", TOTALS), "not a number"),
    "text as total": (lambda: rake(PEOPLE, "w", {"g": {"a": "x", "b": 6.0}}), "total is not usable"),  # type: ignore[dict-item]
    "total below 0": (lambda: post_stratify(PEOPLE, "w", "g", {"a": -1.0, "b": 6.0}), "total is not usable"),
    "text as cell total": (lambda: post_stratify(PEOPLE, "w", "g", {"a": "q", "b": 6.0}), "total is not usable"),  # type: ignore[dict-item]
    "margins in a list": (lambda: rake(PEOPLE, "w", ["g"]), "no mapping"),  # type: ignore[arg-type]
    "margins in nothing": (lambda: calibrate(PEOPLE, "w", {}), "no totals are given"),
    "tolerance in words": (lambda: rake(PEOPLE, "w", TOTALS, tolerance="x"), "stopping rule"),  # type: ignore[arg-type]
    "half an iteration": (lambda: rake(PEOPLE, "w", TOTALS, max_iterations=0.5), "stopping rule"),  # type: ignore[arg-type]
    "bounds in words": (lambda: calibrate(PEOPLE, "w", TOTALS, "logit", ("a", 3)), "bounds"),  # type: ignore[arg-type]
    "one bound": (lambda: calibrate(PEOPLE, "w", TOTALS, "logit", (3,)), "bounds"),  # type: ignore[arg-type]
    "bounds without 1": (lambda: calibrate(PEOPLE, "w", TOTALS, "logit", (np.nan, 2)), "bounds"),
    "trimming below 0": (lambda: trim_weights(pd.Series([-1.0, 3]), upper=2), "weight is negative"),
    "trimming nothing known": (lambda: trim_weights(pd.Series([np.nan, 3]), upper=2), "missing or infinite"),
    "limit in words": (lambda: trim_weights(PEOPLE["w"], upper="x"), "limit is not usable"),  # type: ignore[arg-type]
    "limit unknown": (lambda: trim_weights(PEOPLE["w"], upper=np.nan), "limit is not usable"),
    "limit of a step": (lambda: apply_recipe(DONE, [TrimFixed(upper="x")], **WEIGHTED), "limit is not usable"),  # type: ignore[arg-type]
    "ratio of a step": (lambda: apply_recipe(DONE, [TrimRatio(upper=np.nan)], **WEIGHTED), "limit is not usable"),
    "k of a step": (lambda: apply_recipe(DONE, [Trim("a")], **WEIGHTED), "limit is not usable"),  # type: ignore[arg-type]
    "deff of a missing weight": (lambda: kish_deff(np.array([1, np.nan])), "missing or infinite"),
    "deff of text": (lambda: effective_n(["a"]), "not a number"),  # type: ignore[arg-type]
    "no replicates": (lambda: bootstrap_replicates(PEOPLE, "w", n_replicates=0), "no replicates"),
    "half a replicate": (lambda: bootstrap_replicates(PEOPLE, "w", n_replicates=2.5), "no replicates"),  # type: ignore[arg-type]
    "seed in words": (lambda: bootstrap_replicates(PEOPLE, "w", seed="a"), "seed"),  # type: ignore[arg-type]
    "no seed": (lambda: bootstrap_replicates(PEOPLE, "w", seed=None), "seed"),  # type: ignore[arg-type]
    "fraction in words": (lambda: bootstrap_replicates(PEOPLE, "w", fraction="g"), "not a number"),
    "nobody": (lambda: bootstrap_replicates(PEOPLE[:0], "w"), "nobody"),
    "balance of too few": (lambda: balance(PEOPLE, PEOPLE, ["g"], {"w": np.ones(3)}), "do not fit"),
    "balance of nobody": (lambda: balance(PEOPLE[:0], PEOPLE, ["g"], {"w": np.ones(0)}), "do not fit"),
    "balance of an unknown column": (lambda: balance(PEOPLE, PEOPLE, ["h"], {"w": np.ones(4)}), "column is missing"),
    "recipe of words": (lambda: apply_recipe(PEOPLE, ["x"], **WEIGHTED), "no recipe"),  # type: ignore[list-item]
    "recipe of a number": (lambda: apply_recipe(PEOPLE, 5, **WEIGHTED), "no recipe"),  # type: ignore[arg-type]
    "no status": (lambda: weighting_classes(PEOPLE, ["g"], status="s"), "column is missing"),
    "two phases of nothing": (lambda: two_phase_replicates(PEOPLE, "g", 0, 1, weight="w"), "no replicates"),
    "two phases without classes": (lambda: two_phase_replicates(PEOPLE, "h", 5, 1, weight="w"), "column is missing"),
    "classes in words": (lambda: propensity_classes(pd.Series([0.1, 0.2]), "x"), "classes cannot be formed"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", REFUSED)
def test_unusable_input_is_refused_in_words(case: str) -> None:
    call, words = REFUSED[case]
    with pytest.raises(WeightingError, match=words):
        call()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_unusable_weight_names_row_and_value(bad: float) -> None:
    with pytest.raises(WeightingError, match="missing or negative") as caught:
        weights_of(pd.DataFrame({"w": [1.0, bad]}), "w")
    assert "row 2, column w" in str(caught.value)
    assert f"got: {bad}" in str(caught.value)


def test_missing_column_names_the_nearest() -> None:
    with pytest.raises(WeightingError, match="did you mean 'age_group'"):
        require_columns(pd.DataFrame({"age_group": [1]}), ["agegroup"])


def test_all_unusable_totals_are_named_at_once() -> None:
    with pytest.raises(WeightingError, match="3 problems") as caught:
        rake(PEOPLE, "w", {"g": {"a": "x", "b": -1.0, "c": 2.0}})  # type: ignore[dict-item]
    assert [problem.key for problem in caught.value.problems][:2] == ["a", "b"]


def test_what_can_be_used_is_used() -> None:
    assert floats_of([1, 2], "x").tolist() == [1, 2]
    assert floats_of(pd.Series([True, False]), "x").tolist() == [1, 0]
    assert len(floats_of(pd.Series([], dtype=object), "x")) == 0
    assert limits_of(None, 3) == (-np.inf, 3)
    assert is_whole(np.int64(3))
    assert not is_whole(True)
    # Calibrated weights may be negative: they do not count for the design effect.
    assert kish_deff(np.array([-1.0, 2, 2])) == 1


def test_all_missing_columns_are_named_at_once_in_the_error_of_the_caller() -> None:
    with pytest.raises(SamplingError, match="2 problems") as caught:
        require_columns(pd.DataFrame({"unit": [1], "age": [2]}), ["unti", "unit", "ages"], SamplingError)
    assert [(problem.column, problem.hint) for problem in caught.value.problems] == [
        ("unti", "did you mean 'unit'?"),
        ("ages", "did you mean 'age'?"),
    ]
