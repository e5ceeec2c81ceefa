"""Pictures of weights. matplotlib is loaded when a picture is asked for, and its figures belong to no window."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Sets of weights differ in shape, not in colour alone.
MARKERS = "osD^v"


def weights_figure(table: pd.DataFrame, weights: pd.DataFrame) -> Figure:
    """Spread of the positive weights of every column, and Kish's design effect after every step.

    Parameters
    ----------
    table, weights   as in ``WeightingReport``

    Returns
    -------
    Figure with two axes, steps from top to bottom: weights in persons (logarithmic; a thin line from the
    smallest to the largest, a thick one over the middle half, a tick at the median), and the design effect.
    """
    figure = _figure(1.2 + 0.4 * len(table), 2)
    distribution, deff = figure.axes
    columns = [column[column > 0] for column in weights.to_numpy(dtype=float).T]
    spread = np.array([np.quantile(c, [0, 0.25, 0.5, 0.75, 1]) if len(c) else np.full(5, np.nan) for c in columns])
    places = np.arange(1, len(columns) + 1)
    distribution.hlines(places, spread[:, 0], spread[:, 4], linewidth=1)
    distribution.hlines(places, spread[:, 1], spread[:, 3], linewidth=7)
    distribution.plot(spread[:, 2], places, marker="|", markersize=14, linestyle="none", color="black")
    distribution.set_yticks(places, list(weights.columns))
    distribution.set_xscale("log")
    distribution.set_xlabel("weight (persons)")
    places = np.arange(1, len(table) + 1)
    deff.plot(table["kish_deff"], places, marker="o")
    deff.set_yticks(places, list(table["step"]))
    deff.set_xlabel("Kish design effect")
    for axes in figure.axes:
        axes.invert_yaxis()
    return figure


def balance_figure(table: pd.DataFrame, names: list[str] | None = None) -> Figure:
    """Love plot: standardised differences from the frame, before and after, one line per level.

    Parameters
    ----------
    table : DataFrame    as ``balance`` gives it
    names : list of str or None   sets of weights to show, in this order; None: all of them

    Returns
    -------
    Figure with one axes; a set of weights that agrees with the frame has all its points at 0.
    """
    ending = "_std_diff"
    names = names or [str(c).removesuffix(ending) for c in table.columns if str(c).endswith(ending)]
    figure = _figure(1.2 + 0.25 * len(table), 1)
    (axes,) = figure.axes
    places = np.arange(len(table))
    for name, marker in zip(names, itertools.cycle(MARKERS), strict=False):
        axes.plot(table[f"{name}{ending}"], places, marker=marker, linestyle="none", label=name)
    axes.axvline(0, linewidth=0.8, color="black")
    axes.set_yticks(places, [f"{v}: {level}" for v, level in zip(table["variable"], table["level"], strict=True)])
    axes.invert_yaxis()
    axes.set_xlabel("standardised difference from the frame")
    axes.legend()
    return figure


def _figure(height: float, panels: int) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, max(height, 2.5)), layout="constrained")
    figure.subplots(1, panels)
    return figure
