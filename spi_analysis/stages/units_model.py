"""Stage: units with few answers, steadied by what the other units of the source show (Fay-Herriot)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.estimation import fay_herriot, smooth_variances
from spi_analysis.estimation.result import t_interval
from spi_analysis.params import Source
from spi_analysis.params.round import SmallAreaParams

MEASURE = "unit_score_model"
ModelState = Literal["modelled", "few_units", "no_spread"]


def model_rows(shown: pd.DataFrame, params: SmallAreaParams, level: float) -> pd.DataFrame:
    """Model estimates beside the direct ones, from shown unit scores only: so they can give away nothing hidden.

    Direct variances are smoothed by effective answers first; the model has a common mean (no covariates) per source.

    Parameters
    ----------
    shown : DataFrame   table ``estimates`` after disclosure control

    Returns
    -------
    DataFrame: rows of the same table, measure "unit_score_model", se the root of the mean squared error; none for a
    source with fewer than ``min_units`` usable units, nor for one whose units differ no more than by chance (variance
    between units estimated as 0): all would get the same figure, the best measured the widest interval. Which of the
    two it was is said by ``model_state``.

    References
    ----------
    Fay & Herriot (1979), JASA 74; Rao & Molina (2015), Small Area Estimation, ch. 6.
    """
    sources = [part for _, part in _usable(shown).groupby("source") if len(part) >= params.min_units]
    made = [rows for part in sources if (rows := _of_source(part, params, level)) is not None]
    return pd.concat(made) if made else shown.iloc[:0]


def model_state(estimates: pd.DataFrame, source: Source, params: SmallAreaParams) -> ModelState:
    """Whether a source's units have model scores in the table ``estimates``, and if not, why."""
    own = estimates[estimates["source"] == source]
    if (own["measure"] == MEASURE).any():
        return "modelled"
    return "no_spread" if len(_usable(own)) >= params.min_units else "few_units"


def _usable(shown: pd.DataFrame) -> pd.DataFrame:
    return shown[(shown["measure"] == "unit_score") & (shown["status"] == "shown") & (shown["se"] > 0)]


def _of_source(units: pd.DataFrame, params: SmallAreaParams, level: float) -> pd.DataFrame | None:
    """Rows of a source's units; None where the model finds no spread beyond chance."""
    variances = smooth_variances(units["se"] ** 2, units["effective_n"], slope=params.variance_slope).smoothed
    common_mean = pd.DataFrame({"(intercept)": 1.0}, index=units.index)
    model = fay_herriot(units["estimate"], variances, common_mean, params.method)
    if model.on_boundary:
        return None
    se = np.sqrt(model.mse)
    # The error is that of a model, known from all units together: the normal distribution.
    df = np.full(len(units), np.inf)
    low, high = t_interval(model.eblup.to_numpy(), se.to_numpy(), df, level)
    limits = {"ci_low": np.clip(low, 0, 100), "ci_high": np.clip(high, 0, 100)}
    return units.assign(measure=MEASURE, estimate=model.eblup, se=se, df_design=df, **limits)
