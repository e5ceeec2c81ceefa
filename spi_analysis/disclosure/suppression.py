"""What is too small to be shown, and what must be hidden with it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.disclosure.bounds import GROUPS, ROUNDING
from spi_analysis.params import DisclosureParams
from spi_analysis.tables import as_shown, mask

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
