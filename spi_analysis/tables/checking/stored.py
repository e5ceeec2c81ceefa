"""The tables of a round: are they there, do they keep their contract, do they fit the instrument and the roster?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.errors import Problem, SpiError, nearest
from spi_analysis.params.setup import RoundSetup
from spi_analysis.tables.answer_fit import foreign_columns, misfits
from spi_analysis.tables.checking.finding import Finding, Stage
from spi_analysis.tables.contracts import CONTRACTS, checked
from spi_analysis.tables.demo_marks import is_demonstration_value, public_value_problem
from spi_analysis.tables.importing.responses import item_codes
from spi_analysis.tables.store import WRITTEN_BY, Store
from spi_analysis.tables.unasked import unasked_items

# The stages that cannot begin without a table.
NEEDED_BY: dict[str, tuple[Stage, ...]] = {
    "frame": ("draw",),
    "sample": ("fieldwork", "weights"),
    "events": ("weights",),
    "responses": ("weights",),
    "weights": ("scores",),
    "replicates": ("scores",),
    "estimates": ("reports",),
}


def check_tables(setup: RoundSetup, store: Store, institution_id: str) -> Iterator[Finding]:
    """Everything about one institution's tables."""
    for table, blocks in NEEDED_BY.items():
        where = f"data/{setup.round.round_id}/{table}/{institution_id}.parquet"
        data, problems = _read(store, table, institution_id, where)
        yield from (Finding("error", blocks, institution_id, problem) for problem in problems)
        if data is None and not problems:
            yield Finding("missing", blocks, institution_id, _missing(table, where))
        elif data is not None and table == "frame":
            yield from _frame(setup, data, institution_id, where)
        elif data is not None and table == "responses":
            yield from _responses(setup, data, institution_id, where)


def _read(store: Store, table: str, institution_id: str, where: str) -> tuple[pd.DataFrame | None, list[Problem]]:
    try:
        data = store.read_if_there(table, institution_id)
        return (data if data is None or table not in CONTRACTS else checked(table, data, where)), []
    except SpiError as error:
        return None, list(error.problems)
    except (OSError, ValueError) as error:
        return None, [Problem("the table cannot be read", where, got=type(error).__name__, hint="write it again")]


def _missing(table: str, where: str) -> Problem:
    return Problem(f"the table {table} is not there yet", where, expected="the table", hint=f"run: {WRITTEN_BY[table]}")


def _frame(setup: RoundSetup, frame: pd.DataFrame, institution_id: str, where: str) -> Iterator[Finding]:
    """Every source needs a list, and a source that is drawn needs someone who may be drawn."""
    for source in SOURCES:
        people = frame[frame["source"] == source]
        if people.empty:
            problem = Problem(
                f"there is no list of source {source}", where, column="source", hint=f"run: {WRITTEN_BY['frame']}"
            )
            yield Finding("missing", ("draw",), institution_id, problem)
        elif not (people["is_eligible"] & (people["stream"] == "list")).any():
            problem = Problem(
                f"nobody on the list of source {source} may be invited",
                where,
                column="is_eligible",
                got=f"0 of {len(people)} people",
                expected="at least one eligible person on a list",
                hint="see frame_problems.xlsx for the reasons",
            )
            yield Finding("error", ("draw",), institution_id, problem)


def _responses(setup: RoundSetup, responses: pd.DataFrame, institution_id: str, where: str) -> Iterator[Finding]:
    """The columns must be the instrument's items, and the cells answers of their scales."""
    codes = item_codes(setup.instrument)
    for column in foreign_columns(responses, setup.instrument):
        problem = Problem(
            "a column is no item of the instrument", where, column=column, got="answers that nothing uses",
            expected="the items of the round's instrument",
            hint=f"{nearest(column, codes)}; an item that was taken out on purpose may stay so",
        )  # fmt: skip
        yield Finding("warning", (), institution_id, problem)
    for source, unasked in unasked_items(responses, setup.instrument).items():
        items = len(setup.instrument.codes(source))
        problem = Problem(
            f"nobody of source {source} has any answer to {len(unasked)} of {items} items",
            where,
            got=f"no answer: {', '.join(unasked)}",
            expected="all items of the round's instrument",
            hint="if they were never asked, take them out of the instrument; else name their columns with --mapping",
        )
        yield Finding("warning", (), institution_id, problem)
    for source in SOURCES:
        for problem in misfits(responses, setup.instrument.questions[source], setup.instrument, where):
            yield Finding("error", ("weights", "scores"), institution_id, problem)


def check_institutions(setup: RoundSetup, store: Store) -> Iterator[Finding]:
    """Institutions that have tables but do not take part."""
    for table in NEEDED_BY:
        for institution_id in store.institutions(table):
            try:
                setup.require(institution_id)
            except SpiError as error:
                known = error.problems[0]
                where = f"data/{setup.round.round_id}/{table}/{institution_id}.parquet"
                problem = Problem(known.what, where, got=institution_id, expected=known.expected, hint=known.hint)
                yield Finding("error", ("import",), institution_id, problem)


def check_public_value(setup: RoundSetup, store: Store) -> Iterator[Finding]:
    """A real round is drawn with a real public value; what was drawn without one is named."""
    problem = public_value_problem(setup)
    if problem:
        yield Finding("missing", ("draw",), "", problem)
    if store.is_synthetic:
        return
    for institution_id in setup.institution_ids:
        record = store.read_record("draw", institution_id) or {}
        for source, part in record.get("sources", {}).items():
            if is_demonstration_value(part["public_value"], part["public_value_name"]):
                where = f"data/{setup.round.round_id}/draw/{institution_id}.json"
                problem = Problem(
                    "the sample was drawn with the demonstration value", where, key=source, got=part["public_value"],
                    expected="a public value that nobody controls", hint="say so wherever the draw is published",
                )  # fmt: skip
                yield Finding("warning", (), institution_id, problem)
