"""Generated rounds built to be the worst for those who hide: people, answers and what is released of them.

Everyone weighs 1 and answers everything, so that what an intruder works out is exact. The scores come from
``score_institution``, as in a real round; all that is kept of them is what leaves the house.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from spi_analysis.params import Instrument, RoundSetup
from spi_analysis.params.instrument import SourceInstrument
from spi_analysis.stages.audit import keep_release, release_problems
from spi_analysis.stages.change import PublishedFigure, ScoredRound
from spi_analysis.stages.score import Scored, score_institution
from spi_analysis.tables import Store, as_shown

TOWN, REPLICATES = "kota-mojokerto", 40
# A city whose experts are drawn from a list (params/overrides/).
LISTED = "kota-tebing-tinggi"
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
class Indirect:
    """Users who were asked indirectly: who got which question, and how many of them answered how.

    ``long``, ``crossed``: people with the long list and with the crossed question, the others get the short list;
    ``same``: answers of "the same"; ``climate``: who said yes to each question on reporting;
    ``climate_open``: how many left the first of them open.
    """

    long: int = 55
    crossed: int = 40
    same: int = 25
    climate: Sequence[int] = (60, 40, 50, 70, 30)
    climate_open: int = 0


@dataclass(frozen=True)
class Plan:
    """What a round is made of; ``experiences``: for every item of the external source (contacts, of whom yes).

    ``nominators``: who named each expert: a list of as many as double, from which they are drawn;
    ``left_open``: single items that only the first so many of the internal source answered; ``last``: figures of the
    round before as ``last_results`` gives them, ``before``: that round itself.
    """

    name: str
    internal: Sequence[Group]
    external: Sequence[Group]
    experts: Sequence[float]
    contacts: int | None = None
    yes: int = 30
    open_dimensions: Mapping[str, int] = field(default_factory=dict)
    left_open: Mapping[str, int] = field(default_factory=dict)
    indirect: Indirect | None = None
    nominators: Sequence[str] = ()
    last: pd.DataFrame | None = None
    before: Plan | None = None
    targets: Mapping[str, float] = field(default_factory=dict)


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
    tables: Mapping[str, pd.DataFrame]


class Kept:
    """A store of one institution: tables as they are, and the records of its publications."""

    def __init__(self) -> None:
        self.tables: Mapping[str, pd.DataFrame] = {}
        self.records: dict[str, Any] = {}

    def read(self, name: str, institution_id: str, columns: list[str] | None = None) -> pd.DataFrame:
        """A table."""
        return self.tables[name] if columns is None else self.tables[name][columns]

    def read_record(self, name: str, institution_id: str) -> Any:
        """What was kept, or None."""
        return self.records.get(name)

    def write_record(self, name: str, institution_id: str, content: Any) -> None:
        """Keep something."""
        self.records[name] = content


def is_refused(setup: RoundSetup, before: Released, after: Released) -> bool:
    """Whether `spi publish` stops the second of two publications."""
    kept = Kept()
    kept.tables = before.tables
    keep_release(setup, cast(Store, kept), TOWN)
    kept.tables = after.tables
    return bool(release_problems(setup, cast(Store, kept), TOWN))


def scored(setup: RoundSetup, plan: Plan, seed: int) -> pd.DataFrame:
    """The table ``estimates`` of a generated round."""
    return _made(setup, plan, seed)[0].estimates


def scored_round(setup: RoundSetup, plan: Plan, seed: int) -> Scored:
    """The same with all that notebook 40 looks at."""
    return _made(setup, plan, seed)[0]


def released(setup: RoundSetup, plan: Plan, seed: int) -> Released:
    """A round as it leaves the house."""
    made, people = _made(setup, plan, seed)
    estimates = made.estimates
    shown = as_shown(estimates[estimates["status"] == "shown"])
    keys = ["source", "unit", "position_class"]
    lists = people.groupby(keys, dropna=False).agg(invited=("score", "size"), answered=("score", "count")).reset_index()
    corrections = sum(setup.inputs[TOWN].corrections.values())
    weights = setup.round.index.source_weights
    hidden = estimates[estimates["status"] != "shown"]
    tables = {"estimates": estimates, "frame": people, "weights": _weights(people, plan)}
    tables |= {"responses": people[people["score"].notna()]}
    return Released(plan, shown, hidden, lists, people, weights, corrections, setup.round.level, tables)


def _made(setup: RoundSetup, plan: Plan, seed: int) -> tuple[Scored, pd.DataFrame]:
    rng, parts = np.random.default_rng(seed), []
    for source in ("internal", "external"):
        parts += [_people(setup, source, group, rng) for group in getattr(plan, source)]
    experts = [Group("", "", 1, 1, level, 0.0) for level in plan.experts]
    parts += [_people(setup, "expert", group, rng) for group in experts]
    people = pd.concat(parts, ignore_index=True)
    people["person_id"] = [f"p{i:05d}" for i in range(len(people))]
    # One kind of everybody, so that weights by kind stay as they are.
    people = people.assign(institution_id=TOWN, sex="male", age_group="a", tenure_band="b")
    _experiences(people, setup, plan)
    _open_items(people, setup, plan)
    _modules(people, plan)
    _nominators(people, plan)
    answered = people[people["score"].notna()]
    asked = setup.instrument
    codes = [code for s in setup.round.sources for code in (*asked.codes(s), *asked.module_codes(s)) if code in people]
    responses = answered[["institution_id", "person_id", "source", *codes]].assign(started_at=SENT, completed_at=SENT)
    round_ = setup.round_for(LISTED) if plan.nominators else setup.round
    earlier = None if plan.before is None else _round_before(setup, plan.before, seed)
    made = score_institution(
        people.drop(columns=codes), responses, _weights(people, plan), _replicates(answered, plan, rng), round_,
        asked, setup.inputs[TOWN], PublishedFigure(2023, 78.37), earlier, plan.targets, last=plan.last,
    )  # fmt: skip
    return made, people


def on_scale(setup: RoundSetup, scale: str) -> RoundSetup:
    """The round with another answer scale for all questions of the internal source."""
    own = setup.instrument.sources["internal"].model_dump()
    for dimension in own["dimensions"]:
        for indicator in dimension["indicators"]:
            for item in indicator["items"]:
                item["scale"] = scale
    sources = setup.instrument.sources | {"internal": SourceInstrument.model_validate(own)}
    asked = Instrument.model_validate(setup.instrument.model_dump() | {"sources": sources})
    return replace(setup, instrument=asked)


def _round_before(setup: RoundSetup, plan: Plan, seed: int) -> ScoredRound:
    """Another round as the one of the year before, with the people and answers that a comparison needs."""
    made, people = _made(setup, plan, seed + 1)
    rules = setup.round.model_copy(update={"year": setup.round.year - 1})
    return ScoredRound(rules, setup.instrument, setup.inputs[TOWN], people, made.designs, made.estimates)


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


def _open_items(people: pd.DataFrame, setup: RoundSetup, plan: Plan) -> None:
    """Dimensions and items that only the first few of the internal source answered: "do not know" of all others."""
    rows = people.index[(people["source"] == "internal") & people["score"].notna()]
    for dimension in setup.instrument.sources["internal"].dimensions:
        if dimension.code in plan.open_dimensions:
            people.loc[rows[plan.open_dimensions[dimension.code] :], [item.code for item in dimension.items]] = 8.0
    for item, answered in plan.left_open.items():
        people.loc[rows[answered:], item] = 8.0


def _modules(people: pd.DataFrame, plan: Plan) -> None:
    """Arms of the users and their answers, with who says yes when asked directly spread over all arms."""
    if plan.indirect is None:
        return
    asked, rows = plan.indirect, people.index[(people["source"] == "external") & people["score"].notna()]
    mixed = np.random.default_rng(1).permutation(rows)
    longs, crossed = mixed[: asked.long], mixed[asked.long : asked.long + asked.crossed]
    shorts = mixed[asked.long + asked.crossed :]
    for arm, who in (("list_long", longs), ("crosswise", crossed), ("list_short", shorts)):
        people.loc[who, "arm"] = arm
    people.loc[longs, "ext_lst_long"] = (np.arange(len(longs)) % 5).astype(float)
    people.loc[shorts, "ext_lst_short"] = (np.arange(len(shorts)) % 4).astype(float)
    people.loc[crossed, "ext_cross"] = (np.arange(len(crossed)) < asked.same).astype(float)
    for code, yes in zip(CLIMATE, asked.climate, strict=True):
        people.loc[rows, code] = (np.arange(len(rows)) < yes).astype(float)
    people.loc[rows[: asked.climate_open], CLIMATE[0]] = np.nan


CLIMATE = ("ext_clm_knew", "ext_clm_told", "ext_clm_would", "ext_clm_fear", "ext_clm_vain")


def _nominators(people: pd.DataFrame, plan: Plan) -> None:
    if plan.nominators:
        people.loc[people["source"] == "expert", "nominator"] = list(plan.nominators)


def _weights(people: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Everyone counts as one; of experts who were drawn from a list everyone stands for two."""
    answers = people["score"].notna()
    each = np.where(people["source"] == "expert", 2.0 if plan.nominators else 1.0, 1.0)
    facts = {"nr_class": "all", "disposition": np.where(answers, "I", "NC"), "weight": answers * each}
    return people[["institution_id", "person_id", "source"]].assign(**facts)


def _replicates(answered: pd.DataFrame, plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Bootstrap of the people of the sources that are drawn at random; of a list with half of it (drawn are half)."""
    people = answered if plan.nominators else answered[answered["source"] != "expert"]
    strata = people.get("nominator", pd.Series(index=people.index, dtype=object)).fillna("all")
    parts = []
    for (source, _), part in people.groupby([people["source"], strata], sort=False):
        n = len(part)
        drawn = rng.multinomial(n, np.full(n, 1 / n), REPLICATES).T.astype(float)
        values = 2 * (1 + 0.5**0.5 * (drawn - 1)) if source == "expert" else drawn
        parts.append(pd.Series(list(values.astype(np.float32)), part.index))
    values = pd.concat(parts).reindex(people.index)
    return people[["source", "person_id"]].assign(replicates=values, variance_factor=1.2).reset_index(drop=True)


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


YEAR = pd.DataFrame({"measure": ["dimension_score", "item_favourable"], "source": "internal",
                     "part": ["hr", "int_tra_1"], "estimate": [71.0, 64.0], "se": 1.0, "df_design": 100.0, "n": 150.0,
                     "reference_year": 2023})  # fmt: skip
FEW_DIMENSIONS = replace(BASE, open_dimensions={"hr": 9})
NAMES = tuple(float(score) for score in np.random.default_rng(3).normal(75, 6, 21).clip(0, 100))
NOMINATORS = ("institution",) * 11 + ("commission",) * 10

# What stands beside the scores of units (tests/attack/figures.py).
BESIDE: dict[str, Plan] = {
    "asked indirectly": replace(BASE, indirect=Indirect()),
    "four said the same": replace(BASE, indirect=Indirect(same=4)),
    "nobody said yes directly": replace(BASE, yes=0, indirect=Indirect()),
    "two said yes directly": replace(BASE, yes=2, indirect=Indirect()),
    "nine had the long list": replace(BASE, indirect=Indirect(long=9, crossed=100)),
    "few knew, few did not": replace(BASE, indirect=Indirect(climate=(0, 3, 150, 147, 9))),
    "experts of two nominators": replace(BASE, experts=NAMES, nominators=NOMINATORS),
    "experts alike": replace(BASE, experts=(80.0,) * 21, nominators=NOMINATORS),
    "three of the institution's": replace(BASE, experts=NAMES, nominators=("institution",) * 3 + ("commission",) * 18),
    "a dimension that few answered": FEW_DIMENSIONS,
    "the same, with last year's figures": replace(FEW_DIMENSIONS, last=YEAR),
    "the same, with last year's answers": replace(FEW_DIMENSIONS, before=BASE),
    "last year few answered a dimension": replace(BASE, before=FEW_DIMENSIONS),
    "single items that few answered": replace(BASE, left_open={"int_tra_1": 12, "int_tra_2": 9, "int_hrm_1": 157}),
    "users hidden, with years and targets": replace(
        WORST["nine answers of users"], before=BASE, last=YEAR, targets={"national": 75.0}
    ),
    "experts hidden, with years and targets": replace(
        WORST["four experts, under the threshold"], before=BASE, last=YEAR, targets={"national": 75.0}
    ),
}


def _with_late(answers: int) -> Plan:
    sizes = {"A": (60, 75.0), "B": (9, 40.0), "D": (12, 72.0), "E": (40, 78.0), "C": (answers, 70.0)}
    return replace(BASE, internal=_units(sizes))


# Two publications of one round: nothing to see, or refused.
TWICE: dict[str, tuple[Plan, Plan]] = {
    "the same": (BASE, BASE),
    "a unit that was too small is shown, another hidden": (_with_late(8), _with_late(31)),
    "one answer to an item withdrawn": (BASE, replace(BASE, left_open={"int_tra_1": 159})),
    "one more was asked the crossed question": (
        replace(BASE, indirect=Indirect()), replace(BASE, indirect=Indirect(crossed=41, same=26))
    ),
    "one more answered on reporting, the same otherwise": (
        replace(BASE, indirect=Indirect()), replace(BASE, indirect=Indirect(climate_open=1))
    ),
}  # fmt: skip

# Five institutions, whose page of all stands beside their own.
NATIONS: dict[str, tuple[Plan, ...]] = {
    "nobody said yes in one": (BASE, BASE, BASE, BASE, WORST["nobody said yes"]),
    "few said yes in two": (BASE, BASE, WORST["two of 138 said yes"], BASE, replace(BASE, yes=4)),
    "two have no index": (
        BASE, WORST["nine answers of users"], WORST["four experts, under the threshold"], BASE,
        WORST["nearly all of every unit answered"],
    ),
    "in one nobody had contact but eight": (BASE, WORST["eight had contact"], BASE, replace(BASE, yes=0), BASE),
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
