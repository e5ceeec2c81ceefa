"""Designs of respondents: what was resampled decides how many degrees of freedom there are."""

from dataclasses import replace

from spi_analysis.params import RoundParams
from spi_analysis.params.sources import TwoStageParams
from spi_analysis.stages.respondents import respondents_design
from spi_analysis.stages.weight import WeightedSample
from tests.stages.conftest import Round
from tests.stages.town import steps_of, with_steps


def in_two_stages(round_: RoundParams) -> RoundParams:
    """The round with units of the internal list drawn first; units are then no class and no margin."""
    source = round_.sources["internal"]
    design = source.design.model_copy(
        update={"method": "two_stage", "two_stage": TwoStageParams(unit="unit", units=4, people=30)}
    )
    other = round_.model_copy(
        update={"sources": round_.sources | {"internal": source.model_copy(update={"design": design})}}
    )
    return with_steps(other, *(by_sex(step) for step in steps_of(round_)))


def by_sex(step: dict[str, object]) -> dict[str, object]:
    return {key: ["sex"] if key in ("by", "margins") else value for key, value in step.items()}


def degrees(drawn: Round, weighted: WeightedSample, round_: RoundParams) -> float:
    design = respondents_design(
        "internal", drawn.frame, drawn.responses, weighted.weights, weighted.replicates, round_, drawn.setup.instrument
    )
    return float(design.df_design)


def test_whole_units_resampled_give_units_minus_one(drawn: Round) -> None:
    """Four units, all of which answer: three, however many people answer inside them."""
    round_ = in_two_stages(drawn.setup.round)
    assert degrees(drawn, drawn.weight(round_=round_), round_) == 3


def test_a_unit_that_nobody_answers_of_brings_no_degree(drawn: Round) -> None:
    round_ = in_two_stages(drawn.setup.round)
    weighted = drawn.weight(round_=round_)
    units = weighted.weights.merge(drawn.frame, on=["source", "person_id"], validate="1:1")["unit"]
    weights = weighted.weights.assign(weight=weighted.weights["weight"].mask((units == "Kecamatan").to_numpy(), 0.0))
    assert degrees(drawn, replace(weighted, weights=weights), round_) == 2


def test_people_resampled_in_classes_give_respondents_minus_classes_at_most(drawn: Round) -> None:
    weights = drawn.weighted.weights
    answered = weights[(weights["source"] == "internal") & (weights["weight"] > 0)]
    most = len(answered) - answered["nr_class"].nunique()
    assert 10 < degrees(drawn, drawn.weighted, drawn.setup.round) <= most
