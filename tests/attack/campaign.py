"""Every attack on every round, and whether it succeeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from spi_analysis.params import RoundSetup
from tests.attack.intruder import ATTACKS, panel_claims
from tests.attack.rounds import WORST, Plan, Released, panel_plans, random_plans, released

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
    return results


def attacked(setup: RoundSetup, plan: Plan, seed: int) -> Iterator[Result]:
    """All attacks but those on panels."""
    one = released(setup, plan, seed)
    share = len(one.hidden) / (len(one.hidden) + len(one.shown))
    for attack in ATTACKS:
        found = [claim for claim in attack(one) if claim.succeeds]
        told = "; ".join(f"{c.cell}: {c.attack} {c.low:.2f} to {c.high:.2f}" for c in found[:3])
        yield Result(attack.__name__, bool(found), f"{plan.name}: {told}", share if attack is ATTACKS[0] else None)


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
