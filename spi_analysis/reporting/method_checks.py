"""Method checks: simulated rounds with known truth."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.analyst import CHECK_NAMES
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.names import readable
from spi_analysis.reporting.tables import html_paragraphs
from spi_analysis.reporting.view_columns import (
    Column,
    coded,
    count,
    estimate,
    number,
    percent,
    percent_interval,
    signed,
    worded,
    written,
)
from spi_analysis.reporting.views import View
from spi_analysis.reporting.wording import Words, message
from spi_analysis.scores.conduct import conduct_summary
from spi_analysis.survey.estimation import coverage_summary, proportion_interval, range_summary
from spi_analysis.tables import read_results

# Of the interval around a simulated coverage.
LEVEL = 0.95
WORLDS = {
    "additive": message("units and positions differ"),
    "interaction": message("every position of every unit differs"),
    "callback": message("people who need reminders score lower"),
    "depends_on_answer": message("people with lower scores answer less"),
    "panel_house": message("experts of one kind agree"),
    "friendly_names": message("names of the institution's own choice are kinder"),
    "coached_unit": message("some units are coached"),
    "coached_institution": message("people of all units are coached"),
}
BY = ["world", "response", "measure"]
COMPARED = ("additive", "depends_on_answer")
RESPONSES = {"own": message("as in the institution"), "census": message("all invited, 8% answer")}


def coverage_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last `spi coverage` kept; None where it has not been run."""
    path = setup.workspace.outputs / "method_checks" / "coverage.csv"
    results = read_results(path, "spi coverage") if path.exists() else None
    # Those of before there were worlds do not say what they simulated.
    return results if results is not None and "world" in results else None


def means_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last `spi coverage` kept of calibrated means; None where it has not been run."""
    path = setup.workspace.outputs / "method_checks" / "means.csv"
    return read_results(path, "spi coverage") if path.exists() else None


def _rows(results: pd.DataFrame | None, response: str, *worlds: str) -> pd.DataFrame | None:
    """What was simulated of these worlds at one response; None unless there is some of each."""
    if results is None:
        return None
    rows = results[(results["response"].astype(str) == response) & results["world"].isin(worlds)]
    return rows if set(worlds) == set(rows["world"]) else None


def _response(words: Words, response: str) -> str:
    """Who answers, in words; a number is a mean response probability."""
    text = str(response)
    return words(RESPONSES[text]) if text in RESPONSES else words.percent(float(text), 0)


def _not_computed() -> Shown:
    return show(lambda words: html_paragraphs([words("Not yet computed: run `spi coverage`.")]))


def coverage_table(results: pd.DataFrame | None) -> Shown:
    """Bias, error and coverage by world, response and measure."""
    if results is None or results.empty:
        return _not_computed()
    table = coverage_summary(results, BY)

    columns = (
        coded(message("Measure"), "measure", "part"),
        *_world_columns(),
        count(message("Runs"), "runs"),
        count(message("No estimate"), "without_estimate"),
        *_figure_columns(),
        *_error_columns(),
    )
    note = message(
        "No estimate: rounds besides, whose answers leave margins that no weights can meet; an institution is told "
        "which. Bias: mean of estimate minus truth. True SE: standard deviation of the errors. RMSE: root of their "
        "mean square; weights should make it smaller. Truth below, above: share of intervals that miss the truth on "
        "that side, 2.5% each where the method is exact. The coverage of a 95% interval should be near 95%; in the "
        "worse worlds it may be far lower, whatever the weights. The interval of the coverage (Wilson, 95%) shows "
        "its simulation error. Experience rates are in percentage points, and every item and denominator of a round "
        "counts as a run: rates of one round are correlated, so their interval of the coverage is too narrow."
    )
    title = message("Coverage of the intervals")
    return View(with_coverage_limits(table), columns, notes=(note,), title=title, name="coverage")


def _world_columns() -> tuple[Column, ...]:
    return (
        worded(message("World"), "world", WORLDS),
        written(message("Response"), ("response",), _response),
    )


WEIGHTINGS = {
    "round": message("as in the round"),
    "raked": message("raking only"),
    "area_model": message("area model of the units shown"),
    "unit_model": message("model of units and classes"),
}


def weightings_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last `spi coverage --compare` kept; None where it has not been run."""
    path = setup.workspace.outputs / "method_checks" / "weightings.csv"
    return read_results(path, "spi coverage --compare") if path.exists() else None


def weightings_table(results: pd.DataFrame | None) -> Shown:
    """The same answers weighted in several ways: error and coverage of each."""
    if results is None:
        return show(lambda words: html_paragraphs([words("Not yet computed: run `spi coverage --compare`.")]))
    table = coverage_summary(results.dropna(subset=["se"]), [*BY, "weighting"])

    columns = (
        coded(message("Measure"), "measure", "part"),
        *_world_columns(),
        worded(message("Weighting"), "weighting", WEIGHTINGS),
        count(message("Runs"), "runs"),
        *_figure_columns(),
        *_error_columns(),
    )
    note = message(
        "Units: those of enough answers, every unit of a round as a run; units of one round move together. "
        "Nothing is chosen by one world: what does best where units and positions alone differ may do worst where "
        "every position of every unit differs."
    )
    return View(with_coverage_limits(table), columns, notes=(note,), title=message("Ways of weighting"), name="ways")


def institution_coverage_table(results: pd.DataFrame | None, setup: RoundSetup, world: str, response: str) -> Shown:
    """The same for every institution, for one world and response."""
    rows = _rows(results, response, world)
    if rows is None:
        return _not_computed()
    table = coverage_summary(rows, ["institution_id", "measure"])

    columns = (
        written(message("Institution"), ("institution_id", "measure"), partial(_institution_and_part, setup)),
        count(message("Answers (n)"), "n"),
        *_figure_columns(),
    )

    def title(words: Words) -> str:
        return words(
            "By institution: {world}; response: {response}", world=words(WORLDS[world]),
            response=_response(words, response),
        )  # fmt: skip

    return View(with_coverage_limits(table), columns, title=title, name=f"institutions-{world}-{response}")


def _institution_and_part(setup: RoundSetup, words: Words, institution_id: str, measure: str) -> str:
    return f"{readable(setup.roster[institution_id].name)}: {words.value('part', measure)}"


def truth_table(results: pd.DataFrame | None, setup: RoundSetup) -> Shown:
    """Truth against estimate in the first round, a kind and a bad world side by side."""
    known = _rows(results, "own", *COMPARED)
    if known is None:
        return _not_computed()
    seed = int(known["seed"].min())
    rows = known[(known["seed"] == seed) & known["measure"].isin([*setup.round.sources, "index"])]
    wide = rows.pivot(index=["institution_id", "measure"], columns="world")
    wide.columns = [f"{name}_{world}" for name, world in wide.columns]
    columns = (
        written(message("Institution"), ("institution_id", "measure"), partial(_institution_and_part, setup)),
        number(message("Truth"), f"truth_{COMPARED[0]}"),
        *(estimate(WORLDS[name], f"estimate_{name}", f"ci_low_{name}", f"ci_high_{name}") for name in COMPARED),
    )

    def title(words: Words) -> str:
        return words("Truth and estimate in the round of seed {seed}", seed=seed)

    return View(wide.reset_index(), columns, title=title, name="truth")


SHAPES = {"symmetric": message("symmetric"), "skewed": message("skewed")}


def least_answers(setup: RoundSetup) -> int:
    """From how many answers on intervals are asked to hold: the round's own minimum of completes."""
    return max(source.design.min_completes for source in setup.round.sources.values() if source.design)


def means_table(means: pd.DataFrame | None, setup: RoundSetup, *, enough: bool) -> Shown:
    """Coverage by size of the list, share invited, response and shape of the scores.

    ``enough``: the cells with at least ``least_answers`` on average, else those with fewer.
    """
    least = least_answers(setup)
    if means is None:
        return _not_computed()
    rows = means[(means["n"] >= least) == enough]
    rows = rows[rows["runs"] > 1].reset_index(drop=True)

    columns = (
        count(message("List, people"), "population"),
        percent(message("Invited"), "invited", 0),
        percent(message("Response"), "response", 0),
        worded(message("Scores"), "shape", SHAPES),
        count(message("Answers (n)"), "n"),
        count(message("Runs"), "runs"),
        *_figure_columns(),
    )

    def title(words: Words) -> str:
        return words("At least {n} answers", n=least) if enough else words("Fewer than {n} answers", n=least)

    return View(with_coverage_limits(rows), columns, title=title, name=f"means-{'many' if enough else 'few'}")


def _figure_columns() -> tuple[Column, ...]:
    return (
        signed(message("Bias"), "bias"),
        number(message("True SE"), "sd"),
        number(message("Estimated SE"), "se"),
        number(message("Width"), "width"),
        percent(message("Coverage"), "coverage"),
        percent_interval(message("Interval of the coverage"), "coverage_low", "coverage_high"),
    )


def _error_columns() -> tuple[Column, ...]:
    return (
        number(message("Error (RMSE)"), "rmse"),
        number(message("Error without weights"), "rmse_unweighted"),
        percent(message("Truth below"), "below"),
        percent(message("Truth above"), "above"),
    )


def with_coverage_limits(table: pd.DataFrame) -> pd.DataFrame:
    """Wilson intervals beside the coverage: they do not vanish where every interval, or none, held the truth."""
    low, high = _wilson(table["coverage"], table["coverage_error"], table["runs"])
    return table.assign(coverage_low=low, coverage_high=high)


def _wilson(share: pd.Series, se: pd.Series, n: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    runs = pd.DataFrame({"estimate": share, "se": se, "df_design": math.inf, "n": n})
    return proportion_interval(runs, "wilson", LEVEL)


def range_table(results: pd.DataFrame | None) -> Shown:
    """How often the sensitivity range holds the truth, beside the interval."""
    if results is None or results.empty or "range_low" not in results:
        return _not_computed()
    table = range_summary(results, BY, "range_low", "range_high")

    columns = (
        coded(message("Measure"), "measure", "part"),
        *_world_columns(),
        count(message("Runs"), "runs"),
        count(message("With a range"), "ranges"),
        number(message("Width of the range"), "width"),
        percent(message("Interval covers the truth"), "interval_contains", 0),
        percent(message("Range covers the truth"), "contains", 0),
        percent(message("Widened range covers the truth"), "contains_wider", 0),
    )
    note = message(
        "The range starts at the estimate and leaves sampling error out, so alone it may miss a truth close to the "
        "estimate. Widened: extended on both sides by the half widths of the interval."
    )
    return View(table, columns, notes=(note,), title=message("Sensitivity ranges"), name="ranges")


# Method checks of the conduct checks: false alarms and hits in simulated rounds.

WHAT = {
    "honest_institutions": message("Institutions with honest answers"),
    "other_units": message("Honest units beside coached ones"),
    "coached_units": message("Coached units"),
}


def conduct_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last simulation of `spi check-conduct` kept; None where there was none."""
    path = setup.workspace.outputs / "method_checks" / "conduct.csv"
    return read_results(path, "spi check-conduct --seeds 200") if path.exists() else None


def conduct_table(results: pd.DataFrame | None, setup: RoundSetup) -> Shown:
    """Share flagged of honest institutions (false alarms) and of coached units (hits)."""
    if results is None or results.empty:
        return show(lambda words: html_paragraphs([words("Not yet computed: run `spi check-conduct --seeds 200`.")]))
    table = conduct_summary(results)

    low, high = _wilson(table["share"], (table["share"] * (1 - table["share"]) / table["cases"]) ** 0.5, table["cases"])
    columns = (
        written(message("Check"), ("what", "check"), _what_and_check),
        count(message("Cases"), "cases"),
        percent(message("Flagged"), "share"),
        percent_interval(message("Interval of the share"), "low", "high", 1),
    )

    def note(words: Words) -> str:
        return words(
            "Wanted: at most {alpha} of the institutions with honest answers. Coached units of which too few answered "
            "are not looked at and are not counted here. Interval: Wilson, 95%.",
            alpha=words.percent(setup.round.conduct.alpha, 1),
        )

    title = message("False alarms and hits")
    return View(table.assign(low=low, high=high), columns, notes=(note,), title=title, name="conduct")


def _what_and_check(words: Words, what: str, check: str) -> str:
    names = CHECK_NAMES | {"any": message("Any of them")}
    return f"{words(WHAT[what])}: {words(names[check])}"
