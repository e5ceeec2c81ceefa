"""How people type dates, ages and tenures into a list."""

from __future__ import annotations

import datetime as dt

import numpy as np

from spi_analysis.synthetic.habits import DateStyle
from spi_analysis.synthetic.times import years_since
from spi_analysis.synthetic.typing_habits import Cell
from spi_analysis.synthetic.vocabulary import MONTHS

OTHER_STYLE = 0.12  # share of the cells that do not follow the list's own style


def typed_dates(days: np.ndarray, style: DateStyle, rng: np.random.Generator, *, sheet: bool) -> list[Cell]:
    """Dates; most in the list's style. Outside a spreadsheet there are no date cells."""
    styles = [style, *(other for other in ("slashes", "words", "excel") if other != style)]
    if not sheet:
        styles.remove("excel")
    way = np.where(rng.random(days.size) < OTHER_STYLE, rng.integers(1, len(styles), days.size), 0)
    return [_typed_date(day, styles[w]) for day, w in zip(days.astype("datetime64[D]").tolist(), way, strict=True)]


def typed_ages(days: np.ndarray, at: np.datetime64) -> list[Cell]:
    """Ages in whole years."""
    return np.floor(years_since(days, at)).astype(int).tolist()


def typed_tenures(days: np.ndarray, at: np.datetime64, rng: np.random.Generator, *, words: bool) -> list[Cell]:
    """Tenures as "5 tahun", "5 thn 3 bln" or 5; rounded down, so that nobody crosses a limit."""
    years = years_since(days, at)
    whole, months = np.floor(years).astype(int), np.floor(years % 1 * 12).astype(int)
    way = np.where(words, rng.integers(0, 3, days.size), np.where(rng.random(days.size) < OTHER_STYLE, 1, 2))
    return [
        (f"{y} tahun", f"{y} thn {m} bln", y)[w]
        for y, m, w in zip(whole.tolist(), months.tolist(), way.tolist(), strict=True)
    ]


def _typed_date(day: dt.date, style: DateStyle) -> Cell:
    if style == "words":
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if style == "slashes" else day
