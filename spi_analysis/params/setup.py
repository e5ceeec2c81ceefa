"""All parameters of a round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from spi_analysis.errors import ParameterError, Problem, nearest
from spi_analysis.params.instrument import Instrument
from spi_analysis.params.loading import Judgement, read_yaml, validate
from spi_analysis.params.published import Aliases, PublishedYears
from spi_analysis.params.recommendations import RecommendationRules
from spi_analysis.params.roster import InstitutionInputs, Province, Roster
from spi_analysis.params.round import RoundParams
from spi_analysis.params.sources import GeneratorParams, UnitFacts
from spi_analysis.params.targets import Targets
from spi_analysis.params.workspace import Workspace

# Parameters that may differ for one institution. All others are the same for all, so that indices can be compared.
OVERRIDABLE = ("sources", "frame", "fieldwork")


class Overrides(Judgement):
    """``params/overrides/<institution_id>.yaml``: per round, the part of the round's file that differs."""

    rounds: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class RoundSetup:
    """A round's parameters, instrument, roster, per-institution inputs and rules, and facts on units.

    ``blocked``: institutions that do not take part until their own parameters are put right, and what is wrong there.
    """

    workspace: Workspace
    round: RoundParams
    instrument: Instrument
    roster: Roster
    inputs: dict[str, InstitutionInputs]
    rules: RecommendationRules
    years: PublishedYears
    aliases: Aliases
    units: tuple[UnitFacts, ...] = ()
    targets: Targets = field(default_factory=Targets)
    provinces: dict[str, Province] = field(default_factory=dict)
    generator: GeneratorParams | None = None
    blocked: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)

    def unit_facts(self, institution_id: str, source: str) -> tuple[UnitFacts, ...]:
        """The facts on an institution's units of one source."""
        return tuple(one for one in self.units if (one.institution_id, one.source) == (institution_id, source))

    @cached_property
    def institution_ids(self) -> list[str]:
        """The institutions of this round, in the order of the roster."""
        return [code for code in self.roster.ids() if code in self.inputs and code not in self.blocked]

    def require(self, institution_id: str) -> str:
        """The code, if it takes part in this round; else an error with the nearest one, or with what is wrong there."""
        if institution_id in self.blocked:
            raise ParameterError(*self.blocked[institution_id])
        name = self.roster[institution_id].institution_id
        if name not in self.inputs:
            raise ParameterError(
                "the institution does not take part in this round",
                file=f"params/rounds/{self.round.round_id}.institutions.csv",
                column="institution_id",
                got=institution_id,
                expected="an institution of this round",
                hint=nearest(institution_id, self.institution_ids),
            )
        return name

    def round_for(self, institution_id: str) -> RoundParams:
        """The round's parameters with this institution's overrides, and its categories with limits in points.

        The optional modules and the forms are there only where the institution has them.
        """
        round_ = self._overridden(institution_id)
        categories = round_.categories.of_type(self.roster[institution_id].type)
        parts = {"modules": round_.modules, "forms": round_.forms}
        own = {name: part if part and institution_id in part.institutions else None for name, part in parts.items()}
        return round_.model_copy(update={"categories": categories, **own})

    def _overridden(self, institution_id: str) -> RoundParams:
        path = self.workspace.params / "overrides" / f"{institution_id}.yaml"
        if not path.exists():
            return self.round
        overrides = validate(Overrides, read_yaml(path), path)
        changes = overrides.rounds.get(self.round.round_id, {})
        forbidden = [*self._unknown_rounds(overrides, path.name)]
        forbidden += [
            Problem(
                "this may not differ between institutions",
                file=f"params/overrides/{path.name}",
                key=f"rounds.{self.round.round_id}.{key}",
                expected=", ".join(OVERRIDABLE),
                hint=nearest(key, OVERRIDABLE),
            )
            for key in changes
            if key not in OVERRIDABLE
        ]
        if forbidden:
            raise ParameterError(*forbidden)
        base = read_yaml(self.workspace.round_params(self.round.round_id))
        return validate(RoundParams, _merged(base, changes), f"params/overrides/{path.name}")

    def _unknown_rounds(self, overrides: Overrides, file: str) -> list[Problem]:
        """Rounds without a parameter file: overrides for them would never have an effect."""
        known = sorted(path.stem for path in (self.workspace.params / "rounds").glob("*.yaml"))
        return [
            Problem(
                "the override is for a round that does not exist",
                file=f"params/overrides/{file}",
                key=f"rounds.{name}",
                got=name,
                expected="a round of params/rounds",
                hint=nearest(name, known),
            )
            for name in overrides.rounds
            if name not in known
        ]


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it, key by key, at every depth."""
    return {
        **base,
        **{
            key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
            for key, value in changes.items()
        },
    }
