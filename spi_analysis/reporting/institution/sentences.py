"""What the page says in sentences."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import Source, Text
from spi_analysis.reporting import Words, message, part_label, readable
from spi_analysis.scores import direction_of
from spi_analysis.stages import InstitutionPage

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
    return words(
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
    "up": message("Up {points} points on {year} ({before}), more than chance explains."),
    "down": message("Down {points} points on {year} ({before}), more than chance explains."),
    "no_clear_change": message("No clear change on {year} ({before}): {signed} points, which may be chance."),
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
        "Compared with the index published by KPK for {year} ({before}) it rose by {points} points "
        "(interval {interval})."
    ),
    "down": message(
        "Compared with the index published by KPK for {year} ({before}) it fell by {points} points "
        "(interval {interval})."
    ),
    "no_clear_change": message(
        "Compared with the index published by KPK for {year} ({before}) there is no clear change: {signed} "
        "points, and with the interval {interval} both a rise and a fall are possible."
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
    probability = page.setup.round.probability_sources
    said = [_invited_sentence(row, probability, words) for _, row in page.who.iterrows()]
    return [sentence for sentence in said if sentence]


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
        return words("{source}: all {eligible} people on the list were invited.", **facts)
    return words("{source}: {invited} of the {eligible} people on the list were drawn at random.", **facts)


CHANCE_BASIS = message(
    "A chance counts the answers of this round together with the published years: those of this institution, and how "
    "institutions of its type lie and move. So a score that stands out by luck is not taken at its word."
)


def quality_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """The method in brief, and what an interval does not cover."""
    design = page.setup.round
    basis = [words(CHANCE_BASIS)] if page.figure("index_repeated") is not None else []
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
    again = [] if repeated is None else [_repeated_words(repeated, words)]
    return " ".join([dot, *panel_sentences(page, words), *again])


def panel_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """How much of the uncertainty the nominated panels carry, and what the interval would be without it."""
    without = page.figure("index_without_panel_variance")
    answered = page.who.set_index("source")["answered"]
    said = [
        words(
            "{panel}: {k} answers carry {share} of the uncertainty.",
            panel=words.value("source", panel),
            k=words.number(float(answered[panel]), 0),
            share=words.percent(share["estimate"], 0),
        )
        for panel in page.setup.round.panels
        if (share := page.figure("index_variance_share", part=panel)) is not None
    ]
    if not said or without is None:
        return []
    limits = words.interval(without["ci_low"], without["ci_high"])
    return [*said, words("If this were taken as certain, the interval would be {interval}.", interval=limits)]


def _repeated_words(repeated: pd.Series, words: Words) -> str:
    return words(
        "The interval counts this round's sample and panel only. If the survey were done again, what does not last "
        "from one published year to the next (standard deviation {sd} points) would count too: the interval would be "
        "{interval}.",
        sd=words.number(repeated["se"]),
        interval=words.interval(repeated["ci_low"], repeated["ci_high"]),
    )


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


# Words and rows that several parts of the page share.


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
