"""What the cells of one item's column mean: a decision on the column first, then its cells.

A column has one scale. What the file says of it (value labels, values declared missing) and what its cells say
("1 - Sangat setuju") decides what its numbers mean; where number and word disagree there is no answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from spi_analysis.params import Scale, normalised
from spi_analysis.tables import Reading, mask_text, text_of
from spi_analysis.tables.importing.platforms import LIMESURVEY

OUT_OF_SCALE = "answer_out_of_scale"
DISAGREES = "answer_disagrees_with_its_label"
ANOTHER_SCALE = "answer_of_another_scale"
DECLARED_MISSING = "answer_declared_missing"
NUMBERS_RENAMED = "numbers_renamed"
NUMBERS_OUTSIDE = "numbers_of_another_scale"
LABELS_DECIDE = "labels_decide"
CODES_IN_ORDER = "codes_in_order"
# What is wrong with the whole column, not with single cells.
OF_COLUMN = (NUMBERS_RENAMED, NUMBERS_OUTSIDE)
# What leaves a cell unread until somebody says what it means.
UNSETTLED = (*OF_COLUMN, OUT_OF_SCALE, DISAGREES, ANOTHER_SCALE)
# Stands for a code that only a person can give.
FILL_IN = "FILL_IN"
# In a column of typed answers a few cells are slips of the pen; more are another scale. Exports hold none at all.
SLIP_SHARE = 0.05
MOST_SLIPS = 2
# Codes that surveys give to "not applicable" and the like (77, 88, 99, 998): no sign of another scale.
_NO_ANSWER = re.compile(r"([789])\1+|9+[5-8]")
_NUMBER = re.compile(r"(\d{1,9})(?:\.0+)?")
_SIGNED = re.compile(r"[-+]\s*\d")
_LETTER = re.compile(r"[^\W\d_]")
_ANSWERS_OF_YES_NO = {"true": 1, "false": 0}


class Answer(NamedTuple):
    """The parts of a cell or label: its numbers, whether it holds a word, and the code that the word stands for."""

    numbers: frozenset[int] = frozenset()
    has_word: bool = False
    code: int | None = None


class AnswerColumn:
    """The answers of one item in one file.

    Parameters
    ----------
    cells : iterable        all cells of the column: together they show its scale
    labels, missing         what the file says itself (SPSS): words by value, values that are declared missing
    more_words : mapping    code -> further words for it, from the mapping file; they go before all else
    own_codes : bool        the instrument was written for the numbers of this very file: a word that it does not
        know says nothing against its number
    """

    def __init__(
        self,
        scale: Scale,
        cells: Iterable[object],
        labels: Mapping[object, str] | None = None,
        missing: Collection[object] = (),
        more_words: Mapping[int, Iterable[str]] | None = None,
        *,
        own_codes: bool = False,
    ) -> None:
        self.scale, self.missing, self.own_codes = scale, frozenset(missing), own_codes
        self.valid = {*range(scale.minimum, scale.maximum + 1), *scale.missing}
        self.expected = f"{scale.minimum}-{scale.maximum}, {', '.join(map(str, sorted(scale.missing)))}"
        self.words = {
            normalised(label): code for code, text in scale.labels.items() for label in text.by_language().values()
        }
        # A label that is a number alone ("5") says no more than the number.
        self.words = {word: code for word, code in self.words.items() if not word.isdecimal()}
        if (scale.minimum, scale.maximum) == (0, 1):
            self.words |= _ANSWERS_OF_YES_NO
        self.named = set(self.words.values())
        self.given = {normalised(word): code for code, words in (more_words or {}).items() for word in words}
        self.words |= {word: code for word, code in self.given.items() if not word.isdecimal()}
        self.label_texts = {value: text for value, text in (labels or {}).items() if _LETTER.search(text)}
        self.labels = {value: self._parts(text) for value, text in self.label_texts.items()}
        # The kind belongs to the key: True and 1 are equal to Python, but not the same answer.
        self.counts = Counter((type(cell), cell) for cell in cells if cell is not None and cell == cell)
        self.doubt, self.outside = self._judge(self.counts)
        self._readings = {key: self._read(key[1]) for key in self.counts}

    def reading(self, cell: object) -> Reading:
        """The code of a cell of the column as a float, or what is wrong with it; nothing of both for an empty one."""
        return Reading() if cell is None or cell != cell else self._readings[type(cell), cell]

    def unsettled(self) -> dict[str, int]:
        """What cells say, with their number, of a column that cannot be read before a person says what they mean.

        {} for a column that can: then a few cells without a meaning are slips.
        """
        odd = [
            (cell, rows)
            for (kind, cell), rows in self.counts.items()
            if self._readings[kind, cell].problem in UNSETTLED and not _is_no_answer(text_of(cell))
        ]
        many = _rows(odd) > MOST_SLIPS and _rows(odd) >= SLIP_SHARE * sum(self.counts.values())
        found: Counter[str] = Counter()
        for cell, rows in odd if self.doubt or many else []:
            found[self._said(cell)] += rows
        return dict(found)

    def proposed(self) -> dict[int | str, list[str]]:
        """Code -> what cells say, for a mapping file; FILL_IN where neither words nor labels give the code."""
        parts = {text: self._parts(text) for text in self.unsettled()}
        told = {number: part.code for part in parts.values() if part.code is not None for number in part.numbers}
        found: dict[int | str, list[str]] = {}
        for text, part in parts.items():
            code = told.get(_bare(text) or 0) if part.code is None else part.code
            found.setdefault(FILL_IN if code is None else code, []).append(text)
        return found

    def _said(self, cell: object) -> str:
        """The word of a cell: the file's label for it, or its own text."""
        return self.label_texts[cell] if self._is_labelled(cell) and cell in self.label_texts else text_of(cell)

    def details(self, problem: str, cell: object) -> dict[str, object]:
        """What fills the braces of a problem's reason."""
        if problem == NUMBERS_OUTSIDE:
            return {"expected": self.expected, "numbers": self.outside}
        return {"expected": self.expected, "label": mask_text(self._said(cell))}

    def renamed(self) -> str:
        """The values that the file's labels call otherwise than the instrument, "" if there is none."""
        return ", ".join(
            f"{text_of(value)} = {mask_text(self.label_texts[value])}"
            for value, label in self.labels.items()
            if value not in self.missing and self._agrees(label) and label.code not in (None, _bare(value))
        )

    def _is_labelled(self, cell: object) -> bool:
        # True would be found under 1.
        return not isinstance(cell, bool) and cell in self.labels

    def _is_missing(self, cell: object) -> bool:
        return not isinstance(cell, bool) and cell in self.missing

    def _parts(self, text: str) -> Answer:
        """The word of a text, without remarks in brackets where it is ours only so, and the numbers beside it."""
        text = re.sub(r"(?<=\d)\.0+(?!\d)", "", text)
        found = self._around(normalised(text).split())
        if found.code is None and "(" in text:
            bare = self._around(normalised(re.sub(r"\(.*?\)", " ", text)).split())
            if bare.code is not None:
                return bare._replace(numbers=frozenset(int(number) for number in re.findall(r"\d{1,9}", text)))
        return found

    def _around(self, words: list[str]) -> Answer:
        """The word with as few numbers at its ends as leave one that is ours; else all numbers at the ends."""
        for first, last in ((0, 0), (1, 0), (0, 1), (1, 1)):
            inner, outer = words[first : len(words) - last], [*words[:first], *words[len(words) - last :]]
            if inner and " ".join(inner) in self.words and all(map(_is_number, outer)):
                return Answer(frozenset(map(int, outer)), True, self.words[" ".join(inner)])
        ends = {word for word in (*words[:1], *words[-1:]) if _is_number(word)}
        return Answer(frozenset(map(int, ends)), any(_LETTER.search(word) for word in words))

    def _agrees(self, answer: Answer, *numbers: int | None) -> bool:
        """Whether all numbers are the code of the word, where it is ours."""
        return answer.code is None or {answer.code} >= {*answer.numbers, *numbers} - {None}

    def _contradicts(self, answer: Answer, *numbers: int | None) -> bool:
        """Whether a word gives its numbers another meaning than ours. No words are ours for a code without label."""
        if answer.code is None and answer.has_word:
            return not self.own_codes and not self.named.isdisjoint({*answer.numbers, *numbers})
        return not self._agrees(answer, *numbers)

    def _label_contradicts(self, value: object) -> bool:
        """Whether a label of the file renames its number; what it calls our codes for no answer does not matter."""
        label, number = self.labels[value], _bare(value)
        harmless = label.code is None and number in self.scale.missing
        return not (self._is_missing(value) or harmless) and self._contradicts(label, number)

    def _judge(self, counts: Mapping[tuple[type, object], int]) -> tuple[str, str]:
        """Why the column's bare numbers are no codes of ours ("" if they are), and the numbers that show it."""
        if any(self._label_contradicts(value) for value in self.labels):
            return NUMBERS_RENAMED, ""
        own = [(cell, rows) for (_, cell), rows in counts.items() if not self._is_declared(cell)]
        odd = [entry for entry in own if _bare(entry[0]) is None and self._contradicts(self._parts(text_of(entry[0])))]
        if odd and _rows(odd) >= SLIP_SHARE * sum(counts.values()):
            return NUMBERS_RENAMED, ""
        numbers = [(number, rows) for cell, rows in own if (number := _bare(cell)) is not None]
        outside = [(number, rows) for number, rows in numbers if number not in self.valid and not _is_no_answer(number)]
        others = _rows(outside)
        if others > MOST_SLIPS and others >= SLIP_SHARE * _rows(numbers):
            return NUMBERS_OUTSIDE, ", ".join(map(str, sorted({number for number, _ in outside})))
        return "", ""

    def _is_declared(self, cell: object) -> bool:
        """Whether the file or the mapping says what the cell means."""
        return self._is_missing(cell) or self._is_labelled(cell) or normalised(text_of(cell)) in self.given

    def _read(self, cell: object) -> Reading:
        text = text_of(cell)
        if self._is_missing(cell):
            return self._declared_missing(cell)
        if (code := self.given.get(normalised(text))) is not None:
            return self._valid(code)
        if self._is_labelled(cell):
            return self._by_label(cell)
        if (number := _bare(cell)) is not None:
            return Reading(problem=self.doubt) if self.doubt else self._valid(number)
        return self._by_word(text)

    def _declared_missing(self, cell: object) -> Reading:
        """One of our codes for no answer, by its label or else its number; never a substantive answer."""
        label = self.labels.get(cell, Answer())
        code = _bare(cell) if label.code is None else label.code
        if code in self.scale.missing:
            return Reading(float(code))
        return Reading(problem=DECLARED_MISSING if label.code is None else DISAGREES)

    def _by_label(self, cell: object) -> Reading:
        """The file's own word for a value goes before the value."""
        label, number = self.labels[cell], _bare(cell)
        if (code := self.given.get(normalised(self.label_texts[cell]))) is not None:
            return self._valid(code)
        if label.code is not None:
            return self._valid(label.code) if self._agrees(label) else Reading(problem=DISAGREES)
        if number in self.scale.missing:
            return self._valid(number)
        if number is None or self._contradicts(label, number):
            return Reading(problem=ANOTHER_SCALE)
        return Reading(problem=self.doubt) if self.doubt else self._valid(number)

    def _by_word(self, text: str) -> Reading:
        """A word, with numbers beside it or without."""
        answer = self._parts(text)
        if not answer.has_word or _SIGNED.match(text):
            return Reading(problem=OUT_OF_SCALE)
        if len(answer.numbers) > 1 or not self._agrees(answer):
            return Reading(problem=DISAGREES)
        if answer.code is not None:
            return self._valid(answer.code)
        if self._contradicts(answer):
            return Reading(problem=ANOTHER_SCALE)
        number = next(iter(answer.numbers), None)
        return Reading(problem=self.doubt) if self.doubt and number is not None else self._valid(number)

    def _valid(self, code: int | None) -> Reading:
        return Reading(float(code)) if code in self.valid else Reading(problem=OUT_OF_SCALE)


def platform_labels(platform: str, scale: Scale, found: Collection[object]) -> dict[object, str]:
    """Labels for codes that a platform makes itself where nobody types codes; none where the column has no such code.

    LimeSurvey numbers the answers of a question A1, A2 ... in their order. A number is read only where the order and
    the number itself say the same; "Y" and "N" are the answers of its question of that kind.
    """
    if platform != LIMESURVEY:
        return {}
    words: dict[int, str] = {code: text.by_language()["en"] for code, text in scale.labels.items()}
    given: dict[object, str] = {
        f"A{k}": words[code] for k, code in enumerate(sorted(scale.labels), start=1) if k == code
    }
    if (scale.minimum, scale.maximum) == (0, 1):
        given = {"N": words[0], "Y": words[1]}
    return given if any(code in given for code in found) else {}


def _bare(cell: object) -> int | None:
    """The number of a cell or value that holds nothing else."""
    found = None if isinstance(cell, bool) else _NUMBER.fullmatch(text_of(cell))
    return int(found[1]) if found else None


def _rows(counted: Iterable[tuple[object, int]]) -> int:
    return sum(rows for _, rows in counted)


def _is_number(word: str) -> bool:
    return bool(_NUMBER.fullmatch(word))


def _is_no_answer(number: object) -> bool:
    return bool(_NO_ANSWER.fullmatch(str(number)))
