"""Whether a step is as it would be if it were run again, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spi_analysis.params import RoundSetup
from spi_analysis.runner.fingerprint import LOOK, page_paths, step_fingerprint, step_outputs
from spi_analysis.runner.ledger import Entry, Key
from spi_analysis.runner.plan import Step, plan_steps
from spi_analysis.tables import write_record

BY_HAND = "changed by hand"


@dataclass(frozen=True)
class Staleness:
    """``why``: reasons to run the step; ``look``: reasons to make its pages anew from what was executed."""

    why: tuple[str, ...] = ()
    look: tuple[str, ...] = ()

    @property
    def by_hand(self) -> tuple[str, ...]:
        """Of the reasons those that no command explains: a file of the outputs is another than the run has made."""
        return tuple(text for text in (*self.why, *self.look) if text.endswith(BY_HAND))

    @property
    def is_up_to_date(self) -> bool:
        """Whether nothing is to be done."""
        return not self.why and not self.look

    @property
    def in_words(self) -> str:
        """What is to be done, and why."""
        if self.is_up_to_date:
            return "up to date"
        return f"run: {'; '.join(self.why)}" if self.why else f"pages only: {'; '.join(self.look)}"


def staleness(setup: RoundSetup, step: Step, entries: Mapping[Key, Entry]) -> Staleness:
    """Compare what a step was made from, and what it made, with what is there now."""
    entry = entries.get(step.key)
    if entry is None or not entry.inputs:
        return Staleness(("not run yet" if entry is None or entry.state == "done" else f"last time: {entry.state}",))
    if entry.state != "done":
        return Staleness((f"last time: {entry.state}", *_changes(entry.inputs, step_fingerprint(setup, step))))
    changes = list(_changes(entry.inputs, step_fingerprint(setup, step)))
    pages = {path.relative_to(setup.workspace.root).as_posix() for path in page_paths(setup, step)}
    outputs = [_by_whom(text) for text in _changes(entry.outputs, step_outputs(setup, step))]
    look = [text for text in changes if text.startswith(LOOK)]
    look += [text for text in outputs if text.rpartition(" is ")[0] in pages]
    return Staleness(tuple(text for text in [*changes, *outputs] if text not in look), tuple(look))


def input_changes(setup: RoundSetup, step: Step, entry: Entry) -> list[str]:
    """What of that which a step's outputs were made from is not as it was; the look of the pages does not count."""
    return [text for text in _changes(entry.inputs, step_fingerprint(setup, step)) if not text.startswith(LOOK)]


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name, ""), now.get(name, "")
        if old != new:
            yield f"{name} is {'gone' if not new else 'new' if not old else 'changed'}"


def _by_whom(text: str) -> str:
    """Tables of the store are also written by commands; what lies in outputs/ only by the run, which remembers it."""
    name, _, what = text.rpartition(" is ")
    return f"{name} is {BY_HAND}" if what == "changed" and name.startswith("outputs/") else text


# Reports that are there but older than what they ought to show: inputs have changed, or an attempt failed since.


def stale_steps(setup: RoundSetup, entries: Mapping[Key, Entry]) -> list[Step]:
    """Steps with pages in place that are not of the present state, or build on one that is not.

    Their last attempt did not go through, or what they were made from has changed since.
    """
    found: dict[Key, Step] = {}
    for step in (step for step in plan_steps(setup.institution_ids) if step.institution_id):
        if any(key in found for key in step.after) or _is_behind(setup, step, entries.get(step.key)):
            found[step.key] = step
    return [step for step in found.values() if all(path.exists() for path in page_paths(setup, step))]


def _is_behind(setup: RoundSetup, step: Step, entry: Entry | None) -> bool:
    if entry is None or entry.state == "running":
        return False
    return entry.state != "done" or bool(input_changes(setup, step, entry))


def keep_stale(setup: RoundSetup, entries: Mapping[Key, Entry]) -> None:
    """Tell the overview which reports are stale; nothing is left where none is."""
    stale = sorted(step.institution_id for step in stale_steps(setup, entries) if step.notebook.audience == "report")
    path = setup.workspace.stale_reports(setup.round.round_id)
    if stale:
        write_record(path, {"stale": stale})
    else:
        path.unlink(missing_ok=True)
