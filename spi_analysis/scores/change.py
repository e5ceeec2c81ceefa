"""Change between two rounds, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from spi_analysis.params import CORRECTIONS
from spi_analysis.scores.index import satterthwaite
from spi_analysis.survey.estimation import t_interval
from spi_analysis.tables import rounded

Direction = Literal["up", "down", "no_clear_change"]


def direction_of(ci_low: float, ci_high: float) -> Direction:
    """What a change's own interval allows to say, as pages show it: one that begins at 0.00 holds 0."""
    low, high = rounded(ci_low), rounded(ci_high)
    return "up" if low > 0 else "down" if high < 0 else "no_clear_change"


def composition(
    scores: Mapping[str, float], weights: Mapping[str, float], corrections: Mapping[str, float]
) -> pd.DataFrame:
    """How the index is made: one row per part, points added (weights x scores) and subtracted (corrections made).

    ``scores``, ``weights``: of the same sources and components, in the order of ``weights``.

    Returns
    -------
    DataFrame: part, points. The points sum to the index.
    """
    added = [{"part": source, "points": weight * scores[source]} for source, weight in weights.items()]
    subtracted = [{"part": name, "points": -corrections[name]} for name in CORRECTIONS if name in corrections]
    return pd.DataFrame(added + subtracted)


def bridge(
    before: Mapping[str, float],
    after: Mapping[str, float],
    weights_before: Mapping[str, float],
    weights_after: Mapping[str, float],
) -> pd.DataFrame:
    """What a change of the index is made of.

    Each source contributes its change of score at the mean of the two years' weights, the
    change of weights at the mean score; corrections contribute with a minus. What the
    parts leave unexplained of the two published indices (rounding, undocumented
    deductions) is a row of its own, so the rows always sum to the change.

    Parameters
    ----------
    before, after : mapping   index, the source scores, and the corrections (``CORRECTIONS``) that were made
    weights_before, weights_after : mapping   source -> weight, of the same sources

    Returns
    -------
    DataFrame: part (sources, corrections, "weights", "unexplained"), points.
    """
    mean_weight = {s: (weights_before[s] + weights_after[s]) / 2 for s in weights_before}
    rows = [{"part": s, "points": mean_weight[s] * (after[s] - before[s])} for s in weights_before]
    reweighted = sum((weights_after[s] - weights_before[s]) * (before[s] + after[s]) / 2 for s in weights_before)
    rows += [
        {"part": name, "points": -(after.get(name, 0.0) - before.get(name, 0.0))}
        for name in CORRECTIONS
        if name in before or name in after
    ]
    rows.append({"part": "weights", "points": reweighted})
    explained = sum(row["points"] for row in rows)
    rows.append({"part": "unexplained", "points": after["index"] - before["index"] - explained})
    return pd.DataFrame(rows)


# Change of the index between two rounds from their answers: contributions by source, dimension and correction, with
# errors.

COLUMNS = ["kind", "source", "part", "estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


@dataclass(frozen=True)
class SourceRound:
    """The dimensions of one source in one round.

    ``scores`` (D,) by dimension, with ``covariance`` (D, D); ``shares`` (D,): weight of every dimension in the source
    score; ``df``, ``n``, ``effective_n`` of the source score.
    """

    scores: pd.Series
    covariance: np.ndarray
    shares: pd.Series
    df: float
    n: float
    effective_n: float


@dataclass(frozen=True)
class SourcePair:
    """A source in two rounds; ``between`` (D before, D after) is the covariance that common people make.

    ``same_error``: the covariance before is not estimated from answers of its own but taken to be that of after.
    """

    before: SourceRound
    after: SourceRound
    between: np.ndarray
    same_error: bool = False

    @property
    def same_dimensions(self) -> bool:
        """Whether the two rounds asked for the same dimensions; else only whole source scores can be compared."""
        return list(self.before.scores.index) == list(self.after.scores.index)


@dataclass(frozen=True)
class IndexRule:
    """How a round makes its index: weights of the sources, corrections in points and their standard errors.

    ``components``: points of the parts that no answers make, each its weight times its score;
    ``unexplained``: a published index minus what its parts make (rounding, deductions that nobody explained);
    ``noise``: variance and degrees of freedom of a published index as a whole, where they are not those of its parts.
    """

    weights: Mapping[str, float]
    corrections: Mapping[str, float]
    correction_se: Mapping[str, float]
    unexplained: float = 0.0
    noise: tuple[float, float] | None = None
    components: Mapping[str, float] = field(default_factory=dict)


# Coefficients of the dimension scores before and after, by source.
Combination = dict[str, tuple[np.ndarray, np.ndarray]]


def change_between(pairs: Mapping[str, SourcePair], before: IndexRule, after: IndexRule, level: float) -> pd.DataFrame:
    """The change of the index in points, and the contributions that it is made of.

    A dimension with weight v in the index before and w after brings ``(v + w)/2 (x_after - x_before)``; the change of
    weights brings ``(w - v)(x_before + x_after)/2``; a correction its change with a minus. The dimensions of a source
    sum to its contribution; sources, weights, corrections and what a published
    index leaves unexplained sum to the change, exactly. Every contribution is a linear combination of
    scores, so it has its own variance, with the covariance between the rounds: two contributions may be unclear and
    their sum clear, and the other way round.

    Returns
    -------
    DataFrame: kind (index, source, dimension, weights, correction, component, unexplained), source (of a dimension),
    part, estimate, se, ci_low, ci_high, df_design (Satterthwaite over sources and rounds; with common people, or one
    error for both rounds, the smaller of the two), n and effective_n (the smaller of the two rounds; for several
    sources their sum). Dimensions are left out where the two rounds asked for different ones.

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2; Kish (1965), Survey Sampling, section 12.4 (overlap).
    """
    sources, weights = _source_contributions(pairs, before, after), _weights_contribution(pairs, before, after)
    contributions: list[tuple[str, str | None, str | None, Combination]] = [
        *(("source", None, source, {source: combination}) for source, combination in sources.items()),
        *_dimension_contributions(pairs, before, after),
        ("weights", None, "weights", weights),
    ]
    made = {*before.corrections, *after.corrections}
    corrections = [_correction_row(name, before, after) for name in CORRECTIONS if name in made]
    corrections += [
        _fixed_row("component", name, after.components.get(name, 0.0) - before.components.get(name, 0.0))
        for name in dict.fromkeys([*before.components, *after.components])
    ]
    if after.unexplained != before.unexplained:
        corrections.append(_fixed_row("unexplained", "unexplained", after.unexplained - before.unexplained))
    whole = {s: (sources[s][0] + weights[s][0], sources[s][1] + weights[s][1]) for s in pairs}
    rows = [_row(kind, source, part, combination, pairs) for kind, source, part, combination in contributions]
    known = {"corrections": (float(sum(row["se"] ** 2 for row in corrections)), np.inf)}
    if before.noise is not None:
        known["before"] = before.noise
        pairs = {source: _without_error_before(pair) for source, pair in pairs.items()}
    index = _row("index", None, None, whole, pairs, known)
    index["estimate"] += sum(row["estimate"] for row in corrections)
    return _with_limits(pd.DataFrame([index, *rows, *corrections], columns=COLUMNS), level)


def _index_shares(pair: SourcePair, before: float, after: float) -> tuple[np.ndarray, np.ndarray]:
    """Weight of every dimension in the index, before and after."""
    return before * pair.before.shares.to_numpy(), after * pair.after.shares.to_numpy()


def _source_contributions(
    pairs: Mapping[str, SourcePair], before: IndexRule, after: IndexRule
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    contributions = {}
    for source, pair in pairs.items():
        v, w = _index_shares(pair, before.weights[source], after.weights[source])
        if pair.same_dimensions:
            contributions[source] = (-(v + w) / 2, (v + w) / 2)
        else:
            mean = (before.weights[source] + after.weights[source]) / 2
            contributions[source] = (-mean * pair.before.shares.to_numpy(), mean * pair.after.shares.to_numpy())
    return contributions


def _dimension_contributions(
    pairs: Mapping[str, SourcePair], before: IndexRule, after: IndexRule
) -> list[tuple[str, str, str, Combination]]:
    found = []
    for source, (first, second) in _source_contributions(pairs, before, after).items():
        pair = pairs[source]
        names = list(pair.after.scores.index) if pair.same_dimensions else []
        for i, name in enumerate(names):
            only = (np.arange(len(names)) == i).astype(float)
            found.append(("dimension", source, str(name), {source: (first * only, second * only)}))
    return found


def _weights_contribution(pairs: Mapping[str, SourcePair], before: IndexRule, after: IndexRule) -> Combination:
    contributions = {}
    for source, pair in pairs.items():
        v, w = _index_shares(pair, before.weights[source], after.weights[source])
        if pair.same_dimensions:
            contributions[source] = ((w - v) / 2, (w - v) / 2)
        else:
            half = (after.weights[source] - before.weights[source]) / 2
            contributions[source] = (half * pair.before.shares.to_numpy(), half * pair.after.shares.to_numpy())
    return contributions


def _row(
    kind: str,
    source: str | None,
    part: str | None,
    combination: Combination,
    pairs: Mapping[str, SourcePair],
    more: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, Any]:
    """A contribution with its error; ``more``: variances and degrees of freedom that come on top."""
    estimate = 0.0
    variances, df = ({name: part[i] for name, part in (more or {}).items()} for i in (0, 1))
    for name, (first, second) in combination.items():
        pair = pairs[name]
        estimate += float(first @ pair.before.scores.to_numpy() + second @ pair.after.scores.to_numpy())
        variances[name], df[name] = _variance(pair, first, second)
    used = [pairs[name] for name, (first, second) in combination.items() if first.any() or second.any()]
    return {
        "kind": kind,
        "source": source,
        "part": part,
        "estimate": estimate,
        "se": float(np.sqrt(sum(variances.values()))),
        "df_design": satterthwaite(variances, df),
        "n": float(sum(min(pair.before.n, pair.after.n) for pair in used)),
        "effective_n": float(sum(min(pair.before.effective_n, pair.after.effective_n) for pair in used)),
    }


def _variance(pair: SourcePair, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Variance of a combination inside a source, and its degrees of freedom."""
    v = float(first @ pair.before.covariance @ first)
    w = float(second @ pair.after.covariance @ second)
    # An estimated covariance may go beyond what the two variances allow; a correlation cannot.
    most = float(np.sqrt(v * w))
    shared = float(np.clip(first @ pair.between @ second, -most, most))
    if not pair.between.any() and not pair.same_error:
        return v + w, satterthwaite({"before": v, "after": w}, {"before": pair.before.df, "after": pair.after.df})
    return max(v + w + 2 * shared, 0.0), min(pair.before.df, pair.after.df)


def _without_error_before(pair: SourcePair) -> SourcePair:
    """The pair with its earlier scores as numbers: their error is counted elsewhere."""
    exact = replace(pair.before, covariance=np.zeros_like(pair.before.covariance), df=np.inf)
    return replace(pair, before=exact, between=np.zeros_like(pair.between), same_error=False)


def _correction_row(name: str, before: IndexRule, after: IndexRule) -> dict[str, Any]:
    """A correction's change counts with a minus; it is decided, not estimated, unless it has a standard error."""
    spread = before.correction_se.get(name, 0.0) ** 2 + after.correction_se.get(name, 0.0) ** 2
    change = before.corrections.get(name, 0.0) - after.corrections.get(name, 0.0)
    return _fixed_row("correction", name, change, float(np.sqrt(spread)))


def _fixed_row(kind: str, part: str, estimate: float, se: float = 0.0) -> dict[str, Any]:
    """A contribution that no answer of the survey makes."""
    facts = {"estimate": estimate, "se": se, "df_design": np.inf, "n": np.nan, "effective_n": np.nan}
    return {"kind": kind, "source": None, "part": part, **facts}


def _with_limits(table: pd.DataFrame, level: float) -> pd.DataFrame:
    low, high = t_interval(*(table[c].to_numpy(dtype=float) for c in ("estimate", "se", "df_design")), level)
    return table.assign(ci_low=low, ci_high=high)
