"""An intruder with the published folder: every file of it as text and tables, beside what the store hides.

Written from docs/methods/disclosure.md alone: what is hidden is named nowhere with a figure, no count of people below
ten is told, no figure has more digits than the page, and the pages, files and pictures of one house tell the same.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import docx
import openpyxl
import pandas as pd

from spi_analysis.params import RoundSetup
from tests.attack.intruder import FEW, PEOPLE, POINTS, Claim

NUMBER = re.compile(r"^[+\-\u2212]?\d+(?:[.,]\d+)*\s?%?$")
# Headings under which numbers of people stand, in both languages; what is counted there is people.
OF_PEOPLE = re.compile(r"\(n\)|^n$|answered|invited|people|jawaban|diundang|orang|^number$|menjawab", re.IGNORECASE)
OF_OTHERS = re.compile(
    r"institution|instansi|acted|bertindak|share|rate|tingkat|bagian|interval|rentang|^level$", re.IGNORECASE
)
# Of a difference over its error; neither follows from it.
OF_TESTS = ("p_value", "p_adjusted")
# Tables of what is to be done: a unit stands there as the one that does it.
OF_ACTIONS = ("action_plan", "rencana_aksi")


@dataclass
class Row:
    """A row of a table of any file: the headings of the table and the cells."""

    file: str
    heads: list[str]
    cells: list[str]


class _Tables(HTMLParser):
    """The tables of a page, as rows of texts; and all of its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.text: list[str] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(data)


def _from_csv(path: Path) -> list[list[list[str]]]:
    return [list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))]


def _from_xlsx(path: Path) -> list[list[list[str]]]:
    sheets = openpyxl.load_workbook(path)
    return [[["" if c is None else str(c) for c in row] for row in sheet.values] for sheet in sheets]


def _from_docx(path: Path) -> list[list[list[str]]]:
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in docx.Document(str(path)).tables]


def _from_html(path: Path) -> list[list[list[str]]]:
    parser = _Tables()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.tables


READERS: dict[str, Callable[[Path], list[list[list[str]]]]] = {
    ".csv": _from_csv, ".xlsx": _from_xlsx, ".docx": _from_docx, ".html": _from_html,
}  # fmt: skip


@dataclass(frozen=True)
class House:
    """What an intruder holds of one institution, and (``hidden``, ``shown``, ``labels``) what is used to judge it."""

    institution_id: str
    rows: list[Row]
    hidden: pd.DataFrame
    shown: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)


def rows_of(folder: Path) -> list[Row]:
    """The rows of all tables below a folder."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in READERS):
        for table in READERS[path.suffix](path):
            heads = table[0] if table else []
            found += [Row(str(path.relative_to(folder)), heads, cells) for cells in table[1:]]
    return found


def house(folder: Path, setup: RoundSetup, institution_id: str, estimates: pd.DataFrame) -> House:
    """All that was published of an institution; hidden units, dimensions and items by the words of the pages."""
    hidden = estimates[estimates["status"] != "shown"]
    shown = estimates[estimates["status"] == "shown"]
    return House(institution_id, rows_of(folder / institution_id), hidden, shown, _words(setup))


def _words(setup: RoundSetup) -> dict[str, str]:
    """Words of dimensions and items in all languages -> code."""
    found = {}
    for part in setup.instrument.sources.values():
        for dimension in part.dimensions:
            found |= dict.fromkeys(dimension.label.by_language().values(), dimension.code)
            for item in dimension.items:
                found |= dict.fromkeys(item.text.by_language().values(), item.code)
    return found


def _numbers(row: Row) -> list[tuple[str, str]]:
    pairs = zip([*row.heads, *[""] * len(row.cells)], row.cells, strict=False)
    return [(head, cell.strip()) for head, cell in pairs if NUMBER.match(cell.strip())]


def hidden_beside_a_figure(one: House) -> Iterator[Claim]:
    """A hidden unit or dimension, by its code or its words, in a row that has a figure."""
    parts = set(one.hidden.loc[one.hidden["measure"] == "dimension_score", "part"].dropna())
    for row in one.rows:
        if any(name in row.file for name in OF_ACTIONS):
            continue
        names = _hidden_names(one, next((s for s in ("internal", "external") if f"units_{s}" in row.file), None))
        words = {cell.strip().removeprefix("'") for cell in row.cells}
        bare = {re.sub(r" \([^)]*\)$", "", word) for word in words} | words
        found = {w for w in bare if w in names or w in parts or one.labels.get(w) in parts}
        if found and (told := [cell for head, cell in _numbers(row) if not OF_OTHERS.search(head)]):
            yield Claim("hidden beside a figure", f"{row.file} {sorted(found)} {told}", 0.0, 0.0, POINTS, 0.0)


def _hidden_names(one: House, source: str | None) -> set[str]:
    """Units and classes that are hidden: of a source, or (where a table does not say of which) of all."""
    groups = [rows[rows["measure"].isin(["unit_score", "class_score"])] for rows in (one.hidden, one.shown)]
    hidden, shown = (set(g.loc[(g["source"] == source) | (source is None), "domain"].dropna()) for g in groups)
    return hidden - shown


def few_people(one: House) -> Iterator[Claim]:
    """A number of people below ten, other than that of a panel, whose threshold is its own."""
    for row in one.rows:
        if any(re.search(r"expert|eksper|narasumber", cell, re.IGNORECASE) for cell in row.cells):
            continue
        for head, cell in _numbers(row):
            if OF_PEOPLE.search(head) and not OF_OTHERS.search(head) and cell.isdigit() and 0 < int(cell) < FEW:
                yield Claim("few people", f"{row.file} {row.cells[:2]} {head}", int(cell), int(cell), PEOPLE, int(cell))


def digits(one: House) -> Iterator[Claim]:
    """More digits in a file than a page shows: two decimals, three of a share."""
    for row in [row for row in one.rows if not row.file.endswith((".html", ".docx"))]:
        for head, cell in _numbers(row):
            places = len(cell.partition(".")[2])
            if head not in OF_TESTS and places > (3 if abs(float(cell)) <= 1 else 2):
                yield Claim("too many digits", f"{row.file} {head} {cell}", 0.0, 0.0, POINTS, 0.0)


def disagreements(one: House) -> Iterator[Claim]:
    """The same heading of the same row with other figures in another file of the language: what both tell is more."""
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for row in one.rows:
        table = Path(row.file).name.split(".")[0]
        language = ".id." in row.file
        for head, cell in _numbers(row):
            key = (table, str(language), *(c for c in row.cells if not NUMBER.match(c.strip()) and c), head)
            known = seen.setdefault(key, (row.file, cell))
            if known[0] != row.file and head and _value(known[1]) != _value(cell):
                yield Claim("files disagree", f"{known} {row.file} {cell}", 0.0, 0.0, POINTS, 0.0)


def _value(cell: str) -> float:
    plain = cell.rstrip("% ").replace("\u2212", "-").replace(",", ".")
    return round(float(plain), 3) if plain.count(".") <= 1 else float("nan")


FILES: tuple[Callable[[House], Iterator[Claim]], ...] = (hidden_beside_a_figure, few_people, digits, disagreements)
