"""Targets of the index on the page: whether they are reached, who says so, and where two sources contradict."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spi_analysis.params import NATIONAL, Target
from spi_analysis.reporting import Phrase, Shown, Words, coded, message, number, phrase, show, written, years
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.stages import InstitutionPage

FILE = "targets"
MARKS = {
    "national": message("National target"),
    "national_2": message("National target (second source)"),
    "local": message("Local target"),
    "local_2": message("Local target (second source)"),
}
REACHED = {
    "national": message(
        "The index reaches the national target of {target} ({source}); the chance that the true index does: {chance}."
    ),
    "local": message(
        "The index reaches the local target of {target} ({source}); the chance that the true index does: {chance}."
    ),
}
MISSED = {
    "national": message(
        "The index lies below the national target of {target} ({source}); the chance that the true index reaches it: "
        "{chance}."
    ),
    "local": message(
        "The index lies below the local target of {target} ({source}); the chance that the true index reaches it: "
        "{chance}."
    ),
}
# The interval of the index holds the target.
ABOVE = {
    "national": message(
        "The index lies above the national target of {target} ({source}), which its interval includes. The chance that "
        "the true index reaches it, judged by the years before as well: {chance}."
    ),
    "local": message(
        "The index lies above the local target of {target} ({source}), which its interval includes. The chance that "
        "the true index reaches it, judged by the years before as well: {chance}."
    ),
}
BELOW = {
    "national": message(
        "The index lies below the national target of {target} ({source}), which its interval includes. The chance that "
        "the true index reaches it, judged by the years before as well: {chance}."
    ),
    "local": message(
        "The index lies below the local target of {target} ({source}), which its interval includes. The chance that "
        "the true index reaches it, judged by the years before as well: {chance}."
    ),
}
CONFLICT = {
    "national": message(
        "Sources contradict each other on the national target of {year}: {targets}. Which one holds is not settled "
        "here."
    ),
    "local": message(
        "Sources contradict each other on the local target of {year}: {targets}. Which one holds is not settled here."
    ),
}


def target_marks(page: InstitutionPage) -> dict[Phrase, float]:
    """Name and figure of every target of the round's year, for the scale of categories."""
    values = page.setup.targets.values(page.institution.institution_id, page.setup.round.year)
    return {_mark(code): value for code, value in values.items()}


def _mark(code: str) -> Phrase:
    return phrase(lambda words: words(MARKS[code]))


def target_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """Whether each target is reached and with what chance, and where two sources contradict each other."""
    if page.figure("index") is None:
        return []
    found = page.setup.targets.of(page.institution.institution_id, page.setup.round.year)
    said = [_reached_sentence(page, code, rows, words) for code, rows in found.items()]
    return [*said, *(_conflict_sentence(page, kind, found, words) for kind in CONFLICT if f"{kind}_2" in found)]


def _reached_sentence(page: InstitutionPage, code: str, rows: Sequence[Target], words: Words) -> str:
    index, chance = page.figure("index"), page.figure("target_probability", part=code)
    if index is None or chance is None:
        return ""
    sentence = _verdict(index, rows[0].target, page.setup.round.index.decimals)[code.removesuffix("_2")]
    facts = {"target": words.number(rows[0].target), "source": _sources(rows, words)}
    return words(sentence, **facts, chance=words.chance(chance["estimate"]))


def _verdict(index: pd.Series, target: float, decimals: int) -> dict[str, str]:
    """On which side of a target the index lies, and whether its whole interval does; an index on it reaches it."""
    shown = round(float(index["estimate"]), decimals)
    if shown != target and index["ci_low"] <= target <= index["ci_high"]:
        return ABOVE if shown > target else BELOW
    return REACHED if shown >= target else MISSED


def _conflict_sentence(page: InstitutionPage, kind: str, found: dict[str, tuple[Target, ...]], words: Words) -> str:
    named = (f"{words.number(rows[0].target)} ({_sources(rows, words)})" for rows in (found[kind], found[f"{kind}_2"]))
    return words(CONFLICT[kind], year=page.setup.round.year, targets=words.listed(named))


def _sources(rows: Sequence[Target], words: Words) -> str:
    return words.listed(words.pick(row.cite) for row in rows)


def page_targets(page: InstitutionPage) -> list[Target]:
    """Targets of the years that the page shows."""
    years = {*(int(year) for year in page.history["year"]), page.setup.round.year}
    return page.setup.targets.series(page.institution.institution_id, sorted(years))


def chart_targets(page: InstitutionPage) -> pd.DataFrame:
    """The targets as rows of the chart of years."""
    rows = [("target", row.year, _mark(_kind(row)), row.target) for row in page_targets(page)]
    return pd.DataFrame(rows, columns=["kind", "year", "series", "estimate"]).astype({"year": int, "estimate": float})


def _kind(row: Target) -> str:
    return "national" if row.institution_id == NATIONAL else "local"


def targets_table(page: InstitutionPage) -> Shown:
    """Every target of the years shown, with who says so and when; nothing where there is none."""
    found = page_targets(page)
    if not found:
        return show(lambda words: "")
    rows = target_rows(page).assign(kind=[_kind(row) for row in found], cite=range(len(found)))
    columns = (
        years(message("Year"), "year"),
        coded(message("Whose target"), "kind", "target"),
        number(message("Index"), "target"),
        written(message("Source"), ("cite",), lambda words, place: words.pick(found[int(place)].cite)),
        written(message("As of"), ("as_of",), lambda words, day: words.date(day)),
    )
    note = message(
        "Of two targets of one year that contradict each other, the one that stands first is compared first."
    )
    return page_view(rows, columns, FILE, message("Targets and who says so"), (note,))


def target_rows(page: InstitutionPage) -> pd.DataFrame:
    """The table as figures."""
    columns = ["institution_id", "year", "target", "source_id", "source_en", "as_of"]
    return pd.DataFrame([row.model_dump() for row in page_targets(page)], columns=columns)
