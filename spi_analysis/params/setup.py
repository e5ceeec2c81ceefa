"""Everything a round is run with, read and checked together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spi_analysis.errors import ParameterError, Problem, SpiError, nearest
from spi_analysis.params.base import Judgement
from spi_analysis.params.instrument import Instrument
from spi_analysis.params.loading import ProblemCollector, read_yaml, validate
from spi_analysis.params.published import Aliases, PublishedYears
from spi_analysis.params.recommendations import RecommendationRules
from spi_analysis.params.roster import InstitutionInputs, Roster, load_inputs, load_roster
from spi_analysis.params.round import PARAMETER_SCHEMA, RoundParams
from spi_analysis.params.sources import UnitFacts, load_units
from spi_analysis.params.targets import Targets, load_targets
from spi_analysis.params.workspace import Workspace

# What may differ for one institution. All else must be the same for all, or indices could not be compared.
OVERRIDABLE = ("sources", "frame", "fieldwork")


class Overrides(Judgement):
    """``params/overrides/<institution_id>.yaml``: per round, the part of the round's file that differs."""

    rounds: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class RoundSetup:
    """A round's parameters, instrument, roster, per-institution inputs and rules, and what is known of units."""

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

    def unit_facts(self, institution_id: str, source: str) -> tuple[UnitFacts, ...]:
        """What is known of an institution's units of one source."""
        return tuple(one for one in self.units if (one.institution_id, one.source) == (institution_id, source))

    @cached_property
    def institution_ids(self) -> list[str]:
        """The institutions of this round, in the order of the roster."""
        return [institution_id for institution_id in self.roster.ids() if institution_id in self.inputs]

    def require(self, institution_id: str) -> str:
        """The code, if it takes part in this round; else an error with the nearest one."""
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
        """The round's parameters with this institution's overrides."""
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
        """Rounds without a parameter file: what is said for them would never have an effect."""
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


def load_setup(workspace: Workspace, round_id: str) -> RoundSetup:
    """Read and check all parameter files of a round; all problems of all files at once."""
    params, collect = workspace.params, ProblemCollector()
    round_ = collect(lambda: _load_round(workspace, round_id))
    roster = collect(lambda: load_roster(params / "institutions.csv"))
    parts = {
        "round": round_,
        "instrument": collect(lambda: _load_model(params, f"instruments/{round_.instrument}.yaml", Instrument))
        if round_
        else None,
        "roster": roster,
        "inputs": collect(lambda: load_inputs(params / "rounds" / f"{round_id}.institutions.csv", roster))
        if roster
        else None,
        "units": collect(lambda: load_units(params / "rounds" / f"{round_id}.units.csv", roster)) if roster else None,
        "targets": collect(lambda: load_targets(params / "targets.csv", roster)) if roster else None,
        "rules": collect(lambda: _load_model(params, "recommendations.yaml", RecommendationRules)),
        "years": collect(lambda: _load_model(params, "published.yaml", PublishedYears)),
        "aliases": collect(lambda: _load_model(params, "aliases.yaml", Aliases)),
    }
    collect.check()
    setup = RoundSetup(workspace, **parts)
    _check_together(setup)
    return setup


def _load_round(workspace: Workspace, round_id: str) -> RoundParams:
    path = workspace.round_params(round_id)
    round_ = read_round(path)
    if round_.round_id != round_id:
        raise ParameterError(
            "the file names another round",
            file=f"params/rounds/{path.name}",
            key="round_id",
            got=round_.round_id,
            expected=round_id,
        )
    return round_


def read_round(path: Path) -> RoundParams:
    """A round's file. What is wrong with one of another version is said with the version in front.

    Raises
    ------
    ParameterError   something is wrong, or the file was written for a later version.
    """
    given = read_yaml(path)
    version = given.get("schema_version", 1)
    if not isinstance(version, int) or version == PARAMETER_SCHEMA:
        return validate(RoundParams, given, path)
    if version > PARAMETER_SCHEMA:
        raise ParameterError(_other_version(version, path, "use the version of the workbench that it was written for"))
    try:
        return validate(RoundParams, given, path)
    except ParameterError as error:
        hint = f"put right what is named with it, then set schema_version: {PARAMETER_SCHEMA}"
        raise ParameterError(_other_version(version, path, hint), *error.problems) from None


def _other_version(version: int, path: Path, hint: str) -> Problem:
    when = "a later" if version > PARAMETER_SCHEMA else "an earlier"
    return Problem(
        f"the parameters were written for {when} version of the workbench",
        file=f"params/rounds/{path.name}",
        key="schema_version",
        got=str(version),
        expected=str(PARAMETER_SCHEMA),
        hint=hint,
    )


def _load_model(params: Any, name: str, model: Any) -> Any:
    return validate(model, read_yaml(params / name), params / name)


def _check_together(setup: RoundSetup) -> None:
    """What one file alone cannot know: names used in one that must exist in another."""
    problems = [
        *_rule_problems(setup), *_weight_problems(setup), *_category_problems(setup), *_previous_problems(setup)
    ]  # fmt: skip
    for institution_id in setup.institution_ids:
        try:
            setup.round_for(institution_id)
        except SpiError as error:
            problems += error.problems
    if problems:
        raise ParameterError(*problems)


def _rule_problems(setup: RoundSetup) -> list[Problem]:
    problems = []
    for number, rule in enumerate(setup.rules.rules):
        part = setup.instrument.sources[rule.audience]
        known = (
            [dimension.code for dimension in part.dimensions]
            if rule.when.kind == "score_below"
            else [experience.code for experience in part.experiences]
        )
        if rule.when.measure not in known:
            problems.append(
                Problem(
                    "the rule looks at something the instrument does not have",
                    file="params/recommendations.yaml",
                    key=f"rules.{number}.when.measure",
                    got=rule.when.measure,
                    expected=f"a code of {rule.audience} in {setup.round.instrument}",
                    hint=nearest(rule.when.measure, known),
                )
            )
    return problems


def _previous_problems(setup: RoundSetup) -> list[Problem]:
    """The round to compare with must be there, and be of the year before."""
    name, places = setup.round.previous_round, setup.workspace.params / "rounds"
    if name is None:
        return []
    key = {"file": f"params/rounds/{setup.round.round_id}.yaml", "key": "previous_round", "got": name}
    if not (places / f"{name}.yaml").exists():
        known = sorted(path.stem for path in places.glob("*.yaml") if path.stem != setup.round.round_id)
        return [Problem("there is no such round to compare with", **key, hint=nearest(name, known))]
    year = read_yaml(places / f"{name}.yaml").get("year")
    if year != setup.round.previous_year:
        expected = f"the round of {setup.round.previous_year}, not of {year}"
        return [
            Problem(
                "the round to compare with is of another year",
                **key,
                expected=expected,
            )
        ]
    return []


def _weight_problems(setup: RoundSetup) -> list[Problem]:
    listed = setup.years.years.get(setup.round.year)
    if listed is None or listed.source_weights == setup.round.index.source_weights:
        return []
    return [
        Problem(
            "the source weights of this year differ between two files",
            file="params/published.yaml",
            key=f"years.{setup.round.year}.source_weights",
            got=str(listed.source_weights),
            expected=f"{setup.round.index.source_weights} as in the round's file",
        )
    ]


def _category_problems(setup: RoundSetup) -> list[Problem]:
    """The round's categories and those of the published year must be the same, or two pages would contradict."""
    rule = setup.years.category_rule(setup.round.year)
    ours, theirs = (
        None if one is None else [(level.code, level.below) for level in one.levels]
        for one in (setup.round.categories, rule)
    )
    if theirs is None or ours == theirs:
        return []
    return [
        Problem(
            "the categories of this year differ between two files",
            file="params/published.yaml",
            key="categories",
            got=str(theirs),
            expected=f"{ours} as in the round's file; a new rule begins with its first year",
        )
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


# What a new round still has of the one it was made from.

# Behind a value that nobody has looked at yet.
LEFT_OVER = "# <- of"
# A round of December may be announced in the year before.
YEARS_BEFORE = 1


def left_over(setup: RoundSetup) -> list[Problem]:
    """Values that belong to another year: marked by ``spi new-round``, or told by their dates."""
    path, round_ = setup.workspace.round_params(setup.round.round_id), setup.round
    where = f"params/rounds/{path.name}"
    problems = [
        Problem(
            "a value is still that of the earlier round", where, key=f"line {number}", got=line.strip(),
            expected=f"the value of {round_.year}", hint="set it, or leave it on purpose, and take the remark away",
        )
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LEFT_OVER in line and not line.lstrip().startswith("#")
    ]  # fmt: skip
    days = {"fieldwork.start": round_.fieldwork.start, "draw.public_value_date": round_.draw.public_value_date}
    problems += [
        Problem(
            "a day of the round is of another year", where, key=key, got=day.isoformat(),
            expected=f"a day of {round_.year}", hint="was it left over from the round that this one was made from?",
        )
        for key, day in days.items()
        if not round_.year - YEARS_BEFORE <= day.year <= round_.year
    ]  # fmt: skip
    return problems
