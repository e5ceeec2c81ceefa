"""Stage: what a reader can ask of all institutions together: this round's results, or those of the published years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from spi_analysis.params import NATIONAL, InstitutionInputs, RankParams, RoundSetup, Source
from spi_analysis.scores import BY_RULE, categories_by_year, category_in_year, category_of, direction_of, rank_sets
from spi_analysis.stages.overview import Overview
from spi_analysis.stages.report import shown_response_rates
from spi_analysis.tables import Store, released_rows

# One row per institution. ``direction``: of the change, by its own interval (`direction_of`), as in the report;
# missing where there is no change.
FACTS = ["institution_id", "name", "type", "province_code", "size_class"]
CHANGE = ["change", "change_low", "change_high", "direction"]
FIGURES = ["index", "ci_low", "ci_high", "category", "category_chance", "n", *CHANGE]
RANKS = ["best", "worst", "peers"]
COLUMNS = [*FACTS, *FIGURES, *RANKS, "status", "reason"]
NOT_SCORED = "not_scored"
UNCLEAR = "no_clear_change"
# Of the table ``estimates``: what the rows are made of.
MEASURES = ["index", "source_score", "category_probability", "index_change"]
INTERVAL = ["estimate", "se", "ci_low", "ci_high", "n"]
# What the rows need to be judged together, and nobody is shown.
ERRORS = ["se", "change_se", "p_value"]


@dataclass(frozen=True)
class Changes:
    """All changes against the year before, of institutions with an index in both years.

    ``mean``: of the changes, with its limits; ``clear``: whose own interval leaves out zero; ``by_chance``: how many of
    them would, had nothing changed anywhere; ``together``: how many are left after adjustment over all institutions.
    """

    before: int
    n: int
    mean: tuple[float, float, float]
    clear: int
    by_chance: float
    together: int


@dataclass(frozen=True)
class Explorer:
    """All institutions of a year, as they may be shown, with what is said of them together.

    ``rows``: COLUMNS, ``score_<source>``, ``rate_<source>`` (response rate RR1, a share; of ``drawn`` sources) and
    ``index_<year>`` (published); ``years``: of these columns, in order; ``mean``: of the indices shown, with its
    limits; ``changes``: what is said of all changes; ``categories``: how many institutions in each, and
    ``categories_before`` in the year before (empty if it had others); ``reported``: see ``round_experiences``;
    ``is_round``: figures of a round with its sampling errors, else published figures with the model's noise.
    """

    rows: pd.DataFrame
    sources: tuple[Source, ...]
    drawn: tuple[Source, ...]
    years: tuple[int, ...]
    year: int
    is_round: bool
    level: float
    mean: tuple[float, float, float]
    changes: Changes
    categories: pd.Series
    categories_before: pd.Series
    reported: pd.DataFrame

    @property
    def shown(self) -> pd.DataFrame:
        """Institutions with an index that may be shown."""
        return self.rows[self.rows["index"].notna()]


def explore_round(
    setup: RoundSetup, store: Store, published: pd.DataFrame, ranks: pd.DataFrame, reported: pd.DataFrame
) -> Explorer:
    """This round's institutions: released figures alone, and a reason wherever there is none.

    Parameters
    ----------
    ranks, reported : as `round_rank_sets` and `round_experiences` give them; the overview shows them, too, and they
        take most of its time
    """
    rows = _round_rows(setup, store)
    places = ranks.set_index("institution_id").reindex(rows["institution_id"])
    rows = rows.assign(**{name: places[name].to_numpy() for name in RANKS})
    rates = shown_response_rates(setup, store, rows.loc[rows["index"].notna(), "institution_id"].tolist())
    rows = rows.join(rates.add_prefix("rate_"), on="institution_id")
    rows = rows.reindex(columns=[*dict.fromkeys([*rows.columns, *FIGURES, *ERRORS])])
    years = tuple(sorted({int(year) for year in published["year"]} - {setup.round.year}))
    rows = _with_history(rows, published, years)
    names = [level.code for level in setup.round.categories.levels]
    counts = rows["category"].value_counts().reindex(names, fill_value=0)
    drawn = tuple(setup.round.populations)
    before = _categories_before(setup, published, years, counts)
    known = _Known(True, setup.round.year, years, tuple(setup.round.sources), drawn, counts, before, reported)
    return known.explorer(rows, setup)


def explore_published(setup: RoundSetup, overview: Overview) -> Explorer:
    """The institutions of the last published year; intervals and moves by the noise of the years' model."""
    year, published = overview.years[-1], overview.published
    last = published[(published["year"] == year) & (published["type"] != NATIONAL)]
    model = overview.model
    rows = last.rename(columns={"institution": "name"}).reset_index(drop=True)
    sources = tuple(setup.round.sources)
    rows = rows.rename(columns={source: f"score_{source}" for source in sources})
    rows = rows.assign(
        size_class=_size_classes(setup, rows["institution_id"]),
        category=[category_in_year(value, year, setup.years) for value in rows["index"]],
        category_chance=np.nan,
        n=np.nan,
        status="shown",
        reason=None,
    )
    rows = rows.join(_noise_interval(model.levels, setup.round.level), on="institution_id")
    rows = rows.join(_model_changes(model.moves), on="institution_id")
    rows = rows.join(model.rank_sets[RANKS], on="institution_id")
    years = tuple(overview.years[:-1])
    rows = _with_history(rows, published, years)
    counts = categories_by_year(published, setup.years).loc[year].dropna().astype(int)
    nothing = pd.DataFrame(columns=["source", "item"])
    before = _categories_before(setup, published, years, counts)
    return _Known(False, year, years, sources, (), counts, before, nothing).explorer(rows, setup)


def _categories_before(setup: RoundSetup, published: pd.DataFrame, years: tuple[int, ...], now: pd.Series) -> pd.Series:
    """Published institutions by category in the year before, where its categories are those of now.

    Not where fewer than half as many are known: five published results are no year before of 640 institutions.
    """
    if not years:
        return now.iloc[:0]
    counts = categories_by_year(published, setup.years).loc[years[-1]].dropna().astype(int)
    is_like_now = list(counts.index) == list(now.index) and 2 * counts.sum() >= now.sum()
    return counts if is_like_now else now.iloc[:0]


@dataclass(frozen=True)
class _Known:
    """What is said beside the rows."""

    is_round: bool
    year: int
    years: tuple[int, ...]
    sources: tuple[Source, ...]
    drawn: tuple[Source, ...]
    categories: pd.Series
    categories_before: pd.Series
    reported: pd.DataFrame

    def explorer(self, rows: pd.DataFrame, setup: RoundSetup) -> Explorer:
        """With what is said of all rows, and these in their columns."""
        level = setup.round.level
        scores = [f"score_{source}" for source in self.sources] + [f"rate_{source}" for source in self.drawn]
        table = rows.reindex(columns=[*COLUMNS, *scores, *(f"index_{year}" for year in self.years)])
        shown = rows[rows["index"].notna()]
        return Explorer(
            rows=table.reset_index(drop=True),
            level=level,
            mean=_mean(shown["index"], shown["se"], level),
            changes=_changes(rows, self.years, level, setup.years.model.false_discovery),
            **vars(self),
        )


def _mean(figures: pd.Series, errors: pd.Series, level: float) -> tuple[float, float, float]:
    """The plain mean with its limits. Its error is that of the institutions' own figures: none is left to chance.

    Var(mean) = mean(se^2) / n, errors of different institutions independent; a figure without an error (a type too
    small for the years' model) counts as one with the mean error.
    """
    if figures.empty:
        return (float("nan"),) * 3
    half = float(norm.ppf(0.5 + level / 2) * np.sqrt((errors**2).mean() / len(figures)))
    mean = float(figures.mean())
    return mean, mean - half, mean + half


def _changes(rows: pd.DataFrame, years: tuple[int, ...], level: float, false_discovery: float) -> Changes:
    """What is said of all changes; ``together`` by Benjamini and Hochberg (1995)."""
    known = rows[rows["direction"].notna()]
    judged = known["p_value"].dropna()
    together = int((false_discovery_control(judged) <= false_discovery).sum()) if len(judged) else 0
    return Changes(
        before=years[-1] if years else 0,
        n=len(known),
        mean=_mean(known["change"], known["change_se"], level),
        clear=int((known["direction"] != UNCLEAR).sum()),
        by_chance=len(known) * (1 - level),
        together=together,
    )


def _round_rows(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """One row per institution: facts, status and reason, and what of its figures may be shown."""
    figures = released_rows(store, setup.inputs, MEASURES, ["source", "part", *INTERVAL, "df_design"])
    index = _one_each(figures, "index")
    shown = figures[figures["status"] == "shown"]
    scores = shown[shown["measure"] == "source_score"].pivot(
        index="institution_id", columns="source", values="estimate"
    )
    return (
        _facts(setup)
        .join(index["status"])
        .fillna({"status": NOT_SCORED})
        .assign(reason=[_reason(index, setup.inputs[code]) for code in setup.institution_ids])
        .join(scores.reindex(columns=list(setup.round.sources)).add_prefix("score_"))
        .join(_indices(shown, setup))
        .reset_index()
    )


def _facts(setup: RoundSetup) -> pd.DataFrame:
    """What the roster says of every institution of the round."""
    known = [setup.roster[code].model_dump(include=set(FACTS)) for code in setup.institution_ids]
    return pd.DataFrame(known, columns=FACTS).set_index("institution_id")


def _one_each(figures: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The row of a measure that every institution has at most once, by institution."""
    return figures[figures["measure"] == measure].drop_duplicates("institution_id").set_index("institution_id")


def _reason(index: pd.DataFrame, inputs: InstitutionInputs) -> str | None:
    """As `withheld_reason` says it."""
    code = inputs.institution_id
    by_rule = code in index.index and index.at[code, "status"] == "withheld"
    return inputs.withheld_reason or (BY_RULE if by_rule else None)


def _indices(shown: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """Index, category and change of those whose index is shown, by institution."""
    rows = _one_each(shown, "index")[INTERVAL].rename(columns={"estimate": "index"})
    levels, decimals = setup.round.categories, setup.round.index.decimals
    rows = rows.assign(category=[category_of(value, levels, decimals) for value in rows["index"]])
    chances = shown[shown["measure"] == "category_probability"].set_index(["institution_id", "part"])["estimate"]
    rows = rows.assign(category_chance=chances.reindex(pd.MultiIndex.from_frame(rows["category"].reset_index())).values)
    return rows.join(_round_changes(_one_each(shown, "index_change")))


def _round_changes(rows: pd.DataFrame) -> pd.DataFrame:
    """The change of the index against the year before, its interval and direction."""
    limits = zip(rows["ci_low"], rows["ci_high"], strict=True)
    se = rows["se"].where(rows["se"] > 0)
    return pd.DataFrame(
        {
            "change": rows["estimate"],
            "change_low": rows["ci_low"],
            "change_high": rows["ci_high"],
            "direction": [direction_of(low, high) for low, high in limits],
            "change_se": rows["se"],
            "p_value": _p_value(rows["estimate"] / se, rows["df_design"]),
        },
        index=rows.index,
    )


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


def _model_changes(moves: pd.DataFrame) -> pd.DataFrame:
    """CHANGE, change_se, p_value by institution, for the index; a change has the noise of both years."""
    table = moves[moves["series"] == "index"].set_index("institution_id")
    change, limit = (table["after"] - table["before"]).astype(float), table["noise_limit"].astype(float)
    low, high = change - limit, change + limit
    directions = [direction_of(*limits) for limits in zip(low, high, strict=True)]
    sd, df = table["noise_sd"].astype(float), table["df_design"].astype(float)
    figures = {"change": change, "change_low": low, "change_high": high, "direction": directions}
    return pd.DataFrame(figures | {"change_se": sd, "p_value": _p_value(change / sd, df)}, index=table.index)


def _p_value(ratio: Any, df: Any) -> Any:
    """Two-sided, of an estimate over its standard error."""
    return 2 * student.sf(np.abs(ratio), df)


def _size_classes(setup: RoundSetup, institution_ids: pd.Series) -> list[str | None]:
    """Size classes by the roster; none at all where it knows few of these institutions."""
    roster = setup.roster.institutions
    sizes = [roster[code].size_class if code in roster else None for code in institution_ids]
    return sizes if sizes.count(None) * 2 < len(sizes) else [None] * len(sizes)


# Stage: rank sets of the institutions of a round among their peers.

RANK_COLUMNS = ["institution_id", "peer_group", "peers", "estimate", "best", "worst", "best_alone", "worst_alone"]


def round_rank_sets(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """Rank sets of the indices of a round, among peers (``ranks.peers``: of a type, or of a type and size class).

    Only institutions whose index is shown are compared: a hidden one, or one withheld (also after it was scored), is
    in nobody's comparison, so that no rank set reveals it. Errors of different institutions count as independent.

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
    rows = released_rows(store, setup.inputs, ["index"], ["estimate", "se", "df_design"])
    rows = rows[rows["status"] == "shown"].set_index("institution_id")
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
