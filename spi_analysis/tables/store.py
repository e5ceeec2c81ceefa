"""The round's store: one Parquet file per table and institution under ``data/<round>/``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from spi_analysis.errors import StoreError, nearest
from spi_analysis.tables.contracts import CONTRACTS, checked
from spi_analysis.tables.files import write_json, write_parquet

# Which command writes a table; the hint of the error when it is missing.
WRITTEN_BY = {
    "frame": "spi import frame FILES...",
    "sample": "spi draw",
    "events": "spi import events FILES...",
    "responses": "spi import responses FILES...",
    "weights": "spi run --notebook 30",
    "replicates": "spi run --notebook 30",
    "estimates": "spi run --notebook 40",
}


@dataclass(frozen=True)
class Store:
    """Tables of one round. Reading checks that a table is there; writing checks its contract."""

    root: Path

    def path(self, table: str, institution_id: str) -> Path:
        """Where a table of an institution is kept."""
        if table not in WRITTEN_BY:
            raise StoreError(
                "unknown table", got=table, expected="a table of the store", hint=nearest(table, WRITTEN_BY)
            )
        return self.root / table / f"{institution_id}.parquet"

    def has(self, table: str, institution_id: str) -> bool:
        """Whether the table is there."""
        return self.path(table, institution_id).exists()

    def read(self, table: str, institution_id: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read a table of one institution, or some of its columns."""
        path = self.path(table, institution_id)
        if not path.exists():
            raise StoreError(
                f"the table {table} of {institution_id} is missing",
                file=f"data/{self.root.name}/{table}/{path.name}",
                expected="a table written earlier in the round",
                hint=f"run: {WRITTEN_BY[table]}",
            )
        # Not by pandas' reader, which is made for folders of files and takes a third longer for one small file.
        with pq.ParquetFile(path) as file:
            return file.read(columns, use_threads=False).to_pandas(use_threads=False)

    def shape(self, table: str, institution_id: str) -> tuple[int, int]:
        """Rows and columns of a table, without reading it."""
        facts = pq.read_metadata(self.path(table, institution_id))
        return facts.num_rows, facts.num_columns

    def read_if_there(self, table: str, institution_id: str) -> pd.DataFrame | None:
        """Read a table, or None where it does not exist yet."""
        return self.read(table, institution_id) if self.has(table, institution_id) else None

    def write(self, table: str, institution_id: str, data: pd.DataFrame) -> Path:
        """Write a table of one institution, whole or not at all."""
        if table in CONTRACTS:
            data = checked(table, data, f"{table}/{institution_id}")
        return write_parquet(self.path(table, institution_id), data)

    def institutions(self, table: str) -> list[str]:
        """Institutions that have this table."""
        # A name with a dot in front was left half-written by a killed process.
        files = (self.root / table).glob("*.parquet")
        return sorted(path.stem for path in files if not path.name.startswith("."))

    def query(self, sql: str) -> pd.DataFrame:
        """Run SQL over the whole round; every table is a view over all institutions.

        Example: ``store.query("select institution_id, source, count(*) from frame group by all")``.
        """
        # Imported where it is used: it has threads of its own, and most processes never ask for it.
        import duckdb

        with duckdb.connect() as connection:
            for table in WRITTEN_BY:
                # By name, since a pattern would also match what a killed process left half-written.
                files = [str(self.path(table, institution_id)) for institution_id in self.institutions(table)]
                if files:
                    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
                    connection.execute(
                        f"create view {table} as select * from read_parquet([{listed}], union_by_name=true)"
                    )
            return connection.execute(sql).df()

    def write_record(self, name: str, institution_id: str, record: dict[str, Any]) -> Path:
        """Write a JSON record (such as a draw record) of one institution."""
        return write_json(self.root / name / f"{institution_id}.json", record)

    def read_record(self, name: str, institution_id: str) -> dict[str, Any] | None:
        """Read a JSON record, or None where there is none."""
        path = self.root / name / f"{institution_id}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def mark_synthetic(self, seed: int) -> None:
        """Say for good that this store holds generated people, not real ones."""
        write_json(self.root / "origin.json", {"synthetic": True, "seed": seed})

    @property
    def is_synthetic(self) -> bool:
        """Whether the store holds a generated round; every page made from it says so."""
        path = self.root / "origin.json"
        return path.exists() and bool(json.loads(path.read_text(encoding="utf-8"))["synthetic"])
