from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from spi_analysis.params import RoundSetup, Workspace, load_setup


@pytest.fixture
def workspace(tmp_path: Path, setup: RoundSetup) -> Workspace:
    """A copy of the project's parameters that a test may spoil."""
    shutil.copytree(setup.workspace.params, tmp_path / "params")
    return Workspace(tmp_path)


class Spoiled:
    """Edits one parameter file of a workspace, then loads the round."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def text(self, file: str, old: str, new: str) -> RoundSetup:
        path = self.workspace.params / file
        before = path.read_text(encoding="utf-8")
        assert before.count(old) >= 1, f"{old!r} is not in {file}"
        path.write_text(before.replace(old, new, 1), encoding="utf-8")
        return self.load()

    def override(self, institution_id: str, rounds: dict[str, Any]) -> RoundSetup:
        path = self.workspace.params / "overrides" / f"{institution_id}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"source": "a test", "as_of": "2024-07-01", "rounds": rounds}), encoding="utf-8")
        return self.load()

    def load(self) -> RoundSetup:
        return load_setup(self.workspace, "spi_2024")


@pytest.fixture
def spoiled(workspace: Workspace) -> Spoiled:
    return Spoiled(workspace)
