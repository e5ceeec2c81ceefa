"""Whether intervals of experts hold what they say: `python -m benchmarks.experts --rounds 200` prints two tables.

Lists of 20 to 300 names from which experts are drawn, through the doors of a round: draw, weights, score; and panels of
6 to 40 that are invited whole. In a friendly world, and in hostile ones: experts of one kind agree among themselves,
and those whom the institution named find it better. The exit code is 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.params import RoundParams, find_workspace, load_setup
from spi_analysis.scores import kinds_correlation, score_estimates, with_agreement
from spi_analysis.stages import begin_weighting, draw_source, item_weights, respondents_design
from spi_analysis.stages.respondents import coarse_error, drawn_of_list
from spi_analysis.stages.weight import sample_with_frame
from spi_analysis.survey.estimation import logit_interval, t_interval
from spi_analysis.synthetic import Streams, world_named
from spi_analysis.synthetic.answers import panel_answers
from spi_analysis.synthetic.residents import make_panel

SETUP = load_setup(find_workspace(Path(__file__).parent), "spi_2024")
# Who draws experts from a list in the demonstration.
DRAWS, SOURCE, AT = "kota-tebing-tinggi", "expert", np.datetime64("2024-07-29")
FRIENDLY, KINDS, NAMES = "additive", "panel_house", "friendly_names"
LISTS, PANELS = (20, 40, 100, 300), (6, 9, 13, 20, 40)
# The score that experts are generated around, and the share of those asked who answer (synthetic worlds).
TARGET, ANSWER = 72.0, 0.95
# Panels of one round, from which it is learnt how much kinds agree.
AT_ONCE = 40
# What is promised: the share of intervals that hold the truth; of misses on one side at most so many.
COVERAGE, MOST_ONE_SIDE = (0.93, 0.97), 0.045


class Case(NamedTuple):
    """Names, whether experts are drawn from them or invited whole, and the world; ``promised``: whether a bar holds."""

    names: int
    drawn: bool
    world: str
    reading: str
    promised: bool = True


CASES = (
    *(Case(n, True, world, "list") for world in (FRIENDLY, NAMES) for n in LISTS),
    *(Case(n, False, FRIENDLY, "independent") for n in PANELS),
    *(Case(n, False, KINDS, "independent", False) for n in PANELS),
    *(Case(n, False, world, "kinds agree") for world in (FRIENDLY, KINDS) for n in PANELS),
)


def runs(case: Case, rounds: int, seed: int) -> pd.DataFrame:
    """Truth, estimate, limits and limits as shown, of so many institutions."""
    return _lists(case, rounds, seed) if case.drawn else _panels(case, rounds, seed)


# Lists that are drawn from.


@cache
def experts_alone() -> RoundParams:
    """The round of the city that draws its experts, with these alone."""
    round_ = SETUP.round_for(DRAWS)
    return round_.model_copy(update={"sources": {SOURCE: round_.sources[SOURCE]}})


def _lists(case: Case, rounds: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame([_list_run(case, number, seed) for number in range(rounds)])


def _list_run(case: Case, number: int, seed: int) -> dict[str, float]:
    """One list, drawn from once."""
    world, streams = world_named(case.world), Streams(f"list {case.names}", (seed, number))
    listed = make_panel(case.names, AT, streams("panel"), is_list=True)
    kinder = world.nominators * (listed["nominator"] == "institution").to_numpy(dtype=float)[:, None]
    house = (world.house, listed["expert_group"].to_numpy())
    answers = panel_answers(case.names, SETUP.instrument, TARGET, streams, SOURCE, house, kinder)
    frame = listed.assign(source=SOURCE, institution_id=DRAWS, person_id=[f"p{i:03d}" for i in range(case.names)],
                          is_eligible=True, stream="list", unit=None, position_class=None)  # fmt: skip
    round_ = experts_alone()
    sample = draw_source(frame, round_, SOURCE, hashlib.sha256(f"{seed} {number}".encode()).digest())[0]
    people = sample_with_frame(sample.assign(institution_id=DRAWS), frame)
    people["disposition"] = np.where(streams("answers").random(len(people)) < ANSWER, "I", "NC")
    weighted = begin_weighting(people, frame, round_).finished()
    responses = pd.concat([frame[["institution_id", "person_id", "source"]], answers.codes], axis=1)
    design = respondents_design(
        SOURCE, frame, responses, weighted.weights, weighted.replicates, round_, SETUP.instrument
    )
    assert design is not None
    found = score_estimates(design, item_weights(SETUP.instrument, SOURCE), round_.level).table.iloc[-1]
    shown = coarse_error(found["se"], found["n"], round_.disclosure, drawn_of_list(design))
    low, high = t_interval(*(np.array([x]) for x in (found["estimate"], shown, found["df_design"])), round_.level)
    return {"truth": float(answers.scores["score"].mean()), "n": found["n"], "estimate": found["estimate"],
            "se": found["se"], "low": found["ci_low"], "high": found["ci_high"], "shown_low": low[0],
            "shown_high": high[0]}  # fmt: skip


# Panels.


def _panels(case: Case, rounds: int, seed: int) -> pd.DataFrame:
    """Panels in rounds of ``AT_ONCE`` institutions; how much kinds agree is learnt from those of the round."""
    made = [_panel(case, number, seed) for number in range(rounds)]
    tables = [_round_of_panels(made[i : i + AT_ONCE], case) for i in range(0, rounds, AT_ONCE)]
    return pd.concat(tables, ignore_index=True)


class Panel(NamedTuple):
    """Scores of those who answered, the kind of each, and what all who could have been asked would say."""

    scores: np.ndarray
    kinds: np.ndarray
    truth: float


def _panel(case: Case, number: int, seed: int) -> Panel:
    world, streams = world_named(case.world), Streams(f"panel {case.names}", (seed, number))
    kinds = make_panel(case.names, AT, streams("panel"))["expert_group"].to_numpy()
    found = panel_answers(case.names, SETUP.instrument, TARGET, streams, SOURCE, (world.house, kinds))
    answered = streams("answers").random(case.names) < ANSWER
    answered[:2] = True
    assert found.expected is not None
    return Panel(found.scores["score"].to_numpy()[answered], kinds[answered], float(found.expected["score"]))


def _round_of_panels(panels: list[Panel], case: Case) -> pd.DataFrame:
    n = np.array([len(one.scores) for one in panels], dtype=float)
    estimate = np.array([one.scores.mean() for one in panels])
    se = np.array([one.scores.std(ddof=1) for one in panels]) / np.sqrt(n)
    df = n - 1
    if case.reading == "kinds agree":
        agree = kinds_correlation((one.scores, one.kinds) for one in panels)
        se, df = np.array([with_agreement(e, one.kinds, agree) for e, one in zip(se, panels, strict=True)]).T
    level, limits, alone = SETUP.round.level, SETUP.round.disclosure, drawn_of_list(None)
    coarse = np.array([coarse_error(*each, limits, alone) for each in zip(se, n, strict=True)])
    low, high = logit_interval(estimate, se, df, level)
    shown_low, shown_high = t_interval(estimate, coarse, df, level)
    return pd.DataFrame({"truth": [one.truth for one in panels], "n": n, "estimate": estimate, "se": se, "low": low,
                         "high": high, "shown_low": shown_low, "shown_high": shown_high})  # fmt: skip


# What is held.


def summary(found: pd.DataFrame) -> dict[str, float]:
    """Shares of intervals that hold and that lie beside the truth, and the error beside what it is estimated as."""
    above, below = (found["low"] > found["truth"]).mean(), (found["high"] < found["truth"]).mean()
    held = (found["shown_low"] <= found["truth"]) & (found["truth"] <= found["shown_high"])
    error = found["estimate"] - found["truth"]
    return {"answers": found["n"].mean(), "bias": error.mean(), "sd": error.std(), "se": found["se"].mean(),
            "held": 1 - above - below, "above": above, "below": below, "shown": held.mean()}  # fmt: skip


def failures(table: pd.DataFrame, rounds: int) -> list[str]:
    """Promises that are missed by more than two Monte-Carlo errors."""
    slack = 2 * (0.05 * 0.95 / rounds) ** 0.5
    return list(_missed(table[table["promised"]], slack))


def _missed(table: pd.DataFrame, slack: float) -> Iterator[str]:
    for row in table.itertuples():
        what = f"{row.names} names, {row.world}, {row.reading}"
        if not COVERAGE[0] - slack <= row.held <= COVERAGE[1] + slack:
            yield f"{what}: {row.held:.1%} of the intervals hold"
        if max(row.above, row.below) > MOST_ONE_SIDE + slack:
            yield f"{what}: {max(row.above, row.below):.1%} miss on one side"


def table_of(rounds: int, seed: int, cases: tuple[Case, ...] = CASES) -> pd.DataFrame:
    """A row per case."""
    return pd.DataFrame([case._asdict() | summary(runs(case, rounds, seed)) for case in cases])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="institutions per row")
    parser.add_argument("--seed", type=int, default=20240722)
    given = parser.parse_args()
    table = table_of(given.rounds, given.seed)
    print(table.round(3).to_string(index=False))
    for one in (missed := failures(table, given.rounds)):
        print(one)
    return 1 if missed else os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
