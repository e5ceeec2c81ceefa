"""Is a whole institution coached? Its answers beside those of all other institutions at equal score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from spi_analysis.params import CoachingParams, Instrument, Source
from spi_analysis.scores import item_scores
from spi_analysis.survey import group_counts, group_sums

# Tuning constants of robust regression: Tukey's biweight (95 % efficient), and where squared residuals are cut.
BIWEIGHT, CUT, ROUNDS = 4.685, 2.5, 30
# Knots of a cubic spline (Harrell 2015, table 2.3), and quantiles that say how wide the upper half lies.
KNOTS = (0.05, 0.35, 0.65, 0.95)
UPPER = (0.75, 0.9)
# Below these a squared distance and a ratio of variances say no more.
LEAST_SQUARE, LEAST_RATIO = 1e-4, 1e-3
SIGNS = ["institution", "n", "score", "alike", "pairs", "uneven", "surge"]
FOUND = ["alike_z", "uneven_z", "p_source", "surge_z", "gap", "gap_z", "p_value", "q_value", "flagged"]


@dataclass(frozen=True)
class RoundAnswers:
    """A source's answers in all institutions of a round.

    ``institution`` (n,): numbers from 0; ``levels`` (n, items): 0 the worst answer, ``steps`` the best, -1 missing;
    ``positive`` (items,): where the best answer is the highest tick; ``weights`` (items,) of the score; ``started``
    (n,): hours from any point in time, missing where it is not known.
    """

    institution: np.ndarray
    levels: np.ndarray
    steps: np.ndarray
    positive: np.ndarray
    weights: np.ndarray
    started: np.ndarray

    @cached_property
    def shares(self) -> np.ndarray:
        """Answers from 0 to 1 (n, items); missing ones are missing."""
        return np.where(self.levels < 0, np.nan, self.levels / self.steps)

    @cached_property
    def scores(self) -> np.ndarray:
        """Everybody's score, 0 to 100 (n,)."""
        return 100 * _mean(self.shares, self.weights)

    @cached_property
    def tendency(self) -> np.ndarray:
        """By how much people tick higher than they judge (n,): questions of both directions against each other."""
        both = [_mean(self.shares, self.weights * which) for which in (self.positive, ~self.positive)]
        return np.nan_to_num(both[0] - both[1])


def round_answers(responses: pd.DataFrame, instrument: Instrument, source: Source) -> RoundAnswers:
    """Answers of a source as numbers; ``responses`` has a column ``institution`` of numbers from 0."""
    items = instrument.items(source)
    scales = [instrument.scales[item.scale] for item in items]
    steps = np.array([scale.maximum - scale.minimum for scale in scales])
    levels = item_scores(responses, instrument, source).to_numpy() / 100 * steps
    started = (pd.to_datetime(responses["started_at"]) - pd.Timestamp(0)) / pd.Timedelta(hours=1)
    return RoundAnswers(
        institution=responses["institution"].to_numpy(dtype=int),
        levels=np.nan_to_num(np.rint(levels), nan=-1).astype(np.int8),
        steps=steps,
        positive=np.array([item.direction == "positive" for item in items]),
        weights=instrument.item_weights(source)["score"].to_numpy(dtype=float),
        started=started.to_numpy(dtype=float),
    )


# What is counted in every institution.


def institution_signs(answers: RoundAnswers, params: CoachingParams) -> pd.DataFrame:
    """Signs of every institution with enough answers.

    Returns
    -------
    DataFrame of SIGNS: ``score`` mean; ``alike`` by how much pairs of its people agree more often than each of them
    agrees with people of other institutions at equal score, as a share of the questions; ``pairs`` so compared;
    ``uneven`` how far answers scatter, as a multiple of what is usual at equal score; ``surge`` largest share of its
    answers that began within ``surge_hours``.
    """
    n, scores = group_counts(answers.institution), answers.scores
    cells = equal_cells(answers, params)
    upper = scores >= _own_medians(answers, scores)[answers.institution]
    everybody, best = _counts(answers, cells, np.isfinite(scores)), _counts(answers, cells, upper)
    others = everybody.sum(axis=0) - everybody
    shares = others / np.maximum(others.sum(axis=-1, keepdims=True), 1)
    alike, pairs = more_alike(best, shares)
    table = pd.DataFrame(
        {
            "institution": np.arange(len(n)),
            "n": n,
            "score": group_sums(answers.institution, np.nan_to_num(scores)) / np.maximum(n, 1),
            "alike": alike,
            "pairs": pairs,
            "uneven": uneven(everybody, shares),
            "surge": [_largest_share(answers.started[rows], params.surge_hours) for rows in _rows_of(answers, len(n))],
        }
    )
    return table[(n >= params.min_answers) & (pairs > 0)].reset_index(drop=True)


def more_alike(best: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much more the upper half of an institution's people agree with each other than with others, and on how much.

    People are compared inside cells of about equal score and equal tendency to tick high. Of a pair i, k counts
    1(same answer) - p(i's answer) - p(k's answer) + sum of p squared, where p are the shares of answers in the cell in
    all other institutions: 0 on average where an institution answers as others do. The mean over pairs is then
    the squared distance of its shares from the others', without the error of sampling (a U statistic).

    Parameters
    ----------
    best : array (institutions, cells, items, levels)     how many of the upper half gave each answer
    shares : array (institutions, cells, items, levels)   of everybody elsewhere

    Returns
    -------
    alike, pairs : arrays (institutions,): the mean, and the mean number of pairs behind an item.

    References
    ----------
    docs/methods/coaching.md; Hoeffding (1948), Annals of Mathematical Statistics 19; Simpson (1949), Nature 163.
    """
    n = best.sum(axis=-1)
    same = (best * (best - 1)).sum(axis=-1)
    usual = 2 * (n - 1) * (best * shares).sum(axis=-1)
    excess = same - usual + n * (n - 1) * (shares**2).sum(axis=-1)
    pairs = (n * (n - 1)).sum(axis=(1, 2))
    return excess.sum(axis=(1, 2)) / np.maximum(pairs, 1), pairs / 2 / best.shape[2]


def uneven(everybody: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """How far answers of about equal score scatter, as a multiple of what they do elsewhere (institutions,).

    Who gives the best answer to most questions, as told, and an own one to some, has answers that do not go with
    each other at such a score (an aberrant response pattern). Squares are taken from the institution's own mean of
    the cell and item, so that what a house honestly judges otherwise does not count.

    References
    ----------
    Meijer & Sijtsma (2001), Applied Psychological Measurement 25 (person fit); Karabatsos (2003), Applied
    Measurement in Education 16.
    """
    level = np.arange(shares.shape[-1])
    variance = (shares * level**2).sum(axis=-1) - (shares * level).sum(axis=-1) ** 2
    n = everybody.sum(axis=-1)
    own = (everybody * level**2).sum(axis=-1) - (everybody * level).sum(axis=-1) ** 2 / np.maximum(n, 1)
    usual = (np.maximum(n - 1, 0) * variance).sum(axis=(1, 2))
    return np.divide(own.sum(axis=(1, 2)), usual, out=np.full(len(usual), np.nan), where=usual > 0)


def equal_cells(answers: RoundAnswers, params: CoachingParams) -> np.ndarray:
    """Cells (n,) of people of the round with about the same score and, inside, the same tendency to tick high."""
    classes, tendency = _classes(answers.scores, params.score_classes), answers.tendency
    cells = np.zeros(len(classes), dtype=int)
    for one in range(params.score_classes):
        rows = classes == one
        cells[rows] = one * params.tendency_classes + _classes(tendency[rows], params.tendency_classes)
    return cells


def _classes(values: np.ndarray, count: int) -> np.ndarray:
    """Classes of about equal numbers; equal values stay together."""
    if not len(values):
        return np.zeros(0, dtype=int)
    return np.searchsorted(np.nanquantile(values, np.arange(1, count) / count), values, side="right").clip(0, count - 1)


def _counts(answers: RoundAnswers, cells: np.ndarray, which: np.ndarray) -> np.ndarray:
    """How many of ``which`` gave each answer: (institutions, cells, items, levels)."""
    n, n_cells, levels = answers.institution.max() + 1, cells.max() + 1, int(answers.steps.max()) + 1
    cell = (answers.institution * n_cells + cells) * levels
    counts = np.empty((n, n_cells, answers.levels.shape[1], levels))
    for item, given in enumerate(answers.levels.T):
        rows = which & (given >= 0)
        found = group_counts(cell[rows] + given[rows], n * n_cells * levels)
        counts[:, :, item] = found.reshape(n, n_cells, levels)
    return counts


def _own_medians(answers: RoundAnswers, scores: np.ndarray) -> np.ndarray:
    """Median score of every institution; missing where nobody has one."""
    medians = pd.Series(scores).groupby(answers.institution).median()
    return medians.reindex(range(answers.institution.max() + 1)).to_numpy()


def _rows_of(answers: RoundAnswers, n: int) -> list[np.ndarray]:
    order = np.argsort(answers.institution, kind="stable")
    return np.split(order, np.cumsum(group_counts(answers.institution, n))[:-1])


def _largest_share(started: np.ndarray, hours: float) -> float:
    """Largest share of the answers that began within so many hours."""
    times = np.sort(started[~np.isnan(started)])
    if not len(times):
        return float("nan")
    within = np.searchsorted(times, times + hours, side="right") - np.arange(len(times))
    return float(within.max() / len(times))


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means of the rows over what is known; missing where nothing is."""
    total = ~np.isnan(values) @ weights
    top = np.nan_to_num(values) @ weights
    return np.divide(top, total, out=np.full(len(values), np.nan), where=total > 0)


# Which of them are unusual for an institution of this score and size.


def compared(signs: Mapping[Source, pd.DataFrame], params: CoachingParams) -> pd.DataFrame:
    """Every institution's signs beside what is usual in the round, and which are flagged.

    ``alike`` and ``uneven`` decide. Surges, and a score above what the other sources lead to expect (``gap``), are told
    beside them: an honest push to answer makes the one, a good house the other.

    Parameters
    ----------
    signs : Source -> DataFrame of SIGNS   sources with at least ``min_institutions`` institutions

    Returns
    -------
    DataFrame, one row per institution and source: source, SIGNS and FOUND. ``p_value`` counts both signs and all
    sources of the institution (Bonferroni), ``q_value`` all institutions (Benjamini and Hochberg).
    """
    parts = [_unusual(source, table, signs, params) for source, table in signs.items()]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["source", *SIGNS, *FOUND])
    return rows if rows.empty else judged(rows, params.false_discovery)[["source", *SIGNS, *FOUND]]


def judged(rows: pd.DataFrame, false_discovery: float) -> pd.DataFrame:
    """Rows of institutions and sources, the least likely by chance first, with what their chances say together.

    ``p_value``: of the institution, by its least ``p_source`` (Bonferroni over its sources); ``q_value``: over all
    institutions (Benjamini and Hochberg); ``flagged``: at most ``false_discovery`` of those flagged are false.
    """
    by = rows.groupby("institution")["p_source"]
    p = (by.min() * by.count()).clip(upper=1.0)
    q = pd.Series(false_discovery_control(p) if len(p) else [], index=p.index, dtype=float)
    rows = rows.assign(p_value=rows["institution"].map(p), q_value=rows["institution"].map(q))
    rows = rows.assign(flagged=rows["q_value"] <= false_discovery)
    return rows.sort_values(["p_value", "institution", "source"], ignore_index=True)


def _unusual(
    source: Source, table: pd.DataFrame, signs: Mapping[Source, pd.DataFrame], params: CoachingParams
) -> pd.DataFrame:
    score, n, pairs = (table[name].to_numpy(dtype=float) for name in ("score", "n", "pairs"))
    alike = unusual(_distance(table["alike"].to_numpy()), smooth(score), [1 / n, 1 / pairs])
    uneven = unusual(np.log(table["uneven"].clip(lower=LEAST_RATIO).to_numpy()), smooth(score), [1 / n])
    surge = unusual(table["surge"].to_numpy(), smooth(score), [1 / n])
    # Scores of the other sources, in the order of this one's institutions.
    known = [
        other.set_index("institution")["score"].reindex(table["institution"])
        for s, other in signs.items()
        if s != source
    ]
    others = np.column_stack([np.ones(len(table)), *known])
    gap = score - others @ robust_fit(others, score)
    return table.assign(
        source=source, alike_z=alike, uneven_z=uneven, surge_z=surge,
        p_source=(2 * student.sf(np.fmax(alike, uneven), params.tail_df)).clip(max=1),
        gap=gap, gap_z=unusual(score, others, [1 / n]),
    )  # fmt: skip


def _distance(squares: np.ndarray) -> np.ndarray:
    """Distances of squared ones, which lean far to the right; the round's median is added, as some lie below 0."""
    return np.sqrt(squares.clip(0) + max(float(np.median(squares)), LEAST_SQUARE))


def _scores_of_others(institutions: pd.Series, tables: Sequence[pd.DataFrame]) -> np.ndarray:
    """A constant, and the mean score of every other source (missing where it has too few answers)."""
    scores = [table.set_index("institution")["score"].reindex(institutions) for table in tables]
    return np.column_stack([np.ones(len(institutions)), *scores])


def unusual(values: np.ndarray, usual: np.ndarray, inverse_sizes: Sequence[np.ndarray]) -> np.ndarray:
    """How far values lie above what is usual, in units of how the upper half of the institutions spreads.

    A robust regression gives what is usual, another of the squared residuals how much spread an institution of that
    size has. Units are taken from the upper half, where spreads are wider and coaching is looked for; the few
    that are coached do not move quantiles.

    Parameters
    ----------
    usual : array (n, columns)             what values depend on, with a constant
    inverse_sizes : arrays (n,)            the variance is a constant and shares of these, none negative

    References
    ----------
    Beaton & Tukey (1974), Technometrics 16; Efron (2004), JASA 99 (the null distribution taken from the cases).
    """
    known = np.isfinite(values) & np.isfinite(usual).all(axis=1)
    found = np.full(len(values), np.nan)
    design = np.column_stack([usual, inverse_sizes[0] / inverse_sizes[0].mean()])[known]
    residuals = values[known] - design @ robust_fit(design, values[known])
    sizes = np.column_stack([np.ones(known.sum()), *(part[known] / part[known].mean() for part in inverse_sizes)])
    ratios = residuals / np.sqrt(_variances(residuals, sizes))
    middle = np.median(ratios)
    spread = max((np.quantile(ratios, q) - middle) / norm.ppf(q) for q in UPPER)
    found[known] = (ratios - middle) / max(spread, 1e-12)
    return found


def robust_fit(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of a regression in which values far from it do not count (biweight); missing rows are left out."""
    known = np.isfinite(design).all(axis=1) & np.isfinite(values)
    design, values = design[known], values[known]
    weights = np.ones(len(values))
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        fitted = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        residuals = values - design @ fitted
        far = np.abs(residuals) / (BIWEIGHT * max(_spread(residuals), 1e-12))
        weights = np.where(far < 1, (1 - far**2) ** 2, 0.0)
    return fitted


def smooth(score: np.ndarray) -> np.ndarray:
    """Columns of a cubic spline of the score: a constant, the score, and two that bend it.

    Beyond the outer knots they stay as they are there: who is alone at the end of the scale would otherwise say what is
    usual for it.
    """
    knots = np.quantile(score, KNOTS)
    width = max(knots[-1] - knots[0], 1e-9)
    x, k = (score.clip(knots[0], knots[-1]) - knots[0]) / width, (knots - knots[0]) / width
    cubes = np.maximum(x[:, None] - k, 0) ** 3
    ends = np.maximum(k[-1] - k[:-1], 1e-9)
    slopes = (cubes[:, :-1] - cubes[:, [-1]]) / ends
    return np.column_stack([np.ones(len(x)), x, slopes[:, :-1] - slopes[:, [-1]]])


def _variances(residuals: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Variance by size: a regression of the squared residuals, those far out cut, no part negative."""
    variances = np.full(len(residuals), max(_spread(residuals), 1e-9) ** 2)
    for _ in range(ROUNDS):
        squares = np.minimum(residuals**2, CUT**2 * variances)
        fitted, _ = nnls(sizes / variances[:, None], squares / variances)
        variances = np.maximum(sizes @ fitted, 1e-18)
    return variances


def _spread(residuals: np.ndarray) -> float:
    """Standard deviation by the median of the absolute residuals."""
    return float(np.median(np.abs(residuals)) / norm.ppf(0.75))
