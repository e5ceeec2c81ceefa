"""What is known of the published years: weights, official means, targets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from spi_analysis.params.base import Cited, Judgement, Source
from spi_analysis.params.loading import Wrong
from spi_analysis.params.round import SourceWeights


class PublishedYear(SourceWeights):
    """One published year. ``note`` says in plain words what is unexplained about it.

    ``mode_break``: another mode of interviewing, with a shift of its own for the institutions that carry an unexplained
    deduction; ``own_noise``: its noise variance is estimated apart from that of the other years. A round that is
    compared with a year of either kind takes that year's noise from the model, with any other its own error.
    """

    official_index: Annotated[float, Field(ge=0, le=100)] | None = None
    national_target: Annotated[float, Field(ge=0, le=100)] | None = None
    unexplained_deduction: bool = False
    mode_break: bool = False
    own_noise: bool = False
    note: str = ""


class YearsModelParams(Judgement):
    """The hierarchical model of the published years.

    ``persistence``: what is left of a change a year later (AR(1)); ``min_institutions``: fewer of a type are not
    modelled; ``false_discovery``: share of false ones among the moves that are said to stand out.
    """

    persistence: Annotated[float, Field(gt=0, lt=1)]
    min_institutions: Annotated[int, Field(ge=10)]
    false_discovery: Annotated[float, Field(gt=0, lt=0.5)]


class PublishedYears(Judgement, Cited):
    """All published years, and how close a recomputed index must come."""

    tolerance: Annotated[float, Field(gt=0, lt=1)]
    min_national: Annotated[int, Field(ge=1)]
    model: YearsModelParams
    years: dict[int, PublishedYear]

    @model_validator(mode="after")
    def _has_years(self) -> PublishedYears:
        if not self.years:
            raise Wrong("there is no year", "none", "at least one published year")
        return self

    def weights(self, year: int) -> dict[Source, float]:
        """Source weights of a year; for a year not listed, those of the nearest earlier one."""
        known = [y for y in sorted(self.years) if y <= year] or [min(self.years)]
        return self.years[known[-1]].source_weights

    def mode_breaks(self) -> set[int]:
        """Years with another mode of interviewing."""
        return {year for year, known in self.years.items() if known.mode_break}

    def same_design(self, year: int) -> bool:
        """Whether a year's survey was made as today's: not in another mode, nor with an error known to be another."""
        return year not in self.mode_breaks() | self.own_noise()

    def own_noise(self) -> set[int]:
        """Years whose noise variance is their own."""
        return {year for year, known in self.years.items() if known.own_noise}


class Aliases(Judgement):
    """Renamed institutions: the slug in use now, and the slugs of its other names."""

    aliases: dict[str, list[str]]

    @model_validator(mode="after")
    def _one_step_to_the_present(self) -> Aliases:
        """A name in use now is nobody's other name, and an other name belongs to one institution."""
        others = [other for listed in self.aliases.values() for other in listed]
        chained = sorted(set(others) & set(self.aliases))
        if chained:
            raise Wrong(
                "a name is both in use now and another's former name", chained, "former names that lead to one in use"
            )
        twice = sorted({other for other in others if others.count(other) > 1})
        if twice:
            raise Wrong("a former name is listed twice", twice, "each former name once")
        return self

    @property
    def present(self) -> dict[str, str]:
        """Other slug -> slug in use now."""
        return {other: slug for slug, others in self.aliases.items() for other in others}
