"""What became of the recommendations: one row per institution, year and recommendation, and how much of it counts.

An action counts as followed up only if it conforms to the recommendation *and* the commission has validated it; that
the institution reports it as done is not enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import read_csv_table, uneven_rows
from spi_analysis.tables import FOLLOW_UPS as STATUSES

COLUMNS = ["institution_id", "year", "recommendation", "status", "done", "total"]
# Of the actions done those that conform to the recommendation, and of these those that the commission has validated.
CHECKED = ["conforming", "validated"]
YEARS = (2000, 2100)


def load_tracker(path: Path | str, institution_ids: Iterable[str]) -> pd.DataFrame:
    """Read the tracker (CSV).

    Parameters
    ----------
    path : CSV with the columns institution_id, year, recommendation (a code of ``recommendations.yaml`` or any words),
        status (not_started, in_progress, done), done and total (actions as reported: whole numbers, 0 <= done <= total,
        total >= 1); and, where it is known, conforming and validated (0 <= validated <= conforming <= done)
    institution_ids : codes of the roster

    Returns
    -------
    DataFrame: the columns of the file and ``tlp``, the share of the actions that conform and were validated, in
    percent; missing where the file does not say how many these are.

    Raises
    ------
    InputError   missing columns, unknown institutions, years or statuses, numbers that are no counts, a status that the
        counts contradict, one recommendation twice; all problems at once.
    """
    name = Path(path).name
    given = read_csv_table(Path(path), InputError, name)
    # Both or none: how many were validated means nothing without how many conform.
    needed = [*COLUMNS, *CHECKED] if set(CHECKED) & set(given.header) else COLUMNS
    absent = [column for column in needed if column not in given.header]
    if absent:
        problems = (Problem("a column is missing", name, 1, c, hint=nearest(c, given.header)) for c in absent)
        raise InputError(*problems)
    problems, uneven = uneven_rows(given, name), {number for number, _ in given.uneven}
    kept = {number: row for number, row in given.rows if number not in uneven}
    table = pd.DataFrame(list(kept.values()), index=list(kept), columns=given.header, dtype=str)
    table = table.reindex(columns=[*COLUMNS, *CHECKED], fill_value="")
    table = table.apply(lambda column: column.str.strip())
    numbers = {c: pd.to_numeric(table[c], errors="coerce") for c in ("year", "done", "total", *CHECKED)}
    problems += [*_words(table, name, list(institution_ids)), *_counts(table, numbers, name), *_repeats(table, name)]
    if problems:
        raise InputError(*problems)
    table = table.assign(**{c: v.astype(float if c in CHECKED else int) for c, v in numbers.items()})
    return with_rate(table).sort_values(["institution_id", "year", "recommendation"]).reset_index(drop=True)


def with_rate(tracker: pd.DataFrame) -> pd.DataFrame:
    """The tracker with its follow-up rates (``tlp``): validated of all actions, in percent; else missing."""
    return tracker.assign(tlp=100 * tracker["validated"].astype(float) / tracker["total"])


def follow_up(tracker: pd.DataFrame) -> pd.DataFrame:
    """Per year: recommendations, how many are reported as done, their actions, and the follow-up rate in percent (TLP).

    Returns
    -------
    DataFrame: year (latest first), recommendations, completed, done (as reported), conforming, validated, total,
    tlp = 100 validated / total. What is not known of one recommendation is not known of its year.
    """
    groups = tracker.assign(completed=tracker["status"] == "done").groupby("year")
    table = groups.agg(
        recommendations=("recommendation", "size"), completed=("completed", "sum"), done=("done", "sum"),
        conforming=("conforming", _sum), validated=("validated", _sum), total=("total", "sum"),
    )  # fmt: skip
    return with_rate(table).sort_index(ascending=False).reset_index()


def _sum(counts: pd.Series) -> float:
    return float(counts.sum(skipna=False))


def _words(table: pd.DataFrame, file: str, institution_ids: list[str]) -> list[Problem]:
    known = {"institution_id": institution_ids, "status": list(STATUSES)}
    unknown = [
        Problem(
            f"not a known {column.replace('_', ' ')}",
            file,
            int(row),
            column,
            got=table.loc[row, column] or "nothing",
            expected="a code of the roster" if column == "institution_id" else ", ".join(STATUSES),
            hint=nearest(table.loc[row, column], values),
        )
        for column, values in known.items()
        for row in table.index[~table[column].isin(values)]
    ]
    blank = table.index[table["recommendation"] == ""]
    return unknown + [Problem("the recommendation is not named", file, int(row), "recommendation") for row in blank]


def _counts(table: pd.DataFrame, numbers: dict[str, pd.Series], file: str) -> list[Problem]:
    """Years and counts that are none, and statuses that contradict them."""
    year, done, total = (numbers[c] for c in ("year", "done", "total"))
    whole = {c: values.notna() & (values % 1 == 0) for c, values in numbers.items()}
    wrong = {
        "year": (~(whole["year"] & year.between(*YEARS)), f"a year, {YEARS[0]} to {YEARS[1]}"),
        "total": (~(whole["total"] & (total >= 1)), "a whole number, at least 1"),
        "done": (~(whole["done"] & (done >= 0) & ~(done > total)), "a whole number, from 0 to the total"),
    }
    blank = table[CHECKED].eq("").all(axis=1)
    for column, most in (("conforming", "done"), ("validated", "conforming")):
        fits = whole[column] & (numbers[column] >= 0) & ~(numbers[column] > numbers[most])
        wrong[column] = (~(fits | blank), f"a whole number, from 0 to {most}; both cells empty where it is not known")
    problems = [
        Problem(
            "not a usable number", file, int(row), column, got=table.loc[row, column] or "nothing", expected=expected
        )
        for column, (bad, expected) in wrong.items()
        for row in table.index[bad]
    ]
    sound = ~(wrong["total"][0] | wrong["done"][0]) & table["status"].isin(STATUSES)
    untrue = ((table["status"] == "done") != (done == total)) | ((table["status"] == "not_started") & (done > 0))
    return problems + [
        Problem(
            "status and counts contradict each other",
            file,
            int(row),
            "status",
            got=f"{table.loc[row, 'status']}, {table.loc[row, 'done']} of {table.loc[row, 'total']}",
            expected="done only if all actions are; not_started only if none is",
        )
        for row in table.index[sound & untrue]
    ]


def _repeats(table: pd.DataFrame, file: str) -> list[Problem]:
    keys = ["institution_id", "year", "recommendation"]
    return [
        Problem(
            "a recommendation is there twice", file, int(row), "recommendation", got=table.loc[row, "recommendation"]
        )
        for row in table.index[table.duplicated(keys)]
    ]
