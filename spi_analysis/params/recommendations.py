"""Rules that turn weak results into recommendations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from spi_analysis.errors import nearest
from spi_analysis.params.loading import Frozen, Judgement, Source, Text, Wrong


class Condition(Frozen):
    """When a rule applies: a dimension's score below, or an experience's rate above, a threshold.

    ``certainty`` is the one-sided confidence with which the true value must lie on the wrong side of the threshold.
    """

    kind: Literal["score_below", "rate_above"]
    measure: str
    threshold: Annotated[float, Field(ge=0, le=100)]
    certainty: Annotated[float, Field(ge=0.5, lt=1)]


class Plan(Frozen):
    """How advice becomes work: the unit in charge, in how many months, how one sees success, the area of a plan."""

    owner: Text
    months: Annotated[int, Field(ge=1, le=36)]
    sign: Text
    area: str | None = None


class Recommendation(Frozen):
    """One rule with its words; without ``plan`` the institution says who does it, by when, and how one sees success."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    audience: Source
    when: Condition
    title: Text
    text: Text
    reference: str
    plan: Plan | None = None


class RecommendationRules(Judgement):
    """All rules; ``areas``: those of the plan that the institution makes with the commission (code -> words)."""

    areas: dict[str, Text] = Field(default_factory=dict)
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

    @model_validator(mode="after")
    def _has_areas(self) -> RecommendationRules:
        for number, rule in enumerate(self.rules):
            area = rule.plan and rule.plan.area
            if area and area not in self.areas:
                known = ", ".join(self.areas) or "a code of areas"
                raise Wrong("the plan is for an unknown area", area, known, nearest(area, self.areas),
                            f"rules.{number}.plan.area")  # fmt: skip
        return self
