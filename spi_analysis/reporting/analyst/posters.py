"""Posters with the QR code of an open link, to be printed: one sheet for each place and language."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd
import segno

from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting.analyst.announcement_page import sheet_of_paper
from spi_analysis.reporting.translations import speak_of
from spi_analysis.reporting.wording import message, words
from spi_analysis.tables import write_csv, write_text

FOLDER = "posters"
# Width of a module of the code in pixels, and the quiet zone around it that scanners want (ISO/IEC 18004: 4 modules).
SCALE, QUIET = 11, 4
SAID = (
    message("Scan the code with the camera of your telephone, or open the address below it."),
    message("Everybody may answer, once. Whoever has received an invitation of their own answers by its link instead."),
    message(
        "Answers by this link are counted apart and do not enter the score, which rests on people drawn at random."
    ),
    message("No name is asked for."),
)


def write_posters(setup: RoundSetup, institution_id: str, links: pd.DataFrame) -> list[Path]:
    """Write a sheet for each place and language, and the list of links; no person's data is in them.

    ``links``: source, place, token, link, as ``open_links`` gives them.
    """
    speak_of(setup)
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id) / FOLDER
    sheets = [
        write_text(folder / f"{token}.{language}.html", poster(setup, institution_id, place, link, language))
        for place, token, link in links[["place", "token", "link"]].itertuples(index=False)
        for language in setup.round.languages
    ]
    return [*sheets, write_csv(folder / f"links_{links['source'].iloc[0]}.csv", links)]


def poster(setup: RoundSetup, institution_id: str, place: str, link: str, language: Language) -> str:
    """The sheet of one place in one language."""
    say = words(language)
    code = segno.make(link, error="m", micro=False).svg_inline(
        scale=SCALE, border=QUIET, dark="#000", light="#fff", title=link
    )
    said = "".join(f"<p>{escape(say(one))}</p>" for one in SAID)
    about = f"{setup.roster[institution_id].name}: {place}"
    return sheet_of_paper(
        say.pick(setup.round.title), about, f"<p>{code}</p><p><code>{escape(link)}</code></p>{said}", language
    )
