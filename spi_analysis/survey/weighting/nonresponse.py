"""Nonresponse adjustment: weight of nonrespondents and of unknown eligibility moved inside classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import (
    Groups,
    cell_labels,
    cell_rates,
    group_counts,
    groups_of,
    merge_thin_labels,
    require_columns,
    weights_of,
)
from spi_analysis.survey.weighting.inputs import (
    INELIGIBLE,
    NONRESPONDENT,
    RESPONDENT,
    UNKNOWN,
    classify,
    require_known,
)
from spi_analysis.survey.weighting.recipe import (
    ELIGIBILITY,
    LAST,
    NONRESPONSE,
    Merged,
    Notes,
    Prepared,
    register_step,
)
from spi_analysis.threads import np, pd

# Weight moved inside classes, by Valliant, Dever & Kreuter (2018), ch. 13.


def adjust_nonresponse(
    sample: pd.DataFrame, by: str | list[str], *, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Move the weight of nonrespondents to respondents within weighting classes.

    Respondents in class c get ``weight * W_c / R_c`` (W_c eligible weight, R_c
    respondents' weight), so every class keeps its eligible total. The known ineligible
    keep their weight: they stand for the ineligible of the list.

    Parameters
    ----------
    sample : DataFrame, one row per sampled person (n rows); nobody of unknown eligibility with weight
    by : str or list of str   columns known for everyone sampled
    weight, status : str      column names; weight in persons, >= 0; status: AAPOR codes, plain words, or 1/0

    Returns
    -------
    Series (n,), name ``nr_weight``: persons per respondent; 0 for nonrespondents.

    Raises
    ------
    WeightingError   a class has eligible weight but no respondent; names the classes and proposes a merge.
        Somebody of unknown eligibility still has weight. A column is missing; a weight is missing or negative; a status
        is not known.
    SamplingError   ``by`` names no column.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13.

    Examples
    --------
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
    >>> adjust_nonresponse(sample, "unit").tolist()
    [20.0, 0.0, 10.0]
    """
    groups, weights, classes = _inputs(sample, by, weight, status)
    adjusted = nonresponse_weights(weights[:, None], groups, classes)
    return pd.Series(adjusted[:, 0], index=sample.index, name="nr_weight")


def adjust_unknown_eligibility(
    sample: pd.DataFrame, by: str | list[str], *, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Spread the weight of those of unknown eligibility over those whose eligibility is known.

    Class totals are kept: the eligibility rate among cases of unknown eligibility is taken to be that among the known.

    Parameters
    ----------
    sample : DataFrame, one row per sampled person (n rows)
    by : str or list of str   columns known for everyone sampled
    weight, status : str      column names; weight in persons, >= 0; status: AAPOR codes, plain words, or 1/0

    Returns
    -------
    Series (n,), name ``elig_weight``, in persons; 0 for those of unknown eligibility.

    Raises
    ------
    WeightingError   a class has weight but nobody of known eligibility; names the classes and proposes a merge.
        A column is missing; a weight is missing or negative; a status is not known.
    SamplingError   ``by`` names no column.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13; AAPOR (2023),
    Standard Definitions (estimates of e).

    Examples
    --------
    One respondent, one of unknown eligibility, one who is not eligible:

    >>> sample = pd.DataFrame({"unit": "a", "base_weight": 10.0, "disposition": ["I", "UH", "NE"]})
    >>> adjust_unknown_eligibility(sample, "unit").tolist()
    [15.0, 0.0, 15.0]
    """
    groups, weights, classes = _inputs(sample, by, weight, status)
    adjusted = eligibility_weights(weights[:, None], groups, classes)
    return pd.Series(adjusted[:, 0], index=sample.index, name="elig_weight")


def nonresponse_weights(weights: np.ndarray, groups: Groups, classes: np.ndarray) -> np.ndarray:
    """As ``adjust_nonresponse``, for weights (n, K): one column per replicate."""
    require_known(weights, classes, "call adjust_unknown_eligibility first")
    gives, takes = np.isin(classes, (RESPONDENT, NONRESPONDENT)), classes == RESPONDENT
    moved = _moved(weights, groups, gives, takes, "respondent")
    return np.where((classes == INELIGIBLE)[:, None], weights, moved)


def eligibility_weights(weights: np.ndarray, groups: Groups, classes: np.ndarray) -> np.ndarray:
    """As ``adjust_unknown_eligibility``, for weights (n, K)."""
    return _moved(weights, groups, np.ones(len(classes), dtype=bool), classes != UNKNOWN, "case of known eligibility")


def shrunken_nonresponse_weights(weights: np.ndarray, cells: Groups, classes: np.ndarray) -> np.ndarray:
    """As ``adjust_nonresponse``, for weights (n, K): respondents over the rate of their cell (``cell_rates``).

    Rates are those of people, not of their weights (Little & Vartivarian 2003, Statistics in Medicine 22). Each column
    keeps its total of the eligible.
    """
    require_known(weights, classes, "call adjust_unknown_eligibility first")
    gives, takes = np.isin(classes, (RESPONDENT, NONRESPONDENT)), classes == RESPONDENT
    invited, answered = (group_counts(cells.codes[who], len(cells.labels)) for who in (gives, takes))
    rates = cell_rates(invited, answered) if takes.any() else np.ones(len(invited))
    everyone = Groups(np.zeros(len(classes), dtype=np.intp), ["all"])
    moved = _moved(weights, everyone, gives, takes, "respondent", 1 / rates[cells.codes])
    return np.where((classes == INELIGIBLE)[:, None], weights, moved)


def _without_answers(weights: np.ndarray, cells: Groups, classes: np.ndarray) -> str:
    """How many cells nobody answered in, and how much of the weight (n,) of those who could have is theirs."""
    able = np.isin(classes, (RESPONDENT, NONRESPONDENT))
    empty = (group_counts(cells.codes[classes == RESPONDENT], len(cells.labels)) == 0) & (
        cells.sums(able[:, None])[:, 0] > 0
    )
    share = weights[able & empty[cells.codes]].sum() / weights[able].sum()
    many = f"{int(empty.sum())} of {len(cells.labels)} classes have no answer"
    return f"{many}: all who answered take their weight, {share:.1%}"


def _moved(
    weights: np.ndarray,
    groups: Groups,
    gives: np.ndarray,
    takes: np.ndarray,
    who: str,
    times: np.ndarray | float = 1.0,
) -> np.ndarray:
    """All weight of ``gives`` goes to ``takes`` (a subset) inside every group, in proportion to weight x ``times``."""
    given = groups.sums(weights * gives[:, None])
    taking = weights * (takes * times)[:, None]
    taken = groups.sums(taking)
    _require_takers(given, taken, groups, who)
    # Weight of all over weight of those who take it, W_c / R_c.
    factor = np.divide(given, taken, out=np.zeros_like(given), where=taken > 0)
    return taking * groups.spread(factor)


def _require_takers(given: np.ndarray, taken: np.ndarray, groups: Groups, who: str) -> None:
    empty = ((given > 0) & (taken <= 0)).any(axis=1)
    if not empty.any():
        return
    thickest = groups.labels[int(np.argmax(taken[:, 0]))]
    raise WeightingError(
        *(
            Problem(
                f"a class has weight but no {who}",
                key=groups.labels[g],
                got=f"{given[g].max():.6g} persons, none of them a {who}",
                expected=f"at least one {who} in every class",
                hint=f"merge it with another class, such as {thickest!r}",
            )
            for g in np.flatnonzero(empty)
        )
    )


def _inputs(
    sample: pd.DataFrame, by: str | list[str], weight: str, status: str
) -> tuple[Groups, np.ndarray, np.ndarray]:
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(sample, [*columns, status])
    return groups_of(cell_labels(sample, columns)), weights_of(sample, weight), classify(sample[status])


# Recipe steps that move weight between people by their final disposition.

# Of a class: W_c / R_c, or rates of all classes drawn together.
Rates = Literal["observed", "shrunken"]


@register_step
@dataclass(frozen=True)
class UnknownEligibility:
    """Spread the weight of those of unknown eligibility inside classes (see ``adjust_unknown_eligibility``).

    Parameters
    ----------
    by : str or sequence of str   columns of classes, known for everyone sampled
    min_respondents : int         classes in which fewer answered are merged (see ``weighting_classes``); 0: none is
    column : str                  weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as the function, in the sample or in any replicate.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"unit": "a", "base_weight": 10.0, "disposition": ["I", "UH"]})
    >>> apply_recipe(sample, [UnknownEligibility("unit")]).weight.tolist()
    [20.0, 0.0]
    """

    name = "unknown_eligibility"
    place = ELIGIBILITY
    by: str | tuple[str, ...]
    min_respondents: Annotated[int, Ge(0)] = 0
    column: str = "elig_weight"

    @property
    def needs(self) -> tuple[str, ...]:
        return columns_of(self.by)

    def response_groups(self, sample: pd.DataFrame, classes: np.ndarray, weights: np.ndarray) -> pd.Series:
        return _classes_of(sample, self.needs, classes, self.min_respondents)[0]

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        labels, merged = _classes_of(sample, self.needs, classes, self.min_respondents)
        groups = groups_of(labels)
        return Prepared(lambda weights, _: eligibility_weights(weights, groups, classes), merged)


@register_step
@dataclass(frozen=True)
class WeightingClasses:
    """Move the weight of nonrespondents to respondents inside classes (see ``adjust_nonresponse``).

    With ``rates="shrunken"`` no class is merged: the response rate of every class is drawn towards that of all by what
    chance alone would make of it (``response_tendency``), respondents count 1 / rate, and only the total of all classes
    is kept, so a calibration should follow. Rates are those of the sample in every replicate, as merged classes are.
    ``min_respondents`` is then that of the classes inside which replicates resample.

    Parameters
    ----------
    by : str or sequence of str   columns of classes, known for everyone sampled
    min_respondents : int         classes in which fewer answered are merged (see ``weighting_classes``); 0: none is
    rates : "observed" | "shrunken"   W_c / R_c of every class, or rates drawn together
    column : str                  weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as the function, in the sample or in any replicate.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13; Breslow &
    Clayton (1993), JASA 88 (rates as random effects).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
    >>> apply_recipe(sample, [WeightingClasses("unit")]).weight.tolist()
    [20.0, 0.0, 10.0]
    """

    name = "weighting_classes"
    place = NONRESPONSE
    by: str | tuple[str, ...]
    min_respondents: Annotated[int, Ge(0)] = 0
    rates: Rates = "observed"
    column: str = "nr_weight"

    @property
    def needs(self) -> tuple[str, ...]:
        return columns_of(self.by)

    def response_groups(self, sample: pd.DataFrame, classes: np.ndarray, weights: np.ndarray) -> pd.Series:
        return _classes_of(sample, self.needs, classes, self.min_respondents)[0]

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        if self.rates == "shrunken":
            require_columns(sample, self.needs)
            cells = groups_of(cell_labels(sample, list(self.needs)))
            return Prepared(
                lambda weights, _: shrunken_nonresponse_weights(weights, cells, classes),
                review=lambda before, *_: Notes((_without_answers(before[:, 0], cells, classes),)),
            )
        labels, merged = _classes_of(sample, self.needs, classes, self.min_respondents)
        groups = groups_of(labels)
        return Prepared(lambda weights, _: nonresponse_weights(weights, groups, classes), merged)


@register_step
@dataclass(frozen=True)
class DropIneligible:
    """Set the weight of the known ineligible to 0: up to here they represent the ineligible people on the list.

    Parameters
    ----------
    column : str   weight column that the step leaves

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"base_weight": 10.0, "disposition": ["I", "NE"]})
    >>> apply_recipe(sample, [DropIneligible()]).weight.tolist()
    [10.0, 0.0]
    """

    name = "drop_ineligible"
    place = LAST
    column: str = "weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        stays = (classes != INELIGIBLE)[:, None]
        return Prepared(lambda weights, _: np.where(stays, weights, 0.0))


# Nonresponse classes.


def weighting_classes(
    sample: pd.DataFrame, by: list[str], status: str = "disposition", min_respondents: int = 1
) -> pd.DataFrame:
    """Classes of ``by`` in which at least ``min_respondents`` answered; thin ones are merged.

    The rule of merging is that of ``merge_thin_cells``.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    by : list of str              columns, in the order in which they are kept when cells are merged, the most important
        first; missing is a level
    status : str                  column: AAPOR codes, plain words, or 1/0
    min_respondents : int         the least respondents of a class, in persons

    Returns
    -------
    DataFrame (n, [nr_class, merged]), index of ``sample``: class label, and whether the cell was merged.

    Raises
    ------
    WeightingError   a column is missing; a status is not known.
    SamplingError   ``by`` names no column; ``min_respondents`` is no finite number.

    References
    ----------
    Little (1986), International Statistical Review 54; Valliant, Dever & Kreuter (2018), Practical Tools for Designing
    and Weighting Survey Samples, ch. 13.

    Examples
    --------
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b", "c"], "disposition": ["I", "I", "R", "I"]})
    >>> weighting_classes(sample, ["unit"], min_respondents=1)["nr_class"].tolist()
    ['a', 'a', 'c (+1)', 'c (+1)']
    """
    require_columns(sample, [*by, status])
    return _merged_classes(sample, by, classify(sample[status]), min_respondents)


def _merged_classes(
    sample: pd.DataFrame, by: Sequence[str], classes: np.ndarray, min_respondents: float
) -> pd.DataFrame:
    """As ``weighting_classes``, with the class of everyone instead of a column of statuses."""
    codes, _, group, merged = _merged_cells(sample, by, classes, min_respondents)
    return pd.DataFrame({"nr_class": group[codes], "merged": merged[codes]}, index=sample.index)


def _merged_cells(
    sample: pd.DataFrame, by: Sequence[str], classes: np.ndarray, min_respondents: float
) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
    """The cell of everyone (n,); of every cell its name, the group it belongs to, and whether it was merged."""
    codes, names = pd.factorize(cell_labels(sample, list(by)))
    answered = group_counts(codes[classes == RESPONDENT], len(names))
    return codes, names.tolist(), *merge_thin_labels(names.tolist(), answered.tolist(), min_respondents)


def columns_of(by: str | Sequence[str]) -> tuple[str, ...]:
    """One column or several, as several."""
    return (by,) if isinstance(by, str) else tuple(by)


def _classes_of(
    sample: pd.DataFrame, by: Sequence[str], classes: np.ndarray, min_respondents: int
) -> tuple[pd.Series, list[Merged]]:
    """The class of everyone (n,), and which cells were merged."""
    require_columns(sample, by)
    if not min_respondents:
        return cell_labels(sample, list(by)), []
    codes, names, group, is_merged = _merged_cells(sample, by, classes, min_respondents)
    together: dict[str, list[str]] = {}
    for cell, whole in zip(np.array(names, dtype=object)[is_merged], group[is_merged], strict=True):
        together.setdefault(whole, []).append(cell)
    merged = [Merged(" x ".join(by), tuple(sorted(together[whole]))) for whole in sorted(together)]
    return pd.Series(group[codes], sample.index, name="nr_class"), merged
