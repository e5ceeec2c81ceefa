"""The true figures of a generated city: what a full response of everyone eligible would give.

Coached answers count as they are given. The experts' truth is the mean of the
superpopulation that the panel was drawn from. Rates are percentages.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import InstitutionInputs, RoundSetup, Source
from spi_analysis.synthetic.answers import SourceAnswers

TRUTH_COLUMNS = ["measure", "source", "part", "domain", "denominator", "value"]
EVERYONE, WITH_CONTACT = "respondents", "contacts"


def true_figures(
    setup: RoundSetup, inputs: InstitutionInputs, people: pd.DataFrame, parts: dict[Source, SourceAnswers]
) -> pd.DataFrame:
    """Index, source scores, dimensions, units and rates as a table of ``TRUTH_COLUMNS``."""
    rows: list[tuple[object, ...]] = []
    scores: dict[Source, float] = {}
    for source, part in parts.items():
        group = people[people["source"] == source]
        eligible = group["is_eligible"].to_numpy()
        means = part.scores[eligible].mean() if part.expected is None else part.expected
        scores[source] = float(means["score"])
        rows.append(("source", source, None, None, None, scores[source]))
        rows += [("dimension", source, code, None, None, value) for code, value in means.drop("score").items()]
        rows += _unit_rows(source, part, group["unit"].to_numpy(), eligible)
        rows += _rate_rows(setup, source, part.codes[eligible])
    weights = setup.round.index.weights
    corrections = sum(inputs.corrections.values())
    known = {**scores, **{one.component: one.score for one in inputs.components}}
    index = sum(weight * known[part] for part, weight in weights.items()) - corrections
    return pd.DataFrame([("index", None, None, None, None, index), *rows], columns=TRUTH_COLUMNS)


def _unit_rows(source: Source, part: SourceAnswers, unit: np.ndarray, eligible: np.ndarray) -> list[tuple[object, ...]]:
    means = part.scores["score"][eligible].groupby(unit[eligible]).mean()
    return [("unit", source, None, name, None, value) for name, value in means.items()]


def _rate_rows(setup: RoundSetup, source: Source, codes: pd.DataFrame) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for item in setup.instrument.sources[source].experiences:
        scale = setup.instrument.scales[item.scale]
        yes = codes[item.code] == scale.maximum
        met = codes[item.contact] == scale.maximum
        rows.append(("rate", source, item.code, None, EVERYONE, 100 * yes.mean()))
        rows.append(("rate", source, item.code, None, WITH_CONTACT, 100 * yes[met].mean()))
    return rows
