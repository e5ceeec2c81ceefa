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
    if reports.reported - kept - dropped < least or not kept + dropped:
        return words(
            "Some people may have answered and been reported as ineligible. How many is not shown: they are fewer than "
            "{least}, nobody, or nearly everyone who was reported.",
            least=least,
        )
    return words(
        "Answered, but reported as ineligible: {kept} people whose answers count (the report came after the answer, or "
        "the round's rule puts answers first), {dropped} people whose answers do not count. Such numbers are given in "
        "bands of {least}; a dash: fewer than {least}, or nobody.",
        kept=_band(kept, least),
        dropped=_band(dropped, least),
        least=least,
    )


def _band(low: int, width: int) -> str:
    return f"{low}–{low + width - 1}" if low else MISSING
