"""All parameter files of a round, read and checked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spi_analysis.errors import ParameterError, Problem, SpiError, nearest
from spi_analysis.params.instrument import Instrument
from spi_analysis.params.loading import ProblemCollector, read_yaml, validate
from spi_analysis.params.published import Aliases, PublishedYears
from spi_analysis.params.recommendations import RecommendationRules
from spi_analysis.params.roster import (
    Apart,
    InstitutionInputs,
    Roster,
    load_components,
    load_inputs,
    load_provinces,
    load_roster,
)
from spi_analysis.params.round import PARAMETER_SCHEMA, RoundParams
from spi_analysis.params.setup import RoundSetup
from spi_analysis.params.sources import GeneratorParams, load_units
from spi_analysis.params.targets import load_targets
from spi_analysis.params.workspace import Workspace


def load_setup(workspace: Workspace, round_id: str, of: Iterable[str] | None = None) -> RoundSetup:
    """Read and check all parameter files of a round; all problems of all files at once.

    Parameters
    ----------
    of : codes, or None   these institutions alone are asked for: what is wrong in rows or overrides of others stops
        nothing, but is kept in ``blocked``, and they do not take part. What belongs to no institution stops all the
        same, and so does a file that cannot be read. None: everything must be right.

    Raises
    ------
    ParameterError   something is wrong.
    """
    params, collect = workspace.params, ProblemCollector()
    apart: Apart | None = None if of is None else {}
    round_ = collect(lambda: _load_round(workspace, round_id))
    roster = collect(lambda: load_roster(params / "institutions.csv", apart))
    parts = {
        "round": round_,
        "instrument": collect(lambda: _load_model(params, f"instruments/{round_.instrument}.yaml", Instrument))
        if round_
        else None,
        "roster": roster,
        "inputs": collect(lambda: round_inputs(workspace, round_id, roster, apart)) if roster else None,
        "units": collect(lambda: load_units(params / "rounds" / f"{round_id}.units.csv", roster, apart))
        if roster
        else None,
        "targets": collect(lambda: load_targets(params / "targets.csv", roster, apart)) if roster else None,
        "provinces": collect(lambda: load_provinces(params / "provinces.csv")),
        "rules": collect(lambda: _load_model(params, "recommendations.yaml", RecommendationRules)),
        "years": collect(lambda: _load_model(params, "published.yaml", PublishedYears)),
        "aliases": collect(lambda: _load_model(params, "aliases.yaml", Aliases)),
        "generator": collect(lambda: _load_generator(params)),
    }
    collect.check()
    setup = RoundSetup(workspace, **parts)
    _check_together(setup, apart)
    if wrong := [problem for code in of or () for problem in (apart or {}).get(code, ())]:
        raise ParameterError(*wrong)
    return replace(setup, blocked={code: tuple(dict.fromkeys(found)) for code, found in (apart or {}).items()})


def round_inputs(
    workspace: Workspace, round_id: str, roster: Roster, apart: Apart | None = None
) -> dict[str, InstitutionInputs]:
    """The decisions per institution, with its scores of the components of the index."""
    folder = workspace.params / "rounds"
    inputs = load_inputs(folder / f"{round_id}.institutions.csv", roster, apart)
    scores = load_components(folder / f"{round_id}.components.csv", roster, apart)
    return {
        code: one.model_copy(update={"components": tuple(score for score in scores if score.institution_id == code)})
        for code, one in inputs.items()
    }


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
    """A round's file. Errors of a file of another version begin with its version.

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


def _load_generator(params: Path) -> GeneratorParams | None:
    return _load_model(params, "generator.yaml", GeneratorParams) if (params / "generator.yaml").exists() else None


def _load_model(params: Any, name: str, model: Any) -> Any:
    return validate(model, read_yaml(params / name), params / name)


def _check_together(setup: RoundSetup, apart: Apart | None = None) -> None:
    """Checks across files: names used in one that must exist in another; ``apart`` takes what is of one institution."""
    problems = [
        *_source_problems(setup), *_weight_problems(setup), *_category_problems(setup), *_previous_problems(setup),
        *_generator_problems(setup), *_module_problems(setup),
    ]  # fmt: skip
    for code, problem in [*_component_problems(setup), *_unit_problems(setup), *_override_problems(setup, apart or {})]:
        if apart is None:
            problems.append(problem)
        else:
            apart.setdefault(code, []).append(problem)
    if problems:
        raise ParameterError(*problems)


def _override_problems(setup: RoundSetup, apart: Apart) -> Iterator[tuple[str, Problem]]:
    """The overrides of each institution fit the round."""
    for institution_id in (code for code in setup.institution_ids if code not in apart):
        try:
            setup.round_for(institution_id)
        except SpiError as error:
            yield from ((institution_id, problem) for problem in error.problems)


def _source_problems(setup: RoundSetup) -> list[Problem]:
    """The instrument has the sources of the round, and the rules refer to its items and dimensions."""
    asked, invited = set(setup.instrument.sources), set(setup.round.sources)
    if asked == invited:
        return _rule_problems(setup)
    return [
        Problem(
            "round and instrument are not of the same sources",
            file=f"params/instruments/{setup.round.instrument}.yaml",
            key="sources",
            got=", ".join(setup.instrument.sources),
            expected=f"{', '.join(setup.round.sources)} as in the round's file",
        )
    ]


def _generator_problems(setup: RoundSetup) -> list[Problem]:
    """Parameters of generated people are given for every source of the round."""
    if setup.generator is None or set(setup.generator.sources) == set(setup.round.sources):
        return []
    return [
        Problem(
            "the generated people are not of the sources of the round",
            file="params/generator.yaml",
            key="sources",
            got=", ".join(setup.generator.sources),
            expected=", ".join(setup.round.sources),
        )
    ]


def _module_problems(setup: RoundSetup) -> list[Problem]:
    """Institutions with optional modules or forms exist; the instrument has a question for every arm of a source."""
    modules, file = setup.round.modules, f"params/rounds/{setup.round.round_id}.yaml"
    known = setup.roster.institutions
    problems = [
        Problem("unknown institution", file=file, key=f"{name}.institutions", got=one,
                expected="a code of params/institutions.csv", hint=nearest(one, known))
        for name, part in (("modules", modules), ("forms", setup.round.forms))
        for one in (part.institutions if part else ())
        if one not in known
    ]  # fmt: skip
    for source in modules.sources if modules else ():
        part = setup.instrument.sources.get(source)
        asked = {question.arm for question in part.modules.questions} if part else set()
        problems += [
            Problem("an arm has no question in the instrument", file=file, key=f"modules.arms.{arm}", got=source,
                    expected=f"sources.{source}.modules in params/instruments/{setup.round.instrument}.yaml")
            for arm in modules.arms
            if arm not in asked
        ]  # fmt: skip
    return problems


def _unit_problems(setup: RoundSetup) -> list[tuple[str, Problem]]:
    """Facts on units are about sources of the round."""
    return [
        (
            one.institution_id,
            Problem(
                "the unit is of a source that the round does not have",
                file=f"params/rounds/{setup.round.round_id}.units.csv",
                column="source",
                key=f"{one.institution_id}, {one.unit or 'all units'}",
                got=one.source,
                expected=", ".join(setup.round.sources),
                hint=nearest(one.source, setup.round.sources),
            ),
        )
        for one in setup.units
        if one.source not in setup.round.sources
    ]


def _component_problems(setup: RoundSetup) -> list[tuple[str, Problem]]:
    """Every institution needs a score in every component of the index, and in no other."""
    wanted = list(setup.round.index.components)
    return [
        (
            code,
            Problem(
                "the scores of components are not those of the index",
                file=f"params/rounds/{setup.round.round_id}.components.csv",
                column="component",
                key=code,
                got=", ".join(given) or "no score",
                expected=", ".join(wanted) or "no component: the index of the round has none",
            ),
        )
        for code, one in setup.inputs.items()
        if sorted(given := [score.component for score in one.components]) != sorted(wanted)
    ]


def _rule_problems(setup: RoundSetup) -> list[Problem]:
    problems = []
    for number, rule in enumerate(setup.rules.rules):
        part = setup.instrument.sources.get(rule.audience)
        if part is None:
            known = list(setup.instrument.sources)
            problems.append(
                Problem(
                    "the rule is for a source that the round does not have",
                    file="params/recommendations.yaml",
                    key=f"rules.{number}.audience",
                    got=rule.audience,
                    expected=", ".join(known),
                    hint=nearest(rule.audience, known),
                )
            )
            continue
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
    """The previous round must have a file, and be of the year before."""
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


# Values that a new round still has from the round it was copied from.

# The comment behind a value that has not been checked yet.
LEFT_OVER = "# <- of"
# A round of December may be announced in the year before.
YEARS_BEFORE = 1


def left_over(setup: RoundSetup) -> list[Problem]:
    """Values that belong to another year: marked by ``spi new-round``, or recognised by their dates."""
    path, round_ = setup.workspace.round_params(setup.round.round_id), setup.round
    where = f"params/rounds/{path.name}"
    problems = [
        Problem(
            "a value is still that of the earlier round", where, key=f"line {number}", got=line.strip(),
            expected=f"the value of {round_.year}", hint="set it, or leave it on purpose, and remove the comment",
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
