"""Stage: how reliable the dimensions are, and what other weights of the dimensions would make of the source scores."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.params import Instrument, Source
from spi_analysis.scores import data_weights, dimension_shares, reliability, scores_from_shares
from spi_analysis.stages.source_rows import Design, item_weights, scored_column

METHODS = ("pca", "efa")


def reliability_table(
    designs: Mapping[Source, Design], instrument: Instrument, level: float, min_cell: int, shown: pd.DataFrame
) -> pd.DataFrame:
    """Alpha and omega of every dimension that is shown and has enough people who answered all of its items.

    Returns
    -------
    DataFrame: source, dimension, and the columns of ``scores.reliability``, with level and status.
    """
    visible = set(zip(*(_visible(shown, "dimension_score")[c] for c in ("source", "dimension")), strict=True))
    rows = [
        {
            "source": source,
            "dimension": dimension.code,
            **reliability(design, [scored_column(item.code) for item in dimension.items], level),
        }
        for source, design in designs.items()
        for dimension in instrument.sources[source].dimensions
        if (source, dimension.code) in visible
    ]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    few = table["n"] < min_cell
    figures = [column for column in table.columns if column not in ("source", "dimension", "items")]
    table.loc[few, figures] = float("nan")
    return table.assign(level=level, status=few.map({True: "suppressed", False: "shown"}))


def weights_table(
    designs: Mapping[Source, Design], instrument: Instrument, level: float, min_cell: int, shown: pd.DataFrame
) -> pd.DataFrame:
    """Weights of the dimensions as declared and as their correlations would have them, with the source score of each.

    Returns
    -------
    DataFrame, one row per source, method (declared, pca, efa) and dimension: source, method, dimension, weight,
    estimate (source score with these weights), se, ci_low, ci_high, df_design, n, level. A source that is not shown,
    or of which a dimension is not, is left out: its scores would follow from each other.
    """
    hidden = shown[(shown["measure"] == "dimension_score") & (shown["status"] != "shown")]
    sources = set(_visible(shown, "source_score")["source"]) - set(hidden["source"])
    tables = [
        _of_source(source, design, instrument, level)
        for source, design in designs.items()
        if source in sources and len(instrument.sources[source].dimensions) > 1 and len(design.data) >= min_cell
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _visible(shown: pd.DataFrame, measure: str) -> pd.DataFrame:
    return shown[(shown["measure"] == measure) & (shown["status"] == "shown")]


def _of_source(source: Source, design: Design, instrument: Instrument, level: float) -> pd.DataFrame:
    items = item_weights(instrument, source)
    dimensions = items.drop(columns="score")
    people = design.data[items.index].astype(float) @ dimensions
    found = {"declared": dimension_shares(items)}
    for method in METHODS:
        try:
            found[method] = data_weights(people, design.weights, method)
        except EstimationError:
            # Too few dimensions or people for this method: the others stand without it.
            continue
    scores = scores_from_shares(design, dimensions, pd.DataFrame(found), level).table.set_index("variable")
    facts = scores.loc[list(found), ["estimate", "se", "ci_low", "ci_high", "df_design", "n"]]
    weights = pd.DataFrame(found).rename_axis("dimension").reset_index()
    rows = weights.melt("dimension", var_name="method", value_name="weight").assign(source=source)
    return rows.assign(level=level).join(facts, on="method")
