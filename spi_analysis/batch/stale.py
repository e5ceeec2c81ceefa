"""Reports that are there but older than what they ought to show: inputs have changed, or an attempt failed since."""

from __future__ import annotations

from collections.abc import Mapping

from spi_analysis.batch.currency import input_changes
from spi_analysis.batch.keys import page_paths
from spi_analysis.batch.ledger import Entry, Key
from spi_analysis.batch.plan import Step, plan_steps
from spi_analysis.params import RoundSetup
from spi_analysis.stages.report import STALE_REPORTS
from spi_analysis.tables.files import write_json


def stale_steps(setup: RoundSetup, entries: Mapping[Key, Entry]) -> list[Step]:
    """Steps with pages in place that are not of the present state, or build on one that is not.

    Their last attempt did not go through, or what they were made from has changed since.
    """
    found: dict[Key, Step] = {}
    for step in (step for step in plan_steps(setup.institution_ids) if step.institution_id):
        if any(key in found for key in step.after) or _is_behind(setup, step, entries.get(step.key)):
            found[step.key] = step
    return [step for step in found.values() if all(path.exists() for path in page_paths(setup, step))]


def _is_behind(setup: RoundSetup, step: Step, entry: Entry | None) -> bool:
    if entry is None or entry.state == "running":
        return False
    return entry.state != "done" or bool(input_changes(setup, step, entry))


def keep_stale(setup: RoundSetup, entries: Mapping[Key, Entry]) -> None:
    """Tell the overview which reports are stale; nothing is left where none is."""
    stale = sorted(step.institution_id for step in stale_steps(setup, entries) if step.notebook.audience == "report")
    path = setup.workspace.outputs / setup.round.round_id / STALE_REPORTS
    if stale:
        write_json(path, stale)
    else:
        path.unlink(missing_ok=True)
