"""The demo, run once for all tests that look at its results: `spi demo` in a copy of the project's inputs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from spi_analysis.cli import main
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.tables.store import Store

PROJECT = Path(__file__).resolve().parents[1]
SEED = 2024


@dataclass(frozen=True)
class Demo:
    """A finished demo: its workspace, and what it printed."""

    workspace: Workspace
    printed: str

    @property
    def setup(self) -> RoundSetup:
        return load_setup(self.workspace, "spi_2024")

    @property
    def store(self) -> Store:
        return Store(self.workspace.data / "spi_2024")

    def outputs(self, institution_id: str) -> Path:
        return self.workspace.institution_outputs("spi_2024", institution_id)


def copy_inputs(folder: Path) -> Workspace:
    """The part of the project that a person works with: params/ and notebooks/."""
    for name in ("params", "notebooks"):
        shutil.copytree(PROJECT / name, folder / name)
    return Workspace(folder)


def spi(workspace: Workspace, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `spi` as a person would, in the workspace."""
    return subprocess.run(
        [sys.executable, "-m", "spi_analysis", *arguments],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def spi_here(workspace: Workspace, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has all packages loaded: what is printed, and how it ends."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        patch.setattr(sys, "argv", ["spi", *arguments])
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
    printed = [stream.buffer.getvalue().decode() for stream in streams]
    return subprocess.CompletedProcess(["spi", *arguments], end.value.code or 0, *printed)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`spi demo` for the five institutions, all notebooks and pages."""
    workspace = copy_inputs(tmp_path_factory.mktemp("demo") / "workspace")
    done = spi(workspace, "demo", "--seed", str(SEED))
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(workspace, done.stdout)
