"""`spi coverage`, `spi simulate`: simulations with known truth; `spi check-conduct`: was an institution coached?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spi_analysis.commands.common import RoundOption, WorkspaceOption, err, open_setup, out, print_table
from spi_analysis.errors import InputError

if TYPE_CHECKING:
    from spi_analysis.params import RoundSetup
    from spi_analysis.runner import Step

checks = typer.Typer()
# A response rate to compare the institution's own with.
OTHER_RATE = 0.2
PRINTED = [
    "response_rate", "answering", "design", "completes", "bias", "bias_error", "true_se", "true_se_error",
    "estimated_se", "coverage", "coverage_error", "bias_share", "runs",
]  # fmt: skip


SUMMARY = [
    "world", "response", "measure", "runs", "n", "bias", "sd", "se", "rmse", "rmse_unweighted", "width", "coverage",
    "below", "above", "coverage_error", "without_estimate",
]  # fmt: skip

# Of an institution to look at: what decides, then what is told beside it.
TOLD = [
    "institution_id", "source", "n", "score", "q_value", "alike", "alike_z", "uneven", "uneven_z", "surge", "surge_z",
    "gap", "gap_z",
]  # fmt: skip
BY_FORM = [
    "institution_id", "source", "n_usual", "n_reversed", "difference", "ci_low", "ci_high", "order_effect",
    "p_source", "q_value", "flagged",
]  # fmt: skip


@checks.command()
def coverage(
    world: Annotated[
        str, typer.Option(help="Worlds, such as additive,interaction (all: every one).")
    ] = "additive,depends_on_answer",
    response: Annotated[
        str, typer.Option(help="Who answers: own, census (all invited, 8%), or rates, such as own,0.08,0.25.")
    ] = "own,census",
    seeds: Annotated[int, typer.Option(min=1, help="Rounds to simulate (200: half an hour on two cores).")] = 200,
    runs: Annotated[
        int, typer.Option(min=0, help="Runs per cell of the grid of means (2000: half an hour more; 0: none).")
    ] = 2000,
    compare: Annotated[
        bool, typer.Option("--compare", help="Weight the same answers in other ways, too (twice as long again).")
    ] = False,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first round.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: all cores).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Simulate rounds with known truth; print bias and coverage and make the page of method checks.

    200 rounds are about 4,000 simulations of a second each: forty minutes on two free cores; 20 rounds a tenth of it.
    Rounds are kept as they come: a command that was ended, or is given with more seeds, goes on with them.
    The grid of calibrated means takes half an hour. What the worlds are: docs/methods/worlds.md.

    Example: spi coverage --world interaction,callback --response 0.08 --seeds 20 --runs 0
    """
    from spi_analysis.operations import save_simulation, simulate_means, simulate_rounds
    from spi_analysis.runner import method_checks_step
    from spi_analysis.survey.estimation import coverage_summary, range_summary
    from spi_analysis.synthetic import WORLDS, rate_of, world_named

    setup = open_setup(workspace, round_id)
    worlds = list(WORLDS) if world == "all" else [world_named(name.strip()).name for name in world.split(",")]
    responses = [one.strip() for one in response.split(",")]
    for one in responses:
        rate_of(one)
    seeds_ = range(first_seed, first_seed + seeds)
    results = simulate_rounds(setup, seeds_, worlds, responses, workers, out)
    out.print(f"written  {save_simulation(setup, 'coverage', results).relative_to(setup.workspace.root)}")
    by = ["world", "response", "measure"]
    print_table("Coverage of the interval", coverage_summary(results, by)[SUMMARY], decimals=3)
    ranges = range_summary(results, by, "range_low", "range_high")
    print_table("Range of the log-odds of nonresponse: does it hold the truth?", ranges, decimals=3)
    if compare:
        ways = simulate_rounds(setup, seeds_, worlds, responses, workers, out, compared=True)
        out.print(f"written  {save_simulation(setup, 'weightings', ways).relative_to(setup.workspace.root)}")
        by = ["world", "response", "measure", "weighting"]
        print_table(
            "Ways of weighting", coverage_summary(ways.dropna(subset=["se"]), by)[[*by, *SUMMARY[3:]]], decimals=3
        )
    if runs:
        means = simulate_means(first_seed, runs, workers, out)
        out.print(f"written  {save_simulation(setup, 'means', means).relative_to(setup.workspace.root)}")
        print_table("Coverage of a calibrated mean", means, decimals=3)
    _make_page(setup, method_checks_step())


@checks.command()
def simulate(
    institution: Annotated[str, typer.Argument(help="Institution code.", show_default=False)],
    runs: Annotated[int, typer.Option(min=2, help="Runs (1000: ten minutes on two cores).")] = 1000,
    response: Annotated[
        str | None, typer.Option(help="Response rates, such as 0.0831,0.2 (default: the institution's own, and 0.2).")
    ] = None,
    on_answer: Annotated[
        float, typer.Option(help="Log-odds to answer per standard deviation of the own score, an assumption.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the runs.")] = 1,
    people_seed: Annotated[int, typer.Option(min=0, help="Seed of the generated people.")] = 2024,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: all cores).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Try out designs on generated people with known scores: bias, true and estimated error, coverage, answers, cost.

    The round's design, half and twice its invitations, everyone, another allocation, no weights; answering at random,
    depending on the list, depending on the answer.

    Example: spi simulate kota-pangkalpinang --response 0.0831,0.2 --runs 200
    """
    from spi_analysis.operations import save_designs
    from spi_analysis.runner import design_simulator_step
    from spi_analysis.synthetic import Trials, own_rate, simulate_designs

    setup = open_setup(workspace, round_id)
    rates = numbers_of(response) if response else tuple(dict.fromkeys((own_rate(setup, institution), OTHER_RATE)))
    table = simulate_designs(setup, institution, Trials(rates, on_answer, runs, seed, people_seed), workers, out)
    path = save_designs(setup, institution, table)
    out.print(f"written  {path.relative_to(setup.workspace.root)}", markup=False, highlight=False)
    shown = table.loc[table["measure"] == "index", PRINTED]
    shown = shown.assign(response_rate=shown["response_rate"].map("{:.2%}".format))
    print_table("The index under competing designs", shown)
    _make_page(setup, design_simulator_step(institution))


def numbers_of(text: str) -> tuple[float, ...]:
    """Numbers out of "0.1,0.2"."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError("these are no numbers", got=text, expected="such as 0.0831,0.2") from None


@checks.command("check-conduct")
def check_conduct(
    seeds: Annotated[
        int, typer.Option(min=0, help="Simulate the checks of units, too: rounds (200: half an hour on two cores).")
    ] = 0,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first simulated round.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: all cores).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Compare each institution's answers with all others' at equal score: was one coached as a whole?

    Where the draw gave people the questionnaire in two orders, also ask whether answers follow their place.
    Names stand here alone, for those who run the survey. A flag is a question: nothing is deducted or deleted for it.
    With --seeds, also simulate honest and coached rounds, print how often the checks of units flag each, and make the
    page of method checks.

    Example: spi check-conduct --seeds 20
    """
    setup = open_setup(workspace, round_id)
    _print_comparison(setup)
    _print_forms(setup)
    if seeds:
        _simulate_conduct(setup, range(first_seed, first_seed + seeds), workers)


def _print_comparison(setup: RoundSetup) -> None:
    """Which institutions answered unlike all others, or why none is compared."""
    from spi_analysis.stages import compare_institutions
    from spi_analysis.tables import Store

    params = setup.round.coaching
    if params is None:
        out.print("institutions are not compared: the round has no `coaching` parameters", markup=False)
        return
    # Simulations need no data: a round without any has no institution to compare.
    found = compare_institutions(setup, Store(setup.workspace.data / setup.round.round_id))
    if found.rows.empty:
        out.print(
            f"institutions are not compared: this takes {params.min_institutions} with at least {params.min_answers} "
            f"answers of a source; here {found.enough}"
        )
        return
    named = found.flagged["institution_id"].nunique()
    out.print(
        f"{found.looked_at} institutions compared, {named} to look at; if nobody was coached, there would be any in at "
        f"most {params.false_discovery:.0%} of rounds. A flag is a question, not a finding."
    )
    if named:
        print_table("Answers unlike those of all other institutions at equal score", found.flagged[TOLD], decimals=4)


def _print_forms(setup: RoundSetup) -> None:
    """How answers differ by the order in which the questionnaire was shown, where the draw gave two orders."""
    from spi_analysis.stages import compare_forms
    from spi_analysis.tables import Store

    forms, params = setup.round.forms, setup.round.coaching
    if forms is None or params is None:
        return
    found = compare_forms(setup, Store(setup.workspace.data / setup.round.round_id))
    if found.rows.empty:
        out.print(
            f"answers by two orders of the questionnaire are not compared: this takes {params.min_answers} answers of "
            f"a source by both forms; institutions with answers by forms: {found.enough}",
            markup=False,
        )
        return
    named = found.flagged["institution_id"].nunique()
    out.print(
        f"{found.looked_at} with two orders of the questionnaire, {named} where answers follow the place; if nobody "
        f"was told places, there would be any in at most {forms.any_flag:.0%} of rounds."
    )
    print_table("Mean score by the reversed form less that by the usual one", found.rows[BY_FORM], decimals=4)


def _simulate_conduct(setup: RoundSetup, seeds: range, workers: int | None) -> None:
    """How often the checks of units flag honest and coached rounds."""
    from spi_analysis.operations import save_simulation, simulate_conducts
    from spi_analysis.runner import method_checks_step
    from spi_analysis.scores.conduct import conduct_summary
    from spi_analysis.synthetic import ANSWERS

    results = simulate_conducts(setup, seeds, ANSWERS, workers, out)
    out.print(f"written  {save_simulation(setup, 'conduct', results).relative_to(setup.workspace.root)}")
    title = f"Conduct checks: share flagged (wanted for honest institutions: at most {setup.round.conduct.alpha:g})"
    print_table(title, conduct_summary(results), decimals=4)
    _make_page(setup, method_checks_step())


def _make_page(setup: RoundSetup, step: Step) -> None:
    """The page of a simulation, from what has been simulated."""
    from spi_analysis.runner import run_steps

    ((_, page),) = run_steps(setup, [step], workers=1)
    for path in page.pages:
        out.print(f"page  {path}", markup=False, highlight=False)
    if not page.ok:
        err.print(page.error, style="red", markup=False, highlight=False)
        raise typer.Exit(1)
