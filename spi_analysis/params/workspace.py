"""The workspace: one folder with params/, notebooks/, data/ and outputs/."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spi_analysis.errors import ParameterError


@dataclass(frozen=True)
class Workspace:
    """The folder an operator or researcher works in."""

    root: Path

    @property
    def params(self) -> Path:
        return self.root / "params"

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    def round_params(self, round_id: str) -> Path:
        return self.params / "rounds" / f"{round_id}.yaml"

    def institution_outputs(self, round_id: str, institution_id: str) -> Path:
        return self.outputs / round_id / institution_id

    def stale_reports(self, round_id: str) -> Path:
        """Which institutions' reports are out of date, as the runner last found."""
        return self.outputs / round_id / "stale_reports.json"


def find_workspace(start: Path | None = None) -> Workspace:
    """The nearest folder, from ``start`` (default: here) upwards, that holds ``params/rounds``."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "params" / "rounds").is_dir():
            return Workspace(folder)
    raise ParameterError(
        "this is not inside a workspace",
        got=f"no params/rounds in {here.name}/ or any folder above it",
        expected="a folder with params/, notebooks/, data/ and outputs/",
        hint="change to the folder that holds params/, or name it with --workspace",
    )


def the_round(workspace: Workspace) -> str:
    """The only round of a workspace; with several, one has to be named."""
    names = sorted(path.stem for path in (workspace.params / "rounds").glob("*.yaml"))
    if len(names) != 1:
        raise ParameterError(
            "it is not clear which round is meant",
            file="params/rounds",
            got=", ".join(names) or "no round",
            expected="one round, or its name",
            hint="name it with --round, or set SPI_ROUND",
        )
    return names[0]
