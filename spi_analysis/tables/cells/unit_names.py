"""One spelling per unit: what may be merged, and what must stay apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spi_analysis.params import UnitRules, normalised
from spi_analysis.tables.cells.text import edit_distance, likeness

_ROMAN = re.compile(r"(?=.)x{0,3}(?:ix|iv|v?i{0,3})")


class Merge(NamedTuple):
    """A spelling that was read as another one, and in how many rows."""

    spelling: str
    read_as: str
    rows: int


class Spellings(NamedTuple):
    """``canonical``: spelling -> spelling kept. ``merges``: those that differ in more than case and punctuation.

    ``doubtful``: pairs one slip apart that were kept apart, since both may be real.
    """

    canonical: dict[str, str]
    merges: list[Merge]
    doubtful: list[tuple[str, str]]


def one_spelling(names: Iterable[str], rules: UnitRules, similarity: float, place: str = "") -> Spellings:
    """Bring the spellings of units to one each.

    Spellings with the same *key* (small letters, no punctuation, abbreviations in full, "dan" and the institution's
    own name at the end left out) are one unit. A key that is one slip from another joins it, the one with more words
    that are no common ones to the one with fewer, else the rarer to the more frequent, if

    - numbers, roman numerals and single letters are the same,
    - all words are the same but one, or only a space differs,
    - the odd word is a misspelling of a common word ("Keshatan"), or of any word by a letter dropped, doubled or
      swapped where its spelling is rare beside the other,
    - the keys are alike enough (``similarity``) and only one unit fits.

    "Puskesmas Gedongan" and "Puskesmas Gedangan" (another letter in a place's name) and names that differ in a whole
    word stay apart, however alike. Of a unit's spellings the one with the fewest unknown words is kept, however often
    "Kesehatn" was copied; then the most frequent, of equals the first by alphabet.
    """
    counts = Counter(names)
    forms = {name: _form(name, rules, place) for name in counts}
    rows: Counter[str] = Counter()
    for name, count in counts.items():
        rows[forms[name]] += count
    joiner = _Joiner(rows, rules, similarity)
    joined, doubtful = joiner.join()
    order = sorted(counts, key=lambda name: (joiner.unknown(forms[name]), -counts[name], name))
    best: dict[str, str] = {}
    for name in order:
        best.setdefault(joined[forms[name]], name)
    canonical = {name: best[joined[form]] for name, form in forms.items()}
    merges = [
        Merge(name, kept, counts[name])
        for name, kept in sorted(canonical.items())
        if normalised(name) != normalised(kept)
    ]
    return Spellings(canonical, merges, [(best[joined[one]], best[joined[other]]) for one, other in doubtful])


def _form(name: str, rules: UnitRules, place: str) -> str:
    """The key of a spelling."""
    words = normalised(name.replace("&", " dan ")).split()
    words = " ".join(rules.abbreviations.get(word, word) for word in words).split()
    form = " ".join(word for word in words if word not in ("dan", "serta"))
    return form.removesuffix(f" {place}")


class _Joiner:
    """Joins keys with unknown words to known ones, rare keys to frequent ones.

    Keys that differ in one word only meet through a pattern without that word.
    """

    def __init__(self, rows: Counter[str], rules: UnitRules, similarity: float) -> None:
        self.rows, self.similarity, self.rare_share = rows, similarity, rules.rare_share
        self.common = {normalised(word) for word in rules.common_words}
        self.leaders: dict[object, list[str]] = {}

    def join(self) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Key -> key it joins; and pairs that were left apart."""
        joined, doubtful = {}, []
        for key in sorted(self.rows, key=lambda key: (self.unknown(key), -self.rows[key], key)):
            near = sorted({leader for pattern in _patterns(key) for leader in self.leaders.get(pattern, [])})
            near = [leader for leader in near if _marks(leader) == _marks(key)]
            fits = [leader for leader in near if self._is_slip(key, leader)]
            if len(fits) == 1:
                joined[key] = fits[0]
                continue
            joined[key] = key
            doubtful += [(key, leader) for leader in near if self._is_close(key, leader)]
            for pattern in _patterns(key):
                self.leaders.setdefault(pattern, []).append(key)
        return joined, doubtful

    def unknown(self, key: str) -> int:
        """How many words of a key are no common ones: places, numbers, and slips."""
        return sum(word not in self.common for word in key.split())

    def _is_slip(self, key: str, leader: str) -> bool:
        if key.replace(" ", "") == leader.replace(" ", ""):
            return True
        odd, right = _odd_words(key, leader)
        if likeness(key, leader) < self.similarity:
            return False
        if right in self.common and odd not in self.common:
            if likeness(odd, right) >= self.similarity:
                return True
            # The frequent "Pasir" beside a single "Pasar" may be a place; a letter dropped or swapped is a slip.
            frequent = self.rows[key] > self.rows[leader]
            return edit_distance(odd, right) == 1 and (not frequent or _no_letter_changed(odd, right))
        known = right in self.common or odd in self.common
        rare = self.rows[key] <= max(1, self.rare_share * self.rows[leader]) and self.rows[key] < self.rows[leader]
        return rare and not known and _is_dropped_or_swapped(odd, right)

    def _is_close(self, key: str, leader: str) -> bool:
        odd, right = _odd_words(key, leader)
        known = odd in self.common and right in self.common
        return not known and min(len(odd), len(right)) > 3 and edit_distance(odd, right) == 1


def _patterns(key: str) -> Iterator[object]:
    words = tuple(key.split())
    yield "".join(words)
    for i in range(len(words)):
        yield i, words[:i], words[i + 1 :]


def _odd_words(one: str, other: str) -> tuple[str, str]:
    """The one pair of words in which two keys of equal length differ."""
    pairs = [(a, b) for a, b in zip(one.split(), other.split(), strict=False) if a != b]
    return pairs[0] if pairs else ("", "")


def _marks(key: str) -> list[str]:
    """What tells numbered units apart: numbers, roman numerals, single letters."""
    return [w for w in key.split() if len(w) == 1 or any(c.isdigit() for c in w) or _ROMAN.fullmatch(w)]


def _is_dropped_or_swapped(odd: str, right: str) -> bool:
    """One letter dropped, added or swapped with its neighbour; a changed letter may be another place."""
    return min(len(odd), len(right)) >= 5 and edit_distance(odd, right) == 1 and _no_letter_changed(odd, right)


def _no_letter_changed(odd: str, right: str) -> bool:
    return len(odd) != len(right) or sorted(odd) == sorted(right)
