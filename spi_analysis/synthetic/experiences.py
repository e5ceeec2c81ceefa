"""Contact, and what people saw, were asked or paid: the worse the integrity they perceive, the more of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import Instrument, Source

CONTACT_SHARE: dict[Source, float] = {"internal": 0.6, "external": 0.85, "expert": 1.0}
# log-odds of a "yes" at score 80, and its change per point of score
LEVEL: dict[Source, float] = {"internal": -2.4, "external": -3.0, "expert": -3.0}
PER_POINT = -0.05
ITEM_SD = 0.25
REFERENCE_SCORE = 80.0

# Items that ask for either of two others, so that nobody contradicts himself.
EITHER_OF = {"ext_exp_3": ("ext_exp_1", "ext_exp_2")}


def experience_answers(
    instrument: Instrument, source: Source, scores: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Answer codes of the contact and experience items (people, items); without contact, no experience."""
    part = instrument.sources[source]
    met = {contact.code: rng.random(scores.size) < CONTACT_SHARE[source] for contact in part.contacts}
    happened: dict[str, np.ndarray] = {}
    for item in part.experiences:
        odds = LEVEL[source] + ITEM_SD * rng.standard_normal() + PER_POINT * (scores - REFERENCE_SCORE)
        happened[item.code] = met[item.contact] & (rng.random(scores.size) < 1 / (1 + np.exp(-odds)))
    for code, (first, second) in EITHER_OF.items():
        if code in happened:
            happened[code] = happened[first] | happened[second]
    questions = {question.code: instrument.scales[question.scale] for question in [*part.contacts, *part.experiences]}
    return pd.DataFrame(
        {
            code: np.where(yes, questions[code].maximum, questions[code].minimum)
            for code, yes in {**met, **happened}.items()
        },
        index=range(scores.size),
    )
