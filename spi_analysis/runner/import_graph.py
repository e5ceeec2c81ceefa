"""The files of the package that can change what a notebook shows: its imports, their imports, and so on.

Nothing is imported to find out. Every import counts, also one inside a function or for types only; so does every
module that is named in a text, as in a registry, but for docstrings, whose examples no notebook runs. A name that is
built at run time counts as the whole package.

What the fork server imports beforehand counts only for the notebooks that use it: importing a module of the package
changes no global state (tests/runner/test_warm.py).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from spi_analysis.tables import reading

# Modules that run notebooks: the engines, the kernels of JupyterLab, and the workers that are forked for them.
RUNNERS = ("runner/execute.py", "runner/forks/engines.py", "runner/lab.py", "runner/pool.py")
# The module that imports the names in its texts before any notebook runs; the imports of each notebook decide which of
# them count.
_IMPORTED_BEFOREHAND = ("runner/forks/warm.py",)
_DYNAMIC = {"__import__", "entry_points", "eval", "exec", "find_spec", "import_module", "importlib", "iter_modules"}
_DYNAMIC |= {"pickle", "runpy", "spec_from_file_location", "walk_packages"}


class _Anything(Exception):
    """The imports cannot be determined."""


def imported_modules(notebook: Path, package: Path) -> set[Path] | None:
    """The modules (files) that a notebook, or what runs it, can load; None if it may be any.

    Parameters
    ----------
    package : the folder of the package
    """
    try:
        waiting = [*_modules(_cells(notebook), package, package.parent), *(package / name for name in RUNNERS)]
        found: set[Path] = set()
        while waiting:
            file = waiting.pop()
            if file not in found:
                found.add(file)
                waiting += _imported(file, package, file.stat().st_mtime_ns)
    except _Anything:
        return None
    return found


def _cells(notebook: Path) -> str:
    with reading(notebook, "the notebook", "take the project's own again, or restore yours from a backup"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@cache
def _imported(file: Path, package: Path, _: int) -> tuple[Path, ...]:
    name, source = file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")
    return tuple(_modules(source, package, file.parent, name in _IMPORTED_BEFOREHAND))


def _modules(source: str, package: Path, folder: Path, beforehand: bool = False) -> Iterator[Path]:
    """Files of all modules of the package that a source names.

    Parameters
    ----------
    folder : where its relative imports start
    beforehand : what it imports by names in its texts does not count
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        # A magic line of a notebook.
        raise _Anything from None
    name = re.compile(rf"\b{package.name}(?:\.\w+)*")
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        used = {getattr(node, "id", None), getattr(node, "attr", None)}
        if isinstance(node, ast.Import):
            used |= {one.name for one in node.names}
        if used & _DYNAMIC and not beforehand:
            raise _Anything
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            # The name of the package alone, in a sentence, is no module.
            yield from _files((one for one in name.findall(node.value) if "." in one and not beforehand), package)
        elif isinstance(node, ast.Import):
            yield from _files((one.name for one in node.names), package)
        elif isinstance(node, ast.ImportFrom):
            yield from _files(_from(node, package, folder), package)


def _from(node: ast.ImportFrom, package: Path, folder: Path) -> Iterator[str]:
    if any(one.name in ("*", *_DYNAMIC) for one in node.names):
        raise _Anything
    base = node.module or ""
    if node.level:
        start = folder.parents[node.level - 2] if node.level > 1 else folder
        base = ".".join([*start.relative_to(package.parent).parts, *([base] if base else [])])
    yield from (f"{base}.{one.name}" for one in node.names)


def _files(names: Iterable[str], package: Path) -> Iterator[Path]:
    """The modules on the way to each name: their packages' files, the module, nothing for what is an attribute."""
    for name in names:
        parts = name.split(".")
        if parts[0] == package.name:
            yield from _on_the_way(parts, package)


def _on_the_way(parts: list[str], package: Path) -> Iterator[Path]:
    """The files of ``parts``, one below the other.

    A face maps a name to the module that defines it; an import of a whole package may use all names of its face.
    """
    for depth in range(1, len(parts) + 1):
        place = package.parent.joinpath(*parts[:depth])
        yield from (file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file())
        face = _face(place / "__init__.pyi")
        taken = parts[depth:] or sorted(face)
        for name in taken[:1] if parts[depth:] else taken:
            if name in face:
                yield from _on_the_way([*parts[:depth], *face[name].split("."), name, *parts[depth + 1 :]], package)
        if parts[depth:] and parts[depth] in face:
            return


def _face(stub: Path) -> dict[str, str]:
    """Name -> module (below the package) of a package's face; empty where it has none."""
    return _read_face(stub, stub.stat().st_mtime_ns) if stub.is_file() else {}


@cache
def _read_face(stub: Path, _: int) -> dict[str, str]:
    imports = (node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom))
    return {one.name: node.module or "" for node in imports for one in node.names}
