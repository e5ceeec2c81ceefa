"""Method checks: simulated rounds with known truth."""

from __future__ import annotations

import pandas as pd

from spi_analysis.estimation.coverage import coverage_summary
from spi_analysis.params import RoundSetup
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.tables import Column, figures, html_table, text
from spi_analysis.reporting.wording import Words, message

MECHANISMS = {
    "at_random": message("answering depends on the list only"),
    "depends_on_answer": message("answering depends on the answer"),
    "census_8_percent": message("everyone invited, 8 % answer"),
}


def coverage_table(results: pd.DataFrame) -> Shown:
    """Bias and coverage by mechanism and measure."""
    table = coverage_summary(results, ["mechanism", "measure"])

    def make(words: Words) -> str:
        columns = [
            text(words("Measure"), (words.value("part", m) for m in table["measure"])),
            text(words("Response"), (words(MECHANISMS[m]) for m in table["mechanism"])),
            figures(words("Runs"), (words.number(n, 0) for n in table["runs"])),
            *_figure_columns(table, words),
        ]
        note = words(
            "Bias: mean of estimate minus truth. True SE: standard deviation of the errors. The coverage of a 95 % "
            "interval should be near 95 %; where answering depends on the answer it cannot be, whatever the weights."
        )
        return html_table(columns, "table-coverage", words("Coverage of the intervals"), note=note, words=words)

    return show(make)


def institution_coverage_table(results: pd.DataFrame, setup: RoundSetup, mechanism: str) -> Shown:
    """The same for every institution, for one mechanism."""
    table = coverage_summary(results[results["mechanism"] == mechanism], ["institution_id", "measure"])

    def make(words: Words) -> str:
        names = (setup.roster[i].name.removeprefix("Pemerintah ") for i in table["institution_id"])
        parts = (words.value("part", m) for m in table["measure"])
        columns = [
            text(words("Institution"), (f"{name}: {part}" for name, part in zip(names, parts, strict=True))),
            figures(words("Answers (n)"), (words.number(n, 0) for n in table["n"])),
            *_figure_columns(table, words),
        ]
        title = words("By institution: {mechanism}", mechanism=words(MECHANISMS[mechanism]))
        return html_table(columns, f"table-institutions-{mechanism}", title, words=words)

    return show(make)


def truth_table(results: pd.DataFrame, setup: RoundSetup, seed: int) -> Shown:
    """Truth against estimate in one round, response at random and response by answer side by side."""
    rows = results[(results["seed"] == seed) & results["mechanism"].isin(["at_random", "depends_on_answer"])]
    wide = rows.pivot(index=["institution_id", "measure"], columns="mechanism")
    keys = list(wide.index)

    def make(words: Words) -> str:
        columns = [
            text(
                words("Institution"),
                (f"{setup.roster[i].name.removeprefix('Pemerintah ')}: {words.value('part', m)}" for i, m in keys),
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


def _figure_columns(table: pd.DataFrame, words: Words) -> list[Column]:
    return [
        figures(words("Bias"), (words.signed(x) for x in table["bias"])),
        figures(words("True SE"), (words.number(x) for x in table["sd"])),
        figures(words("Estimated SE"), (words.number(x) for x in table["se"])),
        figures(words("Width"), (words.number(x) for x in table["width"])),
        figures(words("Coverage"), (words.percent(x) for x in table["coverage"])),
        figures(words("± (Monte Carlo)"), (words.percent(x) for x in table["coverage_error"])),
    ]
