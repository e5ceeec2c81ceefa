"""What if the nonrespondents differ, and what if answers were coached: the judgements behind both checks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from spi_analysis.params.base import Judgement, Source
from spi_analysis.params.loading import Wrong
from spi_analysis.params.sources import Count, ListColumn, Share, once_each

Phi = Annotated[float, Field(ge=0, le=1)]
KnownColumn = ListColumn | Literal["tenure_years", "unit_tenure_years", "channels", "n_listings"]
Known = Annotated[list[KnownColumn], Field(min_length=1), AfterValidator(once_each)]


class SensitivityParams(Judgement):
    """Proxy pattern-mixture analysis and early against late answers.

    ``proxy`` names what the list tells of everyone, per probability source; a category with fewer respondents than
    ``min_level_respondents`` is not told apart. Below ``least_correlation`` of proxy and score phi = 1 says nothing.
    An answer is late from the reminder with number ``late_from_reminder`` on.
    """

    phis: Annotated[list[Phi], Field(min_length=2)]
    least_correlation: Share
    proxy: dict[Source, Known]
    min_level_respondents: Count
    late_from_reminder: Count

    @field_validator("phis")
    @classmethod
    def _rising_from_zero(cls, phis: list[float]) -> list[float]:
        if phis != sorted(set(phis)) or phis[0] != 0:
            raise Wrong("the values of phi are out of order", phis, "rising values, the first 0", "try [0, 0.5, 1]")
        return phis


class ConductParams(Judgement):
    """Checks for coached answers.

    ``alpha``: chance that honest answers raise any flag in an institution. ``near_duplicate``: share of equal answers
    from which on two questionnaires are near-duplicates. ``straight_line``: share of equal codes in one questionnaire.
    ``speeder_share``: of the median time. ``score_block``: at least so many people of about the same score are shuffled
    among each other, of whom at most the share ``most_of_one_unit`` is of one unit.
    """

    alpha: Annotated[float, Field(gt=0, lt=0.5)]
    permutations: Annotated[int, Field(ge=99, le=100_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    near_duplicate: Share
    straight_line: Share
    speeder_share: Share
    burst_minutes: Count
    score_block: Annotated[int, Field(ge=2)]
    most_of_one_unit: Share
    min_answered_share: Share
