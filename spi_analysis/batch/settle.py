"""An executed notebook without anything that changes from run to run or from engine to engine."""

from __future__ import annotations

import re

from nbformat import NotebookNode

_KEPT_TAGS = "tags"
# Where Python kept an object, and under which name a kernel kept a cell: different in every process.
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]{6,}")
_CELL_FILE = re.compile(r"[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")
_BACKSPACE = re.compile("[^\n]\b")
_CARRIAGE_RETURN = re.compile(r".*\r(?=[^\n])")


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
    return _CELL_FILE.sub("cell", _ADDRESS.sub("0x0", text))


def merged_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What a cell printed, in one piece per stream: a kernel cuts it by the clock.

    Standard output comes first where the two stand side by side, since their order is chance as well.
    """
    merged: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output.output_type == "stream" and output.name in streams:
            streams[output.name].text += output.text
        else:
            merged.append(output)
            if output.output_type == "stream":
                streams[output.name] = output
    for output in streams.values():
        output.text = _as_a_terminal_shows(output.text)
    for i in range(len(merged) - 1):
        if [o.get("name") for o in merged[i : i + 2]] == ["stderr", "stdout"]:
            merged[i], merged[i + 1] = merged[i + 1], merged[i]
    return merged


def _as_a_terminal_shows(text: str) -> str:
    before = ""
    while before != text:
        before, text = text, _BACKSPACE.sub("", text)
    return _CARRIAGE_RETURN.sub("", text)
