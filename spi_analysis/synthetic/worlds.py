"""Worlds: what an estimator has to face in a generated city, by name, from the kindest to the worst.

logit(p) = intercept + source + unit + position + sex + age, and what the world adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, nearest
from spi_analysis.params import ListKind, Source
from spi_analysis.synthetic.answers import MIDDLE_AGE, ScoredItems, UnitEffects
from spi_analysis.synthetic.randomness import Streams, solve_increasing

USERS = -0.4  # users answer less than employees
UNIT_SD = 0.6
POSITIONS = {"top_official": 0.3, "structural": 0.35, "functional": 0.1, "staff": -0.1, "non_asn": -0.35}
FEMALE = 0.1
PER_DECADE = -0.06
EXPERTS = 0.95
FIRST_CONTACT = 0.45  # share of the answers that follow the invitation, not a reminder
SURE = 0.95  # no listed person is likelier to answer


@dataclass(frozen=True)
class World:
    """Strengths of what weighting by the list cannot see, or sees in part; 0 where the world has none of it.

    ``cell_score``: points per standard deviation of an effect of every unit x class (of users: unit x service);
    ``cell_response``: log-odds per standard deviation of another, with which it has the correlation ``together``;
    ``per_reminder``: points that the score falls by for every reminder that somebody needs; ``on_answer``: log-odds to
    answer per standard deviation of the own score inside units; ``house``: intraclass correlation of the scores of
    experts of one kind; ``nominators``: points by which experts whom the institution put on a list find it better;
    ``coached``: who is told what to answer, ``coached_share``: their share of the employees who
    answer, ``script``: chance that an item takes the script's answer.
    """

    name: str
    cell_score: float = 0.0
    cell_response: float = 0.0
    together: float = 0.5
    per_reminder: float = 0.0
    on_answer: float = 0.0
    house: float = 0.0
    nominators: float = 0.0
    coached: Literal["", "unit", "institution"] = ""
    coached_share: float = 0.2
    script: float = 0.8

    @property
    def people_coached(self) -> float:
        """Share of all employees who are coached: they answer twice as often as others."""
        return self.coached_share / (2 - self.coached_share) if self.coached else 0.0


ADDITIVE = World("additive")
WORLDS = {
    world.name: world
    for world in (
        ADDITIVE,
        World("interaction", cell_score=6.0, cell_response=0.6),
        World("callback", per_reminder=1.5),
        World("depends_on_answer", on_answer=0.3),
        World("panel_house", house=0.3),
        World("friendly_names", house=0.3, nominators=8.0),
        World("coached_unit", coached="unit"),
        World("coached_institution", coached="institution"),
    )
}


def world_named(name: str) -> World:
    """The world of this name.

    Raises
    ------
    InputError   no world has this name.
    """
    if name not in WORLDS:
        raise InputError("unknown world", got=name, expected=", ".join(WORLDS), hint=nearest(name, WORLDS))
    return WORLDS[name]


@dataclass(frozen=True)
class CellEffects:
    """Standardised effects of everybody's cell on score and on response, (people,) each; 0 for experts."""

    score: np.ndarray
    response: np.ndarray


def draw_cell_effects(
    people: pd.DataFrame, kinds: Mapping[Source, ListKind], together: float, streams: Streams
) -> CellEffects:
    """Normal effects of the cells of every list, the same for all people of a cell."""
    score, response = np.zeros(len(people)), np.zeros(len(people))
    for source, kind in kinds.items():
        rows = np.flatnonzero(people["source"] == source)
        if kind == "expert":
            continue
        inner = "service" if kind == "external" else "position_class"
        cell, names = pd.factorize(people["unit"].iloc[rows] + "/" + people[inner].iloc[rows].fillna(""), sort=True)
        first, second = streams(f"{source} cells").standard_normal((2, len(names)))
        score[rows] = first[cell]
        response[rows] = (together * first + np.sqrt(1 - together**2) * second)[cell]
    return CellEffects(score, response)


def listed_logit(
    people: pd.DataFrame, kinds: Mapping[Source, ListKind], ages: np.ndarray, units: dict[Source, UnitEffects]
) -> np.ndarray:
    """What the lists say of everybody's willingness to answer, in log-odds (people,), before the intercept."""
    source, kind = people["source"].to_numpy(), kinds_of(people, kinds)
    logit = np.where(kind == "external", USERS, 0.0) + _listed_part(people, ages)
    for name, effects in units.items():
        rows = source == name
        logit[rows] += UNIT_SD * people["unit"][rows].map(effects.response).to_numpy(dtype=float)
    return logit


def response_propensity(people: pd.DataFrame, kind: np.ndarray, logit: np.ndarray, rate: float) -> pd.Series:
    """Response probabilities; their mean over the eligible employees and users is ``rate``."""
    counted = logit[people["is_eligible"].to_numpy() & (kind != "expert")]
    intercept = solve_increasing(lambda shift: float(_probability(counted + shift).mean()), rate, -30.0, 30.0)
    return pd.Series(np.where(kind == "expert", EXPERTS, _probability(logit + intercept)), index=people.index)


def kinds_of(people: pd.DataFrame, kinds: Mapping[Source, ListKind]) -> np.ndarray:
    """Which kind of generated person each one is: employee, user or expert."""
    return people["source"].map(dict(kinds)).to_numpy(dtype=object)


def inside_units(score: np.ndarray, people: pd.DataFrame, listed: np.ndarray) -> np.ndarray:
    """Scores of the ``listed`` as distances from the mean of their unit, in standard deviations; 0 for the others."""
    apart = np.zeros(len(score))
    table = people.loc[listed, ["source", "unit"]].assign(score=score[listed])
    centred = table["score"] - table.groupby(["source", "unit"])["score"].transform("mean")
    spread = centred.groupby(table["source"]).transform("std").clip(lower=1e-9)
    apart[listed] = centred / spread
    return apart


def reminders_needed(resistance: np.ndarray, propensity: np.ndarray, reminders: int) -> np.ndarray:
    """How many reminders somebody needs, one more than are sent if no number of them is enough.

    Parameters
    ----------
    resistance : ndarray (people,)   even on 0 to 1; who has less than the response probability answers
    reminders : int                  how many are sent
    """
    place = resistance / propensity
    later = 1 + np.floor((place - FIRST_CONTACT) / (1 - FIRST_CONTACT) * reminders).clip(max=reminders)
    answering = np.where(place < FIRST_CONTACT, 0, np.minimum(later, reminders))
    return np.where(place < 1, answering, reminders + 1).astype(int)


def draw_coached_people(people: pd.DataFrame, world: World, rng: np.random.Generator) -> np.ndarray:
    """Who is coached (people,), of the employees: anybody, or all of unit after unit."""
    employees = np.flatnonzero(people["source"] == "internal")
    coached = np.zeros(len(people), dtype=bool)
    wanted = round(world.people_coached * len(employees))
    if world.coached == "institution":
        coached[rng.permutation(employees)[:wanted]] = True
    elif world.coached == "unit":
        units = people["unit"].iloc[employees]
        sizes = units.value_counts(sort=False).sort_index()
        order = sizes.iloc[rng.permutation(len(sizes))]
        chosen = order.index[order.cumsum() - order / 2 <= wanted]
        coached[employees[units.isin(chosen).to_numpy()]] = True
    return coached


def scripted(codes: np.ndarray, items: ScoredItems, chance: float, rng: np.random.Generator) -> np.ndarray:
    """Codes (people, items) of coached people: each takes, with this chance, the script's, one of the two best."""
    script = items.to_codes(items.steps - (rng.random(len(items.codes)) < 0.5))
    return np.where(rng.random(codes.shape) < chance, script, codes)


def eager(propensity: pd.Series, coached: np.ndarray) -> pd.Series:
    """Response probabilities where the coached answer twice as often."""
    return propensity.where(~coached, (2 * propensity).clip(upper=SURE))


def _listed_part(people: pd.DataFrame, ages: np.ndarray) -> np.ndarray:
    position = people["position_class"].map(POSITIONS).fillna(0).to_numpy(dtype=float)
    female = (people["sex"] == "female").to_numpy()
    return position + FEMALE * female + PER_DECADE * (ages - MIDDLE_AGE) / 10


def _probability(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))
