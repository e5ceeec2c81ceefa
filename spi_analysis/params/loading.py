"""YAML and CSV into validated models; all problems are raised as one ParameterError."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from spi_analysis.errors import ParameterError, Problem, SpiError, nearest

# Delimited text into rows, numbered as in a spreadsheet; errors name their row.

QUOTE_HINT = "look for a quotation mark in this row that opens a cell and is not closed"
SAVE_AGAIN = "open it in a spreadsheet program and save it again as CSV (UTF-8)"


class BrokenText(ValueError):
    """Text that is not a table. ``row`` is the row as a spreadsheet numbers it."""

    def __init__(self, what: str, row: int | None = None, got: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.row, self.got, self.expected, self.hint = what, row, got, expected, hint

    @property
    def fields(self) -> dict[str, object]:
        """The fields of a `Problem` besides what and where."""
        return {"row": self.row, "got": self.got, "expected": self.expected, "hint": self.hint}


class CsvTable(NamedTuple):
    """Header and rows of a CSV; ``uneven`` says which rows do not fit the header, by their number."""

    header: list[str]
    rows: list[tuple[int, dict[str, str]]]
    uneven: list[tuple[int, int]]


def utf8_text(content: bytes) -> str:
    """Bytes as UTF-8 text, with or without a byte-order mark; anything else is refused with its row."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BrokenText("the file is not in UTF-8", got="UTF-16", expected="UTF-8", hint=SAVE_AGAIN)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row, byte = _row_at(content, error.start), content[error.start]
        raise BrokenText("the file is not in UTF-8", row, f"byte 0x{byte:02x}", "UTF-8", SAVE_AGAIN) from None
    refuse_nul(text)
    return text


def refuse_nul(text: str) -> None:
    """Text with a NUL character is a damaged or a binary file."""
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise BrokenText("the text holds a NUL character", row, expected="a text file", hint=SAVE_AGAIN)


def lines_of(text: str) -> io.StringIO:
    """The lines for the csv module: only real line ends divide rows, never other line breaks of Unicode.

    Old Macs ended lines with a carriage return; where there is a newline, a lone carriage return is none.
    """
    return io.StringIO(text, newline="\n" if "\n" in text else "")


def strict_rows(text: str, delimiter: str = ",") -> list[list[str]]:
    """All rows of a delimited text.

    Raises
    ------
    BrokenText   a quotation mark is not closed (or closed too late, so that it swallows rows), a cell is too long,
        or a line break stands in a cell without quotation marks; names the row where it begins.
    """
    reader = csv.reader(lines_of(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    widest = 0
    # A row of one line holds no line break, unless carriage returns stand alone somewhere.
    returns = text.count("\r") > text.count("\r\n")
    while True:
        before = reader.line_num
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _broken(str(error), len(rows) + 1) from None
        if row is None:
            return rows
        if (returns or reader.line_num > before + 1) and any(
            _swallowed(cell, delimiter, widest or len(row)) for cell in row
        ):
            raise BrokenText(
                "a cell holds whole rows", len(rows) + 1, "a cell with line breaks and delimiters", hint=QUOTE_HINT
            )
        widest = max(widest, len(row))
        rows.append(row)


def _swallowed(cell: str, delimiter: str, columns: int) -> bool:
    """Whether a quoted cell holds as many delimiters as a row, which means that a quotation mark was not closed."""
    return ("\n" in cell or "\r" in cell) and cell.count(delimiter) >= max(2, columns - 1)


def _broken(said: str, row: int) -> BrokenText:
    if "field limit" in said:
        limit = f"at most {csv.field_size_limit():,} characters"
        return BrokenText("a cell is too long", row, "a cell that does not end", limit, QUOTE_HINT)
    if "new-line" in said:
        hint = "remove the line break, or put the cell in quotation marks"
        return BrokenText("a line break stands inside a cell", row, "a lone carriage return", hint=hint)
    return BrokenText(
        "a quotation mark is not closed", row, said, "cells with quotation marks on both sides", QUOTE_HINT
    )


def csv_table(content: bytes) -> CsvTable:
    """A CSV in UTF-8 with a header; blank rows are left out.

    Raises
    ------
    BrokenText   another encoding, broken quotation marks, no header, a column twice, or no row below the header.
    """
    rows = strict_rows(utf8_text(content))
    header = [cell.strip() for cell in rows[0]] if rows else []
    if not any(header):
        raise BrokenText("the file is empty", expected="a header row and rows below it")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BrokenText("a column is there twice", 1, ", ".join(twice), "each column once")
    numbered = [(number, row) for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]
    if not numbered:
        raise BrokenText("the file holds no rows below its header", 1, "a header alone", "at least one row")
    uneven = [(number, len(row)) for number, row in numbered if len(row) != len(header)]
    cells = [(number, dict(zip(header, [*row, *[""] * len(header)], strict=False))) for number, row in numbered]
    return CsvTable(header, cells, uneven)


def _row_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


Model = TypeVar("Model", bound=BaseModel)


# Keys of files of earlier versions, and their replacements.
RETIRED_KEYS = {
    "target": "targets stand in params/targets.csv, one row per institution (or nasional), year and source",
    "national_target": "targets stand in params/targets.csv, one row per year and source, institution_id nasional",
    "unexplained_deduction": "now called other_correction",
    "nonresponse": "the weighting is a list of steps now (docs/upgrading.md); run: spi upgrade",
    "rake": "the weighting is a list of steps now (docs/upgrading.md); run: spi upgrade",
    "trim": "the weighting is a list of steps now (docs/upgrading.md); run: spi upgrade",
}


class Wrong(ValueError):
    """Raised by a model's own check; `validate` turns it into a Problem with file and key.

    ``key``: below the model that was being checked.
    """

    def __init__(self, what: str, got: object, expected: object, hint: str = "", key: str = "") -> None:
        super().__init__(what)
        self.what, self.got, self.expected, self.hint, self.key = what, _short(got), str(expected), hint, key


# The C reader, where PyYAML has it, is ten times faster.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that refuses a key given twice (YAML itself silently keeps the last)."""


def _mapping_without_repeats(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key, (key_node, _) in zip(keys, node.value, strict=True):
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is given more than once", key_node.start_mark
            )
    return loader.construct_mapping(node, deep=True)


def _date(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value} is no date of the calendar", node.start_mark
        ) from None


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_repeats)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def read_yaml(path: Path, shown_as: str | None = None) -> dict[str, Any]:
    """Read a YAML mapping; errors name the file and the line."""
    shown = shown_as or shown_path(path)
    text = _text(path, shown)
    try:
        data = copy.deepcopy(_parsed(text))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ParameterError(
            "the file is not valid YAML",
            file=shown,
            row=_row_of(error, text),
            got=_short(getattr(error, "problem", "") or getattr(error, "reason", "") or type(error).__name__),
            expected="keys and values, each key once",
        ) from None
    if not isinstance(data, dict):
        raise ParameterError("the file holds no keys", file=shown, got=type(data).__name__, expected="key: value lines")
    return data


@lru_cache(maxsize=128)
def _parsed(text: str) -> Any:
    """What a text says. The same text is parsed once in a process, which takes ten times as long as a copy."""
    return yaml.load(text, Loader=_Loader)


def _row_of(error: Exception, text: str) -> int | None:
    """The line of an error of the YAML reader."""
    mark = getattr(error, "problem_mark", None)
    if mark:
        return int(mark.line) + 1
    position = getattr(error, "position", None)
    return None if position is None else text.count("\n", 0, position) + 1


def _content(path: Path, shown: str, error: type[SpiError]) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        others = sorted(p.stem for p in path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
        raise error("the file does not exist", file=shown, hint=nearest(path.stem, others)) from None
    except OSError as failure:
        got = "a folder" if path.is_dir() else type(failure).__name__
        raise error("the file cannot be read", file=shown, got=got, expected="a file that may be read") from None


def _text(path: Path, shown: str) -> str:
    content = _content(path, shown, ParameterError)
    try:
        return utf8_text(content)
    except BrokenText as broken:
        raise ParameterError(broken.what, file=shown, **broken.fields) from None


def read_csv_table(path: Path, error: type[SpiError] = ParameterError, shown_as: str | None = None) -> CsvTable:
    """Read a CSV with a header: every row as a dict of text, with its number in the spreadsheet."""
    shown = shown_as or shown_path(path)
    content = _content(path, shown, error)
    try:
        return csv_table(content)
    except BrokenText as broken:
        raise error(broken.what, file=shown, **broken.fields) from None


def uneven_rows(table: CsvTable, file: str) -> list[Problem]:
    """One problem per row with more or fewer cells than the header, since its values may be in the wrong columns."""
    return [
        Problem(
            f"the row has {'more' if cells > len(table.header) else 'fewer'} cells than the header",
            file,
            number,
            got=f"{cells} cells",
            expected=f"{len(table.header)} cells",
            hint="put cells that hold a comma in quotation marks",
        )
        for number, cells in table.uneven
    ]


class ProblemCollector:
    """Runs loaders one after another and collects their problems, to report all of them at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def __call__(self, load: Callable[[], Any]) -> Any:
        """The result of the loader, or None where it fails."""
        try:
            return load()
        except ParameterError as error:
            self.problems += error.problems
            return None

    def check(self) -> None:
        """Raise all problems collected."""
        if self.problems:
            raise ParameterError(*dict.fromkeys(self.problems))


def validate(model: type[Model], data: Any, file: Path | str) -> Model:
    """Build the model, or raise all problems of the data: file, key, got, expected, nearest name."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        shown = shown_path(file) if isinstance(file, Path) else file
        raise ParameterError(*(_problem(model, detail, shown) for detail in error.errors())) from None


def _problem(model: type[BaseModel], detail: ErrorDetails, file: str) -> Problem:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    key = ".".join(str(part) for part in location)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        hint = RETIRED_KEYS.get(str(location[-1])) or nearest(location[-1], known)
        return Problem("unknown key", file=file, key=key, expected="a known key", hint=hint)
    if kind == "missing":
        return Problem("a key is missing", file=file, key=key, got="nothing", expected="a value for this key")
    got = _short(detail["input"])
    if kind == "literal_error":
        choices = [c.strip().strip("'") for c in str(context["expected"]).replace(" or ", ",").split(",")]
        return Problem(
            "not one of the allowed values",
            file=file,
            key=key,
            got=got,
            expected=str(context["expected"]),
            hint=nearest(detail["input"], choices),
        )
    error = context.get("error")
    if isinstance(error, Wrong):
        key = ".".join(filter(None, [key, error.key]))
        return Problem(error.what, file=file, key=key, got=error.got, expected=error.expected, hint=error.hint)
    return Problem("the value does not fit", file=file, key=key, got=got, expected=detail["msg"])


def _fields_at(model: Any, location: tuple[object, ...]) -> list[str]:
    """Names of the fields that are valid at a place in a tree of models."""
    for part in location:
        fields = getattr(model, "model_fields", None)
        if fields and part in fields:
            model = fields[str(part)].annotation
        for inner in _inner_models(model):
            model = inner
            break
    return list(getattr(model, "model_fields", {}))


def _inner_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in getattr(annotation, "__args__", ()) for m in _inner_models(arg)]


def _short(value: object, limit: int = 80) -> str:
    text = str(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown_path(path: Path) -> str:
    """The path from params/ on, never a machine's full path."""
    parts = path.parts
    start = len(parts) - 1 - parts[::-1].index("params") if "params" in parts else len(parts) - 1
    return str(Path(*parts[start:]))


# The base of all parameter models: frozen, no unknown keys, and a source for every judgement.

# The code of a language, such as jv (ISO 639); beside Indonesian and English a round may have any.
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
# The code of a group of respondents; a round defines which there are.
Source = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Frozen(BaseModel):
    """A parameter model: immutable, a misspelt key is an error, and so is a number that is not finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False, defer_build=True
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with other values where ``update`` has some; what was computed from the old ones is not copied."""
        made = super().model_copy(update=update, deep=deep)
        for name in set(made.__dict__) - set(type(self).model_fields):
            del made.__dict__[name]
        return made


def build_models(base: type[BaseModel] = Frozen) -> None:
    """Build what checks the models imported so far, each of which would else be built where it is first used."""
    for model in base.__subclasses__():
        model.model_rebuild()
        build_models(model)


class Text(Frozen):
    """A text in Indonesian and English, and in any other language that is given."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Language, str]

    id: str
    en: str

    def get(self, language: Language) -> str | None:
        """The text in a language; None where it is missing."""
        return self.by_language().get(language)

    def __getitem__(self, language: Language) -> str:
        """The text in a language; in English where it is missing."""
        return self.get(language) or self.en

    def by_language(self) -> dict[Language, str]:
        """The texts by language."""
        return {"id": self.id, "en": self.en, **self.__pydantic_extra__}


class Cited(Frozen):
    """Values whose source is named on a page, in the words of ``cite``."""

    cite: Text


class Judgement(Frozen):
    """A group of values that somebody decided, with ``source`` and date (``as_of``)."""

    source: str
    as_of: dt.date
