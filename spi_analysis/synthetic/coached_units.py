"""Do the conduct checks find coached units, and how often do they flag honest ones? Generated rounds, in memory."""

from __future__ import annotations

import hashlib

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores.conduct import COACHED, HONEST
from spi_analysis.stages import conduct_of, draw_source
from spi_analysis.synthetic.city import make_city
from spi_analysis.synthetic.fieldwork import simulate_fieldwork
from spi_analysis.synthetic.perfect_frame import clean_frame

ANSWERS = (HONEST, COACHED)


def simulate_conduct(setup: RoundSetup, institution_id: str, seed: int, answers: str) -> pd.DataFrame:
    """One institution, one seed, with or without its coached units: what the checks flag.

    Parameters
    ----------
    answers : "honest" or "coached"

    Returns
    -------
    DataFrame, one row per tested unit and check: institution_id, seed, answers, source, unit, n, check, p_value,
    flagged, is_coached (whether people of the unit were coached).
    """
    round_ = setup.round_for(institution_id)
    city = make_city(setup, institution_id, seed, coached=answers == COACHED)
    frame = clean_frame(city, setup)
    secret = hashlib.sha256(f"conduct {seed}".encode()).digest()
    drawn = [draw_source(frame, round_, source, secret)[0] for source in round_.probability_sources]
    sample = pd.concat(drawn, ignore_index=True)
    _, responses = simulate_fieldwork(city, sample[["person_id", "source"]], setup, seed)
    found = conduct_of(frame, responses, round_, setup.instrument)
    coached = city.people.loc[city.people["is_coached"], ["source", "unit"]].drop_duplicates()
    known = pd.MultiIndex.from_frame(coached)
    was = pd.MultiIndex.from_frame(found[["source", "unit"]]).isin(known)
    return found.drop(columns=["observed", "expected"]).assign(
        institution_id=institution_id, seed=seed, answers=answers, is_coached=was
    )
