"""Words and numbers in a language: catalogues (`translations`), and Babel for numbers and dates."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import zip_longest
from textwrap import fill
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, format_percent, parse_pattern

from spi_analysis.columns import LABELS, VALUES, Label
from spi_analysis.params import Language, Text
from spi_analysis.reporting.translations import (
    COMPLETE,
    fallen_back,
    languages,
    own_words,
    translation,
    without_marks,
)
from spi_analysis.stages import PANEL
from spi_analysis.survey import SEPARATOR, UNKNOWN_LEVEL
from spi_analysis.tables import P_DECIMALS, PAGE_DECIMALS, rounded

# The language that messages are written in.
MESSAGES = COMPLETE[-1]
MISSING = "–"
# Behind a figure that rests on little.
WEAK = "*"
# Whose dates are written with the day first, as in Indonesian.
DAY_FIRST = {"en": "en_GB"}
# Chances below this are written as "below".
NEARLY_NEVER = 0.01
# Between the columns of cells, as a step of the weighting names what it merged.
CROSSED = " x "
# Columns whose codes occur in the labels of strata and classes.
CLASSES = ("position_class", "sex", "age_group")


@dataclass(frozen=True)
class Words:
    """Everything that depends on the language."""

    language: Language

    def __call__(self, message: str, **values: Any) -> str:
        """The message in this language, with its {placeholders} filled in."""
        text = self._message(message) if message else ""
        return text.format(**values) if values else text

    def _message(self, message: str) -> str:
        if self.language == MESSAGES:
            return message
        return translation(message, self.language) or fallen_back(message, self.language)

    def pick(self, text: Text) -> str:
        """The words of a parameter file in this language."""
        return text.get(self.language) or self._message(text.en)

    def value(self, column: str, code: object) -> str:
        """Human words for a code of a column; the code itself where there are none (such as names of units)."""
        if code == UNKNOWN_LEVEL:
            return self("not known")
        if (own := own_words(column, str(code))) is not None:
            return self.pick(own)
        label = VALUES.get(column, {}).get(str(code))
        return str(code) if label is None else self._label(label)

    def column(self, name: str) -> str:
        """Human words for a column, or for several that make cells; a column that a recipe names is called so."""
        if CROSSED in name:
            return SEPARATOR.join(map(self.column, name.split(CROSSED)))
        return self._label(LABELS[name]) if name in LABELS else name

    def _label(self, label: Label) -> str:
        return label.get(self.language) or self._message(label.en)

    def cell(self, label: str) -> str:
        """A stratum or class label (joined codes) in human words."""
        return SEPARATOR.join(self._part(part) for part in label.split(SEPARATOR))

    def _part(self, part: str) -> str:
        if part == PANEL:
            return self("the whole panel")
        code, mark, others = part.partition(" (+")
        known = next((c for c in CLASSES if code in VALUES[c]), "unit")
        return self.value(known, code) + mark + others

    def number(self, x: float | None, decimals: int = PAGE_DECIMALS) -> str:
        """A number with the language's decimal mark; a dash where there is none."""
        if x is None or math.isnan(x):
            return MISSING
        return _decimal(rounded(x, decimals), decimals, self.language)

    def exact(self, x: float | None) -> str:
        """A number that somebody set, such as a limit or a target: as many decimals as it has, at most two."""
        if x is None or math.isnan(x):
            return MISSING
        return self.number(x, next((d for d in (0, 1) if round(x, d) == round(x, 2)), 2))

    def signed(self, x: float | None, decimals: int = PAGE_DECIMALS) -> str:
        """A number with its sign, also when it is positive."""
        if x is None or math.isnan(x):
            return MISSING
        text = self.number(x, decimals)
        return text if text.startswith("−") or float(round(x, decimals)) == 0 else f"+{text}"

    def percent(self, share: float | None, decimals: int = 1) -> str:
        """A share (0-1) in percent."""
        if share is None or math.isnan(share):
            return MISSING
        return _percent(rounded(share, decimals + 2), decimals, self.language)

    def chance(self, probability: float | None) -> str:
        """A probability in whole percent; never 0% or 100%, which nothing estimated is."""
        if probability is None or math.isnan(probability):
            return MISSING
        if probability < NEARLY_NEVER:
            return "< " + self.percent(NEARLY_NEVER, 0)
        if probability > 1 - NEARLY_NEVER:
            return "> " + self.percent(1 - NEARLY_NEVER, 0)
        return self.percent(probability, 0)

    def p_value(self, p: float | None) -> str:
        """A p value; never 0."""
        least = 10.0**-P_DECIMALS
        return "< " + self.number(least, P_DECIMALS) if p is not None and p < least else self.number(p, P_DECIMALS)

    def interval(self, low: float | None, high: float | None, decimals: int = PAGE_DECIMALS, unit: str = "") -> str:
        """Both limits of an interval, each with its unit (such as "%")."""
        if low is None or high is None or math.isnan(low) or math.isnan(high):
            return MISSING
        return self("{low} to {high}", low=self.number(low, decimals) + unit, high=self.number(high, decimals) + unit)

    def give_or_take(self, x: float, low: float, high: float, decimals: int = PAGE_DECIMALS) -> str:
        """A figure with its interval: as ± where that gives both limits as they are written, else with these."""
        half, shown = rounded(high - x, decimals), rounded(x, decimals)
        ends = [rounded(end, decimals) for end in (low, high)]
        is_even = [rounded(shown - half, decimals), rounded(shown + half, decimals)] == ends
        around = f"± {self.number(half, decimals)}" if is_even else self.interval(low, high, decimals)
        return f"{self.number(x, decimals)} ({around})"

    def date(self, day: dt.date) -> str:
        """A date in full."""
        return format_date(day, "long", locale=DAY_FIRST.get(self.language, self.language))

    def day(self, day: dt.date) -> str:
        """Day and month, short, for the axis of a chart."""
        return format_date(day, "d MMM", locale=DAY_FIRST.get(self.language, self.language))

    def listed(self, names: Iterable[str]) -> str:
        """Names one after the other; semicolons, since names hold commas."""
        return "; ".join(names)


def message(text: str) -> str:
    """Marks a message that is looked up later, so that the catalogues know of it."""
    return text


@cache
def words(language: Language) -> Words:
    """Words of a language."""
    return Words(language)


class Widest(str):
    """What matplotlib sees of a phrase; ``str()`` keeps it as it is, so that its other languages are not lost."""

    phrase: Phrase

    def __str__(self) -> str:
        return self

    def split(self, *separator: Any) -> list[str]:
        """Lines (matplotlib draws each alone), as many as the language with the most needs."""
        lines = zip_longest(*(text.split(*separator) for text in self.phrase.texts), fillvalue="")
        return [str(Phrase(line)) for line in lines]


@dataclass(frozen=True, order=True)
class Phrase:
    """A text in every language, where a picture or a table is made once for all of them."""

    texts: tuple[str, ...]

    def say(self, words: Words) -> str:
        return self.texts[languages().index(words.language)]

    def is_fallback(self, words: Words) -> bool:
        """Whether these are the English words for want of others."""
        if words.language in COMPLETE or MESSAGES not in languages():
            return False
        own = self.say(words)
        return own == self.texts[languages().index(MESSAGES)] and any(map(str.isalpha, own))

    def folded(self, letters: int) -> Phrase:
        """In lines of so many letters."""
        return Phrase(tuple(fill(text, letters) for text in self.texts))

    def lines(self) -> list[str]:
        """The lines, as many as the language with the most needs."""
        return str(self).split("\n")

    def __str__(self) -> str:
        widest = Widest(max(self.texts, key=len))
        widest.phrase = self
        return widest


def phrase(text: object | Callable[[Words], str]) -> Phrase:
    """A text in every language: by ``text(words)``, or the same in all."""
    if isinstance(text, Phrase | Widest):
        return text.phrase if isinstance(text, Widest) else text
    told = (text(words(language)) if callable(text) else str(text) for language in languages())
    return Phrase(tuple(map(without_marks, told)))


def phrases(texts: Callable[[Words], Iterable[object]]) -> list[Phrase]:
    """The texts of a column, each in every language."""
    told = [[without_marks(str(text)) for text in texts(words(language))] for language in languages()]
    return [Phrase(row) for row in zip(*told, strict=True)]


@cache
def _pattern(decimals: int, sign: str = "") -> NumberPattern:
    """How a number is written; read once, not at every number."""
    return parse_pattern("#,##0" + ("." + "0" * decimals if decimals else "") + sign)


# A page and its files write the same figures over and over.
@lru_cache(maxsize=2**15)
def _decimal(figure: float, decimals: int, language: Language) -> str:
    return format_decimal(figure, _pattern(decimals), locale=_locale(language)).replace("-", "−")


@lru_cache(maxsize=2**15)
def _percent(share: float, decimals: int, language: Language) -> str:
    return format_percent(share, _pattern(decimals, "%"), locale=_locale(language))


@cache
def _locale(language: Language) -> Locale:
    return Locale.parse(language)
