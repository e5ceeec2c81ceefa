"""Scores computed the long way, item by item from the YAML, to stand beside the generator's own."""

import csv

import pandas as pd

from spi_analysis.params import RoundSetup, Source
from spi_analysis.synthetic import SyntheticCity

FIVE = ("kota-mojokerto", "kabupaten-probolinggo", "kota-bengkulu", "kota-pangkalpinang", "kota-tebing-tinggi")


def person_scores(city: SyntheticCity, setup: RoundSetup, source: Source) -> pd.Series:
    """Source score of everyone of a source: mean over dimensions of indicators of items."""
    answers = city.answers[city.people["source"] == source]
    dimensions = []
    for dimension in setup.instrument.sources[source].dimensions:
        indicators = [
            sum(item_score(answers[item.code], setup, item) for item in indicator.items) / len(indicator.items)
            for indicator in dimension.indicators
        ]
        dimensions.append(sum(indicators) / len(indicators))
    return sum(dimensions) / len(dimensions)


def item_score(codes: pd.Series, setup: RoundSetup, item) -> pd.Series:
    scale = setup.instrument.scales[item.scale]
    score = (codes - scale.minimum) / (scale.maximum - scale.minimum) * 100
    return score if item.direction == "positive" else 100 - score


def published(setup: RoundSetup, city: SyntheticCity) -> dict[str, float]:
    with (setup.workspace.params / "published.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["institution"] == city.name and row["year"] == "2024"]
    assert len(rows) == 1
    return {key: float(rows[0][key]) for key in ("index", "internal", "external", "expert")}


def true_value(city: SyntheticCity, measure: str, source: str | None = None, **where: str) -> float:
    rows = city.truth[city.truth["measure"] == measure]
    rows = rows[rows["source"].isna()] if source is None else rows[rows["source"] == source]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])
