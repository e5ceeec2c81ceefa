"""Charts in words: the figures that are drawn, for those who do not see them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.reporting.wording import Words, phrase


def told_rows(
    table: pd.DataFrame, words: Words, decimals: int, unit: str, *, total: Any = None, reference: Any = None, **_: Any
) -> str:
    """Every label with its figures, one for each series; then what they are compared with, or add up to."""
    rows: dict[str, list[str]] = {}
    for label, row in zip(table["label" if "label" in table else "year"], table.itertuples(), strict=True):
        name = f"{phrase(row.series).say(words)} " if "series" in table else ""
        rows.setdefault(phrase(label).say(words), []).append(name + _figure(row, words, decimals, unit))
    if total:
        rows[phrase(total[1]).say(words)] = [words.number(total[0], decimals)]
    text = "; ".join(f"{label}: {', '.join(figures)}" for label, figures in rows.items()) + "."
    return f"{text} {phrase(reference[1]).say(words)}." if reference else text


def told_strip(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """Every row: one's own value and how far the peers reach."""
    texts = []
    for label, rows in table.groupby("label", sort=False):
        own, peers = (rows["estimate"][rows["own"] == mine] for mine in (True, False))
        said = {"label": phrase(label).say(words), "own": words.listed(words.number(x, decimals) + unit for x in own)}
        reach = words.interval(peers.min(), peers.max(), decimals, unit)
        texts.append(words("{label}: {own}, {n} peers {reach}.", n=len(peers), reach=reach, **said))
    return " ".join(texts)


def told_lines(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The first and the last known value of every line."""
    ends = table.dropna().groupby("series", sort=False)["estimate"].agg(["first", "last"])
    numbers = ends.map(words.number, decimals=decimals)
    texts = [f"{phrase(name).say(words)}: {first} → {last}" for name, first, last in numbers.itertuples()]
    return words("From the first to the last point: {values}.", values="; ".join(texts))


def told_spread(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The five numbers of a box plot."""
    numbers = (words.number(x, decimals) for x in table["estimate"].quantile([0, 0.25, 0.5, 0.75, 1]))
    five = dict(zip("abcde", numbers, strict=True))
    return words("Smallest {a}, quarter below {b}, half below {c}, three quarters below {d}, largest {e}.", **five)


def told_on_scale(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The index with its interval, and the marks."""
    now, marks = table.iloc[0], table.iloc[1:]
    interval = words.interval(now["ci_low"], now["ci_high"], decimals)
    number = words.number(now["estimate"], decimals)
    index = words("The index is {estimate}, interval {interval}.", estimate=number, interval=interval)
    return index if marks.empty else f"{index} {told_rows(marks, words, decimals, unit)}"


def _figure(row: Any, words: Words, decimals: int, unit: str) -> str:
    """A figure, with its interval if it has one."""
    limits = getattr(row, "ci_low", None), getattr(row, "ci_high", None)
    interval = "" if pd.isna(limits[0]) else f" ({words.interval(*limits, decimals, unit)})"
    return words.number(row.estimate, decimals) + unit + interval
