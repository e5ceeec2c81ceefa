"""The bars of indirect questions in short; `python -m benchmarks.fear` is the long version."""

import pandas as pd
import pytest

from benchmarks.fear import covered, failures, hostile, powers


@pytest.mark.long
def test_bars_in_short() -> None:
    """A hundred rounds of 540 answers: intervals hold, power is that of the formula, checks raise no false alarm."""
    worlds = hostile(20, 20241129)
    found = failures(covered(100, 20241129, (540,), (0.15,)), powers(60, 20241129, (540,)), worlds)
    assert not found, found
    bias = worlds.set_index(["world", "way"])["bias"]
    assert bias["half leave it out of the number", "combined"] < -0.02, "who leaves it out stays unseen"
    assert bias["a fifth answer crossed at random", "crosswise"] > 0.03, "towards one half"
    alarms = worlds.set_index("world")
    assert alarms.loc["the longer list takes one off for a fifth", "design_effect"].min() > 0.9
    assert alarms.loc["three in ten give no number", "refusals"].min() > 0.9


def test_a_missed_bar_is_named() -> None:
    facts = {"way": "gap", "size": 540, "share": 0.15, "runs": 1000}
    good = pd.DataFrame([facts | {"coverage": 0.95, "below": 0.025, "above": 0.025}])
    power = pd.DataFrame([{"way": "gap", "size": 540, "gap": 0.2, "found": 0.8, "rounds": 1000}])
    calm = dict.fromkeys(["design_effect", "refusals", "placebo_yes", "placebo_arm"], 0.05)
    worlds = pd.DataFrame([{"world": "as assumed", "runs": 1000} | calm])
    assert not failures(good, power, worlds)
    assert len(failures(good.assign(coverage=0.90, below=0.09), power, worlds)) == 2
    assert len(failures(good, power.assign(found=0.5), worlds.assign(refusals=0.2))) == 2
