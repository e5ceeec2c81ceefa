"""Execute one notebook and make its pages; a failure leaves no page and says exactly where it happened."""

from __future__ import annotations

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from spi_analysis.batch.plan import Step
from spi_analysis.errors import NotebookError
from spi_analysis.params import RoundSetup, load_setup
from spi_analysis.params.workspace import Workspace
from spi_analysis.reporting.display import MIME
from spi_analysis.reporting.export import render
from spi_analysis.tables.files import whole_file, write_text
from spi_analysis.tables.store import Store

CELL_TIMEOUT = 600
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class StepResult:
    """What became of a step."""

    key: tuple[str, str]
    seconds: float
    pages: tuple[str, ...]
    error: str = ""
    was_run: bool = True

    @property
    def ok(self) -> bool:
        """Whether it went through."""
        return not self.error


def run_step(root: str, round_id: str, step: Step) -> StepResult:
    """Execute a step in the workspace at ``root``, write the executed notebook and its pages."""
    started = time.monotonic()
    workspace = Workspace(Path(root))
    try:
        setup = load_setup(workspace, round_id)
        notebook = execute(setup, step)
        pages = write_pages(setup, step, notebook)
        return StepResult(step.key, time.monotonic() - started, tuple(pages))
    except Exception as error:  # one institution's error never stops the others; it is reported with its step
        text = str(error) if isinstance(error, NotebookError) else f"{step}\n  {type(error).__name__}: {error}"
        return StepResult(step.key, time.monotonic() - started, (), text)


def execute(setup: RoundSetup, step: Step) -> NotebookNode:
    """Run the notebook with papermill; the executed notebook is kept without anything that changes from run to run."""
    source = setup.workspace.notebooks / f"{step.notebook.name}.ipynb"
    target = step.folder(setup.workspace, setup.round.round_id) / source.name
    parameters = {"round_id": setup.round.round_id}
    if step.institution_id:
        parameters["institution_id"] = step.institution_id
    with whole_file(target) as beside, tempfile.TemporaryDirectory(prefix="spi") as sockets:
        try:
            papermill.execute_notebook(
                str(source),
                str(beside),
                parameters=parameters,
                cwd=str(setup.workspace.root),
                kernel_name="python3",
                progress_bar=False,
                execution_timeout=CELL_TIMEOUT,
                config=_transport(sockets),
            )
        except PapermillExecutionError as error:
            raise _failed(step, error.cell_index, f"{error.ename}: {_last_lines(error.evalue)}") from None
        notebook = nbformat.read(beside, as_version=4)
        _require_last_cell(step, notebook)
        _settle(notebook)
        nbformat.write(notebook, beside)
    return notebook


def _transport(folder: str) -> Config:
    """Sockets in a private folder: no port that another kernel could take, nothing readable on the network."""
    config = Config()
    # A kernel that is told to stop writes that it was told to stop; what failed is said elsewhere.
    config.NotebookClient.extra_arguments = ["--IPKernelApp.log_level=CRITICAL"]
    if os.name == "posix":
        config.KernelManager.transport = "ipc"
        config.KernelManager.ip = str(Path(folder) / "k")
    return config


def write_pages(setup: RoundSetup, step: Step, notebook: NotebookNode) -> list[str]:
    """Write the page of every language; returns the paths below outputs/."""
    folder = step.folder(setup.workspace, setup.round.round_id)
    synthetic = Store(setup.workspace.data / setup.round.round_id).is_synthetic
    written = []
    for language in setup.round.languages:
        html = render(
            notebook,
            setup,
            step.institution_id,
            language,
            kind=step.notebook.audience,
            synthetic=synthetic,
            file_name=step.notebook.page,
        )
        _require_whole_page(step, notebook, html)
        path = write_text(folder / step.notebook.page.format(language=language), html)
        written.append(str(path.relative_to(setup.workspace.root)))
    return written


def _failed(step: Step, cell: int, what: str) -> NotebookError:
    return NotebookError(
        "a notebook failed",
        key=f"{step.institution_id or 'all institutions'}, {step.notebook.name}, cell {cell}",
        got=what,
        hint=f"open notebooks/{step.notebook.name}.ipynb with this institution and run it to that cell",
    )


def _last_lines(text: str) -> str:
    return _ANSI.sub("", str(text)).strip()


def _require_last_cell(step: Step, notebook: NotebookNode) -> None:
    """A notebook that ended early (say by sys.exit) counts as failed."""
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    index, last = code[-1]
    if last.get("execution_count") is None:
        raise _failed(step, index, "the notebook ended before its last cell")


def _settle(notebook: NotebookNode) -> None:
    """Take out times, random ids and machine facts: the same inputs give the same bytes."""
    notebook.metadata = NotebookNode(
        kernelspec=notebook.metadata.get("kernelspec", {}), language_info=NotebookNode(name="python")
    )
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        cell["id"] = f"cell-{number:02d}"


def _require_whole_page(step: Step, notebook: NotebookNode, html: str) -> None:
    """Every table and figure of the notebook is on the page, and the page names its own institution."""
    outputs = [o.get("data", {}) for cell in notebook.cells for o in cell.get("outputs", [])]
    shown = [next(iter(data[MIME].values())) for data in outputs if MIME in data]
    for tag in ("<table", "<svg"):
        expected, found = sum(text.count(tag) for text in shown), html.count(tag)
        if found != expected:
            raise NotebookError(
                "the page lost something of its notebook", key=str(step), got=f"{found} {tag}>", expected=str(expected)
            )
    if f'<meta name="institution" content="{step.institution_id}">' not in html:
        raise NotebookError("the page names another institution", key=str(step))


def step_facts(results: list[StepResult]) -> dict[str, Any]:
    """What run.json keeps of an institution's steps."""
    return {
        number: {
            "seconds": round(result.seconds, 2),
            "ok": result.ok,
            "pages": list(result.pages),
            "error": result.error,
        }
        for result in results
        for number in [result.key[0]]
    }
