"""The page's tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spi_analysis.params import Source
from spi_analysis.reporting import (
    MISSING,
    Column,
    Words,
    figures,
    hidden_sentences,
    html_paragraphs,
    html_table,
    panel_note,
    text,
)
from spi_analysis.reporting.institution.sentences import denominator
from spi_analysis.stages import InstitutionPage, model_state


def who_answered_table(page: InstitutionPage, words: Words) -> str:
    """Who was invited and who answered, per source."""
    who = page.who
    columns = [
        text(words("Source"), (words.value("source", s) for s in who["source"])),
        figures(words("On the list"), (words.number(n, 0) for n in who["eligible"])),
        figures(words("Invited"), (words.number(n, 0) for n in who["invited"])),
        figures(words("Answered"), answered_texts(who, words)),
        figures(words("Answers aimed for"), (words.number(n, 0) for n in who["needed"])),
        figures(words("Response rate (RR1)"), (words.percent(rate) for rate in who["RR1"])),
    ]
    note = words(
        "Answered: sent off, or at least {share} of the questions answered. RR1 is the share of questionnaires sent "
        "off among all who were invited and not found ineligible (AAPOR 2023), so it may be lower than answered "
        "divided by invited. Weights correct for groups that answered less; they cannot correct for what only "
        "nonrespondents know. A dash: where few of a source did not answer, its numbers would tell how few.",
        share=words.percent(page.setup.round.dispositions.min_answered_share, 0),
    )
    note = f"{note} {panel_note(page.setup.round, words)}"
    return page_table(columns, "who_answered", words("Invitations and answers by source"), note, words)


def composition_table(page: InstitutionPage, index: pd.Series, words: Words) -> str:
    """Scores, weights and points of every part of the index, and the index that they add up to."""
    points = page.rows("index_part").set_index("part")["estimate"]
    scores = page.rows("source_score").set_index("source").reindex(points.index)
    weights = pd.Series(page.setup.round.index.source_weights).reindex(points.index)
    limits = zip(scores["ci_low"], scores["ci_high"], strict=True)
    columns = [
        text(words("Part"), [*(words.value("part", part) for part in points.index), words.value("part", "index")]),
        figures(words("Score"), [*(words.number(x) for x in scores["estimate"]), MISSING]),
        figures(words("Weight"), [*(words.number(x, 3) for x in weights), MISSING]),
        figures(words("Points"), [*(words.signed(x) for x in points), words.number(index["estimate"])]),
        figures(
            words("Interval"),
            [
                *(words.interval(low, high) for low, high in limits),
                words.interval(index["ci_low"], index["ci_high"]),
            ],
        ),
        figures(words("Answers (n)"), [*(words.number(x, 0) for x in scores["n"]), words.number(index["n"], 0)]),
    ]
    note = words(
        "The interval of a source is that of its score, the last one that of the index. Weights: {weights}. "
        "Corrections: {corrections}. The experts are a small nominated panel; their interval treats them as if drawn "
        "from all who could have been asked.",
        weights=words.pick(page.setup.round.index.cite),
        corrections=page.inputs.source,
    )
    return page_table(columns, "composition", words("Scores, weights and points"), note, words)


def history_table(page: InstitutionPage, words: Words) -> str:
    """Published indices, this round, and the change."""
    past, index, change = page.history, page.figure("index"), page.figure("index_change")
    rows = [(str(row["year"]), words.number(row["index"]), MISSING, MISSING, words.value("basis", "published"))
            for _, row in past.iterrows()]  # fmt: skip
    if index is not None:
        kind = words.value("basis", own_basis(page))
        rows.append((str(page.setup.round.year), words.number(index["estimate"]), *_limits_and_n(index, words), kind))
    if change is not None and index is not None:
        years = words("Change {before} to {after}", before=change["reference_year"], after=page.setup.round.year)
        how = words.value("basis", change_basis(page))
        rows.append((years, words.signed(change["estimate"]), *_limits_and_n(change, words), how))
    year, value, interval, n, kind = ([row[i] for row in rows] for i in range(5))
    columns = [
        text(words("Year"), year),
        figures(words("Index"), value),
        figures(words("Interval"), interval),
        figures(words("Answers (n)"), n),
        text(words("Figure"), kind),
    ]
    note = words("Source of published figures: {source}.", source=words.pick(page.setup.years.cite))
    return page_table(columns, "history", words("Published years and this round"), note, words)


def own_basis(page: InstitutionPage) -> str:
    """What the index of this round rests on: a code of ``basis``."""
    return "this_round_generated" if page.is_synthetic else "this_round"


def change_basis(page: InstitutionPage) -> str:
    """What the change is made from: a code of ``basis``."""
    return "both_rounds" if page.figure("index_previous") is not None else "minus_published"


def _limits_and_n(row: pd.Series, words: Words) -> tuple[str, str]:
    return words.interval(row["ci_low"], row["ci_high"]), words.number(row["n"], 0)


def score_table(
    page: InstitutionPage, rows: pd.DataFrame, name: str, title: str, heading: str, words: Words, note: str = ""
) -> str:
    """Scores with interval and n, one row per label; one sentence for all that are hidden."""
    shown = rows[rows["status"] == "shown"]
    columns = [text(heading, shown["label"]), *figure_columns(shown, words("Score"), words)]
    table = page_table(columns, name, title, note, words) if len(shown) else ""
    return table + _hidden(page, rows, words)


def unit_table(page: InstitutionPage, rows: pd.DataFrame, source: Source, title: str, words: Words) -> str:
    """Scores of units; beside them what the model makes of them, where there are units enough."""
    shown = rows[rows["status"] == "shown"]
    note = words(
        "Scores that lie close together may change places: their order is not settled. A unit's interval also "
        "counts that it has few answers."
    )
    model = page.rows("unit_score_model", source=source).set_index("domain")
    beside = []
    if len(model):
        model = model.reindex(shown["domain"])
        limits = zip(model["ci_low"], model["ci_high"], strict=True)
        beside = [
            figures(words("Model-based score"), (words.number(x, 1) for x in model["estimate"])),
            figures(words("Its interval"), (words.interval(low, high, 1) for low, high in limits)),
        ]
        note += " " + words(
            "The model-based score draws a unit with few answers towards the mean of the units shown (Fay and Herriot "
            "1979): less moved by chance, but it hides part of what makes a small unit special."
        )
    elif model_state(page.figures, source, page.setup.round.small_area) == "no_spread":
        note += " " + words(
            "The units differ no more than chance would make them differ, so there are no model-based scores beside "
            "them."
        )
    columns = [text(words("Unit"), shown["label"]), *figure_columns(shown, words("Score"), words), *beside]
    table = page_table(columns, f"units_{source}", title, note, words) if len(shown) else ""
    return table + _hidden(page, rows, words)


def experience_table(page: InstitutionPage, rows: pd.DataFrame, words: Words) -> str:
    """Experience rates, each with its denominator; one sentence for all that are hidden."""
    shown = rows[rows["status"] == "shown"]
    who = zip(shown["source"], shown["denominator"], strict=True)
    columns = [
        text(words("Experience"), shown["label"]),
        text(words("Denominator"), (denominator(s, d, words) for s, d in who)),
        *figure_columns(shown, words("Share"), words, unit="%"),
    ]
    note = words(
        "Two shares, never to be mixed: of everyone who answered, and of those who had contact in the "
        "last 12 months. A report of an experience is not a proven case."
    )
    title = words("Experiences in the last 12 months")
    table = page_table(columns, "experience_rates", title, note, words) if len(shown) else ""
    labels = [f"{r.label} ({denominator(r.source, r.denominator, words)})" for r in rows.itertuples()]
    return table + _hidden(page, rows.assign(label=labels), words)


def _hidden(page: InstitutionPage, rows: pd.DataFrame, words: Words) -> str:
    return html_paragraphs(hidden_sentences(rows, page.setup.round.disclosure.min_cell, words), "hidden-figures")


def quality_table(page: InstitutionPage, words: Words) -> str:
    """Answers, effective answers, and each source's share of the uncertainty."""
    who = page.who
    shares = page.rows("index_variance_share").set_index("part")["estimate"]
    columns = [
        text(words("Source"), (words.value("source", s) for s in who["source"])),
        figures(words("Answers (n)"), answered_texts(who, words)),
        figures(words("Effective answers"), (words.number(n, 0) for n in who["effective_n"])),
        figures(words("Design effect of the weights"), (words.number(d) for d in who["kish_deff"])),
        figures(words("Share of the index's uncertainty"), (words.percent(shares.get(s), 0) for s in who["source"])),
    ]
    note = words(
        "Methods: response rates AAPOR (2023), effective answers and design effect Kish (1965), replicates Rao and Wu "
        "(1988)."
    )
    return page_table(columns, "quality", words("Quality in figures"), note, words)


def answered_texts(who: pd.DataFrame, words: Words) -> list[str]:
    """Number of answers; where it may not be shown, what it is below."""
    counts = zip(who["answered"], who["least"], strict=True)
    return [f"< {least}" if pd.isna(n) else words.number(n, 0) for n, least in counts]


def figure_columns(rows: pd.DataFrame, heading: str, words: Words, unit: str = "") -> list[Column]:
    """Estimate, interval and n of the shown rows of the estimates."""
    limits = zip(rows["ci_low"], rows["ci_high"], strict=True)
    return [
        figures(heading, (words.number(x, 1) + unit for x in rows["estimate"])),
        figures(words("Interval"), (words.interval(low, high, 1, unit) for low, high in limits)),
        figures(words("Answers (n)"), (words.number(n, 0) for n in rows["n"])),
    ]


def page_table(columns: Sequence[Column], name: str, title: str, note: str, words: Words) -> str:
    """A table of the page, with the address of its CSV."""
    return html_table(columns, f"table-{name}", title, note=note, csv=f"tables/{name}.csv", words=words)
