"""Run the steps of a plan on this machine, as many at a time as there are workers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from spi_analysis.batch.engine import EngineName, Limits
from spi_analysis.batch.forks.client import ForkError
from spi_analysis.batch.outcome import Outcome, left_out
from spi_analysis.batch.plan import Step
from spi_analysis.batch.pool import Pool
from spi_analysis.params import RoundSetup

# How often a step is tried whose process died: whatever killed it may have been about something else. What a notebook
# does wrong it would do wrong again.
ATTEMPTS = 3
# Seconds before the next attempt: a machine without memory is left in peace for a moment.
PAUSE = 0.2


def run_steps(
    setup: RoundSetup,
    steps: Sequence[Step],
    workers: int,
    on_start: Callable[[Step], None] = lambda step: None,
    is_current: Callable[[Step], bool] = lambda step: False,
    engine: EngineName = "kernel",
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[tuple[Step, Outcome]]:
    """Run steps as soon as what they need is done; yields each with its outcome.

    A step whose predecessor failed is not run; it is reported as left out, with the reason. A step that is current
    when its turn comes is passed over in silence; no process is started before one is not. A step whose process died
    is tried again. Stopping the iteration ends what runs.
    """
    waiting = list(steps)
    done: dict[tuple[str, str], Outcome] = {}
    attempts: Counter[tuple[str, str]] = Counter()
    pool: Pool | None = None
    try:
        while waiting or len(done) < len(steps):
            for step in _ready(waiting, done):
                if pool and not pool.free:
                    break
                why = _why_not(step, done)
                if why:
                    done[step.key] = left_out(step, why)
                    yield step, done[step.key]
                elif attempts[step.key] == 0 and is_current(step):
                    done[step.key] = Outcome(step.key, 0.0, ())
                else:
                    pool = pool or Pool(setup, engine, workers, limits or Limits(), say)
                    on_start(step)
                    attempts[step.key] += 1
                    _start(pool, step)
                waiting.remove(step)
            for step, outcome in pool.wait() if pool else ():
                if outcome.fault and attempts[step.key] < ATTEMPTS:
                    say(f"{step}: tried again, since {outcome.error.partition('got: ')[2].partition(chr(10))[0]}")
                    time.sleep(PAUSE)
                    waiting.append(step)
                else:
                    done[step.key] = _after(outcome, attempts[step.key])
                    yield step, done[step.key]
    finally:
        if pool:
            pool.close()


def _start(pool: Pool, step: Step) -> None:
    """Hand over a step; a fork server that was killed a moment ago is replaced."""
    for _ in range(ATTEMPTS - 1):
        try:
            pool.start(step)
        except ForkError:
            time.sleep(PAUSE)
        else:
            return
    pool.start(step)


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
