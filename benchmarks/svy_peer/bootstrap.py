from __future__ import annotations

import svy
from common import SCORES, data, margins, timed

sample = svy.Sample(data, svy.Design(stratum="stratum", psu="id", wgt="weight", pop_size="pop_size"))


def replicated() -> svy.Sample:
    return sample.weighting.create_bs_wgts(500, rstate=1)


def means_of(made: svy.Sample) -> object:
    return made.estimation.mean(SCORES, method="replication")


timed(
    {
        "means": lambda: lambda: means_of(replicated()),
        "raked_means": lambda: lambda: means_of(replicated().weighting.rake(controls=margins)),
        "written": lambda: replicated,
    }
)
