"""Questions that protect who answers: lists of which only the number is told, and answers crossed with a birthday.

What people have met but do not say when they are asked directly is the difference between the two ways to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.contrasts import Function, smooth_contrast
from spi_analysis.survey.estimation.design_inputs import data_of, numeric_columns
from spi_analysis.survey.estimation.domains import By, Design, domains_of
from spi_analysis.survey.estimation.estimators import estimate_mean
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, make_table, overseen
from spi_analysis.survey.groups import require_columns

# Columns that are means first; brackets keep them apart from columns of the data.
LONG, SHORT, DIRECT, SAME = "(long list)", "(short list)", "(direct)", "(same answer)"
LONG_NO, SHORT_NO = "(long list, direct no)", "(short list, direct no)"
LONG_YES, SHORT_YES = "(long list, direct yes)", "(short list, direct yes)"
DIRECT_LONG, DIRECT_SHORT = "(direct, long list)", "(direct, short list)"
SILENT_LONG, SILENT_SHORT = "(no count, long list)", "(no count, short list)"
# Rounds of the fixed point by which a gap that changes its own variance is found.
ROUNDS = 60
CHECKS = ["check", "estimate", "se", "p_value", "n"]


def list_experiment(
    design: Design, count: str, treated: str, direct: str | None = None, by: By = None, level: float = 0.95
) -> Estimate:
    """Share with a sensitive experience, from how many items of a list people say apply to them.

    Two groups are formed at random: one is shown a list of harmless items (the short list), the other the same list
    with the sensitive item (the long list). Nobody says which items apply, so that nobody tells on himself.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    count : str            column: how many items apply; missing where somebody refused, who then is in no mean
    treated : str          column of 1 (long list) and 0 (short list); missing: not in the experiment
    direct : str or None   column of 1 and 0: the same experience asked directly; missing: not asked, or refused
    by : str or list of str or None   domain columns
    level : float          of the t interval

    Returns
    -------
    Estimate, shares as fractions; ``variable`` is list (the difference of the two means). With ``direct`` also
    direct (the share who say so when asked), combined (of Aronow et al.: those who say yes are believed, and only
    among those who say no the lists are compared) and gap (combined minus direct: those who have it and do not say
    so). An estimate may be below 0 or above 1, and its interval is not cut. ``n`` counts the people with a number (of
    direct: with a direct answer).

    Raises
    ------
    EstimationError   a column is missing; a count is negative or no whole number; ``treated`` or ``direct`` has other
        values than 0 and 1; one of the two groups is empty; else as ``estimate_mean``

    References
    ----------
    Miller (1984), A new survey technique for studying deviant behavior; Aronow, Coppock, Crawford & Green (2015),
    Journal of Survey Statistics and Methodology 3, section 3 (combined estimator).

    Examples
    --------
    Of the short list 1 applies on average, of the long one 1.5. A quarter say yes when asked; among the others the
    means are 1 and 4/3: ``1/4 + 3/4 (4/3 - 1) = 0.5``.

    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 5.0, "long": [0, 0, 0, 0, 1, 1, 1, 1], "number": [1, 1, 1, 1, 1, 1, 2, 2]})
    >>> people["said_yes"] = [0, 0, 0, 1, 0, 0, 0, 1]
    >>> found = list_experiment(SurveyDesign(people, weight="w"), "number", "long", "said_yes")
    >>> found.table[["variable", "estimate", "n"]].round(3).values.tolist()
    [['list', 0.5, 8], ['direct', 0.25, 8], ['combined', 0.5, 8], ['gap', 0.25, 8]]
    """
    columns = _list_columns(design, count, treated, direct)
    made: dict[str, Of] = {"list": lambda m: m[LONG] - m[SHORT]}
    counted: dict[str, tuple[str, ...]] = {"list": (LONG, SHORT)}
    if direct is not None:
        made |= {
            "direct": lambda m: m[DIRECT],
            # mu = E[Y] + (1 - E[Y]) (E[V | long, Y = 0] - E[V | short, Y = 0]), Aronow et al. (2015), eq. 4.
            "combined": lambda m: m[DIRECT] + (1 - m[DIRECT]) * (m[LONG_NO] - m[SHORT_NO]),
            "gap": lambda m: (1 - m[DIRECT]) * (m[LONG_NO] - m[SHORT_NO]),
        }
        counted |= {"direct": (DIRECT,), "combined": (LONG, SHORT), "gap": (LONG, SHORT)}
    return _functions_of_means(design, columns, made, counted, by, level)


def crosswise(
    design: Design, answer: str, p: float, direct: str | None = None, by: By = None, level: float = 0.95
) -> Estimate:
    """Share with a sensitive experience, from whether two questions have the same answer.

    One question is sensitive, the other harmless with a known share of yes (such as a birthday in some months). People
    say only whether both have the same answer (both yes or both no), or not.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    answer : str           column of 1 (the same) and 0 (different); missing where somebody refused
    p : float              share of yes to the harmless question, not 0.5
    direct, by, level : as ``list_experiment``

    Returns
    -------
    Estimate, shares as fractions, not cut at 0 and 1: crosswise, and with ``direct`` also direct and gap (crosswise
    minus direct). ``n`` as in ``list_experiment``.

    Raises
    ------
    EstimationError   ``p`` is not between 0 and 1, or is 0.5; a column is missing or has other values than 0 and 1;
        nobody answered; else as ``estimate_mean``

    References
    ----------
    Yu, Tian & Tang (2008), Metrika 67, section 2.

    Examples
    --------
    Of 8 people 6 say that both answers are the same: ``(6/8 + 3/4 - 1) / (2 * 3/4 - 1) = 1``; with 4 it is 0.5.

    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 5.0, "same": [1, 1, 1, 1, 0, 0, 0, 0]})
    >>> crosswise(SurveyDesign(people, weight="w"), "same", p=0.75).table["estimate"].tolist()
    [0.5]
    """
    if not 0 < p < 1 or p == 0.5:
        expected, hint = "above 0, below 1, not 0.5", "with 0.5 the answer would tell nothing of the sensitive question"
        raise EstimationError(
            "this share of the harmless question cannot be used", got=f"{p:g}", expected=expected, hint=hint
        )
    columns = {SAME: _zero_one(design, answer)}
    # pi = (lambda + p - 1) / (2p - 1), Yu, Tian & Tang (2008), eq. 2.1.
    made: dict[str, Of] = {"crosswise": lambda m: (m[SAME] + p - 1) / (2 * p - 1)}
    counted: dict[str, tuple[str, ...]] = {"crosswise": (SAME,)}
    if direct is not None:
        columns[DIRECT] = _zero_one(design, direct)
        made |= {"direct": lambda m: m[DIRECT], "gap": lambda m: (m[SAME] + p - 1) / (2 * p - 1) - m[DIRECT]}
        counted |= {"direct": (DIRECT,), "gap": (SAME,)}
    return _functions_of_means(design, columns, made, counted, by, level)


def list_checks(design: Design, count: str, treated: str, items: int, direct: str | None = None) -> pd.DataFrame:
    """What speaks against a list experiment: tests of what it assumes, and how many it does not protect.

    Parameters
    ----------
    design, count, treated, direct : as ``list_experiment``
    items : int   items of the short list

    Returns
    -------
    DataFrame: check, estimate, se, p_value, n. design_effect: the least of the shares of types of people that the two
    groups imply, which below 0 says that the longer list changed the answers to the others (p by Bonferroni over the
    shares that are not clearly above 0). refusals: how much more often the long list went without a number. floor,
    ceiling: the share of the short list to whom nothing, or everything applies, so that a number of the long list
    tells on them (no test). With ``direct`` placebo_yes: the difference among those who said yes, less 1, and
    placebo_arm: how much more often the long list says yes when asked directly; both are 0 where all is well.

    Raises
    ------
    EstimationError   ``items`` is no whole number above 0; a count is larger than its list; else as
        ``list_experiment``

    References
    ----------
    Blair & Imai (2012), Political Analysis 20, section 3 (design, floor and ceiling effects); Andrews & Soares (2010),
    Econometrica 78 (which shares count); Aronow, Coppock, Crawford
    & Green (2015), Journal of Survey Statistics and Methodology 3, section 4 (placebo tests).

    Examples
    --------
    To one of four nothing of the short list applies, to none of them both items.

    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 5.0, "long": [0, 0, 0, 0, 1, 1, 1, 1], "number": [0, 1, 1, 1, 1, 1, 2, 2]})
    >>> found = list_checks(SurveyDesign(people, weight="w"), "number", "long", items=2).set_index("check")
    >>> found.loc[["floor", "ceiling"], "estimate"].tolist()
    [0.25, 0.0]
    """
    _require_lengths(design, count, treated, items)
    columns = _list_columns(design, count, treated, direct) | _without_number(design, count, treated)
    made, counted = _checked(items, direct is not None)
    columns |= _cumulative(columns, items)
    found = _functions_of_means(design.with_rule(None), columns, made, counted, None, 0.95).table
    rows = found.assign(check=found["variable"], p_value=_two_sided(found)).set_index("check")
    rows.loc[["floor", "ceiling"], "p_value"] = np.nan
    types = rows[rows.index.str.startswith(TYPE)]
    least = types.loc[[types["estimate"].idxmin()]].rename(index=lambda _: "design_effect")
    least["p_value"] = _below_zero(types)
    return pd.concat([least, rows.drop(index=types.index)]).rename_axis("check").reset_index()[CHECKS]


def detectable_gap(
    n: float,
    spread: float | None = None,
    p: float | None = None,
    direct: float = 0.0,
    share_long: float = 0.5,
    deff: float = 1.0,
    level: float = 0.95,
    power: float = 0.8,
) -> float:
    """The smallest gap between indirect and direct answers that ``n`` people would show.

    Parameters
    ----------
    n : float              people with an indirect answer
    spread : float         of a list: standard deviation of the number of harmless items (combined estimator)
    p : float              of a crosswise question: share of yes to the harmless question; one of the two is given
    direct : float         share who say yes when asked directly
    share_long : float     of a list: share of the people with the long list
    deff : float           design effect
    level, power : float   of the two-sided test, and the chance to find the gap

    Returns
    -------
    float, a share; infinite where even everybody who says no would not be enough.

    Raises
    ------
    EstimationError   both or none of ``spread`` and ``p``; a number outside its range

    References
    ----------
    Aronow, Coppock, Crawford & Green (2015), Journal of Survey Statistics and Methodology 3 (variance of the combined
    estimator); Yu, Tian & Tang (2008), Metrika 67; Cohen (1988), Statistical Power Analysis.

    Examples
    --------
    With items that do not vary and nobody who admits it, the variance of a gap g is g (1 - g) 2/n.

    >>> round(detectable_gap(200, spread=0.0), 3)
    0.073
    >>> 0.2 < detectable_gap(540, spread=1.0) < 0.3
    True
    """
    _require_numbers(n, spread, p, direct, share_long, deff, level, power)
    gap = (1 - direct) / 2
    for _ in range(ROUNDS):
        variance = _variance_of_list(gap, spread, direct, share_long) + _variance_of_cross(gap, p, direct)
        gap = min(clear_gap((deff * variance / n) ** 0.5, level, power), 1 - direct)
    return float("inf") if gap >= 1 - direct else gap


def clear_gap(se: float, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest true difference that an estimate of this standard error would show.

    Parameters
    ----------
    se : float             standard error, in the unit of the difference
    level, power : float   of the two-sided test, and the chance to find the difference

    Returns
    -------
    float, in the unit of ``se``: the sum of the two normal quantiles times the error.

    Raises
    ------
    EstimationError   an error below 0; a level or power that is not between 0 and 1

    References
    ----------
    Bloom (1995), Evaluation Review 19 (minimum detectable effects).

    Examples
    --------
    >>> round(clear_gap(1.0), 2)
    2.8
    """
    if not (se >= 0 and 0 < level < 1 and 0 < power < 1):
        raise EstimationError(
            "a number is outside its range", key="se, level, power", got=f"{se:g}, {level:g}, {power:g}"
        )
    return float(norm.ppf(0.5 + level / 2) + norm.ppf(power)) * se


def _variance_of_list(gap: float, spread: float | None, direct: float, share_long: float) -> float:
    """Of the combined gap, for one person: Aronow et al. (2015), section 3."""
    if spread is None:
        return 0.0
    no = 1 - direct
    among = gap / no
    lists = spread**2 / (1 - share_long) + (spread**2 + among * (1 - among)) / share_long
    return no * lists + among**2 * direct * no


def _variance_of_cross(gap: float, p: float | None, direct: float) -> float:
    """Of crosswise minus direct, for one person: cov(same, yes) = direct (p - lambda)."""
    if p is None:
        return 0.0
    share = direct + gap
    same = share * p + (1 - share) * (1 - p)
    width = 2 * p - 1
    return same * (1 - same) / width**2 + direct * (1 - direct) - 2 * direct * (p - same) / width


def _require_numbers(n: float, spread: float | None, p: float | None, direct: float, *rest: float) -> None:
    share_long, deff, level, power = rest
    if (spread is None) == (p is None):
        raise EstimationError("either a list or a crosswise question", got="both or none", expected="spread or p")
    sound = {
        "n": n > 0,
        "spread": spread is None or spread >= 0,
        "p": p is None or (0 < p < 1 and p != 0.5),
        "direct": 0 <= direct < 1,
        "share_long": 0 < share_long < 1,
        "deff": deff > 0,
        "level": 0 < level < 1,
        "power": 0 < power < 1,
    }
    wrong = [name for name, fine in sound.items() if not fine]
    if wrong:
        raise EstimationError("a number is outside its range", key=", ".join(wrong))


# Functions of means of columns, which know of the domains.

Of = Callable[[Mapping[str, float]], float]


def _functions_of_means(
    design: Design, columns: dict[str, np.ndarray], made: Mapping[str, Of], counted: Mapping[str, tuple[str, ...]],
    by: By, level: float,
) -> Estimate:  # fmt: skip
    """Every function in every domain, with the covariance of the means (or in every replicate)."""
    wide = design.with_rule(None).with_columns(pd.DataFrame(columns, index=design.data.index))
    means = estimate_mean(wide, list(columns), by, level)
    domains = domains_of(design.data, design.in_domain, by)
    size, names = len(domains), list(columns)
    functions = {f"{name} {d}": _in_domain(of, names, size, d) for name, of in made.items() for d in range(size)}
    found = smooth_contrast(means, functions, design if isinstance(design, ReplicateDesign) else None)
    unknown = found.table["estimate"].isna().to_numpy()
    covariance = np.where(unknown[:, None] | unknown, np.nan, found.covariance)
    people = means.table["n"].to_numpy().reshape(len(names), size)
    n = np.concatenate([sum(people[names.index(one)] for one in counted[name]) for name in made])
    labels = {"variable": np.repeat(list(made), size)}
    labels |= {str(name): np.tile(domains.labels[name].to_numpy(), len(made)) for name in domains.labels}
    df = found.table["df_design"].to_numpy()
    table = make_table(pd.DataFrame(labels), found.table["estimate"].to_numpy(), covariance, df, n, level)
    return overseen(replace(found, table=table, covariance=covariance), design.rule)


def _in_domain(of: Of, names: list[str], size: int, domain: int) -> Function:
    def value(means: np.ndarray) -> float:
        return of({name: means[j * size + domain] for j, name in enumerate(names)})

    return value


# The columns of a list experiment.


def _list_columns(design: Design, count: str, treated: str, direct: str | None) -> dict[str, np.ndarray]:
    number, long = _counts(design, count), _zero_one(design, treated)
    columns = {LONG: np.where(long == 1, number, np.nan), SHORT: np.where(long == 0, number, np.nan)}
    for name, values in columns.items():
        if not (np.isfinite(values) & design.in_domain & (design.weights > 0)).any():
            raise EstimationError(
                "a group of the list experiment is empty", column=treated, got=f"no number of the {name[1:-1]}",
                expected="people of both groups (1: long list, 0: short list)",
            )  # fmt: skip
    if direct is None:
        return columns
    said = _zero_one(design, direct)
    for name, arm in ((LONG_NO, LONG), (SHORT_NO, SHORT)):
        columns[name] = np.where(said == 0, columns[arm], np.nan)
    return columns | {DIRECT: said, **_placebo_columns(columns, said, long)}


def _placebo_columns(columns: Mapping[str, np.ndarray], said: np.ndarray, long: np.ndarray) -> dict[str, np.ndarray]:
    return {
        LONG_YES: np.where(said == 1, columns[LONG], np.nan),
        SHORT_YES: np.where(said == 1, columns[SHORT], np.nan),
        DIRECT_LONG: np.where(long == 1, said, np.nan),
        DIRECT_SHORT: np.where(long == 0, said, np.nan),
    }


def _without_number(design: Design, count: str, treated: str) -> dict[str, np.ndarray]:
    """Who is in the experiment and gave no number, by group."""
    long, none = _zero_one(design, treated), np.isnan(_counts(design, count)).astype(float)
    return {SILENT_LONG: np.where(long == 1, none, np.nan), SILENT_SHORT: np.where(long == 0, none, np.nan)}


TYPE = "type "


def _cumulative(columns: Mapping[str, np.ndarray], items: int) -> dict[str, np.ndarray]:
    """Whether a number is at most y, by group, for every y of the short list."""
    return {
        f"{arm} <= {y}": np.where(np.isnan(columns[arm]), np.nan, columns[arm] <= y)
        for arm in (LONG, SHORT)
        for y in range(items + 1)
    }


def _checked(items: int, direct: bool) -> tuple[dict[str, Of], dict[str, tuple[str, ...]]]:
    """The functions of means that are looked at, and whom each counts."""
    made: dict[str, Of] = {
        "refusals": lambda m: m[SILENT_LONG] - m[SILENT_SHORT],
        "floor": lambda m: m[f"{SHORT} <= 0"],
        "ceiling": lambda m: 1 - m[f"{SHORT} <= {items - 1}"],
    }
    counted: dict[str, tuple[str, ...]] = {
        "refusals": (SILENT_LONG, SILENT_SHORT),
        "floor": (SHORT,),
        "ceiling": (SHORT,),
    }
    if direct:
        made["placebo_yes"] = lambda m: m[LONG_YES] - m[SHORT_YES] - 1
        made["placebo_arm"] = lambda m: m[DIRECT_LONG] - m[DIRECT_SHORT]
        counted |= {"placebo_yes": (LONG_YES, SHORT_YES), "placebo_arm": (DIRECT_LONG, DIRECT_SHORT)}
    for y in range(items):
        made |= {f"{TYPE}{y} with": _with_item(y), f"{TYPE}{y + 1} without": _without_item(y + 1)}
    return made, counted | {name: (LONG, SHORT) for name in made if name.startswith(TYPE)}


def _with_item(y: int) -> Of:
    # pi_y1 = Pr(V <= y | short) - Pr(V <= y | long), Blair & Imai (2012), eq. 3.
    return lambda m: m[f"{SHORT} <= {y}"] - m[f"{LONG} <= {y}"]


def _without_item(y: int) -> Of:
    # pi_y0 = Pr(V <= y | long) - Pr(V <= y - 1 | short), Blair & Imai (2012), eq. 4.
    return lambda m: m[f"{LONG} <= {y}"] - m[f"{SHORT} <= {y - 1}"]


def _below_zero(types: pd.DataFrame) -> float:
    """That a share is below 0, by Bonferroni over those that are not clearly above it (t of at most sqrt(log n))."""
    ratios = (types["estimate"] / types["se"]).where(types["se"] > 0)
    # Selection of moments of Andrews & Soares (2010), as in Blair & Imai (2012), section 3.1.
    near = ratios[ratios <= np.log(types["n"]) ** 0.5]
    if near.empty:
        return 1.0
    below = student.cdf(near, types["df_design"].where(types["df_design"] > 0)[near.index])
    return min(1.0, len(near) * float(np.nanmin(below, initial=1.0)))


def _two_sided(table: pd.DataFrame) -> np.ndarray:
    ratio = (table["estimate"] / table["se"]).where(table["se"] > 0).abs()
    return 2 * student.sf(ratio, table["df_design"].where(table["df_design"] > 0))


def _require_lengths(design: Design, count: str, treated: str, items: int) -> None:
    if not isinstance(items, int | np.integer) or items < 1:
        raise EstimationError("a list needs items", key="items", got=str(items), expected="a whole number above 0")
    over = _counts(design, count) > items + (_zero_one(design, treated) == 1)
    if over.any():
        raise EstimationError(
            "more items apply than the list has", column=count, row=int(over.argmax()) + 1,
            got=f"{_counts(design, count)[over][0]:g}", expected=f"at most {items}; of the long list {items + 1}",
        )  # fmt: skip


def _counts(design: Design, column: str) -> np.ndarray:
    """A column of whole numbers from 0, missing ones allowed."""
    values = numeric_columns(data_of(design), [column])[column]
    bad = np.isfinite(values) & ((values < 0) | (values != np.floor(values)))
    if bad.any():
        raise EstimationError(
            "the number of items is none", column=column, row=int(bad.argmax()) + 1, got=f"{values[bad][0]:g}",
            expected="0, 1, 2, ...; missing where somebody refused",
        )  # fmt: skip
    return values


def _zero_one(design: Design, column: str) -> np.ndarray:
    """A column of 1 and 0, missing values allowed."""
    require_columns(data_of(design), [column], EstimationError)
    given = design.data[column]
    kept = given.astype("Float64") if pd.api.types.is_bool_dtype(given) else given
    values = numeric_columns(kept.to_frame(column), [column])[column]
    bad = ~np.isnan(values) & (values != 0) & (values != 1)
    if bad.any():
        raise EstimationError(
            "a value is neither 0 nor 1", column=column, row=int(bad.argmax()) + 1, got=f"{values[bad][0]:g}",
            expected="1 or 0; missing where there is no answer",
            hint="codes of refusals are missing values here: df[column].where(df[column].isin([0, 1]))",
        )  # fmt: skip
    return values
