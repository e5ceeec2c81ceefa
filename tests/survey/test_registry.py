"""Methods that a file names: registered, found by name, built from a mapping; what does not fit is said."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pandas as pd
import pytest
from annotated_types import Gt

from spi_analysis.errors import WeightingError
from spi_analysis.survey.registry import Registry
from spi_analysis.survey.weighting import apply_recipe, recipe_of, register_step, step_of
from spi_analysis.survey.weighting.recipe import Prepared


@dataclass(frozen=True)
class Multiply:
    """A step of a researcher's own, in three lines of arithmetic."""

    name = "multiply"
    by: Annotated[float, Gt(0)]
    of: Literal["all", "some"] = "all"
    column: str = "multiplied_weight"

    def prepare(self, sample, classes):
        return Prepared(lambda weights, multiplicity: self.by * weights)


@pytest.fixture
def registry() -> Registry:
    made: Registry = Registry("step", ("column", "prepare"), WeightingError, tuple)
    made.register(Multiply)
    return made


def test_a_step_of_ones_own_can_be_named() -> None:
    register_step(Multiply)
    sample = pd.DataFrame({"base_weight": [3.0, 5.0], "disposition": "I"})
    recipe = recipe_of([{"step": "multiply", "by": 2}, {"step": "drop_ineligible"}])
    assert apply_recipe(sample, recipe).columns.to_dict("list") == {
        "base_weight": [3.0, 5.0],
        "multiplied_weight": [6.0, 10.0],
        "weight": [6.0, 10.0],
    }


def test_every_step_of_the_library_is_found_under_its_name() -> None:
    names = "unknown_eligibility weighting_classes propensity rake calibrate post_stratify trim trim_fixed trim_ratio"
    for name in [*names.split(), "potter", "assert", "drop_ineligible"]:
        assert type(_any(name)).__name__.lower() == name.replace("_", "")


def _any(name: str) -> object:
    needed = {"by": ["unit"], "margins": ["unit"], "totals": ["unit"], "formula": "unit", "k": 1, "outcomes": ["y"]}
    try:
        return step_of({"step": name})
    except WeightingError as error:
        keys = [problem.key for problem in error.problems]
        return step_of({"step": name} | {key: needed[key] for key in keys})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"step": "multiplie", "by": 2}, ["unknown step", "got: multiplie", "did you mean 'multiply'?"]),
        ({"step": "multiply"}, ["a key is missing", "step multiply, key by"]),
        ({"step": "multiply", "by": 0}, ["does not fit", "key by", "got: 0", "greater than 0"]),
        ({"step": "multiply", "by": "x"}, ["does not fit", "got: x", "valid number"]),
        ({"step": "multiply", "by": float("inf")}, ["does not fit", "got: inf"]),
        ({"step": "multiply", "by": 2, "of": "none"}, ["does not fit", "key of", "'all' or 'some'"]),
        ({"step": "multiply", "by": 2, "colum": "w"}, ["unknown key", "key colum", "did you mean 'column'?"]),
        ({"step": "multiply", "to": 2}, ["2 problems", "key to", "key by"]),
        ({"by": 2}, ["this names no step"]),
        ("multiply", ["this names no step", "got: multiply"]),
    ],
)
def test_what_does_not_fit_is_said(registry: Registry, given: object, words: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        registry.build(given)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_lists_become_tuples(registry: Registry) -> None:
    assert step_of({"step": "rake", "margins": ["unit", "sex"]}).margins == ("unit", "sex")
    assert registry.build({"step": "multiply", "by": 2}) == Multiply(2.0)


class Plain:
    name = "plain"


@dataclass
class Loose:
    name = "loose"
    column: str = "w"


@dataclass(frozen=True)
class Nameless:
    column: str = "w"


@dataclass(frozen=True)
class Judged(Multiply):
    name = "judged"
    source: str = "somebody"


@dataclass(frozen=True)
class Second(Multiply):
    pass


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Plain, "frozen=True"),
        (Loose, "frozen=True"),
        (Nameless, "a name"),
        (Judged, "may not be called source"),
        (Second, "another step of this name"),
    ],
)
def test_what_is_no_step_is_not_taken_in(registry: Registry, made: type, words: str) -> None:
    with pytest.raises(WeightingError, match=words):
        registry.register(made)
