"""Which steps of a round a run is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from spi_analysis.batch.ledger import read_entries
from spi_analysis.batch.plan import Step, plan_steps
from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params import RoundSetup

# States of the ledger after which a step has to be run again.
UNDONE = ("failed", "left out", "stopped", "interrupted", "running")
_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)\Z")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``of``: every ``of``-th institution of the round, in the order of the roster."""

    number: int
    of: int

    @property
    def name(self) -> str:
        """For files: 2-of-4."""
        return f"{self.number}-of-{self.of}"

    def is_beside(self, name: str) -> bool:
        """Whether the shard of that name shares no institution with this one."""
        number, _, of = name.partition("-of-")
        return of == str(self.of) and number != str(self.number)


def read_shard(text: str) -> Shard:
    """A shard from "2/4".

    Raises
    ------
    ParameterError   it is not of this form, or beyond the last.
    """
    found = _SHARD.match(text)
    if found and int(found[1]) <= int(found[2]):
        return Shard(int(found[1]), int(found[2]))
    raise ParameterError("this is no shard", got=text, expected="i/n, such as 1/4, with i from 1 to n")


@dataclass(frozen=True)
class Selection:
    """What to run: each field narrows it down, an empty one does not.

    ``types``: of institutions, as the roster has them; ``notebooks``: two-digit numbers; ``only_failed``: what did not
    go through last time, and what builds on it. The overview is no institution's: shards leave it out, since none of
    them knows when the others are done.
    """

    institutions: Sequence[str] = ()
    types: Sequence[str] = ()
    notebooks: Sequence[str] | None = None
    only_failed: bool = False
    shard: Shard | None = None


def selected_institutions(setup: RoundSetup, selection: Selection) -> list[str]:
    """Institution codes, in the order of the round (or as they were named).

    Raises
    ------
    ParameterError   an institution or a type that this round does not have, or none that is of both.
    """
    named = dict.fromkeys(setup.require(code) for code in selection.institutions)
    types = {setup.roster[code].type for code in setup.institution_ids}
    for one in selection.types:
        if one not in types:
            raise ParameterError(
                "no institution of this round is of this type",
                got=one,
                expected=", ".join(sorted(types)),
                hint=nearest(one, sorted(types)),
            )
    found = [
        code
        for code in named or setup.institution_ids
        if not selection.types or setup.roster[code].type in selection.types
    ]
    if not found:
        raise ParameterError(
            "none of these institutions is of this type", got=", ".join(named), expected=", ".join(selection.types)
        )
    return [code for code in found if selection.shard is None or _in_shard(setup, code, selection.shard)]


def selected_steps(setup: RoundSetup, selection: Selection) -> list[Step]:
    """The steps of a selection, in an order that respects what each needs."""
    steps = plan_steps(selected_institutions(setup, selection), selection.notebooks)
    if selection.shard is not None:
        steps = [step for step in steps if step.institution_id]
    if selection.only_failed:
        states = {key: entry.state for key, entry in read_entries(setup).items()}
        steps = _with_followers(steps, {key for key, state in states.items() if state in UNDONE})
    return steps


def without(steps: Sequence[Step], keys: set[tuple[str, str]]) -> list[Step]:
    """The other steps, waiting for none of these."""
    return [
        replace(step, after=tuple(key for key in step.after if key not in keys))
        for step in steps
        if step.key not in keys
    ]


def _in_shard(setup: RoundSetup, code: str, shard: Shard) -> bool:
    return setup.institution_ids.index(code) % shard.of == shard.number - 1


def _with_followers(steps: Sequence[Step], wanted: set[tuple[str, str]]) -> list[Step]:
    kept: set[tuple[str, str]] = set()
    for step in steps:
        if step.key in wanted or any(key in kept for key in step.after):
            kept.add(step.key)
    return without(steps, {step.key for step in steps} - kept)
