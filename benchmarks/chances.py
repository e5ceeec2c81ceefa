"""How often chances come true: `python -m benchmarks.chances` simulates national rounds and prints a table of bins.

Every round has 640 institutions of five types that spread, last, change and pass as the published indices do
(`chances.types` in `params/published.yaml`), four published years, and answers with panels of 8 to 13 experts. What
the chances count with is estimated from the simulated published years and panels, never taken from the truth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.params import (
    CategoryLevel,
    ChanceParams,
    PublishedYears,
    RoundSetup,
    TypeSpread,
    find_workspace,
    load_setup,
)
from spi_analysis.scores import (
    Chances,
    History,
    IndexEstimate,
    chances,
    direction_of,
    moderated_panels,
    panel_spread,
    prior_of,
)
from spi_analysis.scores.years import fit_years, mean_move, type_spreads

SIZES = {"kabupaten": 415, "kota": 93, "lembaga": 61, "provinsi": 36, "kementerian": 35}
YEARS = (2023, 2024, 2025, 2026)
NOW = 2027
PANELS = (8, 13)
# Standard errors of the other sources, and what their estimates are worth (docs/methods/chances.md).
ERRORS = {"internal": (1.6, 100), "external": (1.8, 80)}
TARGET = 75.0
SETUP = load_setup(find_workspace(Path(__file__).parent), "spi_2024")
BINS = np.linspace(0, 1, 11)
# A bin may be off by this much, and by two Monte-Carlo errors more.
MOST_OFF = 0.03
# At most this share of the rises and falls that are said may be false.
MOST_FALSE = 0.05


def cases(rounds: int, seed: int = 20240722) -> pd.DataFrame:
    """All chances of all rounds: round, kind, chance, flat (of a flat prior), came_true."""
    streams = np.random.SeedSequence(seed).spawn(rounds)
    made = [_round(np.random.default_rng(stream), SETUP) for stream in streams]
    return pd.concat([table.assign(round=number) for number, table in enumerate(made)], ignore_index=True)


def _round(rng: np.random.Generator, setup: RoundSetup) -> pd.DataFrame:
    assert setup.years.chances is not None
    world = setup.years.chances
    error = _typical_error(world, setup)
    truth = {t: _truth(rng, world.types[t], world, n, error, setup.years) for t, n in SIZES.items()}
    published = _published(rng, truth, error)
    spreads = type_spreads(fit_years(published, setup.years))
    scores = _scores(rng, world, sum(SIZES.values()))
    learnt = _learnt(spreads, scores.loc["expert"])
    flat, moderated = _errors(scores, setup), _errors(moderated_panels(scores, ["expert"], learnt), setup)
    wide = published.pivot(index=["type", "institution_id"], columns="year", values="index")
    rows: list[dict[str, object]] = []
    number = 0
    for type_, true in truth.items():
        for own, values in zip(wide.loc[type_].to_dict("records"), true, strict=True):
            about = (values, own, spreads[type_], learnt, setup)
            rows += _cases_of(flat.iloc[number], moderated.iloc[number], *about)
            number += 1
    return pd.DataFrame(rows)


def _typical_error(panel: ChanceParams, setup: RoundSetup) -> float:
    """Standard error of an index with a panel of middling size."""
    w = setup.round.index.source_weights
    squares = [(w["expert"] * panel.panel_sd) ** 2 / np.mean(PANELS)]
    return float(np.sqrt(sum(squares + [(w[s] * ERRORS[s][0]) ** 2 for s in ("internal", "external")])))


def _truth(
    rng: np.random.Generator, spread: TypeSpread, params: ChanceParams, n: int, error: float, years: PublishedYears
) -> np.ndarray:
    """True indices (n, years): mean that moves + lasting level + change + what is true of a year alone."""
    t = len(YEARS) + 1
    apart = np.abs(np.subtract.outer(np.arange(t), np.arange(t)))
    root = np.linalg.cholesky(years.model.persistence**apart)
    alone = np.sqrt(max(spread.noise**2 - error**2, 0.0))
    means = max(spread.means.items())[1] + params.mean_move * rng.standard_normal(t).cumsum()
    lasting = spread.lasting * rng.standard_normal((n, 1))
    return means + lasting + spread.change * rng.standard_normal((n, t)) @ root.T + alone * rng.standard_normal((n, t))


def _published(rng: np.random.Generator, truth: dict[str, np.ndarray], error: float) -> pd.DataFrame:
    rows = [
        {"year": year, "institution_id": f"{type_}-{i:03d}", "institution": "", "type": type_, "index": value}
        for type_, true in truth.items()
        for i, values in enumerate(true[:, :-1] + error * rng.standard_normal((len(true), len(YEARS))))
        for year, value in zip(YEARS, values.round(2), strict=True)
    ]
    parts = ["internal", "external", "expert", "correction_conduct", "correction_facts"]
    return pd.DataFrame(rows).assign(**dict.fromkeys(parts, np.nan))


def _scores(rng: np.random.Generator, world: ChanceParams, n: int) -> pd.DataFrame:
    """By source and institution: ``off`` (score less truth), standard error, degrees of freedom, answers."""
    size = rng.integers(PANELS[0], PANELS[1] + 1, n)
    sd = world.panel_sd * np.sqrt(world.panel_df / rng.chisquare(world.panel_df, n))
    true = {
        **{s: (np.full(n, se), np.full(n, df)) for s, (se, df) in ERRORS.items()},
        "expert": (sd / size**0.5, size - 1),
    }
    tables = [
        pd.DataFrame(
            {
                "off": se * rng.standard_normal(n),
                "se": se * np.sqrt(rng.chisquare(df) / df),
                "df_design": df,
                "n": size,
            },
            index=pd.Index([source] * n, name="source"),
        ).astype(float)
        for source, (se, df) in true.items()
    ]  # fmt: skip
    return pd.concat(tables)


def _errors(scores: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """Error of every institution's index, its standard error and degrees of freedom (Satterthwaite)."""
    parts = {
        source: weight * scores.loc[source, ["off", "se"]].to_numpy()
        for source, weight in setup.round.index.source_weights.items()
    }
    variance = sum(part[:, 1] ** 2 for part in parts.values())
    spread = sum(part[:, 1] ** 4 / scores.loc[source, "df_design"].to_numpy() for source, part in parts.items())
    off = sum(part[:, 0] for part in parts.values())
    return pd.DataFrame({"off": off, "se": variance**0.5, "df": variance**2 / spread})


def _learnt(spreads: dict[str, TypeSpread], panels: pd.DataFrame) -> ChanceParams:
    """What a commission would know: spreads of the published years, and of the panels of this round."""
    sd, df = panel_spread((panels["se"] * np.sqrt(panels["n"])).to_numpy(), panels["df_design"].to_numpy())
    facts = {"source": "simulated", "as_of": "2027-01-01"}
    return ChanceParams(panel_sd=sd, panel_df=df, mean_move=mean_move(spreads), types=spreads, **facts)


def _cases_of(
    flat: pd.Series, moderated: pd.Series, true: np.ndarray, own: dict[int, float], spread: TypeSpread,
    learnt: ChanceParams, setup: RoundSetup,
) -> list[dict[str, object]]:  # fmt: skip
    levels, persistence = setup.round.categories.levels, setup.years.model.persistence
    prior = prior_of(History(own, spread, learnt, persistence), (NOW, YEARS[-1]), moderated["se"])
    targets = {"target": TARGET}
    found = chances(_index(moderated, true[-1]), prior, levels, targets)
    before = chances(_index(flat, true[-1]), None, levels, targets)
    # The same institution if nothing had changed since the year before.
    unchanged = chances(_index(moderated, true[-2]), prior)
    same = {"kind": "unchanged", "chance": unchanged.rise, "said": _said(_index(moderated, true[-2]), own[YEARS[-1]])}
    return [*_outcomes(found, before, true, levels, _said(_index(moderated, true[-1]), own[YEARS[-1]])), same]


def _said(index: IndexEstimate, published: float) -> str:
    """What the page says of the change: a published year of the same design is as uncertain as this round."""
    half = np.sqrt(2) * index.se * student.ppf(0.5 + SETUP.round.level / 2, index.df)
    change = index.estimate - published
    return direction_of(change - half, change + half)


def _index(facts: pd.Series, truth: float) -> IndexEstimate:
    se, df = float(facts["se"]), float(facts["df"])
    return IndexEstimate(round(truth + facts["off"], 2), se, df, np.nan, np.nan, {})


def _outcomes(
    found: Chances, before: Chances, true: np.ndarray, levels: Sequence[CategoryLevel], said: str
) -> Iterator[dict[str, object]]:
    limits = [level.below for level in levels if level.below is not None]
    index = round(float(true[-1]), 2)
    category = levels[int(np.searchsorted(limits, index, side="right"))].code
    for code, chance in found.categories.items():
        yield {"kind": "category", "chance": chance, "flat": before.categories[code], "came_true": code == category}
    target, flat = found.targets["target"], before.targets["target"]
    yield {"kind": "target", "chance": target, "flat": flat, "came_true": index >= TARGET}
    yield {"kind": "rise", "chance": found.rise, "came_true": bool(true[-1] > true[-2]), "said": said}


def reliability(table: pd.DataFrame, column: str = "chance") -> pd.DataFrame:
    """Of every kind and bin of ten points: cases, chance stated, share that came true, how far off, and its error.

    The error is that between rounds, whose institutions share the move of their type's mean; of few rounds at least
    the binomial one.
    """
    known = table[table[column].notna() & (table["kind"] != "unchanged")]
    bins = np.clip(np.digitize(known[column], BINS) - 1, 0, len(BINS) - 2)
    off = (known[column] - known["came_true"]).astype(float)
    made = known.assign(bin=bins, off=off)
    groups = made.groupby(["kind", "bin"])
    found = groups.agg(n=("off", "size"), stated=(column, "mean"), true=("came_true", "mean"), off=("off", "mean"))
    by_round = made.groupby(["kind", "bin", "round"])["off"].agg(["sum", "size"]).reset_index()
    between = by_round.groupby(["kind", "bin"])[["sum", "size"]].apply(_clustered)
    binomial = np.sqrt(found["stated"] * (1 - found["stated"]) / found["n"])
    return found.assign(error=np.maximum(between, binomial))


def _clustered(sums: pd.DataFrame) -> float:
    """Standard error of a mean over rounds of different sizes (linearised ratio)."""
    left = sums["sum"] - sums["size"] * sums["sum"].sum() / sums["size"].sum()
    return float(np.sqrt((left**2).sum()) / sums["size"].sum())


def false_changes(table: pd.DataFrame) -> tuple[float, float]:
    """Of the rises and falls that are said, the share that went the other way; of unchanged ones, the share said."""
    said = table["said"].isin(["up", "down"])
    rise = table[(table["kind"] == "rise") & said]
    wrong = (rise["said"] == "up") != rise["came_true"].astype(bool)
    return float(wrong.mean()), float(said[table["kind"] == "unchanged"].mean())


def log_scores(table: pd.DataFrame) -> tuple[float, float]:
    """Mean log score of the categories that came true, by these chances and by those of a flat prior."""
    true = table[(table["kind"] == "category") & table["came_true"].astype(bool)]
    least = np.finfo(float).tiny
    return tuple(float(np.log(np.maximum(true[column], least)).mean()) for column in ("chance", "flat"))


def failures(table: pd.DataFrame) -> list[str]:
    """What of the three claims does not hold."""
    bins = reliability(table)
    wrong = bins[bins["off"].abs() > MOST_OFF + 2 * bins["error"]]
    problems = [
        f"{kind}, bin {bin_ * 10} to {bin_ * 10 + 10} %: off by {row.off:+.3f}"
        for (kind, bin_), row in wrong.iterrows()
    ]
    if max(shares := false_changes(table)) > MOST_FALSE:
        problems.append(f"false rises and falls: {shares[0]:.1%}, of unchanged institutions {shares[1]:.1%}")
    ours, flat = log_scores(table)
    return problems + ([f"log score {ours:.3f}, flat prior {flat:.3f}"] if ours <= flat else [])


def main() -> None:
    """Print the tables; exit code 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chances", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20240722)
    options = parser.parse_args()
    table = cases(options.rounds, options.seed)
    print(reliability(table).round(3).to_string())
    print("flat prior:\n" + reliability(table, "flat").round(3).to_string())
    wrong, unchanged = false_changes(table)
    print(f"rises and falls said that went the other way: {wrong:.2%}; said of unchanged institutions: {unchanged:.2%}")
    print("log score of the categories: {:.3f}, with a flat prior {:.3f}".format(*log_scores(table)))
    sys.exit("\n".join(failures(table)) or 0)


if __name__ == "__main__":
    main()
