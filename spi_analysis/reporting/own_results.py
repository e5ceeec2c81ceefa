"""A researcher's own estimates as views: table, chart, page and files in both languages, like all others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from spi_analysis.columns import LABELS, VALUES
from spi_analysis.params import Text
from spi_analysis.reporting.plots import chart, intervals
from spi_analysis.reporting.view_columns import Column, count, interval, number, written, years
from spi_analysis.reporting.views import View
from spi_analysis.reporting.wording import Phrase, Words, message, phrase
from spi_analysis.survey.estimation import (
    RESULT_COLUMNS,
    Crosstab,
    Estimate,
    FayHerriot,
    SurveyDesign,
    TestResult,
    estimate_mean,
    t_interval,
)

# Columns that hold no group.
FIGURES = (*RESULT_COLUMNS, "deff", "t", "p_value")


def result_view(
    result: Estimate | Crosstab | pd.DataFrame, name: str, en: str, id: str, test: TestResult | None = None
) -> View:
    """Estimates with their intervals and number of answers, as a table below a chart.

    Parameters
    ----------
    result : of the survey library, or a table with columns estimate, ci_low, ci_high, n and groups
    name : of the table in the page and of its files, unique in a notebook
    en, id : the title
    test : stands below the table; None: the crosstab's own, where there is one

    Examples
    --------
    >>> means = estimate_mean(design, "score", by=["sex", "age_group"])                     # doctest: +SKIP
    >>> result_view(means, "sex-age", en="Scores by sex and age", id="Skor menurut ...")    # doctest: +SKIP
    """
    table = (result if isinstance(result, pd.DataFrame) else result.table).rename(columns={"share": "estimate"})
    own = result.test if isinstance(result, Crosstab) and isinstance(result.test, TestResult) else None
    title = Text(en=en, id=id)
    groups = _groups(table)
    columns = (*map(_group_column, groups), *_figure_columns())
    picture = chart(intervals, _drawn(table, groups), name, phrase(lambda words: words.pick(title)), x_label="")
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


def _groups(table: pd.DataFrame) -> list[str]:
    """What the rows are of: the variable only where there are several, or nothing else."""
    groups = [name for name in table if name not in FIGURES]
    several = "variable" in groups and table["variable"].nunique() > 1
    return [name for name in groups if name != "variable" or several or len(groups) == 1]


def _group_column(name: str) -> Column:
    def heading(words: Words) -> str:
        return getattr(LABELS[name], words.language) if name in LABELS else name

    if name in VALUES:
        return written(heading, (name,), lambda words, code: words.value(name, code))
    return written(heading, (name,), lambda words, value: _plain(value))


def _plain(value: object) -> str:
    """A value as it stands; 1.0 as 1."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure_columns() -> tuple[Column, ...]:
    return (
        number(message("Estimate"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers (n)"), "n"),
    )


def _drawn(table: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """The rows that have a figure, each with its name."""
    rows = table[table["estimate"].notna()]
    labels = [_name(dict(zip(groups, row, strict=True))) for row in rows[groups].itertuples(index=False, name=None)]
    return rows[["estimate", "ci_low", "ci_high"]].assign(label=labels)


def _name(values: dict[str, object]) -> Phrase:
    def say(words: Words) -> str:
        return ", ".join(
            words.value(name, value) if name in VALUES else _plain(value) for name, value in values.items()
        )

    return phrase(say)


def _tested(test: TestResult) -> Callable[[Words], str]:
    def say(words: Words) -> str:
        return words("Test of no difference: p = {p}.", p=words.p_value(test.p_value))

    return say
