"""Rules that turn weak results into recommendations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from spi_analysis.params.loading import Frozen, Judgement, Source, Text, Wrong


class Condition(Frozen):
    """When a rule applies: a dimension's score below, or an experience's rate above, a threshold.

    The evidence must stand clear of chance: ``certainty`` is the confidence with
    which the true value must lie on the wrong side (one-sided).
    """

    kind: Literal["score_below", "rate_above"]
    measure: str
    threshold: Annotated[float, Field(ge=0, le=100)]
    certainty: Annotated[float, Field(ge=0.5, lt=1)]


class Recommendation(Frozen):
    """One rule with its words."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    audience: Source
    when: Condition
    title: Text
    text: Text
    reference: str


class RecommendationRules(Judgement):
    """All rules."""

    rules: list[Recommendation]

    @field_validator("rules")
    @classmethod
    def _codes_differ(cls, rules: list[Recommendation]) -> list[Recommendation]:
        codes = [rule.code for rule in rules]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise Wrong("a rule code is used twice", twice, "codes that differ")
        return rules

    @model_validator(mode="after")
    def _has_rules(self) -> RecommendationRules:
        if not self.rules:
            raise Wrong("there is no rule", "an empty list", "at least one rule")
        return self
