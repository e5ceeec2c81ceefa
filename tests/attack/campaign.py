"""Every attack on every round, and whether it succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spi_analysis.params import RoundSetup
from spi_analysis.tables import Store
from tests.attack.figures import BEYOND, two_publications
from tests.attack.intruder import ATTACKS, Claim, panel_claims
from tests.attack.nation import NATIONAL, overviewed
from tests.attack.published import FILES, house
from tests.attack.rounds import (
    BESIDE,
    NATIONS,
    TWICE,
    WORST,
    Plan,
    Released,
    is_refused,
    on_scale,
    panel_plans,
    random_plans,
    released,
)

SIZES = (3, 5, 8, 12)
# Of simulated panels of a size, the share in which an expert's answer may be bounded (an outsider; a member).
ALLOWED = 0.05


@dataclass(frozen=True)
class Result:
    """One attack on one round (or on all panels of a size): whether it succeeded, and what it told."""

    attack: str
    succeeded: bool
    told: str = ""
    hidden_share: float | None = None


def campaign(setup: RoundSetup, panels: int, rounds: int, seed: int) -> list[Result]:
    """All attacks on the worst rounds, on random ones, and on panels of every size."""
    rng = np.random.default_rng(seed)
    plans = [replace(plan, name=name) for name, plan in WORST.items()] + list(random_plans(rng, rounds))
    results = [result for i, plan in enumerate(plans) for result in attacked(setup, plan, seed + i)]
    for size in SIZES:
        results += on_panels(setup, rng, size, panels)
    return results + [result for one in beyond(setup, seed) for result in one]


def beyond(setup: RoundSetup, seed: int) -> Iterator[list[Result]]:
    """All attacks on what is beside the scores of units, on two publications, and on the page of all institutions."""
    for name in (*WORST, *BESIDE):
        yield beside(setup, name, seed)
    yield beside(on_scale(setup, "yes_no"), "a dimension that few answered", seed)
    for name in TWICE:
        yield twice(setup, name, seed)
    for name in NATIONS:
        yield nation(setup, name, seed)


def beside(setup: RoundSetup, name: str, seed: int) -> list[Result]:
    """Attacks on questions, indirect questions, changes and nominators, on one round."""
    one = released(setup, replace((WORST | BESIDE)[name], name=name), seed)
    return [_result(attack.__name__, name, attack(one, setup)) for attack in BEYOND]


def twice(setup: RoundSetup, name: str, seed: int) -> list[Result]:
    """Two publications: if the second is refused, there is nothing to attack."""
    before, after = (released(setup, plan, seed) for plan in TWICE[name])
    claims = [] if is_refused(setup, before, after) else two_publications(before, after)
    return [_result("two_publications", name, claims)]


def nation(setup: RoundSetup, name: str, seed: int) -> list[Result]:
    """Attacks on the page of all institutions."""
    plans = zip(setup.institution_ids, NATIONS[name], strict=True)
    page = overviewed(setup, {code: released(setup, plan, seed + i) for i, (code, plan) in enumerate(plans)})
    return [_result(f"nation: {attack.__name__}", name, attack(page)) for attack in NATIONAL]


def files(setup: RoundSetup, store: Store, folder: Path) -> list[Result]:
    """Attacks on all files of a published folder, or of the outputs of a round."""
    return [
        _result(f"files: {attack.__name__}", code, attack(one))
        for code in setup.institution_ids
        for one in [house(folder, setup, code, store.read("estimates", code))]
        for attack in FILES
    ]


def _result(attack: str, name: str, claims: Iterable[Claim]) -> Result:
    found = [claim for claim in claims if claim.succeeds]
    told = "; ".join(f"{c.cell}: {c.attack} {c.low:.2f} to {c.high:.2f}" for c in found[:3])
    return Result(attack, bool(found), f"{name}: {told}")


def attacked(setup: RoundSetup, plan: Plan, seed: int) -> Iterator[Result]:
    """All attacks but those on panels."""
    one = released(setup, plan, seed)
    share = len(one.hidden) / (len(one.hidden) + len(one.shown))
    for attack in ATTACKS:
        found = _result(attack.__name__, plan.name, attack(one))
        yield replace(found, hidden_share=share if attack is ATTACKS[0] else None)


def on_panels(setup: RoundSetup, rng: np.random.Generator, size: int, number: int) -> list[Result]:
    """An outsider succeeds if more than 5 % of the panels give an answer away; a member likewise."""
    setup = with_small_panels(setup)
    ones = [released(setup, plan, i) for i, plan in enumerate(panel_plans(rng, size, number))]
    outside = np.array([_gives_away(one, "an outsider") for one in ones])
    inside = np.array([_gives_away(one, "member 0") for one in ones])
    return [
        Result(f"{who}, a panel of {size}", bool(given.mean() > ALLOWED), f"{given.sum()} of {number} panels")
        for who, given in (("outsider", outside), ("member", inside))
    ]


def _gives_away(one: Released, who: str) -> bool:
    return any(claim.succeeds for claim in panel_claims(one) if claim.attack == who)


def with_small_panels(setup: RoundSetup) -> RoundSetup:
    """The round with the lowest threshold for panels that the house rule allows."""
    limits = setup.round.disclosure.model_copy(update={"min_panel": min(SIZES)})
    return replace(setup, round=setup.round.model_copy(update={"disclosure": limits}))
