"""Experience rates: what people saw, were asked or paid, with the denominator always named."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.estimation import ReplicateDesign, SurveyDesign, estimate_mean
from spi_analysis.estimation.intervals import proportion_interval
from spi_analysis.params import Instrument, Source
from spi_analysis.params.instrument import ContactItem, ExperienceItem
from spi_analysis.scores.items import valid_answers
from spi_analysis.tables.answer_fit import misfits

RESPONDENTS, CONTACTS = "respondents", "contacts"


def experience_rates(
    design: SurveyDesign | ReplicateDesign, instrument: Instrument, source: Source, level: float
) -> pd.DataFrame:
    """Rates in percent for every experience item of a source, with Wilson intervals that count at most n answers.

    Parameters
    ----------
    design : its data has the raw answer codes of the experience and contact items

    Returns
    -------
    DataFrame, one row per item and denominator: item, domain, estimate, se, ci_low, ci_high (percent),
    df_design, n. ``domain`` is "respondents" (all who answered; without contact counts as no)
    or "contacts" (those with at least one contact: the SDG 16.5.1 kind of rate).

    Raises
    ------
    InputError   a question without a column, or a code that its scale does not have.
    """
    answers = _answers(design.data, instrument, source)
    if not answers.columns.any():
        return pd.DataFrame()
    with_answers = design.with_columns(answers)
    result = estimate_mean(with_answers, list(answers.columns), level=level)
    low, high = proportion_interval(result.table, "wilson", level, cap_effective_n=True)
    table = result.table.assign(ci_low=low, ci_high=high)
    keys = [name.split("|") for name in table["variable"]]
    table = table.assign(item=[k[0] for k in keys], domain=[k[1] for k in keys])
    table[["estimate", "se", "ci_low", "ci_high"]] *= 100
    return table[["item", "domain", "estimate", "se", "ci_low", "ci_high", "df_design", "n"]]


def institutions_reporting(rates: pd.DataFrame, level: float) -> pd.DataFrame:
    """Share of institutions in which at least one person with contact reported an experience.

    The third denominator, never to be mixed with shares of people: it grows with the number of people asked.

    Parameters
    ----------
    rates : DataFrame   rows "experience_rate" of the tables ``estimates``; hidden ones are left out

    Returns
    -------
    DataFrame: source, item, estimate (percent), ci_low, ci_high (Wilson, institutions as if drawn), n (institutions),
    people (those with contact asked there, in all).

    References
    ----------
    Wilson (1927), JASA 22.
    """
    rows = rates[(rates["domain"] == CONTACTS) & (rates["status"] == "shown")]
    groups = rows.assign(reported=rows["estimate"] > 0).groupby(["source", "dimension"], sort=False)
    table = groups.agg(estimate=("reported", "mean"), n=("reported", "size"), people=("n", "sum")).reset_index()
    table = table.assign(se=np.nan, df_design=np.inf)
    low, high = proportion_interval(table, "wilson", level)
    table = table.assign(ci_low=low, ci_high=high).rename(columns={"dimension": "item"})
    table[["estimate", "ci_low", "ci_high"]] *= 100
    return table[["source", "item", "estimate", "ci_low", "ci_high", "n", "people"]]


def _answers(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """0/1 columns "item|denominator"; missing outside the denominator."""
    part = instrument.sources[source]
    if problems := misfits(data, [*part.contacts, *part.experiences], instrument):
        raise InputError(*problems)
    contacts = {contact.code: _yes(data, contact, instrument) for contact in part.contacts}
    columns = {}
    for item in part.experiences:
        yes, had_contact = _yes(data, item, instrument), contacts[item.contact]
        columns[f"{item.code}|{RESPONDENTS}"] = yes.where(had_contact != 0, 0.0)
        columns[f"{item.code}|{CONTACTS}"] = yes.where(had_contact == 1)
    return pd.DataFrame(columns, index=data.index)


def _yes(data: pd.DataFrame, question: ContactItem | ExperienceItem, instrument: Instrument) -> pd.Series:
    """1 for yes, 0 for no, missing without a substantive answer."""
    answers = valid_answers(data[question.code], instrument.scales[question.scale])
    return (answers >= instrument.yes_from(question)).astype(float).where(answers.notna())
