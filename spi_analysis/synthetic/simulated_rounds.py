"""Does the interval cover? A generated round, carried from draw to index in memory, against its known truth."""

from __future__ import annotations

import hashlib

import pandas as pd

from spi_analysis.errors import InputError, nearest
from spi_analysis.params import RoundParams, RoundSetup
from spi_analysis.scores import combine_index, experience_rates, index_from_scores, score_estimates
from spi_analysis.scores.conduct import COACHED, HONEST
from spi_analysis.stages import (
    SourceSensitivity,
    conduct_of,
    draw_source,
    index_shifts,
    item_weights,
    respondents_design,
    response_share,
    source_sensitivity,
    weight_institution,
)
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.synthetic.city import make_city
from spi_analysis.synthetic.fieldwork import simulate_fieldwork
from spi_analysis.synthetic.perfect_frame import clean_frame
from spi_analysis.synthetic.worlds import ADDITIVE, world_named

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
    round_ = setup.round_for(institution_id)
    city = make_city(setup, institution_id, seed, world=world_named(world), response_rate=rate_of(response))
    if response == CENSUS:
        round_ = _inviting_everyone(round_)
    frame = clean_frame(city, setup)
    secret = hashlib.sha256(f"coverage {seed}".encode()).digest()
    drawn = [draw_source(frame, round_, source, secret)[0] for source in round_.sources]
    sample = pd.concat(drawn, ignore_index=True)
    events, responses = simulate_fieldwork(city, sample[["person_id", "source"]], setup, seed)
    weighted = weight_institution(frame, sample, events, responses, round_, setup.instrument)
    rows, ranges, rates = {}, {}, []
    for source in round_.sources:
        design = respondents_design(
            source, frame, responses, weighted.weights, weighted.replicates, round_, setup.instrument
        )
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
