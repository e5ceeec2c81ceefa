"""What every table must look like; a table that does not fit is refused with all its problems at once.

One schema per table of the store. ``checked`` coerces types, orders the columns and
either returns the table or raises.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from spi_analysis.columns import MEASURES, PUBLISHED_SOURCES, VALUES, Measure
from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import CORRECTIONS, Form

SEXES = ("female", "male", "unknown")
STREAMS = ("list", "self_registered")
DISPOSITIONS = ("I", "P", "R", "NC", "O", "UH", "UO", "NE")
EVENTS = (
    "sent",
    "delivered",
    "read",
    "started",
    "completed",
    "refused",
    "opted_out",
    "invalid_number",
    "ineligible",
)
# "register": an objection that came by no message, or before the round.
CHANNELS = ("whatsapp", "email", "sms", "telephone", "face_to_face", "web", "register")
# How an answer was given. A table of answers that were imported before this was kept has no such column: all by web.
WEB = "web"
MODES = (WEB, "telephone", "face_to_face")
# Of the optional modules of the instrument.
ARMS = ("list_short", "list_long", "crosswise")
# Of the questionnaire: in the instrument's order, or from last to first.
FORMS: tuple[str, ...] = get_args(Form)
# Columns that a draw gives by chance, where the round has any, with their values.
BY_CHANCE = {"arm": ARMS, "form": FORMS}
CHANGES = ("opted_out", "new_phone", "new_email")
SCOPES = ("round", "all")
REPORTERS = ("person", "institution", "vendor", "operator")
FOLLOW_UPS = ("not_started", "in_progress", "done")
FIRST_YEAR, LAST_YEAR = 2000, 2100
ESTIMATE_STATUSES = ("shown", "suppressed", "withheld", "no_answers")

# Whole spans of years. Spans to two decimals are unique for nearly everybody whom a staff list holds, and with them the
# answers (2026-11-29): the store has the band alone, eligibility is decided from the exact span when a list is read.
TENURE_LIMITS = (1, 2, 5, 10, 20)
TENURE_BANDS = ("under_1", "1_to_2", "2_to_5", "5_to_10", "10_to_20", "from_20")

# Columns with exact spans that frames had before, and draws of then have on record.
EXACT_SPANS = {"tenure_years": "tenure_band", "unit_tenure_years": "unit_tenure_band"}


def tenure_bands(years: pd.Series) -> pd.Series:
    """The band of every span of years; None where it is not known. Two years to the day are ``2_to_5``."""
    spans = pd.to_numeric(years)
    bands = [None if pd.isna(span) else TENURE_BANDS[bisect_right(TENURE_LIMITS, span)] for span in spans]
    return pd.Series(bands, years.index, dtype=object)


def with_modes(responses: pd.DataFrame) -> pd.DataFrame:
    """The answers with the column ``mode``."""
    return responses if "mode" in responses else responses.assign(mode=WEB)


# The columns that identify a row of the table ``estimates``: each has one meaning, declared by measure.
#
# ``source``: whose answers; ``part``: what of it, of the kind ``part_kind``; ``domain``: among whom, of the kind
# ``domain_kind``; ``denominator``: of a rate; ``reference_year``: with which a change compares.

ESTIMATE_KEYS = [
    "measure",
    "source",
    "part_kind",
    "part",
    "domain_kind",
    "domain",
    "denominator",
    "reference_year",
]
WHOLE, ALL = "whole", "all"
# Parts of these kinds are the same in every round; those of the others stand in its instrument and parameters.
PART_CODES: dict[str, tuple[str, ...]] = {
    "correction": CORRECTIONS,
    "contribution": ("weights", "unexplained"),
    "target": tuple(VALUES["target"]),
    "assumption": ("same_design", "model", "own"),
}
DENOMINATORS = tuple(VALUES["denominator"])
# What a column may hold: codes (none: it is empty), or anything.
Allowed = tuple[str, ...] | None
ANYTHING = None


def with_kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with all columns that identify them: the kinds as their measure declares them, empty what it does not have.

    Parameters
    ----------
    rows : DataFrame   measure, and what its rows have of source, part, domain, denominator, reference_year; part_kind
        where a measure has several kinds whose codes stand in the round
    """
    table = rows.reindex(columns=[*ESTIMATE_KEYS, *rows.columns.difference(ESTIMATE_KEYS, sort=False)])
    declared = [MEASURES[measure] for measure in table["measure"]]
    kinds = [_part_kind(kinds, part) for kinds, part in zip(declared, table["part"], strict=True)]
    table["part_kind"] = table["part_kind"].astype(object).where(table["part_kind"].notna(), kinds)
    table["domain_kind"] = [kinds.domain for kinds in declared]
    texts = ESTIMATE_KEYS[:-1]
    # Of a column that no row has (as the domain, while only experts have answered) pandas would make numbers.
    table[texts] = table[texts].astype("str")
    return table.assign(reference_year=table["reference_year"].astype("Int64"))


def _part_kind(declared: Measure, part: object) -> str:
    """The kind of a part; where a measure has several, the one that the part is a code of."""
    return next((kind for kind in declared.parts if part in PART_CODES.get(kind, ())), declared.parts[0])


def key_problems(estimates: pd.DataFrame, sources: Collection[str] | None = None) -> list[Problem]:
    """Columns that do not hold what the measure of their row declares: the first row of each.

    ``sources``: of the round, where it is known.
    """
    found: dict[tuple[str, str], Problem] = {}
    for number, row in enumerate(estimates[ESTIMATE_KEYS].to_dict("records"), start=1):
        for column, allowed in _allowed(row, None if sources is None else tuple(sources)).items():
            if not _fits(row[column], allowed):
                found.setdefault((row["measure"], column), _key_problem(number, column, row, allowed))
    return list(found.values())


def _allowed(row: dict[Any, Any], sources: Allowed) -> dict[str, Allowed]:
    """What each column may hold in a row of this measure."""
    declared = MEASURES.get(row["measure"])
    if declared is None:
        return {"measure": tuple(MEASURES)}
    return {
        "source": sources if declared.has_source else (),
        "part_kind": declared.parts,
        "part": () if row["part_kind"] == WHOLE else {**PART_CODES, "source": sources}.get(row["part_kind"], ANYTHING),
        "domain_kind": (declared.domain,),
        "domain": () if declared.domain == ALL else ANYTHING,
        "denominator": DENOMINATORS if declared.has_denominator else (),
        "reference_year": ANYTHING if declared.has_reference_year else (),
    }


def _fits(value: object, allowed: Allowed) -> bool:
    is_empty = bool(pd.isna(value))
    return is_empty if allowed == () else not is_empty if allowed is None else value in allowed


def _key_problem(number: int, column: str, row: dict[Any, Any], allowed: Allowed) -> Problem:
    got = "nothing" if pd.isna(row[column]) else str(row[column])
    expected = "some value" if allowed is None else ", ".join(allowed) or "nothing"
    hint = nearest(got, allowed or ())
    what = f"table estimates does not fit its contract, measure {row['measure']}"
    return Problem(what, row=number, column=column, got=got, expected=expected, hint=hint)


# What is hidden has no figures, whoever asks and whenever it was decided.

HIDDEN_COLUMNS = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


def mask(estimates: pd.DataFrame, hidden: pd.Series, status: str = "suppressed") -> pd.DataFrame:
    """Take out the figures of the hidden rows and say so in ``status``."""
    shown = estimates.copy()
    shown.loc[hidden, shown.columns.intersection(HIDDEN_COLUMNS)] = np.nan
    shown.loc[hidden, "status"] = status
    return shown


# One schema for each table.


def _text(
    *, nullable: bool = False, unique: bool = False, allowed: tuple[str, ...] | None = None, required: bool = True
) -> pa.Column:
    checks = [pa.Check.isin(allowed)] if allowed else []
    return pa.Column(str, checks=checks, nullable=nullable, unique=unique, coerce=True, required=required)


def _number(
    *,
    low: float | None = None,
    high: float | None = None,
    nullable: bool = False,
    whole: bool = False,
    required: bool = True,
) -> pa.Column:
    checks = [pa.Check.ge(low)] if low is not None else []
    checks += [pa.Check.le(high)] if high is not None else []
    return pa.Column(int if whole else float, checks=checks, nullable=nullable, coerce=True, required=required)


def _year(nullable: bool = False) -> pa.Column:
    checks = [pa.Check.ge(FIRST_YEAR), pa.Check.le(LAST_YEAR)]
    return pa.Column("Int64" if nullable else int, checks=checks, nullable=nullable, coerce=True)


def _flag(nullable: bool = False) -> pa.Column:
    return pa.Column("boolean" if nullable else bool, nullable=nullable, coerce=True)


def _time(nullable: bool = False) -> pa.Column:
    return pa.Column("datetime64[ns]", nullable=nullable, coerce=True)


def _schema(columns: dict[str, pa.Column], *, strict: bool = True) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, strict=strict, ordered=False)


_WHO = {"institution_id": _text(), "person_id": _text(), "source": _text()}

CONTRACTS: dict[str, pa.DataFrameSchema] = {
    "frame": _schema(
        {
            "institution_id": _text(),
            "person_id": _text(),
            "source": _text(),
            "unit": _text(nullable=True),
            "position_class": _text(nullable=True),
            "service": _text(nullable=True),
            "expert_group": _text(nullable=True),
            "nominator": _text(nullable=True, required=False),
            "is_asn": _flag(nullable=True),
            "sex": _text(allowed=SEXES),
            "age_group": _text(),
            "tenure_band": _text(nullable=True, allowed=TENURE_BANDS),
            "unit_tenure_band": _text(nullable=True, allowed=TENURE_BANDS),
            "channels": _text(allowed=("whatsapp", "email", "whatsapp+email")),
            "stream": _text(allowed=STREAMS),
            "n_listings": _number(low=1, whole=True),
            "also_listed_as": _text(nullable=True),
            "is_eligible": _flag(),
            "frame_status": _text(allowed=("clean", "flagged")),
            "frame_problem": _text(nullable=True),
        }
    ),
    "sample": _schema(
        {
            **_WHO,
            "stratum": _text(),
            "pop_size": _number(low=1, whole=True),
            "inclusion_prob": _number(low=0, high=1),
            "base_weight": _number(low=1),
            "prn": _number(low=0, high=1),
            "wave": _number(low=1, whole=True),
            **{name: _text(nullable=True, allowed=values, required=False) for name, values in BY_CHANCE.items()},
        }
    ),
    "events": _schema(
        {
            **_WHO,
            "event": _text(allowed=EVENTS),
            "at": _time(),
            "channel": _text(allowed=CHANNELS),
        }
    ),
    # New numbers and addresses themselves are in the vault only.
    "contact_events": _schema(
        {
            **_WHO,
            "change": _text(allowed=CHANGES),
            "at": _time(),
            "scope": _text(allowed=SCOPES),
            "reported_by": _text(allowed=REPORTERS),
        }
    ),
    # One more column per item of the instrument; their codes are checked against it on import.
    "responses": _schema(
        {
            **_WHO,
            "mode": _text(allowed=MODES, required=False),
            "started_at": _time(nullable=True),
            "completed_at": _time(nullable=True),
        },
        strict=False,
    ),
    # Answers by an open link: of nobody who was drawn by that link, so without a person. ``also_sampled``: whether the
    # number that somebody left is that of a person who was drawn; missing where none was. One more column per item.
    "open_responses": _schema(
        {
            "institution_id": _text(),
            "response_id": _text(),
            "source": _text(),
            "also_sampled": _flag(nullable=True),
            "started_at": _time(nullable=True),
            "completed_at": _time(nullable=True),
        },
        strict=False,
    ),
    # One more column per step of the round's recipe, which names it: numbers, empty for a source without the step.
    "weights": _schema(
        {
            **_WHO,
            "stratum": _text(),
            "nr_class": _text(nullable=True),
            "disposition": _text(allowed=DISPOSITIONS),
            "base_weight": _number(low=1),
            "weight": _number(low=0),
        },
        strict=False,
    ),
    "estimates": _schema(
        {
            "institution_id": _text(),
            "measure": _text(),
            "source": _text(nullable=True),
            "part_kind": _text(),
            "part": _text(nullable=True),
            "domain_kind": _text(),
            "domain": _text(nullable=True),
            "denominator": _text(nullable=True),
            "reference_year": _year(nullable=True),
            "estimate": _number(nullable=True),
            "se": _number(low=0, nullable=True),
            "ci_low": _number(nullable=True),
            "ci_high": _number(nullable=True),
            "level": _number(low=0.5, high=1),
            "df_design": _number(nullable=True),
            "n": _number(low=0, nullable=True),
            "effective_n": _number(low=0, nullable=True),
            "status": _text(allowed=ESTIMATE_STATUSES),
        }
    ),
    "published": _schema(
        {
            "year": _year(),
            "institution": _text(),
            "institution_id": _text(),
            "type": _text(),
            "province_code": _text(nullable=True),
            "index": _number(low=0, high=100),
            **{source: _number(low=0, high=100, nullable=True) for source in PUBLISHED_SOURCES},
            "correction_conduct": _number(low=0, nullable=True),
            "correction_facts": _number(low=0, nullable=True),
        }
    ),
    "tracker": _schema(
        {
            "institution_id": _text(),
            "year": _year(),
            "recommendation": _text(),
            "status": _text(allowed=FOLLOW_UPS),
            "done": _number(low=0, whole=True),
            "total": _number(low=1, whole=True),
            "conforming": _number(low=0, nullable=True),
            "validated": _number(low=0, nullable=True),
            "tlp": _number(low=0, high=100, nullable=True),
        }
    ),
}

# The columns that identify a row. Twice the same key is an error.
KEYS: dict[str, list[str]] = {
    "frame": ["source", "person_id"],
    "sample": ["source", "person_id"],
    "responses": ["source", "person_id"],
    "open_responses": ["source", "response_id"],
    "weights": ["source", "person_id"],
    "estimates": ESTIMATE_KEYS,
    "published": ["year", "institution_id"],
    "tracker": ["institution_id", "year", "recommendation"],
}


def checked(table: str, data: pd.DataFrame, file: str = "", sources: Collection[str] | None = None) -> pd.DataFrame:
    """``data`` with the types and the column order of the table's contract.

    Parameters
    ----------
    sources : of the round; no row may be of another (None: not looked at)

    Raises
    ------
    InputError
        Naming every column and every kind of value that does not fit, with the first row of each.
    """
    schema = CONTRACTS[table]
    try:
        valid = schema.validate(data.reset_index(drop=True), lazy=True)
    except SchemaErrors as error:
        raise InputError(*_problems(table, error, file)) from None
    problems = key_problems(valid, sources) if table == "estimates" else _other_sources(table, valid, sources)
    if problems:
        raise InputError(*(replace(problem, file=file) for problem in problems))
    repeats = valid.duplicated(KEYS[table]) if table in KEYS else pd.Series(False, index=valid.index)
    if repeats.any():
        row = int(repeats.idxmax())
        raise InputError(
            Problem(
                f"{int(repeats.sum())} rows of table {table} repeat a key",
                file=file,
                row=row + 1,
                column=", ".join(KEYS[table]),
                expected="each key once",
            )
        )
    further = [column for column in valid.columns if column not in schema.columns]
    if table == "weights":
        return _with_steps(valid, further, file)
    return valid[[*(column for column in schema.columns if column in valid), *further]]


def _with_steps(weights: pd.DataFrame, steps: list[str], file: str) -> pd.DataFrame:
    """The table ``weights`` with the columns of its recipe's steps between the base weight and the final one."""
    odd = [column for column in steps if not pd.api.types.is_numeric_dtype(weights[column])]
    if odd:
        what = "table weights does not fit its contract"
        raise InputError(*(Problem(what, file, column=name, got="no numbers", expected="numbers") for name in odd))
    fixed = list(CONTRACTS["weights"].columns)
    return weights[[*fixed[:-1], *steps, fixed[-1]]].astype(dict.fromkeys(steps, float))


def _other_sources(table: str, data: pd.DataFrame, sources: Collection[str] | None) -> list[Problem]:
    """The first row of each source that the round does not have."""
    if sources is None or "source" not in data:
        return []
    strange = data["source"][~data["source"].isin(sources)].drop_duplicates()
    return [
        Problem(
            f"table {table} holds a source that the round does not have",
            row=int(row) + 1,
            column="source",
            got=name,
            expected=", ".join(sources),
            hint=nearest(name, sources),
        )
        for row, name in strange.items()
    ]


def _problems(table: str, error: SchemaErrors, file: str) -> list[Problem]:
    what = f"table {table} does not fit its contract"
    cases = error.failure_cases
    # A missing or surplus column is a case of the whole frame: its "failure case" is the column's name.
    whole = cases["check"].astype(str).str.startswith("column_in_")
    problems = [
        Problem(
            what,
            file=file,
            column=str(case.failure_case),
            got="no such column" if case.check == "column_in_dataframe" else "this column",
            expected="this column" if case.check == "column_in_dataframe" else "no such column",
        )
        for case in cases[whole].itertuples()
    ]
    for (column, check), group in cases[~whole].groupby(["column", "check"], dropna=False, sort=False):
        first = group.iloc[0]
        problems.append(
            Problem(
                what,
                file=file,
                row=None if pd.isna(first["index"]) else int(first["index"]) + 1,
                column=str(column),
                got=f"{first['failure_case']!r} ({len(group)} rows)",
                expected=str(check),
            )
        )
    return problems
