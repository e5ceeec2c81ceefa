"""Levels freed from noise, and the moves that stand out from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from spi_analysis.scores.years.model import CHANGE, LEVEL, YearsFit, YearsModel
from spi_analysis.scores.years.predict import Prediction, predict


def levels(model: YearsModel, level: float) -> pd.DataFrame:
    """Lasting level and score without noise of every institution of the last year, in points of that year.

    ``lasting``: type mean + lasting level; ``current``: the same + this year's change, thus the published figure
    without its noise. Both are shrunk towards the type's mean, and neither is fit for ranking (see ``scores.ranks``).

    Returns
    -------
    DataFrame: series, type, institution_id, published, noise_sd, and lasting, current each with _low and _high.
    """
    tables = [_levels_of(fit, level) for fit in model.fits]
    columns = ["series", "type", "institution_id", "published", "noise_sd", *_triple("lasting"), *_triple("current")]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _levels_of(fit: YearsFit, level: float) -> pd.DataFrame:
    panel = fit.panel
    last = np.zeros(panel.design.shape[2])
    last[len(panel.years) - 1] = 1.0
    to_last = _only(fit, LEVEL, CHANGE)[:, :, -1]
    level_only = _only(fit, LEVEL)[:, :, -1]
    lasting = predict(fit, level_only, level_only[:, -1], last)
    current = predict(fit, to_last, to_last[:, -1], last)
    table = pd.DataFrame(
        {
            "series": panel.series,
            "type": panel.type,
            "institution_id": panel.institution_ids,
            "published": panel.values[:, -1],
            "noise_sd": float(np.sqrt(fit.noise[-1])),
            **_interval("lasting", lasting, level),
            **_interval("current", current, level),
        }
    )
    return table[table["published"].notna()]


def moves(model: YearsModel, level: float, false_discovery: float) -> pd.DataFrame:
    """Moves between the last two years against what noise alone would do.

    An institution's own move is its change less that of its type (and less the shift of an interview mode). Under the
    hypothesis "nothing but noise" it has the sum of the two noise variances (estimated: t with Satterthwaite's degrees
    of freedom); p values are adjusted by Benjamini and Hochberg over all institutions of a series. ``carried``: the
    own move without noise, shrunk, with its interval.

    Returns
    -------
    DataFrame: series, type, institution_id, before, after, own_move, noise_limit (the own move that noise alone stays
    under with confidence ``level``), p_value, q_value, stands_out, carried, carried_low, carried_high.

    References
    ----------
    Benjamini & Hochberg (1995), JRSS B 57.
    """
    tables = [_moves_of(fit, level) for fit in model.fits]
    if not tables:
        columns = ["series", "type", "institution_id", "before", "after", "own_move", "noise_limit", "p_value"]
        return pd.DataFrame(columns=[*columns, "q_value", "stands_out", *_triple("carried")])
    table = pd.concat(tables, ignore_index=True)
    table.insert(8, "q_value", table.groupby("series")["p_value"].transform(lambda p: false_discovery_control(p)))
    table.insert(9, "stands_out", table["q_value"] <= false_discovery)
    return table


def _moves_of(fit: YearsFit, level: float) -> pd.DataFrame:
    panel, t = fit.panel, len(fit.panel.years)
    change = panel.values[:, -1] - panel.values[:, -2]
    own = change - (panel.design[:, -1] - panel.design[:, -2]) @ fit.fit.beta
    variance, df = fit.noise_of(-1, -2)
    sd, part = float(np.sqrt(variance)), _only(fit, CHANGE)
    step = part[:, :, -1] - part[:, :, -2]
    carried = predict(fit, step, step[:, -1] - step[:, -2], np.zeros(panel.design.shape[2]))
    table = pd.DataFrame(
        {
            "series": panel.series,
            "type": panel.type,
            "institution_id": panel.institution_ids,
            "before": panel.values[:, t - 2],
            "after": panel.values[:, t - 1],
            "own_move": own,
            "noise_limit": float(student.ppf(0.5 + level / 2, df)) * sd,
            "p_value": 2 * student.sf(np.abs(own) / sd, df),
            **_interval("carried", carried, level),
        }
    )
    return table[table["own_move"].notna()]


def _only(fit: YearsFit, *parts: int) -> np.ndarray:
    """The bases with all but these parts set to 0 (K, T, T)."""
    kept = np.isin(np.arange(len(fit.bases)), parts)
    return fit.bases * kept[:, None, None]


def _interval(name: str, found: Prediction, level: float) -> dict[str, np.ndarray]:
    half = float(norm.ppf(0.5 + level / 2)) * found.se
    return dict(zip(_triple(name), (found.value, found.value - half, found.value + half), strict=True))


def _triple(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"
