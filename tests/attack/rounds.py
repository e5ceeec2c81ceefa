"""Generated rounds built to be the worst for those who hide: people, answers and what is released of them.

Everyone weighs 1 and answers everything, so that what an intruder works out is exact. The scores come from
``score_institution``, as in a real round; all that is kept of them is what leaves the house.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.stages.change import PublishedFigure
from spi_analysis.stages.score import score_institution
from spi_analysis.tables import as_shown

TOWN, REPLICATES = "kota-mojokerto", 40
SENT = pd.Timestamp("2024-08-01 09:00")


@dataclass(frozen=True)
class Group:
    """People of one unit and position class: how many were invited and answered, and how good they say things are."""

    unit: str
    position: str
    invited: int
    answered: int
    level: float
    spread: float = 12.0


@dataclass(frozen=True)
class Plan:
    """What a round is made of; ``experiences``: for every item of the external source (contacts, of whom yes)."""

    name: str
    internal: Sequence[Group]
    external: Sequence[Group]
    experts: Sequence[float]
    contacts: int | None = None
    yes: int = 30
    open_dimensions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Released:
    """What an intruder holds, and (``people``, ``truth``) what is only used to judge what he claims.

    ``shown``: rows of the released tables, rounded as they are there; ``lists``: source, unit, position_class, invited
    (whoever made the lists knows them) and ``answered`` (an insider's estimate from the weights; here exact).
    """

    plan: Plan
    shown: pd.DataFrame
    hidden: pd.DataFrame
    lists: pd.DataFrame
    people: pd.DataFrame
    weights: Mapping[str, float]
    corrections: float
    level: float


def scored(setup: RoundSetup, plan: Plan, seed: int) -> pd.DataFrame:
    """The table ``estimates`` of a generated round."""
    return _made(setup, plan, seed)[0]


def released(setup: RoundSetup, plan: Plan, seed: int) -> Released:
    """A round as it leaves the house."""
    estimates, people = _made(setup, plan, seed)
    shown = as_shown(estimates[estimates["status"] == "shown"])
    keys = ["source", "unit", "position_class"]
    lists = people.groupby(keys, dropna=False).agg(invited=("score", "size"), answered=("score", "count")).reset_index()
    corrections = sum(setup.inputs[TOWN].corrections.values())
    weights = setup.round.index.source_weights
    hidden = estimates[estimates["status"] != "shown"]
    return Released(plan, shown, hidden, lists, people, weights, corrections, setup.round.level)


def _made(setup: RoundSetup, plan: Plan, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng, parts = np.random.default_rng(seed), []
    for source in ("internal", "external"):
        parts += [_people(setup, source, group, rng) for group in getattr(plan, source)]
    experts = [Group("", "", 1, 1, level, 0.0) for level in plan.experts]
    parts += [_people(setup, "expert", group, rng) for group in experts]
    people = pd.concat(parts, ignore_index=True)
    people["person_id"] = [f"p{i:05d}" for i in range(len(people))]
    people = people.assign(institution_id=TOWN)
    _experiences(people, setup, plan)
    _open_dimensions(people, setup, plan)
    answered = people[people["score"].notna()]
    codes = [code for source in setup.round.sources for code in setup.instrument.codes(source)]
    responses = answered[["institution_id", "person_id", "source", *codes]].assign(started_at=SENT, completed_at=SENT)
    estimates = score_institution(
        people.drop(columns=codes), responses, _weights(people), _replicates(answered, rng), setup.round,
        setup.instrument, setup.inputs[TOWN], PublishedFigure(2023, 78.37),
    ).estimates  # fmt: skip
    return estimates, people


def _people(setup: RoundSetup, source: str, group: Group, rng: np.random.Generator) -> pd.DataFrame:
    """Invited people of a group; those who answered first, with a score near the group's level."""
    table = pd.DataFrame(index=range(group.invited)).assign(
        source=source, unit=group.unit or None, position_class=group.position or None, stream="list", is_eligible=True
    )
    wanted = np.clip(rng.normal(group.level, group.spread, group.answered), 0, 100)
    items, scores = setup.instrument.items(source), []
    for item in items:
        scale = setup.instrument.scales[item.scale]
        width = scale.maximum - scale.minimum
        # Rounded up or down at random, so that the items of a person come near the wanted score.
        steps = np.floor(wanted / 100 * width + rng.random(group.answered)).clip(0, width)
        codes = scale.minimum + (steps if item.direction == "positive" else width - steps)
        table.loc[: group.answered - 1, item.code] = codes
        scores.append(100 * steps / width)
    own = pd.DataFrame(np.array(scores).T, columns=[item.code for item in items])
    table.loc[: group.answered - 1, "score"] = own @ setup.instrument.item_weights(source)["score"]
    return table


def _experiences(people: pd.DataFrame, setup: RoundSetup, plan: Plan) -> None:
    """Who had contact and said yes, first come first; employees all had contact, and half say yes."""
    for source in ("internal", "external"):
        part = setup.instrument.sources[source]
        rows = people.index[(people["source"] == source) & people["score"].notna()]
        contacts = len(rows) if source == "internal" or plan.contacts is None else plan.contacts
        yes = len(rows) // 2 if source == "internal" else plan.yes
        for question in part.contacts:
            people.loc[rows, question.code] = (np.arange(len(rows)) < contacts).astype(float)
        for question in part.experiences:
            people.loc[rows, question.code] = (np.arange(len(rows)) < yes).astype(float)


def _open_dimensions(people: pd.DataFrame, setup: RoundSetup, plan: Plan) -> None:
    """Dimensions that only the first few of the internal source answered: "do not know" of all others."""
    rows = people.index[(people["source"] == "internal") & people["score"].notna()]
    for dimension in setup.instrument.sources["internal"].dimensions:
        if dimension.code in plan.open_dimensions:
            people.loc[rows[plan.open_dimensions[dimension.code] :], [item.code for item in dimension.items]] = 8.0


def _weights(people: pd.DataFrame) -> pd.DataFrame:
    answers = people["score"].notna()
    facts = {"nr_class": "all", "disposition": np.where(answers, "I", "NC"), "weight": answers.astype(float)}
    return people[["institution_id", "person_id", "source"]].assign(**facts)


def _replicates(answered: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Bootstrap of the people of the sources that are drawn at random."""
    people = answered[answered["source"] != "expert"]
    parts = []
    for _, part in people.groupby("source", sort=False):
        n = len(part)
        parts.append(rng.multinomial(n, np.full(n, 1 / n), REPLICATES).T.astype(float))
    columns = [f"r{i:04d}" for i in range(1, REPLICATES + 1)]
    values = pd.DataFrame(np.vstack(parts), people.index, columns)
    return pd.concat([people[["source", "person_id"]], values], axis=1).reset_index(drop=True)


# --- the rounds


def _units(sizes: Mapping[str, tuple[int, float]], rate: float = 0.3, position: str = "staff") -> list[Group]:
    return [Group(name, position, round(n / rate), n, level) for name, (n, level) in sizes.items()]


USERS = _units({"Dinas Satu": (60, 88), "Puskesmas": (50, 86), "Dinas Dua": (40, 84)})
STAFF = _units({"Dinas Satu": (60, 75), "Dinas Dua": (50, 70), "Dinas Tiga": (30, 78), "Kecamatan": (20, 72)})
EXPERTS = (90.0, 80.0, 76.0, 73.0, 70.0, 66.0, 60.0, 83.0, 86.0)
BASE = Plan("base", STAFF, USERS, EXPERTS)


def _two_ways(*facts: tuple[str, str, int, float], rate: float = 0.3) -> list[Group]:
    return [Group(unit, position, round(n / rate), n, level) for unit, position, n, level in facts]


WORST: dict[str, Plan] = {
    "a unit of 3 near the ceiling": replace(
        BASE, internal=_units({"A": (60, 92), "B": (3, 99.9), "C": (12, 99.5), "D": (40, 90), "E": (14, 99)})
    ),
    "a unit of 9 beside one of 300": replace(BASE, internal=_units({"A": (300, 75), "B": (9, 40)})),
    "a unit of 8 beside one of 10": replace(
        BASE, internal=_units({"A": (90, 75), "B": (8, 50), "C": (10, 96), "D": (33, 72)})
    ),
    "a class that is the unit hidden with it": replace(
        BASE,
        internal=_two_ways(
            ("A", "staff", 60, 75), ("D", "staff", 30, 70), ("B", "staff", 4, 30), ("C", "functional", 12, 80),
            ("A", "structural", 25, 77),
        ),
    ),
    "classes that cut hidden units": replace(
        BASE,
        internal=_two_ways(
            ("A", "staff", 40, 80), ("A", "structural", 12, 84), ("B", "staff", 3, 95), ("B", "structural", 4, 90),
            ("C", "staff", 5, 97), ("C", "functional", 11, 99), ("D", "functional", 20, 96), ("E", "staff", 15, 99),
        ),
    ),
    "two dimensions that few answered, both high": replace(
        BASE, internal=_units({"A": (60, 97), "B": (50, 98)}), open_dimensions={"hr": 9, "budget": 12}
    ),
    "nearly all of a unit answered": replace(
        BASE, internal=[*STAFF, Group("Bagian Umum", "staff", 31, 30, 76), Group("Bagian Hukum", "staff", 26, 25, 76)]
    ),
    "nearly all of every unit answered": replace(
        BASE, internal=_units({"A": (40, 75), "B": (7, 70), "C": (12, 80), "D": (30, 77)}, rate=0.97)
    ),
    "a unit that is of one mind": replace(BASE, internal=[*STAFF, Group("Bagian Umum", "staff", 50, 12, 80, 0.0)]),
    "a unit of one mind at the ceiling": replace(
        BASE, internal=[*STAFF, Group("Bagian Umum", "staff", 50, 12, 100, 0.0)]
    ),
    "two of 138 said yes": replace(BASE, contacts=138, yes=2),
    "nobody said yes": replace(BASE, contacts=138, yes=0),
    "ten had contact, and all said yes": replace(BASE, contacts=10, yes=10),
    "all but three said yes": replace(BASE, contacts=90, yes=87),
    "eight had contact": replace(BASE, contacts=8, yes=4),
    "six experts alike": replace(BASE, experts=(80.0,) * 6),
    "four experts, under the threshold": replace(BASE, experts=(90.0, 80.0, 70.0, 60.0)),
    "nine answers of users": replace(BASE, external=_units({"Dinas Satu": (9, 88)})),
}  # fmt: skip


def panel_plans(rng: np.random.Generator, size: int, number: int) -> Iterator[Plan]:
    """Panels of a size whose members differ as experts of many institutions do: SD from 4 to 14 points."""
    for _ in range(number):
        mean, sd = rng.normal(76, 8), rng.uniform(4, 14)
        yield replace(BASE, name=f"a panel of {size}", experts=tuple(np.clip(rng.normal(mean, sd, size), 0, 100)))


def random_plans(rng: np.random.Generator, number: int) -> Iterator[Plan]:
    """Units and classes of any size and level, near the ceiling more often than not."""
    for _ in range(number):
        groups = [
            Group(unit, position, n + int(rng.integers(1, 60)), n, float(rng.choice([70, 85, 95, 98])))
            for unit in "ABCDEF"
            for position in ("staff", "structural", "functional")
            if (n := int(rng.choice([0, 1, 2, 4, 7, 11, 16, 30])))
        ]
        yield replace(BASE, name="random units and classes", internal=groups)
