"""A workspace made from the installed package, and a new round made from an earlier one."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spi_analysis.errors import ParameterError
from spi_analysis.params import LEFT_OVER, RoundSetup, Workspace, find_workspace
from spi_analysis.tables import write_text

# What a workspace starts with: a copy of the project's own in a wheel, links to them in the project itself.
STARTER = Path(__file__).parents[1] / "starter"
IGNORED = "/data/\n/.trial-*/\n/outputs/\n/build/\n.ipynb_checkpoints/\n"
NEW_NAME = re.compile(r"[a-z0-9_]+_(\d{4})")
# Values that belong to a year: kept as they were and marked, until somebody has looked at them.
OF_THE_YEAR = {
    "publication": ["publisher", "day"],
    "index": ["source_weights"],
    "fieldwork": ["start", "end", "reminder_weeks"],
    "draw": ["public_value_name", "public_value", "public_value_date"],
    "retention": ["contacts_until"],
}
NOT_KNOWN = "belum ada: isi setelah koreksi terbit (not known yet)"


def make_workspace(folder: Path) -> Workspace:
    """Copy parameters, notebooks and a README into a new folder; all of it or nothing.

    Raises
    ------
    ParameterError   the folder holds anything.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ParameterError(
            "this folder is not empty",
            file=str(folder),
            expected="a new folder, or an empty one",
            hint="a workspace that is there goes on as it is; spi upgrade brings its rounds to a new version",
        )
    staging = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    for name in ("params", "notebooks"):
        shutil.copytree((STARTER / name).resolve(), staging / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    shutil.copy(STARTER / "README.md", staging / "README.md")
    write_text(staging / ".gitignore", IGNORED)
    if folder.exists():
        folder.rmdir()
    staging.rename(folder)
    return find_workspace(folder)


@dataclass(frozen=True)
class NewRound:
    """The files of a new round, and what in them is still of the earlier one: line and text."""

    files: tuple[Path, ...]
    marked: tuple[tuple[int, str], ...]


def new_round(
    setup: RoundSetup, name: str, institution_ids: Sequence[str], fieldwork: tuple[dt.date, dt.date] | None = None
) -> NewRound:
    """Make the files of a round from those of an earlier one; what belongs to the year is set, or marked.

    ``fieldwork``: its first and last day, if they are known. Until the marks (``LEFT_OVER``) are gone, ``spi check``
    and ``spi draw`` refuse the round.

    Raises
    ------
    ParameterError   the name has no year or a round has it already.
    """
    year = _year_of(name, setup)
    place = setup.workspace.params / "rounds"
    text = (place / f"{setup.round.round_id}.yaml").read_text(encoding="utf-8")
    text = _renamed(text, setup, name, year)
    # Nobody knows it before its day, and no draw is announced while one stands there.
    known: dict[tuple[str, str], str] = {("draw", "public_value"): '""'}
    weights = setup.years.years.get(year)
    if weights is not None:
        listed = ", ".join(f"{source}: {weight}" for source, weight in weights.source_weights.items())
        known["index", "source_weights"] = f"{{{listed}}}"
    if fieldwork is not None:
        known |= {("fieldwork", key): day.isoformat() for key, day in zip(("start", "end"), fieldwork, strict=True)}
    text = _marked(text, known, setup.round.round_id)
    # Both are made before one is written: an institution that is not in the roster leaves no half of a round behind.
    texts = {f"{name}.yaml": text, f"{name}.institutions.csv": _institutions(setup, institution_ids)}
    files = tuple(write_text(place / file, content) for file, content in texts.items())
    marks = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if LEFT_OVER in line]
    return NewRound(files, tuple(marks))


def _year_of(name: str, setup: RoundSetup) -> int:
    found = NEW_NAME.fullmatch(name)
    if found is None:
        raise ParameterError(
            "the name of a round ends in its year", got=name, expected="small letters, digits and _, such as spi_2026"
        )
    year = int(found[1])
    if setup.workspace.round_params(name).exists() or year <= setup.round.year:
        there = setup.workspace.round_params(name).exists()
        raise ParameterError(
            "there is such a round already" if there else "a new round is of a later year than the one it is made from",
            file=f"params/rounds/{name}.yaml",
            got=name,
            expected="a name that no round has yet" if there else f"a round after {setup.round.year}",
        )
    return year


def _renamed(text: str, setup: RoundSetup, name: str, year: int) -> str:
    """Name, year, title, and the year to compare with."""
    old = setup.round
    text = text.replace(f"{old.round_id}.institutions.csv", f"{name}.institutions.csv")
    values = {"round_id": name, "year": year, "previous_year": year - 1}
    for key, value in values.items():
        text = re.sub(rf"(?m)^{key}:.*$", f"{key}: {value}", text, count=1)
    text = re.sub(r"(?m)^previous_round:.*\n", "", text)
    return re.sub(r"(?m)^title:.*$", lambda line: line[0].replace(str(old.year), str(year)), text, count=1)


def _marked(text: str, known: dict[tuple[str, str], str], old: str) -> str:
    """The lines of OF_THE_YEAR with the value that is known, else with a mark behind the value that was."""
    lines, group = [], ""
    for line in text.splitlines():
        top = re.match(r"(\w+):", line)
        group = top[1] if top else group
        key = re.match(r"  (\w+):", line)
        if key and key[1] in OF_THE_YEAR.get(group, []):
            value = known.get((group, key[1]))
            left = f"{line}  {LEFT_OVER} {old}: look at it, then remove this comment"
            line = f"  {key[1]}: {value}" if value else left
        lines.append(line)
    return "\n".join(lines) + "\n"


def _institutions(setup: RoundSetup, institution_ids: Sequence[str]) -> str:
    """Who takes part; corrections are those of nobody yet."""
    facts = {"correction_conduct": 0, "correction_facts": 0, "release": "published", "withheld_reason": ""}
    rows = [
        {"institution_id": setup.roster[code].institution_id, **facts, "source": NOT_KNOWN} for code in institution_ids
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
