"""The figures of the page as CSV: the rows of its tables, in the same order, rounded as they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.reporting.institution.bridge import bridge_rows, change_rows
from spi_analysis.reporting.institution.page_tables import change_basis, own_basis
from spi_analysis.reporting.institution.sensitivity_section import UNSAID
from spi_analysis.reporting.institution.targets import target_rows
from spi_analysis.scores import SECRET
from spi_analysis.stages import InstitutionPage, page_expectations
from spi_analysis.tables import PUBLISHED_PARTS, as_shown, write_csv

ACTIONS = ("done", "total", "conforming", "validated")
COUNTS = dict.fromkeys(("year", *ACTIONS, "listed", "eligible", "invited", "needed", "answered", "n", "number"), 0)
# Figures that the page shows with one decimal: scores of parts and rates, with their intervals.
SCORES = (
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "model_estimate",
    "model_se",
    "model_ci_low",
    "model_ci_high",
    "score",
    "yardstick",
    "difference",
    "strength",
    "tlp",
    "neutral",
    "unfavourable",
    "expected",
    "expected_low",
    "expected_high",
    "beyond",
)
ONE_DECIMAL = dict.fromkeys(SCORES, 1)
WITH_ONE_DECIMAL = (
    "dimensions",
    "dimension_changes",
    "question_changes",
    "experience_rates",
    "unsaid",
    "weak_sides",
    "recommendations",
    "tracker",
    "expectations",
)
INDEX_MEASURES = (
    "index",
    "index_without_panel_variance",
    "index_panel_reading",
    "category_probability",
    "index_repeated",
    "target_probability",
    "index_change",
    "change_probability",
)


def save_tables(page: InstitutionPage, folder: Path) -> list[str]:
    """Write the CSV of every table of the page; returns the file names."""
    tables = page_tables(page)
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
    return [f"{name}.csv" for name in tables]


def page_tables(page: InstitutionPage) -> dict[str, pd.DataFrame]:
    """The page's tables by the name of their file."""
    rows, units = page.figures, page.round.populations
    scores = ["estimate", "source", "part", "domain"]
    tables = {
        "index": _index_rows(rows),
        "who_answered": page.who.drop(columns="least"),
        "composition": _composition_rows(page),
        "history": _history_rows(page),
        "targets": target_rows(page),
        **_bridge_tables(page),
        **_change_tables(page),
        "dimensions": rows[rows["measure"] == "dimension_score"].sort_values(scores, na_position="last"),
        "experience_rates": experience_rows(page),
        **_unsaid_tables(page),
        "weak_sides": page.priority_areas,
        "recommendations": page.recommendations,
        "tracker": page.tracker,
        "expectations": page_expectations(page),
        "quality": _quality_rows(page),
        "interventions": _told_rows(page, page.interventions),
        "course": _told_rows(page, page.course),
        **{f"questions_{source}": item_rows(page, source) for source in page.setup.round.sources},
        **{f"units_{source}": _unit_rows(page, source).sort_values(scores) for source in units},
    }
    return {name: as_shown(table, _decimals(name)) for name, table in tables.items()}


def _decimals(name: str) -> dict[str, int]:
    """Decimals of the figures of a table, as its page shows them; of the others two."""
    return COUNTS | (ONE_DECIMAL if name in WITH_ONE_DECIMAL or name.startswith(("units_", "questions_")) else {})


def _unsaid_tables(page: InstitutionPage) -> dict[str, pd.DataFrame]:
    """What indirect questions tell, where any were asked."""
    rows = page.figures[page.figures["measure"].isin(UNSAID)]
    return {"unsaid": rows} if len(rows) else {}


def experience_rows(page: InstitutionPage) -> pd.DataFrame:
    """Experience rates source by source, in the order of the questionnaire."""
    return page.rows("experience_rate")


def item_rows(page: InstitutionPage, source: str) -> pd.DataFrame:
    """A row per score item with its three shares, in the order of the questionnaire; n and limits of the first."""
    rows = page.rows("item_favourable", source=source)
    others = {
        name: page.rows(f"item_{name}", source=source).set_index("part")["estimate"]
        for name in ("neutral", "unfavourable")
    }
    return rows.assign(**{name: rows["part"].map(shares) for name, shares in others.items()})


def _index_rows(rows: pd.DataFrame) -> pd.DataFrame:
    index = rows[rows["measure"].isin(INDEX_MEASURES)]
    # Sources of different kind have no effective number of answers in common.
    return index.assign(effective_n=np.nan)


def _composition_rows(page: InstitutionPage) -> pd.DataFrame:
    """Score and points of each part, then the index."""
    parts = page.rows("index_part")
    scores = page.rows("source_score").set_index("source", drop=False)
    rows = []
    for _, part in parts.iterrows():
        rows += [scores.loc[part["part"]], part] if part["part"] in scores.index else [part]
    if not rows:
        rows = [row for _, row in scores.iterrows()]
    index = page.rows("index").assign(effective_n=np.nan)
    return pd.DataFrame([*rows, *(row for _, row in index.iterrows())], columns=page.figures.columns)


def _history_rows(page: InstitutionPage) -> pd.DataFrame:
    """Published years, this round, and the change, as on the page; then the published parts."""
    parts = PUBLISHED_PARTS
    past = page.history.rename(columns={"index": "estimate"}).assign(measure="index", basis="published")
    bases = {"index": own_basis(page), "index_change": change_basis(page)}
    now = [
        {
            "year": page.setup.round.year,
            "measure": measure,
            "basis": basis,
            **row[["estimate", "ci_low", "ci_high", "n"]],
        }
        for measure, basis in bases.items()
        if (row := page.figure(measure)) is not None
    ]
    columns = ["year", "measure", "estimate", "ci_low", "ci_high", "n", "basis"]
    table = pd.DataFrame([*past.reindex(columns=[*columns, *parts]).to_dict("records"), *now])
    return table.reindex(columns=[*columns, *parts])


def _bridge_tables(page: InstitutionPage) -> dict[str, pd.DataFrame]:
    """Contributions of the change; empty where there are none, so that none of an earlier run stay behind."""
    rows = bridge_rows(page)
    inner = rows["measure"] == "change_dimension"
    return {"change_parts": rows[~inner], "change_dimensions": rows[inner]}


def _change_tables(page: InstitutionPage) -> dict[str, pd.DataFrame]:
    """Changes of dimensions and of questions; empty where the year before is not known."""
    rows, names = change_rows(page), {"dimension_changes": "dimension_change", "question_changes": "item_change"}
    return {name: rows[rows["measure"] == measure] for name, measure in names.items()}


def _unit_rows(page: InstitutionPage, source: str) -> pd.DataFrame:
    """Direct scores, with those of the model beside them."""
    model = page.rows("unit_score_model", source=source).set_index("domain")
    names = ["estimate", "se", "ci_low", "ci_high"]
    beside = model[names].rename(columns={name: f"model_{name}" for name in names})
    return page.rows("unit_score", source=source).join(beside, on="domain")


def _told_rows(page: InstitutionPage, rows: pd.DataFrame) -> pd.DataFrame:
    """The register, or how the survey went; nothing where the work is secret."""
    return rows.iloc[:0] if page.withheld_reason == SECRET else rows


def _quality_rows(page: InstitutionPage) -> pd.DataFrame:
    shares = page.rows("index_variance_share").set_index("part")["estimate"]
    table = page.who[["source", "answered", "effective_n", "kish_deff"]]
    return table.assign(index_variance_share=table["source"].map(shares))
