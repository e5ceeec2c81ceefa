"""Reports that are there but older than what they ought to show: a later attempt did not go through."""

from __future__ import annotations

from collections.abc import Mapping

from spi_analysis.batch.keys import page_paths
from spi_analysis.batch.ledger import Entry, Key
from spi_analysis.batch.plan import Step, plan_steps
from spi_analysis.params import RoundSetup
from spi_analysis.stages.report import STALE_REPORTS
from spi_analysis.tables.files import write_json


def stale_steps(setup: RoundSetup, entries: Mapping[Key, Entry]) -> list[Step]:
    """Steps with pages in place whose last attempt, or that of what they need, did not go through."""
    found: dict[Key, Step] = {}
    for step in plan_steps(setup.institution_ids):
        undone = step.key in entries and entries[step.key].state not in ("done", "running")
        if step.institution_id and (undone or any(key in found for key in step.after)):
            found[step.key] = step
    return [step for step in found.values() if all(path.exists() for path in page_paths(setup, step))]


def keep_stale(setup: RoundSetup, entries: Mapping[Key, Entry]) -> None:
    """Tell the overview which reports are stale; nothing is left where none is."""
    stale = sorted(step.institution_id for step in stale_steps(setup, entries) if step.notebook.audience == "report")
    path = setup.workspace.outputs / setup.round.round_id / STALE_REPORTS
    if stale:
        write_json(path, stale)
    else:
        path.unlink(missing_ok=True)
