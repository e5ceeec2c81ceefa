"""Execute one notebook and make its pages; a failure leaves no page and names its place."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from forked_papermill import short_folder
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.processes import within
from spi_analysis.reporting import render, shown_pages, with_style, write_sheets
from spi_analysis.runner.forks import PEAK, SEED, seed_of, use_own_settings
from spi_analysis.runner.plan import (
    FAILED,
    MOST_SAID,
    MOST_TRACED,
    TOO_LITTLE_MEMORY,
    EngineName,
    Limits,
    Outcome,
    Step,
    failed,
    in_words,
    shortened,
    too_late,
    why_it_died,
)
from spi_analysis.runner.step_checks import (
    permission_to_save,
    require_known_parameters,
    require_sound_extra,
    require_sound_notebook,
    require_sound_page,
)
from spi_analysis.tables import Store, naming, whole_file, write_text

# The pages of an executed notebook, one per language.


def write_pages(setup: RoundSetup, step: Step, notebook: NotebookNode) -> tuple[str, ...]:
    """Write the page of every language and its tables as files; returns the pages' paths below the workspace.

    Raises
    ------
    NotebookError   a page lost something, or holds what it must not: then no page is written.
    """
    folder = step.folder(setup.workspace, setup.round.round_id)
    synthetic = Store(setup.workspace.data / setup.round.round_id).is_synthetic
    pages = {}
    for language in setup.round.languages:
        html = render(
            notebook,
            setup,
            step.institution_id,
            language,
            kind=step.notebook.audience,
            synthetic=synthetic,
            file_name=step.notebook.page,
            files=step.notebook.files,
        )
        require_sound_page(setup, step, notebook, html, language)
        pages[folder / step.notebook.page.format(language=language)] = html
    for name, html in shown_pages(output for cell in notebook.cells for output in cell.get("outputs", [])).items():
        pages[folder / name] = with_style(html)
        require_sound_extra(setup, step, name, pages[folder / name])
    write_sheets(notebook, folder / step.notebook.files, setup.round.languages)
    written = [write_text(path, html) for path, html in pages.items()]
    return tuple(str(path.relative_to(setup.workspace.root)) for path in written)


# Normalising an executed notebook: everything that changes between runs or engines is removed.

_KEPT_TAGS = "tags"
# Addresses of objects and a kernel's file names of cells, which differ in every process.
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]{6,}")
# Words are found first and examined then, since one pattern for both would be slow on long lines.
_WORD = re.compile(r"[^\s\"'<>]+")
_CELL_FILE = re.compile(r"ipykernel_\d+[/\\]\d+\.py")


def cell_seconds(notebook: NotebookNode) -> tuple[float, ...]:
    """The seconds of every cell, from papermill's metadata (0 where there are none)."""
    return tuple(float(cell.metadata.get("papermill", {}).get("duration") or 0) for cell in notebook.cells)


def normalise_notebook(notebook: NotebookNode) -> None:
    """Remove times, random ids and machine facts, in place, so that the same inputs give the same bytes."""
    notebook.metadata = NotebookNode(
        kernelspec=notebook.metadata.get("kernelspec", {}), language_info=NotebookNode(name="python")
    )
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get(_KEPT_TAGS, [])
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        cell["id"] = f"cell-{number:02d}"
        if cell.cell_type == "code":
            cell.outputs = merged_streams(cell.outputs)
            for output in cell.outputs:
                _without_machine_facts(output)


def _without_machine_facts(output: NotebookNode) -> None:
    """Remove addresses and names of temporary files from the texts of an output, in place."""
    if output.output_type == "stream":
        output.text = _machine_free(output.text)
    elif output.output_type == "error":
        output.traceback = [_machine_free(line) for line in output.traceback]
    elif "text/plain" in output.get("data", {}):
        output.data["text/plain"] = _machine_free(output.data["text/plain"])


def _machine_free(text: str) -> str:
    text = _ADDRESS.sub("0x0", text)
    return _WORD.sub(_without_cell_file, text) if "ipykernel_" in text else text


def _without_cell_file(word: re.Match[str]) -> str:
    """A word up to the last name of a cell's file in it, which has the folder before it, becomes "cell"."""
    end = max((found.end() for found in _CELL_FILE.finditer(word[0])), default=0)
    return f"cell{word[0][end:]}" if end else word[0]


def merged_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The printed text of a cell, in one piece per stream, since a kernel cuts it at random times.

    Standard output comes first where the two stand side by side, since their order is random as well.
    """
    merged: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    pieces: dict[str, list[str]] = {}
    for output in outputs:
        if output.output_type == "stream":
            pieces.setdefault(output.name, []).append(output.text)
        if output.output_type != "stream" or streams.setdefault(output.name, output) is output:
            merged.append(output)
    for name, output in streams.items():
        output.text = _as_a_terminal_shows("".join(pieces[name]))
    for i in range(len(merged) - 1):
        if [o.get("name") for o in merged[i : i + 2]] == ["stderr", "stdout"]:
            merged[i], merged[i + 1] = merged[i + 1], merged[i]
    return merged


def _as_a_terminal_shows(text: str) -> str:
    """A backspace removes the character before it on its line, a carriage return the whole line so far."""
    if "\b" in text:
        text = _without_backspaces(text)
    return "\n".join(map(_last_shown, text.split("\n"))) if "\r" in text else text


def _without_backspaces(text: str) -> str:
    kept: list[str] = []
    for number, piece in enumerate(text.split("\b")):
        if number and kept and kept[-1] != "\n":
            kept.pop()
        kept.extend(piece)
    return "".join(kept)


def _last_shown(line: str) -> str:
    # A return at the end or the beginning of a line has no text that replaces the line.
    return line[line.rfind("\r", 0, len(line) - 1) + 1 :]


# The names of the engines in papermill; none: papermill's own.
PAPERMILL_ENGINES = {"kernel": "spi-kernel", "fast": "spi-fast", "stock": None}
PREPARE = "__import__('spi_analysis.runner.forks.process_environment', fromlist=['']).prepare_alone()"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class _Progress:
    """The place of an execution."""

    tell: Callable[[int | None], None] = lambda cell: None
    cell: int | None = None
    cells: tuple[float, ...] = ()
    traceback: str = ""
    notes: list[str] = field(default_factory=list)
    fault: bool = False
    memory_mb: float | None = None

    def at_cell(self, cell: NotebookNode, cell_index: int) -> None:
        """Called by nbclient."""
        self.cell = cell_index
        self.tell(cell_index)

    def after_cells(self) -> None:
        """All cells have run."""
        self.cell = None
        self.tell(None)


def run_step(
    root: str,
    round_id: str,
    step: Step,
    engine: EngineName = "stock",
    limits: Limits | None = None,
    on_cell: Callable[[int | None], None] = lambda cell: None,
) -> Outcome:
    """Execute a step in the workspace at ``root``, check it, write the executed notebook and its pages.

    Errors of the notebook are not raised; ``on_cell`` is called with the number of every cell that begins, and with
    None after the last.
    """
    started, progress, error = time.monotonic(), _Progress(on_cell), ""
    limits = limits or Limits()
    pages: tuple[str, ...] = ()
    try:
        setup = _setup(root, round_id)
        with _notes(progress):
            notebook = execute(setup, step, engine, limits, progress)
        with _after_cells(step, limits):
            pages = write_pages(setup, step, notebook)
    except Exception as problem:  # one institution's error never stops the others; it is reported with its step
        error = in_words(step, problem)
    return Outcome(
        step.key,
        time.monotonic() - started,
        pages,
        shortened(error, MOST_SAID),
        engine=engine,
        cell=progress.cell if error else None,
        traceback=shortened(progress.traceback, MOST_TRACED),
        cells=progress.cells,
        notes=tuple(progress.notes),
        fault=progress.fault,
        memory_mb=progress.memory_mb,
    )


def execute(
    setup: RoundSetup, step: Step, engine: EngineName, limits: Limits, progress: _Progress | None = None
) -> NotebookNode:
    """Run the notebook with papermill; the executed notebook is kept without anything that changes from run to run.

    Raises
    ------
    NotebookError   it failed, took too long, ended early or lost a figure; what there is of it is kept in ``failed/``.
    """
    progress = progress or _Progress()
    source = setup.workspace.notebooks / f"{step.notebook.name}.ipynb"
    folder = step.folder(setup.workspace, setup.round.round_id)
    parameters: dict[str, str | bool] = {"round_id": setup.round.round_id}
    if step.institution_id:
        parameters["institution_id"] = step.institution_id
    known = papermill.inspect_notebook(str(source))
    parameters |= permission_to_save(known)
    require_known_parameters(step, source, parameters, known)
    with _private_folder() as private:
        executed = private / source.name
        try:
            with _naming_what_failed(step, limits, progress), naming(executed):
                notebook = _execute(setup, step, source, executed, parameters, engine, limits, progress)
                progress.after_cells()
                with _after_cells(step, limits):
                    progress.cells = cell_seconds(notebook)
                    normalise_notebook(notebook)
                    require_sound_notebook(step, notebook)
        except BaseException:
            progress.memory_mb = _peak_mb(private)
            _keep(executed, folder / FAILED / source.name, limits)
            raise
        progress.memory_mb = _peak_mb(private)
    with whole_file(folder / source.name) as beside:
        nbformat.write(notebook, beside)
    _forget_failure(folder / FAILED / source.name)
    return notebook


def _execute(
    setup: RoundSetup,
    step: Step,
    source: Path,
    executed: Path,
    parameters: dict[str, str | bool],
    engine: EngineName,
    limits: Limits,
    progress: _Progress,
) -> NotebookNode:
    """The executed notebook; it is written to ``executed`` as well, also where it failed."""
    os.environ[SEED] = str(seed_of(setup.round.round_id, step.institution_id, step.notebook.name))
    os.environ[PEAK] = str(executed.parent / "peak")
    use_own_settings(executed.parent)
    notebook: NotebookNode = papermill.execute_notebook(
        str(source),
        str(executed),
        parameters=parameters,
        engine_name=PAPERMILL_ENGINES[engine],
        cwd=str(setup.workspace.root),
        kernel_name="python3",
        progress_bar=False,
        execution_timeout=limits.cell,
        config=_config(executed.parent, engine),
        on_cell_start=progress.at_cell,
    )
    return notebook


def _config(folder: Path, engine: EngineName) -> Config:
    """Sockets in a private folder: no port that another kernel could take, nothing readable on the network."""
    config = Config()
    # A kernel that is told to stop logs this; the failure itself is reported elsewhere.
    config.NotebookClient.extra_arguments = ["--IPKernelApp.log_level=CRITICAL"]
    if engine == "stock":
        # The forked ones do the same in the child.
        config.NotebookClient.extra_arguments.append(f"--IPKernelApp.exec_lines={PREPARE}")
    if os.name == "posix":
        config.KernelManager.transport = "ipc"
        config.KernelManager.ip = str(folder / "k")
    return config


def _peak_mb(folder: Path) -> float | None:
    """The kernel's last note; None where it could not be written."""
    try:
        return round(int((folder / "peak").read_text(encoding="ascii")) / 1024, 1)
    except (OSError, ValueError):
        return None


@contextmanager
def _private_folder() -> Iterator[Path]:
    """For sockets and the notebook while it runs."""
    folder = short_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _naming_what_failed(step: Step, limits: Limits, progress: _Progress) -> Iterator[None]:
    """Turns any exception of an execution into an error that names institution, notebook and cell."""
    try:
        yield
    except PapermillExecutionError as error:
        progress.cell, progress.fault = error.cell_index, error.ename == "MemoryError"
        progress.traceback = plain("\n".join(error.traceback))
        hint = TOO_LITTLE_MEMORY if progress.fault else ""
        said = shortened(plain(f"{error.ename}: {error.evalue}"), MOST_SAID // 2)
        raise failed(step, error.cell_index, said, hint) from None
    except CellTimeoutError:
        raise failed(step, progress.cell, f"the cell took longer than {limits.cell} s") from None
    except (DeadKernelError, RuntimeError) as error:
        progress.fault = True
        raise failed(step, progress.cell, f"its process died ({plain(str(error))})", why_it_died()) from None


def plain(text: str) -> str:
    """Text without the colours of a terminal."""
    return _ANSI.sub("", text).strip()


@contextmanager
def _after_cells(step: Step, limits: Limits) -> Iterator[None]:
    """The time limit for the work of this process after the last cell."""
    try:
        with within(limits.pages):
            yield
    except TimeoutError:
        raise too_late(step, limits.pages) from None


def _keep(executed: Path, target: Path, limits: Limits) -> None:
    """Keep the part of a failed notebook that exists; if it cannot be written, the notebook's error is reported."""
    with suppress(OSError, ValueError), within(limits.pages):
        notebook = nbformat.read(executed, as_version=4)
        normalise_notebook(notebook)
        with whole_file(target) as beside:
            nbformat.write(notebook, beside)


def _forget_failure(path: Path) -> None:
    """Remove an earlier failure of a notebook that now succeeds."""
    path.unlink(missing_ok=True)
    if path.parent.exists() and not any(path.parent.iterdir()):
        path.parent.rmdir()


@contextmanager
def _notes(progress: _Progress) -> Iterator[None]:
    """Collect messages of the engines, such as a fallback to a usual kernel."""
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: progress.notes.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("forked_papermill")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _setup(root: str, round_id: str) -> RoundSetup:
    workspace = Workspace(Path(root))
    stamp = tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(workspace.params.rglob("*")))
    return _setup_as_of(root, round_id, stamp)


@lru_cache(maxsize=1)
def _setup_as_of(root: str, round_id: str, stamp: tuple[object, ...]) -> RoundSetup:
    """Parameters are read again only when their files have changed."""
    # The run has read them, too: what would stop all has stopped it.
    return load_setup(Workspace(Path(root)), round_id, of=())
