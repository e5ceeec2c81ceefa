"""The published results of past years: read, recomputed, compared."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import OTHER_CORRECTION, InstitutionType, PublishedYears, read_csv_table, uneven_rows
from spi_analysis.scores.change import SOURCES, bridge
from spi_analysis.scores.index import category_in_year, index_from_scores

# One name per institution, whatever the year wrote.

_ABBREVIATIONS = {
    "kab": "kabupaten",
    "prov": "provinsi",
    "kem": "kementerian",
    "kemen": "kementerian",
    "kemenko": "kementerian koordinator",
}
_SET_ASIDE = {"pemerintah", "pemda", "pemkot", "pemkab"}


def institution_slug(name: str) -> str:
    """The name without case, punctuation, bracketed abbreviations and "Pemerintah", words joined by hyphens.

    ``"PEMERINTAH KOTA MOJOKERTO"`` and ``"Kota Mojokerto"`` become ``kota-mojokerto``;
    ``"Kab. Probolinggo"`` becomes ``kabupaten-probolinggo``: a kabupaten and a kota of
    the same name stay apart.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", " ", re.sub(r"\(.*?\)", " ", plain)).split()
    kept = [_ABBREVIATIONS.get(word, word) for word in words if word not in _SET_ASIDE]
    return "-".join("-".join(kept).split())


def institution_ids(names: pd.Series, aliases: dict[str, str]) -> pd.Series:
    """Slugs of all names, renamed institutions brought to their present one."""
    slugs = names.map({name: institution_slug(name) for name in names.unique()})
    return slugs.map(lambda slug: aliases.get(slug, slug)).rename("institution_id")


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


COLUMNS = ["year", "institution", "type", "province_code", "index", *SOURCES, "correction_conduct", "correction_facts"]
PARTS = [*SOURCES, "correction_conduct", "correction_facts"]
NATIONAL = "nasional"
TYPES = (*get_args(InstitutionType), NATIONAL)
# Codes of provinces in Indonesia have two digits and begin with that of the island (1 to 9).
PROVINCE = r"[1-9]\d"
COMMAS = "this column, divided from others by commas"


def load_published(path: Path | str, aliases: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read published results (CSV) into the table ``published``.

    Parameters
    ----------
    path : CSV with the columns year, institution, type, province_code, index, internal, external,
        expert, correction_conduct, correction_facts; parts may be empty
    aliases : mapping   other slug -> present slug, for renamed institutions

    Returns
    -------
    DataFrame, one row per institution and year, with ``institution_id``; the national row keeps the
    type "nasional".

    Raises
    ------
    InputError   no table in UTF-8 with rows, missing columns, rows that do not fit the header, figures that are not
        numbers or outside 0-100, unknown types or province codes, one institution twice in a year.
    """
    name = Path(path).name
    given = read_csv_table(Path(path), InputError, name)
    absent = [column for column in COLUMNS if column not in given.header]
    if absent:
        raise InputError(
            *(
                Problem("a column is missing", name, 1, c, expected=COMMAS, hint=nearest(c, given.header))
                for c in absent
            )
        )
    problems = uneven_rows(given, name)
    numbers = [number for number, _ in given.rows]
    raw = pd.DataFrame([row for _, row in given.rows], index=numbers, dtype=str)[COLUMNS]
    raw = raw.drop(index=[number for number, _ in given.uneven])
    table = raw.apply(lambda column: column.str.strip())
    table = table.assign(institution_id=institution_ids(table["institution"], dict(aliases or {})))
    for column in ["year", "index", *PARTS]:
        table[column], bad = _numbers(table[column], column, name, blank_allowed=column in PARTS)
        problems += bad
    problems += [*_words(table, name), *_repeats(table, name)]
    if problems:
        raise InputError(*problems)
    table = table.reset_index(drop=True)
    table["year"] = table["year"].astype(int)
    table["province_code"] = table["province_code"].replace("", None)
    return table[["year", "institution", "institution_id", *COLUMNS[2:]]]


def recompute(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """The index of every institution and year from its parts, beside the published one.

    Returns
    -------
    DataFrame: year, institution_id, institution, type, index, recomputed, difference (published minus
    recomputed, in points), agrees (within the tolerance), correction_total (weighted scores minus the published index),
    correction_other (the third correction, of years that have one; else missing). Rows without parts are left out.
    """
    rows = published[(published["type"] != NATIONAL) & published[PARTS].notna().all(axis=1)]
    values = [
        index_from_scores(*(getattr(row, part) for part in PARTS), weights=years.weights(row.year))
        for row in rows.itertuples()
    ]
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
    parts = {part: float(row[part]) for part in PARTS}
    missing = index_from_scores(*parts.values(), weights=years.weights(year)) - float(row["index"])
    if year in years.with_other_correction() and round(abs(missing), 2) > years.tolerance:
        parts[OTHER_CORRECTION] = missing
    return parts


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


def history(published: pd.DataFrame, institution_id: str) -> pd.DataFrame:
    """All published rows of one institution, by year."""
    return published[published["institution_id"] == institution_id].sort_values("year").reset_index(drop=True)


def published_bridge(
    published: pd.DataFrame, institution_id: str, before: int, after: int, years: PublishedYears
) -> pd.DataFrame:
    """What an institution's published change is made of (see ``change.bridge``).

    Raises
    ------
    InputError   the institution, a year, or the parts of a year are not there.
    """
    rows = history(published, institution_id).set_index("year")
    if rows.empty:
        raise InputError(
            "the institution has no published result",
            got=institution_id,
            hint=nearest(institution_id, published["institution_id"].unique()),
        )
    for year in (before, after):
        if year not in rows.index or rows.loc[year, PARTS].isna().any():
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


def _numbers(column: pd.Series, name: str, file: str, *, blank_allowed: bool) -> tuple[pd.Series, list[Problem]]:
    blank = (column == "").to_numpy()
    values = pd.to_numeric(column.where(~blank), errors="coerce")
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    low, high = (2000, 2100) if name == "year" else (0, 100)
    expected = f"{low} to {high}"
    usable = (numbers >= low) & (numbers <= high)
    if name == "year":
        usable &= numbers % 1 == 0
        expected = f"a whole number, {expected}"
    bad = ~(usable | (blank & blank_allowed))
    problems = [
        Problem("not a usable figure", file, int(row), name, got=column[row] or "nothing", expected=expected)
        for row in column.index[bad]
    ]
    return values, problems


def _words(table: pd.DataFrame, file: str) -> list[Problem]:
    """Blank names, unknown types and province codes; the national row has no province."""
    codes = table["province_code"]
    checks = [
        ("institution", table["institution_id"] == "", "the name of an institution"),
        ("type", ~table["type"].isin(TYPES), ", ".join(TYPES)),
        ("province_code", (codes != "") & ~codes.str.fullmatch(PROVINCE), "two digits, or nothing"),
    ]
    return [
        Problem(
            f"not a usable {column.replace('_', ' ')}",
            file,
            int(row),
            column,
            got=table.loc[row, column] or "nothing",
            expected=expected,
            hint=nearest(table.loc[row, column], TYPES) if column == "type" else "",
        )
        for column, bad, expected in checks
        for row in table.index[bad]
    ]


def _repeats(table: pd.DataFrame, file: str) -> list[Problem]:
    twice = table.duplicated(["year", "institution_id"])
    return [
        Problem(
            "an institution is there twice in a year",
            file,
            int(row),
            "institution",
            got=f"{table.loc[row, 'institution']} ({table.loc[row, 'year']})",
            expected="one row per institution and year",
        )
        for row in table.index[twice]
    ]
