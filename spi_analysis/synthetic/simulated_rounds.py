"""Does the interval cover? A generated round, carried from draw to index in memory, against its known truth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd

from spi_analysis.errors import EstimationError, InputError, nearest
from spi_analysis.params import RoundParams, RoundSetup, Source
from spi_analysis.scores import combine_index, experience_rates, index_from_scores, score_estimates
from spi_analysis.scores.conduct import COACHED, HONEST
from spi_analysis.stages import (
    SourceSensitivity,
    WeightedSample,
    conduct_of,
    draw_source,
    index_shifts,
    item_weights,
    respondents_design,
    response_share,
    source_sensitivity,
    weight_institution,
)
from spi_analysis.survey import merge_thin_cells, unit_model, with_unknown_level
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.synthetic.city import SyntheticCity, clean_frame, make_city
from spi_analysis.synthetic.fieldwork import simulate_fieldwork
from spi_analysis.synthetic.worlds import ADDITIVE, world_named
from spi_analysis.tables import eligible_list

# How many answer: the institution's own share, a whole list invited of which 8 % answer, or a share given.
OWN, CENSUS = "own", "census"
CENSUS_RESPONSE = 0.08
# Added to a source's name: its experience rates, one row per item and denominator.
RATE = "_rate"


def simulate_institution(
    setup: RoundSetup, institution_id: str, seed: int, world: str = ADDITIVE.name, response: str = OWN
) -> pd.DataFrame:
    """One institution, one seed: truth and estimate of every source score, of the index, and of experience rates.

    Parameters
    ----------
    world : str      name of a world (``worlds``)
    response : str   "own", "census" (everyone invited, 8 % answer) or a mean response probability, such as "0.25"

    Returns
    -------
    DataFrame, one row per score (measure: source or index), and per rate in percent of a probability source (measure:
    the source with ``RATE``; item, denominator): institution_id, seed, world, response, measure, truth, estimate,
    unweighted (the score without weights), se, ci_low, ci_high, df_design, n, ppm_low, ppm_high (ends of the
    sensitivity range of the pattern-mixture analysis; missing where there is none, as for the panel and for rates).
    """
    made = _made(setup, institution_id, seed, world, response)
    city, frame, round_ = made.city, made.frame, made.round_
    weighted = made.weighted(round_, setup)
    rows, ranges, rates = {}, {}, []
    for source in round_.sources:
        design = made.design(source, weighted, round_, setup)
        if design is None:
            return pd.DataFrame()
        weights = item_weights(setup.instrument, source)
        row = score_estimates(design, weights, round_.level).table.iloc[-1]
        rows[source] = pd.concat([row, pd.Series({"unweighted": _unweighted(design, weights, round_.level)})])
        if round_.sources[source].nature == "probability":
            estimate, share = float(rows[source]["estimate"]), response_share(weighted.weights, source, round_)
            ranges[source] = source_sensitivity(source, estimate, design, frame, share, round_, setup.instrument)
            found = experience_rates(design, setup.instrument, source, round_.level)
            rates.append(_with_true_rates(found, city.truth, source))
    table = _with_ranges(_with_index(pd.DataFrame(rows).T, setup, institution_id), ranges, round_)
    scores = table.assign(truth=_truth(city.truth)).reset_index(names="measure")
    facts = {"institution_id": institution_id, "seed": seed, "world": world, "response": response}
    return pd.concat([scores, *rates], ignore_index=True).assign(**facts)


@dataclass(frozen=True)
class _Made:
    """A generated city after its fieldwork."""

    city: SyntheticCity
    round_: RoundParams
    frame: pd.DataFrame
    sample: pd.DataFrame
    events: pd.DataFrame
    responses: pd.DataFrame

    def weighted(self, round_: RoundParams, setup: RoundSetup) -> WeightedSample:
        return weight_institution(self.frame, self.sample, self.events, self.responses, round_, setup.instrument)

    def design(
        self, source: Source, weighted: WeightedSample, round_: RoundParams, setup: RoundSetup
    ) -> SurveyDesign | ReplicateDesign | None:
        tables = (self.frame, self.responses, weighted.weights, weighted.replicates)
        return respondents_design(source, *tables, round_, setup.instrument)


def _made(setup: RoundSetup, institution_id: str, seed: int, world: str, response: str) -> _Made:
    """From the city to its answers."""
    round_ = setup.round_for(institution_id)
    city = make_city(setup, institution_id, seed, world=world_named(world), response_rate=rate_of(response))
    if response == CENSUS:
        round_ = _inviting_everyone(round_)
    frame = clean_frame(city, setup)
    secret = hashlib.sha256(f"coverage {seed}".encode()).digest()
    drawn = [draw_source(frame, round_, source, secret)[0] for source in round_.sources]
    sample = pd.concat(drawn, ignore_index=True)
    events, responses = simulate_fieldwork(city, sample[["person_id", "source"]], setup, seed)
    return _Made(city, round_, frame, sample, events, responses)


def rate_of(response: str) -> float | None:
    """The mean response probability that a word or a number stands for; None for the institution's own.

    Raises
    ------
    InputError   neither "own" nor "census" nor a number.
    """
    if response in (OWN, CENSUS):
        return CENSUS_RESPONSE if response == CENSUS else None
    try:
        return float(response)
    except ValueError:
        raise InputError(
            "no response rate", got=response, expected=f"{OWN}, {CENSUS} or a number between 0 and 1",
            hint=nearest(response, (OWN, CENSUS)),
        ) from None  # fmt: skip


def _unweighted(design: SurveyDesign | ReplicateDesign, weights: pd.DataFrame, level: float) -> float:
    """The score if everybody who answered counted the same."""
    alike = SurveyDesign(design.data.assign(weight=1.0), "weight", lonely_psu="certainty")
    return float(score_estimates(alike, weights, level).table["estimate"].iloc[-1])


def _inviting_everyone(round_: RoundParams) -> RoundParams:
    """The round with so low an anticipated response that the whole list is invited."""
    sources = {
        name: source.model_copy(update={"design": source.design.model_copy(update={"response_rate": 0.001})})
        if source.design
        else source
        for name, source in round_.sources.items()
    }
    return round_.model_copy(update={"sources": sources})


def _with_index(scores: pd.DataFrame, setup: RoundSetup, institution_id: str) -> pd.DataFrame:
    round_, inputs = setup.round, setup.inputs[institution_id]
    panels = list(round_.panels)
    corrections = inputs.corrections
    index = combine_index(scores, round_.index.source_weights, corrections, panels)
    low, high = index.interval(round_.level)
    plain = index_from_scores(scores["unweighted"].to_dict(), round_.index.source_weights, corrections.values())
    columns = ["estimate", "unweighted", "se", "ci_low", "ci_high", "df_design", "n"]
    values = [index.estimate, plain, index.se, low, high, index.df, scores["n"].sum()]
    row = pd.DataFrame([values], columns=columns, index=["index"])
    return pd.concat([scores[columns], row]).astype(float)


def _with_ranges(table: pd.DataFrame, ranges: dict[str, SourceSensitivity], round_: RoundParams) -> pd.DataFrame:
    """Ends of the sensitivity ranges beside the estimates."""
    ends = {source: part.range.shift_ends for source, part in ranges.items() if part.range.correlation > 0}
    if len(ends) == len(ranges):
        ends["index"] = index_shifts(ranges, round_)
    shifts = pd.DataFrame.from_dict(ends, orient="index", columns=["ppm_low", "ppm_high"], dtype=float)
    return table.join(shifts.reindex(table.index).add(table["estimate"], axis=0))


def _with_true_rates(rates: pd.DataFrame, truth: pd.DataFrame, source: str) -> pd.DataFrame:
    """Rates of a source beside the true ones; nobody in the denominator: no rate."""
    known = truth[(truth["measure"] == "rate") & (truth["source"] == source)]
    true = known.rename(columns={"part": "item", "value": "truth"})[["item", "denominator", "truth"]]
    both = rates.merge(true, on=["item", "denominator"], validate="1:1")
    return both.dropna(subset=["estimate"]).assign(measure=source + RATE)


def _truth(truth: pd.DataFrame) -> pd.Series:
    known = truth[truth["measure"].isin(["index", "source"])]
    return known.set_index(known["source"].fillna("index"))["value"]


# Do the conduct checks find coached units, and how often do they flag honest ones? Generated rounds, in memory.

ANSWERS = (HONEST, COACHED)


def simulate_conduct(setup: RoundSetup, institution_id: str, seed: int, answers: str) -> pd.DataFrame:
    """One institution, one seed, with or without its coached units: what the checks flag.

    Parameters
    ----------
    answers : "honest" or "coached"

    Returns
    -------
    DataFrame, one row per tested unit and check: institution_id, seed, answers, source, unit, n, check, p_value,
    flagged, is_coached (whether people of the unit were coached).
    """
    round_ = setup.round_for(institution_id)
    city = make_city(setup, institution_id, seed, coached=answers == COACHED)
    frame = clean_frame(city, setup)
    secret = hashlib.sha256(f"conduct {seed}".encode()).digest()
    drawn = [draw_source(frame, round_, source, secret)[0] for source in round_.probability_sources]
    sample = pd.concat(drawn, ignore_index=True)
    _, responses = simulate_fieldwork(city, sample[["person_id", "source"]], setup, seed)
    found = conduct_of(frame, responses, round_, setup.instrument)
    coached = city.people.loc[city.people["is_coached"], ["source", "unit"]].drop_duplicates()
    known = pd.MultiIndex.from_frame(coached)
    was = pd.MultiIndex.from_frame(found[["source", "unit"]]).isin(known)
    return found.drop(columns=["observed", "expected"]).assign(
        institution_id=institution_id, seed=seed, answers=answers, is_coached=was
    )


# Which way of weighting does best? The same answers, weighted in several ways.

ROUND, RAKED, MODEL = "round", "raked", "unit_model"
WEIGHTINGS = (ROUND, RAKED, MODEL)
# What raking alone does without.
LEFT_OUT = ("weighting_classes", "trim")
# The least respondents of a level of the model's list variables, as in the round's margins.
LEAST_OF_LEVEL = 5
FIGURES = ["estimate", "se", "ci_low", "ci_high", "n"]


def compare_weightings(setup: RoundSetup, institution_id: str, seed: int, world: str, response: str) -> pd.DataFrame:
    """One institution, one seed: the sources drawn at random, weighted as the round says, raked only, and modelled.

    Parameters
    ----------
    world, response : as for ``simulate_institution``

    Returns
    -------
    DataFrame, one row per source and way (weighting: round, raked, unit_model): institution_id, seed, world, response,
    measure (the source), weighting, truth, estimate, unweighted, se, ci_low, ci_high, n. A model of fewer than three
    units that answered has no figures.
    """
    made, rows = _made(setup, institution_id, seed, world, response), []
    for name, round_ in {ROUND: made.round_, RAKED: _raking_only(made.round_)}.items():
        weighted = made.weighted(round_, setup)
        for source in round_.probability_sources:
            design = made.design(source, weighted, round_, setup)
            if design is None:
                continue
            weights = item_weights(setup.instrument, source)
            row = score_estimates(design, weights, round_.level).table.iloc[-1][FIGURES].to_dict()
            facts = {"measure": source, "unweighted": _unweighted(design, weights, round_.level)}
            rows.append({**row, **facts, "weighting": name})
            if name == ROUND:
                rows.append({**_modelled(design, weights, made.frame, round_, source), **facts, "weighting": MODEL})
    table = pd.DataFrame(rows, columns=["measure", "weighting", "unweighted", *FIGURES])
    known = table.assign(truth=table["measure"].map(_truth(made.city.truth)))
    return known.assign(institution_id=institution_id, seed=seed, world=world, response=response)


def _raking_only(round_: RoundParams) -> RoundParams:
    """The round without weighting classes and trimming, and so without raking a second time."""
    sources = dict(round_.sources)
    for name in round_.probability_sources:
        recipe = sources[name].weighting
        assert recipe is not None
        kept = {one.step: one for one in reversed(recipe.steps) if one.step not in LEFT_OUT}
        steps = tuple(kept[step] for step in dict.fromkeys(one.step for one in recipe.steps) if step in kept)
        sources[name] = sources[name].model_copy(update={"weighting": recipe.model_copy(update={"steps": steps})})
    return round_.model_copy(update={"sources": sources})


def _modelled(
    design: SurveyDesign | ReplicateDesign,
    weights: pd.DataFrame,
    frame: pd.DataFrame,
    round_: RoundParams,
    source: Source,
) -> dict[str, float]:
    """The source score of the unit-level model: list variables fixed, units and classes inside them random."""
    recipe = round_.sources[source].weighting
    assert recipe is not None
    answers = design.data[weights.index].astype(float)
    answers = answers.fillna(answers.mean())
    unit, *inner = recipe.classes
    fixed = [column for column in recipe.margins if column != unit]
    columns = list(dict.fromkeys([unit, *inner, *fixed]))
    listed = eligible_list(frame, source)[columns].apply(with_unknown_level)
    people = design.data[columns].apply(with_unknown_level)
    for column in fixed:
        level = _thick_levels(listed[column], people[column])
        listed[f"{column} "], people[f"{column} "] = listed[column].map(level), people[column].map(level)
    people = people.assign(score=answers @ weights["score"], weight=1.0)
    told = [f"{column} " for column in fixed if people[f"{column} "].nunique() > 1]
    keys = list(dict.fromkeys([*told, unit, *inner]))
    totals = listed.groupby(keys, as_index=False).size().rename(columns={"size": "N"})
    by = inner[0] if inner else None
    try:
        model = unit_model(SurveyDesign(people, "weight"), "score", told, unit, by, totals, round_.level)
    except EstimationError:
        # Too few units answered for a model; the comparison counts the runs that have one.
        return dict.fromkeys(FIGURES, float("nan"))
    found = model.source.iloc[0][FIGURES]
    return {name: float(value) for name, value in found.items()}


def _thick_levels(listed: pd.Series, answered: pd.Series) -> pd.Series:
    """The group of every level of the list, by level: those with few respondents are merged."""
    levels = pd.DataFrame({"level": sorted(listed.unique())})
    levels["respondents"] = levels["level"].map(answered.value_counts()).fillna(0)
    return merge_thin_cells(levels, ["level"], "respondents", LEAST_OF_LEVEL).set_index("level")["group"]
