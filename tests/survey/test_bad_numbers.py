"""Numbers that are none, arrays that do not fit and records with gaps get the library's own error, which names them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_analysis import survey
from spi_analysis.errors import SpiError

STRATA = pd.DataFrame({"pop_size": [100, 50], "response": [0.5, 0.4], "sd": [10.0, 5.0]})
FRAME = pd.DataFrame({"person_id": ["p1", "p2"], "stratum": "a"})
SECRET = b"for examples only"
RECORD = survey.draw_record(FRAME, FRAME[:1], {"secret": SECRET, "public_value": "7214.17"})
WITHOUT_WAVES = [{name: value for name, value in RECORD["strata"][0].items() if name != "waves"}]


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in RECORD.items() if name != field}


CALLS: list[tuple[str, Callable[[], object], str]] = [
    ("size without a margin", lambda: survey.sample_size(margin=None), "margin"),
    ("size of a word", lambda: survey.sample_size(level="95%"), "level"),
    ("mean without a spread", lambda: survey.sample_size_mean(sd=None, margin=1.0), "sd"),
    ("margin of nobody known", lambda: survey.margin_of_error(None), "n is out of range"),
    ("difference among nobody", lambda: survey.detectable_difference(10, (1, 1), population=0), "population"),
    ("difference of one spread", lambda: survey.detectable_difference(10, 5.0), "sd"),
    ("design effect of 0", lambda: survey.detectable_difference(10, (1, 1), deff=0), "deff"),
    ("change of nothing", lambda: survey.sample_size_change(None, (1, 1)), "difference"),
    ("change in an unknown list", lambda: survey.sample_size_change(1, (1, 1), population="all"), "population"),
    ("overlap that is none", lambda: survey.difference_variance((1, 1), overlap=None), "overlap"),
    ("one share of two", lambda: survey.proportion_correlation((0.5,), 0.2), "p is out of range"),
    ("two means without a spread", lambda: survey.sample_size_two_means(1, None), "sd"),
    ("power of a word", lambda: survey.sample_size_two_means(1, 1, power="high"), "power"),
    ("two shares without numbers", lambda: survey.sample_size_two_proportions((None, 0.5)), "p is out of range"),
    ("interval without a share", lambda: survey.size_for_interval(0.05, None), "p is out of range"),
    ("domain without a share", lambda: survey.size_for_domain(0.1, 0.5, None), "share"),
    ("answers that are none", lambda: survey.invitations_for(STRATA, None), "completes"),
    ("invitations that are none", lambda: survey.invitations_by(STRATA, None), "invited"),
    ("answers of one stratum", lambda: survey.stratified_margin(STRATA, [10]), "completes"),
    ("level above 1", lambda: survey.stratified_margin(STRATA, [10, 10], level=95), "level"),
    ("sizes of other strata", lambda: survey.achieved_cv(*with_targets(pd.Series([1]))), "1 sizes"),
    ("no waves", lambda: survey.wave_sizes(10, []), "shares"),
    ("waves of nobody", lambda: survey.wave_sizes(10, [0.0, 0.0]), "shares"),
    ("reserve that is none", lambda: survey.with_reserves(10, 20, [None]), "reserve 1"),
    ("start that is none", lambda: survey.rotated_start(None, 0.5), "start"),
    ("fractions of other strata", lambda: survey.expected_overlap([0.1, 0.2], [0.1, 0.2, 0.3], 0.0), "2 and 3"),
    ("fractions of other rounds", lambda: survey.rotation_for([0.1, 0.2], [0.1, 0.2, 0.3]), "2 and 3"),
    ("known total that is none", lambda: survey.coverage(pd.Series({"a": 1}), {"a": "many"}), "many"),
    ("a person on a list twice", lambda: survey.lists_shared(TWICE, TWICE), "twice"),
    ("count of nobody known", lambda: survey.safe_count(None, 10, 5), "count"),
    ("level that is not there", lambda: survey.shown_counts(pd.DataFrame({"people": [9]}), 5, within="unit"), "unit"),
    ("value that is none", lambda: survey.stratum_of(["a lot"], [3]), "no number"),
    ("fact that is no text", lambda: survey.canonical({"a": {1, 2}}), "JSON"),
    ("record that is a list", lambda: survey.other_version([RECORD]), "list"),
    ("sums of other rows", lambda: survey.group_sums(np.array([0, 1]), np.ones(3)), "3 rows"),
    ("codes in a table", lambda: survey.group_counts(np.zeros((2, 2), dtype=int)), "2 dimensions"),
    ("record without method", lambda: survey.design_of(without("method")), "method"),
    ("record without counts", lambda: survey.record_differences(without("pop_size")), "pop_size"),
    ("record without strata", lambda: survey.verify_draw(without("strata"), FRAME, None), "strata"),
    ("stratum without waves", lambda: survey.design_of(RECORD | {"strata": WITHOUT_WAVES}), "waves, stratum 1"),
    ("people without answers", lambda: survey.bias_of_respondents(np.ones(2), np.ones((3, 1))), "3 rows"),
    ("nothing to do", lambda: survey.on_all_cores(len, [], workers=1), "no items"),
    ("two stages without units", lambda: survey.draw_sample(FRAME, two_stage(), SECRET), "no unit, units, people"),
]
TWICE = pd.Series(["web", "web"], index=["p1", "p1"])


def two_stage() -> survey.DrawDesign:
    return survey.DrawDesign("7214.17", sizes={"a": [1]}, method={"name": "two_stage"})


def with_targets(n: pd.Series) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    strata = pd.DataFrame({"N": [10, 20], "mean_y": 5.0, "sd_y": 1.0})
    return strata, n, pd.DataFrame({"domain": [""], "variable": ["y"], "cv": [0.1]})


@pytest.mark.parametrize(("call", "part"), [one[1:] for one in CALLS], ids=[one[0] for one in CALLS])
def test_what_is_wrong_is_named(call: Callable[[], object], part: str) -> None:
    with pytest.raises(SpiError) as caught:
        call()
    assert part in str(caught.value), str(caught.value)
