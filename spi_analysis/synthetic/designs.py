"""Competing designs for one institution, tried out on generated people whose true scores are known.

The city is that of ``make_city``; the round's own design and weights stand first, the others change one thing each.
Sources are independent, so the index of run r is made of the sources' runs r.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from rich.console import Console

from spi_analysis.errors import InputError, Problem
from spi_analysis.params import RoundParams, RoundSetup, Source, WeightingParams
from spi_analysis.scores import combine_index
from spi_analysis.stages import (
    History,
    SourcePlan,
    cell_map,
    plan_source,
    response_history,
    strata_columns,
    with_strata,
)
from spi_analysis.survey.estimation import t_interval
from spi_analysis.survey.sampling import allocate, invitations_by
from spi_analysis.survey.simulation import (
    LEAST_ANSWERS,
    Design,
    Population,
    ResponseModel,
    Settings,
    Weighting,
    bias_of_respondents,
    run_designs,
    summarise,
)
from spi_analysis.synthetic.answers import panel_answers, scored_items
from spi_analysis.synthetic.city import SyntheticCity, clean_frame, make_city, true_scores
from spi_analysis.synthetic.profiles import profile_of
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.worlds import EXPERTS
from spi_analysis.tables import Store

SCORE, LIST_LOGIT, PROPENSITY, STRATUM = "score", "list_logit", "propensity", "stratum"
# Answering depends on nothing, on what the list shows, on that and on the own score.
ANSWERING = ("at_random", "list", "answer")
DESIGNS = ("round", "unweighted", "half", "double", "census", "by_response")
KEYS = ["measure", "design", "answering", "response_rate"]
# Generated people of the demo.
PEOPLE_SEED = 2024


@dataclass(frozen=True)
class Trials:
    """What is tried out: mean response rates, log-odds per SD of the own score, runs, and seeds of runs and people."""

    rates: tuple[float, ...]
    on_answer: float = 0.5
    runs: int = 1000
    seed: int = 1
    people_seed: int = PEOPLE_SEED

    def __post_init__(self) -> None:
        odd = [rate for rate in self.rates if not 0 < rate < 1]
        if odd or not self.rates or len(set(self.rates)) < len(self.rates):
            raise InputError(
                "the response rates are out of range", got=str(self.rates), expected="between 0 and 1, each once"
            )


def own_rate(setup: RoundSetup, institution_id: str) -> float:
    """The response rate of the generated city of an institution."""
    if setup.generator is not None:
        return setup.generator.response_rate
    return profile_of(setup.roster[setup.require(institution_id)]).response_rate


def simulate_designs(
    setup: RoundSetup, institution_id: str, trials: Trials, workers: int | None = None, console: Console | None = None
) -> pd.DataFrame:
    """All designs under all kinds of response, for every source and the index.

    Returns
    -------
    DataFrame, one row per measure (a source, or index), design, answering and response rate: the columns of
    ``summarise``; first_order_bias (cov(p, y)/mean(p), points: by what the plain mean of those who answer would miss);
    on_answer (log-odds per SD of the own score); variance_<source> (of the index only: the sources' parts of its
    variance, points squared).

    Raises
    ------
    InputError   a source is drawn in two stages or systematically: neither is simulated.
    """
    round_ = setup.round_for(institution_id)
    _require_simulated(round_)
    cities = {rate: make_city(setup, institution_id, trials.people_seed, response_rate=rate) for rate in trials.rates}
    parts, biases = [], []
    for source in round_.probability_sources:
        if console:
            console.print(f"{source}: {trials.runs:,} runs of each design", highlight=False)
        results, first_order = _source_runs(setup, institution_id, round_, source, cities, trials, workers, console)
        parts.append(results)
        biases.append(first_order)
    keys = parts[0][KEYS[1:]].drop_duplicates()
    city = next(iter(cities.values()))
    parts += [_panel_runs(setup, institution_id, source, city, trials, keys) for source in round_.panels]
    runs = pd.concat(parts, ignore_index=True)
    index = _index_runs(runs, setup, institution_id)
    table = summarise(pd.concat([runs, index], ignore_index=True), KEYS)
    table = table.merge(_first_order(biases, setup), how="left", on=["measure", *KEYS[2:]])
    table["on_answer"] = np.where(table["answering"] == "answer", trials.on_answer, 0.0)
    return _in_order(_with_parts(table, setup), list(round_.sources), trials.rates)


def _source_runs(
    setup: RoundSetup,
    institution_id: str,
    round_: RoundParams,
    source: Source,
    cities: dict[float, SyntheticCity],
    trials: Trials,
    workers: int | None,
    console: Console | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs of a probability source under all designs, and the first-order bias of each kind of response."""
    city = next(iter(cities.values()))
    history = response_history(setup, _store(setup), institution_id, source)
    people, plan = planned(_population(setup, source, city), round_, source, history)
    models = _models(source, cities, trials.on_answer)
    designs = design_set(round_, people, plan)
    distinct = {_carried_out(design, len(people)): design for design in reversed(designs)}
    settings = Settings(_seed(trials.seed, source), round_.replicates.n_replicates, round_.level)
    found = run_designs(
        people, [m for _, m in models], list(distinct.values()), settings, trials.runs, workers, console
    )
    twins = [
        found[found["design"] == distinct[_carried_out(design, len(people))].label].assign(design=design.label)
        for design in designs
    ]
    names = {model.label: key for key, model in models}
    results = pd.concat(twins, ignore_index=True)
    keys = pd.DataFrame([names[label] for label in results["response"]], columns=KEYS[2:])
    first_order = pd.DataFrame(
        [(*key, bias_of_respondents(model.probabilities(people), people.values)[0]) for key, model in models],
        columns=[*KEYS[2:], "first_order_bias"],
    )
    table = pd.concat([results.drop(columns=["response", "answer"]), keys], axis=1)
    return table.assign(measure=source), first_order.assign(measure=source)


def _population(setup: RoundSetup, source: Source, city: SyntheticCity) -> Population:
    """Truly eligible people of a source with their score and what their response depends on."""
    rows = (city.people["source"] == source) & city.people["is_eligible"]
    frame = clean_frame(city, setup)[rows.to_numpy()].reset_index(drop=True)
    items = scored_items(setup.instrument, source)
    scores = items.scores(city.answers.loc[rows, items.codes].to_numpy())[:, -1]
    propensity = city.propensity[rows].to_numpy()
    logit = np.log(propensity / (1 - propensity))
    return Population.of(frame.assign(**{SCORE: scores, LIST_LOGIT: logit, PROPENSITY: propensity}), SCORE)


def planned(
    people: Population, round_: RoundParams, source: Source, history: History | None = None
) -> tuple[Population, SourcePlan]:
    """The round's plan for these people, and the people with the stratum that it puts them into."""
    plan = plan_source(people.frame, round_, source, history)
    design = round_.sources[source].design
    strata = with_strata(people.frame, strata_columns(design), cell_map(plan, design))["stratum"]
    return Population.of(people.frame.assign(**{STRATUM: strata}), people.answers), plan


def design_set(round_: RoundParams, people: Population, plan: SourcePlan) -> list[Design]:
    """The round's design of a source, with the sizes of its first wave, and others that change one thing each.

    Half and twice the invitations keep their shares; "by_response" shares the same number out by the round's rule,
    for answers of which every stratum's true rate is known.
    """
    params = round_.sources[plan.source]
    assert params.design is not None
    assert params.weighting is not None
    rules, weights = params.design, params.weighting
    strata = plan.strata.set_index("stratum")
    invited = int(strata["invited"].sum())
    rates = people.frame.groupby(STRATUM)[PROPENSITY].mean().reindex(strata.index)
    known = strata.assign(response=rates)
    if rules.rule.sets_size:
        by_response = rules.rule.invitations(known, invited, rules.min_per_stratum)
    else:
        by_response = invitations_by(known, invited, rules.rule_name, min_invited=rules.min_per_stratum)
    own = Design(
        "round",
        _sizes(strata["invited"]),
        strata=(STRATUM,),
        weighting=_simulated_weighting(weights),
    )
    return [
        own,
        replace(own, label="unweighted", weighting=None),
        replace(own, label="half", n=_scaled(strata, invited // 2, rules.min_per_stratum)),
        replace(own, label="double", n=_scaled(strata, 2 * invited, rules.min_per_stratum)),
        replace(own, label="census", n=None),
        replace(own, label="by_response", n=_sizes(by_response)),
    ]


def _simulated_weighting(weights: WeightingParams) -> Weighting:
    """Classes and margins of a recipe, with the minimum of each; what it trims is not simulated."""
    steps = {MARGIN_STEPS.get(one.step, one.step): one.made for one in weights.steps}
    least = [getattr(steps.get(name), "min_respondents", 1) for name in ("weighting_classes", "rake")]
    rates = getattr(steps.get("weighting_classes"), "rates", "observed")
    return Weighting(tuple(weights.classes), tuple(weights.margins), *(max(1, n) for n in least), rates)


def _scaled(strata: pd.DataFrame, total: int, least: int) -> dict[str, int]:
    """Another number of invitations in the shares of the plan, as far as people reach."""
    within = np.minimum(strata["pop_size"], least)
    total = min(max(total, int(within.sum())), int(strata["pop_size"].sum()))
    measured = strata.assign(share=strata["invited"] / strata["pop_size"], least=within)
    return _sizes(allocate(measured, total, "neyman", "pop_size", "share", min_n="least"))


def _sizes(invited: pd.Series) -> dict[str, int]:
    return {str(stratum): int(n) for stratum, n in invited.items()}


def _carried_out(design: Design, people: int) -> tuple[object, ...]:
    """What a design does: those that invite everyone are one, however they share out."""
    sizes = dict(design.n) if isinstance(design.n, Mapping) else {}
    everyone = design.n is None or sum(sizes.values()) >= people
    return (design.weighting, *(() if everyone else sorted(sizes.items())))


# The steps that the runs carry out, or that change nothing in them; they trim nothing.
SIMULATED = (
    "unknown_eligibility",
    "weighting_classes",
    "rake",
    "post_stratify of one column",
    "trim",
    "trim_fixed",
    "trim_ratio",
    "drop_ineligible",
    "assert",
)
# Post-strata of one column are a margin.
MARGIN_STEPS = {"post_stratify": "rake"}


def _require_simulated(round_: RoundParams) -> None:
    """Refuse what the runs do not do: they draw simple random samples in strata, and weight in classes and margins."""
    methods = {source: round_.sources[source].design.method for source in round_.probability_sources}  # type: ignore[union-attr]
    problems = [
        Problem(
            "this method of selection is not simulated",
            key=f"sources.{source}.design.method",
            got=method,
            expected="srs",
            hint="try out a copy of the round that draws simple random samples in strata",
        )
        for source, method in methods.items()
        if method != "srs"
    ]
    problems += [
        Problem(
            "this step of the weighting is not simulated",
            key=f"sources.{source}.weighting",
            got=step.step,
            expected=", ".join(SIMULATED),
            hint="try out a copy of the round with weighting_classes in its place",
        )
        for source in round_.probability_sources
        for step in round_.sources[source].weighting.steps  # type: ignore[union-attr]
        if not _is_simulated(step.step, getattr(step.made, "needs", ()))
    ]
    if problems:
        raise InputError(*problems)


def _is_simulated(step: str, needs: tuple[str, ...]) -> bool:
    return step in SIMULATED or (step in MARGIN_STEPS and len(needs) == 1)


def _store(setup: RoundSetup) -> Store:
    return Store(setup.workspace.data / setup.round.round_id)


def _models(
    source: Source, cities: dict[float, SyntheticCity], on_answer: float
) -> list[tuple[tuple[str, float], ResponseModel]]:
    """Response models by (answering, rate); the rate is that of employees and users together."""
    effects = {"at_random": ({}, 0.0), "list": ({LIST_LOGIT: 1.0}, 0.0), "answer": ({LIST_LOGIT: 1.0}, on_answer)}
    models = []
    for rate, city in cities.items():
        rows = (city.people["source"] == source) & city.people["is_eligible"]
        mean = float(city.propensity[rows].mean())
        for answering in ANSWERING:
            by_list, by_answer = effects[answering]
            models.append(((answering, rate), ResponseModel(f"{answering} {rate:g}", mean, by_list, by_answer)))
    return models


def _panel_runs(
    setup: RoundSetup, institution_id: str, source: Source, city: SyntheticCity, trials: Trials, keys: pd.DataFrame
) -> pd.DataFrame:
    """Panels drawn anew in every run from the experts that they stand for; the same under all designs."""
    experts, runs, level = int((city.people["source"] == source).sum()), trials.runs, setup.round.level
    target = true_scores(setup, institution_id, city.name)[source]
    streams = Streams(institution_id, (trials.people_seed,))
    drawn = panel_answers(experts * runs, setup.instrument, target, streams, source)
    assert drawn.expected is not None
    scores = drawn.scores["score"].to_numpy().reshape(runs, experts)
    chances = np.random.default_rng(_seed(trials.seed, source)).random((runs, experts))
    answered = np.where(chances < EXPERTS, scores, np.nan)
    n = np.isfinite(answered).sum(axis=1)
    enough = n >= LEAST_ANSWERS
    mean, se = (np.full(runs, np.nan) for _ in range(2))
    mean[enough] = np.nanmean(answered[enough], axis=1)
    se[enough] = np.nanstd(answered[enough], axis=1, ddof=1) / np.sqrt(n[enough])
    low, high = t_interval(mean, se, n - 1, level)
    table = pd.DataFrame(
        {"run": range(runs), "truth": float(drawn.expected["score"]), "estimate": mean, "se": se, "df": n - 1.0,
         "ci_low": low, "ci_high": high, "n": n, "invitations": experts, "cost": float(experts),
         "why": np.where(enough, "", f"fewer than {LEAST_ANSWERS} answers")}
    )  # fmt: skip
    return keys.merge(table, how="cross").assign(measure=source)


def _index_runs(runs: pd.DataFrame, setup: RoundSetup, institution_id: str) -> pd.DataFrame:
    """The index of every run, with the interval that the workbench would give it."""
    round_, inputs = setup.round, setup.inputs[institution_id]
    weights = round_.index.source_weights
    panels = list(round_.panels)
    corrections = inputs.corrections | components_as_corrections(setup, institution_id)
    wide = runs.set_index([*KEYS[1:], "run", "measure"]).unstack("measure")
    sums = wide[["n", "invitations", "cost"]].T.groupby(level=0).sum().T
    taken_off = sum(corrections.values())
    truth = sum(weights[source] * wide[("truth", source)] for source in round_.sources) - taken_off
    table = sums.assign(truth=truth, why=_index_reasons(wide["why"]), measure="index")
    figures = []
    for values in wide[["estimate", "se", "df"]].to_numpy(dtype=float).reshape(len(wide), 3, -1):
        scores = pd.DataFrame(values.T, columns=["estimate", "se", "df_design"], index=wide["estimate"].columns)
        figures.append(_index_figures(scores, weights, corrections, panels, round_.level))
    columns = ["estimate", "se", "df", "ci_low", "ci_high"]
    return pd.concat([table, pd.DataFrame(figures, columns=columns, index=table.index)], axis=1).reset_index()


def components_as_corrections(setup: RoundSetup, institution_id: str) -> dict[str, float]:
    """What components add to the index, as points to take off: no answers make them, and so no design changes them."""
    weights = setup.round.index.components
    return {
        one.component: -weights[one.component].weight * one.score for one in setup.inputs[institution_id].components
    }


def _index_figures(
    scores: pd.DataFrame, weights: dict[Source, float], corrections: dict[str, float], panels: list[str], level: float
) -> tuple[float, ...]:
    if scores["estimate"].isna().any():
        return (np.nan,) * 5
    index = combine_index(scores, weights, corrections, panels)
    return (index.estimate, index.se, index.df, *index.interval(level))


def _index_reasons(why: pd.DataFrame) -> pd.Series:
    """Why a run has no index: the first source without an estimate, and its reason."""
    said = pd.Series("", index=why.index)
    for source in reversed(why.columns):
        said = said.mask(why[source] != "", source + ": " + why[source])
    return said


def _first_order(biases: Sequence[pd.DataFrame], setup: RoundSetup) -> pd.DataFrame:
    """First-order biases of the sources and of the index."""
    table = pd.concat(biases, ignore_index=True)
    weights = table["measure"].map(setup.round.index.source_weights)
    parts = table.assign(first_order_bias=table["first_order_bias"] * weights)
    index = parts.groupby(KEYS[2:], as_index=False, sort=False)["first_order_bias"].sum().assign(measure="index")
    return pd.concat([table, index], ignore_index=True)


def _with_parts(table: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """The index's variance by source: (w_g SE_g)^2, which add up since sources are independent."""
    weights = setup.round.index.source_weights
    wide = table.pivot(index=KEYS[1:], columns="measure", values="true_se")
    parts = pd.DataFrame({f"variance_{g}": (weights[g] * wide[g]) ** 2 for g in weights}).reset_index()
    index = table[["measure"]].eq("index").to_numpy()[:, 0]
    merged = table.merge(parts, on=KEYS[1:], how="left")
    merged.loc[~index, [f"variance_{g}" for g in weights]] = np.nan
    return merged


def _in_order(table: pd.DataFrame, sources: Sequence[Source], rates: Sequence[float]) -> pd.DataFrame:
    """Rows as people read them: the index first, then by response rate and kind of response."""
    orders: dict[str, Sequence[object]] = {
        "measure": ("index", *sources), "response_rate": rates, "answering": ANSWERING, "design": DESIGNS
    }  # fmt: skip
    places = {name: table[name].map({value: i for i, value in enumerate(order)}) for name, order in orders.items()}
    return table.loc[pd.DataFrame(places).sort_values(list(orders)).index].reset_index(drop=True)


def _seed(seed: int, source: str) -> int:
    """A seed of its own for every source: they are drawn independently."""
    return (seed << 32) + zlib.crc32(source.encode())
