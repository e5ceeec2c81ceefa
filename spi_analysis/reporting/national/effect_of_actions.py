"""Did it help? What institutions that acted on a recommendation gained, and what could be found at all."""

from __future__ import annotations

from functools import partial

import pandas as pd

from spi_analysis.params import EffectParams, RoundSetup
from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    count,
    estimate,
    html_paragraphs,
    message,
    number,
    p_value,
    show,
    worded,
    written,
)
from spi_analysis.scores import ANY
from spi_analysis.stages import Overview

OUTCOMES = {
    "worked": message("gained more than chance"),
    "rose_already": message("rose already before acting: cannot be told"),
    "not_told": message("cannot be told from chance"),
    "too_few": message("too few to compare"),
}
ANYTHING = message("Any recommendation")
IN_ALL = {
    "worked": message(
        "Institutions that acted on any recommendation gained {gain} points in the following year beyond what others "
        "made of the same history ({level} interval {interval}): more than chance explains."
    ),
    "rose_already": message(
        "Institutions that acted on any recommendation gained {gain} points in the following year beyond what others "
        "made of the same history ({level} interval {interval}), but they had risen like that already in the year "
        "before. So it cannot be told whether acting helped."
    ),
    "not_told": message(
        "Institutions that acted on any recommendation gained {gain} points in the following year beyond what others "
        "made of the same history ({level} interval {interval}), which may be chance. With so many acting, a true "
        "gain of less than {detectable} points is missed more often than in {miss} of 100 cases."
    ),
    "too_few": message(
        "Too few institutions can be compared: that takes at least {acting} that acted, and in each type and year "
        "{others} that did not, all with published indices of both years."
    ),
}


def effects_table(overview: Overview, setup: RoundSetup, synthetic: bool) -> Shown:
    """What those that acted gained, of all recommendations together and of each; why not, where nothing can be said."""
    params, effect = setup.years.effect, overview.effect
    if params is None or effect.effects.empty:
        said = message(
            "What institutions did about recommendations is not known here, so nothing is said of its effect."
        )
        return show(lambda words: html_paragraphs([words(said)]))
    summary = show(lambda words: html_paragraphs(effect_sentences(overview, params, synthetic, words)))
    if effect.effects["gain"].isna().all():
        return summary
    return summary + _table(effect.effects, setup, params)


def effect_sentences(overview: Overview, params: EffectParams, synthetic: bool, words: Words) -> list[str]:
    """How many acted, and what of all of them together can be said."""
    effect = overview.effect
    acted = words(
        "In {acted} of {known} cases (an institution in a year) a recommendation was acted on: at least {share} of its "
        "actions conform and were validated.",
        acted=words.number(effect.acted, 0),
        known=words.number(effect.known, 0),
        share=words.percent(params.least_validated, 0),
    )
    row = effect.effects.iloc[0]
    outcome = str(row["outcome"])
    said = words(
        IN_ALL[outcome],
        gain=words.signed(row["gain"], 1),
        level=words.percent(1 - 2 * params.false_alarms, 0),
        interval=words.interval(row["ci_low"], row["ci_high"], 1),
        detectable=words.number(row["detectable"], 1),
        miss=round(100 * (1 - params.power)),
        acting=params.min_acting,
        others=params.min_others,
    )
    generated = [words("The tracker of recommendations is generated: no institution did this.")] if synthetic else []
    return [*generated, acted, said]


def _table(effects: pd.DataFrame, setup: RoundSetup, params: EffectParams) -> View:
    titles = {rule.code: rule.title for rule in setup.rules.rules}

    def name(words: Words, code: str | None) -> str:
        # No recommendation is named "": it stands for all of them.
        return words(ANYTHING) if code in (ANY, None) else words.pick(titles[code]) if code in titles else str(code)

    columns = (
        written(message("Recommendation"), ("recommendation",), name),
        count(message("Acted (n)"), "n_acting"),
        count(message("Did not act (n)"), "n_others"),
        estimate(message("Gain in points"), "gain", "ci_low", "ci_high", 1, sign=True),
        estimate(message("The year before"), "before", "before_low", "before_high", 1, sign=True),
        number(message("Smallest gain found"), "detectable", 1),
        p_value(message("Adjusted p"), "p_adjusted"),
        worded(message("What can be said"), "outcome", OUTCOMES),
    )
    title = message("What institutions gained after they acted")
    notes = (partial(_note, params),)
    return View(effects, columns, notes=notes, title=title, name="effects", programs="tables/effects.csv")


def _note(params: EffectParams, words: Words) -> str:
    return words(
        "Gain: published index above what institutions of the same type and history that did not act reached in "
        "that year, in brackets the {level} interval. The year before: the same institutions before they acted, in "
        "brackets the {wide} interval; where it lies above 0, they rose already. Smallest gain found: a true gain "
        "as large is found in {power} of 100 cases. Adjusted p: Benjamini and Hochberg over the recommendations, so "
        "that of those said to gain about {rate} may be false; recommendations that fewer than {least} acted on are "
        "not compared. Who acts is no lottery: what else those institutions did is in the gain, too.",
        level=words.percent(1 - 2 * params.false_alarms, 0),
        wide=words.percent(1 - 2 * params.rose_already, 0),
        power=round(100 * params.power),
        rate=words.percent(params.false_discovery, 0),
        least=params.min_acting,
    )


def detectable_table(overview: Overview, setup: RoundSetup) -> Shown:
    """The smallest gain that can be found, by the number of institutions that act; else nothing."""
    params, table = setup.years.effect, overview.effect.detectable
    if params is None or table.empty:
        return show(lambda words: "")
    columns = (
        count(message("Acted (n)"), "n_acting"),
        count(message("Did not act (n)"), "n_others"),
        number(message("Smallest gain found"), "detectable", 1),
    )

    def note(words: Words) -> str:
        return words(
            "If {share} of institutions act in a year (as after the results of 2021: 57 of 632). A true gain as "
            "large is found in {power} of 100 cases, and no gain at all is taken for one in {false}.",
            share=words.percent(params.followed_up, 0),
            power=round(100 * params.power),
            false=words.percent(params.false_alarms),
        )

    title = message("Which gain can be found at all, by the number of institutions that act")
    return View(table, columns, notes=(note,), title=title, name="detectable", programs="tables/effects_detectable.csv")
