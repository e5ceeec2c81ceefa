"""Fieldwork in memory: the events and responses of whoever is invited."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import RoundSetup
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.diary import Reach, draw_diary
from spi_analysis.synthetic.events import contact_events
from spi_analysis.synthetic.questionnaire import filled_questionnaires
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.tables.contracts import checked


def simulate_fieldwork(
    city: SyntheticCity, invited: pd.DataFrame, setup: RoundSetup, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The weeks of fieldwork with the people invited.

    Parameters
    ----------
    invited : DataFrame   ``person_id`` (as in ``clean_frame``) and ``source``; who is not of the city never answers

    Returns
    -------
    events, responses : contract tables. Who completes has a row in both; who breaks off
    has a row in ``responses`` without ``completed_at``.
    """
    missing = [column for column in ("person_id", "source") if column not in invited]
    if missing:
        raise InputError("the table of invited people lacks a column", column=", ".join(missing))
    rows = find_rows(city, invited)
    everyone = np.ones(len(city.people), dtype=bool)
    events, responses = run_fieldwork(city, rows[rows >= 0], Reach(everyone, everyone), setup, seed)
    strangers = stranger_events(setup, invited.loc[rows < 0, ["person_id", "source"]].reset_index(drop=True))
    named = [with_ids(table, city) for table in (events, responses)]
    table = pd.concat([named[0], strangers.assign(institution_id=city.institution_id)], ignore_index=True)
    table = table.sort_values("at", kind="stable", ignore_index=True)
    return checked("events", table), checked("responses", named[1])


def run_fieldwork(
    city: SyntheticCity, rows: np.ndarray, reach: Reach, setup: RoundSetup, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and filled questionnaires of the people in ``rows`` of the city, keyed by ``row``."""
    streams = Streams(city.institution_id, (city.seed, seed))
    diary = draw_diary(city, setup.round_for(city.institution_id).fieldwork, reach, streams)
    return contact_events(diary, reach, rows), filled_questionnaires(city, diary, setup.instrument, rows, streams)


def find_rows(city: SyntheticCity, invited: pd.DataFrame) -> np.ndarray:
    """Row in the city's people of every invited person; -1 for somebody unknown."""
    known = pd.MultiIndex.from_arrays([city.people["source"], city.person_ids])
    return known.get_indexer(pd.MultiIndex.from_frame(invited[["source", "person_id"]]))


def with_ids(table: pd.DataFrame, city: SyntheticCity) -> pd.DataFrame:
    """The table with institution, person and source instead of row numbers."""
    rows = table["row"].to_numpy()
    return table.drop(columns="row").assign(
        institution_id=city.institution_id,
        person_id=city.person_ids.to_numpy()[rows],
        source=city.people["source"].to_numpy()[rows],
    )


def stranger_events(setup: RoundSetup, invited: pd.DataFrame) -> pd.DataFrame:
    """A message to somebody who is not of the city comes back as a wrong number."""
    at = pd.Timestamp(setup.round.fieldwork.start) + pd.Timedelta(hours=9) + pd.to_timedelta(invited.index, unit="s")
    sent = invited.assign(event="sent", at=at.as_unit("s"), channel="whatsapp")
    return pd.concat([sent, sent.assign(event="invalid_number", at=sent["at"] + pd.Timedelta(minutes=1))])
