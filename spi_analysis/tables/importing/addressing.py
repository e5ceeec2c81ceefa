"""Whose list a file is: institution, source and stream, as said by the caller or by the file's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import FrameMapping, RoundSetup, normalised
from spi_analysis.tables import text_of
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.readers import Sheet

# A column of names in which one person wrote an address is one of names still.
MOST = 0.5
NAMING = "a name such as kota-mojokerto__internal.xlsx"


def institution_of(path: Path, setup: RoundSetup, mapping: FrameMapping) -> str:
    """The institution whose code, or whose place alone if no other has that name, stands in the file's name.

    Raises
    ------
    InputError   none or several; the hint names the nearest.
    """
    words = _words(path.stem, mapping.institution_words)
    found = _by_code(words, setup.roster.ids()) or _by_place(words, setup.roster.ids())
    if len(found) == 1:
        return setup.require(found[0])
    raise InputError(
        "the file's name names several institutions" if found else "the file's name names no institution of the roster",
        file=path.name,
        got=", ".join(found) or path.stem,
        expected=f"{NAMING}, or --institution",
        hint="" if found else nearest("-".join(_without_other_words(words, mapping)), setup.institution_ids),
    )


def institutions_in(text: str, setup: RoundSetup, mapping: FrameMapping) -> list[str]:
    """The institutions whose type and place stand in a text, such as "Pemkot Bengkulu"."""
    return _by_code(_words(text, mapping.institution_words), setup.roster.ids())


def of_place(text: str, setup: RoundSetup) -> list[str]:
    """The institutions whose place is all that a text says, such as "Bengkulu"."""
    return [code for code in setup.roster.ids() if (place := code.split("-")[1:]) and normalised(text).split() == place]


def _words(text: str, meanings: Mapping[str, str]) -> list[str]:
    """The plain words of a name, with short forms in full ("Pemkot" is "kota")."""
    return " ".join(meanings.get(word, word) for word in normalised(text).split()).split()


def _by_code(words: Sequence[str], codes: Iterable[str]) -> list[str]:
    """Codes whose words stand in the name one after another; a code inside a longer found one does not count."""
    found = [code for code in codes if _contains(words, code.split("-"))]
    return [
        code
        for code in found
        if not any(code != other and _contains(other.split("-"), code.split("-")) for other in found)
    ]


def _by_place(words: Sequence[str], codes: Sequence[str]) -> list[str]:
    """Codes whose place (kota-mojokerto: mojokerto) stands in the name, unless another type does, too."""
    types = {code.split("-")[0] for code in codes}
    if types & set(words):
        return []
    return [code for code in codes if len(code.split("-")) > 1 and _contains(words, code.split("-")[1:])]


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    return bool(part) and any(list(words[i : i + len(part)]) == list(part) for i in range(len(words)))


def _without_other_words(words: Iterable[str], mapping: FrameMapping) -> list[str]:
    """The words that may name an institution: no numbers and nothing that names a source."""
    about_sources = {
        part for source in mapping.sources.values() for word in source for part in normalised(word).split()
    }
    return [word for word in words if word not in about_sources and not word.isdigit()]


def source_of(path: Path, sheet: str, words: Mapping[str, Iterable[str]]) -> str:
    """The source that the file's name, else the sheet's name, speaks of.

    Parameters
    ----------
    words : source -> words of a name that say so

    Raises
    ------
    InputError   none or several.
    """
    for name in (path.stem, sheet):
        found = _sources_in(name, words)
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                "the file's name speaks of several sources",
                file=path.name,
                got=", ".join(found),
                expected="one of " + ", ".join(words),
                hint="rename the file or give --source",
            )
    raise InputError(
        "the file's name does not say which source it lists",
        file=path.name,
        got=path.stem,
        expected=f"{NAMING}, or --source",
        hint="words that are understood: " + "; ".join(f"{s}: {', '.join([*w][:4])}" for s, w in words.items()),
    )


def _sources_in(name: str, words: Mapping[str, Iterable[str]]) -> list[str]:
    said = normalised(name).split()
    known = {source: (source, *listed) for source, listed in words.items()}
    return [
        source for source, listed in known.items() if any(_contains(said, normalised(word).split()) for word in listed)
    ]


def form_columns(sheet: Sheet, header: Header, mapping: FrameMapping) -> list[str]:
    """The headers that only an online form writes: times of filling in, and user names that are addresses."""
    forms, users = ({normalised(word) for word in words} for words in (mapping.form_headers, mapping.address_headers))
    return [
        label
        for i, label in enumerate(header.labels)
        if normalised(label) in forms or (normalised(label) in users and _holds_addresses(sheet, header, i))
    ]


def _holds_addresses(sheet: Sheet, header: Header, column: int) -> bool:
    texts = [text for row in sheet.rows[header.row + 1 :] if column < len(row) and (text := text_of(row[column]))]
    return sum("@" in text for text in texts) > MOST * len(texts)


def form_doubt(sheet: Sheet, header: Header, mapping: FrameMapping) -> list[Problem]:
    """The question that a form raises where nobody said how its people came to fill it in."""
    columns = form_columns(sheet, header, mapping)
    if not columns:
        return []
    return [
        Problem(
            "these columns come from an online form: is this a list of people, or did they register themselves?",
            file=sheet.file,
            row=header.row + 1,
            column=", ".join(columns),
            key=f"sheet {sheet.name}" if sheet.name else "",
            got="nothing that says so",
            expected="--stream list, where the institution had everyone fill it in (the sample is drawn from them), or "
            "--stream self_registered, where whoever wished to could (no probability sample: nobody is drawn)",
            hint="a file's name that says QR or pendaftaran mandiri says it, too",
        )
    ]


def stream_of(path: Path, sheet: str, mapping: FrameMapping) -> str:
    """``self_registered`` where the file's or sheet's name says so (QR, pendaftaran mandiri), else ``list``."""
    words = [normalised(name).split() for name in (path.stem, sheet)]
    own = (normalised(word).split() for word in mapping.self_registered)
    return "self_registered" if any(_contains(name, word) for word in own for name in words) else "list"
