"""All parameter files of a round, each on its own, so that one broken file does not hide the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spi_analysis.errors import Problem, SpiError, nearest
from spi_analysis.params.instrument import Instrument
from spi_analysis.params.loading import read_yaml, validate
from spi_analysis.params.mapping import MODELS, frame_mapping, load_mapping
from spi_analysis.params.published import Aliases, PublishedYears
from spi_analysis.params.recommendations import RecommendationRules
from spi_analysis.params.roster import Roster, load_inputs, load_roster
from spi_analysis.params.round import RoundParams
from spi_analysis.params.setup import Overrides, RoundSetup, load_setup
from spi_analysis.params.targets import load_targets
from spi_analysis.params.units import load_units
from spi_analysis.params.workspace import Workspace
from spi_analysis.tables.checking.finding import STAGES, Finding, findings_of


class Parameters:
    """Reads every file of a round; ``findings`` holds what is wrong, ``setup`` is None if a needed file is broken."""

    def __init__(self, workspace: Workspace, round_id: str) -> None:
        self.workspace, self.round_id = workspace, round_id
        self.findings: list[Finding] = []
        self.roster: Roster | None = self._read(lambda: load_roster(workspace.params / "institutions.csv"))
        self.setup = self._setup()
        self._check_mappings()
        self._check_overrides()

    def _read(self, load: Callable[[], Any]) -> Any:
        try:
            return load()
        except SpiError as error:
            self.findings += findings_of(error, STAGES)
            return None

    def _model(self, model: Any, path: Path) -> Any:
        return self._read(lambda: validate(model, read_yaml(path), path))

    def _setup(self) -> RoundSetup | None:
        """The setup of the round, if all its files can be read; checks across files are noted apart."""
        params = self.workspace.params
        round_ = self._model(RoundParams, self.workspace.round_params(self.round_id))
        parts = {
            "round": round_,
            "instrument": self._instrument(round_),
            "roster": self.roster,
            "inputs": None if self.roster is None else self._inputs(self.roster),
            "targets": None if self.roster is None else self._targets(self.roster),
            "units": None if self.roster is None else self._units(self.roster),
            "rules": self._model(RecommendationRules, params / "recommendations.yaml"),
            "years": self._model(PublishedYears, params / "published.yaml"),
            "aliases": self._model(Aliases, params / "aliases.yaml"),
        }
        if any(part is None for part in parts.values()):
            return None
        # Where only checks across files fail, the tables can still be looked at.
        return self._read(lambda: load_setup(self.workspace, self.round_id)) or RoundSetup(self.workspace, **parts)

    def _instrument(self, round_: RoundParams | None) -> Instrument | None:
        """The instrument the round names, even where the rest of the round's file is wrong."""
        name = round_.instrument if round_ else self._stated_instrument()
        return self._model(Instrument, self.workspace.params / "instruments" / f"{name}.yaml") if name else None

    def _stated_instrument(self) -> str:
        try:
            return str(read_yaml(self.workspace.round_params(self.round_id)).get("instrument", ""))
        except SpiError:
            return ""

    def _inputs(self, roster: Roster) -> Any:
        path = self.workspace.params / "rounds" / f"{self.round_id}.institutions.csv"
        inputs = self._read(lambda: load_inputs(path, roster))
        for institution_id in [] if inputs is None else sorted(set(roster.ids()) - set(inputs)):
            problem = Problem(
                "the institution has no inputs in this round",
                file=f"params/rounds/{path.name}",
                column="institution_id",
                got="no row",
                expected=institution_id,
                hint="add a row, or leave it out on purpose: it does not take part then",
            )
            self.findings.append(Finding("warning", (), institution_id, problem))
        return inputs

    def _targets(self, roster: Roster) -> Any:
        return self._read(lambda: load_targets(self.workspace.params / "targets.csv", roster))

    def _units(self, roster: Roster) -> Any:
        path = self.workspace.params / "rounds" / f"{self.round_id}.units.csv"
        return self._read(lambda: load_units(path, roster))

    def _check_mappings(self) -> None:
        for kind in MODELS:
            self._read(lambda kind=kind: load_mapping(self.workspace, kind))
        for path in sorted((self.workspace.params / "mappings").glob("*.yaml")):
            if path.stem not in MODELS and self._is_institution(path):
                self._read(lambda path=path: frame_mapping(self.workspace, path.stem))

    def _check_overrides(self) -> None:
        for path in sorted((self.workspace.params / "overrides").glob("*.yaml")):
            if self._is_institution(path):
                self._model(Overrides, path)

    def _is_institution(self, path: Path) -> bool:
        """Whether the file is named after an institution; a misspelt name would never be read."""
        if self.roster is None or path.stem in self.roster.institutions:
            return True
        problem = Problem(
            "the file belongs to no institution, so it has no effect",
            file=f"params/{path.parent.name}/{path.name}",
            got=path.stem,
            expected="the code of an institution",
            hint=nearest(path.stem, self.roster.ids()),
        )
        self.findings.append(Finding("error", STAGES, "", problem))
        return False
