"""The frame that a perfect import of perfect lists would give, for simulations in memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.times import years_since
from spi_analysis.tables import checked, tenure_bands

AS_LISTED = ["source", "unit", "position_class", "service", "expert_group", "is_asn", "sex"]


def clean_frame(city: SyntheticCity, setup: RoundSetup) -> pd.DataFrame:
    """The city's lists without dirt (contract ``frame``): one row per person and source.

    ``is_eligible`` is what the lists show, so people with a hidden ineligibility are eligible here.
    """
    people, at = city.people, np.datetime64(city.reference_date)
    frame = people[AS_LISTED].assign(
        institution_id=city.institution_id,
        person_id=city.person_ids,
        age_group=age_groups(years_since(people["birth_date"].to_numpy(), at), setup.round.frame.age_limits),
        tenure_band=tenure_bands(pd.Series(years_since(people["start_date"].to_numpy(), at), people.index)),
        unit_tenure_band=tenure_bands(pd.Series(years_since(people["unit_start_date"].to_numpy(), at), people.index)),
        channels="whatsapp+email",
        stream="list",
        n_listings=1,
        also_listed_as=_also_listed_as(people),
        is_eligible=people["is_eligible"] | people["hidden_ineligible"],
        frame_status="clean",
        frame_problem=None,
    )
    return checked("frame", frame)


def age_groups(ages: np.ndarray, limits: list[int]) -> np.ndarray:
    """Labels such as "<30", "30-39" and "50+" for ages in years."""
    labels = [f"<{limits[0]}", *(f"{a}-{b - 1}" for a, b in pairwise(limits)), f"{limits[-1]}+"]
    return np.array(labels, dtype=object)[np.digitize(ages, limits)]


def _also_listed_as(people: pd.DataFrame) -> pd.Series:
    """The other sources in which the same person is listed."""
    sources = list(people["source"].unique())
    places = {source: people["uid"].isin(people.loc[people["source"] == source, "uid"]) for source in sources}
    others = [
        np.where(places[source] & (people["source"] != source), f"{source} ", "").astype(object) for source in sources
    ]
    return pd.Series(sum(others[1:], others[0]), index=people.index).str.strip().replace("", None)
