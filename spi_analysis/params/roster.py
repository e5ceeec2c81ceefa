"""The roster of institutions, and what is decided per institution in a round."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from spi_analysis.errors import ParameterError, Problem, SpiError, nearest
from spi_analysis.params.base import Frozen
from spi_analysis.params.loading import Wrong, read_csv_rows, validate

InstitutionType = Literal["kementerian", "lembaga", "provinsi", "kota", "kabupaten", "bumn"]
Row = TypeVar("Row", bound=BaseModel)


def _blank_to_none(value: object) -> object:
    return None if value == "" else value


# A CSV cell may be left blank.
Blank = BeforeValidator(_blank_to_none)


class Institution(Frozen):
    """One row of the roster."""

    institution_id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Annotated[str, Field(min_length=3)]
    type: InstitutionType
    province_code: Annotated[Annotated[str, Field(pattern=r"^\d{2}$")] | None, Blank] = None
    size_class: Annotated[Literal["besar", "sedang", "kecil"] | None, Blank] = None


class InstitutionInputs(Frozen):
    """What the commission decides for one institution in a round: corrections, target, release.

    Corrections are index points that are subtracted; their rules are not published, so they are inputs.
    """

    institution_id: str
    correction_conduct: Annotated[float, Field(ge=0, le=100)]
    correction_facts: Annotated[float, Field(ge=0, le=100)]
    mode_adjustment: Annotated[float, Field(ge=0, le=100)]
    local_target: Annotated[Annotated[float, Field(ge=0, le=100)] | None, Blank] = None
    local_target_source: str = ""
    release: Literal["published", "withheld"]
    withheld_reason: Annotated[
        Literal["insufficient_sample", "conduct", "did_not_take_part", "secrecy"] | None, Blank
    ] = None
    source: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _withheld_has_a_reason(self) -> InstitutionInputs:
        if (self.release == "withheld") != (self.withheld_reason is not None):
            raise Wrong(
                "release and withheld_reason do not fit",
                (self.release, self.withheld_reason or ""),
                "a reason if withheld, none if published",
            )
        return self


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
                expected="a code of the roster",
                hint=nearest(institution_id, self.institutions),
            ) from None

    def ids(self) -> list[str]:
        """Codes in the order of the file."""
        return list(self.institutions)


def load_roster(path: Path) -> Roster:
    """Read ``institutions.csv``."""
    rows = _read_rows(path, Institution, lambda row: row.institution_id)
    return Roster(institutions={row.institution_id: row for row in rows})


def load_inputs(path: Path, roster: Roster) -> dict[str, InstitutionInputs]:
    """Read what was decided per institution in a round; every code must be in the roster."""
    rows = _read_rows(path, InstitutionInputs, lambda row: row.institution_id)
    unknown = [
        Problem(
            "unknown institution",
            file=f"params/rounds/{path.name}",
            column="institution_id",
            got=row.institution_id,
            expected="a code of params/institutions.csv",
            hint=nearest(row.institution_id, roster.institutions),
        )
        for row in rows
        if row.institution_id not in roster.institutions
    ]
    if unknown:
        raise ParameterError(*unknown)
    return {row.institution_id: row for row in rows}


def _read_rows(path: Path, model: type[Row], key: Callable[[Row], str]) -> list[Row]:
    """Validate every row; all problems of the file together."""
    problems: list[Problem] = []
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(read_csv_rows(path), start=2):
        try:
            row = validate(model, raw, path)
        except SpiError as error:
            problems += [
                Problem(p.what, p.file, number, column=p.key, got=p.got, expected=p.expected, hint=p.hint)
                for p in error.problems
            ]
            continue
        if key(row) in seen:
            problems.append(
                Problem(
                    "the institution is listed twice",
                    path.name,
                    number,
                    column="institution_id",
                    got=key(row),
                    expected="one row per institution",
                    hint=f"first in row {seen[key(row)]}",
                )
            )
        seen.setdefault(key(row), number)
        rows.append(row)
    if problems:
        raise ParameterError(*problems)
    return rows
