"""Words and numbers: complete catalogues, marks of the language, nothing invented for missing figures."""

import datetime
import re
import string
from functools import cache
from pathlib import Path

import nbformat
from babel.messages.extract import extract_from_dir

from accessible_notebooks import TEMPLATES, messages
from spi_analysis.reporting import exporter
from spi_analysis.reporting.translations import translation
from spi_analysis.reporting.wording import MISSING, words

ROOT = Path(__file__).parents[2]
# Progress lines of the demo are for the terminal and stay English.
TERMINAL = {
    "generating people and their lists",
    "drawing samples and writing invitations",
    "importing events and answers",
}


@cache
def _messages() -> frozenset[str]:
    keywords = {"words": None, "say": None, "self": None, "message": None}
    package = {found[2] for found in extract_from_dir(str(ROOT / "spi_analysis"), keywords=keywords)}
    templates = [path.read_text() for folder in (exporter.TEMPLATES.parent, TEMPLATES) for path in folder.rglob("*.j2")]
    pages = {m for template in templates for m in re.findall(r'\bsay\("([^"]+)"\)', template)}
    assert "Skip to the content" in pages
    prose = {m for path in (ROOT / "notebooks").glob("*.ipynb") for m in messages(nbformat.read(path, 4))}
    return frozenset(m for m in package | pages | prose if isinstance(m, str)) - TERMINAL


def test_every_message_has_indonesian_words():
    found = _messages()
    assert len(found) > 200
    same = {"Final", "Strata", "Bias", "Omega", "Median"}
    assert sorted(m for m in found - same if (translation(m, "id") or m) == m) == []


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_a_translation_keeps_the_placeholders():
    lost, messages = [], [m for m in _messages() if "{" in m]
    assert len(messages) > 100
    for message in messages:
        values = dict.fromkeys(_fields(message), "§")
        if words("id")(message, **values).count("§") != words("en")(message, **values).count("§"):
            lost.append(message)
    assert lost == []


def test_numbers_carry_the_marks_of_their_language():
    assert words("id").number(1234.5) == "1.234,50"
    assert words("en").number(1234.5) == "1,234.50"
    assert words("id").percent(0.0831) == "8,3%"
    assert words("id").signed(-1.391) == "−1,39"
    assert words("en").signed(0.02) == "+0.02"


def test_dates_begin_with_the_day():
    day = datetime.date(2024, 10, 5)
    assert (words("id").date(day), words("en").date(day)) == ("5 Oktober 2024", "5 October 2024")


def test_no_interval_is_a_hose():
    """ "Selang" is the statistician's word for an interval, and everybody else's for a hose."""
    said = [words("id")(m) for m in _messages()]
    assert [text for text in said if re.search(r"(?i)\bselang(nya)?\b|gejolak acak|semua sekaligus", text)] == []


def test_a_chance_is_never_written_as_certain():
    say = words("id")
    assert [say.chance(p) for p in (0.0, 0.004, 0.5, 0.996, 1.0)] == ["< 1%", "< 1%", "50%", "> 99%", "> 99%"]


def test_limits_of_a_rate_carry_their_unit():
    assert words("id").interval(4.1, 8.2, 1, "%") == "4,1% sampai 8,2%"


def test_percent_is_written_one_way():
    texts = [m for m in _messages() if "%" in m] + [words("id")(m) for m in _messages()]
    assert [text for text in texts if re.search(r"\d %|\d persen\b", text)] == []


def test_a_figure_that_is_zero_when_rounded_has_no_sign():
    assert words("en").signed(-0.001) == "0.00"
    assert words("en").number(-0.001) == "0.00"


def test_a_missing_figure_is_a_dash_never_a_number():
    nan = float("nan")
    say = words("id")
    assert {say.number(nan), say.number(None), say.signed(nan), say.percent(nan), say.interval(nan, 1.0)} == {MISSING}


def test_interval_reads_as_words():
    assert words("id").interval(1, 2.5, 1) == "1,0 sampai 2,5"
    assert words("en").interval(-1, 2.5, 1) == "−1.0 to 2.5"
