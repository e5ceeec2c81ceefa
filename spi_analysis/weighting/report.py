"""What a recipe did: one row per step, in print and in pictures."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spi_analysis.weighting.diagnostics import effective_n, kish_deff

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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

    ``table``: one row per step (step, column, cases with weight, sum in persons, kish_deff, effective_n,
    smallest and largest positive weight, merged, done, warnings); the first row is the base weight.
    ``weights`` (n, columns): the weight columns themselves, in persons.
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
        from spi_analysis.weighting.figures import weights_figure

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
