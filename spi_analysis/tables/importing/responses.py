"""Answers in: the survey platform's export, one row per respondent, one column per item."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import Instrument, ResponseMapping, RoundSetup, Scale, Words, load_mapping, normalised
from spi_analysis.tables import OUT_OF_RANGE, Store, Vault, one_writer, text_of
from spi_analysis.tables.importing.answers import (
    CODES_IN_ORDER,
    LABELS_DECIDE,
    OF_COLUMN,
    OUT_OF_SCALE,
    AnswerColumn,
    platform_labels,
)
from spi_analysis.tables.importing.headers import Header, HeaderWords
from spi_analysis.tables.importing.issues import Where
from spi_analysis.tables.importing.keeping import flag_answers_of_reported, keep_results
from spi_analysis.tables.importing.logs import Log, LogImport, note_headers, open_log, sampled_by_token, tokens_in
from spi_analysis.tables.importing.platforms import ANSWER_PLATFORMS
from spi_analysis.tables.importing.readers import Sheet

TITLE = "Hasil pemeriksaan jawaban"
TIMES = ("started_at", "completed_at")


def import_responses(
    files: Iterable[Path],
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    *,
    mapping: Path | None = None,
    institution: str | None = None,
    only: str | None = None,
) -> LogImport | None:
    """Add answers to the store. A file may hold several institutions and sources: the token decides.

    Of a person's rows the one with the most answers is kept, then the one completed first. People imported before
    stay; a new row takes the place of an earlier one unless that holds more answers.

    Parameters
    ----------
    files : paths             CSV, XLSX, SPSS or Parquet: token, times, and a column per item code (whatever the case)
    mapping : path, optional  columns and item names laid over ``params/mappings/responses.yaml``
    institution : str         refuse tokens of all other institutions
    only : str                import nothing and return None unless every row is of this institution: then no other
        institution's tables are touched, and several such imports may run side by side
    """
    if institution is not None:
        setup.require(institution)
    with one_writer(store.root.parent):
        words: ResponseMapping = load_mapping(setup.workspace, "responses", *([mapping] if mapping else []))
        _check_answer_words(words, setup.instrument)
        codes = item_codes(setup.instrument)
        header_words = HeaderWords(words.fields, words.header, _item_words(setup.instrument, words))
        nothing = frozenset(normalised(word) for word in words.nothing)
        log, sheets, failed = open_log(files, header_words, words.required, nothing, words.dates, ANSWER_PLATFORMS)
        without_items = [entry for entry in sheets if not set(codes) & set(entry[1].columns)]
        sheets = [entry for entry in sheets if set(codes) & set(entry[1].columns)]
        log.cells = log.cells.drop(index=[row for _, _, rows in without_items for row in rows])
        failed += [_no_items(sheet, header, codes) for sheet, header, _ in without_items]
        wanted = set(tokens_in(log.cells["token"]))
        log.assign_owners(sampled_by_token(setup, store, vault, wanted, only), institution)
        if only and (failed or not len(log.cells) or len(log.owners) < len(log.cells)):
            return None
        note_headers(log, sheets)
        _note_missing_items(log, sheets, setup.instrument)
        answers = _answers(log, sheets, setup, words).reindex(
            columns=["institution_id", "person_id", "source", *TIMES, *codes]
        )
        written = []
        for institution_id, new in answers.groupby("institution_id"):
            kept = _against_earlier(log, store.read_if_there("responses", str(institution_id)), new, setup.instrument)
            written.append(store.write("responses", str(institution_id), kept))
        flag_answers_of_reported(log, sorted(log.accepted), store)
        read = int(answers.loc[answers.index.isin(log.accepted), codes].notna().sum().sum())
        return keep_results("responses", TITLE, log, failed, written, setup, store, vault, sheets, read)


def _item_words(instrument: Instrument, words: ResponseMapping) -> dict[str, tuple[str, ...]]:
    """What may stand above the answers to an item beside its code: words of the mapping, and its text if no other's."""
    texts = {
        question.code: {normalised(text) for text in question.text.by_language().values()}
        for part in instrument.questions.values()
        for question in part
    }
    times = Counter(text for own in texts.values() for text in own)
    own = {code: tuple(sorted(text for text in found if times[text] == 1)) for code, found in texts.items()}
    return {code: (*words.items.get(code, ()), *own[code]) for code in item_codes(instrument)}


def item_codes(instrument: Instrument) -> list[str]:
    """The response columns of all sources, in the order of the questionnaire."""
    return [code for source in instrument.sources for code in instrument.codes(source)]


def _check_answer_words(words: ResponseMapping, instrument: Instrument) -> None:
    """The scales and codes to which the mapping gives words must be the instrument's."""
    wrong = [
        Problem(
            "the mapping names no scale of the instrument",
            key=f"answers: {name}",
            hint=nearest(name, instrument.scales),
        )
        for name in words.answers
        if name not in instrument.scales
    ]
    for name, scale in instrument.scales.items():
        known = {*range(scale.minimum, scale.maximum + 1), *scale.missing}
        wrong += [
            Problem(
                "the mapping names no code of the scale", key=f"answers: {name}", got=str(code), expected=_listed(known)
            )
            for code in sorted(set(words.answers.get(name, {})) - known)
        ]
    if wrong:
        raise InputError(*wrong)


def _listed(codes: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(codes)))


def _no_items(sheet: Sheet, header: Header, codes: list[str]) -> Problem:
    unused = [header.labels[i] for i in header.unused]
    return Problem(
        "no column is an item of the instrument",
        file=sheet.file,
        row=header.row + 1,
        key=sheet.name,
        got=", ".join(header.shown(i) for i in header.unused[:10]),
        expected=f"columns such as {', '.join(codes[:3])}",
        hint=nearest(unused[0], codes) if unused else "name the columns under items in a mapping file (--mapping)",
    )


def _note_missing_items(log: Log, sheets: Iterable[Any], instrument: Instrument) -> None:
    """Note the items that a file lacks although people of their source answered in it."""
    for sheet, header, rows in sheets:
        for institution_id, source in sorted({log.owners[row][:2] for row in rows if row in log.owners}):
            missing = [code for code in instrument.codes(source) if code not in header.columns]
            if missing:
                where = Where(institution_id, source, sheet.file, sheet.name, header.row + 1)
                log.issues.add(where, "item_missing", items=", ".join(missing))


def _answers(log: Log, sheets: Iterable[Any], setup: RoundSetup, words: ResponseMapping) -> pd.DataFrame:
    """One row per person: who, when, and the codes of the answers."""
    questions = [question for part in setup.instrument.questions.values() for question in part]
    scales = {q.code: (q.scale, setup.instrument.scales[q.scale]) for q in questions}
    tables = []
    for sheet, header, rows in sheets:
        rows = pd.Index([row for row in rows if row in log.owners and row not in log.rejected])
        columns = {
            code: _codes(log, rows, code, _column(log, rows, code, sheet, header, scale, words.answers.get(name, {})))
            for code, (name, scale) in scales.items()
            if code in header.columns
        }
        tables.append(pd.DataFrame(columns, index=rows, dtype=float))
    answers = pd.concat(tables) if tables else pd.DataFrame()
    owners = pd.DataFrame(
        [log.owners[row] for row in answers.index], answers.index, ["institution_id", "source", "person_id"]
    )
    _drop_foreign(log, answers, owners["source"], setup.instrument)
    times = pd.DataFrame({name: _times(log, answers.index, name, setup, words) for name in TIMES}, answers.index)
    _check_order(log, times)
    return _one_per_person(log, pd.concat([owners, times, answers], axis=1), list(answers.columns))


def _column(
    log: Log, rows: pd.Index, code: str, sheet: Sheet, header: Header, scale: Scale, words: dict[int, Words]
) -> AnswerColumn:
    """The column of an item in a sheet, with what the file and the mapping say of it."""
    i = header.columns[code]
    cells = log.cells.loc[rows, code]
    labels = sheet.labels.get(i) or platform_labels(sheet.told.platform, scale, set(cells.dropna()))
    if labels and i not in sheet.labels:
        shown = ", ".join(f"{value} = {text}" for value, text in labels.items())
        log.flag_together(rows, CODES_IN_ORDER, code, labels=shown)
    return AnswerColumn(scale, cells, labels, sheet.missing.get(i, ()), words)


def _codes(log: Log, rows: pd.Index, code: str, column: AnswerColumn) -> list[float | None]:
    """Codes of one item's cells; what is no answer of ours is noted and left empty.

    A cell outside the scale is named by itself; what many cells share is said once for all of them.
    """
    values, alike = [], {}
    for row, cell in zip(rows, log.cells.loc[rows, code], strict=True):
        value, problem = column.reading(cell)
        values.append(value)
        if problem == OUT_OF_SCALE:
            log.flag(row, problem, code, expected=column.expected)
        elif problem:
            of_column = problem in OF_COLUMN
            alike.setdefault((problem, "" if of_column else text_of(cell)), (cell, []))[1].append(row)
    for (problem, _), (cell, found) in alike.items():
        log.flag_together(found, problem, code, **column.details(problem, cell))
    if renamed := column.renamed():
        log.flag_together(rows, LABELS_DECIDE, code, labels=renamed)
    return values


def _drop_foreign(log: Log, answers: pd.DataFrame, source: pd.Series, instrument: Instrument) -> None:
    """Empty the answers to questions that were not for the person's source."""
    for name in instrument.sources:
        foreign = [code for code in answers.columns if code not in instrument.codes(name)]
        given = answers.loc[source == name, foreign].stack().dropna()
        for row, code in given.index:
            log.flag(row, "answer_of_another_source", code)
        answers.loc[source == name, foreign] = float("nan")


def _times(log: Log, rows: pd.Index, name: str, setup: RoundSetup, words: ResponseMapping) -> list[dt.datetime | None]:
    """Times of one column; one that cannot be read is unknown, since the answers are worth keeping."""
    values = []
    for row, cell in zip(rows, log.cells.loc[rows, name] if name in log.cells else [None] * len(rows), strict=True):
        if cell is None or cell != cell:
            values.append(None)
            continue
        at, problem = log.time_of(row, cell, words.times.zone, setup.round.fieldwork.start)
        if at is not None:
            log.check_time(row, name, at, setup, words.times)
        else:
            log.flag(row, f"{name}_{'out_of_range' if problem == OUT_OF_RANGE else 'unreadable'}", name)
        values.append(at)
    return [None if value is None else pd.Timestamp(value) for value in values]


def _check_order(log: Log, times: pd.DataFrame) -> None:
    for row in times.index[pd.to_datetime(times["completed_at"]) < pd.to_datetime(times["started_at"])]:
        log.flag(row, "completed_before_started", "completed_at")


def _one_per_person(log: Log, people: pd.DataFrame, items: list[str]) -> pd.DataFrame:
    """The row of each person with the most answers, then the one completed first; others are turned away."""
    order = people.assign(n_answered=people[items].notna().sum(axis=1)).sort_values(
        ["n_answered", "completed_at"], ascending=[False, True], na_position="last", kind="stable"
    )
    kept: dict[tuple[str, ...], Any] = {}
    for row, *person in order[["institution_id", "source", "person_id"]].itertuples():
        first = kept.setdefault(tuple(person), row)
        if first != row:
            log.reject(row, "duplicate_respondent", "token", **log.place(first))
    return people.loc[sorted(kept.values())]


def _against_earlier(log: Log, earlier: pd.DataFrame | None, new: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """The new rows with the people imported before; an earlier row stays if it holds more answers."""
    people = [_without_fuller(log, earlier, new, item_codes(instrument))]
    log.accepted.update(people[0].index)
    if earlier is not None:
        stays = earlier[~_people(earlier).isin(_people(people[0]))].reindex(columns=list(new.columns))
        people = [stays, *people] if len(stays) else people
    rank = {source: i for i, source in enumerate(instrument.sources)}
    return pd.concat(people).sort_values(
        ["source", "person_id"], key=lambda c: c.map(rank) if c.name == "source" else c
    )


def _without_fuller(log: Log, earlier: pd.DataFrame | None, new: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    """The new rows without those of people whose earlier row holds more answers; these are turned away."""
    if earlier is None:
        return new
    before = earlier.reindex(columns=codes).notna().sum(axis=1).set_axis(_people(earlier))
    fuller = before.reindex(_people(new)).fillna(0).to_numpy() > new[codes].notna().sum(axis=1).to_numpy()
    for row in new.index[fuller]:
        log.reject(row, "fuller_answers_stored", "token")
    return new[~fuller]


def _people(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[["source", "person_id"]])
