"""Stage: what is checked once more before anything leaves the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from spi_analysis.disclosure import ROUNDING, Told, told_cells
from spi_analysis.errors import Problem
from spi_analysis.params import DisclosureParams, RoundSetup
from spi_analysis.stages.respondents import people_cells
from spi_analysis.stages.score import NO_CELLS, dimension_weights
from spi_analysis.tables import Store, as_shown, released_estimates

LAST_RELEASE = "publications"
COUNTED = ("source_score", "dimension_score", "unit_score", "class_score", "experience_rate")
RELEASE_KEYS = ["measure", "source", "part", "domain", "denominator"]


def release_problems(setup: RoundSetup, store: Store, institution_id: str) -> list[Problem]:
    """What the figures of an institution tell too closely: hidden cells, and answers between this release and the last.

    Every problem names the cell and the limits that can be worked out for it.
    """
    round_ = setup.round_for(institution_id)
    shown = as_shown(released_estimates(store, institution_id, setup.inputs[institution_id]))
    frame, weights = store.read("frame", institution_id), store.read("weights", institution_id)
    shares, told = dimension_weights(setup.instrument), list[Told]()
    for source in shown.loc[(shown["measure"] == "source_score") & (shown["status"] == "shown"), "source"]:
        cells = people_cells(frame, weights, source) if source in round_.probability_sources else NO_CELLS
        told += told_cells(shown[shown["source"] == source], cells, shares[source], round_.disclosure)
    return [_told_problem(one, institution_id) for one in told] + _difference_problems(
        store.read_record(LAST_RELEASE, institution_id), released_figures(shown), institution_id, round_.disclosure
    )


def released_figures(estimates: pd.DataFrame) -> list[dict[str, Any]]:
    """Shown figures that rest on a number of answers, to be kept beside a release: keys, n, estimate."""
    rows = estimates[(estimates["status"] == "shown") & estimates["measure"].isin(COUNTED)]
    table = as_shown(rows)[[*RELEASE_KEYS, "n", "estimate"]]
    return table.astype(object).where(table.notna(), None).to_dict("records")


def keep_release(setup: RoundSetup, store: Store, institution_id: str) -> None:
    """Remember what was released of an institution: the next release is compared with it."""
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    store.write_record(LAST_RELEASE, institution_id, {"shown": released_figures(estimates)})


def _told_problem(told: Told, institution_id: str) -> Problem:
    unit = "points" if told.what == "score" else "people"
    return Problem(
        "what is shown tells a hidden figure too closely",
        key=f"{institution_id}: {told.source} {told.measure} {told.cell or '(no unit)'}",
        got=f"{told.what} between {told.low:.2f} and {told.high:.2f}",
        expected=f"limits at least {told.allowed:g} {unit} apart",
        hint=f"run: spi run --notebook 40 {institution_id}: it hides further cells (or leave it out: --partial)",
    )


def _difference_problems(
    last: Mapping[str, Any] | None, now: list[dict[str, Any]], institution_id: str, limits: DisclosureParams
) -> list[Problem]:
    """Figures of which a few answers came or went since the last release."""
    before = {tuple(row[key] for key in RELEASE_KEYS): row for row in (last or {"shown": []})["shown"]}
    pairs = [(before.get(tuple(row[key] for key in RELEASE_KEYS)), row) for row in now]
    return [
        _difference_problem(old, row, institution_id, limits)
        for old, row in pairs
        if old is not None and 0 < abs(row["n"] - old["n"]) < limits.min_cell
    ]


def _difference_problem(
    old: Mapping[str, Any], row: Mapping[str, Any], institution_id: str, limits: DisclosureParams
) -> Problem:
    few = abs(old["n"] - row["n"])
    mean = abs(old["n"] * old["estimate"] - row["n"] * row["estimate"]) / few
    slack = ROUNDING * (old["n"] + row["n"]) / few
    low, high = max(0.0, mean - slack), min(100.0, mean + slack)
    cell = " ".join(str(row[key]) for key in RELEASE_KEYS if row[key] is not None)
    return Problem(
        "two releases of one round differ by a few answers, which can be worked out",
        key=f"{institution_id}: {cell}",
        got=f"n {row['n']:g}, before {old['n']:g}; the mean of the {few:g} lies between {low:.2f} and {high:.2f}",
        expected=f"the same answers, or at least {limits.min_cell} more or fewer",
        hint="let the last release stand until more answers have changed (leave it out: --partial)",
    )
