"""The roster of institutions, and decisions per institution in a round."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from spi_analysis.errors import ParameterError, Problem, SpiError, nearest
from spi_analysis.params.loading import Frozen, Wrong, read_csv_table, shown_path, uneven_rows, validate

# Two that every index has, and the third correction of 2022, which the commission did not name.
NAMED_CORRECTIONS = ("correction_conduct", "correction_facts")
OTHER_CORRECTION = "correction_other"
CORRECTIONS = (*NAMED_CORRECTIONS, OTHER_CORRECTION)
# Columns of files of earlier versions, and their replacements.
RETIRED_COLUMNS = {
    "mode_adjustment": "now called correction_other; leave it out where there is none",
    "local_target": "targets stand in params/targets.csv, one row per institution, year and source",
    "local_target_source": "targets stand in params/targets.csv, each with its source",
}
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
InstitutionType = Literal["kementerian", "lembaga", "provinsi", "kota", "kabupaten", "bumn"]


def _blank_to_none(value: object) -> object:
    return None if value == "" else value


# A CSV cell may be left blank.
Blank = BeforeValidator(_blank_to_none)
BlankIsZero = BeforeValidator(lambda value: 0 if value == "" else value)


class Institution(Frozen):
    """One row of the roster."""

    institution_id: Annotated[str, Field(pattern=rf"^{_CODE.pattern}$")]
    name: Annotated[str, Field(min_length=3)]
    type: InstitutionType
    province_code: Annotated[Annotated[str, Field(pattern=r"^\d{2}$")] | None, Blank] = None
    size_class: Annotated[Literal["besar", "sedang", "kecil"] | None, Blank] = None


class Province(Frozen):
    """One row of ``provinces.csv``: names, the two letters of ISO 3166-2:ID, and the tile of the map."""

    province_code: Annotated[str, Field(pattern=r"^[1-9]\d$")]
    name: Annotated[str, Field(min_length=3)]
    name_en: Annotated[str, Field(min_length=3)]
    short: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    row: Annotated[int, Field(ge=1, le=20)]
    column: Annotated[int, Field(ge=1, le=12)]


class ComponentScore(Frozen):
    """An institution's score, 0 to 100, in a component of the index that has no answers; without se a constant."""

    institution_id: str
    component: str
    score: Annotated[float, Field(ge=0, le=100)]
    se: Annotated[Annotated[float, Field(ge=0, le=100)] | None, Blank] = None
    source: Annotated[str, Field(min_length=3)]


class InstitutionInputs(Frozen):
    """Decisions of the commission for one institution in a round: corrections, release; scores of components.

    Corrections are index points that are subtracted; their rules are not published, so they are inputs, taken as
    constants unless a standard error is given (``..._se``). ``correction_other`` is the third correction of 2022.
    """

    institution_id: str
    correction_conduct: Annotated[float, Field(ge=0, le=100)]
    correction_facts: Annotated[float, Field(ge=0, le=100)]
    correction_other: Annotated[float, Field(ge=0, le=100), BlankIsZero] = 0.0
    correction_conduct_se: Annotated[Annotated[float, Field(ge=0, le=100)] | None, Blank] = None
    correction_facts_se: Annotated[Annotated[float, Field(ge=0, le=100)] | None, Blank] = None
    correction_other_se: Annotated[Annotated[float, Field(ge=0, le=100)] | None, Blank] = None
    release: Literal["published", "withheld"]
    withheld_reason: Annotated[
        Literal["insufficient_sample", "conduct", "did_not_take_part", "secrecy"] | None, Blank
    ] = None
    source: Annotated[str, Field(min_length=3)]
    components: tuple[ComponentScore, ...] = ()

    @property
    def corrections(self) -> dict[str, float]:
        """Points subtracted, by correction; the third one only where it was made."""
        made = self.correction_other > 0 or self.correction_se[OTHER_CORRECTION] > 0
        return {name: getattr(self, name) for name in (CORRECTIONS if made else NAMED_CORRECTIONS)}

    @property
    def correction_se(self) -> dict[str, float]:
        """Their standard errors; 0 where they are constants."""
        return {name: getattr(self, f"{name}_se") or 0.0 for name in CORRECTIONS}

    @model_validator(mode="after")
    def _withheld_has_a_reason(self) -> InstitutionInputs:
        if (self.release == "withheld") != (self.withheld_reason is not None):
            raise Wrong(
                "release and withheld_reason do not fit",
                (self.release, self.withheld_reason or ""),
                "a reason if withheld, none if published",
            )
        return self


Row = TypeVar("Row", bound=Frozen)


class Roster(Frozen):
    """All institutions, by their code."""

    institutions: dict[str, Institution]

    def __getitem__(self, institution_id: str) -> Institution:
        try:
            return self.institutions[institution_id]
        except KeyError:
            raise ParameterError(
                "unknown institution",
                file="params/institutions.csv",
                column="institution_id",
                got=institution_id,
                expected="a code of the roster; a new institution gets a row there: "
                + ", ".join(Institution.model_fields),
                hint=nearest(institution_id, self.institutions),
            ) from None

    def ids(self) -> list[str]:
        """Codes in the order of the file."""
        return list(self.institutions)


# Institutions whose own rows or file are wrong -> all that is wrong there, where the others are to go on.
Apart = dict[str, list[Problem]]


def load_roster(path: Path, apart: Apart | None = None) -> Roster:
    """Read ``institutions.csv``.

    ``apart``: takes the problems of single institutions, which would else be raised. The institution stays in the
    roster with the cells that can be read: a file's name is to be understood as if nothing were wrong.
    """
    rows = read_rows(path, Institution, apart=apart, instead=_as_far_as_read)
    return Roster(institutions={row.institution_id: row for row in rows})


def _as_far_as_read(code: str, cells: Mapping[str, str], wrong: Container[str]) -> Institution:
    """A row of the roster without its wrong cells; name and type as they were written."""
    known = {name: cells.get(name) or None for name in ("province_code", "size_class") if name not in wrong}
    given = {name: cells.get(name, "") for name in ("name", "type")}
    blank: dict[str, Any] = {"province_code": None, "size_class": None}
    return Institution.model_construct(institution_id=code, **(blank | known | given))


def load_provinces(path: Path) -> dict[str, Province]:
    """Read ``provinces.csv``, by code; empty where there is none: then no page has a map."""
    if not path.exists():
        return {}
    rows = read_rows(path, Province, key=lambda row: row.province_code, column="province_code")
    return {row.province_code: row for row in rows}


def load_inputs(path: Path, roster: Roster, apart: Apart | None = None) -> dict[str, InstitutionInputs]:
    """Read the decisions per institution in a round; every code must be in the roster."""
    return {row.institution_id: row for row in read_rows(path, InstitutionInputs, roster, apart=apart)}


def load_components(path: Path, roster: Roster, apart: Apart | None = None) -> tuple[ComponentScore, ...]:
    """Read the scores of components (``<round>.components.csv``), if there is such a file."""
    if not path.exists():
        return ()
    return tuple(read_rows(path, ComponentScore, roster, lambda row: (row.institution_id, row.component), apart=apart))


def read_rows(
    path: Path,
    model: type[Row],
    roster: Roster | None = None,
    key: Callable[[Any], object] = lambda row: row.institution_id,
    besides: Sequence[str] = (),
    column: str = "institution_id",
    apart: Apart | None = None,
    instead: Callable[[str, Mapping[str, str], Container[str]], Row] | None = None,
) -> list[Row]:
    """Validate every row; all problems of the file together. With a roster, every code must be in it (or ``besides``).

    ``key``: the field whose values must be unique in the file; ``column``: the column with the code that names a row in
    messages; ``apart``: takes the problems of rows that are of one institution; ``instead``: makes a row of one that is
    wrong, from its code, its cells and the names of the wrong ones (else it is passed over).
    """
    shown, table = shown_path(path), read_csv_table(path)
    uneven = {problem.row: problem for problem in uneven_rows(table, shown)}
    if wrong_columns := _wrong_columns(table.header, model, shown):
        raise ParameterError(*wrong_columns, *uneven.values())
    rows, seen = list[Row](), dict[object, int]()
    problems: dict[int, list[Problem]] = {}
    for number, raw in table.rows:
        wrong, row = [uneven[number]] if number in uneven else [], None
        if not wrong:
            row, wrong = _read_row(model, raw, path, number)
        if row is not None:
            code = getattr(row, column)
            if roster is not None and code not in roster.institutions and code not in besides:
                wrong.append(_unknown(shown, number, code, roster))
            if seen.setdefault(key(row), number) != number:
                wrong.append(_listed_twice(shown, number, column, code, seen[key(row)]))
        code = raw.get("institution_id", "").strip()
        if row is not None and not wrong:
            rows.append(row)
        elif apart is None or code in besides or not _CODE.fullmatch(code):
            problems[number] = wrong
        else:
            apart.setdefault(code, []).extend(wrong)
            if instead is not None and code not in {getattr(one, column) for one in rows}:
                # The cells of a row that is too short or too long may stand in other columns.
                all_of_them = model.model_fields if number in uneven else {problem.column for problem in wrong}
                rows.append(instead(code, raw, all_of_them))
    if problems:
        uneven_first = sorted(problems, key=lambda number: (number not in uneven, number))
        raise ParameterError(*(problem for number in uneven_first for problem in problems[number]))
    return rows


def _read_row(model: type[Row], raw: Mapping[str, str], path: Path, number: int) -> tuple[Row | None, list[Problem]]:
    try:
        return validate(model, {name: cell for name, cell in raw.items() if name}, path), []
    except SpiError as error:
        return None, [
            Problem(p.what, p.file, number, column=p.key, got=p.got, expected=p.expected, hint=p.hint)
            for p in error.problems
        ]


def _wrong_columns(header: list[str], model: type[BaseModel], file: str) -> list[Problem]:
    """Missing and unknown columns: reported once, not for each row."""
    fields = {name: field for name, field in model.model_fields.items() if name != "components"}
    needed = [name for name, field in fields.items() if field.is_required()]
    unknown = [name for name in header if name and name not in fields]
    return [
        Problem("a column is missing", file, 1, name, expected=", ".join(fields), hint=nearest(name, unknown))
        for name in needed
        if name not in header
    ] + [
        Problem("unknown column", file, 1, name, hint=RETIRED_COLUMNS.get(name) or nearest(name, fields))
        for name in unknown
    ]


def _unknown(file: str, row: int, code: str, roster: Roster) -> Problem:
    return Problem(
        "unknown institution",
        file,
        row,
        "institution_id",
        got=code,
        expected="a code of params/institutions.csv",
        hint=nearest(code, roster.institutions),
    )


def _listed_twice(file: str, row: int, column: str, code: str, first: int) -> Problem:
    thing = column.partition("_")[0]
    return Problem(
        f"the {thing} is listed twice",
        file,
        row,
        column,
        got=code,
        expected=f"one row per {thing}",
        hint=f"first in row {first}",
    )
