"""Whether an institution's result is released, and if not why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spi_analysis.params import InstitutionInputs
from spi_analysis.params.round import ReleaseParams

Reason = Literal["insufficient_sample", "conduct", "did_not_take_part", "secrecy"]
# The only reason that follows from figures; the others are decisions, and stand in the inputs of the institution.
BY_RULE: Reason = "insufficient_sample"
# The reason that keeps back counts of people too: how many work there, were asked and answered.
SECRET: Reason = "secrecy"


@dataclass(frozen=True)
class Release:
    """``reason`` is None where the result is released."""

    reason: Reason | None

    @property
    def is_withheld(self) -> bool:
        return self.reason is not None


def release_of(inputs: InstitutionInputs, answers: int, half_width: float | None, rules: ReleaseParams) -> Release:
    """What was decided for the institution, else what the rules of the round say.

    Parameters
    ----------
    answers : int            people of the sources drawn at random who answered
    half_width : float or None   half of the interval of the index, in points; None where there is no index
    """
    if inputs.release == "withheld":
        return Release(inputs.withheld_reason)
    too_few = answers < rules.min_answers
    too_wide = half_width is not None and rules.max_half_width is not None and half_width > rules.max_half_width
    return Release(BY_RULE if too_few or too_wide else None)
