"""The published results of past years: read from a file, kept, and given as a table without what is withheld.

Beside them, in a demo, the generated results of the round before, of which nothing else was published than the index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import (
    NAMED_CORRECTIONS,
    NATIONAL,
    InstitutionType,
    RoundSetup,
    Workspace,
    read_csv_table,
    uneven_rows,
)
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.stored_files import AGAIN, read_table
from spi_analysis.threads import np, pd

# One name per institution, whatever the year wrote.

_ABBREVIATIONS = {
    "kab": "kabupaten",
    "prov": "provinsi",
    "kem": "kementerian",
    "kemen": "kementerian",
    "kemenko": "kementerian koordinator",
}
_SET_ASIDE = {"pemerintah", "pemda", "pemkot", "pemkab"}


def institution_slug(name: str) -> str:
    """The name without case, punctuation, bracketed abbreviations and "Pemerintah", words joined by hyphens.

    ``"PEMERINTAH KOTA MOJOKERTO"`` and ``"Kota Mojokerto"`` become ``kota-mojokerto``;
    ``"Kab. Probolinggo"`` becomes ``kabupaten-probolinggo``: a kabupaten and a kota of
    the same name stay apart.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", " ", re.sub(r"\(.*?\)", " ", plain)).split()
    kept = [_ABBREVIATIONS.get(word, word) for word in words if word not in _SET_ASIDE]
    return "-".join("-".join(kept).split())


def institution_ids(names: pd.Series, aliases: dict[str, str]) -> pd.Series:
    """Slugs of all names, renamed institutions brought to their present one."""
    slugs = names.map({name: institution_slug(name) for name in names.unique()})
    return slugs.map(lambda slug: aliases.get(slug, slug)).rename("institution_id")


PUBLISHED_PARTS = [*PUBLISHED_SOURCES, *NAMED_CORRECTIONS]
COLUMNS = ["year", "institution", "type", "province_code", "index", *PUBLISHED_PARTS]
TYPES = (*get_args(InstitutionType), NATIONAL)
# Codes of provinces in Indonesia have two digits and begin with that of the island (1 to 9).
PROVINCE = r"[1-9]\d"
COMMAS = "this column, divided from others by commas"


def load_published(path: Path | str, aliases: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read published results (CSV) into the table ``published``.

    Parameters
    ----------
    path : CSV with the columns year, institution, type, province_code, index, internal, external,
        expert, correction_conduct, correction_facts; parts may be empty
    aliases : mapping   other slug -> present slug, for renamed institutions

    Returns
    -------
    DataFrame, one row per institution and year, with ``institution_id``; the national row keeps the
    type "nasional".

    Raises
    ------
    InputError   no table in UTF-8 with rows, missing columns, rows that do not fit the header, figures that are not
        numbers or outside 0-100, unknown types or province codes, one institution twice in a year.
    """
    name = Path(path).name
    given = read_csv_table(Path(path), InputError, name)
    absent = [column for column in COLUMNS if column not in given.header]
    if absent:
        raise InputError(
            *(
                Problem("a column is missing", name, 1, c, expected=COMMAS, hint=nearest(c, given.header))
                for c in absent
            )
        )
    problems = uneven_rows(given, name)
    numbers = [number for number, _ in given.rows]
    raw = pd.DataFrame([row for _, row in given.rows], index=numbers, dtype=str)[COLUMNS]
    raw = raw.drop(index=[number for number, _ in given.uneven])
    table = raw.apply(lambda column: column.str.strip())
    table = table.assign(institution_id=institution_ids(table["institution"], dict(aliases or {})))
    for column in ["year", "index", *PUBLISHED_PARTS]:
        table[column], bad = _numbers(table[column], column, name, blank_allowed=column in PUBLISHED_PARTS)
        problems += bad
    problems += [*_words(table, name), *_repeats(table, name)]
    if problems:
        raise InputError(*problems)
    table = table.reset_index(drop=True)
    table["year"] = table["year"].astype(int)
    table["province_code"] = table["province_code"].replace("", None)
    return table[["year", "institution", "institution_id", *COLUMNS[2:]]]


def published_results(setup: RoundSetup) -> pd.DataFrame:
    """Published results of past years: the imported table, else the figures that the project carries."""
    imported, carried = _published_files(setup.workspace)
    if imported.exists():
        table = read_table(imported, None, "the table of published results", f"{AGAIN}spi import published FILE")
        return without_withheld(table, setup)
    if not carried.exists():
        from spi_analysis.tables.contracts import CONTRACTS, checked

        return checked("published", pd.DataFrame(columns=list(CONTRACTS["published"].columns), dtype=object))
    return without_withheld(load_published(carried, setup.aliases.present), setup)


def has_published(workspace: Workspace) -> bool:
    """Whether there are results of past years; a survey that is new has none, and so no overview of them."""
    return any(path.exists() for path in _published_files(workspace))


def _published_files(workspace: Workspace) -> tuple[Path, Path]:
    """The imported table, and the one that the project carries."""
    return workspace.data / "published.parquet", workspace.params / "published.csv"


def without_withheld(published: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """Published results without what this round withholds by decision: tables of published years may still carry it."""
    withheld = [i for i, inputs in setup.inputs.items() if inputs.release == "withheld"]
    gone = (published["year"] == setup.round.year) & published["institution_id"].isin(withheld)
    return published[~gone].reset_index(drop=True)


def published_history(published: pd.DataFrame, institution_id: str) -> pd.DataFrame:
    """All published rows of one institution, by year."""
    return published[published["institution_id"] == institution_id].sort_values("year").reset_index(drop=True)


def import_published(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read a file of published results and keep it as ``data/published.parquet``; gives the table."""
    from spi_analysis.tables.contracts import checked

    table = checked("published", load_published(path, setup.aliases.present), path.name)
    write_parquet(setup.workspace.data / "published.parquet", table)
    return table


def _numbers(column: pd.Series, name: str, file: str, *, blank_allowed: bool) -> tuple[pd.Series, list[Problem]]:
    blank = (column == "").to_numpy()
    values = pd.to_numeric(column.where(~blank), errors="coerce")
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    low, high = (2000, 2100) if name == "year" else (0, 100)
    expected = f"{low} to {high}"
    usable = (numbers >= low) & (numbers <= high)
    if name == "year":
        usable &= numbers % 1 == 0
        expected = f"a whole number, {expected}"
    bad = ~(usable | (blank & blank_allowed))
    problems = [
        Problem("not a usable figure", file, int(row), name, got=column[row] or "nothing", expected=expected)
        for row in column.index[bad]
    ]
    return values, problems


def _words(table: pd.DataFrame, file: str) -> list[Problem]:
    """Blank names, unknown types and province codes; the national row has no province."""
    codes = table["province_code"]
    checks = [
        ("institution", table["institution_id"] == "", "the name of an institution"),
        ("type", ~table["type"].isin(TYPES), ", ".join(TYPES)),
        ("province_code", (codes != "") & ~codes.str.fullmatch(PROVINCE), "two digits, or nothing"),
    ]
    return [
        Problem(
            f"not a usable {column.replace('_', ' ')}",
            file,
            int(row),
            column,
            got=table.loc[row, column] or "nothing",
            expected=expected,
            hint=nearest(table.loc[row, column], TYPES) if column == "type" else "",
        )
        for column, bad, expected in checks
        for row in table.index[bad]
    ]


def _repeats(table: pd.DataFrame, file: str) -> list[Problem]:
    twice = table.duplicated(["year", "institution_id"])
    return [
        Problem(
            "an institution is there twice in a year",
            file,
            int(row),
            "institution",
            got=f"{table.loc[row, 'institution']} ({table.loc[row, 'year']})",
            expected="one row per institution and year",
        )
        for row in table.index[twice]
    ]


# What the round before found: dimensions and questions, which nobody published; generated by a demo, absent elsewhere.

LAST_COLUMNS = [
    "institution_id", "reference_year", "measure", "source", "part", "estimate", "se", "df_design", "n",
]  # fmt: skip


def last_results_path(setup: RoundSetup) -> Path:
    """Where the results of the generated round before this one lie; only a demo has one."""
    return setup.workspace.data / f"last_results_{setup.round.round_id}.parquet"


def write_last_results(setup: RoundSetup, rows: pd.DataFrame) -> None:
    """Keep generated results of the round before (LAST_COLUMNS), in a fixed order."""
    write_parquet(last_results_path(setup), rows[LAST_COLUMNS].sort_values(LAST_COLUMNS[:5], ignore_index=True))


def generated_last_results(setup: RoundSetup) -> pd.DataFrame:
    """The same, read; no rows where there are none."""
    path = last_results_path(setup)
    if not path.exists():
        return pd.DataFrame(columns=LAST_COLUMNS)
    return read_table(path, LAST_COLUMNS, "the generated results of the round before", "spi demo")
