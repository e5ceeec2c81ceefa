"""The parts of a page around its notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

STYLE = (Path(__file__).parent / "templates" / "accessible_html" / "style.css").read_text(encoding="utf-8")


class PageError(ValueError):
    """No page can be made of this notebook."""


class Link(NamedTuple):
    """To another page; ``language`` where it leads to another language, ``own`` marks the page that it stands on."""

    href: str
    title: str
    language: str = ""
    own: bool = False


@dataclass(frozen=True)
class Page:
    """The parts around the content of a page; templates see it as ``page``.

    Parameters
    ----------
    language : code of the language, such as "en"
    say : gives a message of the notebook, or of the template, in this language
    others : the same page in other languages
    pages : pages that belong together, this one among them; ``pages_title`` names them
    footer : a sentence below the content
    css : the whole style sheet
    css_class : of the body
    with_code : whether the code can be unfolded
    title : if the notebook has no heading of level 1
    folded : all sections but the first can be unfolded; where else leads stands below the first one
    """

    language: str = "en"
    say: Callable[[str], str] = str
    others: tuple[Link, ...] = ()
    pages: tuple[Link, ...] = ()
    pages_title: str = ""
    footer: str = ""
    css: str = STYLE
    css_class: str = ""
    with_code: bool = True
    title: str = ""
    folded: bool = False
