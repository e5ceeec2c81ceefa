"""Run the steps of a plan on this machine, as many at a time as there are workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from spi_analysis.batch.engine import EngineName, Limits
from spi_analysis.batch.outcome import Outcome, left_out
from spi_analysis.batch.plan import Step
from spi_analysis.batch.pool import Pool
from spi_analysis.params import RoundSetup


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
    when its turn comes is passed over in silence. Stopping the iteration ends what runs.
    """
    waiting = list(steps)
    done: dict[tuple[str, str], Outcome] = {}
    if not waiting:
        return
    pool = Pool(setup, engine, workers, limits or Limits(), say)
    try:
        while waiting or len(done) < len(steps):
            for step in _ready(waiting, done):
                why = _why_not(step, done)
                if not why and is_current(step):
                    done[step.key] = Outcome(step.key, 0.0, ())
                elif why:
                    done[step.key] = left_out(step, why)
                    yield step, done[step.key]
                elif pool.free:
                    on_start(step)
                    pool.start(step)
                else:
                    continue
                waiting.remove(step)
            for step, outcome in pool.wait():
                done[step.key] = outcome
                yield step, outcome
    finally:
        pool.close()


def _ready(waiting: Sequence[Step], done: dict[tuple[str, str], Outcome]) -> list[Step]:
    return [step for step in waiting if all(key in done for key in step.after)]


def _why_not(step: Step, done: dict[tuple[str, str], Outcome]) -> str:
    failed = [number for number, institution_id in step.after if not done[(number, institution_id)].ok]
    if failed and step.institution_id:
        return f"notebook {', '.join(failed)} of this institution failed"
    return ""
