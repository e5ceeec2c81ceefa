"""What is too small to be shown, what must be hidden with it, and how closely what is shown tells what is hidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeResult, linprog

from spi_analysis.errors import EstimationError
from spi_analysis.params import DisclosureParams
from spi_analysis.tables import PAGE_DECIMALS, as_shown, mask

# Measures of parts of a source, and the columns of the list that tell them.
GROUPS = {"unit_score": "unit", "class_score": "position_class"}
ROUNDING = 0.5 * 10.0**-PAGE_DECIMALS
# Measures that combine sources.
COMBINED = ("index", "category", "target", "change")
REST = "(in no cell)"
# Told by indirect questions, and by questions on reporting.
INDIRECT = ("list_rate", "list_gap", "crosswise_rate", "crosswise_gap", "climate_rate")
# How many answered an item well, badly, or neither; they sum to 100.
ITEM_SHARES = ("item_favourable", "item_neutral", "item_unfavourable")


def small_cells(n: pd.Series, min_cell: int, also: pd.Series | None = None) -> pd.Series:
    """Cells to hide in a table whose total is shown elsewhere.

    A cell with fewer than ``min_cell`` respondents is hidden, or one of ``also``. So that no hidden cell follows by
    subtraction from the total, further cells are hidden, smallest first, until at least two are
    and together they hold at least ``min_cell`` respondents.

    Parameters
    ----------
    n : Series (cells,)            respondents of each cell; the index breaks ties
    also : Series (cells,) of bool   cells that are hidden whatever their number

    Returns
    -------
    Series (cells,) of bool.

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, ch. 4 (complementary suppression).
    """
    hidden = n < min_cell
    return _with_others(n, hidden if also is None else hidden | also, min_cell)


def _with_others(n: pd.Series, hidden: pd.Series, min_cell: int) -> pd.Series:
    """The hidden cells of a table, and those that hide them."""
    if not hidden.any():
        return hidden
    candidates = n[~hidden].sort_index(kind="stable").sort_values(kind="stable").index
    for cell in candidates:
        if hidden.sum() >= 2 and n[hidden].sum() >= min_cell:
            break
        hidden = hidden.where(hidden.index != cell, True)
    return hidden


# Columns of a table of estimates that are figures of its rows, and what names no group of people.
FIGURES = ("estimate", "se", "ci_low", "ci_high", "df_design", "n", "fewest", "deff", "t", "p_value")
SHARE_LIMITS = ["estimate", "ci_low", "ci_high"]
SHARE_DECIMALS = 3
NO_GROUPS = ("variable", "category", "quantile", *FIGURES)


def released_table(table: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """A table of estimates as it may leave the house: rounded, and without the cells that would expose people.

    A cell is a combination of domains (one where there is none) and a category. Those with fewer than ``min_cell``
    answers are hidden, those in which as few said yes, or no, those in which all answered alike (no error, a share of 0
    or 1), and further ones so that in every line of the table at least two are, and none follows from the line's total
    (``small_cells``). A line runs along the categories or one domain column.

    Parameters
    ----------
    table : DataFrame (k, ...)   as ``Estimate.table``: variable, (category,) (domain columns,) figures; ``fewest``,
        where it is there: people on the smaller side of a yes or no

    Returns
    -------
    DataFrame (k, ...): figures of hidden cells are missing.
    """
    groups = [name for name in table.columns if name not in NO_GROUPS or name == "category"]
    people = table["n"] if "fewest" not in table else table[["n", "fewest"]].min(axis=1)
    keys = pd.MultiIndex.from_frame(table[["variable", *groups]].astype(str))
    alike = (table["se"] == 0).groupby(keys.to_numpy()).any()
    n = people.groupby(keys.to_numpy()).max().where(~alike, 0)
    n.index = pd.MultiIndex.from_tuples(n.index)
    hidden, before = n < min_cell, -1
    while hidden.sum() > before:
        before = hidden.sum()
        for level in range(1, len(groups) + 1):
            others = [other for other in range(len(groups) + 1) if other != level]
            for _, line in n.groupby(level=others):
                hidden[line.index] = _with_others(line, hidden[line.index], min_cell)
    figures = [name for name in FIGURES if name in table]
    shown = as_shown(table)
    # A share is shown as a percentage with one decimal.
    shares = table[SHARE_LIMITS].abs().max(axis=1) <= 1
    for name in ("se", *SHARE_LIMITS):
        shown[name] = shown[name].where(~shares, as_shown(table[[name]], SHARE_DECIMALS)[name])
    return shown.assign(**{name: shown[name].where(~hidden[keys].to_numpy()) for name in figures})


def few_of_either(answered: pd.Series, nonrespondents: pd.Series, least: float | pd.Series) -> pd.Series:
    """Groups of which fewer than ``least`` answered or fewer than ``least`` did not answer: nearly all, or nearly none.

    Parameters
    ----------
    answered, nonrespondents : Series (groups,)   people, in the same order
    least : number or Series (groups,)    people

    Returns
    -------
    Series (groups,) of bool.
    """
    return (answered < least) | (nonrespondents < least)


def size_tells(answered: pd.Series, nonrespondents: pd.Series, least: float | pd.Series) -> pd.Series:
    """Groups whose size must not stand beside their number of answers, which is shown: few did not answer."""
    return few_of_either(answered, nonrespondents, least) & (answered >= least)


def hidden_rates(answered: pd.Series, nonrespondents: pd.Series, least: int) -> pd.Series:
    """Groups whose rate is hidden (`few_of_either`), and the further ones that hide them.

    For groups whose total is shown elsewhere: at least two are hidden, with at least ``least`` people of either kind.
    """
    hidden = few_of_either(answered, nonrespondents, least)
    for group in answered[~hidden].sort_values(kind="stable").index:
        enough = min(answered[hidden].sum(), nonrespondents[hidden].sum()) >= least
        if not hidden.any() or (hidden.sum() >= 2 and enough):
            break
        hidden[group] = True
    return hidden


def hide_small(estimates: pd.DataFrame, limits: DisclosureParams, panels: list[str]) -> pd.DataFrame:
    """The estimates table with every figure hidden that would expose people.

    Rules, in order: a source below its threshold (``min_panel`` for a panel) is hidden with all
    that is inside it; units, position classes and dimensions of a source are hidden as ``small_cells`` says
    (respondents of no known unit count as one more cell of the units), with their differences from the whole source,
    also those that nearly all answered (column ``fewest``) or that are of one mind (``of_one_mind``);
    rates with fewer than ``min_cell`` respondents, or as few that said yes or no (``fewest``), are hidden, with the
    item's rate on any other base; so are the answers to an item that fewer gave, or that all gave alike, and of other
    items the kinds of answers that fewer gave (with a further kind, since the three sum to 100); and once a
    source is hidden, so is every figure that combines sources, for it would
    give the hidden score by subtraction.

    Parameters
    ----------
    estimates : DataFrame   table ``estimates``; ``fewest``, where it is there: the people on the smaller side of a
        rate, those of a unit or class who did not answer, or those who gave a kind of answer to an item
    """
    thresholds = estimates["source"].map(lambda source: limits.min_panel if source in panels else limits.min_cell)
    fewest = estimates["fewest"] if "fewest" in estimates else pd.Series(np.nan, index=estimates.index)
    known = of_one_mind(estimates, limits.min_points) & ~estimates["source"].isin(panels)
    hidden = pd.Series(False, index=estimates.index)
    sources = estimates[estimates["measure"] == "source_score"]
    too_few = (sources["n"] < thresholds[sources.index]) | known[sources.index]
    small_sources = set(sources.loc[too_few, "source"])
    hidden |= estimates["source"].isin(small_sources)
    respondents = sources.set_index("source")["n"]
    for measure, cell in (("unit_score", "domain"), ("class_score", "domain"), ("dimension_score", "part")):
        for source, part in estimates[estimates["measure"] == measure].groupby("source"):
            counts, also = part.set_index(cell)["n"], known[part.index]
            if cell == "domain":
                counts = _with_rest(counts, respondents.get(source, np.nan))
                also = also | (fewest[part.index] < limits.min_cell)
            also = pd.Series(also.to_numpy(), part[cell]).reindex(counts.index, fill_value=False)
            hidden.loc[part.index] |= small_cells(counts, thresholds[part.index[0]], also).to_numpy()[: len(part)]
    hidden |= _pairs_of_hidden(estimates, hidden)
    hidden |= _hidden_rates(estimates, fewest, limits.min_cell) | _hidden_items(estimates, fewest, limits.min_cell)
    if small_sources:
        hidden |= estimates["measure"].str.startswith(COMBINED)
    # The contributions of a source's dimensions sum to its own: one that is hidden would follow from the others.
    partly = set(estimates.loc[hidden & (estimates["measure"] == "dimension_score"), "source"])
    hidden |= (estimates["measure"] == "change_dimension") & estimates["source"].isin(partly)
    return mask(estimates, hidden)


def of_one_mind(estimates: pd.DataFrame, min_points: float) -> pd.Series:
    """Scores whose error is so small that everyone's answer is told within ``min_points``.

    No answer of n lies farther from their mean than n - 1 times its standard error (Samuelson's inequality).

    References
    ----------
    Samuelson (1968), Journal of the American Statistical Association 63(324).
    """
    reach = (estimates["se"] + ROUNDING) * (estimates["n"] - 1)
    width = (estimates["estimate"] + reach).clip(upper=100) - (estimates["estimate"] - reach).clip(lower=0)
    return estimates["measure"].isin(["source_score", "dimension_score", *GROUPS]) & (width < min_points)


def _hidden_rates(estimates: pd.DataFrame, fewest: pd.Series, min_cell: int) -> pd.Series:
    """Thin rates, and the same item's rate of all respondents: who had no contact counts as no, so it tells of them.

    What indirect questions tell of the item goes with them: rate minus gap is what was said directly.
    """
    rates, indirect = estimates["measure"] == "experience_rate", estimates["measure"].isin(INDIRECT)
    items = list(zip(estimates["source"], estimates["part"], strict=True))
    few = (estimates["n"] < min_cell) | (fewest < min_cell)
    thin = {item for item, hide in zip(items, rates & few, strict=True) if hide}
    of_thin = pd.Series([item in thin for item in items], index=estimates.index, dtype=bool)
    return ((rates | indirect) & of_thin) | (indirect & few)


def _hidden_items(estimates: pd.DataFrame, fewest: pd.Series, min_cell: int) -> pd.Series:
    """Items with few answers, of a panel too (one answer is one person's word), and those that all answered alike.

    Of the others the shares of answers that few gave, with a further one: the three sum to 100.
    """
    shares = estimates["measure"].isin(ITEM_SHARES)
    items = estimates["source"].astype(str) + "|" + estimates["part"].astype(str)
    told = (estimates["n"] < min_cell) | (estimates["estimate"] >= 100)
    hidden = shares & items.isin(set(items[shares & told]))
    people = fewest.fillna(np.inf)[shares & ~hidden]
    for _, answers in people[items[people.index].isin(set(items[people.index][people < min_cell]))].groupby(items):
        hidden[answers.index] = small_cells(answers, min_cell)
    return hidden


def _pairs_of_hidden(estimates: pd.DataFrame, hidden: pd.Series) -> pd.Series:
    """Differences from the whole source of units and classes whose score is hidden: the score would follow."""
    names = estimates["measure"].str.replace("_difference", "_score") + estimates["source"] + estimates["domain"]
    scores = set(names[hidden & estimates["measure"].isin(["unit_score", "class_score"])])
    return estimates["measure"].isin(["unit_difference", "class_difference"]) & names.isin(scores)


def _with_rest(counts: pd.Series, total: float) -> pd.Series:
    """The cells, and behind them the respondents who are in none: a cell that is never shown, but could be inferred."""
    rest = total - counts.sum()
    return pd.concat([counts, pd.Series({REST: rest})]) if rest > 0 else counts


# How closely what is shown tells what is hidden to those who know all but the answers: limits by linear programs.
#
# Every cell of units by position classes holds a total: of scores between 0 and 100 times its weight, of answers
# between none and all invited. What is released are sums of cells. The least and the most that the sum of a hidden
# unit, class or dimension can then be are its limits (Hundepool et al. 2012, ch. 4.3: the intruder's problem).

DIFFERENCES = {"unit_difference": "unit", "class_difference": "position_class"}
DIMENSION = "dimension_score"
TOP = 100.0
# Below this a difference between two limits is one of the solver.
SOLVER = 1e-6


class Told(NamedTuple):
    """A hidden value that is told too closely: between ``low`` and ``high``, where ``allowed`` is the least width."""

    measure: str
    source: str
    cell: str
    what: str
    low: float
    high: float
    allowed: float


class Sums(NamedTuple):
    """Released sums of cells: ``members`` (sums, cells) times the cells' totals lie between ``low`` and ``high``."""

    members: np.ndarray
    low: np.ndarray
    high: np.ndarray


def told_cells(
    rows: pd.DataFrame, cells: pd.DataFrame, shares: Mapping[str, float], limits: DisclosureParams
) -> list[Told]:
    """Hidden units, classes and dimensions of a source that the shown figures tell too closely.

    Scores: closer than ``min_points``, unless the source's own score alone tells as much. Answers: closer than
    ``min_people``, unless the source's own number alone does.

    Parameters
    ----------
    rows : DataFrame     rows of the table ``estimates`` of one source whose score is shown; ``slack``, where it is
        there: how far a mean may lie from its estimate; ``n`` may be missing where it is not known
    cells : DataFrame    unit, position_class, weight, answered, silent (``people_cells``); empty for a panel
    shares : mapping     dimension -> weight in the source's score
    """
    whole = rows[rows["measure"] == "source_score"].iloc[0]
    dimensions = pd.DataFrame({"part": list(shares), "weight": list(shares.values())})
    told = _told_scores(rows, dimensions, whole, {DIMENSION: "part"}, {}, limits)
    if cells.empty:
        return told
    answered = cells[cells["weight"] > 0].reset_index(drop=True)
    told += _told_scores(rows, answered, whole, GROUPS, DIFFERENCES, limits)
    return told + _told_counts(rows, cells.reset_index(drop=True), whole, limits)


def _told_scores(
    rows: pd.DataFrame,
    cells: pd.DataFrame,
    whole: pd.Series,
    groups: Mapping[str, str],
    differences: Mapping[str, str],
    limits: DisclosureParams,
) -> list[Told]:
    weight = cells["weight"].to_numpy(dtype=float)
    names, members = _hidden(rows, cells, groups)
    if not names:
        return []
    shown = [(np.ones(len(weight), bool), whole["estimate"], ROUNDING)]
    shown += [(at, row.estimate, getattr(row, "slack", ROUNDING)) for at, row in _shown(rows, cells, groups)]
    shown += [(at, row.estimate + whole["estimate"], 2 * ROUNDING) for at, row in _shown(rows, cells, differences)]
    sums = np.array([inside * weight for inside, _, _ in shown])
    size, value, slack = sums.sum(axis=1), *(np.array([one[i] for one in shown], dtype=float) for i in (1, 2))
    wanted = members * weight
    wanted = wanted / wanted.sum(axis=1, keepdims=True)
    top = np.full(len(weight), TOP)
    part, total = (members * weight).sum(axis=1), size[0] * value[0]
    alone = np.minimum(TOP, total / part) - np.maximum(0.0, (total - TOP * (size[0] - part)) / part)
    allowed = np.minimum(limits.min_points, alone)
    low, high = extremes(Sums(sums, size * (value - slack), size * (value + slack)), top, wanted, allowed)
    return _too_close(names, whole["source"], "score", low, high, allowed)


def _told_counts(rows: pd.DataFrame, cells: pd.DataFrame, whole: pd.Series, limits: DisclosureParams) -> list[Told]:
    invited = (cells["answered"] + cells["silent"]).to_numpy(dtype=float)
    names, members = _hidden(rows, cells, GROUPS)
    if not names:
        return []
    known = rows[rows["n"].notna()]
    shown = [(np.ones(len(invited)), whole["n"]), *((at, row.n) for at, row in _shown(known, cells, GROUPS))]
    counts = np.array([count for _, count in shown], dtype=float)
    sums = Sums(np.array([inside for inside, _ in shown], dtype=float), counts, counts)
    part = members @ invited
    alone = np.minimum(part, counts[0]) - np.maximum(0.0, counts[0] - (invited.sum() - part))
    allowed = np.minimum(limits.min_people, alone)
    low, high = extremes(sums, invited, members.astype(float), allowed)
    return _too_close(names, whole["source"], "answers", low, high, allowed)


def _hidden(
    rows: pd.DataFrame, cells: pd.DataFrame, groups: Mapping[str, str]
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Hidden groups that have cells: measure and name of each, and which cells are theirs."""
    found = []
    for measure, column in groups.items():
        part = rows[(rows["measure"] == measure) & (rows["status"] != "shown")]
        named = part["part" if measure == DIMENSION else "domain"]
        found += [((measure, str(name)), (cells[column] == name).to_numpy()) for name in named]
        if measure != DIMENSION and cells[column].isna().any():
            found.append(((measure, ""), cells[column].isna().to_numpy()))
    found = [one for one in found if one[1].any()]
    return [name for name, _ in found], np.array([inside for _, inside in found])


def _shown(rows: pd.DataFrame, cells: pd.DataFrame, groups: Mapping[str, str]) -> list[tuple[np.ndarray, NamedTuple]]:
    part = rows[rows["measure"].isin(list(groups)) & (rows["status"] == "shown")]
    pairs = [((cells[groups[str(row.measure)]] == _name(row)).to_numpy(), row) for row in part.itertuples()]
    return [(inside, row) for inside, row in pairs if inside.any()]


def _name(row: NamedTuple) -> str:
    return str(row.part if row.measure == DIMENSION else row.domain)  # type: ignore[attr-defined]


def _too_close(
    names: list[tuple[str, str]], source: str, what: str, low: np.ndarray, high: np.ndarray, allowed: np.ndarray
) -> list[Told]:
    close = high - low < allowed - SOLVER
    values = zip(names, low, high, allowed, strict=True)
    return [
        Told(measure, source, cell, what, float(least), float(most), float(width))
        for ((measure, cell), least, most, width), is_close in zip(values, close, strict=True)
        if is_close
    ]


def extremes(
    sums: Sums, top: np.ndarray, wanted: np.ndarray, enough: np.ndarray | float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Least and most of every row of ``wanted`` times x, for 0 <= x <= top and the released sums.

    Every x that a program finds is one for all rows: where those found so far lie ``enough`` apart in a row, its limits
    are at least as far apart, and no program of its own is needed (its limits are then those of these x).

    Released figures may disagree beyond their rounding (a mean of item means is not quite the mean of its parts, where
    questions were left open): all are then given as much more room as it takes for any x to fit.
    """
    sums = _with_room(sums, top)
    matrix, limit = np.vstack([sums.members, -sums.members]), np.concatenate([sums.high, -sums.low])
    bounds = np.column_stack([np.zeros(len(top)), top])
    known, found = np.empty((0, len(top))), np.empty((len(wanted), 2))
    for i, (goal, apart) in enumerate(zip(wanted, np.broadcast_to(enough, len(wanted)), strict=True)):
        values = known @ goal
        if not len(values) or np.ptp(values) < apart + SOLVER:
            points = [_solved(sign * goal, matrix, limit, bounds).x for sign in (1.0, -1.0)]
            known = np.vstack([known, points])
            values = known @ goal
        found[i] = values.min(), values.max()
    return found[:, 0], found[:, 1]


def _with_room(sums: Sums, top: np.ndarray) -> Sums:
    """The sums with the least room, as a part of each, that lets them agree."""
    size = sums.members @ np.ones(len(top))
    matrix = np.vstack([np.column_stack([sums.members, -size]), np.column_stack([-sums.members, -size])])
    limit, goal = np.concatenate([sums.high, -sums.low]), np.append(np.zeros(len(top)), 1.0)
    bounds = np.column_stack([np.zeros(len(top) + 1), np.append(top, np.inf)])
    room = float(_solved(goal, matrix, limit, bounds).fun) * size * (1 + SOLVER)
    return Sums(sums.members, sums.low - room, sums.high + room)


def _solved(goal: np.ndarray, matrix: np.ndarray, limit: np.ndarray, bounds: np.ndarray) -> OptimizeResult:
    """The least of ``goal`` times x under matrix times x <= limit. Without an answer nothing may be called safe."""
    finite = bool(np.isfinite(matrix).all() and np.isfinite(limit).all())
    result = linprog(goal, matrix, limit, bounds=bounds, method="highs") if finite else None
    if result is None or result.status != 0:
        raise EstimationError(
            "how closely hidden figures are told cannot be worked out",
            got=result.message if result else "figures or weights that are not finite",
            expected=f"limits from {len(limit) // 2} released sums of {len(goal)} cells",
            hint="look for shown figures without a value, and for weights that are missing or negative",
        )
    return result


def widened(
    estimates: pd.DataFrame,
    cells: Mapping[str, pd.DataFrame],
    shares: Mapping[str, Mapping[str, float]],
    limits: DisclosureParams,
) -> pd.DataFrame:
    """The estimates with further units, classes and dimensions hidden until none is told too closely.

    Smallest first; then those that came early and are not needed beside the later ones are shown again, the last of
    them first, so that no cell that is hidden further could be shown.

    Parameters
    ----------
    estimates : DataFrame    table ``estimates`` after ``hide_small``
    cells, shares : mapping  source -> as in ``told_cells``
    """
    shown = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")]
    for source in shown["source"]:
        rows = estimates[estimates["source"] == source]
        further = _further(rows, partial(told_cells, cells=cells[source], shares=shares[source], limits=limits))
        estimates = _without(estimates, source, further)
    return estimates


def _further(rows: pd.DataFrame, audit: Callable[[pd.DataFrame], list[Told]]) -> list[tuple[str, str]]:
    """Measure and name of the cells of a source that are hidden further."""
    found, wide, source = list[tuple[str, str]](), rows, rows["source"].iloc[0]
    while told := audit(wide):
        one = _next(wide, told[0].measure)
        if one is None:
            return found
        found.append(one)
        wide = _without(wide, source, [one])
    # The last one was needed beside all others.
    for one in reversed(found[:-1]):
        rest = [other for other in found if other != one]
        if not audit(_without(rows, source, rest)):
            found = rest
    return found


def _without(estimates: pd.DataFrame, source: str, hidden: Sequence[tuple[str, str]]) -> pd.DataFrame:
    for one in hidden:
        estimates = mask(estimates, _of_cell(estimates, source, *one))
    return estimates


def _next(rows: pd.DataFrame, measure: str) -> tuple[str, str] | None:
    """The smallest shown cell of a table, else of the tables beside it."""
    tables = [measure, *(GROUPS if measure in GROUPS else ())]
    for table in tables:
        part = rows[(rows["measure"] == table) & (rows["status"] == "shown")]
        if len(part):
            row = next(part.sort_values(["n", "domain", "part"], kind="stable").itertuples())
            return table, _name(row)
    return None


def _of_cell(estimates: pd.DataFrame, source: str, measure: str, cell: str) -> pd.Series:
    """The rows of a cell: its score, and with it the difference from the whole source, or contributions to a change."""
    if measure == DIMENSION:
        rows = (estimates["measure"] == measure) & (estimates["part"] == cell)
        rows |= estimates["measure"] == "change_dimension"
    else:
        with_it = (measure, measure.replace("_score", "_difference"))
        rows = estimates["measure"].isin(with_it) & (estimates["domain"] == cell)
    return rows & (estimates["source"] == source)


# Panels: few people, whose answers a mean and its error tell all together.


def coarse_spread(sd: float, n: float, limits: DisclosureParams) -> float:
    """The standard deviation that a panel's error is made from: its own, rounded up to a step.

    Parameters
    ----------
    sd : float   of the answers of the panel, in points
    n : float    experts
    """
    steps = limits.panel_steps
    step = steps[max(size for size in steps if size <= max(n, min(steps)))]
    while step < sd:
        step *= limits.panel_growth
    return step
