from __future__ import annotations

import svy
from common import SCORES, data, timed


def declared() -> svy.Sample:
    return svy.Sample(data, svy.Design(stratum="stratum", psu="id", wgt="weight", pop_size="pop_size"))


def means_of(sample: svy.Sample) -> object:
    return sample.estimation.mean(SCORES), sample.estimation.mean(SCORES, by="domain")


sample = declared()
timed({"means": lambda: lambda: means_of(sample), "with_design": lambda: lambda: means_of(declared())})
