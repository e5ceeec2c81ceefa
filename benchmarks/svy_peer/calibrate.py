from __future__ import annotations

import svy
from common import NUMBERS, data, margins, timed, totals

sample = svy.Sample(data, svy.Design(wgt="weight"))
controls = {svy.Cat(name): part for name, part in margins.items()} | {name: totals[name] for name in NUMBERS}
timed({"linear": lambda: lambda: sample.weighting.calibrate(controls=controls)})
