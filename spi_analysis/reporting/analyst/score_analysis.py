"""Notebook 40: scores with their uncertainty, and how complete the answers are."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import pandas as pd

from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.reporting import (
    AnyText,
    Chart,
    Shown,
    Together,
    View,
    Words,
    chance,
    chart,
    coded,
    count,
    heatmap,
    hidden_sentences,
    html_paragraphs,
    in_words,
    interval,
    message,
    number,
    part_label,
    percent,
    phrases,
    question_label,
    show,
    worded,
    written,
)
from spi_analysis.reporting.analyst.nonresponse_weighting import odds_table
from spi_analysis.reporting.names import CHECKS
from spi_analysis.reporting.view_columns import Column, p_value
from spi_analysis.scores import indirect_checks, score_estimates
from spi_analysis.stages import ExperienceModel, Scored, expert_readings, item_weights, sources_without_score
from spi_analysis.survey.estimation import Estimate, contrast
from spi_analysis.tables import MODES, RoundData


def weights_note(data: RoundData, save: bool) -> Shown | None:
    """Which weights the scores are made from, for a person who looks; a run has made them itself."""
    if save:
        return None
    at = data.written("weights")
    return show(
        lambda words: html_paragraphs(
            [
                words(
                    "These are the weights written on {date} at {time}. Nothing that is computed here will be saved.",
                    date=words.date(at.date()),
                    time=f"{at:%H:%M}",
                )
            ]
        )
    )


WORST = 15


class TableKind(NamedTuple):
    """What a table of the notebook holds, the words above it, and how its figures are written."""

    measures: tuple[str, ...]
    title: str
    unit: Literal["", "%", "share"] = ""
    note: str = ""


TABLES = {
    "index": TableKind(
        ("index", "index_without_panel_variance", "index_panel_reading", "index_repeated", "source_score"),
        message("Index and source scores"),
        note=message(
            "The index has no effective number of answers: sources of different kind cannot be counted together."
        ),
    ),
    "parts": TableKind(
        ("index_part",),
        message("Points of the parts"),
        note=message("Points of a source: its score times its weight; the interval stands beside the score above."),
    ),
    "change": TableKind(
        (
            "index_previous",
            "index_previous_noise",
            "index_change",
            "change_source",
            "change_weights",
            "change_correction",
            "change_component",
            "change_unexplained",
            "change_dimension",
        ),
        message("Change, and its parts (points)"),
        note=message("The parts sum to the change, and the dimensions of a source to its part, apart from rounding."),
    ),
    "nominators": TableKind(
        ("nominator_difference",),
        message("Experts by who named them (points)"),
        note=message(
            "Above 0: those whom the institution named judge it better. Shown where both named at least as many of "
            "those who answered as may be shown."
        ),
    ),
    "score_changes": TableKind(
        ("dimension_change", "item_change"),
        message("Change of dimensions (points) and of questions (percentage points)"),
        note=message("Rounds taken as independent: too wide where people answered in both; n: of the smaller round."),
    ),
    "chances": TableKind(
        ("category_probability", "target_probability", "change_probability", "index_variance_share"),
        message("Chances, and shares of the variance (percent)"),
        "share",
    ),
    "dimensions": TableKind(("dimension_score",), message("Dimensions")),
    "units": TableKind(("unit_score",), message("Units")),
    "units_model": TableKind(("unit_score_model",), message("Units, model-based estimates")),
    "classes": TableKind(("class_score",), message("Position classes")),
    "items": TableKind(
        ("item_favourable", "item_neutral", "item_unfavourable"), message("Answers to every question (percent)"), "%"
    ),
    "experiences": TableKind(("experience_rate",), message("Experience rates (percent)"), "%"),
    "indirect": TableKind(
        ("list_rate", "list_gap", "crosswise_rate", "crosswise_gap", "climate_rate"),
        message("Asked indirectly, and the climate of reporting (percent)"),
        "%",
        message("A rate or gap may lie below 0: it is a difference, and chance moves it."),
    ),
}
# Kinds of part that have words of their own; the others share those of ``part``.
OWN_WORDS = ("category", "target")
# Tables that are made from the index.
NEED_INDEX = ("index", "index_repeated", "parts", "change", "chances")
# Sources of different kind have no effective number of answers in common.
_INDEX = (
    "index", "index_repeated", "index_without_panel_variance", "index_panel_reading", "index_change", "index_previous",
    "change_weights",
)  # fmt: skip


def estimates_table(scored: Scored, which: str, instrument: Instrument, round_: RoundParams) -> Shown:
    """One of ``TABLES``: the shown estimates with everything that belongs to them, and a sentence for the others."""
    kind = TABLES[which]
    every = scored.estimates[scored.estimates["measure"].isin(kind.measures)]
    rows = every[every["status"] == "shown"]

    def said(words: Words) -> str:
        told = every[[*KEYS, "status"]].itertuples()
        labelled = every.assign(label=["" if x.status == "shown" else _what(x, instrument, words) for x in told])
        why = [*hidden_sentences(labelled, round_.disclosure.min_cell, words), *_missing(scored, which, round_, words)]
        if rows.empty and not why:
            return html_paragraphs([words("There is nothing to show.")])
        return html_paragraphs(why, "hidden-figures")

    if rows.empty:
        return show(said)
    shown = rows.assign(effective_n=rows["effective_n"].where(~rows["measure"].isin(_INDEX)))
    columns = (
        written(message("Measure"), KEYS, partial(_label, instrument)),
        *(column for column in _figure_columns(kind.unit) if shown[column.parts[0].names[0]].notna().any()),
    )
    notes = (kind.note,) if kind.note else ()
    return View(shown, columns, notes=notes, title=kind.title, name=which) + show(said)


# What an estimate is of.
KEYS = ("measure", "source", "part_kind", "part", "domain_kind", "domain", "denominator", "reference_year")


_Keys = namedtuple("_Keys", KEYS)


def _label(instrument: Instrument, words: Words, *keys: object) -> str:
    return _what(_Keys(*keys), instrument, words)


def _missing(scored: Scored, which: str, round_: RoundParams, words: Words) -> list[str]:
    """Under a table that needs the index: the sources without which there is none."""
    index = scored.estimates[scored.estimates["measure"] == "index"]
    missing = sources_without_score(scored.estimates, round_)
    if which not in NEED_INDEX or not missing or (index["status"] == "withheld").any():
        return []
    names = words.listed(words.value("source", source) for source in missing)
    return [words("There is no index: no answers, or too few, of {sources}.", sources=names)]


def _figure_columns(unit: str) -> tuple[Column, ...]:
    """All columns of figures; those that no row has are left out by the caller."""
    value = message("Estimate")
    return (
        chance(value, "estimate") if unit == "share" else number(value, "estimate", unit=unit),
        number(message("Standard error"), "se"),
        interval(message("Interval"), "ci_low", "ci_high", unit=unit if unit == "%" else ""),
        number(message("Degrees of freedom"), "df_design", 1),
        count(message("Answers (n)"), "n"),
        count(message("Effective answers"), "effective_n"),
    )


# Where the colour of a question changes: favourable answers in percent.
FAVOURABLE = (50, 65, 80)


def questions_chart(scored: Scored, instrument: Instrument) -> Shown:
    """Favourable answers to every question, a row of cells for every dimension of every source."""
    found = scored.estimates[scored.estimates["measure"] == "item_favourable"].set_index(["source", "part"])["estimate"]
    parts = [
        (source, dimension) for source in instrument.sources for dimension in instrument.sources[source].dimensions
    ]
    items = [(of, one.code, n, item.code) for of, one in parts for n, item in enumerate(one.items, 1) if of in found]
    if not items:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    rows = pd.DataFrame(items, columns=["source", "dimension", "number", "item"])
    rows = rows.assign(estimate=[found.get((row.source, row.item)) for row in rows.itertuples()])
    columns = (
        written(message("Dimension"), ("source", "dimension"), partial(_name, instrument)),
        count(message("Question"), "number"),
        written(message("Statement"), ("source", "item"), lambda words, *of: question_label(instrument, *of, words)),
        number(message("Favourable answers"), "estimate", 0, unit="%"),
    )
    title = message("Favourable answers to every question")
    return View(
        rows, columns, _questions_picture(rows, instrument, title), title=title, name="item-shares", with_table=False
    )


def _questions_picture(rows: pd.DataFrame, instrument: Instrument, title: str) -> Chart:
    parts = list(rows[["source", "dimension"]].itertuples(index=False, name=None))
    note = message(
        "A number is a question of the dimension, in the order of the table of answers below. The stronger the colour, "
        "the more favourable answers; it changes at {low}, {middle} and {high}. A dash: the share may not be shown."
    )
    return chart(
        heatmap,
        rows.assign(
            label=phrases(lambda words: [_name(instrument, words, *part) for part in parts]),
            series=rows["number"].map(str),
            text=phrases(lambda words: [words.percent(share / 100, 0) for share in rows["estimate"]]),
        ),
        "chart-questions",
        in_words(title),
        decimals=0,
        steps=FAVOURABLE,
        x_label=in_words(message("Question")),
        note=with_steps(note, FAVOURABLE),
    )


def with_steps(note: str, steps: tuple[int, int, int], **facts: object) -> AnyText:
    """A note that says where the colour of a cell changes, in percent: {low}, {middle}, {high}."""

    def said(words: Words) -> str:
        low, middle, high = (words.percent(step / 100, 0) for step in steps)
        return words(note, low=low, middle=middle, high=high, **facts)

    return said


READING_WORDS = {
    "drawn": message("drawn: the mean of the list"),
    "panel": message("a panel: all who could have been asked"),
    "kinds": message("a panel whose kinds agree among themselves"),
}


def experts_view(scored: Scored, data: RoundData) -> Shown:
    """The experts' score read in several ways, and whether it depends on who named them."""
    round_, params = data.round, data.setup.years.experts
    agree = None if params is None else params.kinds_agree
    rows = expert_readings(scored, round_, agree)
    named = estimates_table(scored, "nominators", data.instrument, round_)
    if rows.empty:
        return named
    columns = (
        coded(message("Source"), "source", "part"),
        worded(message("Read as"), "reading", READING_WORDS),
        *_figure_columns("")[:-1],
    )

    def note(words: Words) -> str:
        return words(
            "On the report stands the first row of a source. Experts of one kind (auditors, journalists) may judge "
            "alike, and then say less than as many who judge each by themselves: assumed is a correlation of "
            "{agree} (params/published.yaml).",
            agree=words.exact(agree),
        )

    notes = () if agree is None else (note,)
    title = message("The experts' score, read in several ways")
    return View(rows, columns, notes=notes, title=title, name="experts-readings") + named


def item_nonresponse_table(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown:
    """Items with the most missing answers."""
    if scored.item_nonresponse.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    worst = shown_gaps(scored.item_nonresponse, round_.disclosure.min_cell).head(WORST)
    if worst.empty:
        return show(lambda words: html_paragraphs([words("No item lacks an answer.")]))
    texts = {q.code: q.text for questions in instrument.questions.values() for q in questions}

    columns = (
        written(message("Item"), ("item",), lambda words, code: words.pick(texts[code])),
        coded(message("Source"), "source", "part"),
        percent(message("Do not know"), "dont_know"),
        percent(message("Refused"), "refused"),
        percent(message("Left empty"), "left_empty"),
        count(message("Answers (n)"), "n"),
    )

    def note(words: Words) -> str:
        return words(
            "Such answers are outside the item's denominator. The {n} items with the most, of those that at least "
            "{least} people answered.",
            n=WORST,
            least=round_.disclosure.min_cell,
        )

    return View(worst, columns, notes=(note,), title=message("Missing answers"), name="item-nonresponse")


def shown_gaps(gaps: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Items that at least ``min_cell`` people answered and somebody did not, the most missing answers first.

    How many left a question open is not protected: it follows from the n of every score, and tells of no answer.
    """
    missing = (gaps["respondents"] - gaps["n"]) / gaps["respondents"]
    shown = gaps.assign(missing=-missing)[(gaps["n"] >= min_cell) & (missing > 0)]
    return shown.sort_values(["missing", "item"]).drop(columns="missing")


def _what(row: Any, instrument: Instrument, words: Words) -> str:
    names = {
        code: label
        for part in instrument.sources.values()
        for code, label in [(d.code, d.label) for d in part.dimensions]
        + [(e.code, e.label) for e in [*part.experiences, *part.modules.questions]]
    }
    parts = (
        []
        if row.measure.endswith(("_score", "_score_model", "experience_rate"))
        else [words.value("measure", row.measure)]
    )
    parts += [words.value("part", row.source)] if isinstance(row.source, str) else []
    if isinstance(row.part, str):
        kind = row.part_kind if row.part_kind in OWN_WORDS else "part"
        parts.append(words.pick(names[row.part]) if row.part in names else words.value(kind, row.part))
    parts += [words.value(row.domain_kind, row.domain)] if isinstance(row.domain, str) else []
    parts += [words.value("denominator", row.denominator)] if isinstance(row.denominator, str) else []
    parts += [str(int(row.reference_year))] if pd.notna(row.reference_year) else []
    return ": ".join(parts)


# Notebook 40: how reliable the dimensions are, and what other weights would make of the scores.

METHODS = {
    "declared": message("as declared (used)"),
    "pca": message("principal component"),
    "efa": message("common factor"),
}


def reliability_view(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown:
    """Alpha with its interval, and omega, per dimension."""
    rows = scored.reliability
    if rows.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))

    columns = (
        written(message("Dimension"), ("source", "dimension"), partial(_name, instrument)),
        count(message("Items"), "items"),
        number(message("Alpha"), "estimate"),
        number(message("Standard error"), "se"),
        interval(message("Interval"), "ci_low", "ci_high"),
        number(message("Omega"), "omega"),
        count(message("Answers (n)"), "n"),
    )

    def note(words: Words) -> str:
        return words(
            "Cronbach's alpha and McDonald's omega of people who answered every item of the dimension. No omega with "
            "fewer than three items, or where one factor does not fit; nothing on fewer than {least} people.",
            least=round_.disclosure.min_cell,
        )

    return View(rows, columns, notes=(note,), title=message("Reliability of the dimensions"), name="reliability")


def _name(instrument: Instrument, words: Words, source: Source, dimension: str) -> str:
    return part_label(instrument, source, dimension, words)


def weights_view(scored: Scored, instrument: Instrument) -> Shown:
    """The declared weights of the dimensions beside two that follow from the data."""
    rows = scored.dimension_weights
    if rows.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    weights = rows.pivot(index=["source", "dimension"], columns="method", values="weight")
    weights = weights.reindex(rows[["source", "dimension"]].drop_duplicates())
    scores = rows.drop_duplicates(["source", "method"])

    shares = (
        written(message("Dimension"), ("source", "dimension"), partial(_name, instrument)),
        *(number(heading, method, 3) for method, heading in METHODS.items() if method in weights),
    )
    made = (
        coded(message("Source"), "source", "part"),
        worded(message("Weights"), "method", METHODS),
        number(message("Source score"), "estimate"),
        number(message("Standard error"), "se"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers (n)"), "n"),
    )
    note = message(
        "Weights derived from data follow how dimensions correlate, not how much they matter, and differ from "
        "institution to institution: they show how far a score depends on its weights, and are never used. Their "
        "intervals take the weights as given."
    )
    first = View(weights.reset_index(), shares, title=message("Weights of the dimensions"), name="weights")
    return first + View(scores, made, notes=(note,), title=message("Scores by weights"), name="weights-scores")


# From the designs of the sources: what no table of estimates holds.


def dimensions_apart_note(dimensions: Mapping[Source, Estimate], scored: Scored, instrument: Instrument) -> Shown:
    """How far the highest and the lowest dimension of every source lie apart, with the interval of the difference."""
    shown = scored.estimates[
        (scored.estimates["measure"] == "dimension_score") & (scored.estimates["status"] == "shown")
    ]
    visible = {source: set(part["part"]) for source, part in shown.groupby("source")}

    def said(words: Words) -> str:
        found = [
            _apart(source, estimates, visible[source], instrument, words)
            for source, estimates in dimensions.items()
            if len(visible.get(source, ())) > 1
        ]
        return html_paragraphs(found or [words("There is nothing to show.")])

    return show(said)


def _apart(source: Source, estimates: Estimate, visible: set[str], instrument: Instrument, words: Words) -> str:
    values = estimates.table["estimate"].where(estimates.table["variable"].isin(visible))
    high, low = int(values.idxmax()), int(values.idxmin())
    (row,) = contrast(estimates, {high: 1.0, low: -1.0}).table.to_dict("records")
    names = [_name(instrument, words, source, estimates.table["variable"][place]) for place in (high, low)]
    return words(
        "{high} lies {points} points above {low} ({interval}).",
        high=names[0],
        low=names[1],
        points=words.number(row["estimate"]),
        interval=words.interval(row["ci_low"], row["ci_high"]),
    )


def indirect_tables(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown | None:
    """What indirect questions tell, and what speaks against the list; None where the round does not ask so here."""
    every = scored.estimates[scored.estimates["measure"].isin(TABLES["indirect"].measures)]
    if every.empty:
        return None
    shown = show(lambda words: html_paragraphs([words(INDIRECT)])) + estimates_table(
        scored, "indirect", instrument, round_
    )
    for source in [one for one in scored.designs if one in set(every.loc[every["status"] == "shown", "source"])]:
        checks = indirect_checks(scored.designs[source], instrument, source, round_.disclosure.min_cell)
        if len(checks):
            shown += _checks_view(source, checks)
    return shown


INDIRECT = message(
    "Asked by lists and by a crossed question, too: does the interval of what is not said directly lie above zero? In "
    "one institution it seldom does. A small p value among the checks of the list speaks against it."
)


def _checks_view(source: Source, checks: pd.DataFrame) -> View:
    columns = (
        worded(message("Looked at"), "check", CHECKS),
        percent(message("Share"), "estimate"),
        p_value(message("p value"), "p_value"),
        count(message("Answers (n)"), "n"),
    )

    def title(words: Words) -> str:
        return words("Checks of the list: {source}", source=words.value("source", source))

    return View(checks, columns, title=title, name=f"list_checks_{source}")


def modes_table(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown:
    """The score of each source by the mode of the answers, and how far each lies from the first mode."""
    shown = scored.estimates[(scored.estimates["measure"] == "source_score") & (scored.estimates["status"] == "shown")]
    of_several = [
        source for source, design in scored.designs.items()
        if source in set(shown["source"]) - set(round_.nominated) and design.data["mode"].nunique() > 1
    ]  # fmt: skip
    least = round_.disclosure.min_cell
    told = [source for source in of_several if scored.designs[source].data["mode"].value_counts().min() >= least]

    def few(words: Words) -> str:
        names = words.listed(words.value("source", source) for source in of_several if source not in told)
        text = message(
            "By one of the modes fewer than {least} people answered, so no score is given by mode: {sources}."
        )
        said = [words(text, least=least, sources=names)] if names else []
        return html_paragraphs(said if of_several else [words("All answers were given by one mode.")], "modes")

    if not told:
        return show(few)
    rows = pd.concat([_by_mode(source, scored.designs[source], instrument, round_.level) for source in told])
    columns = (
        coded(message("Source"), "source", "source"),
        coded(message("Mode"), "mode", "mode"),
        number(message("Score"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers"), "n"),
        number(message("Difference from the first"), "difference"),
        interval(message("Interval of the difference"), "low", "high"),
    )
    note = message(
        "Not corrected: who answers by another mode is another kind of person, and a mode may also change the answer. "
        "The two cannot be told apart here."
    )
    return View(rows, columns, notes=(note,), title=message("Scores by mode"), name="modes") + show(few)


def _by_mode(source: Source, design: Any, instrument: Instrument, level: float) -> pd.DataFrame:
    """Score of each mode, and its difference from that of the first mode of ``MODES`` that was used."""
    found = score_estimates(design, item_weights(instrument, source), level, by="mode")
    scores = found.table[found.table["variable"] == "score"].assign(place=lambda t: t["mode"].map(MODES.index))
    scores = scores.sort_values("place")
    first = int(scores.index[0])
    apart = contrast(found, {str(row): {int(row): 1.0, first: -1.0} for row in scores.index[1:]}).table
    limits = apart[["estimate", "ci_low", "ci_high"]].set_axis(scores.index[1:])
    limits = limits.set_axis(["difference", "low", "high"], axis=1)
    return scores.join(limits)[["mode", "estimate", "ci_low", "ci_high", "n", *limits.columns]].assign(source=source)


def open_link_table(reading: pd.DataFrame, round_: RoundParams) -> Shown:
    """Answers by open link beside the estimate, and both read together; a sentence where there are none to show."""
    if reading.empty:
        text = message(
            "No answers by open link (QR) that may be shown: there are none, fewer than {least} of a source, they are "
            "too much alike to hide anybody's, or the source's score is not shown."
        )
        return show(lambda words: html_paragraphs([words(text, least=round_.disclosure.min_cell)], "open-link"))
    columns = (
        coded(message("Source"), "source", "source"),
        number(message("Score"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers"), "n"),
        number(message("Score by open link"), "open_estimate"),
        interval(message("Interval by open link"), "open_ci_low", "open_ci_high"),
        count(message("Answers by open link"), "n_open"),
        number(message("Difference"), "difference_estimate"),
        interval(message("Interval of the difference"), "difference_ci_low", "difference_ci_high"),
        number(message("Merged reading"), "merged_estimate"),
        interval(message("Interval of the merged reading"), "merged_ci_low", "merged_ci_high"),
        percent(message("Share of the open link in it"), "share", 0),
    )
    notes = (
        message(
            "The merged reading is no estimate: it takes those who found the link to answer like the people on the "
            "list, each counted once. Where the interval of the difference leaves out zero, that is not so."
        ),
        message("Whoever was drawn and answered by open link as well counts in both columns; nobody can be taken out."),
    )
    return View(reading, columns, notes=notes, title=message("Answers by open link (QR)"), name="open-link")


def experience_model_tables(models: Mapping[Source, ExperienceModel | None], instrument: Instrument) -> Shown:
    """Odds of the most frequent experience of every source against those of the largest group, all else alike."""
    told = {source: one for source, one in models.items() if one is not None}
    heading = message("Odds ratio of a yes")

    def title(source: Source, words: Words) -> str:
        return words("{experience}: who said yes", experience=_name(instrument, words, source, told[source].item))

    def said(words: Words) -> str:
        names = words.listed(words.value("source", source) for source in models if source not in told)
        text = message("Too few said yes, or too few did not, to tell groups apart: {sources}.")
        return html_paragraphs([words(text, sources=names)] if names else [])

    tables = [
        odds_table(one.model, one.levels, heading, partial(title, source), f"experience-model-{source}")
        for source, one in told.items()
    ]
    return Together((*tables, show(said)))
