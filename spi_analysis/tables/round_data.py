"""Everything about one institution in one round, in one object: what a researcher starts from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from spi_analysis.errors import ParameterError
from spi_analysis.params import (
    Institution,
    Instrument,
    RoundParams,
    RoundSetup,
    Source,
    Workspace,
    find_workspace,
    load_setup,
)
from spi_analysis.tables.published_table import published_results
from spi_analysis.tables.store import WRITTEN_BY, Store, released_estimates


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
        return self._table("responses")

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


def eligible_list(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """The people who may be drawn: eligible, and from a list (self-registration is no probability sample)."""
    return frame[(frame["source"] == source) & frame["is_eligible"] & (frame["stream"] == "list")]


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
    setup = load_setup(place, round_id)
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
