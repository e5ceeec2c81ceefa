"""Everything about one institution in one round, in one object, and what its tables hold.

A researcher starts from this object; weights and scores are made only from answers that fit the instrument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, ParameterError, Problem, nearest
from spi_analysis.params import (
    ContactItem,
    ExperienceItem,
    Institution,
    InstitutionInputs,
    Instrument,
    Item,
    RoundParams,
    RoundSetup,
    Scale,
    Source,
    Workspace,
    find_workspace,
    load_setup,
)
from spi_analysis.tables.contracts import BY_CHANCE, CONTRACTS, mask, with_modes
from spi_analysis.tables.published_table import generated_last_results, published_results
from spi_analysis.tables.store import WRITTEN_BY, Store


@dataclass(frozen=True, repr=False)
class RoundData:
    """One institution's round. A table is read when it is first asked for; a missing one says what writes it.

    ``round`` carries the institution's overrides; ``setup.round`` is what holds for all. No contacts: they are in the
    vault only.
    """

    setup: RoundSetup
    store: Store
    institution: Institution

    @property
    def institution_id(self) -> str:
        return self.institution.institution_id

    @cached_property
    def round(self) -> RoundParams:
        return self.setup.round_for(self.institution_id)

    @property
    def instrument(self) -> Instrument:
        return self.setup.instrument

    @cached_property
    def frame(self) -> pd.DataFrame:
        return self._table("frame")

    @cached_property
    def sample(self) -> pd.DataFrame:
        return self._table("sample")

    @cached_property
    def events(self) -> pd.DataFrame:
        return self._table("events")

    @cached_property
    def responses(self) -> pd.DataFrame:
        return with_modes(self._table("responses"))

    @cached_property
    def open_responses(self) -> pd.DataFrame:
        """Answers by an open link (QR): of whoever found it, so in no estimate."""
        return self._table("open_responses")

    @cached_property
    def contact_events(self) -> pd.DataFrame:
        """What changed after the draw: objections, and who got another number or address (not which)."""
        return self._table("contact_events")

    @cached_property
    def weights(self) -> pd.DataFrame:
        return self._table("weights")

    @cached_property
    def replicates(self) -> pd.DataFrame:
        return self._table("replicates")

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """As they may be passed on (nothing of a result that is withheld)."""
        return released_estimates(self.store, self.institution_id, self.setup.inputs[self.institution_id])

    @cached_property
    def published(self) -> pd.DataFrame:
        """Published results of past years, of all institutions (nothing of a result that is withheld)."""
        return published_results(self.setup)

    @cached_property
    def generated_last_results(self) -> pd.DataFrame:
        """What the generated round before this one found in the institution; only a demo has any."""
        table = generated_last_results(self.setup)
        return table[table["institution_id"] == self.institution_id]

    @cached_property
    def targets(self) -> dict[str, float]:
        """Targets of the institution for this year's index: name -> points."""
        return self.setup.targets.values(self.institution_id, self.round.year)

    def has(self, table: str) -> bool:
        """Whether a table is there."""
        return table in self.__dict__ or self.store.has(table, self.institution_id)

    def where(self, table: str) -> str:
        """The file of a table, as messages name it."""
        return f"data/{self.setup.round.round_id}/{table}/{self.institution_id}.parquet"

    def written(self, table: str) -> dt.datetime:
        """When a table was written, by the clock of this machine."""
        return dt.datetime.fromtimestamp((self.setup.workspace.root / self.where(table)).stat().st_mtime)

    def _table(self, name: str) -> pd.DataFrame:
        return self.store.read(name, self.institution_id)

    def __repr__(self) -> str:
        lines = [f"  {name}: {self._size(name)}" for name in WRITTEN_BY]
        return "\n".join([f"{self.institution.name}, {self.setup.round.title.en}", *lines])

    def _size(self, name: str) -> str:
        if not self.has(name):
            return f"not there yet (run: {WRITTEN_BY[name]})"
        rows, columns = self.store.shape(name, self.institution_id)
        return f"{rows:,} rows, {columns} columns"


def load_round(round_id: str, institution_id: str, workspace: Workspace | Path | str | None = None) -> RoundData:
    """One institution in a round: parameters, and all its tables.

    Parameters
    ----------
    round_id : str         such as "spi_2024"
    institution_id : str   such as "kota-mojokerto"
    workspace              the folder with params/ and data/; default: the one around the current folder

    Examples
    --------
    >>> data = load_round("spi_2024", "kota-mojokerto")   # doctest: +SKIP
    >>> data.responses.groupby("source").size()           # doctest: +SKIP
    """
    place = workspace_of(workspace, "load_round(round_id, institution_id, workspace=...)")
    setup = load_setup(place, round_id, of=(institution_id,))
    return RoundData(setup, Store(place.data / round_id), setup.roster[setup.require(institution_id)])


def workspace_of(workspace: Workspace | Path | str | None, call: str) -> Workspace:
    """The workspace that a caller in Python names, or the one around the current folder; errors speak Python."""
    if isinstance(workspace, Workspace):
        return workspace
    try:
        return find_workspace(None if workspace is None else Path(workspace))
    except ParameterError as error:
        hint = f"change to the folder that holds params/, or name it: {call}"
        raise ParameterError(*(replace(problem, hint=hint) for problem in error.problems)) from None


# Estimates as they may be passed on: what is hidden has no figures, whoever asks and whenever it was decided.


def released_estimates(store: Store, institution_id: str, inputs: InstitutionInputs) -> pd.DataFrame:
    """The table ``estimates``; without any figure if the result was withheld after it was scored."""
    estimates = store.read("estimates", institution_id)
    if inputs.release == "withheld":
        return mask(estimates, pd.Series(True, index=estimates.index), "withheld")
    return estimates


def released_rows(
    store: Store, inputs: Mapping[str, InstitutionInputs], measures: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """Some measures and columns of the released estimates of all institutions that were scored, in their order.

    ``columns``: those that are wanted beside institution_id, measure and status; of 640 institutions reading all
    columns takes most of the time of a page.
    """
    wanted = [*dict.fromkeys(["institution_id", "measure", "status", *columns])]
    parts = [_released(store, i, one, measures, wanted) for i, one in inputs.items() if store.has("estimates", i)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=wanted)


def _released(
    store: Store, institution_id: str, inputs: InstitutionInputs, measures: Sequence[str], columns: list[str]
) -> pd.DataFrame:
    rows = store.read("estimates", institution_id, columns)
    rows = rows[rows["measure"].isin(measures)]
    return mask(rows, pd.Series(True, index=rows.index), "withheld") if inputs.release == "withheld" else rows


# What the tables hold: who may be drawn, replicate weights, and whether answers fit the instrument.


def eligible_list(frame: pd.DataFrame, source: Source, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """The people who may be drawn: eligible, and from a list (self-registration is no probability sample).

    ``columns``: those that are wanted, where they are there. Copying all columns takes longer than finding the people.
    """
    may = (frame["source"] == source) & frame["is_eligible"] & (frame["stream"] == "list")
    return (frame if columns is None else frame[[name for name in columns if name in frame]])[may]


# Replicate weights: a list per person. As a column each, thousands of them take fifty times as long to be read.


def replicate_lists(values: np.ndarray) -> list[np.ndarray]:
    """What the table ``replicates`` holds of weights (n, R): for each person R numbers of four bytes."""
    return list(values.astype(np.float32))


def replicate_values(replicates: pd.DataFrame) -> np.ndarray:
    """The weights (n, R) of a table ``replicates``; (0, 0) of an empty one."""
    return np.vstack(replicates["replicates"].to_list()).astype(float) if len(replicates) else np.empty((0, 0))


# Do answers fit the instrument that is to score them? It may have changed since they came in, or not all was asked.

Question = Item | ContactItem | ExperienceItem
NO_COLUMN = "an item of the instrument has no column"
OFF_SCALE = "answers lie outside the scale"
ADDED = (
    "if it came into the instrument (or got another name) after the answers, import them again: "
    "spi import responses FILES... (an item that is not in them then counts as not asked); or take it out again"
)
RECODED = (
    "if the scale was changed after the answers came in, change it back, or import answers exported with the new scale"
)


def require_answers_fit(responses: pd.DataFrame, instrument: Instrument, where: str = "") -> None:
    """Raise unless every question to the sources that answered has a column, and every code is on its scale.

    Parameters
    ----------
    responses : DataFrame   table ``responses`` of an institution
    where : str             file of the table, for the message

    Raises
    ------
    InputError   one problem for every question.
    """
    problems = []
    for source, questions in instrument.questions.items():
        own = responses[responses["source"] == source]
        if len(own):
            problems += misfits(own, questions, instrument, where)
    if problems:
        raise InputError(*problems)


def misfits(
    responses: pd.DataFrame, questions: Iterable[Question], instrument: Instrument, where: str = ""
) -> list[Problem]:
    """Problems of questions without a column, and of columns with codes that are not on the question's scale."""
    left_over = foreign_columns(responses, instrument)
    found = []
    for question in questions:
        if question.code not in responses:
            hint = "; ".join(filter(None, [nearest(question.code, left_over), ADDED]))
            expected = "the items of the round's instrument"
            found.append(Problem(NO_COLUMN, where, column=question.code, expected=expected, hint=hint))
        elif problem := _off_scale(responses[question.code], instrument.scales[question.scale], where):
            found.append(problem)
    return found


def foreign_columns(responses: pd.DataFrame, instrument: Instrument) -> list[str]:
    """Columns of the answers that are no item of the instrument (any more)."""
    known = {
        *CONTRACTS["responses"].columns,
        *(code for source in instrument.sources for code in instrument.codes(source)),
        *(code for source in instrument.sources for code in instrument.module_codes(source)),
        *BY_CHANCE,
    }
    return sorted(str(column) for column in responses.columns if column not in known)


def _off_scale(column: pd.Series, scale: Scale, where: str) -> Problem | None:
    codes = column.to_numpy(dtype=float, na_value=np.nan)
    valid = [*range(scale.minimum, scale.maximum + 1), *scale.missing]
    odd = np.unique(codes[~np.isnan(codes) & ~np.isin(codes, valid)])
    if not len(odd):
        return None
    return Problem(
        OFF_SCALE,
        where,
        column=str(column.name),
        got=", ".join(f"{code:g}" for code in odd),
        expected=f"{scale.minimum} to {scale.maximum} or {', '.join(map(str, scale.missing))}",
        hint=RECODED,
    )


# Items of the instrument to which nobody gave any answer: most likely they were never asked.


def unasked_items(responses: pd.DataFrame, instrument: Instrument) -> dict[str, list[str]]:
    """Per source with respondents, the items that hold no answer at all, "do not know" and refusals included.

    Parameters
    ----------
    responses : DataFrame   table ``responses``: one row per respondent, one column per item
    """
    found = {}
    for source in instrument.sources:
        people = responses[responses["source"] == source]
        codes = instrument.codes(source)
        if len(people):
            answered = people.reindex(columns=codes).notna().any()
            found[source] = [code for code in codes if not answered[code]]
    return {source: codes for source, codes in found.items() if codes}
