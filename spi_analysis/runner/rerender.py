"""Pages made anew from executed notebooks, such as with a new look, without executing them again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import nbformat

from spi_analysis.errors import SpiError
from spi_analysis.params import RoundSetup
from spi_analysis.processes import within
from spi_analysis.runner.execute import write_pages
from spi_analysis.runner.fingerprint import LOOK, page_files, step_fingerprint, step_outputs
from spi_analysis.runner.ledger import LEDGER, Entry, Key, Ledger, batch_folder, one_run, read_entries
from spi_analysis.runner.plan import Limits, Outcome, Step, left_out, plan_steps, too_late
from spi_analysis.runner.step_checks import require_sound_notebook
from spi_analysis.tables import AGAIN, reading


def render_pages(
    setup: RoundSetup, institution_ids: Sequence[str], notebooks: Sequence[str] | None, national: bool
) -> list[Outcome]:
    """Make the pages of notebooks that were executed before.

    Parameters
    ----------
    national : also those about all institutions, unless ``notebooks`` chooses

    Returns
    -------
    One outcome per notebook; what was never executed is left out with an error, unless all notebooks were meant.

    Raises
    ------
    StoreError   a run of this round is going on, or its ledger is damaged.
    """
    steps = plan_steps([setup.require(i) for i in institution_ids], notebooks)
    if notebooks is None:
        steps = [step for step in steps if (national or step.institution_id) and _executed(setup, step).exists()]
    with one_run(setup), closing(Ledger(batch_folder(setup) / LEDGER, "render")) as ledger:
        entries = read_entries(setup)
        return [render_on_record(setup, step, ledger, entries) for step in steps]


def render_on_record(setup: RoundSetup, step: Step, ledger: Ledger, entries: Mapping[Key, Entry]) -> Outcome:
    """Make the pages of one step; if it was run on record, the ledger knows the new ones."""
    outcome = render_step(setup, step)
    if outcome.ok and step.key in entries and entries[step.key].inputs:
        pages = {path.relative_to(setup.workspace.root).as_posix() for path in page_files(setup, step)}
        made = {path: digest for path, digest in step_outputs(setup, step).items() if path in pages}
        ledger.rendered(entries[step.key], {LOOK: step_fingerprint(setup, step)[LOOK]}, made)
    return outcome


def _executed(setup: RoundSetup, step: Step) -> Path:
    return step.folder(setup.workspace, setup.round.round_id) / f"{step.notebook.name}.ipynb"


def render_step(setup: RoundSetup, step: Step) -> Outcome:
    """Make the pages of one step from its executed notebook."""
    started, path, most = time.monotonic(), _executed(setup, step), Limits().pages
    if not path.exists():
        return left_out(step, f"not executed yet (run: spi run --notebook {step.notebook.number})")
    try:
        with within(most):
            with reading(path, "the executed notebook", f"{AGAIN}spi run --notebook {step.notebook.number}"):
                notebook = nbformat.read(path, as_version=4)
            require_sound_notebook(step, notebook)
            pages = write_pages(setup, step, notebook)
    except TimeoutError:
        return Outcome(step.key, time.monotonic() - started, (), str(too_late(step, most)))
    except SpiError as error:
        return Outcome(step.key, time.monotonic() - started, (), str(error))
    return Outcome(step.key, time.monotonic() - started, pages)
