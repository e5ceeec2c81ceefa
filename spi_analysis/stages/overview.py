"""Stage: the published years, recomputed and compared; what the experts of all institutions tell together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import (
    ANY,
    DETECTABLE,
    EFFECTS,
    action_effects,
    categories_by_year,
    corrections_by_year,
    detectable_gains,
    expected_indices,
    has_acted,
    item_scores,
    kinds_correlation,
    means_by_type,
    movers,
    published_bridge,
    recompute,
    unjoined,
    yearly_means,
)
from spi_analysis.scores.years import components, fit_years, hold_out, levels, moves, published_rank_sets
from spi_analysis.stages.report import tracker_of
from spi_analysis.survey.estimation import t_interval
from spi_analysis.tables import (
    Store,
    as_shown,
    load_published,
    published_results,
    released_estimates,
    without_withheld,
    write_csv,
)

# What the overview shows with one decimal; all else with two.
_LEVELS = ("lasting", "lasting_low", "lasting_high", "current", "current_low", "current_high")
SHOWN_DECIMALS = {
    "years_components": dict.fromkeys(("estimate", "ci_low", "ci_high"), 1),
    "years_levels": dict.fromkeys(("noise_sd", *_LEVELS), 1),
    "years_moves": dict.fromkeys(("carried", "carried_low", "carried_high"), 1),
    "years_hold_out": {"width": 1},
    "effects": dict.fromkeys(("gain", "ci_low", "ci_high", "detectable", "before", "before_low", "before_high"), 1),
    "effects_detectable": {"detectable": 1},
}
# Of the model's tables, those that check it.
_CHECKS = ("years_components", "years_hold_out")


@dataclass(frozen=True)
class Overview:
    """All that is said of the published years."""

    published: pd.DataFrame
    recomputed: pd.DataFrame
    means: pd.DataFrame
    types: pd.DataFrame
    categories: pd.DataFrame
    unjoined: pd.DataFrame
    model: YearsOverview
    effect: EffectOverview

    @property
    def years(self) -> list[int]:
        """Published years."""
        return sorted(int(year) for year in self.published["year"].unique())


def national_overview(setup: RoundSetup, published: pd.DataFrame) -> Overview:
    """Recompute every index, and set means, types and categories beside the official figures."""
    return Overview(
        published=published,
        recomputed=recompute(published, setup.years),
        means=yearly_means(published, setup.years),
        types=means_by_type(published),
        categories=categories_by_year(published, setup.years),
        unjoined=unjoined(published),
        model=published_years_model(setup, published),
        effect=effect_of_actions(setup, published, tracker_of(setup)),
    )


def agreement(overview: Overview, setup: RoundSetup) -> pd.DataFrame:
    """Per year: institutions with parts, how many agree with their published index, largest difference.

    ``note`` says what is known of a year whose results do not agree.
    """
    groups = overview.recomputed.groupby("year")
    table = groups.agg(
        n=("agrees", "size"), agree=("agrees", "sum"), largest=("difference", lambda d: float(d.abs().max()))
    ).reset_index()
    notes = {year: known.note for year, known in setup.years.years.items() if known.other_correction}
    return table.assign(note=[notes.get(int(year), "") for year in table["year"]])


def disagreements(overview: Overview) -> pd.DataFrame:
    """Institutions whose published index does not follow from its parts, the largest difference first."""
    rows = overview.recomputed[~overview.recomputed["agrees"]].drop(columns=["institution", "agrees"])
    return rows.sort_values("difference").reset_index(drop=True)


def overview_of(setup: RoundSetup, path: Path | None) -> Overview:
    """The overview of a file of published results, or of those that were imported; without what is withheld."""
    if path is None:
        return national_overview(setup, published_results(setup))
    return national_overview(setup, without_withheld(load_published(path, setup.aliases.present), setup))


def overview_tables(overview: Overview, setup: RoundSetup, most: int, bridge_of: str | None) -> dict[str, pd.DataFrame]:
    """The tables that ``spi overview`` prints, by title."""
    published = overview.published
    means = overview.means.assign(
        gap_is=overview.means["explained"].map({True: "rounding", False: "unexplained", None: ""}).fillna("")
    )
    tables = {
        "Index recomputed from its parts": agreement(overview, setup),
        "Plain means beside the official index": means.drop(columns=["explained"]),
        "Mean index by year and type": overview.types.pivot(index="type", columns="year", values="mean").reset_index(),
        "Corrections in all (points)": corrections_by_year(published, setup.years),
        "Institutions by category": overview.categories.reset_index(),
        "Published index and parts disagree": disagreements(overview).head(most),
        "Not in every year": overview.unjoined.replace({"nearest": {"": "no similar name"}}),
    }
    if len(overview.years) > 1:
        before, after = overview.years[-2:]
        moves = movers(published, before, after, most).drop(columns="institution")
        tables[f"Largest moves {before} to {after} (published figures carry no interval)"] = moves
        if bridge_of:
            tables[f"{bridge_of}: what the change {before} to {after} is made of"] = published_bridge(
                published, bridge_of, before, after, setup.years
            )
    return tables | _model_tables(overview.model, most) | _effect_tables(overview.effect)


def _model_tables(model: YearsOverview, most: int) -> dict[str, pd.DataFrame]:
    """What lasts, changes and is noise; empty where there are too few institutions for a model."""
    if not model.fitted:
        return {}
    columns = ["institution_id", "series", "before", "after", "own_move", "noise_limit", "q_value"]
    moves = model.moves[model.moves["stands_out"]].sort_values(["series", "p_value", "institution_id"])
    clear = model.moves.groupby("series", sort=False)["stands_out"].agg(institutions="size", stand_out="sum")
    title = "Lasting level, change and noise: standard deviations in points (noise is the model's)"
    return {
        title: model.components.assign(year=model.components["year"].map(lambda y: "" if pd.isna(y) else str(int(y)))),
        "Moves of the last two years that stand out from the model's noise": clear.reset_index(),
        "The clearest of them, less the type's own move": moves.groupby("series", sort=False).head(most)[columns],
        f"{model.last_year} held out and predicted": model.hold_out,
    }


def _effect_tables(effect: EffectOverview) -> dict[str, pd.DataFrame]:
    if effect.effects.empty:
        return {}
    table = effect.effects.assign(recommendation=effect.effects["recommendation"].replace({ANY: "(all together)"}))
    return {"What institutions gained after they acted, beyond what others made of the same history": table}


def save_overview(overview: Overview, rank_sets: pd.DataFrame, folder: Path) -> list[str]:
    """Write the tables of the overview, and the rank sets of this round, as CSV; returns the file names."""
    years = years_tables(overview.model)
    tables = {"means": overview.means, "types": overview.types, "categories": overview.categories.reset_index()}
    tables |= {"places": rank_sets} | {name: years[name] for name in years if name not in _CHECKS}
    tables |= {"effects": overview.effect.effects, "effects_detectable": overview.effect.detectable}
    return _save(tables, folder)


def save_published_years(overview: Overview, folder: Path) -> list[str]:
    """Write what the published years were checked by as CSV; returns the file names."""
    years = years_tables(overview.model)
    tables = {"recomputed": overview.recomputed, "disagreements": disagreements(overview)}
    return _save(tables | {"unjoined": overview.unjoined} | {name: years[name] for name in _CHECKS}, folder)


def _save(tables: dict[str, pd.DataFrame], folder: Path) -> list[str]:
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", as_shown(table, SHOWN_DECIMALS.get(name, {})))
    return [f"{name}.csv" for name in tables]


# Stage: what of the published years lasts, changes, and is noise.


@dataclass(frozen=True)
class YearsOverview:
    """All that the model says of the published years (see ``scores.years``); empty tables where it cannot be fitted.

    ``left_out``: type, n of the types that have too few institutions or years for a model.
    """

    last_year: int
    components: pd.DataFrame
    levels: pd.DataFrame
    moves: pd.DataFrame
    hold_out: pd.DataFrame
    rank_sets: pd.DataFrame
    left_out: pd.DataFrame

    @property
    def fitted(self) -> bool:
        """Whether any type could be modelled."""
        return not self.components.empty


def published_years_model(setup: RoundSetup, published: pd.DataFrame) -> YearsOverview:
    """Fit the model to the published years and collect its tables."""
    level, model = setup.round.level, fit_years(published, setup.years)
    return YearsOverview(
        last_year=model.last_year,
        components=components(model, level),
        levels=levels(model, level),
        moves=moves(model, level, setup.years.model.false_discovery),
        hold_out=hold_out(published, setup.years, level),
        rank_sets=published_rank_sets(model, setup.round.ranks, level, set(setup.institution_ids)),
        left_out=model.left_out,
    )


# Stage: what institutions that acted on a recommendation gained.


@dataclass(frozen=True)
class EffectOverview:
    """All that is said of the effect of actions (see ``scores.action_effects``); empty tables where nothing can be.

    ``acted``, ``known``: institutions and years of the tracker that acted on a recommendation, and all.
    """

    effects: pd.DataFrame
    detectable: pd.DataFrame
    acted: int
    known: int


def effect_of_actions(setup: RoundSetup, published: pd.DataFrame, tracker: pd.DataFrame) -> EffectOverview:
    """What those that acted gained, and what could be found at all."""
    params = setup.years.effect
    if params is None:
        return EffectOverview(pd.DataFrame(columns=EFFECTS), pd.DataFrame(columns=DETECTABLE), 0, 0)
    cases = expected_indices(published, setup.years)
    groups = has_acted(tracker, params).groupby([tracker["institution_id"], tracker["year"]]).any()
    effects, detectable = action_effects(cases, tracker, params), detectable_gains(cases, params)
    return EffectOverview(effects, detectable, int(groups.sum()), len(groups))


def years_tables(years: YearsOverview) -> dict[str, pd.DataFrame]:
    """The tables that are kept as CSV, by the name of their file."""
    return {
        "years_components": years.components,
        "years_levels": years.levels,
        "years_moves": years.moves.sort_values(["series", "p_value", "institution_id"]),
        "years_hold_out": years.hold_out,
        "years_places": years.rank_sets.rename_axis("institution_id").reset_index(),
    }


class KindsAgree(NamedTuple):
    """The correlation of the scores of experts of one kind, learnt from ``panels``; missing where these are few."""

    correlation: float
    ci_low: float
    ci_high: float
    panels: int


def agreement_of_kinds(setup: RoundSetup, store: Store) -> KindsAgree:
    """How much experts of one kind agree, over all institutions whose experts' score is shown.

    The interval by leaving out one institution at a time. From fewer than ``min_cell`` panels nothing is learnt.

    References
    ----------
    docs/methods/experts.md; Efron & Stein (1981), Annals of Statistics 9 (jackknife).
    """
    scored = [i for i in setup.institution_ids if store.has("estimates", i)]
    panels = [panel for i in scored for panel in _kinds_of(setup, store, i)]
    k, level = len(panels), setup.round.level
    if k < setup.round.disclosure.min_cell:
        return KindsAgree(*[float("nan")] * 3, k)
    whole = kinds_correlation(panels)
    without = np.array([kinds_correlation([*panels[:i], *panels[i + 1 :]]) for i in range(k)])
    error = float(np.sqrt((k - 1) / k * ((without - without.mean()) ** 2).sum()))
    low, high = t_interval(np.array([whole]), np.array([error]), np.array([k - 1.0]), level)
    return KindsAgree(whole, max(float(low[0]), 0.0), min(float(high[0]), 1.0), k)


def _kinds_of(setup: RoundSetup, store: Store, institution_id: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scores and kinds of the nominated people of an institution whose score is shown, where lists tell the kind."""
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    shown = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")]["source"]
    weights, responses, frame = (store.read(name, institution_id) for name in ("weights", "responses", "frame"))
    for source in set(setup.round_for(institution_id).nominated) & set(shown):
        who = weights[(weights["source"] == source) & (weights["weight"] > 0)][["source", "person_id"]]
        people = who.merge(frame[["source", "person_id", "expert_group"]]).merge(responses, on=["source", "person_id"])
        parts = setup.instrument.item_weights(source)["score"]
        items = item_scores(people, setup.instrument, source)[list(parts.index)]
        scores = (items * parts).sum(axis=1) / (items.notna() * parts).sum(axis=1)
        known = (scores.notna() & people["expert_group"].notna()).to_numpy()
        if known.any():
            yield scores.to_numpy()[known], people["expert_group"].to_numpy(dtype=object)[known]
