"""What reports of ineligibility did to answers, in words that tell of nobody."""

from __future__ import annotations

from spi_analysis.fieldwork import IneligibleReports
from spi_analysis.reporting.wording import MISSING, Words


def ineligible_sentence(reports: IneligibleReports, least: int, words: Words) -> str:
    """How many answers count, and how many do not, of people who were reported as ineligible.

    Said whatever the numbers are, and in bands of ``least``: whoever sends in one report more, and then sees the
    sentence or a number change, would learn whether that person answered.
    """
    kept, dropped = (n // least * least for n in (reports.kept, reports.dropped))
    nearly_all = reports.reported - kept - dropped < least
    return words(
        "Answered, but reported as ineligible: {kept} people whose answers count (the report came after the answer, or "
        "the round's rule puts answers first), {dropped} people whose answers do not count. Such numbers are given in "
        "bands of {least}; a dash: fewer than {least}, nobody, or nearly everyone who was reported.",
        kept=_band(0 if nearly_all else kept, least),
        dropped=_band(0 if nearly_all else dropped, least),
        least=least,
    )


def _band(low: int, width: int) -> str:
    return f"{low}–{low + width - 1}" if low else MISSING
