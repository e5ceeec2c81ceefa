"""What a reader sees first: the index among its peers, what changed, who answered, and three things to do."""

from __future__ import annotations

import io
from functools import partial
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from spi_analysis.reporting import (
    Chart,
    Pages,
    Shown,
    View,
    Words,
    card_name,
    chart,
    count,
    html_paragraphs,
    in_words,
    language_name,
    languages,
    measure_label,
    message,
    number,
    on_scale,
    page_of_its_own,
    phrase,
    show,
    with_marks,
    without_marks,
    words,
    written,
)
from spi_analysis.reporting.institution.action_plan import plan_sentence, planned_actions
from spi_analysis.reporting.institution.page_tables import basis_sentence, group_label
from spi_analysis.reporting.institution.priorities import part_name
from spi_analysis.reporting.institution.sentences import change_in_short, hidden_reason, previous_index, short_name
from spi_analysis.scores import direction_of
from spi_analysis.stages import RESPONSE, InstitutionPage
from spi_analysis.tables import write_bytes

ACTIONS = 3
SCREEN_NOTE = message("Bar: the interval of the index. Small dots: one per peer; line: the median of the peers.")


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
        number(message("Upper quartile"), "top_quartile"),
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


# The picture that goes with a link to the page: points to the side, dots to the point; sizes of letters.
CARD, CARD_DPI = (600, 315), 144
HEAD, LARGE, PLAIN = 26, 40, 17
FONT_FAMILY, POINTS = "DejaVu Sans", 72


def save_card(page: InstitutionPage, folder: Path) -> list[Path]:
    """Write ``card.<language>.png``: name and year, the index with its interval and category, or why there is none."""
    return [_save_card(page, words(language), folder / card_name(language)) for language in languages()]


def _save_card(page: InstitutionPage, say: Words, path: Path) -> Path:
    content = io.BytesIO()
    _card(page, say).savefig(content, format="png", dpi=CARD_DPI, metadata={"Software": None})
    return write_bytes(path, content.getvalue())


def _card(page: InstitutionPage, say: Words) -> Figure:
    index = page.figure("index")
    figure = Figure(figsize=(CARD[0] / POINTS, CARD[1] / POINTS), facecolor="white")
    write = partial(figure.text, 0.06, color="#1f2933", family=FONT_FAMILY)
    write(0.82, f"{short_name(page)} {page.setup.round.year}", size=HEAD, weight="bold")
    status = say("Draft") if page.setup.round.report_status == "draft" else say("Final")
    marks = [say.pick(page.setup.round.title), status, *([say("generated data")] if page.is_synthetic else [])]
    write(0.08, without_marks(" · ".join(marks)), size=PLAIN - 4)
    if index is None or page.category is None:
        write(0.5, without_marks("\n".join(wrap(hidden_reason(page, say), 50))), size=PLAIN, va="center")
        return figure
    level = next(level for level in page.categories.levels if level.code == page.category)
    said = say.give_or_take(*(float(index[name]) for name in ("estimate", "ci_low", "ci_high")))
    write(0.45, said, size=LARGE, weight="bold")
    write(0.32, without_marks(say("out of 100; category {category}", category=say.pick(level.label))), size=PLAIN)
    return figure


def _row_name(page: InstitutionPage, group: str, words: Words) -> str:
    if group == "own":
        return words("Index {year}", year=page.setup.round.year)
    n = len(page.peers.values(group, "index"))
    return words("Median of {n} peers ({group})", n=words.number(n, 0), group=group_label(page, group, words))


def response_sentence(page: InstitutionPage, words: Words) -> str:
    """The response rate of every source whose rate may be shown, beside what peers reach; nothing where none may."""
    rows = page.who.dropna(subset="RR1").itertuples()
    said = [_rate(page, row.source, row.RR1, row.invited, words) for row in rows]
    return words("Response rate (RR1): {rates}.", rates=words.listed(said)) if said else ""


def _rate(page: InstitutionPage, source: str, rate: float, invited: float, words: Words) -> str:
    own = f"{words.value('part', source)} {words.percent(rate)}"
    about = [] if pd.isna(invited) else [words("{n} invited", n=words.number(invited, 0))]
    group = next(iter(page.peers.groups()), None)
    found = page.peers.summary(group, RESPONSE, source) if group else {"median": float("nan")}
    if not pd.isna(found["median"]):
        facts = {"n": words.number(found["institutions"], 0), "median": words.percent(found["median"])}
        about.append(words("median of {n} peers {median}", **facts))
    return f"{own} ({', '.join(about)})" if about else own


def actions_html(page: InstitutionPage, words: Words) -> str:
    """The first recommendations: the figure that each rests on, who does it, by when, and how success is seen."""
    rules = {rule.code: rule for rule in page.setup.rules.rules}
    rows = page.recommendations.head(ACTIONS)
    pairs = zip(rows.itertuples(), planned_actions(page, words)[: len(rows)], strict=True)
    items = [
        _action(action.title, [_figure(page, row, rules[row.code].when.kind, words), plan_sentence(action, words)])
        for row, action in pairs
    ]
    if not items:
        return ""
    heading = escape(words("What to do first"))
    return f'<h3>{heading}</h3><ol class="recommendations">{"".join(items)}</ol>'


def _action(title: str, notes: list[str]) -> str:
    said = "".join(f'<span class="note">{escape(note)}</span>' for note in notes if note)
    return f"<li><strong>{escape(title)}</strong>{said}</li>"


def _figure(page: InstitutionPage, row: Any, kind: str, words: Words) -> str:
    unit = "%" if kind == "rate_above" else ""
    what = measure_label(page.setup.instrument, row.audience, row.measure, words)
    interval = words.interval(row.ci_low, row.ci_high, 1, unit)
    return f"{what}: {words.number(row.estimate, 1)}{unit} ({interval}, n = {words.number(row.n, 0)})"


# The same in plain language, on a page of its own: short sentences, no table (docs/architecture.md says how plain).

PLAIN_PAGE = "plain.{language}.html"
SIDES = {
    "up": message("The score here is higher."),
    "down": message("The score here is lower."),
    "no_clear_change": message("We cannot tell whether the score here is higher or lower."),
}
MOVED = {
    "up": message("It has gone up."),
    "down": message("It has gone down."),
    "no_clear_change": message("We cannot tell whether it went up or down."),
}


def plain_page_view(page: InstitutionPage) -> Pages:
    """A link to the page in plain language, which the export writes beside the report."""
    link = message("The same in plain language")
    spoken = page.setup.round.languages
    made = {one: with_marks(_plain_page(page, words(one))) for one in spoken}

    def linked(say: Words) -> str:
        return f'<p class="csv"><a href="{PLAIN_PAGE.format(language=say.language)}">{escape(say(link))}</a></p>'

    return Pages({one: linked(words(one)) for one in spoken}, PLAIN_PAGE, made)


def _plain_page(page: InstitutionPage, say: Words) -> str:
    round_ = page.setup.round
    others = [
        (PLAIN_PAGE.format(language=one), one, language_name(one)) for one in round_.languages if one != say.language
    ]
    return page_of_its_own(
        "plain.html.j2",
        say=say,
        institution_id=page.institution.institution_id,
        round_id=round_.round_id,
        title=f"{short_name(page)} {round_.year}",
        name=page.institution.name,
        others=others,
        report=f"report.{say.language}.html",
        synthetic=page.is_synthetic,
        paragraphs=plain_paragraphs(page, say),
        actions=[action.title for action in planned_actions(page, say)[:ACTIONS]],
    )


def plain_paragraphs(page: InstitutionPage, say: Words) -> list[tuple[str, list[str]]]:
    """Headings with a few short sentences each; without an index, why there is none."""
    index = page.figure("index")
    if index is None or page.category is None:
        return [(say("The score"), [hidden_reason(page, say)])]
    found = [
        (say("What is this?"), _plain_survey(page, index, say)),
        (say("The score"), _plain_score(page, index, say)),
        (say("Beside others"), _plain_peers(page, index, say)),
        (say("Beside last year"), _plain_change(page, say)),
        (say("What comes first"), [_plain_part(page, say)]),
    ]
    return [(heading, sentences) for heading, sentences in found if sentences]


def _plain_survey(page: InstitutionPage, index: pd.Series, say: Words) -> list[str]:
    return [
        say("People were asked how honest the work is at {name}.", name=short_name(page)),
        say("{n} of them answered.", n=say.number(index["n"], 0)),
        say("Nobody can see who gave which answer."),
    ]


def _plain_score(page: InstitutionPage, index: pd.Series, say: Words) -> list[str]:
    level = next(level for level in page.categories.levels if level.code == page.category)
    return [
        say("The score is {x} out of 100.", x=say.number(index["estimate"])),
        say("A high score is good."),
        say("Not all people answered, so the true score may differ."),
        say(
            "Most likely it is from {low} to {high}.",
            low=say.number(index["ci_low"]),
            high=say.number(index["ci_high"]),
        ),
        say("This score is called {category}.", category=say.pick(level.label)),
    ]


def _plain_peers(page: InstitutionPage, index: pd.Series, say: Words) -> list[str]:
    group = next(iter(page.peers.groups()), None)
    if group is None:
        return []
    found = page.peers.summary(group, "index")
    side = direction_of(index["ci_low"] - found["median"], index["ci_high"] - found["median"])
    facts = {"n": say.number(found["institutions"], 0), "x": say.number(found["median"])}
    return [say("Half of {n} others of this kind have more than {x}.", **facts), say(SIDES[side])]


def _plain_change(page: InstitutionPage, say: Words) -> list[str]:
    change, own, published = page.figure("index_change"), page.figure("index_previous"), previous_index(page)
    if change is None or (own is None and published is None):
        return []
    before = float(own["estimate"]) if own is not None else published[1] if published else 0.0
    return [
        say("Last year the score was {x}.", x=say.number(before)),
        say(MOVED[direction_of(change["ci_low"], change["ci_high"])]),
    ]


def _plain_part(page: InstitutionPage, say: Words) -> str:
    clear = page.priority_areas.query("is_clear")
    if clear.empty:
        return say("No part is clearly weak.")
    return say("This part needs the most care: {part}.", part=part_name(page, next(clear.itertuples()), say))
