"""Digests of files and of the package, for all checks whether code or data have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import accessible_notebooks
import forked_papermill

PACKAGE = Path(__file__).parents[1]
# Packages of this project that run every notebook and make its pages: all of their code counts for each notebook.
BESIDE = tuple(Path(str(one.__file__)).parent for one in (accessible_notebooks, forked_papermill))


def file_digest(path: Path) -> str:
    """SHA-256 of a file; "" where there is none. Read again in this process only if it was written since."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return ""
    return _file_digest(str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _file_digest(path: str, *_: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_digest(paths: Iterable[Path], root: Path) -> str:
    """One digest over names below ``root`` and contents, in the order of the names; "" for no file."""
    lines = [f"{path.relative_to(root)}\0{file_digest(path)}\n" for path in sorted(paths)]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


@cache
def code_digest(modules: frozenset[Path] | None = None) -> str:
    """The digest of the package without templates, and of the code that runs notebooks.

    Of the package's modules only ``modules``, where they are given. Then faces (.pyi) do not count, since they only say
    where a name is defined: the modules behind the names count.
    """
    files = _code_of(PACKAGE)
    if modules is not None:
        files = (path for path in files if path.suffix not in (".py", ".pyi") or path in modules)
    return _joined(files_digest(files, PACKAGE), *(files_digest(_code_of(beside), beside) for beside in BESIDE))


@cache
def template_digest() -> str:
    """The digest of the templates, which are used for pages only."""
    looks = {package: set(files_of(package)) - set(_code_of(package)) for package in (PACKAGE, *BESIDE)}
    return _joined(*(files_digest(files, package) for package, files in looks.items()))


def package_digest() -> str:
    """The digest of the whole package and of the code that runs notebooks, on disk at this moment."""
    return _joined(*map(_whole, (PACKAGE, *BESIDE)))


def files_of(package: Path) -> Iterator[Path]:
    """All files of a package but what Python compiled."""
    return (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _code_of(package: Path) -> Iterator[Path]:
    """All files of a package but those in its folders of templates."""
    return (path for path in files_of(package) if "templates" not in path.relative_to(package).parts)


def _whole(package: Path) -> str:
    return files_digest(files_of(package), package)


def _joined(*digests: str) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()
