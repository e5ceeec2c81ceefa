"""Parameters of the published years: weights, official means, rules of their categories."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import ParameterError
from spi_analysis.params.loading import Cited, Frozen, Judgement, Source, Text, Wrong
from spi_analysis.params.sources import CategoryParams, SourceWeights


class Spread(Frozen):
    """Lowest, mean and highest of a figure over institutions."""

    lowest: float
    mean: float
    highest: float


class ConductRule(Judgement):
    """A year's conduct correction: ``factor`` x conduct index (0-100); ``index``: its published spread."""

    factor: Annotated[float, Field(gt=0, lt=1)]
    index: Spread


class OfficialCorrection(Judgement, Cited):
    """The commission's own figures on all corrections of a year together, in points."""

    total: Spread


class PublishedYear(SourceWeights):
    """One published year. ``note`` says in plain words what is unexplained about it.

    ``other_correction``: what its indices lack of their parts is the third correction, which the commission did not
    name; ``mode_break``: another mode of interviewing, with a shift of its own for the institutions that carry that
    correction; ``own_noise``: its noise variance is estimated apart from that of the other years. A round that is
    compared with a year of either kind takes that year's noise from the model, with any other its own error.
    """

    official_index: Annotated[float, Field(ge=0, le=100)] | None = None
    other_correction: bool = False
    official_correction: OfficialCorrection | None = None
    conduct: ConductRule | None = None
    mode_break: bool = False
    own_noise: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _weighs_the_published_sources(self) -> PublishedYear:
        if set(self.weights) != set(PUBLISHED_SOURCES):
            raise Wrong("a source has no weight", ", ".join(self.weights), ", ".join(PUBLISHED_SOURCES))
        return self


class YearsModelParams(Judgement):
    """The hierarchical model of the published years.

    ``persistence``: what is left of a change a year later (AR(1)); ``min_institutions``: fewer of a type are not
    modelled; ``false_discovery``: share of false ones among the changes that are reported as beyond noise.
    """

    persistence: Annotated[float, Field(gt=0, lt=1)]
    min_institutions: Annotated[int, Field(ge=10)]
    false_discovery: Annotated[float, Field(gt=0, lt=0.5)]


class TypeSpread(Frozen):
    """The published indices of a type of institution: mean of each year, and standard deviations between institutions.

    ``lasting``, ``change`` and ``noise`` are those of the model of the published years, in points; ``own_noise``: of
    the years whose noise is their own.
    """

    means: Annotated[dict[int, Annotated[float, Field(ge=0, le=100)]], Field(min_length=1)]
    lasting: Annotated[float, Field(ge=0)]
    change: Annotated[float, Field(ge=0)]
    noise: Annotated[float, Field(gt=0)]
    own_noise: dict[int, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)


class ChanceParams(Judgement):
    """Parameters of the chances besides this round's answers.

    ``panel_sd``: standard deviation of experts inside a panel, in points, worth ``panel_df`` degrees of freedom of a
    panel's own; ``mean_move``: standard deviation of the yearly change of the mean of a type, in points.
    """

    panel_sd: Annotated[float, Field(gt=0)]
    panel_df: Annotated[float, Field(gt=0)]
    mean_move: Annotated[float, Field(ge=0)]
    types: dict[str, TypeSpread]


class EffectParams(Judgement):
    """How the effect of actions is judged.

    ``low_share``: the lowest share of a type that is told how many rise by themselves; ``least_validated``: of a
    recommendation's actions, from which an institution has acted; ``false_alarms``: chance that no effect is called one
    (one-sided), of all recommendations together; ``rose_already``: chance that institutions which did not rise before
    they acted are said to have; ``false_discovery``: share of false ones among the recommendations
    that are said to have worked; ``power``: with which an effect ought to be found; ``min_acting``, ``min_others``:
    fewer are not compared (others: of a type and year); ``followed_up``: share that acts in a usual year; ``numbers``:
    of acting institutions, for which the smallest effect that can be found is shown.
    """

    low_share: Annotated[float, Field(gt=0, lt=0.5)]
    least_validated: Annotated[float, Field(gt=0, le=1)]
    false_alarms: Annotated[float, Field(gt=0, lt=0.5)]
    rose_already: Annotated[float, Field(gt=0, lt=0.5)]
    false_discovery: Annotated[float, Field(gt=0, lt=0.5)]
    power: Annotated[float, Field(gt=0.5, lt=1)]
    min_acting: Annotated[int, Field(ge=2)]
    min_others: Annotated[int, Field(ge=3)]
    followed_up: Annotated[float, Field(gt=0, lt=1)]
    numbers: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]


class ExpertPlanParams(Judgement):
    """What is planned with when experts are weighed against more answers of others.

    ``cost``: of an expert, in invitations; ``half_width``: aimed for, of the index in points; ``others_sd``: standard
    deviation of people's scores in the other sources, in points (that of experts: ``chances.panel_sd``); ``numbers`` of
    experts that are shown; ``most``: experts on the longest list; ``names``: on a list that experts could be drawn from
    where the institution has none yet; ``kinds_agree``: correlation of the scores of experts of one kind.
    """

    cost: Annotated[float, Field(gt=0)]
    half_width: Annotated[float, Field(gt=0)]
    others_sd: Annotated[float, Field(gt=0)]
    numbers: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    most: Annotated[int, Field(ge=2)]
    names: Annotated[int, Field(ge=2)]
    kinds_agree: Annotated[float, Field(ge=0, lt=1)]


class CategoryRule(CategoryParams):
    """The categories of the years ``first`` to ``last`` (no last year: until another rule follows)."""

    first: int
    last: int | None = None

    @model_validator(mode="after")
    def _first_before_last(self) -> CategoryRule:
        if self.last is not None and self.last < self.first:
            raise Wrong("the rule ends before it begins", self.last, f"{self.first} or later")
        return self

    def holds(self, year: int) -> bool:
        """Whether this rule holds for a year."""
        return self.first <= year and (self.last is None or year <= self.last)


class PublishedYears(Judgement, Cited):
    """All published years, the rules of their categories, and the tolerance of a recomputed index.

    A survey that has not been published yet has neither years nor rules.
    """

    tolerance: Annotated[float, Field(gt=0, lt=1)]
    min_national: Annotated[int, Field(ge=1)]
    model: YearsModelParams
    # Without it the prior of the index is flat.
    chances: ChanceParams | None = None
    # Without it nothing is said of actions and their effect.
    effect: EffectParams | None = None
    # Without it (or without chances) no number of experts is proposed.
    experts: ExpertPlanParams | None = None
    categories: list[CategoryRule]
    years: dict[int, PublishedYear]

    @field_validator("categories")
    @classmethod
    def _one_rule_a_year(cls, rules: list[CategoryRule]) -> list[CategoryRule]:
        for before, after in pairwise(rules):
            if before.last is None or before.last >= after.first:
                raise Wrong("two rules for the categories of one year", after.first, "rules one after another, by year")
        return rules

    @field_validator("categories")
    @classmethod
    def _one_name_a_category(cls, rules: list[CategoryRule]) -> list[CategoryRule]:
        names: dict[str, Text] = {}
        for level in (level for rule in rules for level in rule.levels):
            if names.setdefault(level.code, level.label) != level.label:
                raise Wrong("a category has two names", level.code, "the same label in every rule")
        return rules

    def weights(self, year: int) -> dict[Source, float]:
        """Source weights of a year; for a year not listed, those of the nearest earlier one."""
        return self._nearest(year).source_weights

    @property
    def category_labels(self) -> dict[str, Text]:
        """Name of every category that any year has."""
        return {level.code: level.label for rule in self.categories for level in rule.levels}

    def category_rule(self, year: int) -> CategoryRule | None:
        """The rule that made the categories of a year; None where none is known."""
        return next((rule for rule in self.categories if rule.holds(year)), None)

    def decimals(self, year: int) -> int:
        """Decimals in which the index of a year was published; those of the nearest earlier year that is listed."""
        return self._nearest(year).decimals

    def _nearest(self, year: int) -> PublishedYear:
        if not self.years:
            raise ParameterError(
                "nothing is known of any published year",
                file="params/published.yaml",
                key="years",
                got="no year",
                expected=f"{year}, or a year before it: there are published results",
            )
        known = [y for y in sorted(self.years) if y <= year] or [min(self.years)]
        return self.years[known[-1]]

    def with_other_correction(self) -> set[int]:
        """Years in which some institutions carry the third correction."""
        return {year for year, known in self.years.items() if known.other_correction}

    def mode_breaks(self) -> set[int]:
        """Years with another mode of interviewing."""
        return {year for year, known in self.years.items() if known.mode_break}

    def same_design(self, year: int) -> bool:
        """Whether a year's survey had the current design: neither another mode nor a noise variance of its own."""
        return year not in self.mode_breaks() | self.own_noise()

    def own_noise(self) -> set[int]:
        """Years whose noise variance is their own."""
        return {year for year, known in self.years.items() if known.own_noise}


class Aliases(Judgement):
    """Renamed institutions: the slug in use now, and the slugs of its other names."""

    aliases: dict[str, list[str]]

    @model_validator(mode="after")
    def _one_step_to_the_present(self) -> Aliases:
        """A current name is no other name of an institution, and each other name belongs to one institution."""
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
