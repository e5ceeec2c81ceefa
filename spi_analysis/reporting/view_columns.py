"""The columns of a view: heading, how values are written, how wide; once for page, CSV and workbook.

A page writes one text per cell. A file holds figures as numbers, an interval in two columns, and what is words
in the words of the page. Both are made from the same rounded data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from spi_analysis.reporting.wording import MISSING, NEARLY_NEVER, Phrase, Words, message, phrase, phrases
from spi_analysis.tables import P_DECIMALS, PAGE_DECIMALS, as_shown

# A message, or what makes a text of several; a text that is there in every language.
AnyText = str | Callable[[Words], str] | Phrase
# Characters, in a workbook.
TEXT_WIDTH, FIGURE_WIDTH = 32, 14
LOWER, UPPER, OR_TAKE, MARK = message("lower limit"), message("upper limit"), message("give or take"), message("mark")


def said(words: Words, text: AnyText) -> str:
    """A message, or a made text, in a language."""
    if isinstance(text, Phrase):
        return text.say(words)
    return text(words) if callable(text) else words(text)


def in_words(text: AnyText) -> Phrase:
    """A message, or a made text, in every language: as charts take it."""
    return phrase(lambda words: said(words, text))


@dataclass(frozen=True)
class Part:
    """What a column writes of the data: one figure, or a text made of one or several columns.

    ``decimals`` are those of the figure in data and files (None: a text, the same everywhere), ``excel`` is its format
    in a workbook, and ``cut`` gives what is released of it, if not all. ``ending`` stands behind the heading in files.
    ``instead`` is what stands where there is no figure: a column of the data with the texts, or what makes one text.
    ``unsigned`` is a column that says which figures have no plus sign.
    """

    names: tuple[str, ...]
    write: Callable[..., str]
    decimals: int | None = None
    excel: str = "@"
    cut: Callable[[float], float] | None = None
    ending: str = ""
    instead: str | Callable[[Words], str] = ""
    unsigned: str = ""

    @property
    def used(self) -> tuple[str, ...]:
        """All columns of the data that it needs."""
        return (*self.names, self.instead) if isinstance(self.instead, str) and self.instead else self.names

    def on_page(self, words: Words, row: Mapping[str, Any]) -> str:
        """The text of a cell."""
        values = [row[name] for name in self.names]
        if self.decimals is None:
            return self.write(words, *values)
        if values[0] is None:
            return self._in_its_place(words, row) or MISSING
        return self.write(words, *values)

    def _in_its_place(self, words: Words, row: Mapping[str, Any]) -> str:
        if callable(self.instead):
            return self.instead(words)
        return row[self.instead] if self.instead else ""

    def in_file(self, words: Words, row: Mapping[str, Any]) -> str | float | None:
        """The value of a cell: a number where the page has one, nothing for a dash, else the words of the page."""
        value = row[self.names[0]]
        if self.decimals is None or value is None or math.isinf(value):
            text = self.on_page(words, row)
        # Only what is cut is written as above or below a limit.
        elif self.cut is None or (text := self.on_page(words, row))[0] not in "<>":
            return int(value) if self.decimals == 0 else float(value)
        return None if text in ("", MISSING) else text


@dataclass(frozen=True)
class Column:
    """A column as people read it."""

    heading: AnyText
    parts: tuple[Part, ...]
    join: Callable[..., str] = lambda words, *texts: texts[0]
    width: int = FIGURE_WIDTH
    stands_among_figures: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it holds words."""
        return not self.stands_among_figures and all(part.decimals is None for part in self.parts)

    def on_page(self, words: Words, row: Mapping[str, Any]) -> str:
        """The text of a cell."""
        return self.join(words, *(part.on_page(words, row) for part in self.parts))

    def file_heading(self, words: Words, part: Part) -> str:
        """Over one of its parts in a file."""
        heading = said(words, self.heading)
        return f"{heading}: {words(part.ending)}" if part.ending else heading


def plain(heading: AnyText, name: str) -> Column:
    """Words that stand in the data, such as the name of a unit."""
    return written(heading, (name,), lambda words, value: "" if value is None else str(value))


def coded(heading: AnyText, name: str, of: str) -> Column:
    """Codes of the canonical column ``of``, in words."""
    return written(heading, (name,), lambda words, code: words.value(of, code))


def worded(heading: AnyText, name: str, messages: Mapping[Any, str]) -> Column:
    """Codes with a message each; a dash for others."""
    return written(heading, (name,), lambda words, code: words(messages[code]) if code in messages else MISSING)


def figure_text(heading: AnyText, names: tuple[str, ...], write: Callable[..., str]) -> Column:
    """Texts that stand among figures, such as a band of counts."""
    return replace(written(heading, names, write), stands_among_figures=True, width=FIGURE_WIDTH)


def written(heading: AnyText, names: tuple[str, ...], write: Callable[..., str]) -> Column:
    """A text that ``write(words, *values)`` makes."""
    return Column(heading, (Part(names, write),), width=TEXT_WIDTH)


def count(heading: AnyText, name: str, instead: str | Callable[[Words], str] = "") -> Column:
    """Whole numbers; ``instead``: a column with the text where there is none, or what makes this text."""
    return Column(heading, (replace(_number(name, 0), instead=instead),))


def number(heading: AnyText, name: str, decimals: int = PAGE_DECIMALS, unit: str = "", mark: str = "") -> Column:
    """Figures, each with its unit; ``mark``: a column with what stands behind them, a column of its own in a file."""
    return Column(heading, (_number(name, decimals, unit), *_marks(mark)), lambda words, *texts: "".join(texts))


def exact(heading: AnyText, name: str) -> Column:
    """Figures that somebody set, with the decimals that they have."""
    return Column(heading, (Part((name,), Words.exact, PAGE_DECIMALS, "General"),))


def years(heading: AnyText, name: str) -> Column:
    """Years, without a mark of thousands."""
    return Column(heading, (Part((name,), _year, 0, "0"),))


def _year(words: Words, year: float) -> str:
    return str(int(year))


def signed(heading: AnyText, name: str, decimals: int = PAGE_DECIMALS) -> Column:
    """Figures with their sign."""
    return Column(heading, (_signed(name, decimals),))


def sum_of_signed(heading: AnyText, name: str, is_sum: str) -> Column:
    """Figures with their sign, and without one where the column ``is_sum`` says that it is what they add up to."""
    part = replace(_signed(name, PAGE_DECIMALS), names=(name, is_sum), write=_signed_or_sum, unsigned=is_sum)
    return Column(heading, (part,))


def _signed_or_sum(words: Words, value: float, is_sum: bool) -> str:
    return words.number(value) if is_sum else words.signed(value)


def percent(heading: AnyText, name: str, decimals: int = 1) -> Column:
    """Shares (0-1), in percent on the page and in a workbook."""
    return Column(heading, (_percent(name, decimals),))


def chance(heading: AnyText, name: str) -> Column:
    """Probabilities in whole percent; near 0 and 1 only on which side they are."""
    return Column(heading, (Part((name,), Words.chance, 2, _percent_format(0), _cut_chance),))


def p_value(heading: AnyText, name: str) -> Column:
    """p values; of the smallest only what they are below."""
    return Column(heading, (Part((name,), Words.p_value, P_DECIMALS, _format(P_DECIMALS), _cut_p),))


def percent_interval(heading: AnyText, low: str, high: str, decimals: int = 0) -> Column:
    """An interval of a share (0-1), in percent on the page."""
    return Column(heading, _limits(_percent(low, decimals), _percent(high, decimals)), _from_to)


def interval(
    heading: AnyText, low: str, high: str, decimals: int = PAGE_DECIMALS, unit: str = "", mark: str = ""
) -> Column:
    """An interval from two columns of the data; two columns in a file. ``mark``: a column with what stands behind."""
    limits = _limits(_number(low, decimals, unit), _number(high, decimals, unit))
    return Column(heading, (*limits, *_marks(mark)), _from_to_marked)


def _marks(mark: str) -> tuple[Part, ...]:
    return (Part((mark,), lambda words, mark: mark or "", ending=MARK),) if mark else ()


def _from_to_marked(words: Words, low: str, high: str, mark: str = "") -> str:
    return _from_to(words, low, high) + mark


def estimate(
    heading: AnyText, name: str, low: str, high: str, decimals: int = PAGE_DECIMALS, sign: bool = False
) -> Column:
    """A figure with its interval in brackets; three columns in a file."""
    first = _signed(name, decimals) if sign else _number(name, decimals)
    limits = _limits(_number(low, decimals), _number(high, decimals))
    return Column(heading, (first, *limits), _in_brackets)


def share_in_interval(heading: AnyText, name: str, low: str, high: str) -> Column:
    """A share (0-1) with one decimal of its percent, and its interval in whole percent in brackets."""
    limits = _limits(_percent(low, 0), _percent(high, 0))
    return Column(heading, (_percent(name, 1), *limits), _in_brackets)


def give_or_take(heading: AnyText, name: str, error: str, sign: bool = False) -> Column:
    """A figure and, after ±, what it may be off by; two columns in a file."""
    first = _signed(name, PAGE_DECIMALS) if sign else _number(name, PAGE_DECIMALS)
    error_part = replace(_number(error, PAGE_DECIMALS), ending=OR_TAKE)
    return Column(heading, (first, error_part), lambda words, value, error: f"{value} ± {error}")


def _number(name: str, decimals: int, unit: str = "") -> Part:
    excel = f'{_format(decimals)}"{unit}"' if unit else _format(decimals)
    return Part((name,), partial(_with_unit, decimals=decimals, unit=unit), decimals, excel)


def _with_unit(words: Words, value: float, decimals: int, unit: str) -> str:
    return words.number(value, decimals) + unit


def _signed(name: str, decimals: int) -> Part:
    plain_format = _format(decimals)
    return Part(
        (name,), partial(Words.signed, decimals=decimals), decimals, f"+{plain_format};-{plain_format};{plain_format}"
    )


def _percent(name: str, decimals: int) -> Part:
    # A share has two decimals more than its percent.
    return Part((name,), partial(Words.percent, decimals=decimals), decimals + 2, _percent_format(decimals))


def _cut_chance(probability: float) -> float:
    """0 and 1 where the page only says on which side the chance is."""
    return 0.0 if probability < NEARLY_NEVER else 1.0 if probability > 1 - NEARLY_NEVER else probability


def _cut_p(p: float) -> float:
    return 0.0 if p < 10.0**-P_DECIMALS else p


def _limits(low: Part, high: Part) -> tuple[Part, Part]:
    return replace(low, ending=LOWER), replace(high, ending=UPPER)


def _from_to(words: Words, low: str, high: str) -> str:
    return MISSING if MISSING in (low, high) else words("{low} to {high}", low=low, high=high)


def _in_brackets(words: Words, value: str, low: str, high: str) -> str:
    return f"{value} ({_from_to(words, low, high)})"


def _format(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _percent_format(decimals: int) -> str:
    return ("0." + "0" * decimals if decimals else "0") + "%"


def released(data: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """What the columns use of the data, rounded as they write it: nothing else leaves.

    A figure that two columns write has the decimals of the one with more.
    """
    parts = [part for column in columns for part in column.parts]
    kept = data[list(dict.fromkeys(name for part in parts for name in part.used))].reset_index(drop=True)
    cut = {part.names[0]: kept[part.names[0]].map(part.cut, na_action="ignore") for part in parts if part.cut}
    decimals: dict[str, int] = {}
    for part in (part for part in parts if part.decimals is not None):
        decimals[part.names[0]] = max(part.decimals or 0, decimals.get(part.names[0], 0))
    # A name of all columns, left by a pivot, would stand over the rows.
    return as_shown(kept.assign(**cut).rename_axis(columns=None), decimals)


def counted(values: pd.Series) -> pd.DataFrame:
    """The bars of a histogram: how many (``estimate``) there are from ``low`` to ``high``, in steps of 1, 2 or 5.

    Rice's rule, which far outliers do not upset: twice the cube root of the number of values.
    """
    least, most = values.min(), max(values.max(), values.min() + 10.0**-PAGE_DECIMALS)
    found = MaxNLocator(int(2 * np.cbrt(len(values))), steps=[1, 2, 5, 10]).tick_values(least, most)
    edges = np.unique(np.round(found, PAGE_DECIMALS))
    n = np.histogram(values.clip(edges[0], edges[-1]), edges)[0].astype(float)
    labels = phrases(lambda words: [words.interval(*ends) for ends in pairwise(edges)])
    return pd.DataFrame({"label": labels, "low": edges[:-1], "high": edges[1:], "estimate": n})


def series_of(table: pd.DataFrame, column: str = "") -> pd.DataFrame:
    """Lines from a table with one column each: the index becomes ``x``; headings: phrases, or codes of ``column``."""
    rows = table.rename_axis("x").reset_index().melt("x", var_name="series", value_name="estimate")
    named = [phrase(lambda words, code=code: words.value(column, code)) if column else code for code in rows["series"]]
    return rows.assign(series=named)


def rows_of_data(data: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values; None where there is none."""
    return [
        {name: None if pd.isna(value) else value for name, value in zip(data.columns, row, strict=True)}
        for row in data.itertuples(index=False, name=None)
    ]
