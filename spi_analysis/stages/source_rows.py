"""Estimates of one source: scores, units and experience rates, before anything is combined or hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.estimation import Estimate, ReplicateDesign, SurveyDesign
from spi_analysis.estimation.result import t_interval
from spi_analysis.params import Instrument, Source
from spi_analysis.scores import domain_scores, experience_rates, score_estimates
from spi_analysis.weighting import effective_n

Design = SurveyDesign | ReplicateDesign
# Parts of a source that are scored: measure and column of the list.
GROUPS = {"internal": {"unit": "unit", "class": "position_class"}, "external": {"unit": "unit"}}
FIGURES = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


def scored_column(item: str) -> str:
    """Column of an item's 0-100 score beside its raw code."""
    return f"{item}__score"


def item_weights(instrument: Instrument, source: Source) -> pd.DataFrame:
    """Item weights under the names of the score columns."""
    return instrument.item_weights(source).rename(index=scored_column)


def source_rows(source: Source, design: Design, instrument: Instrument, level: float) -> pd.DataFrame:
    """Scores of a source, its dimensions and its units, and its experience rates.

    Parameters
    ----------
    design : its data has item codes, their scores (``scored_column``), and ``unit`` where units are to be scored

    Returns
    -------
    DataFrame: measure, source, dimension, domain, estimate, se, ci_low, ci_high, df_design, n, effective_n.
    """
    weights = item_weights(instrument, source)
    whole = score_estimates(design, weights, level)
    effective = effective_n(design.weights)
    scores = whole.table.assign(
        measure=lambda table: np.where(table["variable"] == "score", "source_score", "dimension_score"),
        dimension=lambda table: table["variable"].where(table["variable"] != "score"),
        effective_n=whole.table["n"] * effective / len(design.data),
    )
    tables = [scores[["measure", "dimension", *FIGURES]]]
    tables += [
        _group_rows(design, kind, column, weights, whole)
        for kind, column in GROUPS.get(source, {}).items()
        if column in design.data
    ]
    rates = experience_rates(design, instrument, source, level)
    if not rates.empty:
        rates = rates.rename(columns={"item": "dimension"}).assign(
            measure="experience_rate", effective_n=rates["n"] * effective / len(design.data)
        )
        tables.append(rates[["measure", "dimension", "domain", *FIGURES]])
    return pd.concat(tables, ignore_index=True).assign(source=source)


def _group_rows(design: Design, kind: str, column: str, weights: pd.DataFrame, whole: Estimate) -> pd.DataFrame:
    """Scores of units or classes, and how far each lies from the score of the whole source."""
    table = domain_scores(design, column, weights, whole.level, whole)
    scores = table.assign(measure=f"{kind}_score")
    numbers = (table[name].to_numpy(dtype=float) for name in ("difference", "difference_se", "df_design"))
    low, high = t_interval(*numbers, whole.level)
    apart = table.assign(
        measure=f"{kind}_difference", estimate=table["difference"], se=table["difference_se"], ci_low=low, ci_high=high
    )
    return pd.concat([scores, apart])[["measure", "domain", *FIGURES]]
