"""What pages are written in: the languages and catalogues of a round, its own words for its codes, and what is missing.

English sentences are the message ids; a catalogue is read from its .po file, so no compiled one has to be kept in step
with it. Where a language has no words for a text, the English ones stand in; they are
marked (``lang="en"``), and the page says how many there are. Indonesian and English are complete (a test looks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from pydantic import BaseModel

from spi_analysis.columns import LABELS, VALUES
from spi_analysis.params import Language, RoundSetup, Text

CATALOGUES = Path(__file__).parent / "locale"
COMPLETE: tuple[Language, ...] = ("id", "en")
# Private characters around a text that fell back to English, until the page is put together.
_START, _END = "\ue002", "\ue003"
# Where no element can stand: inside of tags, and in the title of the page.
_PLAIN_ONLY = re.compile(r"<title>.*?</title>|<[^<>]*>", re.DOTALL)


@dataclass(frozen=True)
class Vocabulary:
    """Languages of the pages, folders of catalogues (the first that knows a text has it), and words for codes.

    ``texts``: (column, code) -> words, for codes that a round makes itself, such as its sources.
    """

    languages: tuple[Language, ...] = COMPLETE
    catalogues: tuple[Path, ...] = (CATALOGUES,)
    texts: Mapping[tuple[str, str], Text] = field(default_factory=dict)


# A process writes about one round at a time.
_spoken: list[Vocabulary] = [Vocabulary()]


def speak_of(setup: RoundSetup) -> None:
    """Write in the languages of this round from now on, with its own words for its sources and components.

    Catalogues may lie in the round's parameters, too: ``params/locale/<language>/LC_MESSAGES/spi.po``.
    """
    sources = {code: source.label for code, source in setup.round.sources.items()}
    parts = {code: label for code, label in sources.items() if not _is_usual(code, label)}
    parts |= {code: component.label for code, component in setup.round.index.components.items()}
    texts = {("source", code): label for code, label in sources.items()}
    texts |= {("part", code): label for code, label in parts.items()}
    _spoken[0] = Vocabulary(tuple(setup.round.languages), (setup.workspace.params / "locale", CATALOGUES), texts)


def _is_usual(code: str, label: Text) -> bool:
    """Whether a round calls a source as the workbench does, which then has a shorter word for it in tables."""
    usual = VALUES["source"].get(code)
    return usual is not None and (label.id, label.en) == (usual.id, usual.en)


def languages() -> tuple[Language, ...]:
    """The languages that pages are written in."""
    return _spoken[0].languages


def own_words(column: str, code: str) -> Text | None:
    """What the round itself calls a code; None where it says nothing of it."""
    return _spoken[0].texts.get((column, code))


def translation(text: str, language: Language) -> str | None:
    """The words of a catalogue for an English text; None where it has none."""
    known = _known(_spoken[0].catalogues, language)
    return next((found for words in known if (found := words.get(text))), None)


def fallen_back(text: str, language: Language) -> str:
    """An English text that stands in for one in this language: marked, unless the language is complete."""
    return text if language in COMPLETE else f"{_START}{text}{_END}"


def without_marks(text: str) -> str:
    """The text alone, where nothing can be marked."""
    return text.replace(_START, "").replace(_END, "")


def with_marks(html: str) -> str:
    """HTML in which every text that fell back says its language."""
    if _START not in html:
        return html
    html = _PLAIN_ONLY.sub(lambda found: without_marks(found[0]), html)
    return html.replace(_START, '<span lang="en">').replace(_END, "</span>")


def untranslated(setup: RoundSetup, language: Language) -> tuple[int, int]:
    """How many texts have no words in a language, and how many there are: messages, labels, and words of parameters."""
    speak_of(setup)
    labels = [*LABELS.values(), *(label for codes in VALUES.values() for label in codes.values())]
    messages = [*_catalogue(CATALOGUES / COMPLETE[0] / "LC_MESSAGES" / "spi.po"), *(label.en for label in labels)]
    parameters = (setup.round, setup.instrument, setup.rules, setup.years)
    written = {text.en: text.get(language) for text in _texts_in(parameters)}
    texts = {*messages, *written}
    if language in COMPLETE:
        return 0, len(texts)
    return sum(not written.get(text) and translation(text, language) is None for text in texts), len(texts)


def _texts_in(value: Any) -> Iterator[Text]:
    """All words in parameters, at every depth."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, BaseModel):
        yield from _texts_in([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from _texts_in(list(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for one in value:
            yield from _texts_in(one)


@cache
def _known(folders: tuple[Path, ...], language: Language) -> tuple[dict[str, str], ...]:
    return tuple(_catalogue(folder / language / "LC_MESSAGES" / "spi.po") for folder in folders)


@cache
def _catalogue(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open("rb") as handle:
        return {str(one.id): str(one.string) for one in read_po(handle) if one.id and one.string and not one.fuzzy}
