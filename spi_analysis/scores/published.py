"""The published results of past years: recomputed, compared."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, nearest
from spi_analysis.params import NAMED_CORRECTIONS, NATIONAL, OTHER_CORRECTION, PublishedYears
from spi_analysis.scores.change import bridge
from spi_analysis.scores.index import category_in_year, index_from_scores
from spi_analysis.tables import PUBLISHED_PARTS, published_history

# Part of this room's face: the figures come as a table, the rest here is arithmetic on it.
from spi_analysis.tables import load_published as load_published


def unjoined(published: pd.DataFrame) -> pd.DataFrame:
    """Institutions that are not there in every year, with the nearest name of a year that lacks them.

    Returns
    -------
    DataFrame: institution_id, type, years, missing_years, nearest (a name that is itself missing in
    some year where this one is there: perhaps the same institution renamed; "" if none is close).
    """
    years = sorted(int(year) for year in published["year"].unique())
    present = published.groupby(["institution_id", "type"])["year"].agg(lambda y: sorted(map(int, y))).reset_index()
    partial = present[present["year"].map(len) < len(years)]
    rows = []
    for entry in partial.itertuples():
        rivals = partial[
            (partial["type"] == entry.type)
            & partial["year"].map(lambda other, own=entry.year: not set(other) & set(own))
        ]
        close = difflib.get_close_matches(entry.institution_id, list(rivals["institution_id"]), n=1, cutoff=0.75)
        rows.append(
            {
                "institution_id": entry.institution_id,
                "type": entry.type,
                "years": ", ".join(map(str, entry.year)),
                "missing_years": ", ".join(str(year) for year in years if year not in entry.year),
                "nearest": close[0] if close else "",
            }
        )
    return pd.DataFrame(rows, columns=["institution_id", "type", "years", "missing_years", "nearest"])


def recompute(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """The index of every institution and year from its parts, beside the published one.

    Returns
    -------
    DataFrame: year, institution_id, institution, type, index, recomputed, difference (published minus
    recomputed, in points), agrees (within the tolerance), correction_total (weighted scores minus the published index),
    correction_other (the third correction, of years that have one; else missing). Rows without parts are left out.
    """
    rows = published[(published["type"] != NATIONAL) & published[PUBLISHED_PARTS].notna().all(axis=1)]
    values = [_recomputed(row, years.weights(row["year"])) for row in rows.to_dict("records")]
    table = rows[["year", "institution_id", "institution", "type", "index"]].assign(recomputed=values)
    table["difference"] = table["index"] - table["recomputed"]
    # Figures are published with two decimals: a difference is judged as it would be printed.
    table["agrees"] = table["difference"].abs().round(2) <= years.tolerance
    table["correction_total"] = rows["correction_conduct"] + rows["correction_facts"] - table["difference"]
    other = (-table["difference"]).where(~table["agrees"], 0.0)
    table["correction_other"] = other.where(table["year"].isin(years.with_other_correction()))
    return table.reset_index(drop=True)


def corrections_by_year(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """How much was taken off the indices of every year, in points.

    Returns
    -------
    DataFrame, one row per year with parts: year, n (institutions), lowest, mean, highest (of all corrections together:
    weighted scores minus index), n_other (institutions with the third correction; missing in years without it).
    """
    groups = recompute(published, years).groupby("year")
    table = groups["correction_total"].agg(n="size", lowest="min", mean="mean", highest="max")
    other = groups["correction_other"].agg(lambda points: np.nan if points.isna().all() else (points > 0).sum())
    return table.assign(n_other=other.astype("Int64")).reset_index()


def conduct_correction(conduct_index: float, year: int, years: PublishedYears) -> float:
    """Points that a conduct index (0-100) took off in a year whose rule is known.

    Raises
    ------
    InputError   the rule of the year is not known.
    """
    known = years.years.get(year)
    if known is None or known.conduct is None:
        ruled = ", ".join(str(y) for y, facts in years.years.items() if facts.conduct) or "no year"
        raise InputError("the conduct correction of this year has no known rule", got=str(year), expected=ruled)
    return known.conduct.factor * conduct_index


def published_parts(row: Mapping[str, float], year: int, years: PublishedYears) -> dict[str, float]:
    """Parts of a published index by name, with the third correction where the year has one and the index needs it."""
    parts = {part: float(row[part]) for part in PUBLISHED_PARTS}
    missing = _recomputed(parts, years.weights(year)) - float(row["index"])
    if year in years.with_other_correction() and round(abs(missing), 2) > years.tolerance:
        parts[OTHER_CORRECTION] = missing
    return parts


def _recomputed(parts: Mapping[Any, Any], weights: Mapping[str, float]) -> float:
    """The index that the published parts make by the weights of a year."""
    scores = {source: float(parts[source]) for source in weights}
    return index_from_scores(scores, weights, [float(parts[name]) for name in NAMED_CORRECTIONS])


def yearly_means(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """Plain means over institutions beside the official national index.

    Returns
    -------
    DataFrame: year, n, plain_mean, official, gap (plain minus official; missing where too few institutions
    are here for a national mean), explained (gap within the tolerance), note.
    """
    rows = []
    for year, part in published[published["type"] != NATIONAL].groupby("year"):
        known = years.years.get(int(year))
        official = known.official_index if known else None
        complete = official is not None and len(part) >= years.min_national
        gap = part["index"].mean() - official if complete else None
        rows.append(
            {
                "year": int(year),
                "n": len(part),
                "plain_mean": part["index"].mean(),
                "official": official,
                "gap": gap,
                "explained": None if gap is None else bool(abs(round(gap, 2)) <= years.tolerance),
                "note": known.note if known else "",
            }
        )
    return pd.DataFrame(rows)


def means_by_type(published: pd.DataFrame) -> pd.DataFrame:
    """Plain mean index and number of institutions, by year and type."""
    rows = published[published["type"] != NATIONAL]
    return rows.groupby(["year", "type"])["index"].agg(n="size", mean="mean").reset_index()


def categories_by_year(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """Number of institutions in every category, by year (rows) and category (columns, lowest first).

    Each year by its own rule (``years.categories``), applied to the index in the decimals of that year. Missing: a
    category that the year does not have; all of a year without a rule.
    """
    rows = published[published["type"] != NATIONAL]
    counts = {int(year): _counted(part["index"], int(year), years) for year, part in rows.groupby("year")}
    table = pd.DataFrame.from_dict(counts, orient="index", columns=category_codes(years), dtype="Int64")
    return table.rename_axis(index="year", columns="category")


def category_codes(years: PublishedYears) -> list[str]:
    """Codes of all categories that any year has, the lowest first."""
    from_top = [(level.code, place) for rule in years.categories for place, level in enumerate(rule.levels[::-1])]
    farthest = {code: max(p for c, p in from_top if c == code) for code, _ in from_top}
    return sorted(farthest, key=lambda code: -farthest[code])


def _counted(index: pd.Series, year: int, years: PublishedYears) -> dict[str, int]:
    """Institutions of a year by category; empty where no rule of the year is known."""
    rule = years.category_rule(year)
    found = index.map(lambda value: category_in_year(value, year, years)).value_counts()
    return {} if rule is None else {level.code: int(found.get(level.code, 0)) for level in rule.levels}


def movers(published: pd.DataFrame, before: int, after: int, most: int) -> pd.DataFrame:
    """The institutions whose published index rose and fell most between two years.

    A large move is not a proven one: published figures carry no standard error.

    Returns
    -------
    DataFrame: institution_id, institution, type, before, after, change; up to ``most`` rises and falls.
    """
    rows = published[published["type"] != NATIONAL]
    first = rows[rows["year"] == before].set_index("institution_id")["index"].rename("before")
    second = rows[rows["year"] == after].set_index("institution_id")[["institution", "type", "index"]]
    both = second.rename(columns={"index": "after"}).join(first, how="inner").reset_index()
    both["change"] = both["after"] - both["before"]
    ordered = both.sort_values(["change", "institution_id"])
    extremes = pd.concat([ordered.tail(most)[::-1], ordered.head(most)]).drop_duplicates("institution_id")
    return extremes[["institution_id", "institution", "type", "before", "after", "change"]].reset_index(drop=True)


def published_bridge(
    published: pd.DataFrame, institution_id: str, before: int, after: int, years: PublishedYears
) -> pd.DataFrame:
    """What an institution's published change is made of (see ``change.bridge``).

    Raises
    ------
    InputError   the institution, a year, or the parts of a year are not there.
    """
    rows = published_history(published, institution_id).set_index("year")
    if rows.empty:
        raise InputError(
            "the institution has no published result",
            got=institution_id,
            hint=nearest(institution_id, published["institution_id"].unique()),
        )
    for year in (before, after):
        if year not in rows.index or rows.loc[year, PUBLISHED_PARTS].isna().any():
            raise InputError(
                "the parts of a published index are missing",
                key=institution_id,
                got=str(year),
                expected="a year with source scores and corrections",
            )
    first, second = (
        {"index": float(rows.loc[year, "index"]), **published_parts(rows.loc[year], year, years)}
        for year in (before, after)
    )
    return bridge(first, second, years.weights(before), years.weights(after))
