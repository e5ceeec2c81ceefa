"""What the page says in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import pandas as pd

from spi_analysis.params import Recommendation, Source, Text
from spi_analysis.reporting import Shown, Words, measure_label, message, part_label, readable, show
from spi_analysis.scores import direction_of
from spi_analysis.stages import InstitutionPage
from spi_analysis.tables import WEB

WITHHELD = {
    "insufficient_sample": message("too few people answered"),
    "conduct": message("the survey's conduct was not sound"),
    "did_not_take_part": message("the institution did not take part"),
    "secrecy": message("the institution's work is secret"),
}


def year_label(page: InstitutionPage, words: Words) -> str:
    """The year of the round; that it is generated, where it is."""
    year = page.setup.round.year
    return words("{year} (generated data)", year=year) if page.is_synthetic else str(year)


def dates_sentence(page: InstitutionPage, words: Words) -> str:
    """When answers were collected, and up to which day the data reach."""
    dates = {"start": words.date(page.fieldwork.start), "end": words.date(page.fieldwork.end)}
    if page.data_until is None:
        return words("Fieldwork: {start} to {end}.", **dates)
    return words(
        "Fieldwork: {start} to {end}. The last entry in the data is of {last}.",
        **dates,
        last=words.date(page.data_until),
    )


def score_sentence(page: InstitutionPage, words: Words) -> str:
    """The index with its interval and its category, or why it is not shown."""
    index = page.figure("index")
    if index is None or page.category is None:
        return hidden_reason(page, words)
    level = next(level for level in page.categories.levels if level.code == page.category)
    chance = page.figure("category_probability", part=page.category)
    said = words(
        "The integrity index of {name} in {year} is {index} out of 100, with {level} confidence between {low} and "
        "{high}; this is the category {category} (chance that this category is right: {chance}).",
        name=short_name(page),
        year=year_label(page, words),
        index=words.number(index["estimate"]),
        level=words.percent(index["level"], 0),
        low=words.number(index["ci_low"]),
        high=words.number(index["ci_high"]),
        category=words.pick(level.label),
        chance=words.chance(None if chance is None else chance["estimate"]),
    )
    return " ".join([said, *_other_categories(page, words)])


def _other_categories(page: InstitutionPage, words: Words) -> list[str]:
    """The chances of all other categories; nothing where none are known."""
    rows = page.rows("category_probability").set_index("part")["estimate"]
    others = [level for level in page.categories.levels if level.code != page.category and level.code in rows]
    chances = words.listed(f"{words.pick(level.label)} {words.chance(rows[level.code])}" for level in others)
    return [words("Chances of the other categories: {chances}.", chances=chances)] if others else []


def change_sentence(page: InstitutionPage, words: Words) -> str:
    """What can be said of the change against the published year before."""
    change, earlier = page.figure("index_change"), page.figure("index_previous")
    previous = previous_index(page)
    if earlier is None and previous is None:
        return words("There is no published index of the year before to compare with.")
    if change is None:
        return words("No change is given, since the index of this round is not shown.")
    if earlier is not None:
        said = _change_words(OWN_ROUND, change, int(earlier["reference_year"]), float(earlier["estimate"]), words)
    else:
        assert previous is not None
        said = _change_words(PUBLISHED, change, *previous, words)
    chance = page.figure("change_probability")
    if chance is None:
        return said
    return f"{said} {words('The chance that the true index rose: {chance}.', chance=words.chance(chance['estimate']))}"


IN_SHORT = {
    "up": message(
        "Up {points} points from {before} in {year} (interval of the change {interval}): more than the chance of who "
        "was drawn and who answered usually explains."
    ),
    "down": message(
        "Down {points} points from {before} in {year} (interval of the change {interval}): more than the chance of who "
        "was drawn and who answered usually explains."
    ),
    "no_clear_change": message("No clear change on {year} ({before}): {signed} points (interval {interval})."),
}


def change_in_short(page: InstitutionPage, words: Words) -> str:
    """The change in one short sentence; nothing where none is known."""
    change, earlier, previous = page.figure("index_change"), page.figure("index_previous"), previous_index(page)
    if change is None:
        return ""
    if earlier is not None:
        return _change_words(IN_SHORT, change, int(earlier["reference_year"]), float(earlier["estimate"]), words)
    return "" if previous is None else _change_words(IN_SHORT, change, *previous, words)


OWN_ROUND = {
    "up": message(
        "Compared with the round of {year} ({before}), from the answers of both, it rose by {points} points "
        "(interval {interval})."
    ),
    "down": message(
        "Compared with the round of {year} ({before}), from the answers of both, it fell by {points} points "
        "(interval {interval})."
    ),
    "no_clear_change": message(
        "Compared with the round of {year} ({before}), from the answers of both, there is no clear change: {signed} "
        "points, and with the interval {interval} both a rise and a fall are possible."
    ),
}
PUBLISHED = {
    "up": message(
        "Compared with the index published by KPK for {year} ({before}) it rose by {points} points (interval "
        "{interval})."
    ),
    "down": message(
        "Compared with the index published by KPK for {year} ({before}) it fell by {points} points (interval "
        "{interval})."
    ),
    "no_clear_change": message(
        "Compared with the index published by KPK for {year} ({before}) there is no clear change: {signed} points, "
        "and with the interval {interval} both a rise and a fall are possible."
    ),
}


def _change_words(messages: dict[str, str], change: pd.Series, year: int, before: float, words: Words) -> str:
    return words(
        messages[direction_of(change["ci_low"], change["ci_high"])],
        year=year,
        before=words.number(before),
        points=words.number(abs(change["estimate"])),
        signed=words.signed(change["estimate"]),
        interval=words.interval(change["ci_low"], change["ci_high"]),
    )


def is_hidden(page: InstitutionPage, *measures: str) -> bool:
    """Whether a part of the page is empty because its figures are kept back with the index, not for want of any."""
    rows = page.figures[page.figures["measure"].isin(measures)]
    return page.figure("index") is None and len(rows) > 0 and not (rows["status"] == "shown").any()


def hidden_reason(page: InstitutionPage, words: Words) -> str:
    """Why no index is shown."""
    reason = page.withheld_reason
    return words(
        "The integrity index of {name} in {year} is not shown: {reason}.",
        name=short_name(page),
        year=year_label(page, words),
        reason=words(WITHHELD[reason]) if reason else _missing_reason(page, words),
    )


def _missing_reason(page: InstitutionPage, words: Words) -> str:
    """What the index lacks; it is not told whether nobody answered or too few to be shown."""
    if not page.missing_sources:
        return words("too few people answered")
    names = words.listed(words.value("source", source) for source in page.missing_sources)
    return words("there are no answers, or too few, of {sources}", sources=names)


def invited_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """Per source: drawn at random, or everybody invited."""
    probability = page.round.probability_sources
    nominated = page.round.nominated
    said = [
        (_drawn_experts if row["source"] in probability and row["source"] in nominated else _invited_sentence)(
            row, probability, words
        )
        for _, row in page.who.iterrows()
    ]
    return [sentence for sentence in said if sentence]


def _drawn_experts(row: pd.Series, _: list[Source], words: Words) -> str:
    """Nominated people who were drawn: the size of their list where it may be told."""
    source = words.value("source", row["source"])
    if pd.isna(row["eligible"]):
        return words("{source}: drawn at random from a list of names.", source=source)
    names = words.number(row["eligible"], 0)
    return words("{source}: drawn at random from a list of {names} names.", source=source, names=names)


def _invited_sentence(row: pd.Series, probability: list[Source], words: Words) -> str:
    source = words.value("source", row["source"])
    if pd.isna(row["invited"]):
        # Nothing may be said of numbers; of a panel it is known that everybody is invited.
        return "" if row["source"] in probability else words("{source}: the whole panel was invited.", source=source)
    facts = {
        "source": source,
        "eligible": words.number(row["eligible"], 0),
        "invited": words.number(row["invited"], 0),
    }
    if row["invited"] >= row["eligible"]:
        return words("{source}: all {eligible} people who could be drawn were invited.", **facts)
    return words("{source}: {invited} of the {eligible} people who could be drawn were drawn at random.", **facts)


CHANCE_BASIS = message(
    "A chance combines the answers of this round with the published years: the level of this institution, and how "
    "institutions of its type differ and change. So a score that is extreme by chance is not taken at face value."
)
CHANCE_OF_PANELS = message(
    "For chances, and for the change of the index, how far nominated experts differ is learnt from many panels: both "
    "may be more or less certain than the interval of the index suggests, which knows the experts of this round alone."
)


def quality_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """The method in brief, and what an interval does not cover."""
    design = page.setup.round
    basis = []
    if page.figure("index_repeated") is not None:
        basis = [words(CHANCE_BASIS), *([words(CHANCE_OF_PANELS)] if page.round.nominated else [])]
    return [
        " ".join(invited_sentences(page, words)),
        words(
            "Answers were weighted for unequal chances of selection, for groups that answered less, and to the "
            "make-up of the lists. The uncertainty was computed with {replicates} bootstrap replicates that repeat "
            "every step of the weighting.",
            replicates=design.replicates.n_replicates,
        ),
        words(
            "An interval tells how far chance in drawing and answering may have moved a figure. It does not cover "
            "untrue answers, nor people who did not answer because of what they know."
        ),
        *basis,
    ]


def index_note(page: InstitutionPage, words: Words) -> str:
    """How to read the chart, how many answers there are, and how much of the uncertainty the panels carry."""
    index = page.figure("index")
    if index is None:
        return ""
    dot = words(
        "The dot is the index of this round, the bar its interval. n = {n} answers.", n=words.number(index["n"], 0)
    )
    repeated = page.figure("index_repeated")
    again = [] if repeated is None else [_repeated_words(page, index, repeated, words)]
    named = nominator_sentence(page, words)
    return " ".join([dot, *panel_sentences(page, words), *again, *([] if named is None else [named])])


def panel_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """How much of the uncertainty the nominated panels carry, and what the interval would be without it."""
    answered = page.who.set_index("source")["answered"]
    said = [
        words(
            "{panel}: {k} answers carry {share} of the uncertainty.",
            panel=words.value("source", panel),
            k=words.number(float(answered[panel]), 0),
            share=words.percent(share["estimate"], 0),
        )
        for panel in page.round.nominated
        if (share := page.figure("index_variance_share", part=panel)) is not None
    ]
    return [*said, *_other_readings(page, words)] if said else []


def _other_readings(page: InstitutionPage, words: Words) -> Iterator[str]:
    """The interval of the index with panels taken as certain, and with drawn experts read as a panel."""
    texts = {
        "index_without_panel_variance": message(
            "With the panel's score taken as certain, the interval of the index would be {interval}."
        ),
        "index_panel_reading": message(
            "Read as a panel, as if their list were itself only a part of all who could have been asked, the interval "
            "of the index would be {interval}."
        ),
    }
    for measure, text in texts.items():
        row = page.figure(measure)
        if row is not None and (measure != "index_without_panel_variance" or page.round.panels):
            yield words(text, interval=words.interval(row["ci_low"], row["ci_high"]))


def nominator_sentence(page: InstitutionPage, words: Words) -> str | None:
    """Whether those whom the institution named judge it better than those whom the commission named; None: not told."""
    row = page.figure("nominator_difference")
    if row is None:
        return None
    facts = {
        "points": words.number(abs(row["estimate"]), 1),
        "interval": words.interval(row["ci_low"], row["ci_high"]),
        "n": words.number(row["n"], 0),
    }
    if row["ci_low"] <= 0 <= row["ci_high"]:
        return words(
            "No clear difference between the experts named by the institution and those named by the commission: the "
            "difference (the institution's less the commission's) may lie anywhere in {interval} points (n = {n}).",
            **facts,
        )
    better = message(
        "The experts named by the institution judge it better than those named by the commission, by {points} points "
        "({interval}; n = {n}): who puts names on the list moves the score."
    )
    worse = message(
        "The experts named by the institution judge it worse than those named by the commission, by {points} points "
        "({interval}; n = {n}): who puts names on the list moves the score."
    )
    text = better if row["ci_low"] > 0 else worse
    return words(text, **facts)


COUNTED = {
    True: message(
        "The interval of the index in the chart ({interval}) counts only who was drawn and who answered in this "
        "survey, experts included."
    ),
    False: message(
        "The interval of the index in the chart ({interval}) counts only who was drawn and who answered in this survey."
    ),
}


def _repeated_words(page: InstitutionPage, index: pd.Series, repeated: pd.Series, words: Words) -> str:
    """What the interval of the chart counts, and the wider one that also counts what changes from year to year."""
    own = words(COUNTED[bool(page.round.nominated)], interval=words.interval(index["ci_low"], index["ci_high"]))
    wider = words(
        "Counting also what changes from year to year (standard deviation {sd} points, sampling included), the index "
        "would lie between {low} and {high}.",
        sd=words.number(repeated["se"]),
        low=words.number(repeated["ci_low"]),
        high=words.number(repeated["ci_high"]),
    )
    return f"{own} {wider}"


def contact_note(page: InstitutionPage, words: Words) -> str:
    """What "with contact" means for each source: the question that decides it."""
    meanings = [
        words('{source}: answered "yes" to "{question}"', source=words.value("part", source), question=question)
        for source, question in contact_meanings(page, words)
    ]
    return words("With contact means: {meanings}.", meanings=words.listed(meanings))


def denominator(source: Source, code: str, words: Words) -> str:
    """Source and denominator of a rate."""
    return f"{words.value('part', source)}, {words.value('denominator', code)}"


RULE_OF_THRESHOLDS = message(
    "A recommendation stands here if a score lies below, or a rate among those with contact lies above, the "
    "threshold of its rule with a one-sided confidence of at least {certainty}; at most {most} are shown, the "
    "strongest evidence first."
)
RULE_OF_PEERS = message(
    "A recommendation stands here if a score lies below the median of the peers, or a rate among those with contact "
    "above the threshold of its rule, with a one-sided confidence of at least {certainty}; at most {most} are shown, "
    "the strongest evidence first."
)


def rule_sentence(page: InstitutionPage, words: Words) -> str:
    """When a recommendation is made."""
    asked = sorted({rule.when.certainty for rule in page.setup.rules.rules})
    return words(
        RULE_OF_PEERS if page.peers.yardsticks else RULE_OF_THRESHOLDS,
        certainty=words.listed(words.percent(certainty, 0) for certainty in asked),
        most=page.setup.round.recommendations.max_shown,
    )


TWO_RULES = message(
    "This confidence judges one figure by itself. The table of parts by strength of evidence is stricter, since it "
    'judges all parts at once: a part that is "not enough" there may still get a recommendation.'
)


def evidence_sentence(page: InstitutionPage, row: Any, rule: Recommendation, words: Words) -> str:
    """The figure that a recommendation rests on, with unit, denominator, interval, n and threshold."""
    is_rate = rule.when.kind == "rate_above"
    unit = "%" if is_rate else ""
    about = denominator(row.audience, "contacts", words) if is_rate else words.value("part", row.audience)
    is_peers = not is_rate and (row.audience, row.measure) in page.peers.yardsticks
    threshold = words.number(row.threshold, 1) if is_peers else words.exact(row.threshold) + unit
    below = message("below the peers' median of {x}") if is_peers else message("below the threshold of {x}")
    return words(
        "Evidence: {what} ({about}) {value} (interval {interval}, n = {n}); {threshold}, confidence {certainty}. "
        "Basis: {reference}.",
        what=measure_label(page.setup.instrument, row.audience, row.measure, words),
        about=about,
        value=words.number(row.estimate, 1) + unit,
        interval=words.interval(row.ci_low, row.ci_high, 1, unit),
        n=words.number(row.n, 0),
        threshold=words("above the threshold of {x}", x=threshold) if is_rate else words(below, x=threshold),
        certainty=words.chance(row.certainty),
        reference=rule.reference,
    )


# Words and rows that several parts of the page share.


def finding(make: Callable[[Words], str]) -> Shown:
    """A finding as the first sentence of its section; nothing where there is none."""

    def said(words: Words) -> str:
        text = make(words)
        return f'<p class="finding"><strong>{escape(text)}</strong></p>' if text else ""

    return show(said)


def not_yet(make: Callable[[Words], str]) -> Shown:
    """A sentence in the place of what is not known; the page leaves out the lead-in above it."""
    return show(lambda words: f'<p class="not-yet">{escape(make(words))}</p>')


def short_name(page: InstitutionPage) -> str:
    """The institution's name as people say it."""
    return readable(page.institution.name)


def previous_index(page: InstitutionPage) -> tuple[int, float] | None:
    """Year and published index of the year before, if there is one."""
    rows = page.history[page.history["year"] == page.setup.round.previous_year]
    return None if rows.empty else (int(rows.iloc[0]["year"]), float(rows.iloc[0]["index"]))


def dimension_rows(page: InstitutionPage, words: Words) -> pd.DataFrame:
    """The dimensions with their labels, lowest score first, hidden ones last."""
    rows = page.rows("dimension_score")
    parts = zip(rows["source"], rows["part"], strict=True)
    rows["label"] = [part_label(page.setup.instrument, source, part, words) for source, part in parts]
    return rows.sort_values(["estimate", "label"], na_position="last").reset_index(drop=True)


def experience_labels(page: InstitutionPage) -> dict[str, Text]:
    """Short words for every experience item."""
    return {item.code: item.label for part in page.setup.instrument.sources.values() for item in part.experiences}


def contact_meanings(page: InstitutionPage, words: Words) -> list[tuple[Source, str]]:
    """Per source with experience items: the question whose "yes" makes the second denominator."""
    return [
        (source, words.pick(contact.text))
        for source, part in page.setup.instrument.sources.items()
        for contact in part.contacts
        if any(item.contact == contact.code for item in part.experiences)
    ]


def open_link_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """How many answered by open link, outside the score; nothing where nobody did."""
    if page.opened.empty:
        return []
    few = words("fewer than {least}", least=page.setup.round.disclosure.min_cell)
    told = [
        f"{words.value('source', source)}: {few if n != n else words.number(n, 0)}" for source, n in page.opened.items()
    ]
    return [
        words(
            "Answers by open link (QR), not in the score: {counts}. Whoever found the link could answer; the score "
            "rests on people drawn at random.",
            counts=words.listed(told),
        )
    ]


def modes_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """How many were asked by interviewers; nothing where all answered over the web."""
    interviewed = page.modes.drop(columns=WEB)
    told = [
        words("{source}: {mode}, {n} people", n=words.number(n, 0), mode=words.value("mode", mode).lower(),
              source=words.value("source", source))
        for (source, mode), n in interviewed.stack().items()
        if n > 0
    ]  # fmt: skip
    unsaid = page.modes.isna().any(axis=None)
    if not told and not unsaid:
        return []
    counts = words("Not everybody answered over the web: {modes}.", modes=words.listed(told)) if told else words(
        "Not everybody answered over the web; how many did is not shown, since they are few."
    )  # fmt: skip
    together = words(
        "All answers count together. Whoever speaks with an interviewer may answer otherwise than alone; this is not "
        "corrected."
    )
    return [f"{counts} {together}"]
