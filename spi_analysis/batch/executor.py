"""Run the steps of a plan in their order, as many at a time as there are workers, here or elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from spi_analysis.batch.limits import EngineName, Limits
from spi_analysis.batch.outcome import Outcome, left_out
from spi_analysis.batch.plan import Step
from spi_analysis.batch.pool import Pool
from spi_analysis.params import RoundSetup

# How often a step is tried whose process died: whatever killed it may have been about something else. What a notebook
# does wrong it would do wrong again.
ATTEMPTS = 3
# Seconds before the next attempt: a machine without memory is left in peace for a moment.
PAUSE = 0.2


class StepRunner(Protocol):
    """What runs steps: the pool of this machine, or Dask's workers (``batch.machines``)."""

    @property
    def free(self) -> int:
        """How many more steps can be started now."""

    def start(self, step: Step) -> None:
        """Begin a step; there must be a free place."""

    def wait(self) -> list[tuple[Step, Outcome]]:
        """The steps that ended; waits for one at least while any is running."""

    def close(self) -> None:
        """Stop what runs; afterwards nothing writes any more."""


# Called with setup, engine, workers (None: all there are), limits and a function for messages, as ``Pool`` is.
OpenRunner = Callable[[RoundSetup, EngineName, int | None, Limits, Callable[[str], None]], StepRunner]


def run_steps(
    setup: RoundSetup,
    steps: Sequence[Step],
    workers: int | None,
    on_start: Callable[[Step], None] = lambda step: None,
    is_current: Callable[[Step], bool] = lambda step: False,
    engine: EngineName = "kernel",
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda text: None,
    open_runner: OpenRunner = Pool,
) -> Iterator[tuple[Step, Outcome]]:
    """Run steps as soon as what they need is done; yields each with its outcome.

    A step whose predecessor failed is not run; it is reported as left out, with the reason. A step that is current
    when its turn comes is passed over in silence; no process is started before one is not. A step whose process died
    is tried again. Stopping the iteration ends what runs.
    """
    waiting = list(steps)
    done: dict[tuple[str, str], Outcome] = {}
    attempts: Counter[tuple[str, str]] = Counter()
    runner: StepRunner | None = None
    try:
        while waiting or len(done) < len(steps):
            for step in _ready(waiting, done):
                if runner and not runner.free:
                    break
                why = _why_not(step, done)
                if why:
                    done[step.key] = left_out(step, why)
                    yield step, done[step.key]
                elif attempts[step.key] == 0 and is_current(step):
                    done[step.key] = Outcome(step.key, 0.0, ())
                else:
                    runner = runner or open_runner(setup, engine, workers, limits or Limits(), say)
                    on_start(step)
                    attempts[step.key] += 1
                    runner.start(step)
                waiting.remove(step)
            for step, outcome in runner.wait() if runner else ():
                if outcome.fault and attempts[step.key] < ATTEMPTS:
                    say(f"{step}: tried again, since {outcome.error.partition('got: ')[2].partition(chr(10))[0]}")
                    time.sleep(PAUSE)
                    waiting.append(step)
                else:
                    done[step.key] = _after(outcome, attempts[step.key])
                    yield step, done[step.key]
    finally:
        if runner:
            runner.close()


def _after(outcome: Outcome, attempts: int) -> Outcome:
    note = f"its process died {attempts - 1} times before" if attempts > 1 and outcome.ok else ""
    return replace(outcome, notes=(*outcome.notes, note)) if note else outcome


def _ready(waiting: Sequence[Step], done: dict[tuple[str, str], Outcome]) -> list[Step]:
    return [step for step in waiting if all(key in done for key in step.after)]


def _why_not(step: Step, done: dict[tuple[str, str], Outcome]) -> str:
    failed = [number for number, institution_id in step.after if not done[(number, institution_id)].ok]
    if failed and step.institution_id:
        return f"notebook {', '.join(failed)} of this institution failed"
    return ""
