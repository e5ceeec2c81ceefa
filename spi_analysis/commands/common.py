"""What the commands share: options, opening a round, printing tables."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from spi_analysis.errors import HIDDEN, InputError, NoRows, Problem, nearest

if TYPE_CHECKING:
    import pandas as pd

    from spi_analysis.params import RoundSetup, Workspace
    from spi_analysis.tables import Store, Vault, VaultKey

# Every help of `spi` loads these modules: what reads tables and parameters is imported by the functions that use it.

# Output that goes into a file or a pipe is not squeezed into the width of a terminal.
WIDE = None if sys.stdout.isatty() else 200
# Exit code of an import whose files could be read, and none of whose rows could be used.
NOTHING_USABLE = 3
EXIT_CODES = (
    "Exit codes: 0 rows came in (or were in already); 1 a file or an argument cannot be used; "
    f"{NOTHING_USABLE} the files were read, and not one row could be used: what was imported before is kept."
)
MOST_VALUES = 8
MOST_INSTITUTIONS = 30
# The mapping file of a folder, for all files in it.
MAPPING = "mapping.yaml"
out = Console(width=WIDE)
err = Console(stderr=True, width=None if sys.stderr.isatty() else 200)

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", help="Folder with params/ (default: the one around this folder).")
]
RoundOption = Annotated[
    str | None, typer.Option("--round", envvar="SPI_ROUND", help="Round, such as spi_2024 (default: the only one).")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key-file", help="Vault key (default: SPI_VAULT_KEY or SPI_VAULT_KEY_FILE).")
]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Institutions at a time (default: all cores).")]
Institutions = Annotated[list[str] | None, typer.Argument(help="Institution codes (default: all of the round).")]
Whose = Annotated[
    str | None,
    typer.Option("--institution", help="Refuse rows of all others (default: the token decides)."),
]
Day = Annotated[str | None, typer.Option("--date", help="Day, YYYY-MM-DD (default: today).")]
Files = Annotated[list[Path], typer.Argument(help="Files to read.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would come in; nothing here is changed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome for a program, and nothing else.")]
Mapping = Annotated[Path | None, typer.Option("--mapping", help="YAML with other headers and words.")]


class Reporter(StrEnum):
    """Who says that a number changed, or that somebody objects."""

    person = "person"
    institution = "institution"
    vendor = "vendor"
    operator = "operator"


def open_setup(workspace: Path | None, round_id: str | None, of: Sequence[str] | None = None) -> RoundSetup:
    """Workspace and round that the options name.

    ``of``: the command is about these institutions alone (none: about those whose files it is given), so what is wrong
    with parameters of others is only said.
    """
    from spi_analysis.params import find_workspace, load_setup, the_round

    place = find_workspace(workspace)
    setup = load_setup(place, round_id or the_round(place), of)
    for code, problems in setup.blocked.items():
        err.print(f"warning: {code} takes no part until its parameters are put right", style="yellow", highlight=False)
        for problem in problems:
            err.print(str(problem), style="yellow", markup=False, highlight=False)
    return setup


def open_store(setup: RoundSetup) -> Store:
    """The round's store."""
    from spi_analysis.tables import Store

    return Store(setup.workspace.data / setup.round.round_id)


def open_key(place: Workspace, key_file: Path | None) -> VaultKey:
    """The key that the options or the environment name; in a demo workspace the demo's own."""
    from spi_analysis.tables import FILE_VARIABLE, VARIABLE, VaultKey, demo_key, demo_seed

    seed = demo_seed(place)
    named = key_file or any(os.environ.get(name) for name in (VARIABLE, FILE_VARIABLE))
    return demo_key(seed) if seed is not None and not named else VaultKey.load(place.root, key_file)


def open_vault(place: Workspace, key_file: Path | None) -> Vault:
    """The contact vault."""
    from spi_analysis.tables import Vault

    return Vault.open(place.data / "vault", open_key(place, key_file))


def day_of(text: str | None) -> dt.date:
    """The day that an option names; today where it names none."""
    if text is None:
        return dt.date.today()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError("the date cannot be read", key="--date", got=text, expected="YYYY-MM-DD") from None


def print_words(title: str, rows: Sequence[dict[str, str]]) -> None:
    """Rows of texts as a table on the terminal."""
    grid = Table(title=title, title_justify="left")
    for column in rows[0] if rows else ():
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*map(escape, row.values()))
    out.print(grid)
    out.print()


def print_table(title: str, table: pd.DataFrame, decimals: int = 2) -> None:
    """A table on the terminal; a column ``note`` is printed below it, in full."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    shown = table.drop(columns="note", errors="ignore")
    grid = Table(title=title, title_justify="left")
    for column in shown.columns:
        numeric = is_numeric_dtype(shown[column]) and not is_bool_dtype(shown[column])
        grid.add_column(str(column), justify="right" if numeric else "left", overflow="fold")
    for row in shown.itertuples(index=False):
        grid.add_row(*(escape(_cell(value, decimals)) for value in row))
    out.print(grid)
    for _, row in table.iterrows():
        if row.get("note"):
            out.print(f"{row.iloc[0]}: {row['note']}", markup=False, highlight=False)
    out.print()


def print_rows(title: str, table: pd.DataFrame) -> None:
    """Counts per institution; of more than MOST_INSTITUTIONS the sums, by source where there are sources."""
    several = table["institution_id"].nunique() if len(table) else 0
    if several > MOST_INSTITUTIONS:
        by_source = table.assign(source=table.get("source", "all")).groupby("source", sort=False)
        table, title = by_source.sum(numeric_only=True).reset_index(), f"{title}: {several:,} institutions"
    if len(table):
        print_table(title, table)


def named_files(files: Sequence[Path]) -> list[Path]:
    """The files; in the place of a folder all files in it, of a text file (@lists.txt, one per line) those it names."""
    named: list[Path] = []
    for path in files:
        listing = Path(str(path)[1:])
        if path.is_dir():
            inside = (file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
            named += sorted(file for file in inside if file.name != MAPPING)
        elif str(path).startswith("@") and not path.exists() and listing.is_file():
            named += [Path(line) for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
        else:
            named.append(path)
    return named


def mapping_beside(files: Sequence[Path], mapping: Path | None) -> Path | None:
    """The mapping file that was said, else the one in the folder that was named: it holds for all files there.

    Raises
    ------
    InputError   two folders with a mapping each: which holds for which file cannot be said to one import.
    """
    found = [path / MAPPING for path in files if path.is_dir() and (path / MAPPING).is_file()]
    if mapping is None and len(found) > 1:
        raise InputError(
            "two folders have a mapping of their own", got=", ".join(map(str, found)), expected="one for each import",
            hint="bring in one folder after the other, or name a mapping by --mapping",
        )  # fmt: skip
    if mapping is None and found:
        err.print(f"mapping  {found[0]}", markup=False, highlight=False)
    return mapping or next(iter(found), None)


def existing(files: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """The files that are there, and a problem for each that is not: where it was looked for, and the nearest name.

    Asked for before anything large is loaded: where no file is there, a command says so at once.
    """
    there = [path for path in files if path.exists()]
    missing = [_no_such_file(path) for path in files if path not in there]
    if missing and not there:
        raise InputError(*missing)
    return there, missing


def _no_such_file(path: Path) -> Problem:
    folder = path.parent
    if not folder.is_dir():
        return Problem("there is no such folder", file=str(path), got=str(folder))
    names = [other.name for other in folder.iterdir() if other.is_file() and not other.name.startswith(".")]
    hint = nearest(path.name, names)
    # A file that is like none here is somewhere else; what lies here is of no help.
    return Problem("there is no such file", file=str(path), hint=hint if hint.startswith("did you mean") else "")


def print_issues_of_import(problems: pd.DataFrame) -> None:
    """What was noticed about rows, most frequent first, with the values (masked where they are contacts)."""

    for severity in ("rejected", "flagged"):
        found = problems[(problems["severity"] == severity) & problems["row"].notna()]
        for code in found["code"].value_counts().index:
            rows = found[found["code"] == code]
            # What is masked tells nobody anything here; its place stands in the workbook.
            values = rows["value"].fillna("").loc[lambda v: (v != "") & ~v.str.contains(HIDDEN)].value_counts()
            named = ", ".join(f"{value!r} ({count})" for value, count in values.head(MOST_VALUES).items())
            more = f", and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
            text = f"{len(rows):,} {severity}: {rows['reason_en'].iloc[0]}"
            text += f" Found: {named}{more}" if named else ""
            out.print(text, markup=False, highlight=False)


def finish(failed: Sequence[Problem], written: Sequence[Path], place: Workspace, usable: int | None = None) -> None:
    """Say what was written, and what could not be read; exit code 1 if anything failed.

    ``usable``: how many rows an import took in (None: no import, or all was in already). Where all files could be read
    and none of their rows be used, the exit code is NOTHING_USABLE.
    """
    several = len(set(written)) > 2 * MOST_INSTITUTIONS
    if several:
        out.print(f"written  {len(set(written)):,} files in data/ and outputs/", highlight=False)
    for path in [] if several else dict.fromkeys(written):
        out.print(f"written  {path.relative_to(place.root)}", markup=False, highlight=False)
    for problem in failed:
        err.print(str(problem), style="red", markup=False, highlight=False)
    if (code := exit_code(failed, usable)) == NOTHING_USABLE:
        raise _nothing_usable()
    if code:
        raise typer.Exit(code)


def exit_code(failed: Sequence[Problem], usable: int | None) -> int:
    """0, 1 or NOTHING_USABLE, as the help says."""
    if usable == 0 and all(isinstance(problem, NoRows) for problem in failed):
        return NOTHING_USABLE
    return int(bool(failed))


def _nothing_usable() -> typer.Exit:
    """Said in words, too: a count of 0 in a table is easily passed over."""
    err.print("not one row could be used: nothing came in, and what was imported before is kept", style="red")
    return typer.Exit(NOTHING_USABLE)


@contextmanager
def whole_table(file: Path) -> Iterator[None]:
    """Around the import of a CSV that comes in whole or not at all: a file of which every row is refused holds none."""
    try:
        yield
    except InputError as error:
        if not _rows_of(file) <= {problem.row for problem in error.problems}:
            raise
        err.print(str(error), style="red", markup=False, highlight=False)
        raise _nothing_usable() from None


def _rows_of(file: Path) -> set[int]:
    """Numbers of the rows below the header, as a spreadsheet counts them; of a file that is no CSV row 0."""
    from spi_analysis.params import BrokenText, strict_rows, utf8_text

    try:
        rows = strict_rows(utf8_text(file.read_bytes()))
    except BrokenText:
        return {0}
    return {number for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)}


def _cell(value: object, decimals: int) -> str:
    import pandas as pd

    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:,.{decimals}f}"
    return "" if value is None or value is pd.NaT or value is pd.NA else str(value)


# The issues of `spi check` on the terminal: one block each, what several institutions share said once.

STYLES = {"error": "bold red", "missing": "yellow", "warning": "cyan"}
ANYONE = "<institution>"
SHARED = ["severity", "what", "blocks", "where", "got", "expected", "hint"]


def print_issues(issues: pd.DataFrame) -> None:
    """Every issue as what, where, got, expected, hint; lines are broken between words only."""
    for _, same in _general(issues).groupby(SHARED, sort=False):
        first = same.iloc[0]
        blocks = f" (holds up: {first['blocks']})" if first["blocks"] else ""
        out.print(Text(f"{first['severity']}: ", STYLES[first["severity"]]) + Text(f"{first['what']}{blocks}", ""))
        institutions = ", ".join(dict.fromkeys(code for code in same["institution_id"] if code))
        for name, text in [("for", institutions), *((name, first[name]) for name in SHARED[3:])]:
            if text:
                out.print(Padding(Text(f"{name}: {text}"), (0, 0, 0, 2), expand=False))
    if len(issues):
        out.print()


def _general(issues: pd.DataFrame) -> pd.DataFrame:
    """The issues with the institution's code taken out of the texts, so that equal ones are equal."""
    table = issues.copy()
    for column in ("where", "got", "expected", "hint"):
        table[column] = [
            text.replace(code, ANYONE) if code else text
            for text, code in zip(table[column], table["institution_id"], strict=True)
        ]
    several = table.groupby(SHARED)["institution_id"].transform("nunique") > 1
    # An issue of one institution keeps its own words.
    own = issues.loc[~several, SHARED]
    table.loc[own.index, SHARED] = own
    return table
