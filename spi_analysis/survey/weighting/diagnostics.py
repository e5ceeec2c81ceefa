"""Diagnostics of weights: the design effect step by step, and the balance against the population."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import effective_n, finite_weights, require_columns
from spi_analysis.threads import np, pd

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
    # Kish (1965), section 11.7: 1 + CV**2 of the weights = n sum w**2 / (sum w)**2.
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
        # Austin (2009): the difference of two proportions over the standard deviation sqrt(p (1 - p)) of the frame.
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


# The report of a recipe: one row per step, as text and as figures.

# Formats of the columns of the report.
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
        """The factor of each step on the design effect of unequal weights.

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


# Figures of weights. matplotlib is loaded when a figure is asked for, and its figures belong to no window.


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
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, max(1.2 + 0.4 * len(table), 2.5)), layout="constrained")
    distribution, deff = figure.subplots(1, 2)
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
