"""What can run: a look at the store before any notebook is started, and whether the overview is still up to date."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spi_analysis.batch.keys import step_inputs
from spi_analysis.batch.plan import Step
from spi_analysis.params import RoundSetup
from spi_analysis.tables.files import write_json
from spi_analysis.tables.store import WRITTEN_BY, Store

INPUTS = "overview_inputs.json"


@dataclass(frozen=True)
class Blocked:
    """Why a step cannot run: tables that are not there and that no step of this run writes."""

    step: Step
    tables: tuple[str, ...]

    @property
    def reason(self) -> str:
        """In words, with the command that writes each table."""
        commands = dict.fromkeys(WRITTEN_BY[table] for table in self.tables)
        return f"not there yet: {', '.join(self.tables)} (run: {'; '.join(commands)})"


def blocked_steps(setup: RoundSetup, steps: Sequence[Step]) -> list[Blocked]:
    """The steps whose tables are missing, in the order of the plan; costs no more than a look into the store.

    The national overview needs the estimates of one institution at least.
    """
    store = Store(setup.workspace.data / setup.round.round_id)
    blocked: dict[tuple[str, str], Blocked] = {}
    for step in steps:
        missing = (
            _missing(store, step, steps, blocked) if step.institution_id else _nothing_scored(store, step, blocked)
        )
        if missing:
            blocked[step.key] = Blocked(step, tuple(table for table in WRITTEN_BY if table in missing))
    return list(blocked.values())


def _missing(store: Store, step: Step, steps: Sequence[Step], blocked: dict[tuple[str, str], Blocked]) -> set[str]:
    """Tables that keep a step from running; where an earlier step would write one, what keeps that step."""
    missing: set[str] = set()
    for table in step.notebook.reads:
        makers = [s for s in steps if s.institution_id == step.institution_id and table in s.notebook.writes]
        missing.update(*(blocked[maker.key].tables for maker in makers if maker.key in blocked))
        if not makers and not store.has(table, step.institution_id):
            missing.add(table)
    return missing


def _nothing_scored(store: Store, step: Step, blocked: dict[tuple[str, str], Blocked]) -> set[str]:
    """What keeps the overview from running: no institution is scored, or will be. Asked for alone, a store will do."""
    if not step.after:
        return set() if store.root.exists() else {"frame"}
    if store.institutions("estimates") or any(key not in blocked for key in step.after):
        return set()
    return {table for key in step.after for table in blocked[key].tables}


def blocked_in_words(blocked: Sequence[Blocked]) -> list[str]:
    """One line per reason: which notebooks of which institutions."""
    by_institution: dict[str, dict[str, list[str]]] = {}
    for one in blocked:
        own = by_institution.setdefault(one.step.institution_id or "all institutions", {})
        own.setdefault(one.reason, []).append(one.step.notebook.number)
    lines: dict[tuple[str, str], list[str]] = {}
    for whose, reasons in by_institution.items():
        for reason, numbers in reasons.items():
            lines.setdefault((", ".join(numbers), reason), []).append(whose)
    return [f"not run: {numbers} of {', '.join(whose)}; {reason}" for (numbers, reason), whose in lines.items()]


def overview_is_current(setup: RoundSetup, step: Step) -> bool:
    """Whether the pages of the national overview are there and were made from what is there now."""
    folder = step.folder(setup.workspace, setup.round.round_id)
    pages = [folder / step.notebook.page.format(language=language) for language in setup.round.languages]
    path = folder / INPUTS
    if not path.exists() or not all(page.exists() for page in pages):
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")) == step_inputs(setup, step))


def keep_overview_inputs(setup: RoundSetup, step: Step, inputs: Mapping[str, str] | None = None) -> None:
    """Remember what the overview was made from (default: what is there now)."""
    path = step.folder(setup.workspace, setup.round.round_id) / INPUTS
    write_json(path, step_inputs(setup, step) if inputs is None else dict(inputs))
