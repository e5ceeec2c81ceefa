"""The stakeholders' page, section by section: every function shows one, in all languages."""

from __future__ import annotations

from html import escape

import pandas as pd

from spi_analysis.params import Source
from spi_analysis.reporting.charts import composition_chart, history_chart, interval_chart, scale_chart
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.glossary import glossary_entries
from spi_analysis.reporting.institution.labels import (
    dimension_rows,
    experience_labels,
    measure_label,
    previous_index,
)
from spi_analysis.reporting.institution.sentences import (
    change_sentence,
    hidden_reason,
    index_note,
    opening_sentences,
    quality_sentences,
)
from spi_analysis.reporting.institution.tables import (
    composition_table,
    experience_table,
    history_table,
    quality_table,
    score_table,
    who_answered_table,
)
from spi_analysis.reporting.tables import html_list, html_paragraphs
from spi_analysis.reporting.wording import Words
from spi_analysis.stages.report import InstitutionPage


def opening(page: InstitutionPage) -> Shown:
    """Three plain sentences: the score, the change, what to look at first."""
    return show(lambda words: f'<div class="opening">{html_paragraphs(opening_sentences(page, words))}</div>')


def index_chart(page: InstitutionPage) -> Shown:
    """The index on the scale of categories."""
    index = page.figure("index")
    if index is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    round_ = page.setup.round

    def make(words: Words) -> str:
        marks = {words("National target"): round_.target.national}
        if page.inputs.local_target is not None:
            marks[words("Local target")] = page.inputs.local_target
        previous = previous_index(page)
        if previous is not None:
            marks[words("Published {year}", year=previous[0])] = previous[1]
        return scale_chart(
            index["estimate"],
            index["ci_low"],
            index["ci_high"],
            round_.categories.levels,
            marks,
            "chart-index",
            words("The index on the scale of categories"),
            words=words,
            note=index_note(page, words),
        )

    return show(make)


def who_answered_view(page: InstitutionPage) -> Shown:
    """Who was invited and who answered, per source."""
    return show(lambda words: who_answered_table(page, words))


def composition_view(page: InstitutionPage) -> Shown:
    """How the index is made, part by part."""
    index, parts = page.figure("index"), page.rows("index_part")
    if index is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))

    def make(words: Words) -> str:
        used = parts[(parts["estimate"] != 0) | parts["dimension"].isin(page.setup.round.sources)]
        drawn = pd.DataFrame(
            {"label": [words.value("part", p) for p in used["dimension"]], "points": used["estimate"].to_numpy()}
        )
        chart = composition_chart(
            drawn,
            float(index["estimate"]),
            "chart-composition",
            words("How the index is made"),
            words=words,
            total_label=words.value("part", "index"),
            x_label=words("Points"),
        )
        return chart + composition_table(page, words)

    return show(make)


def change_view(page: InstitutionPage) -> Shown:
    """Published years and this round."""

    def make(words: Words) -> str:
        index = page.figure("index")
        if index is None or page.history.empty:
            return html_paragraphs([change_sentence(page, words)])
        now = {"year": page.setup.round.year, **index[["estimate", "ci_low", "ci_high"]].to_dict()}
        years = [*page.history["year"], now["year"]]
        targets = {y: t.national_target for y, t in page.setup.years.years.items() if y in years and t.national_target}
        chart = history_chart(
            page.history,
            now,
            targets,
            "chart-history",
            words("The index over the years"),
            words=words,
            note=words(
                "Published figures carry no interval. The comparison takes them as fixed numbers, so the "
                "interval of the change is too narrow rather than too wide."
            ),
        )
        return chart + history_table(page, index, words)

    return show(make)


def dimensions_view(page: InstitutionPage) -> Shown:
    """Scores of the dimensions with intervals."""

    def make(words: Words) -> str:
        rows = dimension_rows(page, words)
        drawn = rows[rows["status"] == "shown"]
        chart = interval_chart(
            drawn,
            "chart-dimensions",
            words("Scores of the dimensions, lowest first"),
            words=words,
            x_label=words("Score (0 worst, 100 best)"),
        )
        return (chart if len(drawn) else "") + score_table(
            rows, "dimensions", words("Scores of the dimensions"), words("Dimension"), words
        )

    return show(make)


def units_view(page: InstitutionPage, source: Source) -> Shown:
    """Scores of the units of a source; small ones are hidden."""

    def make(words: Words) -> str:
        rows = page.rows("unit_score", source=source).assign(label=lambda t: t["domain"])
        rows = rows.sort_values(["estimate", "label"], na_position="last")
        whole = page.figure("source_score", source=source)
        drawn = rows[rows["status"] == "shown"]
        chart = interval_chart(
            drawn,
            f"chart-units-{source}",
            words("Scores by unit: {source}", source=words.value("source", source)),
            words=words,
            x_label=words("Score (0 worst, 100 best)"),
            reference=None if whole is None else float(whole["estimate"]),
            reference_label=words("whole institution"),
        )
        note = words(
            "Units with fewer than {n} answers are hidden, and so are others where a hidden one could be "
            "worked out. Overlapping intervals: the order of two units is then not settled.",
            n=page.setup.round.disclosure.min_cell,
        )
        return (chart if len(drawn) else "") + score_table(
            rows,
            f"units_{source}",
            words("Scores by unit: {source}", source=words.value("source", source)),
            words("Unit"),
            words,
            note,
        )

    return show(make)


def experiences_view(page: InstitutionPage) -> Shown:
    """Experience rates, each with its denominator."""
    texts = experience_labels(page)

    def make(words: Words) -> str:
        rows = page.rows("experience_rate")
        rows = rows.assign(label=[words.pick(texts[code]) for code in rows["dimension"]])
        with_contact = rows[(rows["domain"] == "contacts") & (rows["status"] == "shown")]
        chart = interval_chart(
            with_contact,
            "chart-experiences",
            words("Experiences in the last 12 months, among those with contact"),
            words=words,
            x_label=words("Percent of those with contact"),
            limits=(0.0, max(10.0, float(with_contact["ci_high"].max()) * 1.1)) if len(with_contact) else None,
        )
        return (chart if len(with_contact) else "") + experience_table(rows, words)

    return show(make)


def recommendations_view(page: InstitutionPage) -> Shown:
    """The recommendations, strongest evidence first."""
    rules = {rule.code: rule for rule in page.setup.rules.rules}

    def make(words: Words) -> str:
        if page.recommendations.empty:
            return html_paragraphs(
                [words("No rule for a recommendation is met with enough certainty. This is no proof that all is well.")]
            )
        items = []
        for row in page.recommendations.itertuples():
            rule = rules[row.code]
            evidence = words(
                "Evidence: {what} {value} ({interval}, n = {n}); threshold {threshold}. Basis: {reference}.",
                what=measure_label(page, row.audience, row.measure, words),
                value=words.number(row.estimate, 1),
                interval=words.interval(row.ci_low, row.ci_high, 1),
                n=words.number(row.n, 0),
                threshold=words.number(row.threshold, 0),
                reference=rule.reference,
            )
            items.append(
                f"<li><strong>{escape(words.pick(rule.title))}.</strong> {escape(words.pick(rule.text))}"
                f'<p class="note">{escape(evidence)}</p></li>'
            )
        return f'<ol class="recommendations">{"".join(items)}</ol>'

    return show(make)


def quality_view(page: InstitutionPage) -> Shown:
    """How sure the figures are, and how they were made."""
    return show(lambda words: html_paragraphs(quality_sentences(page, words)) + quality_table(page, words))


def glossary_view(page: InstitutionPage) -> Shown:
    """The words that the page uses."""
    return show(lambda words: html_list(glossary_entries(words.language), "glossary"))
