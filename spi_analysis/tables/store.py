"""The round's store: one Parquet file per table and institution under ``data/<round>/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spi_analysis.errors import StoreError, nearest
from spi_analysis.tables.files import write_parquet, write_record
from spi_analysis.tables.schema import mark_schema, require_readable
from spi_analysis.tables.stored_files import AGAIN, RESTORE, read_record, read_table, table_shape, without_half
from spi_analysis.threads import pd

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
# Tables that a round may well be without: nothing waits for them.
OPTIONAL = {
    "contact_events": "spi import contacts FILES... or spi opt-out",
    "open_responses": "spi import responses FILES..., of an open link (spi poster)",
}
TABLES = WRITTEN_BY | OPTIONAL
# The same for records. What is not here can only be restored.
RECORD_WRITTEN_BY = {
    "frame_imports": WRITTEN_BY["frame"],
    "events_imports": WRITTEN_BY["events"],
    "responses_imports": WRITTEN_BY["responses"],
    "contacts_imports": OPTIONAL["contact_events"],
    "open_links": "spi poster",
}
# A draw is made once; what belongs to it is never made again.
ONCE = ("sample", "draw", "draw_private", "releases", "announcements")
NEVER_AGAIN = f"{RESTORE}: a draw is never repeated"


@dataclass(frozen=True)
class Store:
    """Tables of one round. Opening checks its version, reading that a table is there, writing its contract."""

    root: Path

    def __post_init__(self) -> None:
        require_readable(self.root)

    def path(self, table: str, institution_id: str) -> Path:
        """Where a table of an institution is kept."""
        if table not in TABLES:
            raise StoreError("unknown table", got=table, expected="a table of the store", hint=nearest(table, TABLES))
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
                hint=f"run: {TABLES[table]}",
            )
        return read_table(path, columns, f"the table {table} of {institution_id}", way_out(table))

    def shape(self, table: str, institution_id: str) -> tuple[int, int]:
        """Rows and columns of a table, without reading it."""
        return table_shape(self.path(table, institution_id), f"the table {table} of {institution_id}", way_out(table))

    def read_if_there(self, table: str, institution_id: str) -> pd.DataFrame | None:
        """Read a table, or None where it does not exist yet."""
        return self.read(table, institution_id) if self.has(table, institution_id) else None

    def write(self, table: str, institution_id: str, data: pd.DataFrame) -> Path:
        """Write a table of one institution, whole or not at all."""
        # Here: what only reads or looks whether a table is there needs no contracts, which take long to load.
        from spi_analysis.tables.contracts import CONTRACTS, checked

        if table in CONTRACTS:
            data = checked(table, data, f"{table}/{institution_id}")
        mark_schema(self.root)
        return write_parquet(self.path(table, institution_id), data)

    def institutions(self, table: str) -> list[str]:
        """Institutions that have this table."""
        return sorted(path.stem for path in without_half((self.root / table).glob("*.parquet")))

    def query(self, sql: str) -> pd.DataFrame:
        """Run SQL over the whole round; every table is a view over all institutions.

        Example: ``store.query("select institution_id, source, count(*) from frame group by all")``.
        """
        # Imported where it is used: it has threads of its own, and most processes never ask for it.
        import duckdb

        for table in TABLES:
            if table in sql.casefold():
                self._require_whole(table)
        with duckdb.connect() as connection:
            for table in TABLES:
                # By name, since a pattern would also match what a killed process left half-written.
                files = [str(self.path(table, institution_id)) for institution_id in self.institutions(table)]
                if files:
                    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
                    connection.execute(
                        f"create view {table} as select * from read_parquet([{listed}], union_by_name=true)"
                    )
            return connection.execute(sql).df()

    def _require_whole(self, table: str) -> None:
        """Raise if a file of a table is damaged: the database sees no checksum, and names no file."""
        for institution_id in self.institutions(table):
            self.shape(table, institution_id)

    def write_record(self, name: str, institution_id: str, record: dict[str, Any]) -> Path:
        """Write a JSON record (such as a draw record) of one institution, with a digest of its content."""
        mark_schema(self.root)
        return write_record(self.root / name / f"{institution_id}.json", record)

    def read_record(self, name: str, institution_id: str, check: bool = True) -> dict[str, Any] | None:
        """Read a JSON record, or None where there is none; ``check``: it must be that of its digest."""
        path = self.root / name / f"{institution_id}.json"
        if not path.exists():
            return None
        return read_record(path, f"the record {name} of {institution_id}", way_out(name), check=check)

    def mark_synthetic(self, seed: int) -> None:
        """Say for good that this store holds generated people, not real ones."""
        mark_schema(self.root)
        write_record(self.root / "origin.json", {"synthetic": True, "seed": seed})

    @property
    def is_synthetic(self) -> bool:
        """Whether the store holds a generated round; every page made from it says so."""
        path = self.root / "origin.json"
        return path.exists() and bool(read_record(path, "the mark of generated data", keys=["synthetic"])["synthetic"])


def way_out(name: str) -> str:
    """How to get a table or record back that was damaged."""
    if name in ONCE:
        return NEVER_AGAIN
    command = (TABLES | RECORD_WRITTEN_BY).get(name)
    return f"{AGAIN}{command}" if command else RESTORE
