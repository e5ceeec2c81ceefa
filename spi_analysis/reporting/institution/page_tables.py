"""The page's tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from spi_analysis.params import Source, Text
from spi_analysis.reporting import (
    EXCLUDED,
    MISSING,
    AnyText,
    Chart,
    Shown,
    View,
    Words,
    coded,
    count,
    hidden_sentences,
    html_paragraphs,
    interval,
    message,
    number,
    panel_note,
    part_label,
    percent,
    phrase,
    plain,
    question_label,
    show,
    sum_of_signed,
    written,
)
from spi_analysis.reporting.institution.sentences import denominator, finding
from spi_analysis.reporting.view_columns import Column
from spi_analysis.scores import direction_of
from spi_analysis.stages import MOST_MESSAGES, PLAN_DIGESTS, InstitutionPage, model_state


def who_answered_table(page: InstitutionPage) -> View:
    """Who was invited and who answered, per source."""
    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Could be drawn"), "eligible"),
        count(message("Invited"), "invited"),
        count(message("Answered"), "answered", instead="bound"),
        count(message("Answers aimed for"), "needed"),
        percent(message("Response rate (RR1)"), "RR1"),
    )

    def note(words: Words) -> str:
        return words(
            "Answered: sent off, or at least {share} of the questions answered. RR1 is the share of questionnaires "
            "sent off among all who were invited and not found ineligible (AAPOR 2023), so it may be a little lower "
            "or higher than answered divided by invited. Weights correct for groups that answered less; they cannot "
            "correct for what only nonrespondents know. A dash: not shown, so that nobody can work out how many did "
            "not answer.",
            share=words.percent(page.setup.round.dispositions.min_answered_share, 0),
        )

    notes = (note, partial(panel_note, page.round))
    title = message("Invitations and answers by source")
    return page_view(_with_bounds(page.who), columns, "who_answered", title, notes)


def _with_bounds(who: pd.DataFrame) -> pd.DataFrame:
    """What the number of answers is below, where it may not be shown."""
    return who.assign(bound=[f"< {least}" for least in who["least"]])


def composition_table(page: InstitutionPage, index: pd.Series, drawn: Chart) -> View:
    """Scores, weights and points of every part of the index, and the index that they add up to."""
    columns = (
        coded(message("Part"), "part", "part"),
        number(message("Score"), "score"),
        number(message("Weight"), "weight", 3),
        sum_of_signed(message("Points"), "points", "is_sum"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers (n)"), "n"),
    )

    def note(words: Words) -> str:
        said = words(
            "Each interval belongs to the score in its row, the last one to the index. Weights: {weights}. "
            "Corrections: {corrections}.",
            weights=words.pick(page.setup.round.index.cite),
            corrections=page.inputs.source,
        )
        return " ".join([said, *_panel_notes(page, words)])

    title = message("Scores, weights and points")
    return page_view(_composition(page, index), columns, "composition", title, (note,), drawn)


def _panel_notes(page: InstitutionPage, words: Words) -> list[str]:
    """What the interval of a nominated panel means, and of experts who were drawn."""
    return [
        words(
            "{panel}: a small nominated panel; its interval treats its members as if drawn from all who could have "
            "been asked, and is made a little wider so that it tells nobody's answer.",
            panel=words.value("source", panel),
        )
        for panel in page.round.panels
    ] + [
        words(
            "{experts}: drawn at random from a list; the interval is for the mean of that list, not for others who "
            "could have been asked, and is made a little wider so that it tells nobody's answer.",
            experts=words.value("source", source),
        )
        for source in page.round.nominated
        if source not in page.round.panels
    ]


def component_scores(page: InstitutionPage) -> pd.Series:
    """Scores of the components that no answers make, where the index is shown."""
    return pd.Series({one.component: one.score for one in page.inputs.components}, dtype=float)


def _composition(page: InstitutionPage, index: pd.Series) -> pd.DataFrame:
    """A row per part, then the index."""
    points = page.rows("index_part").set_index("part")["estimate"]
    scores = page.rows("source_score").set_index("source").reindex(points.index)
    parts = scores[["ci_low", "ci_high", "n"]].assign(
        part=points.index,
        score=scores["estimate"].combine_first(component_scores(page)),
        weight=pd.Series(page.setup.round.index.weights).reindex(points.index),
        points=points,
        is_sum=False,
    )
    whole = index[["ci_low", "ci_high", "n"]].to_dict() | {"part": "index", "points": index["estimate"], "is_sum": True}
    return pd.DataFrame([*parts.to_dict("records"), whole])


def history_table(page: InstitutionPage, drawn: Chart | None) -> View:
    """Published indices, this round, and the change."""
    columns = (
        written(message("Year"), ("year", "before"), _year_or_change),
        sum_of_signed(message("Index"), "value", "is_index"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers (n)"), "n"),
        coded(message("Figure"), "basis", "basis"),
    )

    def note(words: Words) -> str:
        return words("Source of published figures: {source}.", source=words.pick(page.setup.years.cite))

    title = message("Published years and this round")
    return page_view(_history(page), columns, "history", title, (note,), drawn)


def _year_or_change(words: Words, year: float, before: float | None) -> str:
    return words("Change {before} to {after}", before=int(before), after=int(year)) if before else str(int(year))


def _history(page: InstitutionPage) -> pd.DataFrame:
    """Published years, this round, and the change against the year ``before``."""
    index, change = page.figure("index"), page.figure("index_change")
    rows = [
        {"year": row["year"], "value": row["index"], "is_index": True, "basis": "published"}
        for _, row in page.history.iterrows()
    ]
    if index is not None:
        rows.append(_now(page, index) | {"is_index": True, "basis": own_basis(page)})
    if change is not None and index is not None:
        rows.append(
            _now(page, change) | {"is_index": False, "basis": change_basis(page), "before": change["reference_year"]}
        )
    return pd.DataFrame(rows, columns=["year", "before", "value", "is_index", "ci_low", "ci_high", "n", "basis"])


def _now(page: InstitutionPage, row: pd.Series) -> dict[str, Any]:
    return {"year": page.setup.round.year, "value": row["estimate"], **row[["ci_low", "ci_high", "n"]].to_dict()}


def own_basis(page: InstitutionPage) -> str:
    """What the index of this round rests on: a code of ``basis``."""
    return "this_round_generated" if page.is_synthetic else "this_round"


def change_basis(page: InstitutionPage) -> str:
    """What the change is made from: a code of ``basis``."""
    return "both_rounds" if page.figure("index_previous") is not None else "minus_published"


def dimension_table(page: InstitutionPage, drawn: Chart | None) -> Shown:
    """Scores of the dimensions with interval and n, the lowest first; a sentence for all that are hidden."""
    rows = page.rows("dimension_score").sort_values(["estimate", "source", "part"], na_position="last")

    def label(words: Words, source: Source, dimension: str) -> str:
        return part_label(page.setup.instrument, source, dimension, words)

    rows = with_peers(page, rows, "dimension_score")
    first = written(message("Dimension"), ("source", "part"), label)
    columns = (first, *score_columns(message("Score")), *peer_columns(rows))
    notes = (partial(peer_note, page),)
    return with_hidden(page, rows, columns, "dimensions", message("Scores of the dimensions"), notes, drawn)


MODEL_NOTES = {
    "people": message(
        "The model-based score draws a unit with few answers towards what the list says of its people and their "
        "readiness to answer would lead to expect (Battese, Harter and Fuller 1988): less moved by chance, but "
        "it hides part of what makes a small unit special. Charts and comparisons use the first score."
    ),
    "areas": message(
        "The model-based score draws a unit with few answers towards the mean of the units shown (Fay and "
        "Herriot 1979): less moved by chance, but it hides part of what makes a small unit special. Charts and "
        "comparisons use the first score."
    ),
}


def unit_table(page: InstitutionPage, rows: pd.DataFrame, source: Source, title: AnyText, drawn: Chart | None) -> Shown:
    """Scores of units; beside them what the model makes of them, where there are units enough."""
    notes: tuple[AnyText, ...] = (
        message(
            "The order of scores that lie close together is uncertain. A unit's interval also counts that it has few "
            "answers."
        ),
    )
    columns = (plain(message("Unit"), "domain"), *score_columns(message("Score")))
    model = page.rows("unit_score_model", source=source).set_index("domain")
    if len(model):
        beside = model[["estimate", "ci_low", "ci_high"]].add_prefix("model_")
        rows = rows.join(beside, on="domain")
        columns += (
            number(message("Model-based score"), "model_estimate", 1),
            interval(message("Its interval"), "model_ci_low", "model_ci_high", 1),
        )
        notes += (MODEL_NOTES[page.setup.round.small_area.model],)
    elif model_state(page.figures, source, page.setup.round.small_area) == "no_spread":
        notes += (
            message(
                "The units differ no more than chance would make them differ, so there are no model-based scores "
                "beside them."
            ),
        )
    return with_hidden(page, rows, columns, f"units_{source}", title, notes, drawn)


def question_table(page: InstitutionPage, rows: pd.DataFrame, source: Source) -> Shown:
    """Every item with its shares and n, the least favourable first; a sentence for all that are hidden."""
    rows = with_peers(page, rows, "item_favourable").sort_values(["estimate", "part"], na_position="last")
    text = written(
        message("Question"), ("part",), lambda words, code: question_label(page.setup.instrument, source, code, words)
    )
    columns = (
        text,
        *score_columns(message("Favourable"), unit="%"),
        number(message("Neutral"), "neutral", 1, "%"),
        number(message("Unfavourable"), "unfavourable", 1, "%"),
        *peer_columns(rows, 1, "%"),
    )
    title = phrase(lambda words: words("Questions: {source}", source=words.value("part", source)))
    note = message(
        "Favourable: the best answers (two, unless the questionnaire says otherwise); unfavourable: as many of the "
        "worst, whatever the direction of the question; neutral: those between. People who did not know or did not "
        "want to answer are not counted. The interval is that of the favourable share. A dash: too few people gave "
        "such an answer for it to be shown, or their number would follow from the others."
    )
    return with_hidden(page, rows, columns, f"questions_{source}", title, (note, partial(peer_note, page)), None)


def experience_table(
    page: InstitutionPage, rows: pd.DataFrame, texts: Mapping[str, Text], drawn: Chart | None
) -> Shown:
    """Experience rates, each with its denominator; one sentence for all that are hidden."""
    columns = (
        written(message("Experience"), ("part",), lambda words, code: words.pick(texts[code])),
        written(message("Denominator"), ("source", "denominator"), lambda words, s, d: denominator(s, d, words)),
        *score_columns(message("Share"), unit="%"),
    )
    note = message(
        "Two shares, not to be compared with each other: of everyone who answered, and of those who had contact "
        "in the last 12 months. What people say they met with is not a proven case."
    )
    title = message("Experiences in the last 12 months")

    return with_hidden(page, rows, columns, "experience_rates", title, (note,), drawn)


def with_hidden(
    page: InstitutionPage,
    rows: pd.DataFrame,
    columns: tuple[Column, ...],
    name: str,
    title: AnyText,
    notes: tuple[AnyText, ...],
    drawn: Chart | None,
) -> Shown:
    """The figures that may be shown, and a sentence for all others, by the names in the text columns."""
    shown = rows[rows["status"] == "shown"]
    names = [column.parts[0] for column in columns if column.is_text]

    def hidden(words: Words) -> str:
        labels = [_label([part.on_page(words, row) for part in names]) for row in rows.to_dict("records")]
        said = hidden_sentences(rows.assign(label=labels), page.setup.round.disclosure.min_cell, words)
        return html_paragraphs(said, "hidden-figures")

    return page_view(shown, columns, name, title, notes, drawn) + show(hidden) if len(shown) else show(hidden)


def _label(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} ({names[1]})"


def quality_table(page: InstitutionPage) -> View:
    """Answers, effective answers, and each source's share of the uncertainty."""
    shares = page.rows("index_variance_share").set_index("part")["estimate"]
    rows = _with_bounds(page.who).assign(variance_share=page.who["source"].map(shares))
    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Answers (n)"), "answered", instead="bound"),
        count(message("Effective answers"), "effective_n"),
        number(message("Design effect of the weights"), "kish_deff"),
        percent(message("Share of the index's uncertainty"), "variance_share", 0),
    )
    note = message(
        "Methods: response rates AAPOR (2023), effective answers and design effect Kish (1965), replicates Rao and Wu "
        "(1988)."
    )
    return page_view(rows, columns, "quality", message("Quality in figures"), (note,))


def score_columns(heading: AnyText, unit: str = "") -> tuple[Column, ...]:
    """Estimate, interval and n of the shown rows of the estimates."""
    return (
        number(heading, "estimate", 1, unit),
        interval(message("Interval"), "ci_low", "ci_high", 1, unit),
        count(message("Answers (n)"), "n"),
    )


def page_view(
    data: pd.DataFrame,
    columns: tuple[Column, ...],
    name: str,
    title: AnyText,
    notes: tuple[AnyText, ...],
    drawn: Chart | None = None,
) -> View:
    """A table of the page as a view, with its chart above and the CSV for programs beside it."""
    return View(data, columns, drawn, notes=notes, title=title, name=name, programs=f"tables/{name}.csv")


# What people did beside the method (stage `interventions`).

KINDS = {
    "excluded": message("Left out before the draw: {detail}"),
    "kept": message("Answers of people reported as ineligible that count"),
    "dropped": message("Answers of people reported as ineligible that do not count"),
    "changed": message("Parameters changed after the analysis plan"),
    "parameter": message("Changed: {detail}"),
    "no_plan": message("No analysis plan was bound before the first answer"),
    "announced_again": message("Draw announced again"),
    "drawn_again": message("Draw made again"),
    "released_again": message("Figures changed after they were released"),
}
MOST_LETTERS = 60


REASONS = message(
    "Where a draw was announced or figures were released once more, those who did it say why; where a parameter was "
    "changed, the source that was written with its new value does. Where no day stands, a change was found when this "
    "page was made."
)


def interventions_table(page: InstitutionPage) -> View:
    """The register: one row per intervention, numbers of few people left out."""
    columns: tuple[Column, ...] = (
        written(message("Intervention"), ("kind", "detail"), _intervention),
        written(message("Source"), ("source",), lambda words, code: words.value("source", code) if code else ""),
        count(message("How many"), "number"),
    )
    parameters = (page.interventions["kind"] == "parameter").any()
    if parameters:
        columns += (written(message("What changed"), ("before", "after", "on"), _changed),)
    reasons = parameters or page.interventions["reason"].notna().any()
    if reasons:
        columns += (written(message("Reason"), ("kind", "detail", "reason"), _reason),)

    def note(words: Words) -> str:
        return words(
            "A dash: fewer than {least} people, nobody, or nearly everyone who was reported; answers of people "
            "reported as ineligible are counted in bands of {least}. Parameters, questionnaire and code are compared "
            "with the analysis plan, which was bound before anybody answered; this table is made by machine.",
            least=page.setup.round.disclosure.min_cell,
        ) + (" " + words(REASONS) if reasons else "")

    return page_view(page.interventions, columns, "interventions", message("Interventions"), (note,))


# How the survey went here (stage `survey_course`).

COURSE = {
    "answered": message("Answered after {n} messages"),
    "unreached": message("A number did not work"),
    "declined": message("Refused, or objected"),
}
ANSWERED = {
    "0": message("Answered without any message"),
    "1": message("Answered after the invitation"),
    str(MOST_MESSAGES): message("Answered after {n} messages or more"),
}


def course_table(page: InstitutionPage) -> View:
    """After how many messages people answered, and whom no message reached; numbers in bands."""
    columns: tuple[Column, ...] = (
        written(message("What happened"), ("kind", "detail"), _course_words),
        written(message("Source"), ("source",), lambda words, code: words.value("source", code)),
        count(message("People, at least"), "number"),
    )

    def note(words: Words) -> str:
        return words(
            "Numbers are rounded down to multiples of {least}; a dash: fewer than {least} people. Messages are counted "
            "by the days on which they were sent. Source: the log of contacts.",
            least=page.setup.round.disclosure.min_cell,
        )

    return page_view(page.course, columns, "course", message("Messages and answers"), (note,))


def _course_words(words: Words, kind: str, messages: str | None) -> str:
    text = ANSWERED.get(messages or "", COURSE["answered"]) if kind == "answered" else COURSE[kind]
    return words(text, n=messages) if "{" in text else words(text)


def _intervention(words: Words, kind: str, detail: str | None) -> str:
    said = words(EXCLUDED[detail]) if kind == "excluded" and detail in EXCLUDED else detail or ""
    return words(KINDS[kind], detail=said) if "{" in KINDS[kind] else words(KINDS[kind])


def _reason(words: Words, kind: str, detail: str | None, reason: str | None) -> str:
    """Parameters can have a reason, and the page says where they have none; code and questionnaire cannot."""
    without = kind == "parameter" and detail not in PLAN_DIGESTS
    return reason or (words("none was written") if without else "")


def _changed(words: Words, before: str | None, after: str | None, day: str | None) -> str:
    """One text for both values and the day, so that the reason beside it has room."""
    if before is None and after is None:
        return ""
    values = {"before": _cut(before), "after": _cut(after)}
    if day is None:
        return words("from {before} to {after}", **values)
    found = words.date(dt.date.fromisoformat(day))
    return words("from {before} to {after}, found on {day}", **values, day=found)


def _cut(text: str | None) -> str:
    """A value of a parameter, which may be a long text."""
    return MISSING if not text else text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


# What other institutions of the same kind reach, beside the figures of the page.

BASIS = {
    "round": message("Peers: the released results of this round as of {day}; groups of at least {least} institutions."),
    "generated": message(
        "Peers: generated institutions, which do not exist (table of {day}); groups of at least {least} institutions."
    ),
    "published": message(
        "Peers: the results that KPK published for {year}; groups of at least {least} institutions. What peers reach "
        "in dimensions, in single questions and in response is not known yet."
    ),
}


def group_label(page: InstitutionPage, group: str, words: Words) -> str:
    """What makes these institutions peers."""
    own = page.institution
    kind = words.value("type", own.type)
    if group == "type":
        return kind
    if group == "size_class":
        return words("{kind}, size {size}", kind=kind, size=words.value("size_class", own.size_class))
    province = page.setup.provinces.get(own.province_code or "")
    name = province and (province.name if words.language == "id" else province.name_en)
    return words("province {name}", name=name or own.province_code)


def basis_sentence(page: InstitutionPage, words: Words) -> str:
    """Where the peers' figures are from; nothing where there are none."""
    peers = page.peers
    if peers.as_of is None or not peers.groups():
        return ""
    facts = {"day": words.date(peers.as_of), "year": peers.as_of.year, "least": words.number(peers.least, 0)}
    return words(BASIS[peers.basis], **facts)


def peer_note(page: InstitutionPage, words: Words) -> str:
    """Whose median and quartile stand in a table; nothing where there are no peers."""
    group = next(iter(page.peers.groups()), None)
    if group is None:
        return ""
    basis = basis_sentence(page, words)
    return f"{words('Peers in the table: {group}.', group=group_label(page, group, words))} {basis}"


def with_peers(page: InstitutionPage, rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows (source, part) with median and upper quartile of the first group of peers; missing where there is none."""
    group = next(iter(page.peers.groups()), None)
    found = [
        page.peers.summary(group, measure, *(None if pd.isna(key) else key for key in keys)) if group else {}
        for keys in zip(rows["source"], rows["part"], strict=True)
    ]
    table = pd.DataFrame(found, index=rows.index).reindex(columns=["median", "top_quartile"]).astype(float)
    return rows.assign(peer_median=table["median"], peer_top=table["top_quartile"])


def peer_columns(rows: pd.DataFrame, decimals: int = 1, unit: str = "") -> tuple[Column, ...]:
    """Columns of the peers, where any is known."""
    if rows["peer_median"].isna().all():
        return ()
    return (
        number(message("Peers' median"), "peer_median", decimals, unit),
        number(message("Peers' upper quartile"), "peer_top", decimals, unit),
    )


def sources_view(page: InstitutionPage) -> Shown:
    """The index and the scores of the sources, each beside what its peers reach; nothing where no score is shown."""
    rows = page.figures[page.figures["measure"].isin(["index", "source_score"])]
    rows = rows[rows["status"] == "shown"].sort_values("measure", kind="stable")
    if rows.empty:
        return show(lambda words: "")
    parts = [with_peers(page, part, str(measure)) for measure, part in rows.groupby("measure", sort=False)]
    table = pd.concat(parts)
    columns = (
        written(message("Part"), ("source",), lambda words, code: words.value("part", code or "index")),
        number(message("Score"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        *peer_columns(table, 2),
        count(message("Answers (n)"), "n"),
    )
    title = message("The index and its sources beside peers")
    return View(table, columns, title=title, notes=(partial(peer_note, page),), name="sources")


def groups_view(page: InstitutionPage) -> Shown:
    """The index beside every group of peers that is large enough; nothing where there is none."""
    groups = page.peers.groups()
    if not groups:
        return show(lambda words: "")
    rows = pd.DataFrame([{"group": group, **page.peers.summary(group, "index")} for group in groups])
    columns = (
        written(message("Peers"), ("group",), lambda words, group: group_label(page, group, words)),
        number(message("Peers' median"), "median"),
        number(message("Peers' upper quartile"), "top_quartile"),
        count(message("Institutions"), "institutions"),
    )
    title = message("The index of peers")
    view = View(rows, columns, title=title, notes=(partial(basis_sentence, page),), name="peer_groups")
    return finding(lambda words: _beside_peers(page, rows.iloc[0], words)) + view


BESIDE = {
    "up": message("The index lies above the {median} that half of the {n} peers reach ({group})."),
    "down": message("The index lies below the {median} that half of the {n} peers reach ({group})."),
    "no_clear_change": message(
        "The index cannot be told apart from the {median} that half of the {n} peers reach ({group})."
    ),
}


def _beside_peers(page: InstitutionPage, group: pd.Series, words: Words) -> str:
    """On which side of the peers' median the whole interval of the index lies."""
    index = page.figure("index")
    if index is None:
        return ""
    side = direction_of(index["ci_low"] - group["median"], index["ci_high"] - group["median"])
    facts = {"median": words.number(group["median"]), "n": words.number(group["institutions"], 0)}
    return words(BESIDE[side], **facts, group=group_label(page, group["group"], words))
