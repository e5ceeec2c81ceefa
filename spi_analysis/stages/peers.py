"""Stage: what other institutions of the same kind reach, from a table that stays as it is until it is made anew.

A report is compared with a frozen, dated table: one late answer elsewhere makes no report stale. Until a round has
one, the published results of the latest year before it stand in, which know the index and the sources alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.params import NATIONAL, Institution, RoundSetup
from spi_analysis.tables import AGAIN, published_results, read_table, rounded, write_parquet

# Measures of the table estimates that are compared: one figure each, the same question everywhere.
COMPARED = ("index", "source_score", "dimension_score", "item_favourable")
# And of who answered: RR1, as a share.
RESPONSE = "response_rate"
KEYS = ["measure", "source", "part"]
FACTS = ["institution_id", "type", "size_class", "province_code"]
COLUMNS = ["as_of", "basis", *KEYS, *FACTS, "value"]
# What makes institutions peers: all of these are the same.
GROUPS: dict[str, tuple[str, ...]] = {
    "type": ("type",),
    "size_class": ("type", "size_class"),
    "province": ("province_code",),
}
TOP_QUARTILE = 0.75


@dataclass(frozen=True)
class Peers:
    """What others reach, seen from one institution, which is not among them.

    ``table``: COLUMNS without those of the institution's own rows; ``least``: a smaller group says nothing;
    ``as_of``: day of the table, or 31 December of the published year; ``basis``: round, generated or published.
    """

    institution: Institution
    table: pd.DataFrame
    least: int
    as_of: dt.date | None
    basis: str

    def values(self, group: str, measure: str, source: str | None = None, part: str | None = None) -> np.ndarray:
        """The figures of a group, in order; none where it is too small to be shown."""
        found = self._in_order[group].get((measure, source, part), np.empty(0))
        return found if len(found) >= self.least else found[:0]

    @cached_property
    def _in_order(self) -> dict[str, dict[tuple[Any, ...], np.ndarray]]:
        """Group -> KEYS (None where one is empty) -> figures from the least to the largest."""
        return {group: self._of_group(columns) for group, columns in GROUPS.items()}

    def _of_group(self, columns: tuple[str, ...]) -> dict[tuple[Any, ...], np.ndarray]:
        rows = self.table
        for column in columns:
            # Who is of no known kind has no peers of that kind.
            rows = rows[rows[column] == getattr(self.institution, column)]
        figures = rows.groupby(KEYS, dropna=False)["value"]
        return {_without_gaps(key): np.sort(part.to_numpy(dtype=float)) for key, part in figures}

    def summary(self, group: str, measure: str, source: str | None = None, part: str | None = None) -> dict[str, float]:
        """Median, upper quartile and number of peers; missing where they say nothing."""
        found = self.values(group, measure, source, part)
        if not len(found):
            return {"median": np.nan, "top_quartile": np.nan, "institutions": np.nan}
        top = float(np.quantile(found, TOP_QUARTILE))
        return {"median": float(np.median(found)), "top_quartile": top, "institutions": float(len(found))}

    @cached_property
    def yardsticks(self) -> dict[tuple[str, str], float]:
        """Source and dimension ("" for the whole source) -> median of the first group of peers, as tables show it."""
        group = next(iter(self.groups()), None)
        rows = self.table[self.table["measure"].isin(["source_score", "dimension_score"])]
        keys = rows[KEYS].drop_duplicates().itertuples(index=False, name=None) if group else ()
        found = {key: self.summary(group or "", *_without_gaps(key))["median"] for key in keys}
        return {
            (source, "" if pd.isna(part) else part): rounded(median, 1)
            for (_, source, part), median in found.items()
            if not np.isnan(median)
        }

    def groups(self, measure: str = "index") -> list[str]:
        """The groups that are large enough."""
        return [group for group in GROUPS if len(self.values(group, measure))]


def _without_gaps(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(None if pd.isna(one) else one for one in key)


def peers_path(setup: RoundSetup) -> Path:
    """Where the table of a round lies."""
    return setup.workspace.data / f"peers_{setup.round.round_id}.parquet"


def peers_of(setup: RoundSetup, institution_id: str) -> Peers:
    """The peers of an institution: of the round's own table, else of the latest published year before the round."""
    path = peers_path(setup)
    again = f"{AGAIN}spi peers {setup.round.round_id}"
    table = read_table(path, COLUMNS, "the table of peers", again) if path.exists() else _published_peers(setup)
    others = table[table["institution_id"] != institution_id]
    first = others.iloc[0] if len(others) else None
    return Peers(
        setup.roster[institution_id],
        others,
        setup.round.disclosure.min_cell,
        None if first is None else pd.Timestamp(first["as_of"]).date(),
        "published" if first is None else str(first["basis"]),
    )


def _published_peers(setup: RoundSetup) -> pd.DataFrame:
    """The latest published year before the round: index and sources."""
    past = published_results(setup)
    past = past[(past["year"] < setup.round.year) & (past["type"] != NATIONAL)]
    past = past[past["year"] == past["year"].max()]
    known = setup.roster.institutions
    sizes = [known[code].size_class if code in known else None for code in past["institution_id"]]
    facts = past[["institution_id", "type", "province_code"]].assign(size_class=sizes)
    figures = [("index", None, "index")]
    figures += [("source_score", source, source) for source in setup.round.sources if source in past]
    parts = [
        facts.assign(measure=measure, source=source, part=None, value=past[column].astype(float))
        for measure, source, column in figures
    ]
    year = past["year"].max() if len(past) else setup.round.year
    day = dt.date(int(year), 12, 31)
    return pd.concat(parts).dropna(subset="value").assign(as_of=day.isoformat(), basis="published")[COLUMNS]


def write_peers(setup: RoundSetup, rows: pd.DataFrame, as_of: dt.date, basis: str) -> pd.DataFrame:
    """Keep the figures of all institutions (KEYS, FACTS, value), rounded as their pages show them, in a fixed order."""
    table = rows.assign(as_of=as_of.isoformat(), basis=basis)[COLUMNS]
    texts = [name for name in COLUMNS if name != "value"]
    table = table.sort_values(texts, na_position="first").reset_index(drop=True)
    table = table.assign(value=_as_on_pages(table)).astype(dict.fromkeys(texts, "str"))
    write_parquet(peers_path(setup), table)
    return table


def _as_on_pages(table: pd.DataFrame) -> pd.Series:
    """Two decimals of index and sources, one of their parts; a rate as a percentage with one."""
    decimals = table["measure"].map({"index": 2, "source_score": 2, RESPONSE: 3}).fillna(1).astype(int)
    return pd.Series([rounded(x, d) for x, d in zip(table["value"], decimals, strict=True)], table.index)
