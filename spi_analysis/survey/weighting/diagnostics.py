"""What the weights cost and what they mended: step by step, and against the population."""

from __future__ import annotations

import html
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import effective_n, finite_weights, require_columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def kish_deff(weights: pd.Series | np.ndarray) -> float:
    """Kish's design effect of unequal weights: n * sum(w**2) / sum(w)**2 over the positive weights.

    Parameters
    ----------
    weights : Series or array (n,)   in any unit; weights of 0 or below do not count

    Returns
    -------
    float: 1 for equal weights, more for others; NaN where nobody has weight.

    Raises
    ------
    WeightingError   a weight is missing, infinite or no number.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    3 * (1 + 1 + 4) / 16:

    >>> kish_deff([1, 1, 2])
    1.125
    """
    w = finite_weights(weights)
    w = w[w > 0]
    return float(len(w) * (w**2).sum() / w.sum() ** 2) if len(w) else float("nan")


def balance(
    sample: pd.DataFrame, frame: pd.DataFrame, columns: list[str], weights: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Shares of every level in the frame and under every set of weights, with standardised differences.

    Parameters
    ----------
    sample : DataFrame (n, ...)   rows that the weights belong to
    frame : DataFrame (N, ...)    the population they stand for
    columns : list of str         categorical columns of both
    weights : dict name -> ndarray (n,)

    Returns
    -------
    DataFrame, one row per column and level: variable, level, frame (share), and for each set of
    weights ``<name>`` (share) and ``<name>_std_diff`` = (share - frame) / sqrt(frame * (1 - frame)).

    Raises
    ------
    WeightingError   a column is missing; weights that are not one number per row, or that sum to 0.

    References
    ----------
    Austin (2009), Statistics in Medicine 28 (standardised differences of proportions).

    Examples
    --------
    The frame is half f; of four respondents one is f, who then gets the weight of three:

    >>> frame = pd.DataFrame({"sex": ["f", "f", "m", "m"]})
    >>> sample = pd.DataFrame({"sex": ["f", "m", "m", "m"]})
    >>> table = balance(sample, frame, ["sex"], {"base": np.ones(4), "final": np.array([3.0, 1.0, 1.0, 1.0])})
    >>> table[["level", "frame", "base", "base_std_diff", "final_std_diff"]].values.tolist()
    [['f', 0.5, 0.25, -0.5, 0.0], ['m', 0.5, 0.75, 0.5, 0.0]]
    """
    require_columns(sample, columns)
    require_columns(frame, columns)
    usable = {name: _one_per_row(name, w, len(sample)) for name, w in weights.items()}
    rows = []
    for column in columns:
        population = frame[column].value_counts(normalize=True).sort_index()
        table = pd.DataFrame({"variable": column, "level": population.index, "frame": population.to_numpy()})
        spread = (table["frame"] * (1 - table["frame"])).where(lambda s: s > 0) ** 0.5
        for name, w in usable.items():
            shares = pd.Series(w).groupby(sample[column].to_numpy()).sum() / w.sum()
            table[name] = shares.reindex(table["level"]).fillna(0.0).to_numpy()
            table[f"{name}_std_diff"] = (table[name] - table["frame"]) / spread
        rows.append(table)
    return pd.concat(rows, ignore_index=True)


def _one_per_row(name: str, weights: np.ndarray, n: int) -> np.ndarray:
    values = finite_weights(weights)
    if len(values) != n or values.sum() == 0:
        got = f"{len(values)} weights that sum to {values.sum():g}"
        raise WeightingError("the weights do not fit the sample", key=name, got=got, expected=f"{n} weights, not all 0")
    return values


# What a recipe did: one row per step, in print and in pictures.

# How the columns of the report read in print.
FORMATS = {
    "cases": "{:,.0f}",
    "sum": "{:,.1f}",
    "kish_deff": "{:.3f}",
    "effective_n": "{:,.1f}",
    "smallest": "{:.3g}",
    "largest": "{:.3g}",
}


def report_row(step: str, column: str, weights: np.ndarray) -> dict[str, Any]:
    """The figures of one step from its weights (n,)."""
    positive = weights[weights > 0]
    return {
        "step": step,
        "column": column,
        "cases": len(positive),
        "sum": float(weights.sum()),
        "kish_deff": kish_deff(weights),
        "effective_n": effective_n(weights),
        "smallest": float(positive.min()) if len(positive) else 0.0,
        "largest": float(positive.max()) if len(positive) else 0.0,
        "merged": [],
        "done": [],
        "warnings": [],
    }


@dataclass(frozen=True)
class WeightingReport:
    """What every step of a recipe did.

    Parameters
    ----------
    table : DataFrame   one row per step: step, column, cases with weight, sum in persons, kish_deff, effective_n,
        smallest and largest positive weight, merged, done, warnings; the first row is the base weight
    weights : DataFrame (n, columns)   the weight columns themselves, in persons

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7 (design effect and effective number).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import WeightingClasses, apply_recipe
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
    >>> report = apply_recipe(sample, [WeightingClasses("unit")]).report
    >>> report.table[["step", "cases", "sum", "effective_n"]].values.tolist()
    [['base', 3, 30.0, 3.0], ['WeightingClasses', 2, 30.0, 1.8]]
    """

    table: pd.DataFrame
    weights: pd.DataFrame

    def __getitem__(self, column: str) -> pd.Series:
        """A column of the table."""
        return self.table[column]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def warnings(self) -> list[str]:
        """All warnings, each with the step it comes from."""
        rows = zip(self.table["step"], self.table["warnings"], strict=True)
        return [f"{step}: {text}" for step, texts in rows for text in texts]

    def contributions(self) -> pd.DataFrame:
        """What each step added to the cost of unequal weights.

        Returns
        -------
        DataFrame, one row per step (the base weight has none before it): step, column, kish_deff,
        deff_factor (Kish's design effect over that of the step before), effective_n, effective_n_change.

        Examples
        --------
        >>> from spi_analysis.survey.weighting import WeightingClasses, apply_recipe
        >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
        >>> changed = apply_recipe(sample, [WeightingClasses("unit")]).report.contributions()
        >>> changed[["column", "deff_factor", "effective_n_change"]].round(3).values.tolist()
        [['nr_weight', 1.111, -1.2]]
        """
        kept = self.table[["step", "column", "kish_deff", "effective_n"]]
        changed = kept.assign(
            deff_factor=kept["kish_deff"] / kept["kish_deff"].shift(),
            effective_n_change=kept["effective_n"].diff(),
        )
        order = ["step", "column", "kish_deff", "deff_factor", "effective_n", "effective_n_change"]
        return changed.loc[1:, order].reset_index(drop=True)

    def plot(self) -> Figure:
        """Distribution of the weights after every step, and Kish's design effect beside it (matplotlib Figure)."""
        return weights_figure(self.table, self.weights)

    def _printed(self) -> pd.DataFrame:
        figures = {name: [form.format(v) for v in self.table[name]] for name, form in FORMATS.items()}
        return self.table[["step", "column"]].assign(**figures)

    def _remarks(self) -> list[str]:
        lines: list[str] = []
        columns = (self.table[name] for name in ("step", "done", "merged", "warnings"))
        for step, done, merged, warnings in zip(*columns, strict=True):
            lines += [f"{step}: {text}" for text in done]
            lines += [f"{step}: merged {m.variable}: {', '.join(m.levels)}" for m in merged]
            lines += [f"{step}: WARNING: {text}" for text in warnings]
        return lines

    def __str__(self) -> str:
        return "\n".join([self._printed().to_string(index=False), *self._remarks()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self._printed().to_html(index=False, border=0)
        remarks = "".join(f"<li>{html.escape(line)}</li>" for line in self._remarks())
        return table + (f"<ul>{remarks}</ul>" if remarks else "")


# Pictures of weights. matplotlib is loaded when a picture is asked for, and its figures belong to no window.

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

    Raises
    ------
    WeightingError   a column is missing, such as that of a set of weights that the table does not hold.

    References
    ----------
    Austin (2009), Statistics in Medicine 28 (standardised differences of proportions).

    Examples
    --------
    >>> frame = pd.DataFrame({"sex": ["f", "m"]})
    >>> table = balance(frame, frame, ["sex"], {"base": np.ones(2), "final": np.array([1.0, 3.0])})
    >>> [line.get_label() for line in balance_figure(table).axes[0].lines][:2]
    ['base', 'final']
    """
    ending = "_std_diff"
    names = names or [str(c).removesuffix(ending) for c in table.columns if str(c).endswith(ending)]
    require_columns(table, ["variable", "level", *(f"{name}{ending}" for name in names)])
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
