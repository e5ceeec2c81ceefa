"""Everyone of a generated city: employees, users and experts in one table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.params import Institution, RoundParams, Source
from spi_analysis.params.sources import EligibilityParams
from spi_analysis.synthetic.employees import employee_numbers, make_employees
from spi_analysis.synthetic.identities import make_identities
from spi_analysis.synthetic.offices import offices_of, service_units_of
from spi_analysis.synthetic.profiles import CityProfile
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.times import years_since
from spi_analysis.synthetic.users import make_panel, make_users

PEOPLE_COLUMNS = {
    "uid": "object",
    "source": "object",
    "name": "object",
    "employee_number": "object",
    "phone": "object",
    "email": "object",
    "unit": "object",
    "position_class": "object",
    "job_title": "object",
    "service": "object",
    "service_date": "datetime64[s]",
    "expert_group": "object",
    "is_asn": "boolean",
    "sex": "object",
    "birth_date": "datetime64[s]",
    "start_date": "datetime64[s]",
    "unit_start_date": "datetime64[s]",
    "main_work": "boolean",
    "is_eligible": "bool",
    "hidden_ineligible": "bool",
}
SAME_PERSON = ["uid", "name", "phone", "email", "sex", "birth_date"]

ALSO_EMPLOYEE = 0.01  # share of the users who are employees too
HIDDEN_INELIGIBLE = 0.025  # share of the listed who left or never used the service, which no list shows
PANEL = (8, 20)


def draw_sizes(profile: CityProfile, rng: np.random.Generator) -> dict[Source, int]:
    """How many people each list of the city holds."""
    internal, external = rng.integers(*profile.internal), rng.integers(*profile.external)
    return {
        "internal": int(internal),
        "external": int(external),
        "expert": PANEL[0] + int(rng.binomial(PANEL[1] - PANEL[0], 0.35)),
    }


def make_people(
    institution: Institution, round_: RoundParams, sizes: dict[Source, int], streams: Streams
) -> pd.DataFrame:
    """One row per person and source; people who are employee and user have the same uid in both."""
    at = np.datetime64(round_.fieldwork.start)
    code = institution.institution_id
    parts = {
        "internal": make_employees(offices_of(code), sizes["internal"], at, streams("employees")),
        "external": make_users(service_units_of(code), sizes["external"], at, streams("users")),
        "expert": make_panel(sizes["expert"], at, streams("panel")),
    }
    people = pd.concat([_complete(part, source) for source, part in parts.items()], ignore_index=True)
    identities = make_identities(people["sex"].to_numpy(), streams("identities"))
    people[list(identities)] = identities.astype(object)
    people["uid"] = [f"{code}-{number:06d}" for number in range(len(people))]
    _merge_identities(people, streams("also employee"))
    internal = people["source"] == "internal"
    people.loc[internal, "employee_number"] = employee_numbers(people[internal])
    _mark_eligibility(people, round_, at, streams("hidden ineligible"))
    return people


def listed_eligible(people: pd.DataFrame, rules: EligibilityParams, at: np.datetime64) -> pd.Series:
    """Who may be invited by what the lists show. A rule that a source does not have passes everyone."""
    eligible = pd.Series(True, index=people.index)
    if rules.min_tenure_years is not None:
        eligible &= years_since(people["start_date"].to_numpy(), at) >= rules.min_tenure_years
    if rules.min_unit_tenure_years is not None:
        eligible &= years_since(people["unit_start_date"].to_numpy(), at) >= rules.min_unit_tenure_years
    if rules.main_work_only:
        eligible &= people["main_work"].fillna(False).astype(bool)
    if rules.max_months_since_service is not None:
        eligible &= years_since(people["service_date"].to_numpy(), at) * 12 <= rules.max_months_since_service
    return eligible & ~people["position_class"].isin(rules.excluded_positions)


def _complete(part: pd.DataFrame, source: str) -> pd.DataFrame:
    """All columns of the people table, whatever the source knows of them."""
    blank = {column: False if kind == "bool" else None for column, kind in PEOPLE_COLUMNS.items()}
    missing = {column: value for column, value in blank.items() if column not in part}
    return part.assign(**{**missing, "source": source})[list(blank)].astype(PEOPLE_COLUMNS)


def _merge_identities(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Give about one user in a hundred the identity of an employee."""
    employees, users = (np.flatnonzero(people["source"] == source) for source in SOURCES[:2])
    count = min(round(ALSO_EMPLOYEE * users.size), employees.size)
    chosen = rng.choice(users, count, replace=False)
    people.loc[chosen, SAME_PERSON] = people.loc[rng.choice(employees, count, replace=False), SAME_PERSON].to_numpy()


def _mark_eligibility(people: pd.DataFrame, round_: RoundParams, at: np.datetime64, rng: np.random.Generator) -> None:
    chance = rng.random(len(people))
    for source in SOURCES:
        rows = people.index[people["source"] == source]
        listed = listed_eligible(people.loc[rows], round_.sources[source].eligibility, at)
        hidden = listed & (chance[rows] < HIDDEN_INELIGIBLE) & (round_.sources[source].nature == "probability")
        people.loc[rows, "is_eligible"] = listed & ~hidden
        people.loc[rows, "hidden_ineligible"] = hidden
