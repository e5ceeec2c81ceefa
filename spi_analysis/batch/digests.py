"""Digests of files, of the package and of what is installed beside it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.metadata import distributions
from pathlib import Path

import spi_analysis
from spi_analysis.batch.reach import reached

PACKAGE = Path(spi_analysis.__file__).parent
# Pages are made with these, and nothing else is: reporting/export.py alone reads them.
TEMPLATES = PACKAGE / "reporting" / "templates"


def file_digest(path: Path) -> str:
    """SHA-256 of a file; "" where there is none. Read again in this process only if it was written again."""
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
def code_digest() -> str:
    """The whole package but for the templates: whatever a notebook calls, a change of it is seen."""
    return files_digest((path for path in _package_files() if TEMPLATES not in path.parents), PACKAGE)


def notebook_code_digest(notebook: Path) -> str:
    """All of the package that can have a say in what a notebook shows: modules in its reach, and whatever is no module.

    The whole package (but for the templates) where its reach cannot be told.
    """
    return _notebook_code_digest(notebook, file_digest(notebook))


@cache
def _notebook_code_digest(notebook: Path, contents: str) -> str:
    modules = reached(notebook, PACKAGE) if contents else None
    if modules is None:
        return code_digest()
    files = (path for path in _package_files() if path.suffix != ".py" or path in modules)
    return files_digest((path for path in files if TEMPLATES not in path.parents), PACKAGE)


@cache
def template_digest() -> str:
    """What pages look like."""
    return files_digest((path for path in _package_files() if TEMPLATES in path.parents), PACKAGE)


@cache
def environment_digest() -> str:
    """The interpreter and every installed package with its version."""
    return hashlib.sha256("\n".join(environment_parts()).encode()).hexdigest()


def environment_parts() -> list[str]:
    """What the digest of the environment is made from: the interpreter, then name==version of all packages."""
    return [sys.version, *sorted({f"{one.name.lower()}=={one.version}" for one in distributions() if one.name})]


def forget() -> None:
    """Look at package and environment again: a run begins."""
    for one in (code_digest, _notebook_code_digest, template_digest, environment_digest):
        one.cache_clear()


def _package_files() -> Iterator[Path]:
    return (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
