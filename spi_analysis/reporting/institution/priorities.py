"""What the page says first: its opening sentences, and the parts in the order of the evidence that they are weak."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from spi_analysis.params import Source
from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    coded,
    count,
    figure_text,
    html_paragraphs,
    interval,
    message,
    number,
    part_label,
    percent,
    show,
    signed,
    worded,
    written,
    years,
)
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.reporting.institution.sentences import (
    change_sentence,
    dimension_rows,
    finding,
    hidden_reason,
    is_hidden,
    not_yet,
    score_sentence,
)
from spi_analysis.scores import follow_up
from spi_analysis.stages import InstitutionPage

# Without any of these nothing is compared.
SCORES = ("source_score", "dimension_score", "unit_score", "class_score")
FALSE_ALARMS = {
    "bh": message(
        "Of {k} parts compared, {clear} lie below what they are compared with on enough evidence. Among those at most "
        "{rate} are expected to be false alarms; a part without enough evidence may be weak all the same."
    ),
    "holm": message(
        "Of {k} parts compared, {clear} lie below what they are compared with on enough evidence. The chance of even "
        "one false alarm among them is at most {rate}; a part without enough evidence may be weak all the same."
    ),
}


def priority_areas_view(page: InstitutionPage) -> Shown:
    """The parts below their measure, clearest first, and how many of them to trust."""
    rows, params = page.priority_areas, page.setup.round.weak_sides
    if is_hidden(page, *SCORES):
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    if rows.empty:
        return not_yet(lambda words: words("No part has enough answers to be compared."))
    lower = rows[rows["difference"] < 0]
    below = lower.head(params.max_shown)

    def said(words: Words) -> str:
        trusted = words(
            FALSE_ALARMS[params.adjustment],
            k=len(rows),
            clear=int(rows["is_clear"].sum()),
            rate=words.percent(params.rate, 0),
        )
        if len(below) == len(lower):
            return html_paragraphs([trusted])
        cut = words(
            "Shown are the {k} parts with the strongest evidence, of {n} below what they are compared with.",
            k=len(below),
            n=len(lower),
        )
        return html_paragraphs([trusted, cut])

    first = finding(lambda words: _clearest(page, rows, words))
    return first + show(said) + _table(page, below) if len(below) else first + show(said)


def _clearest(page: InstitutionPage, rows: pd.DataFrame, words: Words) -> str:
    """The part that stands first, and how many are clear; that there is none."""
    clear = rows[rows["is_clear"]]
    if clear.empty:
        return words("No part is weak on enough evidence.")
    first = part_name(page, next(clear.itertuples()), words)
    return words("{part} stands first; clearly below: {n} of {k} parts.", part=first, n=len(clear), k=len(rows))


def _table(page: InstitutionPage, rows: pd.DataFrame) -> View:
    keys = ("kind", "source", "part")
    rows = rows.assign(is_peers=[_has_peers(page, row) for row in rows.itertuples()])
    columns = (
        written(message("Part"), keys, lambda words, *part: part_name(page, Part(*part), words)),
        written(message("Compared with"), ("source", "yardstick", "is_peers"), _measure),
        number(message("Score"), "score", 1),
        signed(message("Difference"), "difference", 1),
        interval(message("Interval"), "ci_low", "ci_high", 1),
        count(message("Answers (n)"), "n"),
        worded(message("Evidence"), "is_clear", {True: message("enough evidence"), False: message("not enough")}),
    )
    note = message(
        "The strongest evidence first: a small difference that is well measured may stand before a large one that is "
        "not. The interval is that of the difference, for this part alone."
    )
    return page_view(rows, columns, "weak_sides", message("Parts by strength of evidence"), (note,))


class Part(NamedTuple):
    """What is compared: a source, or a part of one."""

    kind: str
    source: Source
    part: str


def part_name(page: InstitutionPage, row: Any, words: Words) -> str:
    """What the page calls a part."""
    source = words.value("part", row.source)
    if row.kind == "source":
        return source
    if row.kind == "dimension":
        return part_label(page.setup.instrument, row.source, row.part, words)
    name = words.value("position_class", row.part) if row.kind == "class" else row.part
    return f"{name} ({source})"


def _measure(words: Words, source: str, yardstick: float | None, is_peers: bool) -> str:
    """What a part is compared with."""
    if yardstick is None:
        return words("all of {source}", source=words.value("part", source))
    return words(
        message("peers' median {x}") if is_peers else message("threshold {x}"),
        x=words.number(yardstick, 1) if is_peers else words.exact(yardstick),
    )


def _has_peers(page: InstitutionPage, row: Any) -> bool:
    """Whether a part is compared with its peers."""
    return row.kind in ("source", "dimension") and (row.source, row.part) in page.peers.yardsticks


BELOW_THRESHOLD = message(
    "Look first at {part}: with {score} it lies {points} points below the threshold of {measure} (interval of the "
    "difference {interval}), the strongest evidence among the {count} parts compared."
)
BELOW_PEERS = message(
    "Look first at {part}: with {score} it lies {points} points below the {measure} that half of its peers reach "
    "(interval of the difference {interval}), the strongest evidence among the {count} parts compared."
)
BELOW_SOURCE = message(
    "Look first at {part}: with {score} it lies {points} points below {measure} as a whole (interval of the difference "
    "{interval}), the strongest evidence among the {count} parts compared."
)


def opening_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """The sentences that open the page (once, why nothing is shown)."""
    sentences = [score_sentence(page, words), change_sentence(page, words), look_first_sentence(page, words)]
    return list(dict.fromkeys(sentences))


def look_first_sentence(page: InstitutionPage, words: Words) -> str:
    """The part that stands first in the section "Where to look first"; where none is clear, the lowest dimension.

    The lowest score and the strongest evidence may be two parts: the page names one of them first, everywhere the same.
    """
    if is_hidden(page, *SCORES):
        return hidden_reason(page, words)
    rows = page.priority_areas
    clear = rows[rows["is_clear"]]
    if clear.empty:
        return _lowest_sentence(page, words)
    first = next(clear.itertuples())
    is_peers, of_threshold = _has_peers(page, first), first.kind in ("source", "dimension")
    threshold = words.number(first.yardstick, 1) if is_peers else words.exact(first.yardstick)
    return words(
        BELOW_PEERS if is_peers else BELOW_THRESHOLD if of_threshold else BELOW_SOURCE,
        part=part_name(page, first, words),
        score=words.number(first.score, 1),
        points=words.number(-first.difference, 1),
        measure=threshold if of_threshold else words.value("part", first.source),
        interval=words.interval(first.ci_low, first.ci_high, 1),
        count=len(rows),
    )


def _lowest_sentence(page: InstitutionPage, words: Words) -> str:
    rows = dimension_rows(page, words)
    rows = rows[rows["status"] == "shown"]
    if rows.empty:
        return words("No dimension has enough answers to be shown.")
    lowest = rows.iloc[0]
    return words(
        "No part is weak on enough evidence. Of the {count} dimensions {dimension} has the lowest score: {score} "
        "(interval {interval}).",
        dimension=lowest["label"],
        score=words.number(lowest["estimate"], 1),
        interval=words.interval(lowest["ci_low"], lowest["ci_high"], 1),
        count=len(rows),
    )


# What became of the recommendations of earlier years.


def tracker_view(page: InstitutionPage) -> Shown:
    """Recommendations of the years before, and how much of each is done."""
    if page.tracker.empty:
        return not_yet(lambda words: words("What became of earlier recommendations is not known here."))

    rows = list(follow_up(page.tracker).itertuples())

    def said(words: Words) -> str:
        generated = [words("The tracker of recommendations is generated: no institution did this.")]
        return html_paragraphs([*(generated if page.is_synthetic else []), *(_year_sentence(r, words) for r in rows)])

    return finding(lambda words: _followed_up(rows[0], page.is_synthetic, words)) + show(said) + _follow_up_table(page)


def _followed_up(row: Any, is_generated: bool, words: Words) -> str:
    """How much of the latest year counts; nothing where that is not known."""
    if pd.isna(row.tlp):
        return ""
    tlp = words.percent(row.tlp / 100)
    if is_generated:
        return words(
            "Of the actions of {year}, {tlp} conform and were validated by KPK (generated).", year=row.year, tlp=tlp
        )
    return words("Of the actions of {year}, {tlp} conform and were validated by KPK.", year=row.year, tlp=tlp)


def _year_sentence(row: Any, words: Words) -> str:
    facts = {"n": row.recommendations, "year": row.year, "total": row.total}
    if not row.done:
        return words("Of {n} recommendations of {year} none of the {total} actions is reported as done.", **facts)
    reported = words(
        "Reported as done: {completed} of the {n} recommendations of {year}, and {done} of all their {total} actions.",
        completed=row.completed,
        done=row.done,
        **facts,
    )
    return f"{reported} {_rate_sentence(row, words)}"


def _rate_sentence(row: Any, words: Words) -> str:
    if pd.isna(row.tlp):
        return words(
            "How many of them conform and were validated by KPK is not known for all, so there is no follow-up rate."
        )
    return words(
        "{conforming} of these conform, {validated} of them validated by KPK; of all actions {tlp} are followed up.",
        conforming=words.number(row.conforming, 0),
        validated=words.number(row.validated, 0),
        tlp=words.percent(row.tlp / 100),
    )


def _follow_up_table(page: InstitutionPage) -> View:
    titles = {rule.code: rule.title for rule in page.setup.rules.rules}
    columns = (
        years(message("Year"), "year"),
        written(
            message("Recommendation"),
            ("recommendation",),
            lambda words, code: words.pick(titles[code]) if code in titles else code,
        ),
        coded(message("Status as reported"), "status", "follow_up"),
        figure_text(
            message("Actions reported as done"),
            ("done", "total"),
            lambda words, done, total: words("{done} of {total}", done=done, total=total),
        ),
        count(message("Conforming"), "conforming"),
        count(message("Conforming and validated"), "validated"),
        percent(message("Followed up (TLP)"), "followed_up"),
    )
    note = message(
        "TLP: actions that conform and that KPK has validated, divided by all actions, in percent; what the "
        "institution reports as done is not enough. A dash: not known. A recommendation that is followed up need not "
        "have worked: that is for the scores to show."
    )
    rows = page.tracker.assign(followed_up=page.tracker["tlp"] / 100)
    return page_view(rows, columns, "tracker", message("What became of earlier recommendations"), (note,))
