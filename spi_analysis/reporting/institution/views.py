"""The stakeholders' page, section by section: every function shows one, in all languages."""

from __future__ import annotations

from html import escape

import pandas as pd

from spi_analysis.params import Source, Text
from spi_analysis.reporting import (
    Chart,
    Phrase,
    Shown,
    Together,
    View,
    Words,
    chart,
    composition,
    csv_link,
    glossary_entries,
    history,
    html_list,
    html_paragraphs,
    in_words,
    ineligible_sentence,
    interval,
    intervals,
    message,
    number,
    on_scale,
    part_label,
    phrase,
    phrases,
    show,
    written,
)
from spi_analysis.reporting.institution.action_plan import Action, plan_links, plan_sentence, planned_actions
from spi_analysis.reporting.institution.downloads import experience_rows, item_rows
from spi_analysis.reporting.institution.page_tables import (
    composition_table,
    course_table,
    dimension_table,
    experience_table,
    history_table,
    interventions_table,
    quality_table,
    question_table,
    unit_table,
    who_answered_table,
)
from spi_analysis.reporting.institution.priorities import opening_sentences, part_name
from spi_analysis.reporting.institution.sentences import (
    TWO_RULES,
    change_in_short,
    change_sentence,
    contact_note,
    dates_sentence,
    denominator,
    dimension_rows,
    experience_labels,
    finding,
    hidden_reason,
    index_note,
    is_hidden,
    modes_sentences,
    not_yet,
    open_link_sentences,
    previous_index,
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
        dates = html_paragraphs([dates_sentence(page, words)], "note")
        return html_paragraphs(opening_sentences(page, words)) + dates

    return show(make)


def index_chart(page: InstitutionPage) -> Shown:
    """The index on the scale of categories, and the targets; nothing where it is hidden (the opening says why)."""
    index = page.figure("index")
    if index is None:
        return show(lambda words: "")
    first = finding(lambda words: change_in_short(page, words))
    title, rows = message("The index and what it is compared with"), _index_and_marks(page, index)
    drawn = chart(
        on_scale,
        rows,
        "chart-index",
        in_words(title),
        levels=page.categories.levels,
        x_label=phrase(lambda words: words("Index (0 worst, 100 best)")),
        note=lambda words: index_note(page, words),
    )

    names = list(rows["label"])
    columns = (
        written(message("Figure"), ("place",), lambda words, place: names[int(place)].say(words)),
        number(message("Index"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
    )
    data = rows.assign(place=range(len(rows)))
    view = View(data, columns, drawn, title=title, name="index", with_table=False, programs="tables/index.csv")
    return first + view + show(lambda words: html_paragraphs(target_sentences(page, words)))


def _index_and_marks(page: InstitutionPage, index: pd.Series) -> pd.DataFrame:
    """The index with its interval, then the targets and last year's index."""
    marks = target_marks(page)
    previous = previous_index(page)
    if previous is not None:
        marks[phrase(lambda words: words("Published by KPK for {year}", year=previous[0]))] = previous[1]
    limits = index[["estimate", "ci_low", "ci_high"]]
    rows = [
        {"label": phrase(lambda words: words.value("part", "index")), **limits},
        *({"label": name, "estimate": value} for name, value in marks.items()),
    ]
    return pd.DataFrame(rows, columns=["label", "estimate", "ci_low", "ci_high"])


def who_answered_view(page: InstitutionPage) -> Shown:
    """Who was invited and who answered, per source; nothing where the work is secret."""
    if page.withheld_reason == SECRET:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    least = page.setup.round.disclosure.min_cell
    return (
        finding(lambda words: _answered(page, words))
        + who_answered_table(page)
        + show(
            lambda words: (
                html_paragraphs([ineligible_sentence(page.reports, least, words)], "ineligible-reports")
                + html_paragraphs(modes_sentences(page, words), "modes")
                + html_paragraphs(open_link_sentences(page, words), "open-link")
            )
        )
    )


def _answered(page: InstitutionPage, words: Words) -> str:
    """The response rates that may be shown, and of how many people."""
    known = page.who.dropna(subset=["RR1", "invited"]).itertuples()
    rates = [
        f"{words.value('part', row.source)} {words.percent(row.RR1)} "
        f"({words('{n} invited', n=words.number(row.invited, 0))})"
        for row in known
    ]
    return words("Response rate (RR1): {rates}.", rates=words.listed(rates)) if rates else ""


def composition_view(page: InstitutionPage) -> Shown:
    """How the index is made, part by part."""
    index, parts = page.figure("index"), page.rows("index_part")
    if index is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    used = parts[(parts["estimate"] != 0) | parts["part"].isin(page.setup.round.sources)]
    figures = pd.concat(
        [used[["part", "estimate"]], pd.DataFrame({"part": ["index"], "estimate": [index["estimate"]]})]
    )
    drawn = chart(
        composition,
        figures.assign(label=phrases(lambda words: [words.value("part", part) for part in figures["part"]])),
        "chart-composition",
        lambda words: words("Points of the parts, added up to the index"),
        x_label=phrase(lambda words: words("Points")),
    )
    return finding(lambda words: _lowest_source(page, words)) + composition_table(page, index, drawn)


def change_view(page: InstitutionPage) -> Shown:
    """Published years and this round."""
    index, nothing = page.figure("index"), show(lambda words: "")
    drawn = None if index is None or page.history.empty else _history_chart(page, index)
    first = nothing if drawn else show(lambda words: html_paragraphs([change_sentence(page, words)]))
    return first + (nothing if page.history.empty else history_table(page, drawn)) + targets_table(page)


def _history_chart(page: InstitutionPage, index: pd.Series) -> Chart:
    return chart(
        history,
        _years(page, index),
        "chart-history",
        lambda words: words("The index over the years"),
        y_label=phrase(lambda words: words.value("part", "index")),
        note=lambda words: _comparison_note(page, words),
    )


def _years(page: InstitutionPage, index: pd.Series) -> pd.DataFrame:
    """Published years, targets and this round, a row each."""
    past = page.history[["year", "index"]].rename(columns={"index": "estimate"})
    now = {"year": page.setup.round.year, **index[["estimate", "ci_low", "ci_high"]]}
    names = {"past": phrase(lambda words: words("Published by KPK")), "now": phrase(lambda words: _now(page, words))}
    rows = [past.assign(kind="past"), pd.DataFrame([now]).assign(kind="now")]
    kept, last = (part.assign(series=[names[kind] for kind in part["kind"]]) for part in rows)
    return pd.concat([kept, chart_targets(page), last], ignore_index=True)


def _now(page: InstitutionPage, words: Words) -> str:
    if page.is_synthetic:
        return words("This round (generated), with interval")
    return words("This round, with interval")


NOISE = {
    "same_design": message(
        "Published figures carry no interval, yet they are no more certain than this round. The comparison takes the "
        "index of either year to be about as uncertain as this round's, since the survey of {year} was of the same "
        "design (standard error {se} points; how far nominated experts differ is learnt from many panels): a rise or "
        "a fall has to stand out from the uncertainty of both years."
    ),
    "model": message(
        "Published figures carry no interval, yet they are not certain. The survey of {year} had another design, so "
        "the comparison takes as its uncertainty the part of the index that does not last from year to year in the "
        "model of the published years (standard error {se} points): a rise or a fall has to stand out from the "
        "uncertainty of both years."
    ),
    "own": message(
        "The published index of {year} has no interval. Those of its parts are known, so the comparison takes its "
        "uncertainty from them (standard error {se} points): a rise or a fall has to stand out from the uncertainty of "
        "both years."
    ),
    "generated": message(
        "The published index of {year} has no interval. Its parts are generated here, with errors of their own, and "
        "the comparison takes its uncertainty from them (standard error {se} points): a rise or a fall has to stand "
        "out from the uncertainty of both years."
    ),
}
OF_MANY_PANELS = message(
    "For this comparison, how far nominated experts differ is learnt from many panels, not from those of this round "
    "alone."
)


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
    kind, year = noise["part"], noise["reference_year"]
    text = NOISE["generated" if kind == "own" and page.is_synthetic else kind]
    panels = page.round.nominated and kind != "same_design"
    said = [words(text, year=year, se=words.number(noise["estimate"])), *([words(OF_MANY_PANELS)] if panels else [])]
    return " ".join(said)


# What a section found, in bold as its first sentence.


def _lowest_dimension(page: InstitutionPage, words: Words) -> str:
    """The lowest dimension, and whether others may be as low."""
    return _lowest(dimension_rows(page, words), 1, words)


def _lowest_source(page: InstitutionPage, words: Words) -> str:
    rows = page.rows("source_score").sort_values("estimate")
    return _lowest(rows.assign(label=[words.value("part", one) for one in rows["source"]]), 2, words)


def _lowest(rows: pd.DataFrame, decimals: int, words: Words) -> str:
    """The first of the rows, and which other, or how many others, have an interval that overlaps with its own."""
    rows = rows[rows["status"] == "shown"]
    if len(rows) < 2:
        return ""
    lowest, others = rows.iloc[0], rows.iloc[1:]
    near = others[others["ci_low"] <= lowest["ci_high"]]
    facts = {"part": lowest["label"], "score": _with_limits(lowest, decimals, words)}
    if near.empty:
        return words("Lowest: {part}, {score}, clearly below all others.", **facts)
    if len(near) == 1:
        return words(
            "Lowest: {part}, {score}; the interval of {other} overlaps with its own.",
            **facts,
            other=near["label"].iloc[0],
        )
    return words("Lowest: {part}, {score}; the intervals of {n} others overlap with its own.", **facts, n=len(near))


def _with_limits(row: pd.Series, decimals: int, words: Words) -> str:
    return words.give_or_take(*(float(row[name]) for name in ("estimate", "ci_low", "ci_high")), decimals)


def _percent_with_limits(row: pd.Series, words: Words) -> str:
    """A share with the two limits of its interval."""
    limits = words.interval(row["ci_low"], row["ci_high"], 1, "%")
    return f"{words.percent(row['estimate'] / 100)} ({limits})"


def _weak_units(page: InstitutionPage, units: pd.DataFrame, words: Words) -> str:
    """The units that lie below all units of their source together on enough evidence."""
    if units.empty:
        return ""
    clear = units[units["is_clear"]]
    if clear.empty and (page.rows("unit_score")["status"] != "shown").any():
        return words("None of the units shown lies clearly below the score of all units together.")
    if clear.empty:
        return words("No unit lies clearly below the score of all units together.")
    names = words.listed(part_name(page, row, words) for row in clear.itertuples())
    return words("Clearly below the score of all units together: {units}.", units=names)


def _least_favourable(page: InstitutionPage, words: Words) -> str:
    """The question with the fewest favourable answers of all sources, and of how many others the interval overlaps."""
    rows = page.rows("item_favourable").sort_values(["estimate", "part"])
    rows = rows[rows["status"] == "shown"]
    if rows.empty:
        return ""
    least = rows.iloc[0]
    facts = {
        "question": part_label(page.setup.instrument, least["source"], least["part"], words),
        "share": _percent_with_limits(least, words),
    }
    near = int((rows["ci_low"].iloc[1:] <= least["ci_high"]).sum())
    if not near:
        return words("Of the questions shown, fewest favourable answers: {question}, {share}.", **facts)
    return words(
        "Of the questions shown, fewest favourable answers: {question}, {share}; the intervals of {n} more overlap "
        "with its own.",
        **facts,
        n=near,
    )


def _most_reported(shown: pd.DataFrame, texts: dict[str, Text], words: Words) -> str:
    if shown.empty:
        return ""
    most = shown.loc[shown["estimate"].idxmax()]
    facts = {
        "experience": words.pick(texts[most["part"]]),
        "share": _percent_with_limits(most, words),
        "base": denominator(most["source"], most["denominator"], words),
    }
    near = shown[(shown["ci_high"] >= most["ci_low"]) & (shown.index != most.name)]
    if near.empty:
        return words("Of what is shown, mentioned most ({base}): {experience}, {share}.", **facts)
    if len(near) == 1:
        other = words.pick(texts[near["part"].iloc[0]])
        return words(
            "Of what is shown, mentioned most ({base}): {experience}, {share}. Perhaps as frequent: {other}.",
            **facts,
            other=other,
        )
    count = len(near)
    return words(
        "Of what is shown, mentioned most ({base}): {experience}, {share}. Perhaps as frequent: {n} others.",
        **facts,
        n=count,
    )


def dimensions_view(page: InstitutionPage) -> Shown:
    """Scores of the dimensions with intervals."""
    rows = page.rows("dimension_score")
    shown = rows[rows["status"] == "shown"].sort_values("estimate", kind="stable")
    parts = list(zip(shown["source"], shown["part"], strict=True))
    drawn = None if shown.empty else chart(
        intervals,
        shown.assign(label=phrases(lambda words: [part_label(page.setup.instrument, *part, words) for part in parts])),
        "chart-dimensions",
        lambda words: words("Scores of the dimensions, lowest first"),
        decimals=1,
        x_label=phrase(lambda words: words("Score (0 worst, 100 best)")),
    )  # fmt: skip

    return finding(lambda words: _lowest_dimension(page, words)) + dimension_table(page, drawn)


def units_views(page: InstitutionPage) -> Shown:
    """Scores of the units of every source that is drawn at random."""
    parts = tuple(units_view(page, source) for source in page.round.populations)
    rows = page.priority_areas
    units = rows[rows["kind"] == "unit"]
    return finding(lambda words: _weak_units(page, units, words)) + Together(parts)


def units_view(page: InstitutionPage, source: Source) -> Shown:
    """Scores of the units of a source; small ones are hidden."""
    rows = page.rows("unit_score", source=source).assign(label=lambda t: t["domain"])
    rows = rows.sort_values(["estimate", "label"], na_position="last")
    shown = rows[rows["status"] == "shown"]
    title = phrase(lambda words: words("Scores by unit: {source}", source=words.value("source", source)))
    if len(shown):
        return unit_table(page, rows, source, title, _units_chart(page, shown, source, title))
    nothing = (
        message("{source}: no unit's score can be shown.") if len(rows) else message("{source}: no unit has an answer.")
    )
    first = show(lambda words: html_paragraphs([words(nothing, source=words.value("source", source))]))
    return first if rows.empty else first + unit_table(page, rows, source, title, None)


def _units_chart(page: InstitutionPage, shown: pd.DataFrame, source: Source, title: Phrase) -> Chart:
    whole = page.figure("source_score", source=source)
    score = None if whole is None else float(whole["estimate"])

    def label(words: Words) -> str:
        name = words.value("part", source)
        return words("All units, {source}: {score}", source=name, score=words.number(score, 1))

    return chart(
        intervals,
        shown,
        f"chart-units-{source}",
        title,
        decimals=1,
        x_label=phrase(lambda words: words("Score (0 worst, 100 best)")),
        reference=() if score is None else (score, phrase(label)),
        note=""
        if score is None
        else lambda words: words("The short lines are the score of all units together in this source."),
    )


def questions_views(page: InstitutionPage) -> Shown:
    """Answers to every question of every source."""
    parts = Together(tuple(questions_view(page, source) for source in page.setup.round.sources))
    return finding(lambda words: _least_favourable(page, words)) + parts


def questions_view(page: InstitutionPage, source: Source) -> Shown:
    """Shares of favourable, neutral and unfavourable answers to every item of a source, beside the peers'."""
    rows = item_rows(page, source)
    if rows.empty:
        name = message("{source}: no question has answers.")
        return show(lambda words: html_paragraphs([words(name, source=words.value("source", source))]))
    return question_table(page, rows, source)


def experiences_view(page: InstitutionPage) -> Shown:
    """Experience rates, each with its denominator."""
    texts, rows = experience_labels(page), experience_rows(page)
    shown = rows[(rows["denominator"] == "contacts") & (rows["status"] == "shown")]
    drawn = None if shown.empty else _experiences_chart(shown, texts)
    meaning = show(lambda words: html_paragraphs([contact_note(page, words)]))
    first = finding(lambda words: _most_reported(shown, texts, words))
    return first + meaning + experience_table(page, rows, texts, drawn)


def _experiences_chart(shown: pd.DataFrame, texts: dict[str, Text]) -> Chart:
    parts = list(zip(shown["source"], shown["part"], strict=True))
    labels = phrases(lambda words: [f"{words.value('part', one)}: {words.pick(texts[code])}" for one, code in parts])
    return chart(
        intervals,
        shown.assign(label=labels),
        "chart-experiences",
        lambda words: words("Experiences in the last 12 months, among those with contact"),
        decimals=1,
        unit="%",
        x_label=phrase(lambda words: words("Percent of those with contact")),
        limits=(0.0, max(10.0, float(shown["ci_high"].max()) * 1.1)),
    )


def recommendations_view(page: InstitutionPage) -> Shown:
    """The recommendations, strongest evidence first, with who carries them out; the plan of action as files."""
    if is_hidden(page, *RULE_MEASURES):
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))

    def make(words: Words) -> str:
        if page.recommendations.empty:
            nothing = words("No rule is met with enough confidence. This is no proof that all is well.")
            return html_paragraphs([rule_sentence(page, words), nothing])
        items = "".join(_advice(action, words) for action in planned_actions(page, words))
        link = csv_link("tables/recommendations.csv", words("Recommendations"), words)
        listed = f'<ol class="recommendations">{items}</ol>{plan_links(words)}{link}'
        return html_paragraphs([rule_sentence(page, words)]) + html_paragraphs([words(TWO_RULES)], "note") + listed

    return finding(lambda words: _first_advice(page, words)) + show(make)


def _first_advice(page: InstitutionPage, words: Words) -> str:
    """How many recommendations there are, and the first."""
    actions = planned_actions(page, words)
    if not actions:
        return words("No rule is met with enough confidence.")
    return words("First: {action} ({n} recommendations).", action=actions[0].title, n=len(actions))


def _advice(action: Action, words: Words) -> str:
    notes = html_paragraphs([plan_sentence(action, words), action.evidence], "note")
    return f"<li><strong>{escape(action.title)}.</strong> {escape(action.text)}{notes}</li>"


def quality_view(page: InstitutionPage) -> Shown:
    """How sure the figures are, and how they were made; nothing where the work is secret."""
    if page.withheld_reason == SECRET:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    return show(lambda words: html_paragraphs(quality_sentences(page, words))) + quality_table(page)


# docs/methods/coaching.md says why.
NO_FLAGS = message(
    "Whether answers look coached is examined for the commission and stands in no report: such a sign is a question "
    "to the institution, not a finding."
)


def course_view(page: InstitutionPage) -> Shown:
    """How the survey went here: messages and answers, numbers that did not work, refusals; nothing of secret work."""
    if page.withheld_reason == SECRET:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    if page.course.empty:
        return not_yet(lambda words: words("Nothing may be told of how the survey went here."))
    return course_table(page) + show(lambda words: html_paragraphs([words(NO_FLAGS)]))


def interventions_view(page: InstitutionPage) -> Shown:
    """What people did beside the method, counted by machine; nothing where the work is secret."""
    if page.withheld_reason == SECRET:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    return interventions_table(page)


def glossary_view(page: InstitutionPage) -> Shown:
    """The words that the page uses."""
    return show(lambda words: html_list(glossary_entries(page.categories, words), "glossary-terms"))
