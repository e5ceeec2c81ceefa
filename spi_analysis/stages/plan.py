"""Stage: how many of each stratum are invited, so that enough answers may be expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import SamplingError
from spi_analysis.params import DesignParams, RoundParams, RoundSetup, Source, UnitFacts
from spi_analysis.scores import satterthwaite
from spi_analysis.survey import cell_labels, merge_thin_cells, with_unknown_level
from spi_analysis.survey.sampling import (
    SampleSize,
    margin_of_error,
    overlap,
    rotation_for,
    sample_size,
    shrunken_rates,
    stratified_margin,
    with_reserves,
)
from spi_analysis.tables import NEVER_AGAIN, Store, eligible_list, read_table

# Between the levels of a column that one stratum holds.
LEVELS_JOINED = " + "
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
    the invited expected to answer), sd, invited (the first wave), completes (expected), drawn (with reserves).
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


def plan_source(frame: pd.DataFrame, round_: RoundParams, source: Source, history: History | None = None) -> SourcePlan:
    """Size, strata and allocation of one source; with a history every stratum's own response is anticipated."""
    design = round_.sources[source].design
    needed = _looked_at(design)
    # Where one is missing, the error names the nearest of all that there are.
    people = eligible_list(frame, source, needed if frame.columns.isin(needed).sum() == len(needed) else None)
    if people.empty:
        raise SamplingError(f"nobody of source {source} may be invited", got="0 eligible people on the list")
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
        strata = with_domains(strata, cells, design)
        needed, (strata, margin) = _completes_for_margin(strata, needed, design, round_.level)
    invited = int(strata["invited"].sum())
    size = SampleSize(needed, invited, size.exact, invited >= len(people))
    # A rule with targets of its own does not aim for the margin.
    met = design.rule.sets_size or margin <= design.margin + _ROUNDING
    return _with_drawn(SourcePlan(source, len(people), size, cells, strata, margin, tuple(design.reserves), met))


def _looked_at(design: DesignParams | None) -> list[str]:
    """The columns of the list that a plan looks at."""
    units = [design.two_stage.unit] if design is not None and design.two_stage is not None else []
    return [*dict.fromkeys(["source", *(design.strata if design is not None else []), *units])]


def _invited(strata: pd.DataFrame, completes: int, design: DesignParams) -> pd.DataFrame:
    """Strata with the invitations for so many answers, and the answers expected of them."""
    invited = design.rule.invitations(strata, completes, design.min_per_stratum).to_numpy()
    return strata.assign(invited=invited, completes=invited * strata["response"])


def _completes_for_margin(strata: pd.DataFrame, least: int, design: DesignParams, level: float) -> tuple[int, Offer]:
    """The fewest answers, ``least`` or more, whose allocation meets the margin; ``least`` where even everyone misses.

    The formula for a simple random sample is where the search begins: an allocation that is not proportional, or
    whole invitations, may need more. A rule whose targets set the size is carried out once.
    """

    def offer(completes: int) -> Offer:
        table = _invited(strata, completes, design)
        return Offer(table, stratified_margin(table, table["completes"], level=level, deff=design.deff))

    def met(found: Offer) -> bool:
        return found.margin <= design.margin + _ROUNDING

    first = offer(least)
    if design.rule.sets_size:
        return math.ceil(first.strata["completes"].sum()), first
    most = math.ceil(float((strata["pop_size"] * strata["response"]).sum()))
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


def with_domains(strata: pd.DataFrame, cells: pd.DataFrame, design: DesignParams) -> pd.DataFrame:
    """Strata with what a rule of allocation may look at: the share planned for, and the columns that divide them.

    A stratum of several levels of a column has all their names.
    """
    needed = list(design.rule.needs)
    levels = cells.groupby("group")[needed].agg(
        lambda column: LEVELS_JOINED.join(sorted(set(with_unknown_level(column))))
    )
    named = {column: strata["stratum"].map(levels[column]) for column in needed}
    return strata.assign(mean=design.p, **named) if design.rule.sets_size or needed else strata


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
    return people if unit is None else people.assign(**{unit: with_unknown_level(people[unit])})


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
    n, units = len(people), with_unknown_level(people[stages.unit]).value_counts()
    rate = float((strata["response"] * strata["pop_size"]).sum() / n)
    taken = min(stages.units, len(units)) * min(stages.people, math.ceil(units.mean()))
    row = {"stratum": ALL_UNITS, "pop_size": n, "response": rate, "sd": strata["sd"].mean(), "invited": min(n, taken)}
    return pd.DataFrame([row])


def _strata_cells(people: pd.DataFrame, by: list[str], minimum: int) -> pd.DataFrame:
    labels = cell_labels(people, by)
    first = people[by][~labels.duplicated()].apply(with_unknown_level)
    cells = first.assign(people=labels.value_counts().reindex(labels[first.index]).to_numpy())
    merged = merge_thin_cells(cells, by, "people", minimum)
    return merged.assign(people=cells["people"]).sort_values("cell").reset_index(drop=True)


def _with_response(
    cells: pd.DataFrame, design: DesignParams, history: History | None, prior_invited: float
) -> pd.DataFrame:
    """Every cell's anticipated response (of the eligible) and spread.

    The source's rate is last round's, shrunk towards the planned one; a group's is last round's, shrunk towards that of
    the source.
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


# What earlier rounds tell a draw: how units answered, and how far the random numbers are rotated so that people rest.


class Rotation(NamedTuple):
    """What co-ordination adds to the start; ``facts`` go into the record."""

    rotation: float
    facts: dict[str, Any]


def response_history(setup: RoundSetup, store: Store, institution_id: str, source: Source) -> History | None:
    """How a source answered before: by the round's figures of units, else by the earlier round's store; else None."""
    facts = [one for one in setup.unit_facts(institution_id, source) if one.invited_before is not None]
    if facts:
        return _history_of_facts(facts)
    round_ = setup.round_for(institution_id)
    design, name = round_.sources[source].design, round_.response.previous_round
    if design is None or name is None:
        return None
    earlier = Store(store.root.parent / name)
    if not earlier.has("weights", institution_id) or not earlier.has("frame", institution_id):
        return None
    weights, frame = earlier.read("weights", institution_id), earlier.read("frame", institution_id)
    return history_of_round(weights, frame, round_, source)


def history_of_round(weights: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams, source: Source) -> History | None:
    """Invited (but for those who proved ineligible) and answered, by the strata columns of this round's design."""
    design = round_.sources[source].design
    assert design is not None
    found = weights[(weights["source"] == source) & (weights["disposition"] != "NE")]
    people = found.merge(frame[["source", "person_id", *design.strata]], on=["source", "person_id"], validate="1:1")
    if people.empty:
        return None
    answered = people["disposition"].isin(round_.dispositions.respondents)
    grouped = answered.groupby([with_unknown_level(people[column]) for column in design.strata])
    groups = grouped.agg(invited="size", answered="sum").reset_index().assign(sd=float("nan"))
    return History(list(design.strata), groups, len(people), int(answered.sum()))


def drawn_again(store: Store, institution_id: str, round_: RoundParams) -> pd.DataFrame | None:
    """Per source how many were drawn, and how many of them in the round that this one is co-ordinated with, too."""
    plan = round_.draw.coordination
    if plan is None:
        return None
    earlier = Store(store.root.parent / plan.round)
    if not all(one.has("sample", institution_id) for one in (earlier, store)):
        return None
    return overlap(earlier.read("sample", institution_id), store.read("sample", institution_id), stratum="source")


def coordinated_rotation(
    store: Store, institution_id: str, round_: RoundParams, source: Source, people: pd.DataFrame, fractions: pd.Series
) -> Rotation:
    """How far this draw is rotated against the earlier round's.

    Parameters
    ----------
    people : DataFrame   who may be drawn now: person_id, stratum
    fractions : Series   stratum -> share that is drawn now (reserves included)

    Raises
    ------
    SamplingError   the earlier round has another public value: the two circles then have nothing in common.
    """
    plan = round_.draw.coordination
    if plan is None or round_.sources[source].design is None:
        return Rotation(0.0, {})
    earlier = Store(store.root.parent / plan.round)
    record = earlier.read_record("draw", institution_id)
    part = (record or {}).get("sources", {}).get(source)
    archive = earlier.root / "draw" / f"{institution_id}.frame.parquet"
    if part is None or not archive.exists() or not earlier.has("sample", institution_id):
        return Rotation(0.0, {"round": plan.round, "aim": plan.aim, "found": False})
    if part["public_value"] != round_.draw.public_value:
        raise SamplingError(
            "a co-ordinated round needs the public value of the round that it is co-ordinated with",
            file=f"params/rounds/{round_.round_id}.yaml",
            key="draw.public_value",
            got=round_.draw.public_value,
            expected=part["public_value"],
            hint="use that value and announce the rotation beforehand, or take out draw.coordination",
        )
    before = read_table(archive, None, f"the frame of the draw of {plan.round}", NEVER_AGAIN)
    both = _both_rounds(before, earlier.read("sample", institution_id), source, people, fractions)
    best = rotation_for(both["before"], both["now"], plan.aim)
    facts = {"round": plan.round, "aim": plan.aim, "found": True, "people": len(both)}
    return Rotation(float((part["turn"] + best + plan.margin) % 1.0), facts)


def _both_rounds(
    listed_before: pd.DataFrame, sample: pd.DataFrame, source: Source, people: pd.DataFrame, fractions: pd.Series
) -> pd.DataFrame:
    """People on both lists, with the share of their stratum that was asked before and is drawn now."""
    asked = sample[sample["source"] == source].groupby("stratum")["inclusion_prob"].mean()
    old = listed_before.loc[listed_before["source"] == source, ["person_id", "stratum"]]
    both = people[["person_id", "stratum"]].merge(old, on="person_id", suffixes=("", "_before"))
    before = both["stratum_before"].map(asked).fillna(0.0).clip(upper=1.0)
    return both.assign(before=before, now=both["stratum"].map(fractions).astype(float))


def _history_of_facts(facts: list[UnitFacts]) -> History:
    rows = pd.DataFrame([one.model_dump() for one in facts])
    table = pd.DataFrame(
        {
            "unit": rows["unit"],
            "invited": rows["invited_before"],
            "answered": rows["answered_before"],
            "sd": pd.to_numeric(rows["sd_before"]) / 100,
        }
    )
    whole, units = table[table["unit"] == ""], table[table["unit"] != ""].reset_index(drop=True)
    total = whole if len(whole) else units
    return History(["unit"], units, int(total["invited"].sum()), int(total["answered"].sum()))


# How many experts, against more answers of others.


@dataclass(frozen=True)
class ExpertPlan:
    """What experts buy: ``table`` has a row per number of them.

    ``table``: experts, cost (in invitations); half-widths of the index, in points: ``half_width`` (read as a panel: the
    experts stand for all who could have been asked), ``of_list`` (drawn from ``names``, read as the mean of these;
    missing where there are not so many), ``equal_cost`` (the same, what they cost beyond the fewest experts taken from
    the invitations to ``other``; missing where these do not suffice), ``instead`` (the same cost with the fewest
    experts, the rest spent on invitations to ``other``); ``needed``, ``needed_of_list``: experts for the half-width
    aimed for, None where not even the longest list gives it.
    """

    source: Source
    other: Source
    response: float
    names: int
    table: pd.DataFrame
    needed: int | None
    needed_of_list: int | None


def expert_plan(plans: Mapping[Source, SourcePlan], setup: RoundSetup, round_: RoundParams) -> ExpertPlan | None:
    """What more experts buy, and what more answers of the first source that is drawn would for the same cost.

    Experts are taken as drawn at random, from a long list or from one of ``names``, their spread as that of all panels.
    None without experts in the index, without another source, or without parameters.

    References
    ----------
    docs/methods/experts.md.
    """
    params, weights = setup.years.experts, round_.index.source_weights
    nominated = [source for source in round_.nominated if source in weights]
    drawn = [source for source in round_.populations if source in weights]
    if params is None or setup.years.chances is None or not nominated or not drawn:
        return None
    experts_of, other = nominated[0], drawn[0]
    names = params.names if experts_of in round_.panels else plans[experts_of].population
    answers = {source: float(plans[source].strata["completes"].sum()) for source in drawn}
    invited = float(plans[other].strata["invited"].sum())
    rate, fewest = answers[other] / invited, params.numbers[0]
    most = max(rate * plans[other].population, answers[other])

    def width(experts: int, more: float = 0.0, of: float = math.inf) -> float:
        """With ``more`` (or fewer) invitations to the other source; none where there are not so many people."""
        changed = min(answers[other] + rate * more, most)
        if experts > of or changed < (design_of(other).min_completes if more < 0 else 0):
            return float("nan")
        return half_width_of_index(plans, setup, round_, experts, answers | {other: changed}, of)

    def design_of(source: Source) -> DesignParams:
        design = round_.sources[source].design
        assert design is not None
        return design

    extra = {experts: params.cost * (experts - fewest) for experts in params.numbers}
    table = pd.DataFrame(
        [
            (n, params.cost * n, width(n), width(n, of=names), width(n, -cost, names), width(fewest, cost))
            for n, cost in extra.items()
        ],
        columns=["experts", "cost", "half_width", "of_list", "equal_cost", "instead"],
    )

    def fewest_for(of: float) -> int | None:
        enough = (n for n in range(2, int(min(params.most, of)) + 1) if width(n, of=of) <= params.half_width)
        return next(enough, None)

    return ExpertPlan(experts_of, other, rate, names, table, fewest_for(math.inf), fewest_for(names))


def half_width_of_index(
    plans: Mapping[Source, SourcePlan],
    setup: RoundSetup,
    round_: RoundParams,
    experts: int,
    answers: Mapping[Source, float],
    names: float = math.inf,
) -> float:
    """Expected half-width of the index's interval, in points: weighted variances of the sources, t by Satterthwaite.

    ``names``: on the list that experts are drawn from and whose mean is asked for; unlimited: a panel.
    """
    params, chances = setup.years.experts, setup.years.chances
    assert params is not None
    assert chances is not None
    weights, variances, df = round_.index.source_weights, {}, {}
    for source, n in answers.items():
        design, people = round_.sources[source].design, plans[source].population
        assert design is not None
        variances[source] = (weights[source] * params.others_sd) ** 2 * design.deff / n * max(1 - n / people, 0.0)
        df[source] = n - 1
    for panel in [source for source in round_.nominated if source in weights]:
        variances[panel] = (weights[panel] * chances.panel_sd) ** 2 / experts * (1 - experts / names)
        # The panel's variance is moderated by that of all panels.
        df[panel] = chances.panel_df + experts - 1
    t = student.ppf(0.5 + round_.level / 2, satterthwaite(variances, df))
    return float(t * math.sqrt(sum(variances.values())))
