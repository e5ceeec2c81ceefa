"""One piece of work for each of many institutions: in processes, with progress; one's error never stops the others."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from spi_analysis.errors import Problem, SpiError
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.progress import followed
from spi_analysis.tables.locking import join_writer, one_writer_in_parts
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault
from spi_analysis.tables.vault_key import VaultKey
from spi_analysis.threads import SINGLE_THREAD

# Processes are replaced after so many institutions each, so that what they have gathered in memory goes with them.
PER_PROCESS = 40


@dataclass(frozen=True)
class Place:
    """Where the work is done: the round's parameters, its store and, with a key, its vault."""

    setup: RoundSetup
    key: VaultKey | None = None

    @cached_property
    def store(self) -> Store:
        return Store(self.setup.workspace.data / self.setup.round.round_id)

    @cached_property
    def vault(self) -> Vault:
        assert self.key is not None, "this work was given no key"
        return Vault.open(self.setup.workspace.data / "vault", self.key)


@dataclass(frozen=True)
class Done:
    """What became of one institution: what the work gave back, or what was wrong."""

    institution_id: str
    value: Any = None
    problems: tuple[Problem, ...] = ()


Work = Callable[[Place, str, Any], Any]


def for_each(
    place: Place, work: Work, tasks: Mapping[str, Any], workers: int | None, console: Console, doing: str
) -> list[Done]:
    """Do ``work(place, institution_id, task)`` for every institution, as the only writer of the workspace.

    Parameters
    ----------
    work : function    of a module; it may write only what is the institution's own
    tasks : dict       institution code -> what the work needs to know beside the place; done in this order
    workers : int      processes (None: all cores; 1, or a single institution: this process)
    doing : str        a word for the progress, such as "drawing"

    Returns
    -------
    One outcome per institution, in the order of ``tasks``. What was done stays done, whatever happens to others.
    """
    width = min(workers or os.cpu_count() or 1, len(tasks))
    with one_writer_in_parts(place.setup.workspace.data):
        outcomes = (
            (_outcome(place, work, code, task) for code, task in tasks.items())
            if width <= 1
            else _in_processes(place, work, tasks, width)
        )
        found = {outcome.institution_id: outcome for outcome in followed(outcomes, len(tasks), console, doing)}
    return [found[code] for code in tasks]


def problems_of(outcomes: Iterable[Done]) -> list[Problem]:
    """Everything that was wrong, institution by institution."""
    return [problem for outcome in outcomes for problem in outcome.problems]


def _outcome(place: Place, work: Work, institution_id: str, task: Any) -> Done:
    try:
        return Done(institution_id, work(place, institution_id, task))
    except SpiError as error:
        return Done(institution_id, problems=error.problems)
    except Exception as error:
        # A mistake of the program's own: the other institutions still get their turn, and this one is named.
        what = f"this institution could not be done: {type(error).__name__}"
        return Done(institution_id, problems=(Problem(what, key=institution_id, got=_place_of(error)),))


def _place_of(error: Exception) -> str:
    """Where in the code it happened; not the error's text, which may hold a cell of a list."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return "" if at is None else f"{Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}"


def _in_processes(place: Place, work: Work, tasks: Mapping[str, Any], workers: int) -> Iterator[Done]:
    """The outcomes as they come. A process that is killed costs the institution it was at, and no other."""
    os.environ.update(SINGLE_THREAD)
    left, width = dict(tasks), workers
    while left:
        try:
            for outcome in _in_pool(place, work, dict(islice(left.items(), width * PER_PROCESS)), width):
                del left[outcome.institution_id]
                yield outcome
            width = workers
        except BrokenProcessPool:
            # Which one it was shows when they are done one at a time.
            if width == 1:
                code = next(iter(left))
                del left[code]
                yield Done(code, problems=(_killed(code),))
            width = workers if width == 1 else 1


def _in_pool(place: Place, work: Work, tasks: Mapping[str, Any], width: int) -> Iterator[Done]:
    opening = (str(place.setup.workspace.root), place.setup.round.round_id, place.key)
    # Not max_tasks_per_child: with a full queue the processes that have reached it are not replaced (gh-115634).
    pool = ProcessPoolExecutor(width, multiprocessing.get_context("spawn"), _open, opening)
    try:
        futures = [pool.submit(_in_process, work, code, task) for code, task in tasks.items()]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


_place: Place | None = None


def _open(root: str, round_id: str, key: VaultKey | None) -> None:
    """In a new process: read the parameters once."""
    global _place
    workspace = Workspace(Path(root))
    join_writer(workspace.data)
    _place = Place(load_setup(workspace, round_id), key)


def _in_process(work: Work, institution_id: str, task: Any) -> Done:
    assert _place is not None
    return _outcome(_place, work, institution_id, task)


def _killed(institution_id: str) -> Problem:
    return Problem(
        "this institution could not be done: its process was ended from outside",
        key=institution_id,
        hint="most often the memory was full: run it again with fewer processes (--workers 1)",
    )
