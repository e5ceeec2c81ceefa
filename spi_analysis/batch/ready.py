"""What can run: a look at the store before any notebook is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spi_analysis.batch.plan import Step
from spi_analysis.params import RoundSetup
from spi_analysis.tables.store import WRITTEN_BY, Store


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
