"""Does the interval cover? A generated round, carried from draw to index in memory, against its known truth."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError, InputError, WeightingError, nearest
from spi_analysis.params import RoundParams, RoundSetup, Source
from spi_analysis.scores import (
    combine_index,
    domain_scores,
    experience_rates,
    index_from_scores,
    nonresponse_range,
    person_scores,
    plain_score,
    score_estimates,
)
from spi_analysis.scores.conduct import COACHED, HONEST
from spi_analysis.stages import (
    WeightedSample,
    area_rows,
    conduct_of,
    draw_source,
    item_weights,
    people_rows,
    respondents_design,
    response_share,
    unit_level_scores,
    weight_institution,
)
from spi_analysis.survey import UnitModel, group_counts
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, coverage_summary
from spi_analysis.survey.simulation import Answered, Cells, WeightingCells, weighted_means
from spi_analysis.synthetic.city import SyntheticCity, city_people, clean_frame, make_city
from spi_analysis.synthetic.fieldwork import simulate_fieldwork
from spi_analysis.synthetic.randomness import solve_increasing
from spi_analysis.synthetic.worlds import ADDITIVE, world_named

# How many answer: the institution's own share, a whole list invited of which 8 % answer, or a share given.
OWN, CENSUS = "own", "census"
CENSUS_RESPONSE = 0.08
NO_ANSWERS = "no answers"
SCORE_COLUMNS = [
    "measure", "truth", "estimate", "unweighted", "se", "ci_low", "ci_high", "df_design", "n", "range_low",
    "range_high", "why",
]  # fmt: skip
# Added to a source's name: its experience rates, one row per item and denominator.
RATE = "_rate"


@dataclass(frozen=True, eq=False)
class SimulatedLists:
    """The generated people of an institution, and who of them is drawn: the same in all worlds, at all responses."""

    setup: RoundSetup
    institution_id: str
    seed: int

    @cached_property
    def round_(self) -> RoundParams:
        return self.setup.round_for(self.institution_id)

    @cached_property
    def people(self) -> pd.DataFrame:
        return city_people(self.setup, self.institution_id, self.seed)

    @cached_property
    def frame(self) -> pd.DataFrame:
        return clean_frame(self.city(), self.setup)

    @cached_property
    def sample(self) -> pd.DataFrame:
        return self.drawn(self.round_, "coverage")

    @cached_property
    def everyone(self) -> pd.DataFrame:
        return self.drawn(_inviting_everyone(self.round_), "coverage")

    @cached_property
    def _cities(self) -> dict[str, SyntheticCity]:
        """World -> its city at the institution's own rate."""
        return {}

    def city(
        self, world: str = ADDITIVE.name, response_rate: float | None = None, *, coached: bool = True
    ) -> SyntheticCity:
        """The people of a world with their answers; the answers are made once where they are the same at all rates."""
        about = {"world": world_named(world), "coached": coached, "people": self.people}
        if not coached or about["world"].per_reminder:
            return make_city(self.setup, self.institution_id, self.seed, response_rate=response_rate, **about)
        if world not in self._cities:
            self._cities[world] = make_city(self.setup, self.institution_id, self.seed, **about)
        city = self._cities[world]
        return city if response_rate is None else city.answering(response_rate)

    def drawn(self, round_: RoundParams, purpose: str, sources: Sequence[Source] | None = None) -> pd.DataFrame:
        """The sample of these sources (None: all); another purpose is another draw."""
        secret = hashlib.sha256(f"{purpose} {self.seed}".encode()).digest()
        found = [draw_source(self.frame, round_, one, secret)[0] for one in sources or list(round_.sources)]
        return pd.concat(found, ignore_index=True)


def simulate_institution(lists: SimulatedLists, world: str = ADDITIVE.name, response: str = OWN) -> pd.DataFrame:
    """One institution, one seed: truth and estimate of every source score, of the index, and of experience rates.

    Parameters
    ----------
    world : str      name of a world (``worlds``)
    response : str   "own", "census" (everyone invited, 8 % answer) or a mean response probability, such as "0.25"

    Returns
    -------
    DataFrame, one row per score (measure: source or index), and per rate in percent of a probability source (measure:
    the source with ``RATE``; item, denominator): institution_id, seed, world, response, measure, truth, estimate,
    unweighted (the score without weights), se, ci_low, ci_high, df_design, n, range_low, range_high (from the score
    under the largest log-odds of not answering to the score itself; missing for the panel and for rates), why (there is
    no score; then nothing but the truth of the scores is known).
    """
    made, setup = _made(lists, world, response), lists.setup
    facts = {"institution_id": lists.institution_id, "seed": lists.seed, "world": world, "response": response}
    try:
        found, rates = _estimates(made, setup)
    except WeightingError as error:
        # What an institution would be told: its answers leave margins that no weights can meet.
        found, rates = pd.DataFrame({"why": error.problems[0].what}, [*made.round_.sources, "index"]), []
    scores = found.assign(truth=_truth(made.city.truth)).reset_index(names="measure")
    return pd.concat([scores.reindex(columns=SCORE_COLUMNS), *rates], ignore_index=True).assign(**facts)


def _estimates(made: _Made, setup: RoundSetup) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Figures of the sources and of the index; experience rates beside the true ones."""
    city, round_ = made.city, made.round_
    weighted = made.weighted(round_, setup)
    rows, ranges, rates = {}, {}, []
    for source in round_.sources:
        design = made.design(source, weighted, round_, setup)
        if design is None:
            return pd.DataFrame({"why": NO_ANSWERS}, [*round_.sources, "index"]), []
        weights = item_weights(setup.instrument, source)
        row = score_estimates(design, weights, round_.level).table.iloc[-1]
        rows[source] = pd.concat([row, pd.Series({"unweighted": plain_score(design.data, weights)})])
        if source in round_.populations:
            estimate, share = float(rows[source]["estimate"]), response_share(weighted.weights, source, round_)
            persons = person_scores(design.data, weights)
            ranges[source] = nonresponse_range(estimate, design, persons, share, round_.sensitivity, round_.level)
            found = experience_rates(design, setup.instrument, source, round_.level)
            rates.append(_with_true_rates(found, city.truth, source))
    return _with_ranges(_with_index(pd.DataFrame(rows).T, setup, city.institution_id), ranges, round_), rates


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


def _made(lists: SimulatedLists, world: str, response: str) -> _Made:
    """From the city to its answers."""
    census = response == CENSUS
    city, sample = lists.city(world, rate_of(response)), lists.everyone if census else lists.sample
    round_ = _inviting_everyone(lists.round_) if census else lists.round_
    events, responses = simulate_fieldwork(city, sample[["person_id", "source"]], lists.setup, lists.seed)
    return _Made(city, round_, lists.frame, sample, events, responses)


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


def _with_ranges(table: pd.DataFrame, ranges: dict[str, pd.DataFrame], round_: RoundParams) -> pd.DataFrame:
    """Ends of the sensitivity ranges beside the estimates."""
    shifts = pd.Series({source: table["shift"].iloc[-1] for source, table in ranges.items()}, dtype=float)
    weights = pd.Series(round_.index.source_weights)[shifts.index]
    shifts["index"] = float(shifts @ weights)
    estimate = table["estimate"].where(table.index.isin(shifts.index))
    return table.assign(range_low=estimate + shifts.reindex(table.index), range_high=estimate)


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


def simulate_conduct(lists: SimulatedLists, answers: str) -> pd.DataFrame:
    """One institution, one seed, with or without its coached units: what the checks flag.

    Parameters
    ----------
    answers : "honest" or "coached"

    Returns
    -------
    DataFrame, one row per tested unit and check: institution_id, seed, answers, source, unit, n, check, p_value,
    flagged, is_coached (whether people of the unit were coached).
    """
    setup, frame, round_ = lists.setup, lists.frame, lists.round_
    city = lists.city(coached=answers == COACHED)
    sample = lists.drawn(round_, "conduct", round_.probability_sources)
    _, responses = simulate_fieldwork(city, sample[["person_id", "source"]], setup, lists.seed)
    found = conduct_of(frame, responses, round_, setup.instrument)
    coached = city.people.loc[city.people["is_coached"], ["source", "unit"]].drop_duplicates()
    known = pd.MultiIndex.from_frame(coached)
    was = pd.MultiIndex.from_frame(found[["source", "unit"]]).isin(known)
    return found.drop(columns=["observed", "expected"]).assign(
        institution_id=lists.institution_id, seed=lists.seed, answers=answers, is_coached=was
    )


# Which way of weighting does best? The same answers, weighted in several ways.

ROUND, RAKED, MODEL, AREA = "round", "raked", "unit_model", "area_model"
# Added to a source's name: its units, one row per unit of enough answers.
UNIT = "_unit"
# What raking alone does without.
LEFT_OUT = ("weighting_classes", "trim")
FIGURES = ["estimate", "se", "ci_low", "ci_high", "n"]


def compare_weightings(lists: SimulatedLists, world: str, response: str) -> pd.DataFrame:
    """One institution, one seed: the sources drawn at random, weighted as the round says, raked only, and modelled.

    Parameters
    ----------
    world, response : as for ``simulate_institution``

    Returns
    -------
    DataFrame: institution_id, seed, world, response, measure, weighting, truth, estimate, unweighted (of sources), se,
    ci_low, ci_high, n. One row per source and way (weighting: round, raked, unit_model), and per unit of enough answers
    (measure: the source with ``UNIT``; weighting: round, area_model, unit_model). A model of too few units that
    answered has no figures, nor has a round that no weights can be given to.
    """
    made, setup, parts = _made(lists, world, response), lists.setup, []
    facts = {"institution_id": lists.institution_id, "seed": lists.seed, "world": world, "response": response}
    raked = _raking_only(made.round_)
    try:
        weighted, of_raked = made.weighted(made.round_, setup), made.weighted(raked, setup)
    except WeightingError:
        ways = itertools.product(made.round_.probability_sources, (ROUND, RAKED))
        rows = pd.DataFrame(list(ways), columns=["measure", "weighting"]).assign(**facts)
        figures = dict.fromkeys([*FIGURES, "unweighted"], float("nan"))
        return rows.assign(truth=rows["measure"].map(_truth(made.city.truth)), **figures)
    for source in made.round_.probability_sources:
        design = made.design(source, weighted, made.round_, setup)
        again = made.design(source, of_raked, raked, setup)
        if design is None or again is None:
            continue
        weights = item_weights(setup.instrument, source)
        scores = {
            way: score_estimates(one, weights, made.round_.level).table.iloc[-1][FIGURES]
            for way, one in {ROUND: design, RAKED: again}.items()
        }
        units = domain_scores(design, "unit", weights, made.round_.level)
        try:
            about = (made.frame, weighted.weights, made.round_, setup.instrument)
            model = unit_level_scores(source, design, *about)
            scores[MODEL] = model.source.iloc[0][FIGURES]
            parts.append(_unit_rows(made, units, model, source))
        except EstimationError:
            # Too few units answered for a model; the comparison counts the runs that have one.
            scores[MODEL] = pd.Series(float("nan"), FIGURES)
        table = pd.DataFrame(scores).T.astype(float).rename_axis("weighting").reset_index()
        parts.append(table.assign(measure=source, unweighted=plain_score(design.data, weights)))
    known = pd.concat(parts, ignore_index=True)
    truth = known["measure"].map(_truth(made.city.truth))
    known["truth"] = truth.fillna(known["truth"]) if "truth" in known else truth
    return known.assign(**facts)


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


def _unit_rows(made: _Made, scored: pd.DataFrame, model: UnitModel, source: Source) -> pd.DataFrame:
    """Units of enough answers: as the round weights them, as its page models them beside it, and by the model."""
    round_ = made.round_
    shown = scored[(scored["n"] >= round_.disclosure.min_cell) & (scored["se"] > 0)].assign(source=source)
    areas = area_rows(shown.assign(measure="unit_score", status="shown"), round_.small_area, round_.level)
    tables = {ROUND: shown, AREA: areas, MODEL: people_rows(shown, model, round_.level)}
    rows = pd.concat([table[["domain", *FIGURES]].assign(weighting=way) for way, table in tables.items()])
    known = made.city.truth[(made.city.truth["measure"] == "unit") & (made.city.truth["source"] == source)]
    truth = rows["domain"].map(known.set_index("domain")["value"])
    return rows.assign(truth=truth, measure=source + UNIT).dropna(subset=["truth"]).drop(columns="domain")


# Does the interval of a calibrated mean cover? Populations of all sizes, invited and answering in part.

POPULATIONS = (80, 400, 2500, 15000)
INVITED = (0.2, 0.5, 1.0)
RESPONSE = (0.08, 0.25, 0.6)
SHAPES = ("symmetric", "skewed")
RUNS = 2000
REPLICATES = 200
LEVEL = 0.95
MIN_RESPONDENTS = 5

UNIT_SD, NOISE_SD, SEX_EFFECT = 6.0, 15.0, 3.0
UNIT_RESPONSE_SD, SEX_RESPONSE = 0.4, 0.2


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: list size, share of it invited, mean response probability, shape of the scores."""

    population: int
    invited: float
    response: float
    shape: str


CELL_COLUMNS = [field.name for field in fields(Cell)]
GRID = [Cell(*values) for values in itertools.product(POPULATIONS, INVITED, RESPONSE, SHAPES)]


@dataclass(frozen=True)
class Population:
    """People of a cell: unit and sex (codes), score (points of 100), response probability."""

    unit: np.ndarray
    sex: np.ndarray
    score: np.ndarray
    propensity: np.ndarray


def simulate_cell(cell: Cell, seed: int, runs: int = RUNS) -> pd.DataFrame:
    """Summary of ``runs`` rounds of one cell.

    Returns
    -------
    DataFrame, one row: the cell's parameters, and runs, n (mean number of answers), bias, sd, se, width, coverage,
    coverage_error as in ``coverage_summary``; ``without_estimate``: runs with under two answers, or margins that
    cannot be met.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, GRID.index(cell)]))
    found = [_run(_population(cell, rng), cell, rng) for _ in range(runs)]
    table = pd.DataFrame([run for run in found if run is not None])
    if table.empty:
        return pd.DataFrame([{**asdict(cell), "runs": 0, "without_estimate": runs}])
    summary = coverage_summary(table.assign(**asdict(cell)), CELL_COLUMNS)
    return summary.assign(without_estimate=runs - len(table))


def _population(cell: Cell, rng: np.random.Generator) -> Population:
    n = cell.population
    n_units = int(np.clip(n // 40, 2, 12))
    unit, sex = rng.integers(0, n_units, n), rng.integers(0, 2, n)
    # A gamma of shape 4 has skewness 1; scores pile up at the top, so its tail points down.
    noise = rng.normal(size=n) if cell.shape == "symmetric" else -(rng.gamma(4.0, size=n) - 4) / 2
    score = 70 + UNIT_SD * rng.normal(size=n_units)[unit] + SEX_EFFECT * sex + NOISE_SD * noise
    logit = UNIT_RESPONSE_SD * rng.normal(size=n_units)[unit] + SEX_RESPONSE * sex
    shift = solve_increasing(lambda a: float((1 / (1 + np.exp(-logit - a))).mean()), cell.response, -30.0, 30.0)
    return Population(unit, sex, score, 1 / (1 + np.exp(-logit - shift)))


def _run(people: Population, cell: Cell, rng: np.random.Generator) -> dict[str, float] | None:
    n = len(people.score)
    invited = rng.permutation(n)[: round(n * cell.invited)]
    rows = np.sort(invited[rng.random(len(invited)) < people.propensity[invited]])
    if len(rows) < 2:
        return None
    cells = WeightingCells(
        _cells(people.unit), {"unit": _cells(people.unit), "sex": _cells(people.sex)}, MIN_RESPONDENTS, MIN_RESPONDENTS
    )
    base = np.full(n, n / len(invited))
    answered = Answered(invited, rows, base, people.score[rows, None])
    seed = int(rng.integers(2**62))
    try:
        found = weighted_means(answered, cells, n_replicates=REPLICATES, seed=seed, level=LEVEL)
    except WeightingError:
        # A handful of answers may leave margins that no weights can meet; the workbench says so and gives no score.
        return None
    figures = {name: float(getattr(found, name)[0]) for name in ("estimate", "se", "ci_low", "ci_high")}
    return {"truth": float(people.score.mean()), **figures, "n": len(rows)}


def _cells(codes: np.ndarray) -> Cells:
    people = group_counts(codes)
    return Cells(codes, [(str(level),) for level in range(len(people))], people.astype(float))
