"""The stakeholders' page, section by section: every function shows one, in all languages."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from spi_analysis.params import Recommendation, Source, Text
from spi_analysis.reporting import (
    Shown,
    Words,
    composition_chart,
    csv_link,
    glossary_entries,
    history_chart,
    html_list,
    html_paragraphs,
    ineligible_sentence,
    interval_chart,
    measure_label,
    message,
    scale_chart,
    show,
)
from spi_analysis.reporting.institution.downloads import experience_rows
from spi_analysis.reporting.institution.first_sentences import opening_sentences
from spi_analysis.reporting.institution.labels import dimension_rows, experience_labels, previous_index
from spi_analysis.reporting.institution.page_tables import (
    composition_table,
    dimension_table,
    experience_table,
    history_table,
    quality_table,
    unit_table,
    who_answered_table,
)
from spi_analysis.reporting.institution.sentences import (
    change_sentence,
    contact_note,
    dates_sentence,
    denominator,
    hidden_reason,
    index_note,
    is_hidden,
    quality_sentences,
    rule_sentence,
)
from spi_analysis.reporting.institution.targets import chart_targets, target_marks, target_sentences, targets_table
from spi_analysis.scores import SECRET
from spi_analysis.stages import InstitutionPage

# What recommendations are made from.
RULE_MEASURES = ("dimension_score", "experience_rate")


def opening(page: InstitutionPage) -> Shown:
    """Three plain sentences: the score, the change, what to look at first; and the dates."""

    def make(words: Words) -> str:
        sentences = html_paragraphs(opening_sentences(page, words))
        return f'<div class="opening">{sentences}</div>{html_paragraphs([dates_sentence(page, words)], "note")}'

    return show(make)


def index_chart(page: InstitutionPage) -> Shown:
    """The index on the scale of categories, and the targets; nothing where it is hidden (the opening says why)."""
    index = page.figure("index")
    if index is None:
        return show(lambda words: "")
    round_ = page.setup.round

    def make(words: Words) -> str:
        marks = target_marks(page, words)
        previous = previous_index(page)
        if previous is not None:
            marks[words("Published by KPK for {year}", year=previous[0])] = previous[1]
        title = words("The index on the scale of categories")
        chart = scale_chart(
            index["estimate"],
            index["ci_low"],
            index["ci_high"],
            round_.categories.levels,
            marks,
            "chart-index",
            title,
            words=words,
            x_label=words("Index (0 worst, 100 best)"),
            note=index_note(page, words),
        )
        targets = html_paragraphs(target_sentences(page, words))
        return chart + targets + csv_link("tables/index.csv", title, words)

    return show(make)


def who_answered_view(page: InstitutionPage) -> Shown:
    """Who was invited and who answered, per source; nothing where the work is secret."""
    if page.withheld_reason == SECRET:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    least = page.setup.round.disclosure.min_cell
    return who_answered_table(page) + show(
        lambda words: html_paragraphs([ineligible_sentence(page.reports, least, words)], "ineligible-reports")
    )


def composition_view(page: InstitutionPage) -> Shown:
    """How the index is made, part by part."""
    index, parts = page.figure("index"), page.rows("index_part")
    if index is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))

    def draw(words: Words) -> str:
        used = parts[(parts["estimate"] != 0) | parts["dimension"].isin(page.setup.round.sources)]
        drawn = pd.DataFrame(
            {"label": [words.value("part", p) for p in used["dimension"]], "points": used["estimate"].to_numpy()}
        )
        return composition_chart(
            drawn,
            float(index["estimate"]),
            "chart-composition",
            words("Points of the parts, added up to the index"),
            words=words,
            total_label=words.value("part", "index"),
            x_label=words("Points"),
        )

    return show(draw) + composition_table(page, index)


def change_view(page: InstitutionPage) -> Shown:
    """Published years and this round."""

    index = page.figure("index")
    table = show(lambda words: "") if page.history.empty else history_table(page)
    if index is None or page.history.empty:
        return show(lambda words: html_paragraphs([change_sentence(page, words)])) + table + targets_table(page)
    now = {"year": page.setup.round.year, **index[["estimate", "ci_low", "ci_high"]].to_dict()}

    def draw(words: Words) -> str:
        return history_chart(
            page.history,
            now,
            chart_targets(page, words),
            "chart-history",
            words("The index over the years"),
            words=words,
            past_label=words("Published by KPK"),
            now_label=words("This round (generated), with interval")
            if page.is_synthetic
            else words("This round, with interval"),
            note=_comparison_note(page, words),
        )

    return show(draw) + table + targets_table(page)


NOISE = {
    "same_design": message(
        "Published figures carry no interval, yet they are no more certain than this round. The comparison takes the "
        "index of {year} to be as uncertain as this round's, since the survey was of the same design (standard error "
        "{se} points): a rise or a fall has to stand out from the uncertainty of both years."
    ),
    "model": message(
        "Published figures carry no interval, yet they are not certain. The survey of {year} was made otherwise, so "
        "the comparison takes the part of the index that does not last from year to year, by the model of the "
        "published years, as its uncertainty (standard error {se} points): a rise or a fall has to stand out from the "
        "uncertainty of both years."
    ),
}


def _comparison_note(page: InstitutionPage, words: Words) -> str:
    """What the interval of the change takes in."""
    if page.figure("index_previous") is not None:
        return words(
            "Published figures carry no interval. The change is estimated from the answers of both rounds; its "
            "interval takes in the uncertainty of both, and that some people were asked in both."
        )
    noise = page.figure("index_previous_noise")
    if noise is None:
        return words("Published figures carry no interval.")
    kind, year = noise["dimension"], noise["domain"]
    return words(NOISE[kind], year=year, se=words.number(noise["estimate"]))


def dimensions_view(page: InstitutionPage) -> Shown:
    """Scores of the dimensions with intervals."""

    def draw(words: Words) -> str:
        rows = dimension_rows(page, words)
        drawn = rows[rows["status"] == "shown"]
        if drawn.empty:
            return ""
        return interval_chart(
            drawn,
            "chart-dimensions",
            words("Scores of the dimensions, lowest first"),
            words=words,
            x_label=words("Score (0 worst, 100 best)"),
        )

    return show(draw) + dimension_table(page)


def units_view(page: InstitutionPage, source: Source) -> Shown:
    """Scores of the units of a source; small ones are hidden."""

    rows = page.rows("unit_score", source=source).assign(label=lambda t: t["domain"])
    rows = rows.sort_values(["estimate", "label"], na_position="last")
    drawn = rows[rows["status"] == "shown"]
    nothing = (
        message("{source}: no unit has an answer.")
        if rows.empty
        else message("{source}: no unit's score can be shown.")
    )

    def title(words: Words) -> str:
        return words("Scores by unit: {source}", source=words.value("source", source))

    def above(words: Words) -> str:
        if drawn.empty:
            return html_paragraphs([words(nothing, source=words.value("source", source))])
        return _units_chart(page, drawn, source, title(words), words)

    return show(above) if rows.empty else show(above) + unit_table(page, rows, source, title)


def _units_chart(page: InstitutionPage, drawn: pd.DataFrame, source: Source, title: str, words: Words) -> str:
    whole = page.figure("source_score", source=source)
    score = None if whole is None else float(whole["estimate"])
    label = words("All units, {source}: {score}", source=words.value("part", source), score=words.number(score, 1))
    return interval_chart(
        drawn,
        f"chart-units-{source}",
        title,
        words=words,
        x_label=words("Score (0 worst, 100 best)"),
        reference=score,
        reference_label=label,
        note="" if score is None else words("The dashed line is the score of all units together in this source."),
    )


def experiences_view(page: InstitutionPage) -> Shown:
    """Experience rates, each with its denominator."""
    texts = experience_labels(page)

    rows = experience_rows(page)
    contacts = rows[(rows["domain"] == "contacts") & (rows["status"] == "shown")]

    def above(words: Words) -> str:
        meaning = html_paragraphs([contact_note(page, words)])
        return meaning if contacts.empty else meaning + _experiences_chart(contacts, texts, words)

    return show(above) + experience_table(page, rows, texts)


def _experiences_chart(contacts: pd.DataFrame, texts: Mapping[str, Text], words: Words) -> str:
    parts = zip(contacts["source"], contacts["dimension"], strict=True)
    labels = [f"{words.value('part', source)}: {words.pick(texts[code])}" for source, code in parts]
    return interval_chart(
        contacts.assign(label=labels),
        "chart-experiences",
        words("Experiences in the last 12 months, among those with contact"),
        words=words,
        x_label=words("Percent of those with contact"),
        limits=(0.0, max(10.0, float(contacts["ci_high"].max()) * 1.1)),
        unit="%",
    )


def recommendations_view(page: InstitutionPage) -> Shown:
    """The recommendations, strongest evidence first."""
    rules = {rule.code: rule for rule in page.setup.rules.rules}

    if is_hidden(page, *RULE_MEASURES):
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))

    def make(words: Words) -> str:
        if page.recommendations.empty:
            nothing = words("No rule is met with enough confidence. This is no proof that all is well.")
            return html_paragraphs([rule_sentence(page, words), nothing])
        items = []
        for row in page.recommendations.itertuples():
            rule = rules[row.code]
            items.append(
                f"<li><strong>{escape(words.pick(rule.title))}.</strong> {escape(words.pick(rule.text))}"
                f'<p class="note">{escape(_evidence(page, row, rule, words))}</p></li>'
            )
        listed = f'<ol class="recommendations">{"".join(items)}</ol>'
        link = csv_link("tables/recommendations.csv", words("Recommendations"), words)
        return html_paragraphs([rule_sentence(page, words)]) + listed + link

    return show(make)


def _evidence(page: InstitutionPage, row: Any, rule: Recommendation, words: Words) -> str:
    """The figure that a recommendation rests on, with unit, denominator, interval, n and threshold."""
    is_rate = rule.when.kind == "rate_above"
    unit = "%" if is_rate else ""
    about = denominator(row.audience, "contacts", words) if is_rate else words.value("part", row.audience)
    threshold = words.exact(row.threshold) + unit
    return words(
        "Evidence: {what} ({about}) {value} (interval {interval}, n = {n}); {threshold}, confidence {certainty}. "
        "Basis: {reference}.",
        what=measure_label(page.setup.instrument, row.audience, row.measure, words),
        about=about,
        value=words.number(row.estimate, 1) + unit,
        interval=words.interval(row.ci_low, row.ci_high, 1, unit),
        n=words.number(row.n, 0),
        threshold=words("above the threshold of {x}", x=threshold)
        if is_rate
        else words("below the threshold of {x}", x=threshold),
        certainty=words.chance(row.certainty),
        reference=rule.reference,
    )


def quality_view(page: InstitutionPage) -> Shown:
    """How sure the figures are, and how they were made; nothing where the work is secret."""
    if page.withheld_reason == SECRET:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    return show(lambda words: html_paragraphs(quality_sentences(page, words))) + quality_table(page)


def glossary_view(page: InstitutionPage) -> Shown:
    """The words that the page uses."""
    return show(lambda words: html_list(glossary_entries(page.setup.round.categories, words), "glossary"))
