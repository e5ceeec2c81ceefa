"""What if those who did not answer differ? Ranges of a source score, late answers, and tipping points of the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.params import CategoryParams, FieldworkParams, SensitivityParams
from spi_analysis.scores.index import category_of
from spi_analysis.survey.estimation import (
    ReplicateDesign,
    SurveyDesign,
    contrast,
    delta_adjusted_mean,
    estimate_mean,
    regression_proxy,
    sensitivity,
    tilted_means,
    tipping_delta,
)

Design = SurveyDesign | ReplicateDesign
EARLY, LATE = "early", "late"
# Two means on a scale of 0 to 100 differ by no more.
WIDEST_DIFFERENCE = 100.0


@dataclass(frozen=True)
class SourceRange:
    """A source score under every phi.

    ``by_phi``: phi, shift, estimate, informative. ``correlation`` of proxy and score (adjusted); 0 where the
    list tells nothing of the answers, and then ``by_phi`` has no rows but that of phi = 0.
    """

    by_phi: pd.DataFrame
    correlation: float

    @property
    def shift_ends(self) -> tuple[float, float]:
        """Smallest and largest shift over all phis, those included that say little."""
        shifts = self.by_phi["shift"]
        return float(shifts.min()), float(shifts.max())


def source_range(
    estimate: float, persons: pd.Series, data: pd.DataFrame, everyone: pd.DataFrame, columns: list[str],
    params: SensitivityParams,
) -> SourceRange:  # fmt: skip
    """The score of a source under every phi of the round.

    Parameters
    ----------
    estimate : float              the calibrated score: the figure of phi = 0
    persons : Series (n,)         score of every respondent
    data, everyone : DataFrame    respondents (with ``base_weight``) and the whole list; both hold ``columns``
    """
    answered = persons.notna().to_numpy()
    weights = data["base_weight"].to_numpy(dtype=float)[answered]
    y, people = persons[answered].to_numpy(), data[columns][answered]
    try:
        proxy = regression_proxy(y, people, everyone[columns], weights, params.min_level_respondents)
        by_phi = sensitivity(estimate, proxy.moments, params.phis)
    except EstimationError:
        # Too few respondents, or a list that tells nothing of the answers: there is no range.
        nothing = pd.DataFrame({"phi": [0.0], "shift": [0.0], "estimate": [estimate], "informative": [True]})
        return SourceRange(nothing, 0.0)
    weak = proxy.adjusted < params.least_correlation
    within = by_phi["estimate"].clip(0, 100)
    by_phi = by_phi.assign(estimate=within, shift=within - estimate, informative=~(weak & (by_phi["phi"] == 1)))
    return SourceRange(by_phi, proxy.adjusted)


PERSON_SCORE = "person_score"


def nonresponse_range(
    estimate: float, design: Design, persons: pd.Series, response_share: float, params: SensitivityParams, level: float
) -> pd.DataFrame:
    """The score of a source if the odds not to answer rise as somebody's own score falls (see ``tilted_means``).

    Inside the classes in which the weights take nonrespondents to be like respondents.

    Returns
    -------
    DataFrame, one row per log-odds of the round: log_odds, estimate (inside 0 to 100), shift (from the score as
    reported), shift_se, added_variance (what the assumption adds to the variance of the score).
    """
    known = design.with_columns(pd.DataFrame({PERSON_SCORE: persons}))
    nonresponse = 1 - response_share
    table = tilted_means(known, PERSON_SCORE, nonresponse, params.log_odds, "nr_class", level)
    within = (estimate + table["shift"]).clip(0, 100)
    return table.assign(estimate=within, shift=within - estimate).drop(columns=["shift_low", "shift_high"])


@dataclass(frozen=True)
class LateAnswers:
    """Late minus early answers, and the score if those who do not answer are like the late ones."""

    n_early: int
    n_late: int
    difference: float
    se: float
    ci_low: float
    ci_high: float
    implied: float


def late_answers(
    estimate: float, design: Design, persons: pd.Series, response_share: float, fieldwork: FieldworkParams,
    params: SensitivityParams, level: float,
) -> LateAnswers | None:  # fmt: skip
    """Early against late answers, by person score and with the final weights; None where one group is empty.

    References
    ----------
    Lin & Schaeffer (1995), Public Opinion Quarterly 59 (continuum of resistance).
    """
    wave = reminder_wave(design.data, fieldwork)
    group = pd.Series(np.where(wave >= params.late_from_reminder, LATE, EARLY), index=design.data.index)
    known = group.where(wave >= 0)
    both = design.with_columns(pd.DataFrame({PERSON_SCORE: persons, "answered_when": known}))
    counted = known[persons.notna()].value_counts()
    if set(counted.index) != {EARLY, LATE} or counted.min() < 2:
        return None
    means = estimate_mean(both, PERSON_SCORE, by="answered_when", level=level)
    row = {name: i for i, name in enumerate(means.table["answered_when"])}
    gap = contrast(means, {row[LATE]: 1.0, row[EARLY]: -1.0}).table.iloc[0]
    every = float(estimate_mean(both, PERSON_SCORE, level=level).table["estimate"].iloc[0])
    delta = float(means.table["estimate"].iloc[row[LATE]]) - every
    return LateAnswers(
        int(counted[EARLY]), int(counted[LATE]), float(gap["estimate"]), float(gap["se"]),
        float(gap["ci_low"]), float(gap["ci_high"]), delta_adjusted_mean(estimate, response_share, delta),
    )  # fmt: skip


def reminder_wave(data: pd.DataFrame, fieldwork: FieldworkParams) -> np.ndarray:
    """Reminders sent before each answer (by completion, else by start); -1 where no time is known."""
    times = pd.to_datetime(data["completed_at"]).fillna(pd.to_datetime(data["started_at"]))
    start = pd.Timestamp(fieldwork.start)
    sent = np.array([(start + pd.Timedelta(weeks=week)).to_datetime64() for week in sorted(fieldwork.reminder_weeks)])
    waves = np.searchsorted(sent.astype("datetime64[ns]"), times.to_numpy(dtype="datetime64[ns]"), side="right")
    return np.where(times.isna(), -1, waves)


def tipping_points(
    index: float, nonrespondents: Mapping[str, float], categories: CategoryParams, decimals: int
) -> pd.DataFrame:
    """By how much nonrespondents would have to differ for the index to reach the next category down and up.

    Parameters
    ----------
    nonrespondents : mapping   source -> its weight in the index times its share of nonrespondents

    Returns
    -------
    DataFrame, at most two rows: category (that would be reached), limit, delta (points, the same in all sources;
    missing where no difference within the scale would do it).
    """
    codes = [level.code for level in categories.levels]
    here = codes.index(category_of(index, categories, decimals))
    limits = [level.below for level in categories.levels if level.below is not None]
    # The rounded index decides: from half a last digit below the limit on it belongs to the category above.
    reached = [limit - 0.5 * 10**-decimals for limit in limits]
    rows = [(codes[here - 1], limits[here - 1], reached[here - 1])] if here > 0 else []
    rows += [(codes[here + 1], limits[here], reached[here])] if here < len(limits) else []
    total = sum(nonrespondents.values())
    facts = [(code, limit, tipping_delta(index, total, edge)) for code, limit, edge in rows]
    table = pd.DataFrame(facts, columns=["category", "limit", "delta"])
    return table.assign(delta=table["delta"].where(table["delta"].abs() <= WIDEST_DIFFERENCE))
