"""Waves: a drawn sample is split at random into a first wave and reserves, and weighted by what was activated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import half_up, require_columns, require_numbers
from spi_analysis.survey.sampling.random_numbers import numbers_of
from spi_analysis.survey.sampling.selection import _strata

# Shares of waves add up to 1 but for rounding.
_WHOLE = 1e-9


def wave_sizes(people: int, shares: Sequence[float]) -> list[int]:
    """Whole people of each wave: the rule wherever waves are shares of what is drawn.

    The cumulated shares are rounded to the nearest (halves up), so that each wave differs from its share
    by less than 1; at least one is in the first if there is anybody.

    Parameters
    ----------
    people : int                 drawn in all
    shares : list of float       of the first wave and of each reserve, such as [0.6, 0.2, 0.2]; 0 or more each

    Returns
    -------
    list of int, people of each wave, together ``people``.

    Raises
    ------
    SamplingError   no shares, a share that is negative or no number, shares that are all 0.

    Examples
    --------
    >>> wave_sizes(10, [0.6, 0.2, 0.2])
    [6, 2, 2]
    >>> wave_sizes(3, [0.5, 0.5])
    [2, 1]
    """
    require_numbers(SamplingError, people=people, **{f"share {i}": share for i, share in enumerate(shares, 1)})
    if not len(shares) or min(shares) < 0 or max(shares) == 0:
        expected = "one or more, none below 0, not all of them 0"
        raise SamplingError("the shares of the waves do not fit", got=str(list(shares)), expected=expected)
    upto = np.cumsum(shares)
    ends = half_up(people * upto / upto[-1])
    ends[0], ends[-1] = max(ends[0], min(people, 1)), people
    return [int(size) for size in np.diff(np.maximum.accumulate(ends), prepend=0)]


def with_reserves(first: int, people: int, reserves: Sequence[float]) -> list[int]:
    """Wave sizes of a stratum: the first wave as planned, and reserves as shares of it, as far as people reach.

    Parameters
    ----------
    first : int               people of the first wave
    people : int              people in the stratum
    reserves : list of float  each reserve as a share of the first wave, 0 or more

    Returns
    -------
    list of int (1 + reserves), people of each wave, together at most ``people``.

    Raises
    ------
    SamplingError   a size or share is no number.

    Examples
    --------
    >>> with_reserves(10, people=100, reserves=[0.5, 0.5])
    [10, 5, 5]
    >>> with_reserves(10, people=12, reserves=[0.5, 0.5])
    [10, 2, 0]
    """
    shares = {f"reserve {i}": reserve for i, reserve in enumerate(reserves, 1)}
    require_numbers(SamplingError, first=first, people=people, **shares)
    ends, so_far = [min(first, people)], 1.0
    for reserve in reserves:
        so_far += reserve
        ends.append(min(people, max(ends[-1], int(half_up(first * so_far)))))
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def assign_waves(
    sample: pd.DataFrame,
    sizes: Mapping[str, Sequence[int]],
    stratum: str = "stratum",
    prn: str | None = "prn",
    seed: int | None = None,
    person: str = "person_id",
) -> pd.DataFrame:
    """Number the waves of a drawn sample at random within strata, each of which has wave sizes of its own.

    Parameters
    ----------
    sample : DataFrame (n, ...)    as drawn, with ``inclusion_prob``
    sizes : mapping stratum -> list of int   people of each wave, first wave first; together the stratum's sample
    stratum : str                  column
    prn : str                      column of random numbers that order the people of a stratum; in a simple random
        sample the numbers of the draw can be used: given the sample, their order is random
    seed : int or None             order by new random numbers (of seed and ``person``) instead; needed where
        probabilities differ inside a stratum, since those drawn by the smallest numbers are not a random part
    person : str                   column, read with a seed only

    Returns
    -------
    The sample with ``wave``: 1 for the first wave, 2 and on for the reserves.

    Raises
    ------
    SamplingError   a column is missing; sizes do not add up to the people drawn; unequal probabilities without a seed.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 6 (reserve samples); Cochran (1977), ch. 12 (random subsamples).

    Examples
    --------
    >>> sample = pd.DataFrame({"stratum": "a", "prn": [0.3, 0.1, 0.2], "inclusion_prob": 0.3})
    >>> assign_waves(sample, {"a": [2, 1]})["wave"].tolist()
    [2, 1, 1]
    """
    require_columns(sample, ["inclusion_prob", stratum, *([person] if seed is not None else [str(prn)])], SamplingError)
    strata = _strata(sample, stratum)
    _check_sizes(strata, sizes)
    rank = _ranks(sample, strata, prn, seed, person)
    wave = np.ones(len(sample), dtype=int)
    for count in range(1, max(map(len, sizes.values()), default=1)):
        last = strata.map({name: sum(waves[:count]) for name, waves in sizes.items()}).to_numpy(dtype=float)
        wave += rank > last
    return sample.assign(wave=wave)


def _ranks(sample: pd.DataFrame, strata: pd.Series, prn: str | None, seed: int | None, person: str) -> np.ndarray:
    """The place of everyone in the random order of the stratum, from 1 on."""
    if seed is None:
        _require_equal(sample, strata)
    numbers = sample[prn] if seed is None else pd.Series(numbers_of(seed, sample[person]), index=sample.index)
    return numbers.groupby(strata.to_numpy()).rank(method="first").to_numpy()


def _check_sizes(strata: pd.Series, sizes: Mapping[str, Sequence[int]]) -> None:
    counts = strata.value_counts()
    given = {str(name): list(sizes.get(str(name), [])) for name in counts.index}
    problems = [
        Problem(
            "the waves do not add up to the sample",
            key=f"stratum {name}",
            got=str(given[str(name)]),
            expected=f"{count} people in all",
        )
        for name, count in counts.items()
        if sum(given[str(name)]) != count or min(given[str(name)], default=0) < 0
    ]
    if problems:
        raise SamplingError(*problems)


def activate_waves(
    sample: pd.DataFrame,
    waves: int | Mapping[str, int] | pd.Series,
    stratum: str | None = "stratum",
) -> pd.DataFrame:
    """The people activated so far, with their probabilities and base weights.

    Of the n_h drawn in a stratum m_h are activated, a random part of them; everyone's probability is
    ``inclusion_prob * m_h / n_h``. Call it on the whole drawn sample, so that probabilities are not reduced twice.

    Parameters
    ----------
    sample : DataFrame (n, ...)   as ``assign_waves`` made it
    waves : int, or mapping stratum -> int   the last wave activated; 0: nobody of this stratum
    stratum : str or None         column; None for one stratum

    Returns
    -------
    The activated rows with ``inclusion_prob``, ``base_weight`` (people per person) and ``drawn_prob`` (the probability
    before).

    Raises
    ------
    SamplingError   a column is missing; a sample that was activated already; a stratum without a number, or a number
        for
        a stratum that nobody is in; a wave that is not there.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 6 (reserve samples); Cochran (1977), ch. 12 (random subsamples).

    Examples
    --------
    Four of eight were drawn, two of them are activated: each stands for four.

    >>> sample = pd.DataFrame({"stratum": "a", "wave": [1, 2, 1, 2], "inclusion_prob": 0.5})
    >>> activated = activate_waves(sample, 1)
    >>> activated["inclusion_prob"].tolist(), activated["base_weight"].tolist()
    ([0.25, 0.25], [4.0, 4.0])
    """
    require_columns(sample, ["wave", "inclusion_prob", *([stratum] if stratum else [])], SamplingError)
    if "drawn_prob" in sample.columns:
        raise SamplingError(
            "these rows were activated already", column="drawn_prob", hint="start from the whole drawn sample"
        )
    strata = _strata(sample, stratum)
    last = _last_waves(waves, sample["wave"], strata)
    out = sample["wave"].to_numpy() <= last
    # Two-phase sampling: pi_k = pi_k(drawn) * m_h / n_h.
    share = pd.Series(out).groupby(strata.to_numpy()).transform("mean").to_numpy()
    probability = sample["inclusion_prob"].to_numpy(dtype=float)
    activated = sample[out].assign(drawn_prob=probability[out], inclusion_prob=(probability * share)[out])
    return activated.assign(base_weight=1 / activated["inclusion_prob"])


def _last_waves(waves: int | Mapping[str, int] | pd.Series, wave: pd.Series, strata: pd.Series) -> np.ndarray:
    most = int(wave.max()) if len(wave) else 0
    names = sorted(set(strata))
    given = (
        {name: int(waves) for name in names}
        if isinstance(waves, Integral)
        else {str(name): int(last) for name, last in dict(waves).items()}  # type: ignore[arg-type]
    )
    problems = [
        Problem("a stratum has no last wave", key=name, hint=nearest(name, given))
        for name in names
        if name not in given
    ]
    problems += [
        Problem("no such wave", key=f"stratum {name}", got=str(last), expected=f"0 to {most}")
        for name, last in given.items()
        if not 0 <= last <= most
    ]
    problems += [
        Problem("a wave is given for a stratum that nobody is in", key=name, hint=nearest(name, names))
        for name in given
        if name not in names
    ]
    if problems:
        raise SamplingError(*problems)
    return strata.map(given).to_numpy(dtype=int)


def _require_equal(sample: pd.DataFrame, strata: pd.Series) -> None:
    probabilities = sample["inclusion_prob"].groupby(strata.to_numpy())
    unequal = probabilities.max() - probabilities.min() > _WHOLE
    if unequal.any():
        raise SamplingError(
            "probabilities differ inside a stratum, so the numbers they were drawn by do not split it at random",
            key=f"stratum {unequal.idxmax()}",
            expected="equal probabilities, or a seed",
            hint="give seed=",
        )
