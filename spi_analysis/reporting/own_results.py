"""A researcher's own estimates as views: table, chart, page and files in both languages, like all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.columns import LABELS, VALUES
from spi_analysis.errors import InputError, nearest
from spi_analysis.params import Instrument, Source, Text
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.names import CHECK, CHECKS, measure_label
from spi_analysis.reporting.plots import chart, intervals
from spi_analysis.reporting.tables import html_paragraphs
from spi_analysis.reporting.view_columns import (
    Column,
    coded,
    count,
    interval,
    number,
    p_value,
    percent,
    worded,
    written,
    years,
)
from spi_analysis.reporting.views import View
from spi_analysis.reporting.wording import Phrase, Words, message, phrase
from spi_analysis.scores import indirect_rates
from spi_analysis.survey import require_columns
from spi_analysis.survey.estimation import (
    RESULT_COLUMNS,
    Crosstab,
    Estimate,
    FayHerriot,
    ReplicateDesign,
    SurveyDesign,
    TestResult,
    estimate_mean,
    t_interval,
)
from spi_analysis.survey.sampling import Total
from spi_analysis.tables import PAGE_DECIMALS, Meaning, meanings

# What the columns of 0-100 scores of items end with.
SCORE = "__score"
# Columns that hold no group.
FIGURES = (*RESULT_COLUMNS, "deff", "t", "p_value")
# Ways to the same figure, side by side in a table (``side_by_side``).
WAY = "way"
WAYS = {
    "listed": message("the list itself"),
    "srs": message("by random numbers"),
    "systematic": message("systematic"),
    "two_stage": message("units, then people"),
    "pps": message("whole units, the large ones more often"),
    "largest": message("whole units, all of the largest"),
    "linearised": message("linearised"),
    "jackknife": message("jackknife"),
    "halves": message("balanced half samples"),
    "round": message("weights of the round"),
    "own": message("own weights"),
    "propensity": message("classes of the chance to answer"),
    "unweighted": message("unweighted"),
    "post_stratified": message("post-stratified"),
    "raked": message("raked"),
    "calibrated": message("calibrated (linear)"),
    "multilevel": message("raked, units in part"),
    "trimmed": message("the same, trimmed"),
    "by_age": message("weighted by age"),
    "by_unit": message("weighted by unit"),
    "by_post": message("weighted by post"),
    "list": message("difference of the two lists"),
    "crosswise": message("crossed question"),
    "direct": message("asked directly"),
    "combined": message("list and direct answers together"),
    "gap": message("not said when asked directly"),
}
# Columns of results that the tables of a round do not have.
HEADINGS = {
    WAY: message("Way"),
    CHECK: message("Looked at"),
    "quantile": message("Share below"),
    "variable": message("Variable"),
}


def result_view(
    result: Estimate | Crosstab | pd.DataFrame,
    name: str,
    en: str,
    id: str = "",
    test: TestResult | None = None,
    instrument: Instrument | None = None,
) -> View:
    """Estimates with their intervals and number of answers, as a table below a chart.

    Parameters
    ----------
    result : of the survey library, or a table with columns estimate, ci_low, ci_high, n and groups
    name : of the table in the page and of its files, unique in a notebook
    en, id : the title; without an Indonesian one the English stands in both
    test : stands below the table; None: the crosstab's own, where there is one
    instrument : of the round (``data.instrument``); items and their answers are then named in words, codes beside them

    Raises
    ------
    InputError   the table has no estimates

    Examples
    --------
    >>> means = estimate_mean(design, "score", by=["sex", "age_group"])                     # doctest: +SKIP
    >>> result_view(means, "sex-age", en="Scores by sex and age", id="Skor menurut ...")    # doctest: +SKIP
    """
    table = (result if isinstance(result, pd.DataFrame) else result.table).rename(columns={"share": "estimate"})
    require_columns(table, [name for name in RESULT_COLUMNS if name not in ("se", "df_design")], InputError)
    own = result.test if isinstance(result, Crosstab) and isinstance(result.test, TestResult) else None
    title = Text(en=en, id=id or en)
    groups, decimals = _groups(table), _decimals(table)
    spoken, said = _Names(instrument), phrase(lambda words: words.pick(title))
    columns = (*map(spoken.column, groups), *_figure_columns(decimals))
    drawn = _drawn(table, groups, spoken)
    # Where everything is hidden there is nothing to draw.
    picture = chart(intervals, drawn, name, said, x_label="", decimals=decimals) if len(drawn) else None
    notes = (_tested(test or own),) if test or own else ()
    return View(table, columns, picture, notes, lambda words: words.pick(title), name=name)


def years_view(published: pd.DataFrame, name: str, en: str, id: str) -> View:
    """Published years of an institution: the index as it was given, which has no interval."""
    title = Text(en=en, id=id)
    columns = (years(message("Year"), "year"), number(message("Index"), "index"))
    note = message("Published figures carry no interval.")
    return View(published.sort_values("year"), columns, None, (note,), lambda words: words.pick(title), name=name)


def means_of_institutions(estimates: pd.DataFrame, by: str, level: float) -> pd.DataFrame:
    """Means of institutions, each counting once, with t intervals as if they were drawn from more of their kind.

    Parameters
    ----------
    estimates : DataFrame   a row per institution: ``by``, estimate
    level : float           of the interval

    Returns
    -------
    DataFrame: ``by``, estimate, se, ci_low, ci_high, df_design, n (institutions).
    """
    shown = estimates.dropna(subset="estimate").assign(once=1.0)
    return estimate_mean(SurveyDesign(shown, "once"), "estimate", by=by, level=level).table.drop(columns="variable")


def with_model(direct: pd.DataFrame, model: FayHerriot, level: float) -> pd.DataFrame:
    """A table of direct estimates with those of an area model in their place, and normal limits from its error."""
    values, se = model.eblup.to_numpy(), model.mse.to_numpy() ** 0.5
    low, high = t_interval(values, se, np.full(len(values), np.inf), level)
    return direct.assign(estimate=values, se=se, ci_low=low, ci_high=high)


def side_by_side(found: Mapping[str, Estimate | pd.DataFrame]) -> pd.DataFrame:
    """One figure by several ways, a row each: the names are those of ``WAYS``."""
    unknown = [name for name in found if name not in WAYS]
    if unknown:
        raise InputError("an unknown way", got=unknown[0], expected=", ".join(WAYS), hint=nearest(unknown[0], WAYS))
    tables = [one.table if isinstance(one, Estimate) else one for one in found.values()]
    table = pd.concat(tables, keys=list(found), names=[WAY]).reset_index(WAY)
    return table[[WAY, *(name for name in RESULT_COLUMNS if name in table)]].reset_index(drop=True)


def known_row(value: float, n: int) -> pd.DataFrame:
    """A figure that is known of all n people: it has no error."""
    return pd.DataFrame([{"estimate": value, "se": 0.0, "ci_low": value, "ci_high": value, "n": n}])


def total_row(total: Total, n: int, level: float) -> pd.DataFrame:
    """A Horvitz-Thompson total of n drawn units, with its t limits."""
    value, se = np.array([total.estimate]), np.array([max(total.variance, 0.0) ** 0.5])
    low, high = t_interval(value, se, np.array([n - 1.0]), level)
    return pd.DataFrame({"estimate": value, "se": se, "ci_low": low, "ci_high": high, "n": n})


def bias_rows(compared: pd.DataFrame, level: float) -> pd.DataFrame:
    """The bias of designs that were tried out, with what the number of runs leaves open."""
    value, error = compared["bias"].to_numpy(), compared["bias_error"].to_numpy()
    low, high = t_interval(value, error, compared["runs"].to_numpy() - 1.0, level)
    figures = {"estimate": value, "ci_low": low, "ci_high": high, "n": compared["completes"].round().astype(int)}
    return pd.DataFrame({WAY: compared["design"], **figures})


def by_way(found: Estimate) -> pd.DataFrame:
    """Shares by several ways in percent, a row each: the variables are names of ``WAYS``."""
    table = found.table.rename(columns={"variable": WAY})
    return table.assign(**{name: 100 * table[name] for name in ("estimate", "se", "ci_low", "ci_high")})


def unsaid_rates_view(
    design: SurveyDesign | ReplicateDesign, instrument: Instrument, source: Source, level: float, en: str, id: str
) -> Shown:
    """What indirect questions tell of all people of a design who were asked so, and what is not said directly."""
    rates, title = indirect_rates(design, instrument, source, level), Text(en=en, id=id)
    if rates["estimate"].isna().all():
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    columns = (
        coded(message("Measure"), "measure", "measure"),
        written(message("Of what"), ("item",), lambda words, code: measure_label(instrument, source, code, words)),
        number(message("Estimate"), "estimate", 1, "%"),
        interval(message("Interval"), "ci_low", "ci_high", 1, "%"),
        count(message("Answers (n)"), "n"),
    )
    return View(rates.dropna(subset="estimate"), columns, title=lambda words: words.pick(title), name="unsaid")


def checks_view(checks: pd.DataFrame, name: str, en: str, id: str) -> View:
    """Checks of a list experiment, with the p value of those that are tests."""
    title = Text(en=en, id=id)
    columns = (
        worded(HEADINGS[CHECK], CHECK, CHECKS),
        number(message("Estimate"), "estimate"),
        p_value(message("p value"), "p_value"),
        count(message("Answers (n)"), "n"),
    )
    return View(checks, columns, None, (), lambda words: words.pick(title), name=name)


def gaps_view(gaps: pd.DataFrame, name: str, en: str, id: str) -> View:
    """The smallest gaps that so many answers show, in percent, a column for each way to ask."""
    title = Text(en=en, id=id)
    columns = (count(message("Answers (n)"), "n"), *(percent(WAYS[way], way) for way in gaps if way != "n"))
    return View(gaps, columns, None, (), lambda words: words.pick(title), name=name)


def _groups(table: pd.DataFrame) -> list[str]:
    """What the rows are of: the variable only where there are several, or nothing else."""
    groups = [name for name in table if name not in FIGURES]
    several = "variable" in groups and table["variable"].nunique() > 1
    return [name for name in groups if name != "variable" or several or len(groups) == 1]


@dataclass(frozen=True)
class _Names:
    """What groups and their values are called; items and answers by their words where an instrument is given."""

    instrument: Instrument | None

    def column(self, name: str) -> Column:
        """The column of a group."""
        return written(
            lambda words: self._heading(name, words), (name,), lambda words, value: self.value(name, value, words)
        )

    def _heading(self, name: str, words: Words) -> str:
        if name in HEADINGS:
            return words(HEADINGS[name])
        if (item := self._item(name, words)) is not None:
            return _beside(item.label, name)
        return getattr(LABELS[name], words.language) if name in LABELS else name

    def value(self, name: str, value: object, words: Words) -> str:
        """A value of a column of groups in words, where it has some."""
        if name == WAY:
            return words(WAYS[str(value)])
        if name == "variable":
            # A ratio has two: "asked/met".
            return " / ".join(self._variable(part, words) for part in str(value).split("/"))
        if (item := self._item(name, words)) is not None and isinstance(value, int | float):
            answers = {float(code): text for code, text in item.values.items()}
            return _beside(answers[value], _plain(value)) if value in answers else _plain(value)
        return words.value(name, value) if name in VALUES else _plain(value)

    def _variable(self, name: str, words: Words) -> str:
        if (item := self._item(name.removesuffix(SCORE), words)) is not None:
            return _beside(item.label, name)
        return words.column(name) if name in LABELS else name

    def _item(self, name: str, words: Words) -> Meaning | None:
        """What an item means; None for what is none."""
        if self.instrument is None:
            return None
        found = meanings([name], self.instrument, words.language, {})[name]
        return found if found.label != name and name not in LABELS else None


def _beside(text: str, code: str) -> str:
    """Words with the code that they stand for."""
    return f"{text} ({code})"


def _plain(value: object) -> str:
    """A value as it stands; 1.0 as 1."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _decimals(table: pd.DataFrame) -> int:
    """Of shares one more than of scores."""
    largest = table[["estimate", "ci_low", "ci_high"]].abs().max(axis=None)
    return PAGE_DECIMALS + 1 if largest <= 1 else PAGE_DECIMALS


def _figure_columns(decimals: int) -> tuple[Column, ...]:
    return (
        number(message("Estimate"), "estimate", decimals),
        interval(message("Interval"), "ci_low", "ci_high", decimals),
        count(message("Answers (n)"), "n"),
    )


def _drawn(table: pd.DataFrame, groups: list[str], spoken: _Names) -> pd.DataFrame:
    """The rows that have a figure, each with its name."""
    rows = table[table["estimate"].notna()]
    labels = [
        _name(dict(zip(groups, row, strict=True)), spoken) for row in rows[groups].itertuples(index=False, name=None)
    ]
    return rows[["estimate", "ci_low", "ci_high"]].assign(label=labels)


def _name(values: dict[str, object], spoken: _Names) -> Phrase:
    def say(words: Words) -> str:
        return ", ".join(spoken.value(name, value, words) for name, value in values.items())

    return phrase(say)


def _tested(test: TestResult) -> Callable[[Words], str]:
    def say(words: Words) -> str:
        if np.isnan(test.p_value):
            return words("No test: cells of the table are hidden.")
        return words("Test of no difference: p = {p}.", p=words.p_value(test.p_value))

    return say
