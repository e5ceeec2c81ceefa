"""Stage: what became of the recommendations, from the files that say so.

It comes as a CSV, or as plans of action (workbooks) that institutions have filled in, whose rows are single actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import RoundSetup, read_csv_table, uneven_rows
from spi_analysis.scores import CHECKED, COLUMNS, KEYS, with_rate
from spi_analysis.stages.report import TRACKER_FILE, tracker_of
from spi_analysis.tables import FOLLOW_UPS as STATUSES
from spi_analysis.tables import checked, write_parquet
from spi_analysis.tables.importing import read_sheets

PLAN_COLUMNS = [*KEYS, "action", "done", *CHECKED]
YES, NO = ("ya", "yes", "y", "sudah", "x", "✓", "1", "true"), ("tidak", "no", "n", "belum", "0", "false")
YEARS = (2000, 2100)


def import_tracker(setup: RoundSetup, paths: Sequence[Path]) -> pd.DataFrame:
    """Read the tracker and keep it as ``data/tracker.parquet``; gives the rows read.

    A CSV takes the place of all that was kept; a plan of action that was filled in takes the place of what was known
    of its institution and year.

    Raises
    ------
    InputError   a file cannot be used, or two of them tell of the same recommendation.
    """
    names = ", ".join(path.name for path in paths)
    table = checked("tracker", pd.concat([load_tracker(path, setup.roster.ids()) for path in paths]), names)
    target = setup.workspace.data / TRACKER_FILE
    kept = pd.DataFrame() if not all(map(is_plan, paths)) else _of_others(tracker_of(setup), table)
    rows = pd.concat([kept, table]).sort_values(KEYS, ignore_index=True) if len(kept) else table
    write_parquet(target, rows)
    return table


def _of_others(kept: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """What is known of other institutions and years."""
    told = pd.MultiIndex.from_frame(table[KEYS[:2]])
    return kept[~pd.MultiIndex.from_frame(kept[KEYS[:2]]).isin(told)]


def is_plan(path: Path | str) -> bool:
    """Whether a file is a plan of action, by its ending; a CSV is the tracker of all institutions."""
    return Path(path).suffix.lower() != ".csv"


def load_tracker(path: Path | str, institution_ids: Iterable[str]) -> pd.DataFrame:
    """Read the tracker (CSV), or a plan of action that was filled in (a workbook).

    Parameters
    ----------
    path : CSV with the columns institution_id, year, recommendation (a code of ``recommendations.yaml`` or any words),
        status (not_started, in_progress, done), done and total (actions as reported: whole numbers, 0 <= done <= total,
        total >= 1); and, where it is known, conforming and validated (0 <= validated <= conforming <= done). Of a plan
        the actions of each recommendation are counted: a row without words for an action is none
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
    table, problems = _plan(Path(path)) if is_plan(path) else _csv(Path(path))
    table = table.apply(lambda column: column.str.strip())
    numbers = {c: pd.to_numeric(table[c], errors="coerce") for c in ("year", "done", "total", *CHECKED)}
    problems += [*_words(table, name, list(institution_ids)), *_counts(table, numbers, name), *_repeats(table, name)]
    if problems:
        raise InputError(*problems)
    table = table.assign(**{c: v.astype(float if c in CHECKED else int) for c, v in numbers.items()})
    return with_rate(table).sort_values(KEYS).reset_index(drop=True)


def _csv(path: Path) -> tuple[pd.DataFrame, list[Problem]]:
    """The cells of a CSV by their row, as texts, and rows of another length."""
    name = path.name
    given = read_csv_table(path, InputError, name)
    # Both or none: how many were validated means nothing without how many conform.
    needed = [*COLUMNS, *CHECKED] if set(CHECKED) & set(given.header) else COLUMNS
    absent = [column for column in needed if column not in given.header]
    if absent:
        raise InputError(*(Problem("a column is missing", name, 1, c, hint=nearest(c, given.header)) for c in absent))
    problems, uneven = uneven_rows(given, name), {number for number, _ in given.uneven}
    kept = {number: row for number, row in given.rows if number not in uneven}
    table = pd.DataFrame(list(kept.values()), index=list(kept), columns=given.header, dtype=str)
    return table.reindex(columns=[*COLUMNS, *CHECKED], fill_value=""), problems


def _plan(path: Path) -> tuple[pd.DataFrame, list[Problem]]:
    """The actions of a plan as rows of the tracker, each numbered by its first action; answers that are none."""
    actions = _actions(path)
    answers = {c: actions[c].str.lower() for c in ("done", *CHECKED)}
    problems = [
        Problem("not a yes or no", path.name, int(row), column, got=actions.loc[row, column], expected="yes, no")
        for column, cells in answers.items()
        for row in actions.index[~cells.isin([*YES, *NO, ""])]
    ]
    yes = actions.assign(**{c: cells.isin(YES) for c, cells in answers.items()})
    for column, before in (("conforming", "done"), ("validated", "conforming")):
        wrong = yes.index[yes[column] & ~yes[before]]
        problems += [
            Problem(f"an action is {column} without being {before}", path.name, int(row), column) for row in wrong
        ]
    # Of an action that is done it is known whether it counts only where somebody has said so.
    open_ = yes["done"] & (answers["conforming"].eq("") | (yes["conforming"] & answers["validated"].eq("")))
    counted = yes.assign(open=open_, row=yes.index).groupby(KEYS, sort=False)
    table = counted[["done", *CHECKED]].sum().assign(
        total=counted.size(), row=counted["row"].min(), open=counted["open"].any()
    )  # fmt: skip
    return _as_tracked(table.reset_index()), problems


def _as_tracked(table: pd.DataFrame) -> pd.DataFrame:
    status = [
        "done" if d == t else "in_progress" if d else "not_started"
        for d, t in zip(table["done"], table["total"], strict=True)
    ]
    texts = table.assign(status=status).set_index("row").astype(str)
    texts.loc[texts.pop("open") == "True", CHECKED] = ""
    return texts[[*COLUMNS, *CHECKED]]


def _actions(path: Path) -> pd.DataFrame:
    """The rows of a plan that name an action, as texts, by their number in the workbook."""
    for sheet in read_sheets(path):
        rows = [[_text(cell) for cell in row] for row in sheet.rows]
        top = next((i for i, row in enumerate(rows) if set(PLAN_COLUMNS) <= set(row)), None)
        if top is not None:
            places = [rows[top].index(column) for column in PLAN_COLUMNS]
            below = {i + 1: [*row, *[""] * len(rows[top])] for i, row in enumerate(rows) if i > top}
            table = pd.DataFrame({n: [row[p] for p in places] for n, row in below.items()}, PLAN_COLUMNS, dtype=str).T
            return table[table["action"] != ""]
    raise InputError(
        "this is no plan of action",
        file=path.name,
        expected=f"a row with the names {', '.join(PLAN_COLUMNS)}",
        hint="fill in the workbook that lies beside the report, and leave its grey row as it is",
    )


def _text(cell: object) -> str:
    """A cell as a text: a year that a spreadsheet keeps as 2024.0 is 2024."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()


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
    return [
        Problem(
            "a recommendation is there twice", file, int(row), "recommendation", got=table.loc[row, "recommendation"]
        )
        for row in table.index[table.duplicated(KEYS)]
    ]
