"""Stage: how many of each stratum are invited, so that enough answers may be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from spi_analysis.errors import SamplingError
from spi_analysis.params import RoundParams, Source
from spi_analysis.params.sources import DesignParams
from spi_analysis.sampling import (
    SampleSize,
    cell_labels,
    invitations_for,
    known_levels,
    margin_of_error,
    merge_thin_cells,
    sample_size,
    shrunken_rates,
    stratified_margin,
    with_reserves,
)

PANEL, ALL_UNITS = "panel", "all units"
# A margin is met but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class History:
    """How a source answered before: one row per group of the columns ``by``, with ``invited`` (eligible), ``answered``.

    ``sd``: standard deviation of the score of each group as a share (points / 100), missing where not known;
    ``invited`` and ``answered`` of the whole source beside it.
    """

    by: list[str]
    groups: pd.DataFrame
    invited: int
    answered: int


@dataclass(frozen=True)
class SourcePlan:
    """How one source is invited.

    ``cells``: cell, group (the stratum), merged, people, response; ``strata``: stratum, pop_size, response (share of
    the invited expected to answer), sd, invited (the first release), completes (expected), drawn (with reserves).
    ``margin``: what this allocation buys if the anticipated response comes, as a share; ``margin_met``: whether that
    is as small as aimed for, False only where all who may be invited are too few.
    """

    source: Source
    population: int
    size: SampleSize
    cells: pd.DataFrame
    strata: pd.DataFrame
    margin: float
    reserves: tuple[float, ...] = ()
    margin_met: bool = True

    @property
    def waves(self) -> dict[str, list[int]]:
        """People of every wave, per stratum."""
        table = self.strata
        sizes = zip(table["stratum"], table["invited"], table["pop_size"], strict=True)
        return {name: with_reserves(int(invited), int(people), self.reserves) for name, invited, people in sizes}


class Offer(NamedTuple):
    """Strata with their invitations and expected answers, and the margin of error that these buy."""

    strata: pd.DataFrame
    margin: float


def eligible_list(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """The people who may be drawn: eligible, and from a list (self-registration is no probability sample)."""
    return frame[(frame["source"] == source) & frame["is_eligible"] & (frame["stream"] == "list")]


def plan_source(frame: pd.DataFrame, round_: RoundParams, source: Source, history: History | None = None) -> SourcePlan:
    """Size, strata and allocation of one source; with a history every stratum's own response is anticipated."""
    people = eligible_list(frame, source)
    if people.empty:
        raise SamplingError(f"nobody of source {source} may be invited", got="0 eligible people on the list")
    design = round_.sources[source].design
    if design is None:
        return _panel_plan(people, source)
    cells = _strata_cells(people, design.strata, design.min_stratum_people)
    cells = _with_response(cells, design, history, round_.response.prior_invited)
    strata = _strata_table(cells, design.eligibility_rate)
    rate = float((cells["people"] * cells["response"]).sum() / cells["people"].sum())
    size = sample_size(design.margin, round_.level, design.p, len(people), design.deff, design.eligibility_rate, rate)
    needed = max(size.completes, min(design.min_completes, len(people)))
    if design.two_stage is not None:
        strata = _two_stage_strata(strata, people, design)
        strata["completes"] = strata["invited"] * strata["response"]
        expected = max(1.0, float(strata["completes"].sum()))
        margin = margin_of_error(expected, design.p, round_.level, len(people), design.deff)
    else:
        needed, (strata, margin) = _completes_for_margin(strata, needed, design, round_.level)
    invited = int(strata["invited"].sum())
    size = SampleSize(needed, invited, size.exact, invited >= len(people))
    met = margin <= design.margin + _ROUNDING
    return _with_drawn(SourcePlan(source, len(people), size, cells, strata, margin, tuple(design.reserves), met))


def _invited(strata: pd.DataFrame, completes: int, design: DesignParams) -> pd.DataFrame:
    """Strata with the invitations for so many answers, and the answers expected of them."""
    invited = invitations_for(strata, completes, design.allocation, min_invited=design.min_per_stratum).to_numpy()
    return strata.assign(invited=invited, completes=invited * strata["response"])


def _completes_for_margin(strata: pd.DataFrame, least: int, design: DesignParams, level: float) -> tuple[int, Offer]:
    """The fewest answers, ``least`` or more, whose allocation meets the margin; ``least`` where even everyone misses.

    The formula for a simple random sample is where the search begins: an allocation that is not proportional, or
    whole invitations, may need more.
    """

    def offer(completes: int) -> Offer:
        table = _invited(strata, completes, design)
        return Offer(table, stratified_margin(table, table["completes"], level=level, deff=design.deff))

    def met(found: Offer) -> bool:
        return found.margin <= design.margin + _ROUNDING

    first, most = offer(least), math.ceil(float((strata["pop_size"] * strata["response"]).sum()))
    if most <= least or met(first) or not met(best := offer(most)):
        return least, first
    missed, enough = least, most
    while enough - missed > 1:
        middle = (missed + enough) // 2
        if met(found := offer(middle)):
            enough, best = middle, found
        else:
            missed = middle
    return enough, best


def with_strata(people: pd.DataFrame, columns: list[str], cells: dict[str, str]) -> pd.DataFrame:
    """People with their stratum, by the recorded columns and map from cells to strata; without columns there is one."""
    if not columns:
        return people.assign(stratum=next(iter(cells.values())))
    labels = cell_labels(people, columns)
    return people.assign(stratum=labels.map(lambda cell: cells.get(cell, f"(not in the record) {cell}")))


def listed_in_strata(
    frame: pd.DataFrame, source: Source, columns: list[str], cells: dict[str, str], unit: str | None
) -> pd.DataFrame:
    """Who may be drawn, with the stratum; the ``unit`` of two stages, if any, is known for everyone."""
    people = with_strata(eligible_list(frame, source), columns, cells)
    return people if unit is None else people.assign(**{unit: known_levels(people[unit])})


def strata_columns(design: DesignParams | None) -> list[str]:
    """What divides a source into strata: nothing for a panel, and for two stages, whose units do so."""
    return [] if design is None or design.two_stage is not None else list(design.strata)


def _with_drawn(plan: SourcePlan) -> SourcePlan:
    plan.strata["drawn"] = [sum(people) for people in plan.waves.values()]
    return plan


def _panel_plan(people: pd.DataFrame, source: Source) -> SourcePlan:
    n = len(people)
    cells = pd.DataFrame({"cell": [PANEL], "group": [PANEL], "merged": [False], "people": [n], "response": [1.0]})
    strata = pd.DataFrame(
        {"stratum": [PANEL], "pop_size": [n], "response": [1.0], "invited": [n], "completes": [float(n)], "drawn": [n]}
    )
    return SourcePlan(source, n, SampleSize(n, n, float(n), True), cells, strata, float("nan"))


def _two_stage_strata(strata: pd.DataFrame, people: pd.DataFrame, design: DesignParams) -> pd.DataFrame:
    """All units are one stratum; about as many people as units times people in each."""
    stages = design.two_stage
    assert stages is not None
    n, units = len(people), known_levels(people[stages.unit]).value_counts()
    rate = float((strata["response"] * strata["pop_size"]).sum() / n)
    taken = min(stages.units, len(units)) * min(stages.people, math.ceil(units.mean()))
    row = {"stratum": ALL_UNITS, "pop_size": n, "response": rate, "sd": strata["sd"].mean(), "invited": min(n, taken)}
    return pd.DataFrame([row])


def _strata_cells(people: pd.DataFrame, by: list[str], minimum: int) -> pd.DataFrame:
    labels = cell_labels(people, by)
    first = people[by][~labels.duplicated()].apply(known_levels)
    cells = first.assign(people=labels.value_counts().reindex(labels[first.index]).to_numpy())
    merged = merge_thin_cells(cells, by, "people", minimum)
    return merged.assign(people=cells["people"]).sort_values("cell").reset_index(drop=True)


def _with_response(
    cells: pd.DataFrame, design: DesignParams, history: History | None, prior_invited: float
) -> pd.DataFrame:
    """Every cell's anticipated response (of the eligible) and spread.

    The source's rate is last round's, pulled to the planned one; a group's is last round's, pulled to the source's.
    """
    spread = math.sqrt(design.p * (1 - design.p))
    if history is None:
        return cells.assign(response=design.response_rate, sd=spread)
    (common,) = shrunken_rates([history.answered], [history.invited], design.response_rate, prior_invited)
    groups = history.groups
    rates = shrunken_rates(groups["answered"], groups["invited"], float(common), prior_invited)
    labels, known = cell_labels(cells, history.by), cell_labels(groups, history.by)
    seen = groups["sd"].mean()
    spreads = dict(zip(known, groups["sd"].fillna(seen if pd.notna(seen) else spread), strict=True))
    return cells.assign(
        response=labels.map(dict(zip(known, rates, strict=True))).fillna(float(common)),
        sd=labels.map(spreads).fillna(seen if pd.notna(seen) else spread),
    )


def _strata_table(cells: pd.DataFrame, eligibility: float) -> pd.DataFrame:
    """Strata of cells: people in all; response and spread as their mean over people."""
    weighted = cells.assign(response=cells["response"] * cells["people"], sd=cells["sd"] * cells["people"])
    sums = weighted.groupby("group")[["people", "response", "sd"]].sum()
    table = pd.DataFrame(
        {
            "pop_size": sums["people"],
            "response": eligibility * sums["response"] / sums["people"],
            "sd": sums["sd"] / sums["people"],
        }
    )
    return table.rename_axis("stratum").reset_index()
