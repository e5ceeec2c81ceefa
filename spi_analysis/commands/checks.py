"""`spi coverage`: does the interval cover the truth?"""

from __future__ import annotations

from typing import Annotated

import typer

from spi_analysis.commands.common import RoundOption, WorkspaceOption, err, open_setup, out, print_table

checks = typer.Typer()


@checks.command()
def coverage(
    seeds: Annotated[int, typer.Option(min=1, help="Rounds to simulate (200: half an hour on two cores).")] = 200,
    runs: Annotated[
        int, typer.Option(min=0, help="Runs per cell of the grid of means (2000: half an hour more; 0: none).")
    ] = 2000,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first round.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: all cores).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Simulate rounds with known truth; print bias and coverage and make the page of method checks.

    200 rounds are about 3,000 simulations of a second each: half an hour on two free cores; 20 rounds a tenth of it.
    The grid of calibrated means takes as long again.

    Example: spi coverage --seeds 20 --runs 0
    """
    from spi_analysis.batch.coverage import save_simulation, simulate_means, simulate_rounds
    from spi_analysis.batch.executor import run_steps
    from spi_analysis.batch.plan import method_checks_step
    from spi_analysis.estimation.coverage import coverage_summary
    from spi_analysis.synthetic.coverage import MECHANISMS

    setup = open_setup(workspace, round_id)
    results = simulate_rounds(setup, range(first_seed, first_seed + seeds), MECHANISMS, workers, out)
    out.print(f"written  {save_simulation(setup, 'coverage', results).relative_to(setup.workspace.root)}")
    print_table("Coverage of the interval", coverage_summary(results, ["mechanism", "measure"]), decimals=3)
    if runs:
        means = simulate_means(first_seed, runs, workers, out)
        out.print(f"written  {save_simulation(setup, 'means', means).relative_to(setup.workspace.root)}")
        print_table("Coverage of a calibrated mean", means, decimals=3)
    ((_, page),) = run_steps(setup, [method_checks_step()], workers=1)
    for path in page.pages:
        out.print(f"page  {path}", markup=False, highlight=False)
    if not page.ok:
        err.print(page.error, style="red", markup=False, highlight=False)
        raise typer.Exit(1)
