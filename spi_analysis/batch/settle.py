"""An executed notebook without anything that changes from run to run or from engine to engine."""

from __future__ import annotations

import re

from nbformat import NotebookNode

_KEPT_TAGS = "tags"
# Where Python kept an object, and under which name a kernel kept a cell: different in every process.
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]{6,}")
# Words are found first and looked at then: one pattern for both would try every place of a long line anew.
_WORD = re.compile(r"[^\s\"'<>]+")
_CELL_FILE = re.compile(r"ipykernel_\d+[/\\]\d+\.py")


def cell_seconds(notebook: NotebookNode) -> tuple[float, ...]:
    """How long every cell took, from papermill's notes (0 where there are none)."""
    return tuple(float(cell.metadata.get("papermill", {}).get("duration") or 0) for cell in notebook.cells)


def settle(notebook: NotebookNode) -> None:
    """Take out times, random ids and machine facts, in place: the same inputs give the same bytes."""
    notebook.metadata = NotebookNode(
        kernelspec=notebook.metadata.get("kernelspec", {}), language_info=NotebookNode(name="python")
    )
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get(_KEPT_TAGS, [])
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        cell["id"] = f"cell-{number:02d}"
        if cell.cell_type == "code":
            cell.outputs = merged_streams(cell.outputs)
            for output in cell.outputs:
                _without_machine_facts(output)


def _without_machine_facts(output: NotebookNode) -> None:
    """Take addresses and names of temporary files out of the texts of an output, in place."""
    if output.output_type == "stream":
        output.text = _machine_free(output.text)
    elif output.output_type == "error":
        output.traceback = [_machine_free(line) for line in output.traceback]
    elif "text/plain" in output.get("data", {}):
        output.data["text/plain"] = _machine_free(output.data["text/plain"])


def _machine_free(text: str) -> str:
    text = _ADDRESS.sub("0x0", text)
    return _WORD.sub(_without_cell_file, text) if "ipykernel_" in text else text


def _without_cell_file(word: re.Match[str]) -> str:
    """A word up to the last name of a cell's file in it, which has the folder before it, becomes "cell"."""
    end = max((found.end() for found in _CELL_FILE.finditer(word[0])), default=0)
    return f"cell{word[0][end:]}" if end else word[0]


def merged_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What a cell printed, in one piece per stream: a kernel cuts it by the clock.

    Standard output comes first where the two stand side by side, since their order is chance as well.
    """
    merged: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    pieces: dict[str, list[str]] = {}
    for output in outputs:
        if output.output_type == "stream":
            pieces.setdefault(output.name, []).append(output.text)
        if output.output_type != "stream" or streams.setdefault(output.name, output) is output:
            merged.append(output)
    for name, output in streams.items():
        output.text = _as_a_terminal_shows("".join(pieces[name]))
    for i in range(len(merged) - 1):
        if [o.get("name") for o in merged[i : i + 2]] == ["stderr", "stdout"]:
            merged[i], merged[i + 1] = merged[i + 1], merged[i]
    return merged


def _as_a_terminal_shows(text: str) -> str:
    """A backspace takes away the character before it on its line, a carriage return all that the line had shown."""
    if "\b" in text:
        text = _without_backspaces(text)
    return "\n".join(map(_last_shown, text.split("\n"))) if "\r" in text else text


def _without_backspaces(text: str) -> str:
    kept: list[str] = []
    for number, piece in enumerate(text.split("\b")):
        if number and kept and kept[-1] != "\n":
            kept.pop()
        kept.extend(piece)
    return "".join(kept)


def _last_shown(line: str) -> str:
    # A return at the end of a line, or in front of it, has nothing after it to take its place.
    return line[line.rfind("\r", 0, len(line) - 1) + 1 :]
