"""Notebook 10, beside the plan: how many people a comparison takes, how long people rest, what strata told before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd
from scipy.stats import norm

from spi_analysis.params import ComparisonParams, DesignParams, RoundParams, Source
from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    coded,
    count,
    html_paragraphs,
    message,
    number,
    percent,
    show,
    written,
)
from spi_analysis.stages import SourcePlan, drawn_again, response_history
from spi_analysis.survey.sampling import (
    detectable_difference,
    detectable_two_means,
    prior_strength,
    rounds_of_rest,
    sample_size_change,
    sample_size_mean,
    sample_size_two_means,
    sample_size_two_proportions,
    size_for_domain,
    size_for_interval,
)
from spi_analysis.tables import RoundData

Plans = Mapping[Source, SourcePlan]
AIMS = {
    "mean": message("the score to within {margin} points: answers in all"),
    "group": message("the score of a group of {group} of the people to within {margin} points: answers in all"),
    "rare": message("an experience of {first} of the people to within {width} points of 100: answers in all"),
    "change": message("a change of {difference} points, other people each year: answers in each year"),
    "again": message("a change of {difference} points, the same people again: answers in each year"),
    "units": message("two units {difference} points apart: answers in each unit"),
    "shares": message("an experience of {first} in one unit and {second} in the other: answers in each unit"),
}
NOT_SEEN = message(
    "Too few answers cannot show a difference that is there: that none was found says nothing then. The last column is "
    "the smallest one that the answers expected can show."
)


class Aim(NamedTuple):
    """What is to be seen, the answers that it takes and that are expected, and what these can show at the least."""

    aim: str
    needed: float
    expected: float
    seen: float = math.nan


def comparisons_table(plans: Plans, round_: RoundParams) -> Shown:
    """How many answers it takes to tell apart what the round wants to, beside those that the plan expects."""
    aims = round_.comparisons
    if aims is None:
        text = message("The round's file does not say what it wants to tell apart (comparisons).")
        return show(lambda words: html_paragraphs([words(text)]))
    parts = {
        source: pd.DataFrame(_aims(plan, design, aims, round_.level))
        for source, plan in plans.items()
        if (design := round_.sources[source].design)
    }
    rows = pd.concat([part.assign(source=source) for source, part in parts.items()], ignore_index=True)
    columns = (
        written(message("To be seen"), ("aim",), lambda words, aim: _aim(words, aim, aims)),
        coded(message("Source"), "source", "part"),
        count(message("Answers needed"), "needed"),
        count(message("Expected answers"), "expected"),
        number(message("Smallest difference that can be seen (points)"), "seen", 1),
    )

    def note(words: Words) -> str:
        return words(
            "For a chance of {power} to see it, at {level} confidence, where people's scores have a standard deviation "
            "of {sd} points and a person's scores of two years a correlation of {correlation} (the round's file says "
            "why). In each unit: expected in a median unit.",
            power=words.percent(aims.power, 0),
            level=words.percent(round_.level, 0),
            sd=words.number(aims.sd, 0),
            correlation=words.number(aims.correlation, 1),
        )

    def warning(words: Words) -> str:
        return words(NOT_SEEN)

    title = message("How many answers a comparison takes")
    return View(rows, columns, notes=(note, warning), title=title, name="comparisons")


def _aims(plan: SourcePlan, design: DesignParams, aims: ComparisonParams, level: float) -> Iterator[Aim]:
    """Every aim of the round for one source."""
    total, unit, people, deff = float(plan.strata["completes"].sum()), _in_a_unit(plan), plan.population, design.deff
    spread, risk = (aims.sd, aims.sd), 1 - level
    mean = sample_size_mean(aims.sd, aims.margin, level=level, population=people, deff=deff)
    yield Aim("mean", mean.completes, total)
    # A margin is z standard errors; the mean stands on both sides of the CV and falls out.
    error = aims.margin / float(norm.ppf(0.5 + level / 2))
    # The design effect is in the variance before the list corrects it, as in the row of the mean.
    yield Aim("group", _up(size_for_domain(error, aims.sd * deff**0.5, aims.group, people)), total)
    width = aims.shares[1] - aims.shares[0]
    yield Aim("rare", _up(deff * size_for_interval(width, aims.shares[0], "wilson", level)), total)
    for aim, overlap in (("change", 0.0), ("again", 1.0)):
        same = {"correlation": aims.correlation, "power": aims.power, "significance": risk, "deff": deff}
        size = sample_size_change(aims.difference, spread, overlap, population=people, **same)
        yield Aim(aim, size.first, total, detectable_difference(total, spread, overlap, population=people, **same))
    units = sample_size_two_means(aims.difference, aims.sd, aims.power, risk)
    apart = detectable_two_means(unit / deff, aims.sd, aims.power, risk)
    yield Aim("units", _up(deff * units.exact), unit, apart)
    yield Aim("shares", _up(deff * sample_size_two_proportions(aims.shares, aims.power, risk).exact), unit)


def _in_a_unit(plan: SourcePlan) -> float:
    """Answers expected in a median unit; in a median stratum where these are not made of units."""
    strata, cells = plan.strata.set_index("stratum"), plan.cells
    if "unit" not in cells:
        return float(strata["completes"].median())
    rate = strata["completes"] / strata["pop_size"]
    of_all = strata["completes"].sum() / strata["pop_size"].sum()
    answers = cells["people"] * cells["group"].map(rate).fillna(of_all)
    return float(answers.groupby(cells["unit"]).sum().median())


def _up(answers: float) -> int:
    return math.ceil(answers - 1e-9)


def _aim(words: Words, aim: str, aims: ComparisonParams) -> str:
    first, second = aims.shares
    return words(
        AIMS[aim],
        margin=words.number(aims.margin, 0),
        difference=words.number(aims.difference, 0),
        group=words.percent(aims.group, 0),
        first=words.percent(first, 0),
        second=words.percent(second, 0),
        width=words.number(100 * (second - first), 0),
    )


def rest_table(data: RoundData, plans: Plans) -> Shown:
    """How many rounds people could rest, and how many were drawn in the round before, too."""
    drawn = {source: plan for source, plan in plans.items() if data.round.sources[source].design}
    again = drawn_again(data.store, data.institution_id, data.round)
    shares = {source: float(plan.strata["drawn"].sum() / plan.population) for source, plan in drawn.items()}
    rows = pd.DataFrame(
        {
            "source": list(shares),
            "share": list(shares.values()),
            "rest": [rounds_of_rest(share) for share in shares.values()],
        }
    )
    columns = [
        coded(message("Source"), "source", "part"),
        percent(message("Drawn, of the list"), "share"),
        count(message("Rounds of rest"), "rest"),
    ]
    if again is not None:
        rows["again"] = again["share"].reindex(rows["source"]).to_numpy()
        columns.append(percent(message("Of these drawn in the round before, too"), "again"))
    note = message(
        "Rest: for how many rounds nobody is drawn again if each begins where the last one ended (draw.coordination in "
        "the round's file). People who are asked every year answer less and less."
    )
    return View(rows, tuple(columns), notes=(note,), title=message("How long people can rest"), name="rest")


def priors_table(data: RoundData) -> Shown:
    """What a stratum's own response of the last round counts for, by the round's file and by how strata differed."""
    found = {
        source: response_history(data.setup, data.store, data.institution_id, source)
        for source in data.round.populations
    }
    groups = {source: one.groups[one.groups["invited"] > 0] for source, one in found.items() if one is not None}
    told = {source: table for source, table in groups.items() if len(table) > 1}
    if not told:
        text = message("No earlier round tells how strata answered: all are planned with the rate of their source.")
        return show(lambda words: html_paragraphs([words(text)]))
    rows = pd.DataFrame(
        {
            "source": list(told),
            "groups": [len(table) for table in told.values()],
            "prior": data.round.response.prior_invited,
            "strength": [prior_strength(table["answered"], table["invited"]) for table in told.values()],
        }
    )
    columns = (
        coded(message("Source"), "source", "part"),
        count(message("Groups with figures"), "groups"),
        count(message("The source's rate counts as so many invitations"), "prior"),
        count(message("By how the groups differed"), "strength"),
    )
    note = message(
        "A group with as many invitations counts half as itself. A last column far below the one before says that "
        "groups really differ, one far above that they differed by chance: rates of small groups are mostly luck."
    )
    return View(rows, columns, notes=(note,), title=message("What the last round's response counts for"), name="priors")
