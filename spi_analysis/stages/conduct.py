"""Stage: the conduct checks of an institution."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd

from spi_analysis.params import Instrument, RoundParams
from spi_analysis.scores.conduct import conduct_checks, flagged
from spi_analysis.tables import RoundData, require_answers_fit

COLUMNS = ["source", "unit", "n", "check", "observed", "expected", "p_value", "flagged"]


def conduct_round(data: RoundData) -> pd.DataFrame:
    """The checks of a loaded institution (see ``conduct_of``)."""
    return conduct_of(data.frame, data.responses, data.round, data.setup.instrument)


def conduct_of(
    frame: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams, instrument: Instrument
) -> pd.DataFrame:
    """Every check in every unit with enough answers, of all probability sources.

    Returns
    -------
    DataFrame of COLUMNS: ``observed`` and ``expected`` are counts (pairs, people, most answers in a window), for the
    analyst's eyes only; ``p_value`` counts all units, checks and sources of the institution.
    """
    require_answers_fit(responses, instrument)
    parts = []
    for source in round_.probability_sources:
        answers = responses[(responses["source"] == source) & responses["completed_at"].notna()]
        answers = answers.sort_values("person_id", ignore_index=True)
        if answers.empty:
            continue
        listed = frame[frame["source"] == source].set_index("person_id")["unit"]
        units = answers["person_id"].map(listed)
        name = f"{answers['institution_id'].iloc[0]}/{source}"
        rng = np.random.default_rng([round_.conduct.seed, zlib.crc32(name.encode())])
        least = round_.disclosure.min_cell
        table = conduct_checks(answers, units, instrument, source, round_.conduct, least, rng)
        parts.append(table.assign(source=source))
    if not any(len(part) for part in parts):
        return pd.DataFrame(columns=COLUMNS)
    return flagged(pd.concat(parts, ignore_index=True), round_.conduct.alpha)[COLUMNS]
