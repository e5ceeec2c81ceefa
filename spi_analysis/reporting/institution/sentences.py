"""What the page says in sentences."""

from __future__ import annotations

from spi_analysis.reporting.institution.labels import dimension_rows, previous_index, short_name
from spi_analysis.reporting.wording import MISSING, Words, message
from spi_analysis.scores.change import verdict_of
from spi_analysis.stages.report import InstitutionPage

WITHHELD = {
    "insufficient_sample": message("too few people answered"),
    "conduct": message("the survey's conduct was not sound"),
    "did_not_take_part": message("the institution did not take part"),
    "secrecy": message("the institution's work is secret"),
}


def opening_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """The sentences that open the page."""
    return [_score_sentence(page, words), change_sentence(page, words), _look_first_sentence(page, words)]


def _score_sentence(page: InstitutionPage, words: Words) -> str:
    index = page.figure("index")
    if index is None or page.category is None:
        return hidden_reason(page, words)
    level = next(level for level in page.setup.round.categories.levels if level.code == page.category)
    chance = page.figure("category_probability", domain=page.category)
    return words(
        "The integrity index of {name} in {year} is {index} out of 100, with {level} confidence between {low} and "
        "{high}; this is the category {category} (chance that this category is right: {chance}).",
        name=short_name(page),
        year=page.setup.round.year,
        index=words.number(index["estimate"]),
        level=words.percent(index["level"], 0),
        low=words.number(index["ci_low"]),
        high=words.number(index["ci_high"]),
        category=words.pick(level.label),
        chance=MISSING if chance is None else words.percent(chance["estimate"], 0),
    )


def change_sentence(page: InstitutionPage, words: Words) -> str:
    """What can be said of the change against the published year before."""
    change = page.figure("index_change")
    previous = previous_index(page)
    if change is None or previous is None:
        return words("There is no published index of the year before to compare with.")
    messages = {
        "up": message(
            "Compared with the published index of {year} ({before}) it rose by {points} points (interval {interval})."
        ),
        "down": message(
            "Compared with the published index of {year} ({before}) it fell by {points} points (interval {interval})."
        ),
        "no_clear_change": message(
            "Compared with the published index of {year} ({before}) there is no clear change: {signed} points, and "
            "with the interval {interval} both a rise and a fall are possible."
        ),
    }
    return words(
        messages[verdict_of(change["ci_low"], change["ci_high"])],
        year=previous[0],
        before=words.number(previous[1]),
        points=words.number(abs(change["estimate"])),
        signed=words.signed(change["estimate"]),
        interval=words.interval(change["ci_low"], change["ci_high"]),
    )


def _look_first_sentence(page: InstitutionPage, words: Words) -> str:
    rows = dimension_rows(page, words)
    rows = rows[rows["status"] == "shown"]
    if rows.empty:
        return words("No dimension has enough answers to be shown.")
    lowest = rows.iloc[0]
    return words(
        "Look first at {dimension}: with {score} (interval {interval}) it has the lowest score of the {count} "
        "dimensions.",
        dimension=lowest["label"],
        score=words.number(lowest["estimate"], 1),
        interval=words.interval(lowest["ci_low"], lowest["ci_high"], 1),
        count=len(rows),
    )


def hidden_reason(page: InstitutionPage, words: Words) -> str:
    """Why no index is shown."""
    reason = page.inputs.withheld_reason
    return words(
        "The integrity index of {name} in {year} is not shown: {reason}.",
        name=short_name(page),
        year=page.setup.round.year,
        reason=words(WITHHELD[reason] if reason else "too few people answered"),
    )


def quality_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """The method in brief, and what an interval does not cover."""
    design = page.setup.round
    return [
        words(
            "Employees and service users were drawn at random from the institution's own lists; everyone on the expert "
            "panel was invited. Answers were weighted for unequal chances of selection, for groups that answered less, "
            "and to the make-up of the lists. The uncertainty was computed with {replicates} bootstrap replicates that "
            "repeat every step of the weighting.",
            replicates=design.replicates.n_replicates,
        ),
        words(
            "An interval tells how far chance in drawing and answering may have moved a figure. It does not cover "
            "untrue answers, nor people who stayed silent because of what they know."
        ),
    ]


def index_note(page: InstitutionPage, words: Words) -> str:
    """How many answers there are, and how much of the uncertainty the experts carry."""
    index, without = page.figure("index"), page.figure("index_without_panel_variance")
    share = page.figure("index_variance_share", source="expert")
    if index is None or without is None or share is None:
        return ""
    return words(
        "n = {n} answers. The {k} experts carry {share} of the uncertainty; if their score were taken as certain, "
        "the interval would be {interval}.",
        n=words.number(index["n"], 0),
        k=words.number(float(page.who.set_index("source").loc["expert", "answered"]), 0),
        share=words.percent(share["estimate"], 0),
        interval=words.interval(without["ci_low"], without["ci_high"]),
    )
