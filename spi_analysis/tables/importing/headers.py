"""Which row is the header, and which column holds which field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import NamedTuple

from openpyxl.utils import get_column_letter

from spi_analysis.errors import HIDDEN, Problem
from spi_analysis.params import HeaderRules, normalised
from spi_analysis.tables import likeness, text_of
from spi_analysis.tables.importing.readers import Sheet


@dataclass(frozen=True)
class Header:
    """What was found: ``row`` is the index of the last header row, ``columns`` field -> column index.

    ``guessed`` are the fields whose header was misspelt, ``unused`` the columns that mean nothing to us. What stands
    above those may be anything, a person's name where a row of data was taken for the header: it is never shown.
    """

    row: int
    labels: tuple[str, ...]
    columns: dict[str, int]
    guessed: tuple[str, ...]
    unused: tuple[int, ...]
    problems: tuple[Problem, ...]

    def label(self, field: str) -> str:
        """The header of a field as it stands in the file."""
        return self.labels[self.columns[field]] if field in self.columns else ""

    def shown(self, column: int) -> str:
        """A column as it may be named in a message: by its label if we know that word, else by its letter."""
        letter = get_column_letter(column + 1)
        return f"{letter} ({HIDDEN})" if column in self.unused else self.labels[column]


class _Match(NamedTuple):
    field: str
    exact: bool


class HeaderWords:
    """The words of all fields, ready to be looked up. Fields in ``strict`` must be spelt as they are (item codes)."""

    def __init__(
        self, fields: Mapping[str, Sequence[str]], rules: HeaderRules, strict: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.rules = rules
        self.fields = dict(fields)
        self._loose = {_joined(word): field for field, words in fields.items() for word in (field, *words)}
        self._exact = self._loose | {
            _joined(w): field for field, words in (strict or {}).items() for w in (field, *words)
        }

    def knowing(self, names: Mapping[str, str]) -> HeaderWords:
        """These words, and what a platform's headings mean."""
        more = copy(self)
        more._exact = self._exact | {_joined(label): field for label, field in names.items()}
        return more

    def exact(self, label: str) -> str | None:
        """The field of a header that is spelt as expected; remarks in brackets do not count."""
        for form in (label, re.sub(r"\(.*?\)|\*", "", label)):
            if field := self._exact.get(_joined(form)):
                return field
        return None

    def nearest(self, label: str) -> list[str]:
        """The fields whose words are nearest to a misspelt header; more than one if equally near."""
        text = _joined(re.sub(r"\(.*?\)", "", label))
        if len(text) < self.rules.min_length:
            return []
        near: dict[str, float] = {}
        for word, field in self._loose.items():
            if self._may_be_near(text, word):
                near[field] = max(near.get(field, 0.0), likeness(text, word))
        best = max(near.values(), default=0.0)
        return [field for field, value in near.items() if value == best] if best >= self.rules.similarity else []

    def _may_be_near(self, text: str, word: str) -> bool:
        room = (1 - self.rules.similarity) * max(len(text), len(word))
        same_digits = re.findall(r"\d", text) == re.findall(r"\d", word)
        return abs(len(text) - len(word)) <= room and same_digits and len(word) >= self.rules.min_length


def find_header(sheet: Sheet, words: HeaderWords) -> Header | None:
    """The header among the first rows: the row, or two rows one above the other, that names the most fields.

    None if no row names at least ``min_matches`` fields. Exports of a known platform have it in their first row.
    """
    if sheet.told.platform:
        return _resolved(sheet, 0, _labels(sheet.rows[0]), words.knowing(sheet.told.names))
    candidates = list(_candidates(sheet, words))
    best = max(candidates, key=lambda candidate: _exact_fields(candidate[1], words), default=None)
    if best is None or _exact_fields(best[1], words) < words.rules.min_matches:
        best = max(candidates, key=lambda candidate: len(_matches(candidate[1], words)), default=None)
    if best is None:
        return None
    header = _resolved(sheet, *best, words)
    return header if len(header.columns) + len(header.problems) >= words.rules.min_matches else None


def _candidates(sheet: Sheet, words: HeaderWords) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Index of the last header row and the labels, for single rows first and then for pairs of rows."""
    rows = [_labels(row) for row in sheet.rows[: words.rules.search_rows + 1]]
    yield from enumerate(rows[: words.rules.search_rows])
    for i, (top, sub) in enumerate(pairwise(rows)):
        if any(top) and any(sub):
            yield i + 1, _stacked(top, sub, words)


def _labels(row: Iterable[object]) -> tuple[str, ...]:
    return tuple(text_of(cell) if isinstance(cell, str) else "" for cell in row)


def _stacked(top: tuple[str, ...], sub: tuple[str, ...], words: HeaderWords) -> tuple[str, ...]:
    """Labels of a header of two rows: "Masa kerja" over "Tahun" are one, "Email" below "Kontak" says enough alone."""
    above, labels = "", []
    for here, below in zip_longest(top, sub, fillvalue=""):
        above = here or (above if below else "")
        both = f"{above} {below}".strip()
        labels.append(below if words.exact(below) and not words.exact(both) else both)
    return tuple(labels)


def _exact_fields(labels: tuple[str, ...], words: HeaderWords) -> int:
    return len({field for label in labels if label and (field := words.exact(label)) not in (None, "ignored")})


def _matches(labels: tuple[str, ...], words: HeaderWords) -> dict[int, list[_Match]]:
    """Column -> the fields its header may mean."""
    found: dict[int, list[_Match]] = {}
    for i, label in enumerate(labels):
        if not label:
            continue
        field = words.exact(label)
        near = [_Match(field, True)] if field else [_Match(name, False) for name in words.nearest(label)]
        if near:
            found[i] = near
    return found


def _resolved(sheet: Sheet, row: int, labels: tuple[str, ...], words: HeaderWords) -> Header:
    matches = _matches(labels, words)
    columns: dict[str, int] = {}
    problems = [_two_meanings(sheet, row, labels, i, near) for i, near in matches.items() if len(near) > 1]
    claims: dict[str, list[int]] = {}
    for exact in (True, False):
        for i, near in matches.items():
            if (
                len(near) == 1
                and near[0].exact == exact
                and near[0].field != "ignored"
                and near[0].field not in columns
            ):
                claims.setdefault(near[0].field, []).append(i)
        # A header spelt as expected wins over a misspelt one.
        columns |= {field: where[0] for field, where in claims.items()}
    problems += [_two_columns(sheet, row, labels, f, where) for f, where in claims.items() if len(where) > 1]
    ignored = {i for i, near in matches.items() if near[0].field == "ignored"}
    used = ignored | set(columns.values())
    return Header(
        row=row,
        labels=labels,
        columns=columns,
        guessed=tuple(field for field, i in columns.items() if not matches[i][0].exact),
        unused=tuple(i for i, label in enumerate(labels) if label and i not in used),
        problems=tuple(problems),
    )


def _two_columns(sheet: Sheet, row: int, labels: tuple[str, ...], field: str, where: list[int]) -> Problem:
    names = " and ".join(f"{get_column_letter(i + 1)} ({labels[i]!r})" for i in where)
    return Problem(
        f"several columns could be {field}",
        file=sheet.file,
        row=row + 1,
        column=names,
        key=f"sheet {sheet.name}" if sheet.name else "",
        expected=f"one column for {field}",
        hint="rename or remove one, or list its header under fields.ignored in a mapping file",
    )


def _two_meanings(sheet: Sheet, row: int, labels: tuple[str, ...], i: int, near: list[_Match]) -> Problem:
    return Problem(
        "the header could mean several things",
        file=sheet.file,
        row=row + 1,
        column=f"{get_column_letter(i + 1)} ({labels[i]!r})",
        key=f"sheet {sheet.name}" if sheet.name else "",
        expected=" or ".join(match.field for match in near),
        hint="write the header in full, or list it under fields in a mapping file",
    )


def missing_columns(
    sheet: Sheet, header: Header, required: Iterable[Sequence[str]], words: HeaderWords
) -> list[Problem]:
    """One problem that lists every required column that was not found, with the nearest header of the file."""
    absent = [group for group in required if not any(field in header.columns for field in group)]
    if not absent:
        return []
    found = [header.shown(i) for i, label in enumerate(header.labels) if label]
    hints = [f"{group[0]}: {hint}" for group in absent if (hint := _nearest_label(group, header, words))]
    return [
        Problem(
            "required columns are missing",
            file=sheet.file,
            row=header.row + 1,
            key=f"sheet {sheet.name}" if sheet.name else "",
            got="columns " + ", ".join(found),
            expected="; ".join(_named(group, words) for group in absent),
            hint="; ".join(hints) or "name the headers in a mapping file (--mapping)",
        )
    ]


def _named(group: Sequence[str], words: HeaderWords) -> str:
    """A required field with the words it is known by."""
    known = [word for field in group for word in words.fields.get(field, ())[:3]]
    return f"{' or '.join(group)} (such as {', '.join(known)})"


def _nearest_label(group: Sequence[str], header: Header, words: HeaderWords) -> str:
    """The unused header that comes nearest to a field, however far."""
    known = [_joined(word) for field in group for word in words.fields.get(field, ())]
    near = {i: max((likeness(_joined(header.labels[i]), w) for w in known), default=0) for i in header.unused}
    best = max(near, key=lambda i: near[i], default=None)
    return f"nearest is column {get_column_letter(best + 1)}" if best is not None and near[best] > 0.5 else ""


def _joined(text: str) -> str:
    return normalised(text).replace(" ", "")
