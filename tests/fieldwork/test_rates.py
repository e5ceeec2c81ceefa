"""AAPOR rates by hand: 50 I, 10 P, 20 R, 30 NC, 10 O, 15 UH, 25 UO, 40 NE."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.fieldwork import disposition_counts, response_rates
from spi_analysis.fieldwork.dispositions import CODES

COUNTS = pd.DataFrame([dict(zip(CODES, (50, 10, 20, 30, 10, 15, 25, 40), strict=True))], index=["internal"])
ELIGIBLE, UNKNOWN = 120, 40
E_BY_HAND = 120 / (120 + 40)


@pytest.mark.parametrize(
    ("rate", "by_hand", "rationale"),
    [
        ("n", 200, "all cases"),
        ("e", E_BY_HAND, "eligible among the known cases"),
        ("RR1", 50 / 160, "complete / everyone who may be eligible"),
        ("RR2", 60 / 160, "partials count as interviews"),
        ("RR3", 50 / (120 + 0.75 * 40), "e of the unknown are taken as eligible"),
        ("RR4", 60 / (120 + 0.75 * 40), "the same with partials"),
        ("RR5", 50 / 120, "none of the unknown are eligible"),
        ("RR6", 60 / 120, "the same with partials"),
        ("COOP1", 50 / (60 + 20 + 10), "among those reached; non-contacts are left out"),
        ("REF1", 20 / 160, "refusals / everyone who may be eligible"),
        ("CON1", 90 / 160, "reached / everyone who may be eligible"),
    ],
)
def test_rate_by_hand(rate: str, by_hand: float, rationale: str) -> None:
    assert response_rates(COUNTS).loc["internal", rate] == pytest.approx(by_hand), rationale


def test_e_may_be_given() -> None:
    assert response_rates(COUNTS, e=0.5).loc["internal", "RR3"] == pytest.approx(50 / 140)


def test_nothing_known_takes_all_as_eligible() -> None:
    unknown = COUNTS * 0
    unknown["UO"] = 10
    rates = response_rates(unknown).loc["internal"]
    assert rates["e"] == 1.0
    assert rates["RR3"] == 0.0
    assert pd.isna(rates["RR5"]), "nobody is known to be eligible: no such rate"


@given(counts=st.lists(st.integers(0, 50), min_size=8, max_size=8))
def test_rates_are_shares_in_their_order(counts: list[int]) -> None:
    rates = response_rates(pd.DataFrame([dict(zip(CODES, counts, strict=True))])).iloc[0].drop("n").dropna()
    assert rates.between(0, 1).all()
    if {"RR1", "RR3", "RR5"} <= set(rates.index):
        assert rates["RR1"] <= rates["RR3"] + 1e-12
        assert rates["RR3"] <= rates["RR5"] + 1e-12


def test_counts_have_every_code() -> None:
    people = pd.DataFrame({"source": ["a", "a", "b"], "disposition": ["I", "I", "NE"]})
    counts = disposition_counts(people, ["source"])
    assert list(counts.columns) == list(CODES)
    assert counts.loc["a", "I"] == 2
    assert counts.loc["b"].sum() == 1
