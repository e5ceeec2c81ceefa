"""Input files that public bug reports stand behind, kept outside the project; their links replaced by links of ours."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyreadstat
import pytest

from tests.conftest import reference_folder

_TOKEN = re.compile(r"(?<![a-z0-9])[a-z2-7]{20}(?![a-z0-9])")


def case(folder: str, name: str) -> Path:
    """A file of a case; the test is skipped where the folder of outside files is not there."""
    path = reference_folder() / "cases" / folder / name
    if not path.is_file():
        pytest.skip(f"no {path} (set SPI_REFERENCE_DIR to the folder that holds cases/)")
    return path


def with_tokens(path: Path, tokens: Sequence[str], folder: Path) -> Path:
    """A copy of a file of answers in which the links, in the order of the file, are ours."""
    target = folder / path.name
    if path.suffix == ".sav":
        _sav(path, tokens, target)
    elif path.suffix == ".dta":
        _dta(path, tokens, target)
    elif path.suffix == ".xlsx":
        _xlsx(path, _replacer(tokens), target)
    else:
        target.write_text(_replacer(tokens)(path.read_text(encoding="utf-8")), encoding="utf-8")
    return target


def _replacer(tokens: Sequence[str]) -> Callable[[str], str]:
    ours = iter(tokens)
    known: dict[str, str] = {}

    def one(found: re.Match[str]) -> str:
        if found[0] not in known:
            known[found[0]] = next(ours)
        return known[found[0]]

    return lambda text: _TOKEN.sub(one, text)


def _sav(path: Path, tokens: Sequence[str], target: Path) -> None:
    data, meta = pyreadstat.read_sav(str(path), user_missing=True)
    data["token"] = list(tokens[: len(data)])
    pyreadstat.write_sav(
        data, str(target), variable_value_labels=meta.variable_value_labels, missing_ranges=meta.missing_ranges
    )


def _dta(path: Path, tokens: Sequence[str], target: Path) -> None:
    data, meta = pyreadstat.read_dta(str(path))
    data["token"] = list(tokens[: len(data)])
    pyreadstat.write_dta(data, str(target), variable_value_labels=meta.variable_value_labels)


def _xlsx(path: Path, replace: Callable[[str], str], target: Path) -> None:
    # As bytes: a library that writes workbooks would lose what the case is about.
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/sharedStrings.xml" or name.startswith("xl/worksheets/sheet"):
                content = replace(content.decode("utf-8")).encode("utf-8")
            copy.writestr(name, content)
