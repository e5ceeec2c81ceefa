"""Stage: from sample, events and answers to weights and replicate weights."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from spi_analysis.errors import InputError, Problem, WeightingError
from spi_analysis.fieldwork import INELIGIBLE, UNKNOWN, final_dispositions
from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.stages.respondents import Design
from spi_analysis.survey import group_counts, group_sums, merge_thin_cells, require_columns, with_unknown_level
from spi_analysis.survey.estimation import Estimate, SurveyDesign, model_estimate
from spi_analysis.survey.weighting import (
    CALIBRATION,
    NONRESPONSE,
    ReplicateWeights,
    RIndicator,
    Step,
    Weighted,
    WeightingRun,
    begin_recipe,
    bootstrap_replicates,
    r_indicator,
    response_classes,
    two_phase_replicates,
    weighting_classes,
)
from spi_analysis.tables import RoundData, Store, eligible_list, replicate_lists, require_answers_fit

# A class whose respondents are resampled needs two of them: one alone has no spread.
LEAST_IN_CLASS = 2
WHO = ["institution_id", "person_id", "source"]


@dataclass(frozen=True)
class WeightedSample:
    """Weights of one institution.

    ``weights``: table ``weights``, all sampled people; ``replicates``: source, person_id, replicates (a list each),
    respondents of the probability sources; ``report``: one row per source and step;
    ``sample``: sampled people with their list columns and disposition.
    """

    weights: pd.DataFrame
    replicates: pd.DataFrame
    report: pd.DataFrame
    sample: pd.DataFrame


def weight_institution(
    frame: pd.DataFrame,
    sample: pd.DataFrame,
    events: pd.DataFrame,
    responses: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
) -> WeightedSample:
    """Weights for all sources: the recipe of the round for each probability sample, equal weights for a panel."""
    people = people_with_disposition(frame, sample, events, responses, round_, instrument)
    return begin_weighting(people, frame, round_).finished()


@dataclass(frozen=True)
class Weighting:
    """The sources of an institution on their way through the recipes of the round.

    ``people``: sampled people with their list columns and disposition; ``runs``: how far every source is; None for a
    panel, and where nobody answered: there are no steps, everyone who answered counts the same.
    """

    people: pd.DataFrame
    round_: RoundParams
    runs: Mapping[Source, WeightingRun | None]

    def adjusted(self) -> Weighting:
        """After all steps up to the last one for unknown eligibility or nonresponse."""
        return self._advanced(_upto_nonresponse)

    def calibrated(self) -> Weighting:
        """After the calibration steps that come next."""
        return self._advanced(partial(_next_of, CALIBRATION))

    def trimmed(self) -> Weighting:
        """After the steps that come next and have no fixed place in a recipe: trimming and assertions."""
        return self._advanced(partial(_next_of, None))

    def finished(self) -> WeightedSample:
        """After the last step of every recipe."""
        parts = [self._tables(source) for source in self.runs]
        weights, replicates, reports = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
        return WeightedSample(weights, replicates, reports, self.people)

    def _advanced(self, steps: Callable[[list[int | None]], int]) -> Weighting:
        runs = {source: run and run.advanced(steps(_places(run))) for source, run in self.runs.items()}
        return replace(self, runs=runs)

    def _tables(self, source: Source) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        run = self.runs[source]
        if run is None:
            return _equal_weights(self.people[self.people["source"] == source], source, self.round_)
        return _weights_of(run, source)


def begin_weighting(people: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams) -> Weighting:
    """Every source before the first step of its recipe: in its response classes, and with replicates.

    Parameters
    ----------
    people : DataFrame   as ``people_with_disposition`` gives it
    frame : DataFrame    the list that totals are counted on
    """
    runs = {source: _begun(people[people["source"] == source], frame, round_, source) for source in round_.sources}
    return Weighting(people, round_, runs)


def _places(run: WeightingRun) -> list[int | None]:
    """Where the steps that are left stand among others."""
    return [getattr(step, "place", None) for step in run.left]


def _upto_nonresponse(places: list[int | None]) -> int:
    found = [i for i, place in enumerate(places, 1) if place is not None and place <= NONRESPONSE]
    return found[-1] if found else 0


def _next_of(wanted: int | None, places: list[int | None]) -> int:
    return len(list(takewhile(lambda place: place == wanted, places)))


def people_with_disposition(
    frame: pd.DataFrame,
    sample: pd.DataFrame,
    events: pd.DataFrame,
    responses: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
) -> pd.DataFrame:
    """Sampled people with what the list says of them and what became of their invitation.

    Raises
    ------
    InputError   the answers do not fit the instrument: it changed after they came in.
    """
    require_answers_fit(responses, instrument)
    people = sample_with_frame(sample, frame)
    people["disposition"] = final_dispositions(people, events, responses, round_.dispositions, instrument)
    return people


def sample_with_frame(sample: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Sampled people with what the list says of them, in a fixed order."""
    sample = sample.sort_values(["source", "person_id"], ignore_index=True)
    rows = pd.Index(_who(frame)).get_indexer(_who(sample))
    if (rows < 0).any():
        raise InputError(
            "sampled people are not in the frame any more",
            got=f"{int((rows < 0).sum())} of {len(sample)} people",
            expected="the frame that the sample was drawn from",
            hint="import the same lists again; what has changed since is said by: spi verify-draw",
        )
    listed = frame[[c for c in frame.columns if c not in sample.columns]].take(rows)
    return pd.concat([sample, listed.reset_index(drop=True)], axis=1)


def _who(table: pd.DataFrame) -> pd.Series:
    """One key per person: the same person may stand on the lists of two sources."""
    return table["source"] + "/" + table["person_id"]


def declared_columns(round_: RoundParams) -> list[str]:
    """The weight columns that the steps of the round leave, in their order, but for the final weight."""
    recipes = [source.weighting.recipe for source in round_.sources.values() if source.weighting is not None]
    names = dict.fromkeys(step.column for recipe in recipes for step in recipe if step.column)
    return [name for name in names if name != "weight"]


def replicate_seed(round_: RoundParams, institution_id: str, source: Source) -> int:
    """A seed of its own for every institution and source, from the round's seed."""
    return (round_.replicates.seed << 32) + zlib.crc32(f"{institution_id}/{source}".encode())


def _begun(people: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams, source: Source) -> WeightingRun | None:
    params = round_.sources[source].weighting
    answered = people["disposition"].isin(round_.dispositions.respondents)
    # The recipe's own word for it: a partial answer is a response only where the round says so.
    status = people["disposition"].mask(people["disposition"].isin(["I", "P"]), "nonrespondent")
    people = people.assign(status=status.mask(answered, "respondent"))
    if params is None or not answered.any():
        return None
    require_columns(people, params.columns)
    people = people.assign(**_levels(people, params.columns))
    recipe = params.recipe
    people = people.assign(nr_class=_resampled_classes(people, recipe))
    seed = replicate_seed(round_, str(people["institution_id"].iloc[0]), source)
    replicates = _replicates(people, round_, source, seed)
    return begin_recipe(people, recipe, status="status", replicates=replicates, frame=eligible_list(frame, source))


def _weights_of(run: WeightingRun, source: Source) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    people, weighted = run.sample, run.finished()
    _require_respondents_only(people, weighted.weight, source)
    steps = weighted.columns.drop(columns="weight", errors="ignore").assign(weight=weighted.weight)
    table = pd.concat([people[[*WHO, "stratum", "nr_class", "disposition"]], steps], axis=1)
    return table, _replicate_table(people, weighted), weighted.report.table.assign(source=source)


def _levels(people: pd.DataFrame, columns: list[str]) -> dict[str, pd.Series]:
    """Columns of groups as text, what is missing a level of its own; numbers stay numbers."""
    kinds = people[columns].dtypes
    numbers = [column for column, kind in kinds.items() if is_numeric_dtype(kind) and not is_bool_dtype(kind)]
    return {column: with_unknown_level(people[column]) for column in columns if column not in numbers}


def _resampled_classes(people: pd.DataFrame, recipe: list[Step]) -> pd.Series:
    """The classes inside which replicates resample response; such as have too few respondents are merged."""
    classes = response_classes(people, recipe, status="status")
    answered = (people["status"] == "respondent").groupby(classes).sum()
    if (answered >= LEAST_IN_CLASS).all():
        return classes
    return weighting_classes(people.assign(nr_class=classes), ["nr_class"], "status", LEAST_IN_CLASS)["nr_class"]


# Whose weight a recipe may have left where it was, and the steps that move it.
STEPS_FOR = {
    "the known ineligible": "drop_ineligible, at the end",
    "people of unknown eligibility": "unknown_eligibility",
    "nonrespondents": "weighting_classes, propensity or rake",
}


def _require_respondents_only(people: pd.DataFrame, weight: pd.Series, source: Source) -> None:
    """Raise if a recipe leaves a final weight to people who gave no answer."""
    kept = people.loc[(weight != 0) & (people["status"] != "respondent"), "disposition"]
    unanswered = pd.Series("nonrespondents", index=kept.index)
    unanswered = unanswered.mask(kept == INELIGIBLE, "the known ineligible")
    counts = unanswered.mask(kept.isin(UNKNOWN), "people of unknown eligibility").value_counts()
    if len(counts):
        raise WeightingError(
            *(
                Problem(
                    f"the recipe leaves weight to {who}",
                    key=f"sources.{source}.weighting",
                    got=f"{n} people",
                    expected="weight for respondents only, who stand for all others",
                    hint=f"add a step: {STEPS_FOR[str(who)]}",
                )
                for who, n in counts.items()
            )
        )


@dataclass(frozen=True)
class Representativity:
    """How evenly a source answered, by what its list tells.

    ``found``: R-indicator, coefficient of variation, partial indicators; ``people``: the invited (all but the known
    ineligible) with base_weight, stratum and whether they ``answered``; ``levels``: what the list tells of them.
    """

    found: RIndicator
    people: pd.DataFrame
    levels: pd.DataFrame

    @property
    def answered(self) -> int:
        """People who answered."""
        return int(self.people["answered"].sum())

    @property
    def invited(self) -> int:
        """People who could have answered."""
        return len(self.people)


def representativity(people: pd.DataFrame, round_: RoundParams) -> dict[Source, Representativity | None]:
    """Representativity of every probability source; None where too few answered, or too few did not, to tell.

    Parameters
    ----------
    people : DataFrame   as ``people_with_disposition`` gives it
    """
    return {source: _representativity_of(people, round_, source) for source in round_.populations}


def _representativity_of(people: pd.DataFrame, round_: RoundParams, source: Source) -> Representativity | None:
    """The model takes what the weighting looks at. Levels in which few answered, or few did not, are merged, so that
    no figure rests on fewer people than may be shown.
    """
    params, least = round_.sources[source].weighting, round_.disclosure.min_cell
    assert params is not None
    columns = params.columns
    kept = dict.fromkeys(["base_weight", "stratum", "disposition", *columns])
    wanted = (people["source"] == source) & (people["disposition"] != INELIGIBLE)
    invited = people[[name for name in kept if name in people]][wanted].reset_index(drop=True)
    answered = invited["disposition"].isin(round_.dispositions.respondents)
    told = told_levels(invited, answered, columns, least)
    if told.empty:
        return None
    table = told.assign(answered=answered.astype(int), base_weight=invited["base_weight"])
    found = r_indicator(table, " + ".join(told), "answered", "base_weight")
    return Representativity(found, invited.assign(answered=answered), told)


def told_levels(people: pd.DataFrame, outcome: pd.Series, columns: list[str], least: int) -> pd.DataFrame:
    """What the list tells of people, with levels merged until so many have the outcome, and so many have not, in each.

    A column that is left with one level is left out.
    """
    thick = {name: _thick_levels(values, outcome, least) for name, values in _levels(people, columns).items()}
    return pd.DataFrame({column: values for column, values in thick.items() if values.nunique() > 1})


def _thick_levels(values: pd.Series, answered: pd.Series, least: int) -> pd.Series:
    """The column with levels merged until at least so many answered, and so many did not, in each."""
    column, (codes, levels) = str(values.name), pd.factorize(values, sort=True)
    yes, all_ = group_sums(codes, answered.to_numpy()), group_counts(codes)
    cells = pd.DataFrame({column: levels, "people": np.minimum(yes, all_ - yes)})
    merged = merge_thin_cells(cells, [column], "people", least)
    return merged["group"].take(codes).set_axis(values.index).rename(column)


def response_model(one: Representativity, level: float) -> Estimate:
    """Who answered, by all that the list tells together: a logistic regression, fitted by statsmodels.

    Returns
    -------
    Estimate of log odds ratios against the most frequent level of each column (``variable``, ``category``), with the
    errors of a stratified sample of people, who answer one by one.
    """
    people = one.people
    # Whether somebody answers is left to chance even where everyone is invited: no finite population correction.
    design = SurveyDesign(people, "base_weight", stratum="stratum", lonely_psu="adjust")
    return odds_model(design, people["answered"], one.levels, level)


def odds_model(design: Design, outcome: pd.Series, levels: pd.DataFrame, level: float) -> Estimate:
    """Log odds ratios of an outcome between the levels of columns, all others alike: fitted by statsmodels.

    Parameters
    ----------
    outcome, levels : Series and DataFrame (m, ...)   of the people in the design's domain

    Returns
    -------
    Estimate, as in ``response_model``.
    """
    import statsmodels.api as sm

    known = pd.concat({name: _indicators(levels[name]) for name in levels}, axis=1)
    x = np.column_stack([np.ones(len(known)), known])
    weights = design.weights[design.in_domain]
    fit = sm.GLM(outcome.to_numpy(dtype=float), x, sm.families.Binomial(), var_weights=weights).fit()
    found = model_estimate(design, fit, level)
    table = found.table.iloc[1:].assign(variable=known.columns.get_level_values(0))
    table.insert(1, "category", known.columns.get_level_values(1))
    return Estimate(table.reset_index(drop=True), found.covariance[1:, 1:], found.level)


def _indicators(levels: pd.Series) -> pd.DataFrame:
    """A column of 0 and 1 for every level but the most frequent one."""
    return pd.get_dummies(levels, dtype=float).drop(columns=levels.mode()[0])


def _replicates(people: pd.DataFrame, round_: RoundParams, source: Source, seed: int) -> ReplicateWeights:
    """Replicates that resample response inside classes; of two stages whole units, with all that happens inside them.

    Units count as drawn with replacement, and certain ones like the others: on the safe side.
    """
    design, count = round_.sources[source].design, round_.replicates.n_replicates
    if design is None or design.two_stage is None:
        return two_phase_replicates(people, "nr_class", count, seed, status="status")
    units = people.assign(primary_unit=with_unknown_level(people[design.two_stage.unit]))
    return bootstrap_replicates(units, "base_weight", psu="primary_unit", n_replicates=count, seed=seed)


def _replicate_table(people: pd.DataFrame, weighted: Weighted) -> pd.DataFrame:
    """Replicate weights of those with a final weight."""
    assert weighted.replicates is not None
    kept = (weighted.weight > 0).to_numpy()
    return people.loc[kept, ["source", "person_id"]].assign(
        replicates=replicate_lists(weighted.replicates.values[kept]), variance_factor=weighted.variance_factor
    )


def _equal_weights(
    people: pd.DataFrame, source: Source, round_: RoundParams
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A panel (or a source without answers): everyone who answered counts the same; no replicates."""
    answered = people["disposition"].isin(round_.dispositions.respondents)
    table = people[[*WHO, "stratum", "disposition", "base_weight"]].assign(nr_class=None)
    for column in [*declared_columns(round_), "weight"]:
        table[column] = answered.astype(float)
    # Nobody answered: there is no weight of which anything could be said.
    one = 1.0 if answered.any() else float("nan")
    report = pd.DataFrame(
        [{"step": "equal weights", "column": "weight", "cases": int(answered.sum()), "sum": float(answered.sum()),
          "kish_deff": one, "effective_n": float(answered.sum()), "smallest": one, "largest": one, "merged": [],
          "done": [], "warnings": [],
          "source": source}]
    )  # fmt: skip
    none = pd.DataFrame({name: [] for name in ("source", "person_id", "replicates")}, dtype=object)
    return table, none.assign(variance_factor=1.0), report


def require_weights_fit(data: RoundData) -> None:
    """Raise unless the stored weights are of the sample, the answers and the events that are stored.

    Nothing is compared where sample or events are not there any more.

    Raises
    ------
    InputError   somebody's disposition is another than the one that the weights were made with.
    """
    if not (data.has("sample") and data.has("events")):
        return
    people = people_with_disposition(data.frame, data.sample, data.events, data.responses, data.round, data.instrument)
    now, then = (table.set_index(["source", "person_id"])["disposition"] for table in (people, data.weights))
    both = pd.concat([now, then], axis=1, keys=["now", "then"])
    changed = both.index[both["now"].fillna("") != both["then"].fillna("")].get_level_values("source").value_counts()
    if len(changed):
        raise InputError(
            "the weights are older than the answers, the events or the sample",
            file=data.where("weights"),
            got=", ".join(f"{source}: {n} people with another disposition now" for source, n in changed.items()),
            expected="weights made from the tables that are stored",
            hint="make the weights again: spi run --notebook 30",
        )


def save_weights(store: Store, institution_id: str, weighted: WeightedSample) -> None:
    """Write the tables ``weights`` and ``replicates``."""
    store.write("replicates", institution_id, weighted.replicates)
    store.write("weights", institution_id, weighted.weights)
