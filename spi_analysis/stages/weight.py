"""Stage: from sample, events and answers to weights and replicate weights."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.fieldwork import final_dispositions
from spi_analysis.params import Instrument, RoundParams, Source, WeightingParams
from spi_analysis.survey import require_columns, with_unknown_level
from spi_analysis.survey.weighting import (
    DropIneligible,
    Rake,
    ReplicateWeights,
    Step,
    Trim,
    UnknownEligibility,
    Weighted,
    WeightingClasses,
    apply_recipe,
    bootstrap_replicates,
    two_phase_replicates,
    weighting_classes,
)
from spi_analysis.tables import RoundData, Store, eligible_list, require_answers_fit

WEIGHT_COLUMNS = ["base_weight", "elig_weight", "nr_weight", "cal_weight", "trimmed_weight", "recal_weight", "weight"]
WHO = ["institution_id", "person_id", "source"]


@dataclass(frozen=True)
class WeightedSample:
    """Weights of one institution.

    ``weights``: table ``weights``, all sampled people; ``replicates``: source, person_id, r0001 ...,
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
    parts = [_weight_source(people[people["source"] == source], frame, round_, source) for source in round_.sources]
    weights, replicates, reports = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    return WeightedSample(weights, replicates, reports, people)


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


def recipe_for(params: WeightingParams, frame: pd.DataFrame) -> list[Step]:
    """The steps of a probability source, with the totals of its list."""
    rake = params.rake
    margins = {column: _margin(frame, column) for column in rake.margins}

    def raking(column: str) -> Rake:
        return Rake(margins, rake.min_respondents, rake.tolerance, rake.max_iterations, column)

    return [
        UnknownEligibility("nr_class"),
        WeightingClasses("nr_class"),
        raking("cal_weight"),
        Trim(params.trim.k),
        raking("recal_weight"),
        DropIneligible(),
    ]


def replicate_seed(round_: RoundParams, institution_id: str, source: Source) -> int:
    """A seed of its own for every institution and source, from the round's seed."""
    return (round_.replicates.seed << 32) + zlib.crc32(f"{institution_id}/{source}".encode())


def _weight_source(
    people: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams, source: Source
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    params = round_.sources[source].weighting
    answered = people["disposition"].isin(round_.dispositions.respondents)
    # The recipe's own word for it: a partial answer is a response only where the round says so.
    status = people["disposition"].mask(people["disposition"].isin(["I", "P"]), "nonrespondent")
    people = people.assign(status=status.mask(answered, "respondent"))
    if params is None or not answered.any():
        return _equal_weights(people, answered, source)
    classes = weighting_classes(people, params.nonresponse.classes, "status", params.nonresponse.min_respondents)
    require_columns(people, params.rake.margins)
    known = {column: with_unknown_level(people[column]) for column in params.rake.margins}
    people = people.assign(nr_class=classes["nr_class"], **known)
    seed = replicate_seed(round_, str(people["institution_id"].iloc[0]), source)
    replicates = _replicates(people, round_, source, seed)
    recipe = recipe_for(params, eligible_list(frame, source))
    weighted = apply_recipe(people, recipe, status="status", replicates=replicates)
    table = pd.concat([people[[*WHO, "stratum", "nr_class", "disposition"]], weighted.columns[WEIGHT_COLUMNS]], axis=1)
    return table, _replicate_table(people, weighted), weighted.report.table.assign(source=source)


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
    values = weighted.replicates.values[kept]
    table = pd.DataFrame(values, columns=[f"r{i + 1:04d}" for i in range(values.shape[1])])
    table.insert(0, "person_id", people.loc[kept, "person_id"].to_numpy())
    table.insert(0, "source", people.loc[kept, "source"].to_numpy())
    return table


def _equal_weights(
    people: pd.DataFrame, answered: pd.Series, source: Source
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A panel (or a source without answers): everyone who answered counts the same; no replicates."""
    table = people[[*WHO, "stratum", "disposition", "base_weight"]].assign(nr_class=None)
    for column in WEIGHT_COLUMNS[1:]:
        table[column] = answered.astype(float)
    # Nobody answered: there is no weight of which anything could be said.
    one = 1.0 if answered.any() else float("nan")
    report = pd.DataFrame(
        [{"step": "equal weights", "column": "weight", "cases": int(answered.sum()), "sum": float(answered.sum()),
          "kish_deff": one, "effective_n": float(answered.sum()), "smallest": one, "largest": one, "merged": [],
          "done": [], "warnings": [],
          "source": source}]
    )  # fmt: skip
    return table, pd.DataFrame({"source": [], "person_id": []}, dtype=str), report


def _margin(frame: pd.DataFrame, column: str) -> dict[str, float]:
    counts = with_unknown_level(frame[column]).value_counts()
    return {str(level): float(total) for level, total in counts.items()}


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
