"""Most cells are ASCII and take a shorter way: it must lead to the same text."""

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from spi_analysis.params.mapping import normalised
from spi_analysis.tables.cells.text import text_of

ASCII = st.text(st.characters(max_codepoint=127))


@given(ASCII)
@example("\x1c\x1f a\x0b\x0cb \t'' `x")
@example("A_b--C\x00d  9")
def test_the_short_way_is_the_long_way(text):
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    assert text_of(text) == re.sub(r"\s+", " ", visible).strip().lstrip("'`´’").strip()
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    assert normalised(text) == re.sub(r"[\W_]+", " ", bare.casefold()).strip()


def test_other_letters_still_take_the_long_way():
    assert text_of("Ｄinas\u200b  Sosial\u00a0") == "Dinas Sosial"
    assert normalised("Kesehatán & Gizi") == "kesehatan gizi"
