"""Preflight of a round: all that is missing or wrong, in every file at once, and which institution it holds up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from spi_analysis.errors import Problem, SpiError, nearest
from spi_analysis.params import (
    MODELS,
    Aliases,
    Instrument,
    Overrides,
    PublishedYears,
    RecommendationRules,
    Roster,
    RoundParams,
    RoundSetup,
    Workspace,
    frame_mapping,
    left_over,
    load_mapping,
    load_roster,
    load_setup,
    load_targets,
    load_units,
    read_round,
    read_yaml,
    round_inputs,
    validate,
)
from spi_analysis.tables.contracts import CONTRACTS, checked
from spi_analysis.tables.demo_marks import is_demonstration_value, public_value_problem
from spi_analysis.tables.importing import item_codes
from spi_analysis.tables.round_data import foreign_columns, misfits, unasked_items
from spi_analysis.tables.store import WRITTEN_BY, Store
from spi_analysis.tables.vault import Vault, VaultKey

# One thing that is wrong or not there yet, and which stages of the round it holds up.

Stage = Literal["import", "draw", "fieldwork", "weights", "scores", "reports"]
STAGES: tuple[Stage, ...] = ("import", "draw", "fieldwork", "weights", "scores", "reports")


@dataclass(frozen=True)
class Issue:
    """``severity``: error = wrong; missing = not there yet; warning = worth a look, holds nothing up.

    ``institution_id`` is "" where it concerns all institutions.
    """

    severity: Literal["error", "missing", "warning"]
    blocks: tuple[Stage, ...]
    institution_id: str
    problem: Problem


def issues_of(error: SpiError, blocks: tuple[Stage, ...], institution_id: str = "") -> list[Issue]:
    """The problems of an error as issues."""
    return [Issue("error", blocks, institution_id, problem) for problem in error.problems]


# The vault: is it there, does the key fit, and does it hold everyone's contacts?

CONTACTS_NEEDED_BY: tuple[Stage, ...] = ("import", "draw", "fieldwork")


def open_vault(workspace: Workspace, key: VaultKey | None) -> tuple[Vault | None, list[Issue]]:
    """The vault, opened with ``key`` or with the key that the environment names."""
    root = workspace.data / "vault"
    if not Vault.exists(root):
        problem = Problem("there is no contact vault yet", "data/vault", hint="run: spi vault init --key-file FILE")
        return None, [Issue("missing", CONTACTS_NEEDED_BY, "", problem)]
    try:
        return Vault.open(root, key or VaultKey.load(workspace.root)), []
    except SpiError as error:
        return None, issues_of(error, CONTACTS_NEEDED_BY)


def check_contacts(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> Iterator[Issue]:
    """Everyone on the lists, and above all everyone sampled, must have contacts in the vault."""
    round_id = setup.round.round_id
    people = pd.concat([_people(store, table, institution_id) for table in ("frame", "sample")]).drop_duplicates()
    for source, listed in people.groupby("source")["person_id"]:
        where = f"data/vault/{round_id}/contacts/{institution_id}__{source}"
        try:
            contacts = vault.read_contacts(round_id, institution_id, str(source))["person_id"]
        except SpiError as error:
            yield from issues_of(error, ("fieldwork",), institution_id)
            continue
        missing = int((~listed.isin(contacts)).sum())
        if missing:
            problem = Problem(
                "people of the frame or sample have no contacts in the vault",
                where,
                got=f"{missing} of {len(listed)} without contacts",
                hint=f"restore the vault of that time, or run again: {WRITTEN_BY['frame']}",
            )
            yield Issue("error", ("fieldwork",), institution_id, problem)


def _people(store: Store, table: str, institution_id: str) -> pd.DataFrame:
    """Who is in a table; a table that cannot be read is reported where tables are checked."""
    try:
        return store.read(table, institution_id)[["source", "person_id"]]
    except (SpiError, OSError, ValueError, KeyError):
        return pd.DataFrame(columns=["source", "person_id"])


# All parameter files of a round, each on its own, so that one broken file does not hide the next.


class Parameters:
    """Reads every file of a round; ``issues`` holds what is wrong, ``setup`` is None if a needed file is broken."""

    def __init__(self, workspace: Workspace, round_id: str) -> None:
        self.workspace, self.round_id = workspace, round_id
        self.issues: list[Issue] = []
        self.roster: Roster | None = self._read(lambda: load_roster(workspace.params / "institutions.csv"))
        self.setup = self._setup()
        self._check_mappings()
        self._check_overrides()

    def _read(self, load: Callable[[], Any]) -> Any:
        try:
            return load()
        except SpiError as error:
            self.issues += issues_of(error, STAGES)
            return None

    def _model(self, model: Any, path: Path) -> Any:
        return self._read(lambda: validate(model, read_yaml(path), path))

    def _setup(self) -> RoundSetup | None:
        """The setup of the round, if all its files can be read; checks across files are noted apart."""
        params = self.workspace.params
        round_ = self._read(lambda: read_round(self.workspace.round_params(self.round_id)))
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
        inputs = self._read(lambda: round_inputs(self.workspace, self.round_id, roster))
        for institution_id in [] if inputs is None else sorted(set(roster.ids()) - set(inputs)):
            problem = Problem(
                "the institution has no inputs in this round",
                file=f"params/rounds/{path.name}",
                column="institution_id",
                got="no row",
                expected=institution_id,
                hint="add a row, or leave it out on purpose: it does not take part then",
            )
            self.issues.append(Issue("warning", (), institution_id, problem))
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
        self.issues.append(Issue("error", STAGES, "", problem))
        return False


# The tables of a round: are they there, do they keep their contract, do they fit the instrument and the roster?

# The stages that cannot begin without a table.
TABLES_NEEDED_BY: dict[str, tuple[Stage, ...]] = {
    "frame": ("draw",),
    "sample": ("fieldwork", "weights"),
    "events": ("weights",),
    "responses": ("weights",),
    "weights": ("scores",),
    "replicates": ("scores",),
    "estimates": ("reports",),
}


def check_tables(setup: RoundSetup, store: Store, institution_id: str) -> Iterator[Issue]:
    """Everything about one institution's tables."""
    for table, blocks in TABLES_NEEDED_BY.items():
        where = f"data/{setup.round.round_id}/{table}/{institution_id}.parquet"
        data, problems = _read(store, table, institution_id, where, list(setup.round.sources))
        yield from (Issue("error", blocks, institution_id, problem) for problem in problems)
        if data is None and not problems:
            yield Issue("missing", blocks, institution_id, _missing(table, where))
        elif data is not None and table == "frame":
            yield from _frame(setup, data, institution_id, where)
        elif data is not None and table == "responses":
            yield from _responses(setup, data, institution_id, where)


def _read(
    store: Store, table: str, institution_id: str, where: str, sources: list[str]
) -> tuple[pd.DataFrame | None, list[Problem]]:
    try:
        data = store.read_if_there(table, institution_id)
        return (data if data is None or table not in CONTRACTS else checked(table, data, where, sources)), []
    except SpiError as error:
        return None, list(error.problems)


def _missing(table: str, where: str) -> Problem:
    return Problem(f"the table {table} is not there yet", where, expected="the table", hint=f"run: {WRITTEN_BY[table]}")


def _frame(setup: RoundSetup, frame: pd.DataFrame, institution_id: str, where: str) -> Iterator[Issue]:
    """Every source needs a list, and a source that is drawn needs someone who may be drawn."""
    for source in setup.round.sources:
        people = frame[frame["source"] == source]
        if people.empty:
            problem = Problem(
                f"there is no list of source {source}", where, column="source", hint=f"run: {WRITTEN_BY['frame']}"
            )
            yield Issue("missing", ("draw",), institution_id, problem)
        elif not (people["is_eligible"] & (people["stream"] == "list")).any():
            problem = Problem(
                f"nobody on the list of source {source} may be invited",
                where,
                column="is_eligible",
                got=f"0 of {len(people)} people",
                expected="at least one eligible person on a list",
                hint="see frame_problems.xlsx for the reasons",
            )
            yield Issue("error", ("draw",), institution_id, problem)


def _responses(setup: RoundSetup, responses: pd.DataFrame, institution_id: str, where: str) -> Iterator[Issue]:
    """The columns must be the instrument's items, and the cells answers of their scales."""
    codes = item_codes(setup.instrument)
    for column in foreign_columns(responses, setup.instrument):
        problem = Problem(
            "a column is no item of the instrument", where, column=column, got="answers that nothing uses",
            expected="the items of the round's instrument",
            hint=f"{nearest(column, codes)}; an item that was taken out on purpose may stay so",
        )  # fmt: skip
        yield Issue("warning", (), institution_id, problem)
    for source, unasked in unasked_items(responses, setup.instrument).items():
        items = len(setup.instrument.codes(source))
        problem = Problem(
            f"nobody of source {source} has any answer to {len(unasked)} of {items} items",
            where,
            got=f"no answer: {', '.join(unasked)}",
            expected="all items of the round's instrument",
            hint="if they were never asked, take them out of the instrument; else name their columns with --mapping",
        )
        yield Issue("warning", (), institution_id, problem)
    for source in setup.instrument.sources:
        for problem in misfits(responses, setup.instrument.questions[source], setup.instrument, where):
            yield Issue("error", ("weights", "scores"), institution_id, problem)


def check_institutions(setup: RoundSetup, store: Store) -> Iterator[Issue]:
    """Institutions that have tables but do not take part."""
    for table in TABLES_NEEDED_BY:
        for institution_id in store.institutions(table):
            try:
                setup.require(institution_id)
            except SpiError as error:
                known = error.problems[0]
                where = f"data/{setup.round.round_id}/{table}/{institution_id}.parquet"
                problem = Problem(known.what, where, got=institution_id, expected=known.expected, hint=known.hint)
                yield Issue("error", ("import",), institution_id, problem)


def _announced(setup: RoundSetup, store: Store, institution_id: str) -> Iterator[Issue]:
    """A draw is announced before the public value can be known."""
    where = f"data/{setup.round.round_id}/announcements/{institution_id}.json"
    if store.read_record("announcements", institution_id) is None:
        day = setup.round.draw.public_value_date
        expected = f"an announcement before {day}, the day of the public value"
        problem = Problem("the draw is not announced yet", where, expected=expected, hint="run: spi announce")
        yield Issue("missing", ("draw",), institution_id, problem)


def check_public_value(setup: RoundSetup, store: Store) -> Iterator[Issue]:
    """A real round is drawn with a real public value, and with dates of its own; what was not is named."""
    for problem in left_over(setup):
        yield Issue("error", ("draw", "fieldwork"), "", problem)
    problem = public_value_problem(setup)
    if problem:
        yield Issue("missing", ("draw",), "", problem)
    if store.is_synthetic:
        return
    for institution_id in setup.institution_ids:
        if store.has("frame", institution_id) and not store.has("sample", institution_id):
            yield from _announced(setup, store, institution_id)
        record = store.read_record("draw", institution_id) or {}
        for source, part in record.get("sources", {}).items():
            if is_demonstration_value(part["public_value"], part["public_value_name"]):
                where = f"data/{setup.round.round_id}/draw/{institution_id}.json"
                problem = Problem(
                    "the sample was drawn with the demonstration value", where, key=source, got=part["public_value"],
                    expected="a public value that nobody controls", hint="say so wherever the draw is published",
                )  # fmt: skip
                yield Issue("warning", (), institution_id, problem)


COLUMNS = ("severity", "blocks", "institution_id", "what", "where", "got", "expected", "hint")


@dataclass(frozen=True)
class Preflight:
    """The state of a round.

    ``issues``: one row per thing that is wrong (``error``), not there yet (``missing``) or worth a look
    (``warning``); ``blocks`` lists the stages it holds up, ``institution_id`` is "" if it concerns all.
    ``stages``: one row per institution, one column per stage: ``ready`` or ``blocked``.
    """

    issues: pd.DataFrame
    stages: pd.DataFrame

    @property
    def errors(self) -> int:
        """How many things are wrong, as against not there yet."""
        return int((self.issues["severity"] == "error").sum())


def check_round(workspace: Workspace, round_id: str, key: VaultKey | None = None) -> Preflight:
    """Look at all parameter files, the vault and every table of a round. Never raises for what it finds.

    Parameters
    ----------
    key : VaultKey, optional   of the vault; else the one that the environment names
    """
    parameters = Parameters(workspace, round_id)
    issues, setup = list(parameters.issues), parameters.setup
    vault, about_vault = open_vault(workspace, key)
    issues += about_vault
    institutions = parameters.roster.ids() if parameters.roster else []
    if setup is not None:
        store = Store(workspace.data / round_id)
        institutions = setup.institution_ids
        issues += check_institutions(setup, store)
        issues += check_public_value(setup, store)
        for institution_id in institutions:
            issues += check_tables(setup, store, institution_id)
            if vault is not None:
                issues += check_contacts(setup, store, vault, institution_id)
    # A broken override is found on its own and again when all files are read together.
    issues = list(dict.fromkeys(issues))
    return Preflight(_table(issues), _stages(issues, institutions))


def _table(issues: Iterable[Issue]) -> pd.DataFrame:
    """Errors first, then what is missing, then warnings; in each as found."""
    rows = [
        (f.severity, ", ".join(f.blocks), f.institution_id, p.what, p.where, p.got, p.expected, p.hint)
        for severity in ("error", "missing", "warning")
        for f in issues
        if f.severity == severity
        for p in [f.problem]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _stages(issues: Iterable[Issue], institutions: list[str]) -> pd.DataFrame:
    blocked = {(issue.institution_id, stage) for issue in issues for stage in issue.blocks}
    rows = [
        (code, *("blocked" if {(code, stage), ("", stage)} & blocked else "ready" for stage in STAGES))
        for code in institutions
    ]
    return pd.DataFrame(rows, columns=["institution_id", *STAGES])


# What `check_round` looks at, one module per place: parameter files, the store, the vault.
