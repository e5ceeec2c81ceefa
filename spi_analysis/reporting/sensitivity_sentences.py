"""What pages 40 and 50 say of those who did not answer: one set of sentences, so that no two contradict each other."""

from __future__ import annotations

import math

import pandas as pd

from spi_analysis.params import RoundParams
from spi_analysis.reporting.view_columns import AnyText, Column, interval, number
from spi_analysis.reporting.wording import Words, message
from spi_analysis.scores import category_of
from spi_analysis.stages import Sensitivity

ASSUMED = message(
    "The columns on the right: the odds of not answering are so many times as high for every standard deviation by "
    "which somebody's own score is lower, among people whom the weights take to be alike. The interval counts chance "
    "in figure and shift, not whether the assumption holds. Panels and corrections are taken as they are. A dash in "
    "them: nearly everyone answered. Method: exponential tilting, Kim and Yu (2011)."
)

STAYS = {
    True: message("The category would stay the same."),
    False: message("The category would most likely stay the same."),
}
BECOMES = {
    True: message("The category would be {category}."),
    False: message("The category would most likely be {category}."),
}


def silence_sentences(found: Sensitivity, category: str | None, round_: RoundParams, words: Words) -> list[str]:
    """How few answers stand for how many, and where scores and index would be if low scorers answer less often.

    ``category``: that of the index as reported (None: the index is not shown). Of the answers that count most as many
    are spoken of as a figure needs to be shown.
    """
    answers = round_.disclosure.min_cell
    return [*_heaviest(found, answers, words), *_worst(found, category, round_, words), *_untold(found, words)]


def _heaviest(found: Sensitivity, answers: int, words: Words) -> list[str]:
    rows = found.ranges.dropna(subset=["heaviest"])
    if rows.empty:
        return []
    shares = (
        f"{words.percent(share, 0)} ({words.value('part', source)})"
        for source, share in zip(rows["measure"], rows["heaviest"], strict=True)
    )
    return [
        words(
            "The {n} answers that count most stand for {shares} of the people.", n=answers, shares=words.listed(shares)
        )
    ]


def _worst(found: Sensitivity, category: str | None, round_: RoundParams, words: Words) -> list[str]:
    """The index under the largest log-odds; without an index the scores."""
    rows = found.worst.set_index("measure")
    if rows.empty:
        return []
    odds = odds_words(float(rows["log_odds"].iloc[0]), words)
    if "index" not in rows.index:
        scores = (f"{words.number(row.estimate, 1)} ({words.value('part', source)})" for source, row in rows.iterrows())
        return [
            words(
                "If people with worse experience answered clearly less often (odds of not answering {odds} times as "
                "high for every standard deviation of a lower own score), the scores would be {scores}.",
                odds=odds, scores=words.listed(scores),
            )
        ]  # fmt: skip
    estimate, low, high = (float(x) for x in rows.loc[["index"], ["estimate", "ci_low", "ci_high"]].to_numpy()[0])
    said = words(
        "If people with worse experience answered clearly less often (odds of not answering {odds} times as high for "
        "every standard deviation of a lower own score), the index would be {estimate} (interval {limits}).",
        odds=odds, estimate=words.number(estimate), limits=words.interval(low, high),
    )  # fmt: skip
    possible = {category_of(limit, round_.categories, round_.index.decimals) for limit in (low, high)}
    return [f"{said} {_category_words(found.category, category, possible == {found.category}, words)}"]


def _category_words(found: str | None, reported: str | None, is_sure: bool, words: Words) -> str:
    """Whether the category would change; "most likely" where the interval reaches into another one."""
    if found == reported:
        return words(STAYS[is_sure])
    assert found is not None
    return words(BECOMES[is_sure], category=words.value("category", found))


def _untold(found: Sensitivity, words: Words) -> list[str]:
    """Sources of which too few did not answer for anything to be told of them."""
    sources = found.ranges.loc[found.ranges["measure"] != "index", "measure"]
    rest = sources[~sources.isin(found.by_odds["measure"])]
    if rest.empty:
        return []
    names = words.listed(words.value("part", source) for source in rest)
    return [words("Nearly everyone answered ({names}): nothing is assumed of the others.", names=names)]


def odds_words(log_odds: float, words: Words) -> str:
    """How many times as high the odds are."""
    return words.number(math.exp(log_odds), 1)


def odds_columns(found: Sensitivity, decimals: int) -> tuple[Column, ...]:
    """One column of figures per log-odds (of ``with_odds``), and the interval of the last."""
    log_odds = sorted(set(found.by_odds["log_odds"]))
    columns = [number(_odds_heading(one), f"odds_{one:g}", decimals) for one in log_odds]
    if not log_odds:
        return ()
    return *columns, interval(_interval_heading(log_odds[-1]), "odds_low", "odds_high", decimals)


def odds_notes(found: Sensitivity) -> tuple[AnyText, ...]:
    """What the columns assume, where there are any."""
    return (ASSUMED,) if len(found.by_odds) else ()


def _odds_heading(log_odds: float) -> AnyText:
    return lambda words: words("Odds {odds} times", odds=odds_words(log_odds, words))


def _interval_heading(log_odds: float) -> AnyText:
    return lambda words: words("Interval at {odds} times", odds=odds_words(log_odds, words))


def with_odds(found: Sensitivity) -> pd.DataFrame:
    """The ranges with the figures under every log-odds beside them, and the limits of the last."""
    rows = found.ranges
    for one, part in found.by_odds.groupby("log_odds"):
        rows = rows.assign(**{f"odds_{one:g}": rows["measure"].map(part.set_index("measure")["estimate"])})
    worst = found.worst.set_index("measure")
    return rows.assign(odds_low=rows["measure"].map(worst["ci_low"]), odds_high=rows["measure"].map(worst["ci_high"]))
