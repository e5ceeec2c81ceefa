"""What another design would do: the page of the design simulator."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from scipy.stats import norm

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.method_checks import LEVEL, with_coverage_limits
from spi_analysis.reporting.plots import chart, intervals
from spi_analysis.reporting.tables import html_paragraphs
from spi_analysis.reporting.view_columns import (
    count,
    give_or_take,
    in_words,
    number,
    percent,
    share_in_interval,
    worded,
)
from spi_analysis.reporting.views import View
from spi_analysis.reporting.wording import Phrase, Words, message, phrases
from spi_analysis.tables import read_results

CSV = "designs/designs.csv"
DESIGNS = {
    "round": message("the round's design"),
    "unweighted": message("the same, unweighted"),
    "half": message("half the invitations"),
    "double": message("twice the invitations"),
    "census": message("everyone invited"),
    "by_response": message("more invitations where fewer answer"),
}
DEPENDS_ON = {
    "at_random": message("nothing"),
    "list": message("the list"),
    "answer": message("the list and the answer"),
}
# Simulated figures are told with the interval that the number of runs leaves open.
Z = float(norm.ppf(0.5 + LEVEL / 2))


def designs_file(setup: RoundSetup, institution_id: str) -> Path:
    """Where the results of `spi simulate` are kept."""
    return setup.workspace.institution_outputs(setup.round.round_id, institution_id) / CSV


def design_results(setup: RoundSetup, institution_id: str) -> pd.DataFrame | None:
    """What the last `spi simulate` kept of the index; None where it has not been run."""
    path = designs_file(setup, institution_id)
    if not path.exists():
        return None
    table = read_results(path, f"spi simulate {institution_id}")
    return table[table["measure"] == "index"].reset_index(drop=True)


def findings(results: pd.DataFrame | None, setup: RoundSetup) -> Shown:
    """Three answers: what the response does, what more answers would do, and what no sample size cures."""
    if results is None:
        return _not_computed()
    rows = results.set_index(["response_rate", "answering", "design"])
    own, *others = results["response_rate"].unique()

    def make(words: Words) -> str:
        now, nonrespondents = rows.loc[(own, "list", "round")], rows.loc[(own, "answer", "round")]
        paragraphs = [_what_it_does(now, own, words) + _of_panels(now, list(setup.round.panels), words)]
        paragraphs += [_what_more_does(rows, own, other, words) for other in others]
        paragraphs.append(_what_stays(nonrespondents, rows.loc[(own, "answer", "census")], words))
        paragraphs += [_after_more_response(rows.loc[(other, "answer", "round")], other, words) for other in others]
        return html_paragraphs(paragraphs)

    return show(make)


def designs_table(results: pd.DataFrame | None, setup: RoundSetup, which: int = 0) -> Shown:
    """All designs at one response rate: the own (0) or another one (1, ...)."""
    if results is None:
        return _not_computed()
    rows = _of_rate(results, which)
    if rows.empty:
        # Only one rate was tried out: the sentence before the table goes with it.
        return show(lambda words: "")
    rate = rows["response_rate"].iloc[0]

    columns = (
        worded(message("Design"), "design", DESIGNS),
        worded(message("Answering depends on"), "answering", DEPENDS_ON),
        count(message("Answers (n)"), "completes"),
        give_or_take(message("Bias"), "bias", "bias_open", sign=True),
        give_or_take(message("True SE"), "true_se", "true_se_open"),
        number(message("Estimated SE"), "estimated_se"),
        share_in_interval(message("Coverage"), "coverage", "coverage_low", "coverage_high"),
        percent(message("Part of the error that is bias"), "bias_share", 0),
    )

    def note(words: Words) -> str:
        return words(
            "The index of generated people, in points; {runs} runs of each design, of which at most {without} gave no "
            "estimate. After ± and in brackets: simulation error (95%). The last column is the share of the mean "
            "squared error. Source: spi simulate.",
            runs=words.number(rows[["runs", "without_estimate"]].sum(axis=1).max(), 0),
            without=words.number(rows["without_estimate"].max(), 0),
        )

    def title(words: Words) -> str:
        return words("Designs at a response of {rate}", rate=_rate(rate, words))

    return View(_with_open(rows), columns, notes=(note,), title=title, name=f"designs-{which}", programs=CSV)


def _with_open(rows: pd.DataFrame) -> pd.DataFrame:
    """Beside every simulated figure what the number of runs leaves open."""
    left_open = {f"{name}_open": Z * rows[f"{name}_error"] for name in ("bias", "true_se")}
    return with_coverage_limits(rows.assign(**left_open))


def designs_chart(results: pd.DataFrame | None) -> Shown:
    """Bias and true standard error of the index at the own response rate, with Monte-Carlo intervals."""
    if results is None:
        return _not_computed()
    rows = _of_rate(results, 0)
    rows = rows[rows["answering"] != "at_random"]

    title = message("Bias and standard error of the index")

    labels = phrases(
        lambda words: [f"{words(DESIGNS[r.design])}: {words(DEPENDS_ON[r.answering])}" for r in rows.itertuples()]
    )
    drawn = chart(
        intervals,
        pd.concat([_series_of(rows, name, labels) for name in ("bias", "true_se")]),
        "chart-designs",
        in_words(title),
        x_label=in_words(message("Points")),
        reference=(0.0, ""),
        note=in_words(message("Design, and what answering depends on. Lines: simulation error (95%).")),
    )
    columns = (
        worded(message("Design"), "design", DESIGNS),
        worded(message("Answering depends on"), "answering", DEPENDS_ON),
        give_or_take(message("Bias"), "bias", "bias_open", sign=True),
        give_or_take(message("True SE"), "true_se", "true_se_open"),
    )
    return View(_with_open(rows), columns, drawn, title=title, name="chart-designs", with_table=False)


def _series_of(rows: pd.DataFrame, name: str, labels: list[Phrase]) -> pd.DataFrame:
    title = {"bias": message("Bias"), "true_se": message("True SE")}[name]
    value, half = rows[name].to_numpy(), Z * rows[f"{name}_error"].to_numpy()
    drawn = pd.DataFrame({"label": labels, "estimate": value, "ci_low": value - half, "ci_high": value + half})
    return drawn.assign(series=[in_words(title)] * len(rows))


def _what_it_does(now: pd.Series, rate: float, words: Words) -> str:
    return words(
        "At a response of {rate} some {answers} of {invited} people answer. Where answering depends on the list only, "
        "the weights keep the index near the truth (bias {bias}); its standard error is {se} points, and its interval "
        "{width} points wide.",
        rate=_rate(rate, words),
        answers=words.number(now["completes"], 0),
        invited=words.number(now["invitations"], 0),
        bias=words.signed(now["bias"]),
        se=words.number(now["true_se"]),
        width=words.number(now["width"], 1),
    )


def _of_panels(now: pd.Series, panels: list[str], words: Words) -> str:
    """What part of the variance no response of others touches; nothing where there is no panel."""
    if not panels:
        return ""
    said = words(
        "{share} of that variance comes from the panel ({names}), which no response of others touches.",
        share=words.percent(sum(now[f"variance_{panel}"] for panel in panels) / _variance(now), 0),
        names=words.listed(words.value("part", panel) for panel in panels),
    )
    return " " + said


def _what_more_does(rows: pd.DataFrame, own: float, other: float, words: Words) -> str:
    def se(rate: float, design: str) -> str:
        return words.number(rows.loc[(rate, "list", design), "true_se"])

    return words(
        "The standard error with half the invitations would be {half} points, with everyone invited {census}, with "
        "more invitations where fewer answer {allocated}, and with a response of {rate} {more}.",
        half=se(own, "half"),
        census=se(own, "census"),
        allocated=se(own, "by_response"),
        rate=_rate(other, words),
        more=se(other, "round"),
    )


def _what_stays(nonrespondents: pd.Series, everyone: pd.Series, words: Words) -> str:
    return words(
        "Where people answer the more readily the better their opinion is (log-odds {effect} per standard deviation, "
        "an assumption), the bias of the index after weighting is {bias} points, which is {share} of its mean "
        "squared error, and the interval covers the truth in {coverage} of the rounds. With everyone invited the "
        "bias is still {census} points: no sample size removes it.",
        effect=words.number(nonrespondents["on_answer"]),
        bias=words.signed(nonrespondents["bias"]),
        share=words.percent(nonrespondents["bias_share"], 0),
        coverage=words.percent(nonrespondents["coverage"], 0),
        census=words.signed(everyone["bias"]),
    )


def _after_more_response(row: pd.Series, rate: float, words: Words) -> str:
    return words(
        "With a response of {rate} the bias would be {bias} points, and the interval would cover the truth in "
        "{coverage} of the rounds.",
        rate=_rate(rate, words),
        bias=words.signed(row["bias"]),
        coverage=words.percent(row["coverage"], 0),
    )


def _variance(row: pd.Series) -> float:
    return float(sum(row[name] for name in row.index if str(name).startswith("variance_")))


def _of_rate(results: pd.DataFrame, which: int) -> pd.DataFrame:
    """Rows of one response rate, by its place; none where there are not so many."""
    rates = results["response_rate"].unique()[which : which + 1]
    return results[results["response_rate"].isin(rates)].reset_index(drop=True)


def _rate(rate: float, words: Words) -> str:
    return words.percent(rate, 0 if abs(100 * rate - round(100 * rate)) < 1e-9 else 2)


def _not_computed() -> Shown:
    return show(lambda words: html_paragraphs([words("Not yet computed: run `spi simulate`.")]))
