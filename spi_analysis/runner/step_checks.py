"""What is checked after every step: nothing is lost without a word, and nothing is on a page that must not be there."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from spi_analysis.errors import NotebookError, Problem, nearest
from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting import MIME
from spi_analysis.runner.plan import MOST_PRINTED, Step

# Bytes. An empty page is its style sheet and frame; the largest page of the project has some 300,000.
SMALLEST_PAGE, LARGEST_PAGE = 5_000, 5_000_000
COUNTED = ("<table", "<svg", "<img")
# A cell that ends in a call with one of these in its name has to show a picture.
_DRAWS = re.compile(r"chart|plot|figure|hist", re.IGNORECASE)
_ADDRESS = re.compile(r"""(?:https?|wss?|ftp)://[^\s"'<>)]*|(?:src|href)\s*=\s*["']//[^"']*""")
# Names of kinds of markup, which nothing is fetched from.
_NAMESPACE = re.compile(r"https?://(?:www\.w3\.org|schemas\.openxmlformats\.org)/[^\s\"'<>]*")
_HYPHENATED = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TRACEBACK = "Traceback (most recent call last)"


def permission_to_save(known: Collection[str]) -> dict[str, bool]:
    """What a notebook that asks whether it may write is told by a run: it may. Opened by a person it writes nothing.

    ``known``: the parameters that the notebook has.
    """
    return {"save": True} if "save" in known else {}


def require_known_parameters(step: Step, source: Path, parameters: Mapping[str, Any], known: Collection[str]) -> None:
    """Papermill only warns about a parameter that a notebook does not have.

    Raises
    ------
    NotebookError   the notebook's parameters cell does not set one of them.
    """
    problems = [
        Problem(
            "the notebook has no such parameter",
            file=f"notebooks/{source.name}",
            key=str(step),
            got=name,
            hint=nearest(name, known) or "a cell with the tag `parameters` names them",
        )
        for name in parameters
        if name not in known
    ]
    if problems:
        raise NotebookError(*problems)


def require_sound_notebook(step: Step, notebook: NotebookNode) -> None:
    """The notebook ran to its end and shows what its cells draw.

    Raises
    ------
    NotebookError   all that is wrong.
    """
    problems = [
        Problem(what, key=f"{step}, cell {number}", got=got) for number, what, got in _notebook_problems(notebook)
    ]
    if problems:
        raise NotebookError(*problems)


def _notebook_problems(notebook: NotebookNode) -> Iterator[tuple[int, str, str]]:
    code = [(n, cell) for n, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    if code and code[-1][1].get("execution_count") is None:
        yield code[-1][0], "the notebook ended before its last cell", ""
    for number, cell in code:
        printed = sum(map(_characters, cell.outputs))
        if printed > MOST_PRINTED:
            yield number, f"a cell shows more than {MOST_PRINTED:,} characters of plain text", f"{printed:,}"
        for output in cell.outputs:
            if output.output_type == "error" or _TRACEBACK in str(output.get("text", "")):
                yield number, "the notebook holds an error", f"{output.get('ename', 'traceback')}"
        if draws(cell.source) and cell.get("execution_count") and not any(map(_is_picture, cell.outputs)):
            yield number, "a figure was lost: the cell draws and shows no picture", cell.source.splitlines()[-1][:80]


def _characters(output: NotebookNode) -> int:
    """Of plain text: what was printed, or how a value is written where nothing else shows it."""
    data = output.get("data", {})
    return len(output.get("text", "")) + (len(data["text/plain"]) if set(data) == {"text/plain"} else 0)


def draws(source: str) -> bool:
    """Whether a cell ends in a call that draws, by its name (``view.index_chart(page)``), and shows its result."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        # A magic line: what it draws cannot be told from its text.
        return False
    if not body or not isinstance(body[-1], ast.Expr) or source.rstrip().endswith(";"):
        return False
    call = body[-1].value
    if not isinstance(call, ast.Call):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return bool(_DRAWS.search(name))


def _is_picture(output: NotebookNode) -> bool:
    """An image, or what the package shows in its languages: this may say in words why there is no picture."""
    data = output.get("data", {})
    return any(kind.startswith("image/") for kind in data) or MIME in data or "<svg" in str(data.get("text/html", ""))


def require_sound_page(setup: RoundSetup, step: Step, notebook: NotebookNode, html: str, language: Language) -> None:
    """All tables and pictures of the notebook are on the page; it names its own institution, no other, and no network.

    Raises
    ------
    NotebookError   all that is wrong.
    """
    found = [*_lost(notebook, html, language), *_not_its_own(setup, step, html), *_must_not_be_there(html)]
    problems = [Problem(what, key=f"{step}, {language}", got=got, expected=wanted) for what, got, wanted in found]
    if problems:
        raise NotebookError(*problems)


def require_sound_extra(setup: RoundSetup, step: Step, name: str, html: str) -> None:
    """A page of its own that a notebook made belongs to its kind, and holds no traceback and no network.

    Raises
    ------
    NotebookError   all that is wrong.
    """
    problems = [
        Problem(what, key=f"{step}, {name}", got=got, expected=wanted) for what, got, wanted in _must_not_be_there(html)
    ]
    if name not in {one.format(language=language) for one in step.notebook.more for language in setup.round.languages}:
        expected = ", ".join(step.notebook.more) or "no page of its own"
        problems.append(
            Problem("the notebook made a page that nothing knows of", key=f"{step}, {name}", expected=expected)
        )
    if problems:
        raise NotebookError(*problems)


def _lost(notebook: NotebookNode, html: str, language: Language) -> Iterator[tuple[str, str, str]]:
    shown = "".join(_html_of(output, language) for cell in notebook.cells for output in cell.get("outputs", []))
    for tag in COUNTED:
        if html.count(tag) != shown.count(tag):
            yield "the page lost something of its notebook", f"{html.count(tag)} {tag}>", str(shown.count(tag))


def _html_of(output: NotebookNode, language: Language) -> str:
    """What the page has to show of an output, as far as it is counted."""
    data = output.get("data", {})
    if MIME in data:
        return str(data[MIME][language])
    if "text/html" in data:
        return str(data["text/html"])
    return "<img" if any(kind.startswith("image/") for kind in data) else ""


def _not_its_own(setup: RoundSetup, step: Step, html: str) -> Iterator[tuple[str, str, str]]:
    own = step.institution_id
    if f'<meta name="institution" content="{escape(own)}">' not in html:
        yield "the page names another institution", "", own or "none"
    if not own:
        return
    if escape(setup.roster[own].name) not in html:
        yield "the page does not name its institution", "", setup.roster[own].name
    # Its own id goes first, since another's may be a part of it.
    named = _ids_in(html.replace(own, ""), set(setup.roster.ids()) - {own})
    if named:
        yield "the page names another institution", ", ".join(sorted(named)), f"{own} only"


def _ids_in(text: str, ids: set[str]) -> set[str]:
    """Ids that stand in a text, also inside longer names that are joined by hyphens."""
    names = [name.split("-") for name in set(_HYPHENATED.findall(text))]
    # No more words at a time than an id has: all parts of a long name would be as many as its words squared.
    most = max((identifier.count("-") + 1 for identifier in ids), default=0)
    ends = ((words, i, min(i + most, len(words))) for words in names for i in range(len(words)))
    return {run for words, i, end in ends for j in range(i + 1, end + 1) if (run := "-".join(words[i:j])) in ids}


def _must_not_be_there(html: str) -> Iterator[tuple[str, str, str]]:
    if _TRACEBACK in html:
        yield "the page holds a traceback", "", ""
    addresses = sorted(set(_ADDRESS.findall(_NAMESPACE.sub("", html))))
    if addresses:
        yield "the page holds a network address", ", ".join(addresses[:3]), "a page that works offline"
    size = len(html.encode())
    if not SMALLEST_PAGE <= size <= LARGEST_PAGE:
        yield "the page has an unlikely size", f"{size:,} bytes", f"{SMALLEST_PAGE:,} to {LARGEST_PAGE:,}"
