from __future__ import annotations

import svy
from common import data, margins, timed

sample = svy.Sample(data, svy.Design(wgt="weight"))
timed({"raked": lambda: lambda: sample.weighting.rake(controls=margins)})
