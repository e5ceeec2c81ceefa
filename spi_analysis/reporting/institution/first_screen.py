"""What a reader sees first: the index among its peers, what changed, who answered, and three things to do."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

import pandas as pd

from spi_analysis.reporting import (
    Chart,
    Shown,
    View,
    Words,
    chart,
    count,
    html_paragraphs,
    in_words,
    measure_label,
    message,
    number,
    on_scale,
    phrase,
    show,
    written,
)
from spi_analysis.reporting.institution.page_tables import basis_sentence, group_label
from spi_analysis.reporting.institution.sentences import change_in_short, hidden_reason
from spi_analysis.stages import RESPONSE, InstitutionPage

ACTIONS = 3
SCREEN_NOTE = message("Bar: how sure the index is. Small dots: the peers, one each; line: their median.")


def first_screen_view(page: InstitutionPage) -> Shown:
    """Index, category and chance; its dot among the peers; change, response and the first three actions."""
    index = page.figure("index")
    if index is None or page.category is None:
        return show(lambda words: _opening([hidden_reason(page, words), response_sentence(page, words)]))
    after = show(lambda words: _after(page, words))
    return show(lambda words: _figures(page, index, words)) + _scale_view(page, index) + after


def _figures(page: InstitutionPage, index: pd.Series, words: Words) -> str:
    """The index, large, and its category with the chance that it is right."""
    level = next(level for level in page.categories.levels if level.code == page.category)
    chance = page.figure("category_probability", part=page.category)
    said = words(
        "out of 100; category {category}, chance {chance}",
        category=words.pick(level.label),
        chance=words.chance(None if chance is None else chance["estimate"]),
    )
    figure = words.give_or_take(*(float(index[name]) for name in ("estimate", "ci_low", "ci_high")))
    estimate, _, around = figure.partition(" ")
    return (
        f'<p class="index"><strong>{escape(estimate)}</strong> {escape(around)}'
        f'<span class="category">{escape(said)}</span></p>'
    )


def _after(page: InstitutionPage, words: Words) -> str:
    sentences = [change_in_short(page, words), response_sentence(page, words)]
    return f"{_opening(sentences)}{actions_html(page, words)}"


def _opening(sentences: list[str]) -> str:
    return f'<div class="opening">{html_paragraphs(list(dict.fromkeys(sentences)))}</div>'


def _scale_view(page: InstitutionPage, index: pd.Series) -> View:
    """The index on the scale of categories, and below it its peers; as a file with every group of peers."""
    rows = _scale_rows(page, index)
    columns = (
        written(message("Figure"), ("group",), lambda words, group: _row_name(page, group, words)),
        number(message("Index"), "estimate"),
        number(message("Top quartile"), "top_quartile"),
        count(message("Institutions"), "institutions"),
    )
    title = message("The index on the scale of categories")
    notes = (partial(basis_sentence, page),)
    return View(
        rows, columns, _scale_chart(page, rows), notes, title=title, name="first_screen", with_table=False
    )  # fmt: skip


def _scale_rows(page: InstitutionPage, index: pd.Series) -> pd.DataFrame:
    """The institution's own row, then the median of every group of peers."""
    own: dict[str, Any] = {"group": "own", **index[["estimate", "ci_low", "ci_high"]]}
    others = [
        {"group": group, "estimate": found["median"], **found}
        for group in page.peers.groups()
        if (found := page.peers.summary(group, "index"))
    ]
    return pd.DataFrame([own, *others]).reindex(
        columns=["group", "estimate", "ci_low", "ci_high", "top_quartile", "institutions"]
    )


def _scale_chart(page: InstitutionPage, rows: pd.DataFrame) -> Chart:
    drawn = rows.head(2)
    labels = [phrase(lambda words, group=group: _row_name(page, group, words)) for group in drawn["group"]]
    strip = tuple(float(x) for x in page.peers.values(drawn["group"].iloc[1], "index")) if len(drawn) > 1 else ()
    return chart(
        on_scale,
        drawn.assign(label=labels),
        "chart-first",
        in_words(message("The index on the scale of categories")),
        levels=page.categories.levels,
        x_label="",
        strip=strip,
        note=in_words(SCREEN_NOTE) if strip else "",
    )


def _row_name(page: InstitutionPage, group: str, words: Words) -> str:
    if group == "own":
        return words("Index {year}", year=page.setup.round.year)
    n = len(page.peers.values(group, "index"))
    return words("Median of {n} peers ({group})", n=words.number(n, 0), group=group_label(page, group, words))


def response_sentence(page: InstitutionPage, words: Words) -> str:
    """The response rate of every source whose rate may be shown, beside what peers reach; nothing where none may."""
    said = [_rate(page, row.source, row.RR1, words) for row in page.who.dropna(subset="RR1").itertuples()]
    return words("Answered, of those invited: {rates}.", rates=words.listed(said)) if said else ""


def _rate(page: InstitutionPage, source: str, rate: float, words: Words) -> str:
    own = f"{words.value('part', source)} {words.percent(rate)}"
    group = next(iter(page.peers.groups()), None)
    median = page.peers.summary(group, RESPONSE, source)["median"] if group else float("nan")
    return own if pd.isna(median) else words("{own} (median of peers {median})", own=own, median=words.percent(median))


def actions_html(page: InstitutionPage, words: Words) -> str:
    """The first recommendations with the figure that each rests on; nothing where no rule is met."""
    rules = {rule.code: rule for rule in page.setup.rules.rules}
    items = [
        f"<li><strong>{escape(words.pick(rules[row.code].title))}</strong> "
        f'<span class="note">{escape(_figure(page, row, rules[row.code].when.kind, words))}</span></li>'
        for row in page.recommendations.head(ACTIONS).itertuples()
    ]
    if not items:
        return ""
    heading = escape(words("What to do first"))
    return f'<h3>{heading}</h3><ol class="recommendations">{"".join(items)}</ol>'


def _figure(page: InstitutionPage, row: Any, kind: str, words: Words) -> str:
    unit = "%" if kind == "rate_above" else ""
    what = measure_label(page.setup.instrument, row.audience, row.measure, words)
    interval = words.interval(row.ci_low, row.ci_high, 1, unit)
    return f"{what}: {words.number(row.estimate, 1)}{unit} ({interval}, n = {words.number(row.n, 0)})"
