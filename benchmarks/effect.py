"""Whether an effect of actions is found, and only where there is one: `python -m benchmarks.effect` prints two tables.

1. The published years (where a table of them is at hand): every transition held out, the model fitted without it.
2. Simulated national rounds of 640 institutions of five types that spread, last, change and pass as the published
   indices do (`chances.types` in `params/published.yaml`): three published years, then some act, then a fourth year.
   What is counted with is estimated from the simulated years, never taken from the truth. In some worlds those that act
   are no chance selection; beside ours stand the ways to estimate that were compared.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.params import EffectParams, PublishedYears, find_workspace, load_setup
from spi_analysis.scores import action_effects, expected_indices, load_published, with_types
from spi_analysis.scores.years import fit_years, hold_out_rises, mean_move, type_spreads

SIZES = {"kabupaten": 415, "kota": 93, "lembaga": 61, "provinsi": 36, "kementerian": 35}
YEARS = np.array([2021, 2022, 2023, 2024])
SETUP = load_setup(find_workspace(Path(__file__).parent), "spi_2024")
# What is promised: coverage of the held-out rises and their mean error in points; share of rounds that say "worked".
COVERAGE, MOST_BIAS, MOST_FALSE, LEAST_POWER = (0.90, 0.97), 1.0, 0.05, 0.80
# How much who acts is chosen by what is named, against chance (SD in points), and the trend of a rising world.
CHOICE_NOISE, TREND = 3.0, 2.0
NEAREST = 5


class Setting(NamedTuple):
    """A world: how many act, what it brings them, how they are chosen; ``promised``: whether a bar is held to it."""

    name: str
    n: int
    effect: float
    chosen: str = "by chance"
    promised: bool = True


SETTINGS = (
    Setting("60 act", 60, 0.0),
    Setting("60 act", 60, 1.5),
    Setting("15 act", 15, 0.0),
    Setting("15 act", 15, 3.0),
    Setting("60 act, 20 a year", 60, 0.0, "over three years"),
    Setting("60 act, 20 a year", 60, 1.5, "over three years"),
    Setting("because they fell", 60, 0.0, "fell"),
    Setting("because they fell", 60, 1.5, "fell", False),
    Setting("because they are low", 60, 0.0, "low"),
    Setting("because they are low", 60, 1.5, "low", False),
    Setting("low, model wrong", 60, 0.0, "misfit", False),
    Setting("already rising", 60, 0.0, "rising", False),
)


def held_out(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """Per held-out year, and of all: institutions, share held, mean error, and the same of the lowest tenth."""
    assert years.effect is not None
    cases = hold_out_rises(published, years, SETUP.round.level, years.effect.low_share)
    cases = cases.assign(error=cases["rise"] - cases["expected"], rose=cases["rise"] > 0)
    groups = [*((str(year), part) for year, part in cases.groupby("year")), ("all", cases)]
    return pd.DataFrame([_summary(name, part) for name, part in groups]).set_index("year")


def _summary(name: str, cases: pd.DataFrame) -> dict[str, object]:
    low = cases[cases["low"]]
    of_low = {"low_n": len(low), "low_held": low["held"].mean(), "low_error": low["error"].mean()}
    rises = {"low_rose": low["rose"].mean(), "low_chance": low["chance"].mean()}
    return {
        "year": name,
        "n": len(cases),
        "held": cases["held"].mean(),
        "error": cases["error"].mean(),
        **of_low,
        **rises,
    }


# Simulated rounds.


def simulated(rng: np.random.Generator, misfit: bool = False) -> pd.DataFrame:
    """Published indices of 640 institutions: mean that moves + lasting level + change + noise of the year.

    ``misfit``: changes are gone after a year or two, and noise is half as large again; what is counted with does not
    know it.
    """
    chances = SETUP.years.chances
    assert chances is not None
    persistence, factor = (0.3, 1.5) if misfit else (SETUP.years.model.persistence, 1.0)
    root = np.linalg.cholesky(persistence ** np.abs(np.subtract.outer(YEARS, YEARS)))
    parts = []
    for type_, n in SIZES.items():
        spread = chances.types[type_]
        noise = factor * np.array([spread.own_noise.get(int(year), spread.noise) for year in YEARS])
        means = spread.means[2021] + chances.mean_move * np.r_[0.0, rng.standard_normal(len(YEARS) - 1)].cumsum()
        values = means + spread.lasting * rng.standard_normal((n, 1))
        values = values + spread.change * rng.standard_normal((n, len(YEARS))) @ root.T
        values = values + noise * rng.standard_normal((n, len(YEARS)))
        names = [f"{type_}-{i:03d}" for i in range(n)]
        parts.append(pd.DataFrame(values.round(2), pd.Index(names, name="institution_id"), YEARS).assign(type=type_))
    wide = pd.concat(parts).set_index("type", append=True)
    table = wide.rename_axis("year", axis=1).stack().rename("index").reset_index()
    others = ["internal", "external", "expert", "correction_conduct", "correction_facts"]
    return table.assign(institution="", **dict.fromkeys(others, np.nan))


def _keys(wide: pd.DataFrame, chosen: str, rng: np.random.Generator) -> np.ndarray:
    """Who acts: those with the highest key."""
    chance = rng.standard_normal(len(wide))
    fall = (wide[2022] - wide[2023]).to_numpy()
    below = (wide.groupby("type")[2023].transform("mean") - wide[2023]).to_numpy()
    return {"fell": fall + CHOICE_NOISE * chance, "low": below + CHOICE_NOISE * chance,
            "misfit": below + CHOICE_NOISE * chance}.get(chosen, chance)  # fmt: skip


def acting(table: pd.DataFrame, setting: Setting, rng: np.random.Generator) -> pd.DataFrame:
    """The tracker: who acted on what was recommended in which year."""
    wide = table.pivot(index=["type", "institution_id"], columns="year", values="index")
    who = wide.index.get_level_values("institution_id")[np.argsort(-_keys(wide, setting.chosen, rng))[: setting.n]]
    spread_out = setting.chosen == "over three years"
    years = YEARS[:-1][np.arange(setting.n) % 3] if spread_out else np.full(setting.n, YEARS[-2])
    return pd.DataFrame({"institution_id": who, "year": years, "recommendation": "any", "done": 1, "tlp": 100.0})


def _with_trend(table: pd.DataFrame, tracker: pd.DataFrame) -> pd.DataFrame:
    """Those that act have risen by a trend for years, and go on."""
    rising = table["institution_id"].isin(tracker["institution_id"])
    return table.assign(index=table["index"] + TREND * (table["year"] - YEARS[0]) * rising)


def rounds(count: int, seed: int = 20240722, settings: tuple[Setting, ...] = SETTINGS) -> pd.DataFrame:
    """All settings of all rounds: name, n, effect, chosen, promised, way, gain, low, high, clear, worked."""
    streams = np.random.SeedSequence(seed).spawn(count)
    made = [row for stream in streams for row in _round(np.random.default_rng(stream), settings)]
    return pd.DataFrame(made)


def _round(rng: np.random.Generator, settings: tuple[Setting, ...]) -> Iterator[dict[str, object]]:
    usual, wrong = simulated(rng), simulated(rng, misfit=True)
    years = _learnt(usual)
    expected = {id(table): expected_indices(table, years) for table in (usual, wrong)}
    for setting in settings:
        table = wrong if setting.chosen == "misfit" else usual
        tracker = acting(table, setting, rng)
        rising = setting.chosen == "rising"
        cases = expected_indices(_with_trend(table, tracker), years) if rising else expected[id(table)]
        yield from _found(_with_effect(cases, tracker, setting.effect), tracker, setting, years.effect)


def _learnt(table: pd.DataFrame) -> PublishedYears:
    """What is known of the types, as the published parameters are: from all years; what acting brings is not in it."""
    spreads = type_spreads(fit_years(table, SETUP.years))
    return with_types(SETUP.years, spreads, mean_move(spreads))


def _with_effect(cases: pd.DataFrame, tracker: pd.DataFrame, effect: float) -> pd.DataFrame:
    after = pd.MultiIndex.from_frame(tracker[["institution_id", "year"]].assign(year=tracker["year"] + 1))
    acted = pd.MultiIndex.from_frame(cases[["institution_id", "year"]]).isin(after)
    return cases.assign(index=cases["index"] + effect * acted, acted=acted)


def _found(
    cases: pd.DataFrame, tracker: pd.DataFrame, setting: Setting, params: EffectParams | None
) -> Iterator[dict[str, object]]:
    assert params is not None
    row = action_effects(cases, tracker, params).iloc[0]
    ours = {"gain": row["gain"], "low": row["ci_low"], "high": row["ci_high"]}
    clear, worked = bool(row["p_value"] <= params.false_alarms), row["outcome"] == "worked"
    yield {**setting._asdict(), "way": "line of the others", **ours, "clear": clear, "worked": worked}
    here = cases[(cases["year"] - 1).isin(tracker["year"])]
    for way, estimate in WAYS.items():
        gain, se, df = estimate(here)
        half = float(student.ppf(1 - params.false_alarms, df)) * se
        limits = {"gain": gain, "low": gain - half, "high": gain + half, "clear": gain > half, "worked": gain > half}
        yield {**setting._asdict(), "way": way, **limits}


def _against_the_others(values: pd.Series, cases: pd.DataFrame) -> tuple[float, float, float]:
    """Values less the mean of the others of the type and year: difference of means, its error and df."""
    acted = cases["acted"]
    keys = [cases["type"], cases["year"]]
    left = values - values.where(~acted).groupby(keys).transform("mean")
    n = int(acted.sum())
    se = (left[acted].var() / n + left[~acted].var() / (len(left) - n)) ** 0.5
    return float(left[acted].mean()), float(se), n - 1.0


def _rise(cases: pd.DataFrame) -> tuple[float, float, float]:
    return _against_the_others(cases["index"] - cases["before"], cases)


def _expectation(cases: pd.DataFrame) -> tuple[float, float, float]:
    return _against_the_others(cases["index"] - cases["expected"], cases)


def _matched(cases: pd.DataFrame) -> tuple[float, float, float]:
    """Each that acted against the others of its type and year whose index before was nearest."""
    parts = [part for _, part in cases.groupby(["type", "year"]) if part["acted"].any()]
    differences = np.concatenate([_to_nearest(part[part["acted"]], part[~part["acted"]]) for part in parts])
    n = len(differences)
    return float(differences.mean()), float(differences.std(ddof=1) / n**0.5), n - 1.0


def _to_nearest(acted: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    apart = np.abs(np.subtract.outer(acted["before"].to_numpy(), others["before"].to_numpy()))
    nearest = np.argsort(apart, axis=1)[:, :NEAREST]
    return acted["index"].to_numpy() - others["index"].to_numpy()[nearest].mean(axis=1)


WAYS: dict[str, Callable[[pd.DataFrame], tuple[float, float, float]]] = {
    "rise against the others": _rise,
    "above the expectation": _expectation,
    "five nearest others": _matched,
}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Per setting and way: error of the gain, intervals that hold, shares clear of chance and said to have worked."""
    held = (table["low"] <= table["effect"]) & (table["effect"] <= table["high"])
    made = table.assign(error=table["gain"] - table["effect"], held=held)
    groups = made.groupby(["name", "n", "effect", "promised", "way"], sort=False)
    found = groups.agg(
        rounds=("worked", "size"), error=("error", "mean"), sd=("error", "std"), held=("held", "mean"),
        clear=("clear", "mean"), worked=("worked", "mean"),
    )  # fmt: skip
    mc = np.sqrt(found["worked"] * (1 - found["worked"]) / found["rounds"])
    return found.assign(mc_error=mc).reset_index()


def failures(found: pd.DataFrame) -> list[str]:
    """Which bars the simulated rounds miss, Monte-Carlo error aside (two of them)."""
    ours = found[(found["way"] == "line of the others") & found["promised"]]
    none, some = ours[ours["effect"] == 0], ours[ours["effect"] > 0]
    wrong = none[none["worked"] > MOST_FALSE + 2 * none["mc_error"]]
    weak = some[some["worked"] < LEAST_POWER - 2 * some["mc_error"]]
    said = [f"{row.name_}: {row.worked:.1%} worked without an effect" for row in _named(wrong)]
    return said + [f"{row.name_}, +{row.effect}: found in {row.worked:.1%}" for row in _named(weak)]


def _named(table: pd.DataFrame) -> Iterator[tuple]:
    return table.rename(columns={"name": "name_"}).itertuples()


def failures_held_out(found: pd.DataFrame) -> list[str]:
    """Which bars the published years miss."""
    held, error = found.loc["all", ["held", "error"]]
    problems = [] if COVERAGE[0] <= held <= COVERAGE[1] else [f"held-out rises: {held:.1%} held"]
    return problems + ([f"held-out rises: off by {error:+.2f} points"] if abs(error) > MOST_BIAS else [])


def published_table() -> pd.DataFrame | None:
    """The published results that stand outside the project, where they are (SPI_REFERENCE_DIR)."""
    project = Path(__file__).parents[1]
    folder = Path(os.environ.get("SPI_REFERENCE_DIR") or project.parent / "shared")
    path = folder / "data" / "published_scores.csv"
    return load_published(path, SETUP.aliases.present) if path.is_file() else None


def main() -> None:
    """Print the tables; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.effect", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20240722)
    options = parser.parse_args()
    problems, published = [], published_table()
    if published is None:
        print("no published results at hand (SPI_REFERENCE_DIR): no year is held out")
    else:
        found = held_out(published, SETUP.years)
        print(found.round(3).to_string() + "\n")
        problems += failures_held_out(found)
    table = summary(rounds(options.rounds, options.seed))
    print(table.drop(columns="promised").round(3).to_string(index=False))
    sys.exit("\n".join(problems + failures(table)) or 0)


if __name__ == "__main__":
    main()
