from __future__ import annotations

import svy
from common import MARGINS, NUMBERS, data, timed

sample = svy.Sample(data, svy.Design(wgt="weight"))
terms = [*(svy.Cat(name) for name in MARGINS), *NUMBERS]
timed({"logistic": lambda: lambda: sample.glm.fit("answered", x=terms, family="binomial")})
