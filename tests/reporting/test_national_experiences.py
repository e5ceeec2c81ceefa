"""The overview: in how many institutions an experience was reported."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.reporting.national import experiences_table
from spi_analysis.stages.report import _without_hidden, round_experiences
from spi_analysis.stages.score import save_estimates
from spi_analysis.stages.weight import save_weights
from spi_analysis.tables import mask
from spi_analysis.tables.store import Store
from tests.reporting.test_institution import _rows
from tests.stages.town import TOWN


def test_shares_of_institutions_stand_with_interval_and_both_numbers(setup):
    """Three of four institutions: Wilson's interval of 3 of 4 is 30 to 95 % (Wilson 1927, by hand)."""
    code = setup.instrument.sources["internal"].experiences[0].code
    table = pd.DataFrame({"source": ["internal"], "item": [code], "estimate": [75.0], "ci_low": [30.06],
                          "ci_high": [95.44], "n": [4], "people": [320]})  # fmt: skip
    html = experiences_table(table, setup, is_synthetic=True).to_html("en")
    (row,) = _rows(html)
    assert row[0].endswith("(Internal)")
    assert row[1:] == ["75%", "30% to 95%", "4", "320"]
    assert "2024 (generated data)" in html
    assert "generated" not in experiences_table(table, setup, is_synthetic=False).to_html("en")


def test_a_round_without_scores_has_nothing_to_show(setup, tmp_path):

    found = round_experiences(setup, Store(tmp_path))
    assert "nothing to show" in experiences_table(found, setup, is_synthetic=False).to_html("en")


def test_the_share_of_institutions_counts_those_whose_own_rate_is_hidden(setup, drawn, scored, tmp_path):
    """By hand from the answers: who had contact, whether any of them said yes; the rate itself may be hidden."""
    store = Store(tmp_path)
    save_estimates(store, TOWN, scored)
    save_weights(store, TOWN, drawn.weighted)
    few = drawn.responses.copy()
    contact, item = (
        setup.instrument.sources["external"].contacts[0],
        setup.instrument.sources["external"].experiences[0],
    )
    others = few.index[(few["source"] == "external")][1:]
    few.loc[few["source"] == "external", contact.code] = 1.0
    few.loc[others, item.code] = 0.0
    few.loc[few.index[few["source"] == "external"][:1], item.code] = 1.0
    store.write("responses", TOWN, few)
    row = round_experiences(setup, store).set_index("item").loc[item.code]
    answered = drawn.weighted.weights.query("source == 'external' and weight > 0")
    own = scored.estimates.query("measure == 'experience_rate' and part == @item.code and denominator == 'contacts'")
    assert (row["n"], own["status"].iloc[0]) == (1, "shown")
    assert (row["estimate"], row["people"]) == (100.0, len(answered)), "one of them said yes"
    store.write("estimates", TOWN, mask(scored.estimates, scored.estimates.index.isin(own.index)))
    row = round_experiences(setup, store).set_index("item").loc[item.code]
    assert np.isnan(row["estimate"]), "of one institution the share would tell whether anyone said yes"
    assert row["people"] == len(answered) // 10 * 10


@pytest.mark.parametrize(("yes", "told"), [((0, 0), False), ((0, 3), False), ((2, 3), True), ((9, 9), True)])
def test_a_share_tells_of_no_institution_that_hides_its_rate(yes, told):
    """Two of four hide theirs: with one report or none among them the share would say of somebody that nobody did."""
    table = pd.DataFrame({"source": ["external"], "item": ["x"], "estimate": [75.0], "ci_low": [30.0],
                          "ci_high": [95.0], "n": [4], "people": [457]})  # fmt: skip
    hidden = pd.DataFrame({"source": "external", "part": "x", "estimate": yes, "n": (100, 120)})
    (row,) = _without_hidden(table, hidden, 10).to_dict("records")
    assert (not np.isnan(row["estimate"]), row["people"]) == (told, 450)
    (row,) = _without_hidden(table, hidden.iloc[:0], 10).to_dict("records")
    assert (row["estimate"], row["people"]) == (75.0, 457), "nobody hides a rate: nothing is left out"
