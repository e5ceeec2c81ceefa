"""Counts that pages keep back: of panels, and of people who were reported as ineligible.

How many people were nominated to a panel or invited is told nowhere. A panel is invited whole and its number of answers
stands beside its score (pages 40, 50 and 90): 12 of 13 would name to the twelve the one who did not answer. So the
pages that are made before the score (10, 20 and 30) give no count of a panel, and those with the score only the
answers. docs/methods/disclosure.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spi_analysis.fieldwork import IneligibleReports
from spi_analysis.params import RoundParams, Source
from spi_analysis.reporting.wording import MISSING, Words, message


def is_panel(source: object, round_: RoundParams) -> bool:
    """Whether nothing may be told of the size of a source."""
    return source in round_.nominated


def without_panel_counts(
    table: pd.DataFrame, round_: RoundParams, hidden_sources: Sequence[Source] | None = None
) -> pd.DataFrame:
    """The table (a row per source, column ``source``) with every number of a panel (or of other sources) missing."""
    numbers = list(table.select_dtypes("number").columns)
    hidden = table["source"].isin(round_.nominated if hidden_sources is None else hidden_sources)
    return table.astype(dict.fromkeys(numbers, float)).mask(
        pd.DataFrame({name: hidden if name in numbers else False for name in table.columns}, index=table.index)
    )


def count_of(source: object, n: float, round_: RoundParams, words: Words) -> str:
    """A count of people of a source; a dash for a panel."""
    return MISSING if is_panel(source, round_) else words.number(n, 0)


def panel_note(round_: RoundParams, words: Words) -> str:
    """Why a page gives no number of a panel; nothing where the round has none."""
    panel = message(
        "How many people were nominated to a panel and invited is told on no page: together with the number of answers "
        "it could be used to guess who did not answer. An auditor finds it in the record of the draw."
    )
    drawn = message(
        "How many experts were drawn from a list and invited is told on the page of the draw only: beside the number "
        "of answers it would show how many did not answer."
    )
    lists = [source for source in round_.nominated if source not in round_.panels]
    return " ".join(words(text) for text, there in ((panel, round_.panels), (drawn, lists)) if there)


def panel_dash(round_: RoundParams, words: Words) -> str:
    """The same in short, for further tables of a page."""
    return words("A dash: a panel; no page shows the size of a panel.") if round_.panels else ""


def ineligible_sentence(reports: IneligibleReports, least: int, words: Words) -> str:
    """How many answers count, and how many do not, of people who were reported as ineligible.

    Said whatever the numbers are, and in bands of ``least``: whoever sends in one report more, and then sees the
    sentence or a number change, would learn whether that person answered.
    """
    kept, dropped = (n // least * least for n in (reports.kept, reports.dropped))
    if reports.reported - kept - dropped < least or not kept + dropped:
        return words(
            "Some people may have answered and been reported as ineligible. How many is not shown: fewer than {least} "
            "people, nobody, or nearly everyone who was reported.",
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
