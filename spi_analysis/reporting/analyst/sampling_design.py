"""Notebook 10: what precision each choice buys, who is invited (counts only), how the draw is checked."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.params import ExpertPlanParams, RoundParams, RoundSetup, Source
from spi_analysis.reporting import (
    AnyText,
    Shown,
    View,
    Words,
    chart,
    coded,
    count,
    html_paragraphs,
    in_words,
    lines,
    message,
    number,
    panel_dash,
    percent,
    plain,
    series_of,
    show,
    without_panel_counts,
    worded,
    written,
)
from spi_analysis.reporting.view_columns import Column
from spi_analysis.stages import (
    LEVELS_JOINED,
    ExpertPlan,
    SourcePlan,
    activation_table,
    drawn_of,
    expert_plan,
    log_of,
    plan_source,
    response_history,
)
from spi_analysis.survey.sampling import BethelAllocation, compared_allocations, invitations_by, margin_of_error
from spi_analysis.tables import RoundData

# Answers for the curve: from the least that a source aims at up to everyone, evenly on the page.
CURVE_POINTS = 40
# Of a commitment: enough to compare it by eye with what was published.
SHOWN_DIGITS = 16
METHODS = {
    "proportional": message("in proportion to people"),
    "equal": message("the same answers in each stratum"),
    "power": message("by the root of people (between the two)"),
    "neyman": message("by people and spread (Neyman)"),
}
# The round's own rule, where it is none of these.
OWN_METHODS = {
    "bethel": message("so that every target is met (Bethel)"),
    "cost": message("by people, spread and cost"),
}
DRAWN_BY = {
    "srs": message("by random numbers"),
    "systematic": message("systematic"),
    "two_stage": message("units, then people"),
    "panel": message("everyone"),
}
CHECKS = (
    {
        "who": message("anybody"),
        "with": message("the public record"),
        "sure": message("the start follows from the public value; the counts add up"),
        "option": "--record-only",
    },
    {
        "who": message("the institution, the Inspektorat"),
        "with": message("record and list"),
        "sure": message("the list is still the one drawn from, and the sample what was drawn and activated"),
        "option": "--without-secret",
    },
    {
        "who": message("an auditor, after fieldwork"),
        "with": message("record, list and secret"),
        "sure": message("everybody drawn follows from the draw, in the right wave and with the right chance"),
        "option": "",
    },
)
WHO = {True: message("everyone"), False: message("a sample")}
RATES = [0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6]
Plans = Mapping[Source, SourcePlan]


def source_plans(data: RoundData) -> dict[Source, SourcePlan]:
    """The plan of every source, with the response that earlier rounds tell of."""
    setup, store, institution_id = data.setup, data.store, data.institution_id
    return {
        source: plan_source(data.frame, data.round, source, response_history(setup, store, institution_id, source))
        for source in data.round.sources
    }


def plan_table(plans: Plans, round_: RoundParams) -> Shown:
    """Answers needed, invitations and the margin of error they buy."""

    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Eligible"), "population"),
        count(message("Answers needed"), "needed"),
        count(message("Invitations"), "invited"),
        worded(message("Who is invited"), "is_census", WHO),
        count(message("Strata"), "strata"),
        count(message("Expected answers"), "expected"),
        percent(message("Expected margin of error"), "margin"),
    )

    def note(words: Words) -> str:
        return words(
            "The margin of error is for a share of {share}, or for the spread of the last round's answers where that "
            "is known, at {level} confidence. A panel is invited whole; it has no margin of error in the sense of "
            "sampling.",
            share=_shares(round_, words),
            level=words.percent(round_.level, 0),
        )

    def missed(words: Words) -> str:
        names = _names([source for source, plan in plans.items() if not plan.margin_met], words)
        said = message("Even with everyone invited the margin aimed for is not reached: {names}.")
        return words(said, names=names) if names else ""

    notes = (note, partial(panel_dash, round_), missed)
    rows = without_panel_counts(_plan_rows(plans), round_, _untold(_sizes(plans), round_))
    return View(rows, columns, notes=notes, title=message("What is planned"), name="plan")


def _sizes(plans: Plans) -> dict[Source, tuple[int, int]]:
    """People on the list and drawn, of every source."""
    return {source: (plan.population, int(plan.strata["drawn"].sum())) for source, plan in plans.items()}


def _untold(sizes: Mapping[Source, tuple[int, int]], round_: RoundParams) -> list[Source]:
    """Panels, and lists of nominated people from which nearly everybody is drawn: who is asked would be known."""
    few = round_.disclosure.min_cell
    return [s for s in round_.nominated if s in round_.panels or s not in sizes or sizes[s][0] - sizes[s][1] < few]


def _plan_rows(plans: Plans) -> pd.DataFrame:
    """What is planned, a row per source."""
    return pd.DataFrame(
        {
            "source": list(plans),
            "population": [plan.population for plan in plans.values()],
            "needed": [plan.size.completes for plan in plans.values()],
            "invited": [_invited(plan) for plan in plans.values()],
            "is_census": [plan.size.census for plan in plans.values()],
            "strata": [len(plan.strata) for plan in plans.values()],
            "expected": [_expected(plan) for plan in plans.values()],
            "margin": [plan.margin for plan in plans.values()],
        }
    )


def margins_table(plans: Plans, round_: RoundParams) -> Shown:
    """Margins of a share and of the score, for the answers expected and for half of them."""
    rows = pd.DataFrame([_margins_at(plan, round_) for source, plan in plans.items() if round_.sources[source].design])
    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Expected answers"), "expected"),
        number(message("Margin of a share (points of 100)"), "share", 1),
        number(message("Margin of the score (points)"), "score", 1),
        number(message("Margin of a share with half the answers"), "share_half", 1),
        number(message("Margin of the score with half the answers"), "score_half", 1),
    )

    def note(words: Words) -> str:
        return words(
            "A share of {share} differs most between people; scores differ less, with a standard deviation of about "
            "{sd} points, and are known better by as much. At {level} confidence, with the design effect planned for.",
            share=_shares(round_, words),
            sd=words.number(round_.response.score_sd, 0),
            level=words.percent(round_.level, 0),
        )

    return View(rows, columns, notes=(note,), title=message("If fewer answer than expected"), name="margins")


def _margins_at(plan: SourcePlan, round_: RoundParams) -> dict[str, object]:
    """In points, for the answers expected and for half of them."""
    design = round_.sources[plan.source].design
    assert design is not None
    expected = _expected(plan)
    # A margin goes with the standard deviation: of a share that is the root of p(1 - p).
    by_score = round_.response.score_sd / (100 * math.sqrt(design.p * (1 - design.p)))
    share, half = (_margin_of(max(n, 1), plan, round_) for n in (expected, expected / 2))
    figures = {"share": share, "share_half": half, "score": share * by_score, "score_half": half * by_score}
    return {"source": plan.source, "expected": expected, **figures}


def _shares(round_: RoundParams, words: Words) -> str:
    """The shares that sizes are planned for, each once."""
    planned = {source.design.p for source in round_.sources.values() if source.design}
    return words.listed([words.percent(p, 0) for p in sorted(planned)])


def margin_chart(plans: Plans, round_: RoundParams) -> Shown:
    """The margin of error that the invitations buy, for response rates from low to high."""
    curves = {source: _margins(plan, round_) for source, plan in plans.items() if round_.sources[source].design}

    table = pd.DataFrame(curves, index=pd.Index([100 * rate for rate in RATES], name="response_rate"))
    note = message("A higher response rate narrows the margin; it does not by itself remove nonresponse bias.")
    title, along = message("Margin of error by response rate"), message("Response rate (percent)")
    return _margins_along(table, "margin", title, along, note)


def _margins_along(table: pd.DataFrame, name: str, title: str, along: str, note: AnyText) -> View:
    """A curve for every source over the table's index, and its figures."""
    drawn = chart(
        lines,
        series_of(table, "part"),
        f"chart-{name}",
        in_words(title),
        x_label=in_words(along),
        y_label=in_words(message("Margin of error (points of 100)")),
        decimals=1,
        note=in_words(note),
    )
    columns = (count(along, str(table.index.name)), *_curves(table))
    return View(table.reset_index(), columns, drawn, title=title, name=name, with_table=False)


def _curves(table: pd.DataFrame) -> Iterator[Column]:
    """The margin of error of every source, as its curve is drawn."""
    for source in table.columns:
        yield number(_margin_of_source(source), source, 1)


def _margin_of_source(source: Source) -> AnyText:
    return lambda words: f"{words('Margin of error (points of 100)')}: {words.value('part', source)}"


def size_chart(plans: Plans, round_: RoundParams) -> Shown:
    """The margin of error for every number of answers, from few to everyone on the list."""
    drawn = {source: plan for source, plan in plans.items() if round_.sources[source].design}
    most = max(plan.population for plan in drawn.values())
    least = min(min(round_.sources[source].design.min_completes for source in drawn), most)  # type: ignore[union-attr]
    answers = sorted({int(n) for n in np.geomspace(least, most, CURVE_POINTS)})
    curves = {source: [_margin_of(n, plan, round_) for n in answers] for source, plan in drawn.items()}

    table = pd.DataFrame(curves, index=pd.Index([float(n) for n in answers], name="answers"))

    def note(words: Words) -> str:
        return words(
            "For a share of {share} with the design effect planned for, at {level} confidence.",
            share=_shares(round_, words),
            level=words.percent(round_.level, 0),
        )

    return _margins_along(table, "size", message("Margin of error by number of answers"), message("Answers"), note)


def allocation_table(plans: Plans, round_: RoundParams) -> Shown:
    """The precision of the same invitations under other allocations; nothing to compare where everyone is invited."""
    parts = {source: _compared(plan, round_) for source, plan in plans.items() if _has_a_choice(plan, round_)}
    everyone = [s for s in plans if round_.sources[s].design and plans[s].size.census]
    stages = [s for s in plans if (design := round_.sources[s].design) and design.two_stage is not None]

    def said(words: Words) -> str:
        below = [
            (everyone, message("Everyone is invited, so there is no allocation: {names}.")),
            (stages, message("Units are drawn first, so nothing is allocated to strata: {names}.")),
        ]
        return html_paragraphs([words(text, names=_names(sources, words)) for sources, text in below if sources])

    if not parts:
        return show(said)
    rows = pd.concat([part.assign(source=source) for source, part in parts.items()], ignore_index=True)
    chosen = [round_.sources[s].design.rule_name == m for s, m in zip(rows["source"], rows["method"], strict=True)]
    columns = (
        written(
            message("Allocation"),
            ("method", "is_chosen"),
            lambda words, method, ours: words((METHODS | OWN_METHODS).get(method, method)) + (" ✓" if ours else ""),
        ),
        coded(message("Source"), "source", "part"),
        count(message("Invitations"), "invited"),
        count(message("Expected answers"), "completes"),
        percent(message("Margin of the source"), "margin"),
        number(message("Answers in a median stratum"), "stratum_completes", 1),
    )
    note = message(
        "✓ marks the round's choice. The same number of invitations each time. As long as the spread of answers is "
        "not known by stratum, Neyman's rule is the proportional one."
    )
    title = message("Allocations of the invitations")
    return View(rows.assign(is_chosen=chosen), columns, notes=(note,), title=title, name="allocations") + show(said)


def targets_table(plans: Plans, round_: RoundParams) -> Shown:
    """What an allocation by targets bought: the CV asked for and expected, and what shares alone would have taken."""
    bought = {source: found for source, plan in plans.items() if (found := _bought(plan, round_)) is not None}
    if not bought:
        text = message("No source of this round is allocated by precision targets (allocation: bethel).")
        return show(lambda words: html_paragraphs([words(text)]))
    rows = pd.concat([table.assign(source=source) for source, (table, _) in bought.items()], ignore_index=True)
    columns = (
        written(message("Target"), ("domain", "level", "variable"), _target),
        coded(message("Source"), "source", "part"),
        percent(message("CV asked for"), "cv", 1),
        percent(message("CV expected"), "reached", 1),
        percent(message("CV in proportion to people"), "proportional", 1),
    )

    def note(words: Words) -> str:
        text = message(
            "{source}: {n} invitations meet every target; in proportion to people, as many would give the last column, "
            "and {more} would be needed."
        )
        said = [
            words(
                text, source=words.value("part", s), n=words.number(_invited(plans[s]), 0), more=words.number(more, 0)
            )
            for s, (_, more) in bought.items()
        ]
        return " ".join(said)

    said = message("The coefficient of variation (CV) is the standard error as a share of the mean.")
    title = message("Precision targets: CV asked for and expected")
    return View(rows, columns, notes=(said, note), title=title, name="targets")


def _bought(plan: SourcePlan, round_: RoundParams) -> tuple[pd.DataFrame, int] | None:
    """CVs asked for, expected, and in proportion with as many invitations; the invitations in proportion that do."""
    design, strata = round_.sources[plan.source].design, plan.strata
    if design is None or design.two_stage is not None or not isinstance(design.rule, BethelAllocation):
        return None
    rule, least = design.rule, design.min_per_stratum
    shared = invitations_by(strata, _invited(plan), min_invited=least)
    table = rule.reached(strata, strata["invited"])
    table["proportional"] = rule.reached(strata, shared)["reached"].to_numpy()
    return table, int(rule.proportional(strata, least).sum())


def _target(words: Words, domain: str, level: str, variable: str) -> str:
    parts = [words.value(domain, part) for part in level.split(LEVELS_JOINED)] if domain else [words("All people")]
    return f"{LEVELS_JOINED.join(parts)}: {variable}"


def experts_table(plans: Plans, setup: RoundSetup, round_: RoundParams) -> Shown:
    """What more experts buy, beside more answers of others for the same cost; else nothing."""
    found, params, chances = expert_plan(plans, setup, round_), setup.years.experts, setup.years.chances
    if found is None or params is None or chances is None:
        return show(lambda words: "")

    def name(words: Words) -> str:
        return words.value("source", found.other)

    columns = (
        count(message("Experts"), "experts"),
        count(message("Cost in invitations"), "cost"),
        number(message("Read as a panel, plus or minus for the index"), "half_width", 1),
        number(lambda words: words("Drawn from {names} names", names=found.names), "of_list", 1),
        number(lambda words: words("Drawn, and fewer invitations to {source}", source=name(words)), "equal_cost", 1),
        number(lambda words: words("The same cost for {source}", source=name(words)), "instead", 1),
    )

    def note(words: Words) -> str:
        return words(
            "Plus or minus for the index, in points, at {level} confidence, with so many experts beside the planned "
            "answers of the others. Read as a panel, experts stand for all who could have been asked; drawn from a "
            "list of {names} names, for these. Drawn, and fewer invitations: what they cost beyond {fewest} experts is "
            "taken from the invitations to {source} ({response} answer), so that all rows cost the same. Last column: "
            "{fewest} experts, and the rest of the row's cost spent on more invitations to {source}. Assumed: an "
            "expert costs as much as {cost} invitations; the scores of experts differ by {sd} points (standard "
            "deviation), those of others by {others}. Whom somebody names is a bias of its own, which more experts do "
            "not lessen.",
            level=words.percent(round_.level, 0),
            names=found.names,
            fewest=params.numbers[0],
            source=name(words),
            response=words.percent(found.response, 0),
            cost=words.exact(params.cost),
            sd=words.exact(chances.panel_sd),
            others=words.exact(params.others_sd),
        )

    said = show(lambda words: html_paragraphs(_experts_needed(found, params, words)))
    return said + View(found.table, columns, notes=(note,), title=message("How many experts"), name="experts")


def _experts_needed(found: ExpertPlan, params: ExpertPlanParams, words: Words) -> list[str]:
    """How many experts the aim takes, as a panel and drawn from a list."""
    aim = words.exact(params.half_width)
    if found.needed is None:
        panel = words(
            "Not even {most} experts give the index to within {aim} points: the other sources alone leave more.",
            most=params.most,
            aim=aim,
        )
    else:
        panel = words(
            "For the index to within {aim} points {needed} experts have to answer; they cost as much as {cost} "
            "invitations.",
            aim=aim,
            needed=found.needed,
            cost=words.number(found.needed * params.cost, 0),
        )
    if found.needed_of_list is None:
        return [panel]
    drawn = words(
        "Drawn at random from a list of {names} names, and read as the mean of these names, {needed} are enough.",
        names=found.names,
        needed=found.needed_of_list,
    )
    return [panel, drawn]


def strata_table(plans: Plans, round_: RoundParams) -> Shown:
    """Strata with people, invitations, reserves and expected answers; the note counts the cells that were merged.

    A panel is no stratum: it is invited whole.
    """
    untold = _untold(_sizes(plans), round_)
    drawn = {source: plan for source, plan in plans.items() if source not in untold}
    strata = pd.concat([plan.strata.assign(source=source) for source, plan in drawn.items()])
    merged = sum(int(plan.cells["merged"].sum()) for plan in drawn.values())

    columns = (
        written(message("Stratum"), ("stratum",), Words.cell),
        coded(message("Source"), "source", "part"),
        count(message("Eligible"), "pop_size"),
        count(message("Invitations"), "invited"),
        count(message("In reserve"), "reserve"),
        count(message("Expected answers"), "completes"),
    )

    def note(words: Words) -> str:
        return words(
            "{n} cells too small to stand alone were merged; a stratum's name tells how many. Expected answers are "
            "planned from response rates, not counted.",
            n=merged,
        )

    rows = strata.assign(reserve=strata["drawn"] - strata["invited"])
    return View(rows, columns, notes=(note,), title=message("Strata and invitations"), name="strata")


def record_table(data: RoundData) -> Shown:
    """The public part of the draw record, and what was activated of it."""
    record, round_ = data.store.read_record("draw", data.institution_id), data.round
    if record is None:
        return show(lambda words: html_paragraphs([words("Nothing has been drawn yet.")]))
    parts = {source: record["sources"][source] for source in round_.sources if source in record["sources"]}
    first = next(iter(parts.values()))
    drawn, activations = drawn_of(data.store, data.institution_id), log_of(data.store, data.institution_id)
    invited = activation_table(drawn, activations).set_index("source")
    # The record keeps the name as it was when the sample was drawn, in the round's first language.
    names = round_.draw.public_value_name
    known = names[round_.languages[0]] == first["public_value_name"]

    columns = (
        coded(message("Source"), "source", "part"),
        worded(message("Method"), "method", DRAWN_BY),
        count(message("Eligible"), "pop_size"),
        count(message("Drawn"), "sample_size"),
        count(message("Invited"), "invited"),
        count(message("In reserve"), "reserve"),
        # No count of people, and of a panel, too.
        number(message("Starting point"), "start", 6),
    )

    def note(words: Words) -> str:
        return words(
            "Public value that fixes the start: {name} ({value}, {date}). Commitment of the secret: {commitment}… "
            "Activations after the first: {releases}.",
            name=words.pick(names) if known else first["public_value_name"],
            value=first["public_value"],
            date=words.date(dt.date.fromisoformat(first["public_value_date"])),
            commitment=first["secret_commitment"][:SHOWN_DIGITS],
            releases=words.number(len(activations), 0),
        )

    sizes = {source: (part["pop_size"], part["sample_size"]) for source, part in parts.items()}
    rows = without_panel_counts(_record_rows(parts, invited, round_), round_, _untold(sizes, round_))
    rows = rows.assign(start=[part["shift"] for part in parts.values()])
    return View(rows, columns, notes=(note, partial(panel_dash, round_)), title=message("The draw"), name="record")


def _record_rows(parts: Mapping[Source, Any], invited: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """What was drawn and invited, a row per source."""
    methods = [part["method"]["name"] if round_.sources[source].design else "panel" for source, part in parts.items()]
    return pd.DataFrame(
        {
            "source": list(parts),
            "method": methods,
            "pop_size": [part["pop_size"] for part in parts.values()],
            "sample_size": [part["sample_size"] for part in parts.values()],
            "invited": invited["invited"].reindex(list(parts)).to_numpy(),
            "reserve": invited["reserve"].reindex(list(parts)).to_numpy(),
        }
    )


def checks_table(institution_id: str) -> Shown:
    """Who can check what of the draw, and with which command."""

    rows = [{**row, "command": f"spi verify-draw {institution_id} {row['option']}".strip()} for row in CHECKS]
    columns = (
        written(message("Who"), ("who",), Words.__call__),
        written(message("With"), ("with",), Words.__call__),
        written(message("Can be sure that"), ("sure",), Words.__call__),
        plain(message("Command"), "command"),
    )
    return View(pd.DataFrame(rows), columns, title=message("Who can check what"), name="checks")


def _names(sources: list[Source], words: Words) -> str:
    return words.listed(words.value("part", source) for source in sources)


def _has_a_choice(plan: SourcePlan, round_: RoundParams) -> bool:
    design = round_.sources[plan.source].design
    return design is not None and design.two_stage is None and not plan.size.census


def _compared(plan: SourcePlan, round_: RoundParams) -> pd.DataFrame:
    design, strata = round_.sources[plan.source].design, plan.strata
    assert design is not None
    compared = compared_allocations(
        strata,
        _invited(plan),
        tuple(METHODS),
        level=round_.level,
        deff=design.deff,
        min_invited=design.min_per_stratum,
    )
    if design.rule_name in METHODS:
        return compared
    answers = strata["completes"]
    own = (design.rule_name, _invited(plan), float(answers.sum()), plan.margin, float(answers.median()))
    return pd.concat([pd.DataFrame([own], columns=compared.columns), compared], ignore_index=True)


def _expected(plan: SourcePlan) -> float:
    """A panel's answers are not planned for."""
    return math.nan if math.isnan(plan.margin) else float(plan.strata["completes"].sum())


def _margin_of(answers: float, plan: SourcePlan, round_: RoundParams) -> float:
    """In points; nothing where there are not so many people."""
    design = round_.sources[plan.source].design
    if design is None or answers > plan.population:
        return float("nan")
    return 100 * margin_of_error(answers, design.p, round_.level, plan.population, design.deff)


def _invited(plan: SourcePlan) -> int:
    return int(plan.strata["invited"].sum())


def _margins(plan: SourcePlan, round_: RoundParams) -> list[float]:
    design = round_.sources[plan.source].design
    assert design is not None
    people = _invited(plan) * design.eligibility_rate
    answers = [max(people * rate, 1) for rate in RATES]
    return [100 * margin_of_error(n, design.p, round_.level, plan.population, design.deff) for n in answers]
