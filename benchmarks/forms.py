"""Are answers by place found, and no honest ones? `python -m benchmarks.forms --rounds N` prints a table.

The national rounds of `benchmarks.coaching`, in which the draw gives everybody one of two forms of the questionnaire.
Honest people tick what they see first somewhat more often: a share of their ticks moves a step towards it, another in
each institution. In half of the rounds a share of the employees of a few institutions ticks the places they were told,
whichever form they have. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.coaching import BEST, FEWEST, PARAMS, SCRIPT, SETUP, TWO_BEST, WORLDS, Honest, simulated
from spi_analysis.scores.conduct import RoundAnswers, form_effects, form_signs
from spi_analysis.survey.simulation import on_all_cores

# Share of the ticks that move a step towards what is seen first: mean and standard deviation between institutions.
ORDER_EFFECTS = {"none": (0.0, 0.0), "usual": (0.05, 0.03), "strong": (0.15, 0.08)}
# What is told: the place of one of the two best answers in the usual form, or always that of the best; and to whom.
TOLD = [(script, share) for script in (TWO_BEST, BEST) for share in (0.6, 0.3, 0.15)]
# As of the other comparison of institutions; here the script "always the best" is to be found, too.
MOST_FALSE, MOST_ROUNDS, LEAST_FOUND = 1.0, 0.05, {0.6: 0.9, 0.3: 0.5}


def with_order_effect(
    answers: RoundAnswers, is_reversed: np.ndarray, effect: tuple[float, float], rng: np.random.Generator
) -> RoundAnswers:
    """Honest answers in which a share of the ticks moves a step towards what is seen first."""
    mean, spread = effect
    share = np.clip(mean + spread * rng.standard_normal(answers.institution.max() + 1), 0, 1)
    moves = rng.random(answers.levels.shape, dtype=np.float32) < share[answers.institution][:, None]
    # Seen first is the lowest tick of the usual form: the worst answer where high is good.
    better = np.where(is_reversed[:, None], 1, -1) * np.where(answers.positive, 1, -1)
    return replace(answers, levels=np.clip(answers.levels + moves * better, 0, answers.steps).astype(np.int8))


def by_place(
    answers: RoundAnswers,
    is_reversed: np.ndarray,
    which: np.ndarray,
    share: float,
    script: str,
    rng: np.random.Generator,
) -> RoundAnswers:
    """The same answers where a share of the people of some institutions ticks the places they were told."""
    told = which[answers.institution] & (rng.random(len(answers.institution)) < share)
    lower = (rng.random((len(which), len(answers.steps))) < 0.5) & (script == TWO_BEST)
    follows = told[:, None] & (rng.random(answers.levels.shape, dtype=np.float32) < SCRIPT)
    meant = (answers.steps - lower)[answers.institution]
    ticked = np.where(is_reversed[:, None], answers.steps - meant, meant)
    return replace(answers, levels=np.where(follows, ticked, answers.levels).astype(np.int8))


def one_round(task: tuple[Honest, str, int, int, int]) -> pd.DataFrame:
    """One round, honest and with some institutions told places: every institution and source, and whether flagged.

    ``task``: world, order effect, number of institutions, how many of them are told places, seed.
    """
    world, order, institutions, some, seed = task
    assert PARAMS is not None
    rng = np.random.default_rng([WORLDS.index(world), [*ORDER_EFFECTS].index(order), institutions, seed])
    answers, forms = simulated(world, institutions, rng), {}
    for source, part in answers.items():
        forms[source] = rng.random(len(part.institution)) < 0.5
        answers[source] = with_order_effect(part, forms[source], ORDER_EFFECTS[order], rng)
    least, level = PARAMS.min_answers, SETUP.round.level
    signs = {source: form_signs(part, forms[source], least, level) for source, part in answers.items()}
    found = [form_effects(signs, PARAMS.false_discovery).assign(script="", share=0.0, coached=False)]
    for script, share in TOLD if some else ():
        which = np.isin(np.arange(institutions), rng.permutation(institutions)[:some])
        told = by_place(answers["internal"], forms["internal"], which, share, script, rng)
        internal = form_signs(told, forms["internal"], least, level)
        rows = form_effects({**signs, "internal": internal}, PARAMS.false_discovery)
        found.append(rows.assign(script=script, share=share, coached=which[rows["institution"]]))
    rows = pd.concat(found, ignore_index=True)
    return rows.assign(world=world.name, order=order, institutions=institutions, round=seed)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Per case: rounds, false alarms, share of honest p values below 5 % and 0.1 %, share found, also of the small."""
    # Only employees are told places.
    own = rows[rows["source"] == "internal"]
    return (
        own.assign(n=own["n_usual"] + own["n_reversed"])
        .groupby(["world", "order", "institutions", "script", "share"], sort=False)
        .apply(_of_case)
        .reset_index()
    )


def _of_case(one: pd.DataFrame) -> pd.Series:
    told, honest = one[one["coached"]], one[~one["coached"]]
    false = honest.groupby("round")["flagged"].sum()
    small = told[told["n"] < 2 * FEWEST]
    return pd.Series(
        {
            "rounds": len(false), "false": false.mean(), "several": (false > 1).mean(),
            "below_5": (honest["p_source"] < 0.05).mean(), "below_01": (honest["p_source"] < 0.001).mean(),
            "cases": len(told), "found": told["flagged"].mean(), "found_small": small["flagged"].mean(),
            "small": len(small),
        }
    )  # fmt: skip


def failures(table: pd.DataFrame) -> list[str]:
    """Which bars are missed, two Monte-Carlo errors aside."""
    honest, told = table[table["share"] == 0], table[table["share"].isin(LEAST_FOUND)]
    error = 2 * np.sqrt(MOST_ROUNDS * (1 - MOST_ROUNDS) / honest["rounds"])
    wrong = honest[(honest["false"] > MOST_FALSE) | (honest["several"] > MOST_ROUNDS + error)]
    bar = told["share"].map(LEAST_FOUND)
    weak = told[told["found"] < bar - 2 * np.sqrt(bar * (1 - bar) / told["cases"])]
    said = [f"{row.world}, {row.order}: {row.false:.2f} false alarms a round" for row in wrong.itertuples()]
    return said + [
        f"{row.world}, {row.order}: {row.found:.0%} found of {row.share:.0%} told {row.script}"
        for row in weak.itertuples()
    ]


def rounds(count: int, seed: int, institutions: int = 640, some: int = 8) -> pd.DataFrame:
    """The easiest and the hardest world, each with every order effect."""
    kinds = [(world, order, institutions, some) for world in (WORLDS[0], WORLDS[-1]) for order in ORDER_EFFECTS]
    return on_all_cores(one_round, [(*kind, seed + number) for number in range(count) for kind in kinds])


def main() -> None:
    """Print the table; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forms", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=20241130)
    options = parser.parse_args()
    started = time.perf_counter()
    table = summary(rounds(options.rounds, options.seed))
    print(table.round(4).to_string(index=False))
    print(f"\n{time.perf_counter() - started:.0f} s")
    sys.exit("\n".join(failures(table)) or 0)


if __name__ == "__main__":
    main()
