"""Is a whole coached institution found, and no honest one? `python -m benchmarks.coaching --rounds N` prints a table.

Simulated national rounds of 640 institutions of five types, whose scores spread as the published ones do, with 30 to
2,000 employees and users each that answer. In every world something honest differs between institutions; in half of
the rounds a few institutions are coached: a share of their employees follows a script. What is counted with is
`coaching` in the round's parameters; exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.params import find_workspace, load_setup
from spi_analysis.scores.conduct import RoundAnswers, compared, institution_signs
from spi_analysis.survey.simulation import on_all_cores
from spi_analysis.synthetic.answers import MODELS, LatentModel, scored_items, superpopulation_mean
from spi_analysis.synthetic.country import NEUTRAL, SCORES, SHAPES

SETUP = load_setup(find_workspace(Path(__file__).parent), "spi_2024")
PARAMS = SETUP.round.coaching
TYPES = ("kabupaten", "kota", "lembaga", "provinsi", "kementerian")
# Completes per source and institution: 30 to 2,554 in 2022, 350 on average; a twelfth has the fewest.
TYPICAL, LOG_SD, FEWEST, MOST, SMALL = 280, 0.8, 30, 2000, 1 / 12
UNIT_PEOPLE, CLASSES = 12, 4
# What all institutions have in common: how hard each question is (points), and how many answer within two days.
HARD_SD, SOON_LOGIT, SOON_SD, URGED_SHARE, LATER = 6.0, -0.6, 0.5, 0.5, 300.0
SCRIPT, SOON = 0.8, 48.0
BETTER = 15.0  # points
Z_OF_A_THOUSANDTH = 3.09
# What is promised. False alarms: mean per honest round, and share of honest rounds with more than one.
MOST_FALSE, MOST_ROUNDS, LEAST_FOUND = 1.0, 0.05, {1.0: 0.9, 0.6: 0.9, 0.3: 0.5}
# What is dictated for an item: one of its two best answers, which is promised to be found; or always the best.
TWO_BEST, BEST = "one of two", "the best"
TOLD = [(TWO_BEST, share) for share in LEAST_FOUND] + [(BEST, 0.6)]


@dataclass(frozen=True)
class Honest:
    """What differs honestly (SD in points unless said otherwise).

    ``cells``: between unit x class; ``units``: of every question between units; ``house``: tendency to agree, between
    institutions and again between people; ``style``: log of how far answers spread; ``better``: share of institutions
    that are really better, by 15 points; ``urged``: share that urges everybody to answer on one day.
    """

    name: str
    cells: float = 0.0
    units: float = 0.0
    house: float = 0.0
    style: float = 0.0
    better: float = 0.0
    urged: float = 0.05


WORLDS = (
    Honest("additive"),
    Honest("interaction", cells=6.0),
    Honest("units of their own mind", cells=6.0, units=8.0),
    Honest("house styles", house=6.0),
    Honest("spread of answers", style=0.1),
    Honest("really better", better=0.1),
    Honest("urged to answer", urged=0.3),
    Honest("all together", 6.0, 6.0, 6.0, 0.08, 0.05, 0.2),
)


def simulated(world: Honest, institutions: int, rng: np.random.Generator) -> dict[str, RoundAnswers]:
    """Honest answers of employees and users."""
    types = rng.permutation(np.repeat(TYPES, [SHAPES[t].count for t in TYPES]))[:institutions]
    above = np.array([SHAPES[t].index - NEUTRAL for t in types]) + BETTER * (rng.random(institutions) < world.better)
    levels = {}
    for source in ("internal", "external"):
        mean, spread = SCORES[source]
        levels[source] = np.clip(mean + above + spread * rng.standard_normal(institutions), 45, 97)
    return {source: _answers(source, level, world, rng) for source, level in levels.items()}


@cache
def _expected(source: str) -> tuple[np.ndarray, np.ndarray]:
    """Latent means, and the scores that answers with ends have on average."""
    items, model = scored_items(SETUP.instrument, source), MODELS[source]
    parts = (model.person, model.noise, model.unit, model.dimension, model.item, HARD_SD)
    latent = np.arange(20.0, 161.0, 2.0)
    centres = np.ones(len(items.codes))
    scores = [superpopulation_mean(m * centres, float(np.linalg.norm(parts)), items)[-1] for m in latent]
    return latent, np.array(scores)


def _answers(source: str, level: np.ndarray, world: Honest, rng: np.random.Generator) -> RoundAnswers:
    """Answers of a source whose institutions score ``level`` on average."""
    items, model = scored_items(SETUP.instrument, source), MODELS[source]
    n = np.clip(np.rint(TYPICAL * np.exp(LOG_SD * rng.standard_normal(len(level)))), FEWEST, MOST).astype(int)
    n[rng.random(len(n)) < SMALL] = FEWEST
    institution, (grid, scores) = np.repeat(np.arange(len(n)), n), _expected(source)
    latent = _latent(institution, np.interp(level, scores, grid), model, items.dimension_of_item, world, rng)
    latent += _agreeing(institution, items.positive, world, rng)
    if world.style:
        middle, spread = float(latent.mean()), np.exp(world.style * rng.standard_normal(len(n)))
        latent = (middle + (latent - middle) * spread[institution][:, None]).astype(np.float32)
    return RoundAnswers(
        institution=institution,
        levels=items.levels(latent).astype(np.int8),
        steps=items.steps,
        positive=items.positive,
        weights=items.score_weights,
        started=_started(institution, world, rng),
    )


def coached(
    answers: RoundAnswers, which: np.ndarray, share: float, script: str, rng: np.random.Generator
) -> RoundAnswers:
    """The same answers where a share of the people of some institutions follows their script, and soon."""
    told = which[answers.institution] & (rng.random(len(answers.institution)) < share)
    lower = (rng.random((len(which), len(answers.steps))) < 0.5) & (script == TWO_BEST)
    follows = told[:, None] & (rng.random(answers.levels.shape, dtype=np.float32) < SCRIPT)
    levels = np.where(follows, (answers.steps - lower)[answers.institution], answers.levels).astype(np.int8)
    return replace(answers, levels=levels, started=np.where(told, rng.uniform(0, SOON, len(told)), answers.started))


def _latent(
    institution: np.ndarray,
    level: np.ndarray,
    model: LatentModel,
    dimensions: np.ndarray,
    world: Honest,
    rng: np.random.Generator,
) -> np.ndarray:
    """Level, unit, cell, person, question (in the country, the institution, the unit) and noise: (n, items)."""
    units, n_items = np.maximum(np.bincount(institution) // UNIT_PEOPLE, 3), len(dimensions)
    first = np.r_[0, units.cumsum()[:-1]]
    unit = first[institution] + (rng.random(len(institution)) * units[institution]).astype(int)
    cell = unit * CLASSES + rng.integers(0, CLASSES, len(unit))
    person = level[institution] + model.person * rng.standard_normal(len(unit))
    person += model.unit * rng.standard_normal(units.sum())[unit]
    person += world.cells * rng.standard_normal(units.sum() * CLASSES)[cell]
    question = model.dimension * rng.standard_normal((len(level), dimensions.max() + 1))[:, dimensions]
    question += model.item * rng.standard_normal((len(level), n_items)) + HARD_SD * rng.standard_normal(n_items)
    latent = rng.standard_normal((len(unit), n_items), dtype=np.float32) * np.float32(model.noise)
    latent += (person[:, None] + question[institution]).astype(np.float32)
    if world.units:
        latent += (world.units * rng.standard_normal((units.sum(), n_items))).astype(np.float32)[unit]
    return latent


def _agreeing(institution: np.ndarray, positive: np.ndarray, world: Honest, rng: np.random.Generator) -> np.ndarray:
    """Points added where ticking high is good, and taken off where it is bad: (n, items)."""
    house = world.house * rng.standard_normal(institution.max() + 1)
    tendency = house[institution] + world.house * rng.standard_normal(len(institution))
    return (tendency[:, None] * np.where(positive, 1, -1)).astype(np.float32)


def _started(institution: np.ndarray, world: Honest, rng: np.random.Generator) -> np.ndarray:
    """Hours since the invitation; of urged institutions half answers within two other days."""
    n, people = institution.max() + 1, len(institution)
    soon = 1 / (1 + np.exp(-SOON_LOGIT - SOON_SD * rng.standard_normal(n)))
    early = rng.random(people) < soon[institution]
    hours = np.where(early, rng.uniform(0, SOON, people), SOON + rng.exponential(LATER, people))
    urged = (rng.random(n) < world.urged)[institution] & (rng.random(people) < URGED_SHARE)
    return np.where(urged, rng.uniform(100, 600, n)[institution] + rng.uniform(0, SOON, people), hours)


def one_round(task: tuple[Honest, int, int, int]) -> pd.DataFrame:
    """One round, honest and with some institutions coached: every institution and source, and whether it is flagged.

    ``task``: world, number of institutions, how many of them are coached, seed.
    """
    world, institutions, some, seed = task
    assert PARAMS is not None
    rng = np.random.default_rng([WORLDS.index(world), institutions, seed])
    answers = simulated(world, institutions, rng)
    signs = {source: institution_signs(part, PARAMS) for source, part in answers.items()}
    found = [compared(signs, PARAMS).assign(script="", share=0.0, coached=False)]
    for script, share in TOLD if some else ():
        which = np.isin(np.arange(institutions), rng.permutation(institutions)[:some])
        internal = institution_signs(coached(answers["internal"], which, share, script, rng), PARAMS)
        rows = compared({**signs, "internal": internal}, PARAMS)
        found.append(rows.assign(script=script, share=share, coached=which[rows["institution"]]))
    rows = pd.concat(found, ignore_index=True)
    # Alone in its round, one would have to pass the first step of Benjamini and Hochberg.
    alone = rows["p_value"] <= PARAMS.false_discovery / institutions
    return rows.assign(world=world.name, institutions=institutions, round=seed, alone=alone)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Per case: rounds, false alarms, share found, and found of the small and if alone."""
    # Small is who has few employees' answers: only these are coached.
    one = (
        rows[rows["source"] == "internal"]
        .groupby(["world", "institutions", "script", "share", "round", "institution"], sort=False)
        .agg(flagged=("flagged", "first"), alone=("alone", "first"), coached=("coached", "first"), n=("n", "first"))
    )
    return one.groupby(level=[0, 1, 2, 3], sort=False).apply(_of_case).reset_index()


def _of_case(one: pd.DataFrame) -> pd.Series:
    told, honest = one[one["coached"]], one[~one["coached"]]
    false = honest.groupby("round")["flagged"].sum()
    small = told[told["n"] < 2 * FEWEST]
    return pd.Series(
        {
            "rounds": len(false), "false": false.mean(), "several": (false > 1).mean(), "worst": false.max(),
            "cases": len(told), "found": told["flagged"].mean(), "found_alone": told["alone"].mean(),
            "found_small": small["flagged"].mean(), "small": len(small),
        }
    )  # fmt: skip


def beside(rows: pd.DataFrame) -> pd.DataFrame:
    """How often each sign alone would flag employees' answers at one in a thousand, honest and coached."""
    own = rows[rows["source"] == "internal"]
    names = ("alike", "uneven", "surge", "gap")
    signs = own.assign(**{name: own[f"{name}_z"] > Z_OF_A_THOUSANDTH for name in names})
    return signs.groupby(["script", "share", "coached"], sort=False)[list(names)].mean().reset_index()


def failures(table: pd.DataFrame) -> list[str]:
    """Which bars are missed, two Monte-Carlo errors aside."""
    honest, told = table[table["share"] == 0], table[table["script"] == TWO_BEST]
    error = 2 * np.sqrt(MOST_ROUNDS * (1 - MOST_ROUNDS) / honest["rounds"])
    wrong = honest[(honest["false"] > MOST_FALSE) | (honest["several"] > MOST_ROUNDS + error)]
    bar = told["share"].map(LEAST_FOUND)
    weak = told[told["found"] < bar - 2 * np.sqrt(bar * (1 - bar) / told["cases"])]
    said = [f"{row.world}: {row.false:.2f} false alarms a round" for row in wrong.itertuples()]
    return said + [f"{row.world}: {row.found:.0%} found of {row.share:.0%} coached" for row in weak.itertuples()]


def rounds(count: int, seed: int, institutions: int = 640, some: int = 8) -> pd.DataFrame:
    """All worlds, and honest rounds of the fewest institutions that are compared, in the hardest world."""
    assert PARAMS is not None
    kinds = [(world, institutions, some) for world in WORLDS] + [(WORLDS[-1], PARAMS.min_institutions, 0)]
    return on_all_cores(one_round, [(*kind, seed + number) for number in range(count) for kind in kinds])


def main() -> None:
    """Print the tables; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coaching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=20240722)
    options = parser.parse_args()
    started = time.perf_counter()
    rows = rounds(options.rounds, options.seed)
    table = summary(rows)
    print(table.round(2).to_string(index=False) + "\n")
    print(beside(rows).round(2).to_string(index=False))
    print(f"\n{time.perf_counter() - started:.0f} s")
    sys.exit("\n".join(failures(table)) or 0)


if __name__ == "__main__":
    main()
