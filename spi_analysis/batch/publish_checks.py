"""What no published file may hold: a network address, a contact of a person, a traceback, a path of this machine.

In a table also no cell that a spreadsheet would run, and no figure with more digits than any page shows.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Sequence

from spi_analysis.errors import Problem
from spi_analysis.tables.cells.masks import mask_email, mask_number
from spi_analysis.tables.neutral import is_neutral
from spi_analysis.tables.page_figures import DECIMALS

# A picture inside a page is letters and digits by chance; names of XML vocabularies look like addresses and are none.
_PICTURE = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=\s]+")
_VOCABULARY = re.compile(r"http://www\.w3\.org/(?:1999/xlink|1999/xhtml|2000/svg|1998/Math/MathML)(?=[\"'\s])")

_ADDRESS = re.compile(
    r"\b(?:https?|ftp|file|wss?)://[^\s\"'<>]+|\bwww\.[a-z0-9-]+\.[a-z]{2,}|(?:src|href)\s*=\s*[\"']//[^\"']+", re.I
)
_NUMBER_ADDRESS = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_EMAIL = re.compile(r"[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*\s?@\s?(?:[a-z0-9-]+\.)+[a-z]{2,}", re.I)
# Mobile numbers as people write them. Digits after a decimal point, inside a word or of a longer number are none.
_PHONE = re.compile(
    r"(?<![\w.,])(?:(?:\+\s?|00)62[\s.\-]?(?:\(0\)\s?)?|62[\s\-]?|\(?0)8\d{1,2}\)?(?:[\s.\-]?\d{2,5}){2,3}(?![\w]|[.,]\d)"
)
_EMPLOYEE_NUMBER = re.compile(r"(?<![\w.,])(?:19|20)\d{2}[01]\d[0-3]\d\s?(?:19|20)\d{4}\s?[12]\s?\d{3}(?![\w])")
_TRACEBACK = re.compile(r"Traceback \(most recent call last\)|\bFile \"[^\"]+\", line \d+|\x1b\[[0-9;]*m")
_PATH = re.compile(r"(?<![\w.:/<])/(?:home|root|tmp|Users|var|mnt|media|opt|workspace)/[\w.-]+|\b[A-Z]:\\{1,2}[\w.-]+")

# No page shows more decimals than the most that any of its columns has.
MOST_DECIMALS = max(places for places in DECIMALS.values() if places is not None)
_TOO_EXACT = re.compile(rf"[+-]?\d+\.\d{{{MOST_DECIMALS + 1},}}(?:[eE][+-]?\d+)?|[+-]?\d(?:\.\d+)?[eE][+-]?\d+")

FORBIDDEN = {
    "a network address": (_ADDRESS, lambda found: found[:40]),
    "a network address in numbers": (_NUMBER_ADDRESS, lambda found: found),
    "an e-mail address": (_EMAIL, mask_email),
    "a phone number": (_PHONE, mask_number),
    "an employee number": (_EMPLOYEE_NUMBER, mask_number),
    "a traceback": (_TRACEBACK, lambda found: found[:40]),
    "a path of this machine": (_PATH, lambda found: found[:40]),
}


def content_problems(name: str, text: str) -> list[Problem]:
    """One problem for everything that the file ``name`` may not hold, with how often and the first (masked)."""
    bare = _VOCABULARY.sub("", _PICTURE.sub("", text))
    # "&#64;" is an @ for every reader.
    shown = html.unescape(bare) if "&" in bare else bare
    problems = []
    for what, (pattern, mask) in FORBIDDEN.items():
        found = pattern.findall(shown)
        problems += _found(name, what, found, mask)
    return problems


def table_problems(name: str, text: str) -> list[Problem]:
    """What the cells of a published CSV may not be."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    formulas = [cell for cell in cells if not is_neutral(cell)]
    too_exact = [cell for cell in cells if _TOO_EXACT.fullmatch(cell)]
    return [
        *_found(name, "a cell that a spreadsheet would run", formulas, lambda found: found[:40]),
        *_found(name, "a figure with more digits than a page shows", too_exact, lambda found: found[:40]),
    ]


def _found(name: str, what: str, found: Sequence[str], mask: Callable[[str], str]) -> list[Problem]:
    """One problem for all that was found of a kind, with the first of them."""
    if not found:
        return []
    return [
        Problem(
            f"a file that is to be published holds {what}",
            file=name,
            got=f"{mask(found[0])} ({len(found)} in all)",
            expected="nothing of the kind",
            hint="find out how it came there; nothing was published",
        )
    ]


def all_problems(files: Iterable[tuple[str, bytes]]) -> list[Problem]:
    """The problems of all files; one that is no text is a problem, too."""
    problems = []
    for name, content in files:
        try:
            text = content.decode("utf-8-sig")
            problems += content_problems(name, text)
            problems += table_problems(name, text) if name.endswith(".csv") else []
        except UnicodeDecodeError:
            problems.append(Problem("a file that is to be published is no text", file=name, expected="UTF-8"))
    return problems
