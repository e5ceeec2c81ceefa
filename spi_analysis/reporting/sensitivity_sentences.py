"""What pages 40 and 50 say of sensitivity ranges: one set of sentences, so that no two contradict each other."""

from __future__ import annotations

import pandas as pd

from spi_analysis.reporting.wording import Words
from spi_analysis.stages import Sensitivity


def range_sentences(found: Sensitivity, category: str | None, words: Words) -> list[str]:
    """What ranges there are: of the index, of which sources and of which not, and which are weakly founded.

    ``category``: that of the index as reported (None: the index is not shown).
    """
    sources = found.ranges[found.ranges["measure"] != "index"]
    known = sources["low"].notna()
    weak = sources[known & ~sources["informative"].astype(bool)]
    return [
        *_index_sentences(found, category, words),
        *_without_range(sources[~known], sources[known], found, words),
        *_weak_sentences(weak, words),
    ]


def _index_sentences(found: Sensitivity, category: str | None, words: Words) -> list[str]:
    index = found.row("index")
    if index is None or pd.isna(index["low"]):
        return []
    assert found.categories is not None
    low, high = found.categories
    facts = {"low": words.number(index["low"]), "high": words.number(index["high"])}
    if low == high == category:
        return [
            words(
                "From nonresponse that depends only on what the lists show to nonresponse that depends only on the "
                "answer itself, the index would lie between {low} and {high}. The category stays the same.",
                **facts,
            )
        ]
    return [
        words(
            "From nonresponse that depends only on what the lists show to nonresponse that depends only on the answer "
            "itself, the index would lie between {low} ({category_low}) and {high} ({category_high}).",
            **facts,
            category_low=words.value("category", low),
            category_high=words.value("category", high),
        )
    ]


def _without_range(missing: pd.DataFrame, known: pd.DataFrame, found: Sensitivity, words: Words) -> list[str]:
    """Sources without a range, why, and what follows for the index; then those that have one all the same."""
    if missing.empty:
        return []
    none = words(
        "For {names} no range can be worked out: what the list tells of people does not go with their answers, so it "
        "cannot tell how nonrespondents would have answered.",
        names=_names(missing, words),
    )
    index = words("So there is none of the index either.") if found.row("index") is not None else ""
    rest = words("For {names} alone there is a range.", names=_names(known, words)) if len(known) else ""
    return [" ".join(part for part in (none, index, rest) if part)]


def _weak_sentences(weak: pd.DataFrame, words: Words) -> list[str]:
    if weak.empty:
        return []
    return [
        words(
            "For {names} the far end of the range is weakly founded, since the lists tell little of how people answer: "
            "read it as a warning, not as a figure.",
            names=_names(weak, words),
        )
    ]


def _names(rows: pd.DataFrame, words: Words) -> str:
    return words.listed(words.value("part", measure) for measure in rows["measure"])
