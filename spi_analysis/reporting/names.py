"""Names of institutions (published tables write them in capitals) and of parts of a score, and the glossary."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pandas as pd

from spi_analysis.params import CategoryParams, Frozen, Instrument, Language, Roster, Source, Text, read_yaml, validate
from spi_analysis.reporting.wording import Words, message

GLOSSARY = Path(__file__).parent / "glossary.yaml"
# Abbreviations that stand in names outside brackets. Those inside brackets are capitals anyway.
_CAPITALS = {"BPN", "BUMN", "DKI", "DPD", "DPR", "KPK", "MPR", "RI", "TNI", "TVRI", "UKM"}
# As their owners write them.
_OWN_SPELLING = {"BASARNAS": "Basarnas", "BAPETEN": "Bapeten", "LEMHANAS": "Lemhanas", "POLRI": "Polri",
                 "KOMNAS": "Komnas", "KESEHATAN": "Kesehatan", "KETENAGAKERJAAN": "Ketenagakerjaan"}  # fmt: skip
_SMALL = {"DAN", "DI", "UNTUK"}
_WORD = re.compile(r"[^\W\d_]+")
# Why somebody on a list may not be drawn (stage `announce`).
EXCLUDED = {
    "ineligible_tenure": message("too short in the institution"),
    "ineligible_unit_tenure": message("too short in the unit"),
    "ineligible_main_work": message("main work elsewhere"),
    "ineligible_position": message("a position that is not asked"),
    "ineligible_service_date": message("served too long ago"),
    "self_registered": message("registered themselves, not on a list"),
    "not_eligible": message("not to be invited"),
    "several": message("several reasons together"),
}

# What is looked at in a list experiment (``survey.list_checks``).
CHECK = "check"
CHECKS = {
    "design_effect": message("the longer list changed other answers (least share of a type)"),
    "refusals": message("no number given, long list minus short list"),
    "floor": message("nothing of the short list applies"),
    "ceiling": message("everything of the short list applies"),
    "placebo_yes": message("those who said yes, difference of the lists less one"),
    "placebo_arm": message("said yes directly, long list minus short list"),
}


def readable(name: str) -> str:
    """``"SEKRETARIAT JENDERAL DPR RI"`` as "Sekretariat Jenderal DPR RI"; without "Pemerintah" in front."""
    if name.isupper():
        inside = [range(*match.span()) for match in re.finditer(r"\(.*?\)", name)]
        name = _WORD.sub(lambda m: _spelt(m.group(), any(m.start() in part for part in inside), m.start() == 0), name)
    return name.removeprefix("Pemerintah ")


def _spelt(word: str, bracketed: bool, first: bool) -> str:
    if word in _OWN_SPELLING:
        return _OWN_SPELLING[word]
    if bracketed or word in _CAPITALS:
        return word
    return word.lower() if word in _SMALL and not first else word.capitalize()


def institution_names(published: pd.DataFrame, roster: Roster) -> dict[str, str]:
    """Code -> readable name: as the roster has it, else as the latest published year wrote it."""
    latest = published.sort_values("year").drop_duplicates("institution_id", keep="last")
    names = {row.institution_id: readable(row.institution) for row in latest.itertuples()}
    return names | {i: readable(roster[i].name) for i in roster.ids()}


def measure_label(instrument: Instrument, source: Source, measure: str, words: Words) -> str:
    """Words for a dimension, an experience item or a question of a module; the text of a score item."""
    part = instrument.sources[source]
    labels = {d.code: d.label for d in part.dimensions} | {e.code: e.label for e in part.experiences}
    labels |= {item.code: item.text for item in instrument.items(source)}
    labels |= {question.code: question.label for question in part.modules.questions}
    # The full stop of a statement would stand in the middle of a sentence of the page.
    return words.pick(labels[measure]).removesuffix(".")


def part_label(instrument: Instrument, source: Source, measure: str, words: Words) -> str:
    """A dimension or an experience item with its source, such as "Budget (Internal)"; a question as below."""
    about = [words.value("part", source), *_turned(instrument, source, measure, words)]
    return f"{measure_label(instrument, source, measure, words)} ({'; '.join(about)})"


def question_label(instrument: Instrument, source: Source, code: str, words: Words) -> str:
    """A statement; of one that is bad to agree with, which answers are good: "89 %" is no share that agrees."""
    label = measure_label(instrument, source, code, words)
    return " ".join([label, *(f"({said})" for said in _turned(instrument, source, code, words))])


def _turned(instrument: Instrument, source: Source, code: str, words: Words) -> list[str]:
    """The favourable answers to a score item whose low end is the good one; nothing of others."""
    item = next((item for item in instrument.items(source) if item.code == code), None)
    if item is None or item.direction == "positive":
        return []
    scale = instrument.scales[item.scale]
    good = range(scale.minimum, scale.minimum + instrument.ends(item))
    answers = [words.pick(scale.labels[one]).lower() for one in good if one in scale.labels]
    return [words("favourable: {answers}", answers=", ".join(answers))]


class Entry(Frozen):
    """A term and its explanation."""

    term: Text
    text: Text


class Glossary(Frozen):
    """All terms, in the order in which a reader meets them."""

    entries: list[Entry]


@cache
def _glossary() -> Glossary:
    return validate(Glossary, read_yaml(GLOSSARY, GLOSSARY.name), GLOSSARY.name)


def glossary_entries(categories: CategoryParams, words: Words) -> list[tuple[str, str]]:
    """Terms and explanations in a language; ``{categories}`` in them is what the round's thresholds say."""
    said = {"categories": category_limits(categories, words)}
    return [(words.pick(entry.term), words.pick(entry.text).format(**said)) for entry in _glossary().entries]


def category_limits(categories: CategoryParams, words: Words) -> str:
    """Which index makes which category, from the lowest up."""
    lower, said = None, []
    for level in categories.levels:
        low, high = words.exact(lower), words.exact(level.below)
        name = words.pick(level.label)
        if lower is None:
            said.append(words("{name} below {high}", name=name, high=high))
        elif level.below is None:
            said.append(words("{name} from {low} on", name=name, low=low))
        else:
            said.append(words("{name} from {low} to below {high}", name=name, low=low, high=high))
        lower = level.below
    return ", ".join(said)


def card_name(language: Language) -> str:
    """Name of the picture that goes with a link to a report."""
    return f"card.{language}.png"
