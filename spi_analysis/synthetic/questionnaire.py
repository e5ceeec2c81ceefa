"""Questionnaires as they are filled in: with "don't know", refusals, gaps, and some broken off."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.params import Instrument, Source
from spi_analysis.params.instrument import Item, Scale
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.diary import Diary
from spi_analysis.synthetic.randomness import Streams

# Chances of "don't know", a refusal and a gap: items with a good and with a bad end, and questions on experience.
GOOD_ITEM = (0.035, 0.015, 0.010)
SENSITIVE_ITEM = (0.050, 0.030, 0.010)
EXPERIENCE_ITEM = (0.015, 0.025, 0.010)


def filled_questionnaires(
    city: SyntheticCity, diary: Diary, instrument: Instrument, rows: np.ndarray, streams: Streams
) -> pd.DataFrame:
    """One row per person in ``rows`` who started and is eligible: row, source, started_at, completed_at, items."""
    here = np.zeros(diary.starts.size, dtype=bool)
    here[rows] = True
    answered = here & diary.starts & ~diary.found_ineligible
    source = city.people["source"].to_numpy()
    parts = []
    for name in SOURCES:
        of_source = np.flatnonzero(source == name)
        codes = city.answers.loc[of_source, instrument.codes(name)].to_numpy(copy=True)
        _leave_out(codes, instrument, name, streams(f"{name} item nonresponse"))
        _break_off(codes, ~diary.completes[of_source], streams(f"{name} break-offs"))
        chosen = answered[of_source]
        parts.append(pd.DataFrame(codes[chosen], columns=instrument.codes(name), index=of_source[chosen]))
    items = pd.concat(parts)
    who = items.index.to_numpy()
    completed_at = np.where(diary.completes, diary.ended_at, np.datetime64("NaT"))
    head = {"row": who, "source": source[who], "started_at": diary.started_at[who], "completed_at": completed_at[who]}
    return pd.concat([pd.DataFrame(head, index=items.index), items], axis=1).reset_index(drop=True)


def _leave_out(codes: np.ndarray, instrument: Instrument, source: Source, rng: np.random.Generator) -> None:
    """Put missing codes and gaps into complete answers, in place; by chance alone, item by item."""
    chance = rng.random(codes.shape)
    for column, question in enumerate(instrument.questions[source]):
        sensitive = isinstance(question, Item) and question.direction == "negative"
        shares = SENSITIVE_ITEM if sensitive else GOOD_ITEM if isinstance(question, Item) else EXPERIENCE_ITEM
        low = 0.0
        for share, code in zip(shares, _missing_codes(instrument.scales[question.scale]), strict=True):
            codes[(chance[:, column] >= low) & (chance[:, column] < low + share), column] = code
            low += share


def _missing_codes(scale: Scale) -> tuple[float, float, float]:
    """Codes of "don't know", a refusal and a gap; a scale without such a code is left empty."""
    code = {meaning: float(number) for number, meaning in scale.missing.items()}
    return code.get("dont_know", np.nan), code.get("refused", np.nan), np.nan


def _break_off(codes: np.ndarray, unfinished: np.ndarray, rng: np.random.Generator) -> None:
    """Empty what comes after the last item that an unfinished questionnaire holds, in place."""
    n, width = codes.shape
    last = rng.integers(1, width, n)
    codes[unfinished[:, None] & (np.arange(width) >= last[:, None])] = np.nan
