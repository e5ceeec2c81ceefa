"""A fork server for all tests of the batch, and tiny notebooks (also broken ones) in the place of the real ones."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from jupyter_client.provisioning import KernelProvisionerFactory

from forked_papermill import DEFAULT_PROVISIONER, ForkServer
from spi_analysis.params import Workspace
from spi_analysis.runner.execute import run_step
from spi_analysis.runner.forks.warm import PLACE, SPI, fixed_environment
from spi_analysis.runner.plan import ENGINES, Outcome, plan_steps
from tests.demo import copy_inputs

TINY = Path(__file__).parent / "notebooks"
# The one that a run uses unless told otherwise; the others in the long tests.
EVERY_ENGINE = [one if one == "kernel" else pytest.param(one, marks=pytest.mark.long) for one in ENGINES]
ROUND, HERE, ELSEWHERE = "spi_2024", "kota-bengkulu", "kota-mojokerto"


@pytest.fixture(scope="session")
def server():
    """Warm, for the whole session."""
    one = ForkServer(SPI)
    try:
        one.wait_until_ready()
        yield one
    finally:
        one.close()


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return copy_inputs(tmp_path / "w")


def put(workspace: Workspace, name: str, places=("10_sampling_design",)) -> None:
    """Put a tiny notebook in the place of real ones."""
    for place in places:
        shutil.copyfile(TINY / f"{name}.ipynb", workspace.notebooks / f"{place}.ipynb")


@pytest.fixture(autouse=True)
def _no_provisioner_of_another_test():
    KernelProvisionerFactory.clear_instance()
    yield
    KernelProvisionerFactory.clear_instance()


@pytest.fixture
def run(workspace, server, tmp_path, monkeypatch):
    """Run a tiny notebook for an institution with an engine, in this process."""
    for name, value in fixed_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(PLACE, str(server.folder))

    def run(name: str, engine: str = "fast", institution_id: str = HERE, limits=None) -> Outcome:
        put(workspace, name)
        # The kernel engine sets another, which would outlive it here.
        monkeypatch.setenv(DEFAULT_PROVISIONER, "local-provisioner")
        # Jupyter asks the environment once in a process: a kernel of another engine would decide how this one starts.
        KernelProvisionerFactory.clear_instance()
        return run_step(str(workspace.root), ROUND, plan_steps([institution_id], ["10"])[0], engine, limits)

    return run


def files(folder: Path) -> dict[str, str]:
    """Digests of all that a run makes, but for what may change from run to run (run.json)."""
    made = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("run.json", ".lock")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


@pytest.fixture
def folder(workspace) -> Path:
    """Outputs of the institution that tiny notebooks run for."""
    return workspace.institution_outputs(ROUND, HERE)
