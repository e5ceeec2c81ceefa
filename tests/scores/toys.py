"""A questionnaire of five questions and figures for it, small enough to count by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.params import Instrument


def words(text: str) -> dict[str, str]:
    return {"id": text, "en": text}


def scale(low: int, high: int) -> dict[str, Any]:
    codes = [*range(low, high + 1), 8, 9]
    return {
        "minimum": low,
        "maximum": high,
        "labels": {code: words(str(code)) for code in codes},
        "missing": {8: "dont_know", 9: "refused"},
    }


def item(code: str, direction: str = "positive", weight: float = 1.0) -> dict[str, Any]:
    return {"code": code, "text": words(code), "scale": "five", "direction": direction, "weight": weight}


def indicator(code: str, items: list[dict[str, Any]], weight: float = 1.0) -> dict[str, Any]:
    return {"code": code, "label": words(code), "items": items, "weight": weight}


def dimension(code: str, indicators: list[dict[str, Any]], weight: float = 1.0) -> dict[str, Any]:
    return {"code": code, "label": words(code), "about": words(code), "indicators": indicators, "weight": weight}


def instrument() -> Instrument:
    """Dimension ``open``: indicators of a, b and of c; dimension ``fair`` (weight 3): d. A contact, an experience."""
    dimensions = [
        dimension("open", [indicator("one", [item("a"), item("b", "negative")]), indicator("two", [item("c")])]),
        dimension("fair", [indicator("three", [item("d")])], weight=3.0),
    ]
    contact = {"code": "met", "text": words("met"), "scale": "yes_no"}
    asked = {"code": "asked", "label": words("asked"), "text": words("asked"), "scale": "yes_no", "contact": "met"}
    return Instrument.model_validate(
        {
            "instrument_id": "toy",
            "title": words("toy"),
            "source": "a toy",
            "as_of": "2024-01-01",
            "scales": {"five": scale(1, 5), "yes_no": scale(0, 1)},
            "sources": {"internal": {"dimensions": dimensions, "contacts": [contact], "experiences": [asked]}},
        }
    )


def answers(**columns: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype=float)
