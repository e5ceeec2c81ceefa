"""Items of the instrument to which nobody gave any answer: most likely they were never asked."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import Instrument


def unasked_items(responses: pd.DataFrame, instrument: Instrument) -> dict[str, list[str]]:
    """Per source with respondents, the items that hold no answer at all, "do not know" and refusals included.

    Parameters
    ----------
    responses : DataFrame   table ``responses``: one row per respondent, one column per item
    """
    found = {}
    for source in instrument.sources:
        people = responses[responses["source"] == source]
        codes = instrument.codes(source)
        if len(people):
            answered = people.reindex(columns=codes).notna().any()
            found[source] = [code for code in codes if not answered[code]]
    return {source: codes for source, codes in found.items() if codes}
