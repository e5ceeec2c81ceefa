"""Run the steps of a plan on this machine, as many at a time as there are workers."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from spi_analysis.batch.engine import StepResult, run_step
from spi_analysis.batch.plan import Step
from spi_analysis.params import RoundSetup
from spi_analysis.simulation.parallel import SINGLE_THREAD


def run_steps(
    setup: RoundSetup,
    steps: Sequence[Step],
    workers: int,
    on_start: Callable[[Step], None] = lambda step: None,
    is_current: Callable[[Step], bool] = lambda step: False,
) -> Iterator[tuple[Step, StepResult]]:
    """Run steps as soon as what they need is done; yields each with its result.

    A step whose predecessor failed is not run; it is reported as left out, with the reason. A step that is current
    when its turn comes is passed over in silence.
    """
    os.environ.update(SINGLE_THREAD)
    waiting = list(steps)
    done: dict[tuple[str, str], StepResult] = {}
    running: dict[Future[StepResult], Step] = {}
    # Fresh processes: a kernel client must not share sockets with its parent.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        while waiting or running:
            for step in [s for s in waiting if all(key in done for key in s.after)]:
                waiting.remove(step)
                failed = [key for key in step.after if not done[key].ok]
                if failed and step.institution_id:
                    done[step.key] = _left_out(step, failed)
                    yield step, done[step.key]
                elif is_current(step):
                    done[step.key] = StepResult(step.key, 0.0, ())
                else:
                    on_start(step)
                    running[pool.submit(run_step, str(setup.workspace.root), setup.round.round_id, step)] = step
            if not running:
                continue
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                step = running.pop(future)
                done[step.key] = future.result()
                yield step, done[step.key]


def _left_out(step: Step, failed: list[tuple[str, str]]) -> StepResult:
    numbers = ", ".join(number for number, _ in failed)
    return left_out(step, f"notebook {numbers} of this institution failed")


def left_out(step: Step, why: str) -> StepResult:
    """The result of a step that was never started."""
    return StepResult(step.key, 0.0, (), f"{step}\n  not run: {why}", was_run=False)
