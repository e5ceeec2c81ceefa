"""Stage: what a reader can ask of all institutions together: this round's results, or those of the published years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from spi_analysis.params import NATIONAL, RankParams, RoundSetup, Source
from spi_analysis.scores import categories_by_year, category_in_year, category_of, rank_sets
from spi_analysis.stages.overview import Overview
from spi_analysis.stages.report import round_experiences, withheld_reason
from spi_analysis.tables import Store, released_estimates

# One row per institution. ``moved``: -1 fell, 1 rose, 0 neither beyond noise, missing where nothing can be said.
FACTS = ["institution_id", "name", "type", "province_code", "size_class"]
FIGURES = ["index", "ci_low", "ci_high", "category", "category_chance", "n", "before", "change", "moved"]
RANKS = ["best", "worst", "peers"]
COLUMNS = [*FACTS, *FIGURES, *RANKS, "status", "reason"]
NOT_SCORED = "not_scored"


@dataclass(frozen=True)
class Explorer:
    """All institutions of a year, as they may be shown, with what is said of them together.

    ``rows``: COLUMNS, ``score_<source>`` and ``index_<year>`` (published); ``years``: of these columns, in order;
    ``mean``: of the indices shown, with its limits; ``reported``: see ``round_experiences``;
    ``is_round``: figures of a round with its sampling errors, else published figures with the model's noise.
    """

    rows: pd.DataFrame
    sources: tuple[Source, ...]
    years: tuple[int, ...]
    year: int
    is_round: bool
    level: float
    mean: tuple[float, float, float]
    categories: pd.Series
    reported: pd.DataFrame

    @property
    def shown(self) -> pd.DataFrame:
        """Institutions with an index that may be shown."""
        return self.rows[self.rows["index"].notna()]


def explore_round(setup: RoundSetup, store: Store, published: pd.DataFrame) -> Explorer:
    """This round's institutions: released figures alone, and a reason wherever there is none."""
    rows = pd.DataFrame([_round_row(setup, store, code) for code in setup.institution_ids])
    ranks = round_rank_sets(setup, store).set_index("institution_id").reindex(rows["institution_id"])
    rows = rows.assign(**{name: ranks[name].to_numpy() for name in RANKS})
    rows = _with_moves(rows, setup.years.model.false_discovery)
    years = tuple(sorted({int(year) for year in published["year"]} - {setup.round.year}))
    rows = _with_history(rows, published, years)
    names = [level.code for level in setup.round.categories.levels]
    counts = rows["category"].value_counts().reindex(names, fill_value=0)
    known = _Known(True, setup.round.year, years, tuple(setup.round.sources), counts, round_experiences(setup, store))
    return known.explorer(rows, setup.round.level)


def explore_published(setup: RoundSetup, overview: Overview) -> Explorer:
    """The institutions of the last published year; intervals and moves by the noise of the years' model."""
    year, published = overview.years[-1], overview.published
    last = published[(published["year"] == year) & (published["type"] != NATIONAL)]
    model = overview.model
    rows = last.rename(columns={"institution": "name"}).reset_index(drop=True)
    sources = tuple(setup.round.sources)
    rows = rows.rename(columns={source: f"score_{source}" for source in sources})
    rows = rows.assign(
        size_class=[_size_class(setup, code) for code in rows["institution_id"]],
        category=[category_in_year(value, year, setup.years) for value in rows["index"]],
        category_chance=np.nan,
        n=np.nan,
        status="shown",
        reason=None,
    )
    rows = rows.join(_noise_interval(model.levels, setup.round.level), on="institution_id")
    rows = rows.join(_model_moves(model.moves), on="institution_id")
    rows = rows.join(model.rank_sets[RANKS], on="institution_id")
    years = tuple(overview.years[:-1])
    rows = _with_history(rows, published, years)
    counts = categories_by_year(published, setup.years).loc[year].dropna().astype(int)
    nothing = pd.DataFrame(columns=["source", "item"])
    return _Known(False, year, years, sources, counts, nothing).explorer(rows, setup.round.level)


@dataclass(frozen=True)
class _Known:
    """What is said beside the rows."""

    is_round: bool
    year: int
    years: tuple[int, ...]
    sources: tuple[Source, ...]
    categories: pd.Series
    reported: pd.DataFrame

    def explorer(self, rows: pd.DataFrame, level: float) -> Explorer:
        """With the mean of the rows, and these in their columns."""
        scores = [f"score_{source}" for source in self.sources]
        table = rows.reindex(columns=[*COLUMNS, *scores, *(f"index_{year}" for year in self.years)])
        return Explorer(rows=table.reset_index(drop=True), level=level, mean=_mean(rows, level), **vars(self))


def _mean(rows: pd.DataFrame, level: float) -> tuple[float, float, float]:
    """The plain mean of the indices shown. Its error is that of the institutions' own figures: none is left to chance.

    Var(mean) = mean(se^2) / n, errors of different institutions independent; a figure without an error (a type too
    small for the years' model) counts as one with the mean error.
    """
    shown = rows[rows["index"].notna()]
    if shown.empty:
        return (float("nan"),) * 3
    half = float(norm.ppf(0.5 + level / 2) * np.sqrt((shown["se"] ** 2).mean() / len(shown)))
    mean = float(shown["index"].mean())
    return mean, mean - half, mean + half


def _round_row(setup: RoundSetup, store: Store, institution_id: str) -> dict[str, Any]:
    one = setup.roster[institution_id]
    row: dict[str, Any] = {
        "institution_id": institution_id,
        "name": one.name,
        "type": one.type,
        "province_code": one.province_code,
        "size_class": one.size_class,
    }
    if not store.has("estimates", institution_id):
        return row | {"status": NOT_SCORED, "reason": setup.inputs[institution_id].withheld_reason, "index": np.nan}
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    shown = estimates[estimates["status"] == "shown"]
    index = estimates[estimates["measure"] == "index"].iloc[0]
    row |= {"status": str(index["status"]), "reason": withheld_reason(estimates, setup.inputs[institution_id])}
    scores = shown[shown["measure"] == "source_score"].set_index("source")["estimate"]
    row |= {f"score_{source}": scores.get(source, np.nan) for source in setup.round.sources}
    if index["status"] != "shown":
        return row | {"index": np.nan}
    row |= {"index": float(index["estimate"]), **{name: index[name] for name in ("se", "ci_low", "ci_high", "n")}}
    row["category"] = category_of(row["index"], setup.round.categories, setup.round.index.decimals)
    chances = shown[shown["measure"] == "category_probability"].set_index("part")["estimate"]
    row["category_chance"] = chances.get(row["category"], np.nan)
    return row | _change_of(shown)


def _change_of(shown: pd.DataFrame) -> dict[str, float]:
    """The change of the index against the year before, and its two-sided p value; nothing where there is none."""
    rows = shown[shown["measure"] == "index_change"]
    if rows.empty:
        return {}
    change = rows.iloc[0]
    p = 2 * student.sf(abs(change["estimate"]) / change["se"], change["df_design"]) if change["se"] > 0 else np.nan
    return {"change": float(change["estimate"]), "p_value": float(p)}


def _with_moves(rows: pd.DataFrame, false_discovery: float) -> pd.DataFrame:
    """``moved`` by Benjamini and Hochberg (1995) over all institutions, so that few of those named moved by chance."""
    rows = rows.reindex(columns=[*dict.fromkeys([*rows.columns, "se", "change", "p_value", "category", "n"])])
    known = rows["p_value"].notna()
    moved = pd.Series(np.nan, index=rows.index)
    if known.any():
        clear = false_discovery_control(rows.loc[known, "p_value"]) <= false_discovery
        moved[known] = np.where(clear, np.sign(rows.loc[known, "change"]), 0.0)
    return rows.assign(moved=moved, before=rows["index"] - rows["change"])


def _with_history(rows: pd.DataFrame, published: pd.DataFrame, years: tuple[int, ...]) -> pd.DataFrame:
    table = published.pivot_table(index="institution_id", columns="year", values="index", aggfunc="first")
    table = table.reindex(index=rows["institution_id"], columns=list(years))
    return rows.assign(**{f"index_{year}": table[year].to_numpy(dtype=float) for year in years})


def _noise_interval(levels: pd.DataFrame, level: float) -> pd.DataFrame:
    """se, ci_low, ci_high by institution: published figures carry none, the noise of their type stands in."""
    table = levels[levels["series"] == "index"].set_index("institution_id")
    half = float(norm.ppf(0.5 + level / 2)) * table["noise_sd"].astype(float)
    low, high = (table["published"] - half).clip(lower=0), (table["published"] + half).clip(upper=100)
    return pd.DataFrame({"se": table["noise_sd"].astype(float), "ci_low": low, "ci_high": high})


def _model_moves(moves: pd.DataFrame) -> pd.DataFrame:
    """before, change, moved by institution, for the index."""
    table = moves[moves["series"] == "index"].set_index("institution_id")
    change = (table["after"] - table["before"]).astype(float)
    moved = np.where(table["stands_out"].astype(bool), np.sign(table["own_move"].astype(float)), 0.0)
    return pd.DataFrame({"before": table["before"].astype(float), "change": change, "moved": moved})


def _size_class(setup: RoundSetup, institution_id: str) -> str | None:
    known = setup.roster.institutions.get(institution_id)
    return known.size_class if known else None


# Stage: between which places the institutions of a round lie among their peers.

RANK_COLUMNS = ["institution_id", "peer_group", "peers", "estimate", "best", "worst", "best_alone", "worst_alone"]


def round_rank_sets(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """Sets of ranks of the indices of a round, among peers (``ranks.peers``: of a type, or of a type and size class).

    Only institutions whose index is shown are compared: a hidden one, or one withheld (also after it was scored), is
    in nobody's comparison, so that no set of ranks tells of it. Errors of different institutions count as independent.

    Returns
    -------
    DataFrame, in the order of the round: institution_id, peer_group, peers (institutions compared, itself included),
    estimate, best, worst (all sets of the group together hold the true ranks), best_alone, worst_alone (the set of
    this one by itself).
    """
    shown = _shown_indices(setup, store)
    if shown.empty:
        return pd.DataFrame(columns=RANK_COLUMNS)
    groups = [_ranked(group, setup.round.ranks, setup.round.level) for _, group in shown.groupby("peer_group")]
    return pd.concat(groups).loc[shown.index].reset_index()[RANK_COLUMNS]


def _shown_indices(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """estimate, se, df_design, peer_group of every institution whose index is shown, by institution_id."""
    scored = [i for i in setup.institution_ids if store.has("estimates", i)]
    if not scored:
        return pd.DataFrame()
    rows = pd.concat([released_estimates(store, i, setup.inputs[i]) for i in scored])
    rows = rows[(rows["measure"] == "index") & (rows["status"] == "shown")].set_index("institution_id")
    rows = rows[rows["estimate"].notna() & rows["se"].notna() & (rows["df_design"] > 0)]
    return rows[["estimate", "se", "df_design"]].assign(peer_group=[_group(setup, code) for code in rows.index])


def _group(setup: RoundSetup, institution_id: str) -> str:
    institution = setup.roster[institution_id]
    return "/".join(str(getattr(institution, by) or "") for by in setup.round.ranks.peers)


def _ranked(group: pd.DataFrame, ranks: RankParams, level: float) -> pd.DataFrame:
    # The order of the round must not matter.
    ordered = group.sort_index()
    errors = {"se": ordered["se"].to_numpy(), "df": np.asarray(ordered["df_design"], dtype=float)}
    options = {"level": level, "draws": ranks.draws, "seed": ranks.seed}
    together = rank_sets(ordered["estimate"], **errors, **options)
    alone = rank_sets(ordered["estimate"], **errors, **options, simultaneous=False)
    return together.assign(
        peers=len(group), peer_group=group["peer_group"].iloc[0], best_alone=alone["best"], worst_alone=alone["worst"]
    )
