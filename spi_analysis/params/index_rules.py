"""What the index is made of, and its categories."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from spi_analysis.errors import ParameterError
from spi_analysis.params.loading import Cited, Frozen, Judgement, Source, Text, Wrong
from spi_analysis.params.roster import CORRECTIONS, InstitutionType
from spi_analysis.params.sources import (
    Share,
)


class ComponentParams(Frozen):
    """A part of the index without answers, such as a score of documents: an input per institution, 0 to 100."""

    label: Text
    weight: Share


class SourceWeights(Judgement):
    """How the scores of the sources, and components beside them, make an index."""

    source_weights: Annotated[dict[Source, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)]
    components: dict[Source, ComponentParams] = Field(default_factory=dict)
    decimals: Annotated[int, Field(ge=0, le=6)]

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every source and component."""
        return {**self.source_weights, **{name: part.weight for name, part in self.components.items()}}

    @model_validator(mode="after")
    def _sums_to_one(self) -> SourceWeights:
        if twice := sorted({*self.components} & {*self.source_weights, *CORRECTIONS}):
            raise Wrong("a component is named like a source or a correction", ", ".join(twice), "a name of its own")
        total = sum(self.weights.values())
        if abs(total - 1) > 1e-9:
            raise Wrong(
                "the source weights do not sum to 1",
                f"sum {total:.6g}",
                f"{' + '.join(self.weights)} = 1",
                key="source_weights",
            )
        return self


class IndexParams(SourceWeights, Cited):
    """The index of a round."""


class CategoryLevel(Frozen):
    """One category; it holds indices below ``below`` (the top one has no limit)."""

    code: str
    label: Text
    below: float | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class TypeSpread(Frozen):
    """Mean and standard deviation of the index over the institutions of a type, in points."""

    mean: Annotated[float, Field(ge=0, le=100)]
    sd: Annotated[float, Field(gt=0, le=50)]


class CategoryParams(Judgement, Cited):
    """Categories from the lowest to the highest; they apply to the index rounded to its published decimals.

    ``by_type``: where it is given, the limits are not points but standard deviations from the mean of the
    institution's type; `of_type` gives the points.
    """

    levels: list[CategoryLevel]
    by_type: dict[InstitutionType, TypeSpread] = Field(default_factory=dict)

    def of_type(self, kind: InstitutionType) -> CategoryParams:
        """The categories of an institution of a type, with limits in points: mean + limit x SD.

        Raises
        ------
        ParameterError   limits are by type, and of this one no mean and SD are given.
        """
        if not self.by_type:
            return self
        if kind not in self.by_type:
            raise ParameterError(
                "no mean and standard deviation are given for a type of institution",
                key=f"categories.by_type.{kind}",
                got=", ".join(self.by_type),
                expected=f"also {kind}",
            )
        spread = self.by_type[kind]
        levels = [
            level if level.below is None else level.model_copy(update={"below": spread.mean + level.below * spread.sd})
            for level in self.levels
        ]
        return self.model_copy(update={"levels": levels, "by_type": {}})

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: list[CategoryLevel]) -> list[CategoryLevel]:
        limits = [level.below for level in levels]
        if not limits or limits[-1] is not None or None in limits[:-1]:
            raise Wrong("only the last category may (and must) be without a limit", limits, "e.g. 73, 78, none")
        bounded = [limit for limit in limits if limit is not None]
        if bounded != sorted(set(bounded)):
            raise Wrong("the thresholds are out of order", bounded, "rising limits", f"try {sorted(set(bounded))}")
        return levels
