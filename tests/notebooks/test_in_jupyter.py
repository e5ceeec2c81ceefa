"""Run All, as in JupyterLab, with its own kernel and the warm one: no file changes, and the figures are the batch's."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient

from forked_papermill import DEFAULT_PROVISIONER
from spi_analysis.reporting import MIME
from spi_analysis.runner.forks import PROVISIONER
from tests.demo import Demo

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.xdist_group("demo")]
# Cells that tell a reader what a run does not say: which weights were read, and that nothing is saved.
OWN_WORDS = ("saved_note(save)", "weights_note(")


def run_all(path: Path, root: Path) -> nbformat.NotebookNode:
    """A notebook, all cells run from the folder that it lies in."""
    manager = AsyncKernelManager(kernel_name="python3")
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(root / "notebooks")}}
    return NotebookClient(notebook, km=manager, timeout=600, resources=place).execute()


def digests(root: Path) -> dict[str, str]:
    """Every file of the store and of the outputs."""
    files = (file for name in ("data", "outputs") for file in (root / name).rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def shown_in(notebook: nbformat.NotebookNode) -> list[object]:
    """What the cells show in all languages, one after the other."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cells = [cell for cell in code if not any(words in cell.source for words in OWN_WORDS)]
    outputs = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [data[MIME] for data in outputs if MIME in data]


@pytest.mark.parametrize("provisioner", ["local-provisioner", *([PROVISIONER] if sys.platform == "linux" else [])])
def test_run_all_changes_nothing_and_shows_the_figures_of_the_batch(demo: Demo, provisioner: str, monkeypatch) -> None:
    """``spi lab`` names the provisioner in the environment; JupyterLab started otherwise has Jupyter's own."""
    monkeypatch.setenv(DEFAULT_PROVISIONER, provisioner)
    KernelProvisionerFactory.clear_instance()  # it has read the environment for good
    try:
        require_same_as_batch(demo.workspace.root, sorted(demo.workspace.root.glob("notebooks/*.ipynb")))
    finally:
        KernelProvisionerFactory.clear_instance()


def require_same_as_batch(root: Path, notebooks: list[Path]) -> None:
    before, compared = digests(root), 0
    for path in notebooks:
        run = run_all(path, root)
        batch = root / "outputs" / "spi_2024" / "kota-mojokerto" / path.name
        if batch.exists():
            made = shown_in(nbformat.read(batch, as_version=4))
            assert shown_in(run) == made, path.name
            compared += len(made)
    assert digests(root) == before, "a notebook that is opened and run writes nothing"
    assert compared > 5, "the comparison itself works"
