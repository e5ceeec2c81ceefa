"""A round that an earlier version wrote, brought to today's tables, columns and codes: whole or not at all.

All steps are carried out on a copy. Only when the last one has gone through, and every table that was changed fits its
contract, does the copy take the place of the round, which is kept beside it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.columns import MEASURES, Measure
from spi_analysis.errors import InputError, StoreError, nearest
from spi_analysis.params import Workspace
from spi_analysis.tables.contracts import ALL, CONTRACTS, EXACT_SPANS, WHOLE, checked, tenure_bands, with_kinds
from spi_analysis.tables.demo_marks import demo_seed, mark_demo, not_of_the_demo
from spi_analysis.tables.files import make_private, write_parquet, write_record
from spi_analysis.tables.round_data import replicate_lists
from spi_analysis.tables.schema import (
    KEPT,
    SCHEMA,
    SCHEMA_FILE,
    SEALED,
    interrupted,
    kept_path,
    mark_schema,
    refuse_later,
    schema_of,
)
from spi_analysis.tables.stored_files import (
    PARQUET,
    RECORD,
    damaged,
    read_record,
    read_table,
    read_table_bytes,
    was_whole,
    without_half,
)
from spi_analysis.tables.vault import seal_state
from spi_analysis.tables.writer_lock import one_writer


@dataclass(frozen=True)
class Migration:
    """One change of what is stored: from which version to which, what in words, and how.

    ``change`` takes the folder of the round, changes files in it, and gives those that it changed.
    """

    since: int
    to: int
    what: str
    change: Callable[[Path], list[Path]]


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade did, or would do: the version before, per step its words and how many files it changed."""

    since: int
    steps: tuple[tuple[str, int], ...]
    kept: Path | None = None


def in_tables(
    table: str, needs: Sequence[str], change: Callable[[pd.DataFrame], pd.DataFrame]
) -> Callable[[Path], list[Path]]:
    """A change of one table, for all institutions; a table without the columns ``needs`` went through it before."""

    def change_all(root: Path) -> list[Path]:
        return [path for path in stored_tables(root, table) if _change(path, needs, change)]

    return change_all


def stored_tables(root: Path, table: str) -> list[Path]:
    """The files of a table."""
    return sorted(without_half((root / table).glob("*.parquet")))


def _change(path: Path, needs: Sequence[str], change: Callable[[pd.DataFrame], pd.DataFrame]) -> bool:
    before = read_table(path)
    if not set(needs) <= set(before.columns):
        return False
    after = change(before)
    if not after.equals(before):
        write_parquet(path, after)
    return not after.equals(before)


def third_correction(estimates: pd.DataFrame) -> pd.DataFrame:
    """``mode_adjustment`` became ``correction_other``, which has no row where no such correction was made."""
    is_third = estimates["dimension"].eq("mode_adjustment").fillna(False)
    made = estimates[~is_third | estimates["estimate"].ne(0)].reset_index(drop=True)
    made["dimension"] = made["dimension"].replace("mode_adjustment", "correction_other")
    return made


def sealed(root: Path) -> list[Path]:
    """A checksum for every file that has none, or one of its content only; what is damaged already is named."""
    return _seal_all(path for path in without_half(sorted(root.rglob("*"))) if path.is_file())


def _seal_all(files: Iterable[Path]) -> list[Path]:
    return [path for path in files if path.suffix in _SEALED_BY and _SEALED_BY[path.suffix](path)]


def _seal_table(path: Path) -> bool:
    content = path.read_bytes()
    if not PARQUET.is_in(content):
        write_parquet(path, read_table_bytes(content, path))
    return not PARQUET.is_in(content)


def _seal_record(path: Path) -> bool:
    content = path.read_bytes()
    if RECORD.is_whole(content):
        return False
    record = read_record(path, check=False)
    if not was_whole(content):
        raise damaged(path, "its content is not that of its digest")
    write_record(path, record)
    return True


_SEALED_BY: dict[str, Callable[[Path], bool]] = {".parquet": _seal_table, ".json": _seal_record}
# Carried out before all others, which read the files.
SEALING = Migration(2, SEALED, "every file carries a checksum of all its bytes", sealed)


def banded_tenure(frame: pd.DataFrame) -> pd.DataFrame:
    """Spans of years became bands. The frame that a draw keeps stays: its digests are on record."""
    bands = {years: tenure_bands(frame[years]) for years in EXACT_SPANS}
    return frame.assign(**bands).rename(columns=EXACT_SPANS)


FIRST_REPLICATE = "r0001"


def listed_replicates(replicates: pd.DataFrame) -> pd.DataFrame:
    """Columns r0001, r0002 ... became one list; as many for every source. Variances stay what they were: factor 1."""
    who = replicates[["source", "person_id"]]
    lists = replicate_lists(replicates.drop(columns=who.columns).to_numpy(dtype=float))
    return who.assign(replicates=lists, variance_factor=1.0)


def estimates_from_schema_1(table: pd.DataFrame) -> pd.DataFrame:
    """A table ``estimates`` of the first form in the columns of today; the figures stay as they are.

    ``dimension`` held dimensions, items, parts of the index and assumptions; ``domain`` units, position classes,
    categories, targets, denominators and years; ``source`` also parts of the index and of its change.

    Parameters
    ----------
    table : DataFrame   measure, source, dimension, domain, and the columns that are no keys

    Raises
    ------
    InputError   a column is missing, or a measure is not known.
    """
    _require_schema_1(table)
    domain, part = table["domain"], table["dimension"]
    part = part.mask(_where(table, lambda m: m.parts in (("category",), ("target",))), domain).fillna(table["source"])
    rows = table.drop(columns=["dimension", "domain"]).assign(
        source=table["source"].where(_where(table, lambda m: m.has_source)),
        part=part.where(_where(table, lambda m: m.parts != (WHOLE,))),
        domain=domain.where(_where(table, lambda m: m.domain != ALL)),
        denominator=domain.where(_where(table, lambda m: m.has_denominator)),
        reference_year=pd.to_numeric(domain.where(_where(table, lambda m: m.has_reference_year))),
    )
    return with_kinds(rows)


def _where(table: pd.DataFrame, test: Callable[[Measure], bool]) -> pd.Series:
    """The rows whose measure passes a test."""
    return pd.Series([test(MEASURES[measure]) for measure in table["measure"]], table.index, dtype=bool)


def _require_schema_1(table: pd.DataFrame) -> None:
    what = "this is no table estimates of the first form"
    missing = [column for column in ("measure", "source", "dimension", "domain") if column not in table]
    if missing:
        got = ", ".join(table.columns)
        raise InputError(what, column=missing[0], got=got, expected="measure, source, dimension, domain")
    unknown = [measure for measure in table["measure"] if measure not in MEASURES]
    if unknown:
        hint = nearest(unknown[0], MEASURES)
        raise InputError(what, column="measure", got=unknown[0], expected=", ".join(MEASURES), hint=hint)


# In the order in which they are carried out. A change of stored tables, columns or codes adds its entry at the end, and
# one to SCHEMA if that version has left the house.
MIGRATIONS: Sequence[Migration] = (
    Migration(
        1,
        2,
        "estimates: the third correction is called correction_other, and has a row only where it was made",
        in_tables("estimates", ["dimension"], third_correction),
    ),
    Migration(
        1,
        2,
        "estimates: part and domain with their kinds, denominator and reference year, for dimension and domain",
        in_tables("estimates", ["dimension", "domain"], estimates_from_schema_1),
    ),
    Migration(
        2,
        3,
        "frame: bands of tenure for exact years",
        in_tables("frame", list(EXACT_SPANS), banded_tenure),
    ),
    Migration(
        2,
        3,
        "replicates: a list of weights per person for a column each, and a factor of their variance",
        in_tables("replicates", [FIRST_REPLICATE], listed_replicates),
    ),
)


def upgrade_store(root: Path, dry_run: bool = False) -> Upgrade:
    """Bring the store of a round to today's version; a store that is of today's stays as it is.

    Parameters
    ----------
    root : Path      the round's folder below ``data/``
    dry_run : bool   only say what would change

    Raises
    ------
    StoreError   a later version wrote it; a kept copy of the same version is in the way; a file is damaged.
    InputError   a changed table does not fit its contract. The round is as it was then.
    """
    with one_writer(root.parent):
        _put_back(root)
        refuse_later(root)
        since = schema_of(root)
        if since == SCHEMA:
            return Upgrade(since, ())
        _refuse_over(kept_path(root, since))
        copy = _fresh_copy(root)
        try:
            steps = _carry_out(copy, since)
            if dry_run:
                return Upgrade(since, steps)
            with _still_a_demo(Workspace(root.parents[1])):
                return Upgrade(since, steps, _swap(root, copy, kept_path(root, since)))
        finally:
            shutil.rmtree(copy, ignore_errors=True)


@contextmanager
def _still_a_demo(workspace: Workspace) -> Iterator[None]:
    """Around the swap: what lies beside the rounds is sealed, and a demo that was nothing else is marked anew."""
    _seal_all(sorted(workspace.data.glob("*.*")))
    seal_state(workspace.data / "vault")
    seed = None if not_of_the_demo(workspace) else demo_seed(workspace)
    yield
    if seed is not None:
        mark_demo(workspace, seed)


def _carry_out(copy: Path, since: int) -> tuple[tuple[str, int], ...]:
    """All steps on the copy, which is of today's version afterwards."""
    steps = [step for step in (SEALING, *MIGRATIONS) if step.to > since]
    changed = [(step.what, step.change(copy)) for step in steps]
    for path in sorted({path for _, paths in changed for path in paths}):
        if path.parent.name in CONTRACTS:
            write_parquet(path, checked(path.parent.name, read_table(path), f"{path.parent.name}/{path.stem}"))
    (copy / SCHEMA_FILE).unlink(missing_ok=True)
    mark_schema(copy)
    return tuple((what, len(paths)) for what, paths in changed)


def _fresh_copy(root: Path) -> Path:
    copy = root.parent / KEPT / f"{root.name}.new"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    make_private(copy)
    return copy


def _swap(root: Path, copy: Path, kept: Path) -> Path:
    """The copy takes the round's place. Killed between the two steps, the next upgrade puts the round back first."""
    os.replace(root, kept)
    os.replace(copy, root)
    make_private(kept.parent)
    return kept


def _put_back(root: Path) -> None:
    if kept := interrupted(root):
        os.replace(kept, root)


def _refuse_over(kept: Path) -> None:
    if kept.exists():
        raise StoreError(
            "a copy from an earlier upgrade is in the way",
            file=f"data/{KEPT}/{kept.name}",
            expected="no copy yet: this round has not been upgraded",
            hint="move it to a safe place, or remove it, then run this again",
        )
