"""Names of folders that can be written down."""

from __future__ import annotations

from pathlib import Path

from spi_analysis.errors import Problem, StoreError


def require_text(*folders: Path) -> None:
    """Ledger, logs and pages are UTF-8: a folder whose name is none can be opened, but not written down.

    Raises
    ------
    StoreError   names the folders, with the bytes that are no text.
    """
    problems = [
        Problem(
            "the name of this folder is no text in UTF-8",
            file=str(folder).encode("utf-8", "backslashreplace").decode(),
            hint="rename it, or choose another (TMPDIR names the one for temporary files)",
        )
        for folder in folders
        if not _is_text(str(folder))
    ]
    if problems:
        raise StoreError(*problems)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
