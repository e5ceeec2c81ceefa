"""The page's tables, and the same figures as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spi_analysis.reporting.institution.labels import figure_text
from spi_analysis.reporting.tables import Column, figures, html_table, text
from spi_analysis.reporting.wording import MISSING, Words
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.tables.files import write_csv


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
        "RR1 is the share of complete answers among all who were invited and not found ineligible "
        "(AAPOR 2023). Weights correct for groups that answered less; they cannot correct for what "
        "only the silent know."
    )
    return page_table(columns, "who_answered", words("Invitations and answers by source"), note, words)


def composition_table(page: InstitutionPage, words: Words) -> str:
    """Scores, weights and points of every part of the index."""
    points = page.rows("index_part").set_index("dimension")["estimate"]
    scores = page.rows("source_score").set_index("source").reindex(points.index)
    weights = pd.Series(page.setup.round.index.source_weights).reindex(points.index)
    limits = zip(scores["ci_low"], scores["ci_high"], strict=True)
    columns = [
        text(words("Part"), (words.value("part", part) for part in points.index)),
        figures(words("Score"), (words.number(x) for x in scores["estimate"])),
        figures(words("Interval"), (words.interval(low, high) for low, high in limits)),
        figures(words("Weight"), (words.number(x, 3) for x in weights)),
        figures(words("Points"), (words.signed(x) for x in points)),
        figures(words("Answers (n)"), (words.number(x, 0) for x in scores["n"])),
    ]
    note = words(
        "Weights: {weights}. Corrections: {corrections}. The experts are a small nominated panel; their interval "
        "treats them as if drawn from all who could have been asked.",
        weights=words.pick(page.setup.round.index.cite),
        corrections=page.inputs.source,
    )
    return page_table(columns, "composition", words("Scores, weights and points"), note, words)


def history_table(page: InstitutionPage, index: pd.Series, words: Words) -> str:
    """Published indices and this round."""
    past = page.history
    columns = [
        text(words("Year"), [*past["year"].astype(str), str(page.setup.round.year)]),
        figures(words("Index"), [*(words.number(x) for x in past["index"]), words.number(index["estimate"])]),
        figures(words("Interval"), [MISSING] * len(past) + [words.interval(index["ci_low"], index["ci_high"])]),
        text(words("Figure"), [words("published")] * len(past) + [words("this round")]),
    ]
    note = words("Source of published figures: {source}.", source=words.pick(page.setup.years.cite))
    return page_table(columns, "history", words("Published years and this round"), note, words)


def score_table(rows: pd.DataFrame, name: str, title: str, heading: str, words: Words, note: str = "") -> str:
    """Scores with interval and n, one row per label."""
    columns = [text(heading, rows["label"]), *figure_columns(rows, words("Score"), words)]
    return page_table(columns, name, title, note, words)


def experience_table(rows: pd.DataFrame, words: Words) -> str:
    """Experience rates, each with its denominator."""
    who = zip(rows["source"], rows["domain"], strict=True)
    columns = [
        text(words("Experience"), rows["label"]),
        text(words("Denominator"), (f"{words.value('part', s)}, {words.value('domain', d)}" for s, d in who)),
        *figure_columns(rows, words("Share"), words, unit=" %"),
    ]
    note = words(
        "Two shares, never to be mixed: of everyone who answered, and of those who had contact in the "
        "last 12 months. A report of an experience is not a proven case."
    )
    return page_table(columns, "experience_rates", words("Experiences in the last 12 months"), note, words)


def quality_table(page: InstitutionPage, words: Words) -> str:
    """Answers, effective answers, and each source's share of the uncertainty."""
    who = page.who
    shares = page.rows("index_variance_share").set_index("source")["estimate"]
    columns = [
        text(words("Source"), (words.value("source", s) for s in who["source"])),
        figures(words("Answers (n)"), answered_texts(who, words)),
        figures(words("Effective answers"), (words.number(n, 0) for n in who["effective_n"])),
        figures(words("Design effect of the weights"), (words.number(d) for d in who["kish_deff"])),
        figures(words("Share of the index's uncertainty"), (words.percent(shares.get(s), 0) for s in who["source"])),
    ]
    note = words("Methods and assumptions: docs/methods of the workbench.")
    return page_table(columns, "quality", words("Quality in figures"), note, words)


def answered_texts(who: pd.DataFrame, words: Words) -> list[str]:
    """Number of answers; where it may not be shown, what it is below."""
    counts = zip(who["answered"], who["least"], strict=True)
    return [f"< {least}" if pd.isna(n) else words.number(n, 0) for n, least in counts]


def figure_columns(rows: pd.DataFrame, heading: str, words: Words, unit: str = "") -> list[Column]:
    """Estimate, interval and n of estimates rows; a hidden figure says that it is hidden."""
    shown = zip(rows["estimate"], rows["status"], strict=True)
    limits = zip(rows["ci_low"], rows["ci_high"], strict=True)
    return [
        figures(heading, (figure_text(words, x, status, 1, unit) for x, status in shown)),
        figures(words("Interval"), (words.interval(low, high, 1) for low, high in limits)),
        figures(words("Answers (n)"), (words.number(n, 0) for n in rows["n"])),
    ]


def page_table(columns: Sequence[Column], name: str, title: str, note: str, words: Words) -> str:
    """A table of the page, with the address of its CSV."""
    return html_table(columns, f"table-{name}", title, note=note, csv=f"tables/{name}.csv", words=words)


def save_tables(page: InstitutionPage, folder: Path) -> list[str]:
    """Write the CSV of every table of the page; returns the file names."""
    rows = page.figures
    measure = rows["measure"]
    tables = {
        "who_answered": page.who,
        "composition": rows[measure.isin(["index", "source_score", "index_part"])],
        "history": page.history,
        "dimensions": rows[measure == "dimension_score"],
        "experience_rates": rows[measure == "experience_rate"],
        "recommendations": page.recommendations,
        "quality": rows[measure.str.startswith(("index", "category", "target"))],
        **{
            f"units_{source}": rows[(measure == "unit_score") & (rows["source"] == source)]
            for source in page.setup.round.probability_sources
        },
    }
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
    return [f"{name}.csv" for name in tables]
