"""Parquet files, as databases export them, as a grid: the names of the columns are its first row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.grids import Grid


def read_parquet(path: Path) -> list[Grid]:
    """The grid of a Parquet file; cells are what they would be in a spreadsheet: text, number, date or nothing.

    Raises
    ------
    InputError   a column holds lists, structures or bytes: what a cell of a table cannot hold. All of them are named.
    """
    # Alone: a file in a folder named "year=2024" would get a column that it does not hold.
    table = pq.ParquetFile(path).read()
    nested = [f"{name} ({kind})" for name, kind in zip(table.column_names, table.schema.types, strict=True)
              if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)]  # fmt: skip
    if nested:
        raise InputError(
            "columns hold what no cell of a table can hold",
            file=path.name,
            got=", ".join(nested),
            expected="texts, numbers, dates, times, yes or no",
            hint="export these columns as text, or leave them out",
        )
    columns = [_cells(table.column(i)) for i in range(table.num_columns)]
    return [Grid("", [tuple(table.column_names), *zip(*columns, strict=True)], {})]


def _cells(column: pa.ChunkedArray) -> list[object]:
    """The cells of a column; an empty text, and a number that is none, are nothing."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        # Nanoseconds would come as a type of pandas; nobody invites people by the nanosecond.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return [None if cell == "" or cell != cell else cell for cell in column.to_pylist()]
