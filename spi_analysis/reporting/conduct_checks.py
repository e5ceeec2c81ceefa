"""Method checks of the conduct checks: false alarms and hits in simulated rounds."""

from __future__ import annotations

import pandas as pd

from spi_analysis.estimation.intervals import proportion_interval
from spi_analysis.params import RoundSetup
from spi_analysis.reporting.analyst.conduct import CHECK_NAMES
from spi_analysis.reporting.checks import LEVEL
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.tables import figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import Words, message
from spi_analysis.scores.conduct import conduct_summary
from spi_analysis.tables.reading import read_results

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
