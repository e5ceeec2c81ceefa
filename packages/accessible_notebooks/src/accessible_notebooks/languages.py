"""A notebook in one language: prose translated by a catalogue, outputs in the language of the page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from gettext import GNUTranslations
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from nbformat import NotebookNode

from accessible_notebooks.parts import Part, numbered, parts_of, picture_in_words, with_scopes

# An output with the HTML of each language.
MIME = "application/vnd.languages+json"
Say = Callable[[str], str]
# The HTML of an output in the language of the page; None: it is shown as it is.
HtmlOf = Callable[[NotebookNode], str | None]


class Language(NamedTuple):
    """A language with its own name; ``say`` gives a message in it."""

    code: str
    name: str
    say: Say = str


@dataclass(frozen=True)
class InLanguages:
    """HTML in several languages, as the last line of a cell: Jupyter shows the first, a page its own."""

    html: Mapping[str, str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": next(iter(self.html.values())), MIME: dict(self.html)}


def catalogue(path: str | Path) -> Say:
    """The messages of a compiled gettext catalogue (.mo)."""
    with Path(path).open("rb") as file:
        return GNUTranslations(file).gettext


def messages(notebook: NotebookNode) -> list[str]:
    """Every heading and paragraph of a notebook's prose: the messages that need a translation."""
    parts = [part for cell in notebook.cells if cell.cell_type == "markdown" for part in parts_of(cell.source)]
    return [message for part in parts for message in (part.heading, *part.paragraphs) if message]


def in_language(notebook: NotebookNode, say: Say, html_of: HtmlOf) -> tuple[NotebookNode, str]:
    """A copy with prose and outputs in one language, and the title: its first heading of level 1.

    Every markdown cell of the copy is one part (metadata ``page``: level, title, id).
    """
    copy, title = notebook.copy(), ""
    cells = [
        _shown(cell, say, html_of) if cell.cell_type == "code" else cell
        for cell in _without_orphans(list(_in_parts(_without_defaults(notebook.cells), say)), html_of)
    ]
    titles = [cell for cell in cells if cell.cell_type == "markdown" and cell.metadata.page.level == 1]
    for i, cell in enumerate(titles):
        title = title or cell.metadata.page.title
        cell.metadata.page.level = 1 + (i > 0)
    numbered([cell.metadata.page for cell in cells if cell.cell_type == "markdown"])
    copy.cells = cells
    return copy, title


def _in_parts(cells: Collection[NotebookNode], say: Say) -> Iterator[NotebookNode]:
    """The same cells, with one markdown cell for each part of prose, in the language."""
    for cell in cells:
        if cell.cell_type != "markdown":
            yield cell
            continue
        for i, part in enumerate(parts_of(cell.source)):
            yield _prose(cell, part, f"-{i}" if i else "", say)


def _prose(cell: NotebookNode, part: Part, ending: str, say: Say) -> NotebookNode:
    copy = cell.copy()
    page = NotebookNode(level=part.level, title=say(part.heading) if part.heading else "")
    copy.metadata = NotebookNode({**cell.metadata, "page": page})
    if "id" in cell:
        # Ids of cells are unique and have at most 64 letters.
        copy.id = cell.id[: 64 - len(ending)] + ending
    copy.source = "\n\n".join(map(say, part.paragraphs))
    return copy


def _without_defaults(cells: Collection[NotebookNode]) -> list[NotebookNode]:
    """All cells but papermill's default parameters, where others were injected and replace them."""
    injected = any("injected-parameters" in cell.metadata.get("tags", []) for cell in cells)
    return [cell for cell in cells if not (injected and "parameters" in cell.metadata.get("tags", []))]


def _without_orphans(cells: list[NotebookNode], html_of: HtmlOf) -> list[NotebookNode]:
    """All cells but sentences that introduce a cell without output."""
    kept: list[NotebookNode] = []
    for i, cell in enumerate(cells):
        if cell.cell_type == "markdown" and cell.metadata.page.level == 0:
            following = list(takewhile(lambda c: c.cell_type == "code", cells[i + 1 :]))
            if following and all(_shows_nothing(c, html_of) for c in following):
                continue
        kept.append(cell)
    return kept


def _shows_nothing(cell: NotebookNode, html_of: HtmlOf) -> bool:
    return bool(cell.outputs) and all(html_of(output) == "" for output in cell.outputs)


def _shown(cell: NotebookNode, say: Say, html_of: HtmlOf) -> NotebookNode:
    copy = cell.copy()
    copy.outputs = [_output(output, cell.source, say, html_of(output)) for output in cell.outputs]
    return copy


def _output(output: NotebookNode, source: str, say: Say, html: str | None) -> NotebookNode:
    data = output.get("data", {})
    copy = output.copy()
    if html is not None:
        copy.data = NotebookNode({"text/html": html})
    elif "text/html" in data:
        copy.data = NotebookNode({**data, "text/html": with_scopes(data["text/html"])})
    elif words := picture_in_words(output, source):
        copy.metadata = NotebookNode({**output.metadata, "alt": say(words)})
    return copy
