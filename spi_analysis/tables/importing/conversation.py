"""What an import says in short: rules that could not be checked, people lost, sheets, columns read and not read.

Plain tables of texts and numbers, the same for a reader and for a program (--json). Headings are named, values never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from spi_analysis.errors import HIDDEN
from spi_analysis.params import EligibilityParams, Instrument, RoundSetup, normalised
from spi_analysis.tables import likeness, mask_text
from spi_analysis.tables.importing.answers import FILL_IN
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.issues import Where, reasons
from spi_analysis.tables.importing.list_sheets import ListSheet, rows_below
from spi_analysis.tables.importing.listing import Listed
from spi_analysis.tables.importing.readers import Sheet

Summary = dict[str, list[dict[str, object]]]
# What is unknown of a person, and the rule of the round that it keeps from being checked.
UNCHECKED = {
    "tenure_unknown": "min_tenure_years",
    "tenure_implausible": "min_tenure_years",
    "unit_tenure_unknown": "min_unit_tenure_years",
    "unit_tenure_implausible": "min_unit_tenure_years",
    "main_work_unknown": "main_work_only",
    "service_date_unknown": "max_months_since_service",
    "service_date_implausible": "max_months_since_service",
}
# So many known headings make a row a header beyond doubt: what stands beside them is a heading, too, and no person.
SURE = 3
MOST_UNITS, MOST_COLUMNS = 10, 40


def of_lists(
    sheets: Sequence[ListSheet], skipped: Sequence[Where], listed: Sequence[Listed], setup: RoundSetup
) -> Summary:
    """The summary of an import of lists; ``listed`` in the order of ``sheets`` by institution and source."""
    whose = list(dict.fromkeys((sheet.institution_id, sheet.source) for sheet in sheets))
    rules = [setup.round_for(code).sources[source].eligibility for code, source in whose]
    together = list(zip(whose, rules, listed, strict=True))
    return {
        "unchecked": [row for who, rule, one in together for row in _unchecked(who, rule, one.people)],
        "lost": [row for who, _, one in together for row in _lost(who, one)],
        **_sheets([(sheet.sheet, sheet.header, sheet.aside) for sheet in sheets], skipped),
    }


def of_logs(sheets: Iterable[tuple[Sheet, Header, pd.Index]], skipped: Sequence[Where]) -> Summary:
    """The summary of an import of events or answers."""
    return _sheets([(sheet, header, "") for sheet, header, _ in sheets], skipped)


def _unchecked(who: tuple[str, str], rules: EligibilityParams, people: pd.DataFrame) -> Iterator[dict[str, object]]:
    """For every rule of the round, of how many people it cannot be said whether they meet it."""
    said = Counter(codes for codes in people["frame_problem"].tolist() if isinstance(codes, str))
    for rule in dict.fromkeys(UNCHECKED.values()):
        codes = {code for code, one in UNCHECKED.items() if one == rule}
        unknown = sum(n for one, n in said.items() if codes & set(one.split(";")))
        if unknown and getattr(rules, rule):
            yield {"institution_id": who[0], "source": who[1], "rule": rule, "people": unknown, "of": len(people)}


def _lost(who: tuple[str, str], one: Listed) -> Iterator[dict[str, object]]:
    """Of each unit, how many people are turned away or not invited, and why: the units that lose most come first."""
    out = one.people[~one.people["is_eligible"].astype(bool)]
    listed: Counter[str] = Counter()
    for unit, n in Counter([*one.people["unit"], *one.rejected.get("unit", pd.Series(dtype=object))]).items():
        listed[_unit(unit)] += n
    why: dict[str, Counter[str]] = {}
    for unit, codes in [
        *zip(out["unit"], out["frame_problem"], strict=True),
        *zip(one.rejected.get("unit", [None] * len(one.rejected)), one.rejected["codes"], strict=True),
    ]:
        why.setdefault(_unit(unit), Counter()).update(list(filter(_shuts_out, str(codes).split(";")))[:1])
    for unit, counted in sorted(why.items(), key=lambda entry: (-entry[1].total(), entry[0]))[:MOST_UNITS]:
        yield {
            "institution_id": who[0], "source": who[1], "unit": unit, "people": counted.total(), "of": listed[unit],
            "why": dict(counted.most_common()),
        }  # fmt: skip


def _shuts_out(code: str) -> bool:
    """Whether this is why somebody is not invited, not one of the doubts that stand beside it."""
    return code.startswith("ineligible_") or reasons()[code].severity == "rejected"


def _unit(cell: object) -> str:
    return mask_text(cell) if isinstance(cell, str) else "(no unit)"


def _sheets(read: Sequence[tuple[Sheet, Header, str]], skipped: Sequence[Where]) -> Summary:
    sheets: list[dict[str, object]] = [
        {
            "file": sheet.file, "sheet": sheet.name, "platform": sheet.told.platform,
            "read": not aside, "hidden": sheet.told.hidden, "rows": len(list(rows_below(sheet, header))), "why": aside,
        }
        for sheet, header, aside in read
    ]  # fmt: skip
    sheets += [
        {"file": where.file, "sheet": where.sheet, "platform": "", "read": False, "hidden": False, "rows": 0,
         "why": "sheet_skipped"}
        for where in skipped
    ]  # fmt: skip
    columns = [
        {"file": sheet.file, "sheet": sheet.name, "heading": mask_text(header.label(field)), "read_as": field}
        for sheet, header, aside in read
        for field in header.columns
        if not aside
    ]
    unread = [
        {"file": sheet.file, "sheet": sheet.name, "heading": heading_named(sheet, header, i)}
        for sheet, header, aside in read
        for i in header.unused
        if not aside
    ]
    return {"sheets": sheets, "columns": columns, "not_read": unread}


def heading_named(sheet: Sheet, header: Header, column: int) -> str:
    """A heading that means nothing to us, by name where the row is a header beyond doubt, else by its letter."""
    exact = set(header.columns) - set(header.guessed)
    sure = len(exact) >= SURE or sheet.told.platform
    return mask_text(header.labels[column]) if sure else header.shown(column)


def lines_of(summary: Mapping[str, Sequence[Mapping[str, object]]]) -> Iterator[str]:
    """The summary as sentences: what may bias the survey first."""
    for row in summary.get("unchecked", ()):
        yield (
            f"{row['institution_id']}, {row['source']}: the rule {row['rule']} cannot be checked for "
            f"{row['people']:,} of {row['of']:,} people, who are taken to meet it"
        )
    for row in summary.get("replaced", ()):
        yield (
            f"{row['institution_id']}, {row['source']}: takes the place of an earlier list of {row['earlier']:,} "
            f"people; {row['again']:,} of them (by number or address) are among the {row['now']:,} of this one"
        )
    for row in summary.get("lost", ()):
        why = ", ".join(f"{code} {n:,}" for code, n in row["why"].items())  # type: ignore[attr-defined]
        whose = f"{row['institution_id']}, {row['source']}, {row['unit']}"
        yield f"{whose}: {row['people']:,} of {row['of']:,} lost ({why})"
    for row in summary.get("open", ()):
        yield (
            f"{row['institution_id']}, {row['source']}: {row['answers']:,} answers by an open link, kept apart and in "
            f"no estimate{_not_compared(row)}"
        )
    for row in summary["sheets"]:
        name = f"{row['file']} / {row['sheet']}" if row["sheet"] else f"{row['file']}"
        hidden = ", hidden" if row["hidden"] else ""
        yield (
            f"{name}: {row['rows']:,} rows read{hidden}" if row["read"] else f"{name}: not read ({row['why']}{hidden})"
        )
    yield from _listed("read", [f"{row['heading']} = {row['read_as']}" for row in summary["columns"]])
    yield from _listed("columns not read", [f"{row['heading']}" for row in summary["not_read"]])


def _not_compared(row: Mapping[str, object]) -> str:
    """No number is kept, so that nobody is seen who answered in this import and in an earlier one."""
    if not row["others"]:
        return ""
    return (
        f"; whether somebody is also among the {row['others']:,} of earlier imports is not known, since no number is "
        "kept (files that are given together are compared)"
    )


def _listed(what: str, items: Sequence[str]) -> Iterator[str]:
    """Each once; of very many (a questionnaire's items) the first."""
    once = list(dict.fromkeys(items))
    more = f", and {len(once) - MOST_COLUMNS} more" if len(once) > MOST_COLUMNS else ""
    if once:
        yield f"{what}: {', '.join(once[:MOST_COLUMNS])}{more}"


# The mapping file that settles what was doubtful, as far as the file itself lets it be guessed.

_NO_ANSWER_OF_OURS = ("answer_of_another_scale", "answer_out_of_scale")
_NEAR = 0.8


def mapping_proposed(problems: pd.DataFrame, summary: Summary, instrument: Instrument) -> dict[str, Any]:
    """What a mapping file (--mapping) would say of words and headings that were not understood; {} if all were.

    Only a person can say what a word means: FILL_IN stands for the event or the code, and is refused until it is gone.
    """
    found: dict[str, Any] = {}
    if words := _values(problems, ["unknown_event"]):
        found["events"] = {FILL_IN: words}
    if errors := _values(problems, ["unknown_error"]):
        found["errors"] = {FILL_IN: errors}
    scales = {question.code: question.scale for part in instrument.questions.values() for question in part}
    read = {row["heading"]: row["read_as"] for row in summary["columns"]}
    for heading, same in problems[problems["code"].isin(_NO_ANSWER_OF_OURS)].groupby("column"):
        scale = scales.get(str(read.get(heading, "")))
        if scale and (words := _values(same, _NO_ANSWER_OF_OURS)):
            known = found.setdefault("answers", {}).setdefault(scale, {FILL_IN: []})[FILL_IN]
            known += [word for word in words if word not in known]
    answered = scales.keys() & set(read.values())
    items = _near_items(summary, sorted(scales.keys() - answered)) if answered else {}
    return found | ({"items": items} if items else {})


def _values(problems: pd.DataFrame, codes: Sequence[str]) -> list[str]:
    """The words that were not understood; a bare number means nothing by itself, and what is masked is not shown."""
    values = problems.loc[problems["code"].isin(codes), "value"].fillna("").astype(str)
    numbers_too = "unknown_error" in codes
    return sorted({v for v in values if v and HIDDEN not in v and (numbers_too or not v.isdecimal())})


def _near_items(summary: Summary, missing: Sequence[str]) -> dict[str, list[str]]:
    """Items that nobody answered, each with a heading that was not read and is spelt much like its code."""
    headings = [str(row["heading"]) for row in summary["not_read"]]
    near = {code: [one for one in headings if likeness(normalised(one), normalised(code)) >= _NEAR] for code in missing}
    return {code: found for code, found in near.items() if len(found) == 1}
