"""Charts in words: the figures that are drawn, for those who do not see them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.reporting.wording import Words, phrase


def told_rows(table: pd.DataFrame, words: Words, decimals: int, unit: str, **options: Any) -> str:
    """Every row with its figures, those of several series behind one another; then the line to compare with."""
    rows: dict[str, list[str]] = {}
    for row in table.itertuples():
        name = f"{phrase(row.series).say(words)} " if "series" in table else ""
        rows.setdefault(phrase(row.label).say(words), []).append(name + _figure(row, words, decimals, unit))
    text = "; ".join(f"{label}: {', '.join(figures)}" for label, figures in rows.items()) + "."
    reference = f" {phrase(options['reference_label']).say(words)}." if options.get("reference") is not None else ""
    return text + reference


def told_strip(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """Every row: one's own value and how far the peers reach."""
    texts = []
    for label, rows in table.groupby("label", sort=False)[["estimate", "own"]]:
        own, peers = (rows.loc[rows["own"] == mine, "estimate"] for mine in (True, False))
        said = {"label": phrase(label).say(words), "own": words.listed(words.number(x, decimals) + unit for x in own)}
        said["reach"] = words.interval(peers.min(), peers.max(), decimals, unit)
        texts.append(words("{label}: {own}, {n} peers {reach}.", n=len(peers), **said))
    return " ".join(texts)


def told_parts(table: pd.DataFrame, words: Words, decimals: int, unit: str, **options: Any) -> str:
    """Every part with its sign, and what they add up to."""
    parts = [f"{phrase(row.label).say(words)}: {words.signed(row.estimate, decimals)}" for row in table.itertuples()]
    total = f"{phrase(options['total_label']).say(words)}: {words.number(options['total'], decimals)}"
    return "; ".join([*parts, total]) + "."


def told_lines(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The first and the last known value of every line."""
    ends = [
        f"{phrase(name).say(words)}: {words.number(x.iloc[0], decimals)} → {words.number(x.iloc[-1], decimals)}"
        for name, x in table.dropna().groupby("series", sort=False)["estimate"]
    ]
    return words("From the first to the last point: {values}.", values="; ".join(ends))


def told_history(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """Every year; a target as exactly as it was set."""
    texts = []
    for row in table.itertuples():
        name = phrase(row.series).say(words)
        target = f"{name} {row.year}: {words.exact(row.estimate)}"
        texts.append(target if row.kind == "target" else f"{row.year} ({name}): {_figure(row, words, decimals, unit)}")
    return "; ".join(texts) + "."


def told_spread(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The five numbers of a box plot."""
    numbers = (words.number(x, decimals) for x in table["estimate"].quantile([0, 0.25, 0.5, 0.75, 1]))
    five = dict(zip("abcde", numbers, strict=True))
    return words("Smallest {a}, quarter below {b}, half below {c}, three quarters below {d}, largest {e}.", **five)


def told_on_scale(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The index with its interval, and the marks."""
    interval = words.interval(*table.iloc[0][["ci_low", "ci_high"]], decimals)
    estimate, *marks = (words.number(x, decimals) for x in table["estimate"])
    index = words("The index is {estimate}, interval {interval}.", estimate=estimate, interval=interval)
    names = (phrase(name).say(words) for name in table["label"][1:])
    return index + "".join(f" {name}: {x}." for name, x in zip(names, marks, strict=True))


def _figure(row: Any, words: Words, decimals: int, unit: str) -> str:
    """A figure, with its interval if it has one."""
    limits = getattr(row, "ci_low", None), getattr(row, "ci_high", None)
    interval = "" if pd.isna(limits[0]) else f" ({words.interval(*limits, decimals, unit)})"
    return words.number(row.estimate, decimals) + unit + interval
