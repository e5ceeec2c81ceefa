"""Method checks: simulated rounds with known truth."""

from __future__ import annotations

import math

import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.params import RoundSetup
from spi_analysis.reporting.analyst import CHECK_NAMES
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.names import readable
from spi_analysis.reporting.tables import Column, figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import Words, message
from spi_analysis.scores.conduct import conduct_summary
from spi_analysis.survey.estimation import coverage_summary, proportion_interval, range_summary
from spi_analysis.tables import read_results

# Of the interval around a simulated coverage.
LEVEL = 0.95
MECHANISMS = {
    "at_random": message("answering depends on the list only"),
    "depends_on_answer": message("answering depends on the answer"),
    "census_8_percent": message("everyone invited, 8% answer"),
}


# The same in a narrow column.
DEPENDS_ON = {
    "at_random": message("the list"),
    "depends_on_answer": message("the answer"),
    "census_8_percent": message("the list (all invited, 8%)"),
}


def coverage_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last `spi coverage` kept; None where it has not been run."""
    path = setup.workspace.outputs / "method_checks" / "coverage.csv"
    return read_results(path, "spi coverage") if path.exists() else None


def means_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last `spi coverage` kept of calibrated means; None where it has not been run."""
    path = setup.workspace.outputs / "method_checks" / "means.csv"
    return read_results(path, "spi coverage") if path.exists() else None


def _has(results: pd.DataFrame | None, *mechanisms: str) -> bool:
    return results is not None and set(mechanisms) <= set(results["mechanism"])


def _not_computed() -> Shown:
    return show(lambda words: html_paragraphs([words("Not yet computed: run `spi coverage`.")]))


def coverage_table(results: pd.DataFrame | None) -> Shown:
    """Bias and coverage by mechanism and measure."""
    if results is None or results.empty:
        return _not_computed()
    table = coverage_summary(results, ["mechanism", "measure"])

    def make(words: Words) -> str:
        columns = [
            text(words("Measure"), (words.value("part", m) for m in table["measure"])),
            text(words("Answering depends on"), (words(DEPENDS_ON[m]) for m in table["mechanism"])),
            figures(words("Runs"), (words.number(n, 0) for n in table["runs"])),
            *_figure_columns(table, words),
        ]
        note = words(
            "Bias: mean of estimate minus truth. True SE: standard deviation of the errors. The coverage of a 95% "
            "interval should be near 95%; where answering depends on the answer it may be far lower, whatever the "
            "weights. The interval of the coverage (Wilson, 95%) tells what the number of runs leaves open. Experience "
            "rates are in percentage points, and every item and denominator of a round counts as a run: those of one "
            "round move together, so that their interval of the coverage is too narrow."
        )
        return html_table(columns, "table-coverage", words("Coverage of the intervals"), note=note, words=words)

    return show(make)


def institution_coverage_table(results: pd.DataFrame | None, setup: RoundSetup, mechanism: str) -> Shown:
    """The same for every institution, for one mechanism."""
    if results is None or not _has(results, mechanism):
        return _not_computed()
    table = coverage_summary(results[results["mechanism"] == mechanism], ["institution_id", "measure"])

    def make(words: Words) -> str:
        names = (readable(setup.roster[i].name) for i in table["institution_id"])
        parts = (words.value("part", m) for m in table["measure"])
        columns = [
            text(words("Institution"), (f"{name}: {part}" for name, part in zip(names, parts, strict=True))),
            figures(words("Answers (n)"), (words.number(n, 0) for n in table["n"])),
            *_figure_columns(table, words),
        ]
        title = words("By institution: {mechanism}", mechanism=words(MECHANISMS[mechanism]))
        return html_table(columns, f"table-institutions-{mechanism}", title, words=words)

    return show(make)


def truth_table(results: pd.DataFrame | None, setup: RoundSetup) -> Shown:
    """Truth against estimate in the first round, response at random and response by answer side by side."""
    if results is None or not _has(results, "at_random", "depends_on_answer"):
        return _not_computed()
    seed = int(results["seed"].min())
    rows = results[(results["seed"] == seed) & results["mechanism"].isin(["at_random", "depends_on_answer"])]
    rows = rows[rows["measure"].isin([*SOURCES, "index"])]
    wide = rows.pivot(index=["institution_id", "measure"], columns="mechanism")
    keys = list(wide.index)

    def make(words: Words) -> str:
        columns = [
            text(
                words("Institution"),
                (f"{readable(setup.roster[i].name)}: {words.value('part', m)}" for i, m in keys),
            ),
            figures(words("Truth"), (words.number(x) for x in wide[("truth", "at_random")])),
            *(
                figures(
                    words(MECHANISMS[name]),
                    (
                        f"{words.number(wide.loc[key, ('estimate', name)])} "
                        f"({words.interval(wide.loc[key, ('ci_low', name)], wide.loc[key, ('ci_high', name)])})"
                        for key in keys
                    ),
                )
                for name in ("at_random", "depends_on_answer")
            ),
        ]
        title = words("Truth and estimate in the round of seed {seed}", seed=seed)
        return html_table(columns, "table-truth", title, words=words)

    return show(make)


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

    def make(words: Words) -> str:
        columns = [
            text(words("List, people"), (words.number(n, 0) for n in rows["population"])),
            figures(words("Invited"), (words.percent(x, 0) for x in rows["invited"])),
            figures(words("Response"), (words.percent(x, 0) for x in rows["response"])),
            text(words("Scores"), (words(SHAPES[shape]) for shape in rows["shape"])),
            figures(words("Answers (n)"), (words.number(n, 0) for n in rows["n"])),
            figures(words("Runs"), (words.number(n, 0) for n in rows["runs"])),
            *_figure_columns(rows, words),
        ]
        title = words("At least {n} answers", n=least) if enough else words("Fewer than {n} answers", n=least)
        return html_table(columns, f"table-means-{'many' if enough else 'few'}", title, words=words)

    return show(make)


def _figure_columns(table: pd.DataFrame, words: Words) -> list[Column]:
    return [
        figures(words("Bias"), (words.signed(x) for x in table["bias"])),
        figures(words("True SE"), (words.number(x) for x in table["sd"])),
        figures(words("Estimated SE"), (words.number(x) for x in table["se"])),
        figures(words("Width"), (words.number(x) for x in table["width"])),
        figures(words("Coverage"), (words.percent(x) for x in table["coverage"])),
        figures(words("Interval of the coverage"), coverage_intervals(table, words)),
    ]


def coverage_intervals(table: pd.DataFrame, words: Words) -> list[str]:
    """Wilson intervals: they do not vanish where every interval, or none, held the truth."""
    runs = pd.DataFrame(
        {"estimate": table["coverage"], "se": table["coverage_error"], "df_design": math.inf, "n": table["runs"]}
    )
    low, high = proportion_interval(runs, "wilson", LEVEL)
    return [words.interval(100 * a, 100 * b, 0, "%") for a, b in zip(low, high, strict=True)]


def range_table(results: pd.DataFrame | None) -> Shown:
    """How often the sensitivity range holds the truth, beside the interval."""
    if results is None or results.empty or "ppm_low" not in results:
        return _not_computed()
    table = range_summary(results, ["mechanism", "measure"], "ppm_low", "ppm_high")

    def make(words: Words) -> str:
        columns = [
            text(words("Measure"), (words.value("part", m) for m in table["measure"])),
            text(words("Answering depends on"), (words(DEPENDS_ON[m]) for m in table["mechanism"])),
            figures(words("Runs"), (words.number(n, 0) for n in table["runs"])),
            figures(words("With a range"), (words.number(n, 0) for n in table["ranges"])),
            figures(words("Width of the range"), (words.number(x) for x in table["width"])),
            figures(words("Interval holds the truth"), (words.percent(x, 0) for x in table["interval_contains"])),
            figures(words("Range holds the truth"), (words.percent(x, 0) for x in table["contains"])),
            figures(words("Range, widened, holds it"), (words.percent(x, 0) for x in table["contains_wider"])),
        ]
        note = words(
            "The range starts at the estimate and leaves chance out, so alone it may miss a truth close by. Widened: "
            "moved outwards by the half widths of the interval."
        )
        return html_table(columns, "table-ranges", words("Sensitivity ranges"), note=note, words=words)

    return show(make)


# Method checks of the conduct checks: false alarms and hits in simulated rounds.

WHAT = {
    "honest_institutions": message("Institutions with honest answers"),
    "other_units": message("Honest units beside coached ones"),
    "coached_units": message("Coached units"),
}


def conduct_results(setup: RoundSetup) -> pd.DataFrame | None:
    """What the last `spi check-conduct` kept; None where it has not been run."""
    path = setup.workspace.outputs / "method_checks" / "conduct.csv"
    return read_results(path, "spi check-conduct") if path.exists() else None


def conduct_table(results: pd.DataFrame | None, setup: RoundSetup) -> Shown:
    """Share flagged of honest institutions (false alarms) and of coached units (hits)."""
    if results is None or results.empty:
        return show(lambda words: html_paragraphs([words("Not yet computed: run `spi check-conduct`.")]))
    table = conduct_summary(results)

    def make(words: Words) -> str:
        names = CHECK_NAMES | {"any": message("Any of them")}
        columns = [
            text(
                words("Check"),
                (f"{words(WHAT[w])}: {words(names[c])}" for w, c in zip(table["what"], table["check"], strict=True)),
            ),
            figures(words("Cases"), (words.number(n, 0) for n in table["cases"])),
            figures(words("Flagged"), (words.percent(x) for x in table["share"])),
            figures(words("Interval of the share"), _intervals(table, words)),
        ]
        note = words(
            "Wanted: at most {alpha} of the institutions with honest answers. Coached units of which too few answered "
            "are not looked at and are not counted here. Interval: Wilson, 95%.",
            alpha=words.percent(setup.round.conduct.alpha, 1),
        )
        return html_table(columns, "table-conduct", words("False alarms and hits"), note=note, words=words)

    return show(make)


def _intervals(table: pd.DataFrame, words: Words) -> list[str]:
    share, n = table["share"], table["cases"]
    runs = pd.DataFrame({"estimate": share, "se": (share * (1 - share) / n) ** 0.5, "df_design": float("inf"), "n": n})
    low, high = proportion_interval(runs, "wilson", LEVEL)
    return [words.interval(100 * a, 100 * b, 1, "%") for a, b in zip(low, high, strict=True)]
