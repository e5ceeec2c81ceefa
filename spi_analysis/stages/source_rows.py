"""Estimates of one source: scores, units and experience rates, before anything is combined or hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.params import Instrument, Source
from spi_analysis.scores import domain_scores, experience_rates, score_estimates
from spi_analysis.weighting import effective_n

Design = SurveyDesign | ReplicateDesign
UNIT_COLUMNS = {"internal": "unit", "external": "unit"}
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
    scores = score_estimates(design, weights, level).table
    effective = effective_n(design.weights)
    scores = scores.assign(
        measure=np.where(scores["variable"] == "score", "source_score", "dimension_score"),
        dimension=scores["variable"].where(scores["variable"] != "score"),
        effective_n=scores["n"] * effective / len(design.data),
    )
    tables = [scores[["measure", "dimension", *FIGURES]]]
    if source in UNIT_COLUMNS and UNIT_COLUMNS[source] in design.data:
        units = domain_scores(design, UNIT_COLUMNS[source], weights, level)
        tables.append(units.assign(measure="unit_score")[["measure", "domain", *FIGURES]])
    rates = experience_rates(design, instrument, source, level)
    if not rates.empty:
        rates = rates.rename(columns={"item": "dimension"}).assign(
            measure="experience_rate", effective_n=rates["n"] * effective / len(design.data)
        )
        tables.append(rates[["measure", "dimension", "domain", *FIGURES]])
    return pd.concat(tables, ignore_index=True).assign(source=source)
