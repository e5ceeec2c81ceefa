"""Weighting classes by hand: unknown eligibility first, then nonresponse; ineligibles stay."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import adjust_nonresponse, adjust_unknown_eligibility

# Class a: weights 10 each. Class b: weights 20 each.
SAMPLE = pd.DataFrame(
    {
        "unit": ["a", "a", "a", "a", "a", "b", "b"],
        "base_weight": [10.0, 10, 10, 10, 10, 20, 20],
        "disposition": ["I", "I", "R", "NE", "UO", "P", "NC"],
    }
)


def test_two_steps_by_hand() -> None:
    known = adjust_unknown_eligibility(SAMPLE, "unit")
    assert known.tolist() == [12.5, 12.5, 12.5, 12.5, 0, 20, 20], "the unknown's 10 goes to the four known of class a"
    final = adjust_nonresponse(SAMPLE.assign(known=known), "unit", weight="known")
    assert final.tolist() == [18.75, 18.75, 0, 12.5, 0, 40, 0], "the refusal's 12.5 goes to the two who answered"
    assert final.sum() == SAMPLE["base_weight"].sum(), "everyone on the list is still stood for"


def test_ineligible_stand_for_their_like() -> None:
    sample = SAMPLE[SAMPLE["disposition"] != "UO"]
    assert adjust_nonresponse(sample, "unit")[3] == 10, "a known ineligible neither gives nor takes"


def test_weights_within_a_class_keep_their_ratio() -> None:
    sample = pd.DataFrame({"c": "x", "w": [1.0, 3.0, 4.0], "s": [1, 1, 0]})
    assert adjust_nonresponse(sample, "c", weight="w", status="s").tolist() == [2, 6, 0]


def test_classes_may_cross_columns() -> None:
    crossed = SAMPLE.assign(sex=["f", "m"] * 3 + ["f"]).query("disposition != 'UO'")
    with pytest.raises(WeightingError, match="class has weight but no respondent"):
        adjust_nonresponse(crossed, ["unit", "sex"])


@given(
    codes=st.lists(st.sampled_from(["I", "P", "R", "NC", "O", "UH", "UO", "NE"]), min_size=4, max_size=40),
    seed=st.integers(0, 99),
)
def test_class_totals_are_kept(codes: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = len(codes) + 2
    sample = pd.DataFrame(
        {"c": ["x", "y", *rng.choice(["x", "y"], n - 2)], "w": rng.uniform(1, 9, n), "s": ["I", "I", *codes]}
    )
    known = adjust_unknown_eligibility(sample, "c", weight="w", status="s")
    final = adjust_nonresponse(sample.assign(known=known), "c", weight="known", status="s")
    before, after = (v.groupby(sample["c"]).sum() for v in (sample["w"], final))
    np.testing.assert_allclose(after, before)
    assert (final[~sample["s"].isin(["I", "P", "NE"])] == 0).all()


def test_class_without_respondent_is_named_with_a_partner() -> None:
    sample = SAMPLE.assign(disposition=["I", "I", "R", "NE", "I", "R", "NC"])
    with pytest.raises(WeightingError, match="class has weight but no respondent") as caught:
        adjust_nonresponse(sample, "unit")
    assert "key b" in str(caught.value)
    assert "40 persons" in str(caught.value)
    assert "such as 'a'" in str(caught.value)


def test_class_of_unknown_only_is_named() -> None:
    sample = SAMPLE.assign(disposition=["I", "I", "R", "NE", "I", "UO", "UH"])
    with pytest.raises(WeightingError, match="no case of known eligibility") as caught:
        adjust_unknown_eligibility(sample, "unit")
    assert "key b" in str(caught.value)


def test_weight_of_unknown_eligibility_is_never_lost_in_silence() -> None:
    with pytest.raises(WeightingError, match="unknown eligibility still have weight") as caught:
        adjust_nonresponse(SAMPLE, "unit")
    assert "1 people with 10" in str(caught.value)
