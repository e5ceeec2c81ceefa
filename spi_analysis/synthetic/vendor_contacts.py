"""Whom the contacts in the invitation files belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.errors import InputError
from spi_analysis.synthetic.city import SyntheticCity

# What the workbench calls the columns of an invitation file.
INVITATION_COLUMNS = {"token": "token", "source": "source", "name": "name", "phone": "phone", "email": "email"}


def read_invitations(files: Iterable[Path]) -> pd.DataFrame:
    """All invitations: token, source, name, phone (digits only) and email; "" where nothing is given.

    A file without a column for the source must name it in its own name.
    """
    parts = [_read(Path(file)) for file in files]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(INVITATION_COLUMNS), dtype=str)


def find_people(city: SyntheticCity, invitations: pd.DataFrame) -> np.ndarray:
    """Row in the city's people of everyone invited, by phone, else e-mail, else a unique name; -1 for nobody."""
    rows = np.full(len(invitations), -1)
    people = pd.DataFrame(
        {
            "source": city.people["source"],
            "phone": city.people["phone"].map(_digits),
            "email": city.people["email"],
            "name": city.people["name"].str.casefold(),
        }
    )
    for column in ("phone", "email", "name"):
        found = _match(people, invitations, column)
        rows = np.where(rows < 0, found, rows)
    return rows


def _read(file: Path) -> pd.DataFrame:
    table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table = table.rename(columns={given: column for column, given in INVITATION_COLUMNS.items()})
    if "source" not in table:
        table["source"] = next((source for source in SOURCES if source in file.name), "")
    missing = [INVITATION_COLUMNS[column] for column in INVITATION_COLUMNS if column not in table]
    if missing or not table["source"].isin(SOURCES).all():
        raise InputError(
            "this is not an invitation file",
            file=file.name,
            column=", ".join(missing) or INVITATION_COLUMNS["source"],
            expected=f"the columns {', '.join(INVITATION_COLUMNS.values())}, and sources {', '.join(SOURCES)}",
        )
    table["phone"] = table["phone"].map(_digits)
    table["email"] = table["email"].str.strip().str.lower()
    table["name"] = table["name"].str.strip().str.casefold()
    return table[list(INVITATION_COLUMNS)]


def _digits(phone: str) -> str:
    """National digits of a phone number, without 0 or 62 in front."""
    return re.sub(r"^(62|0)", "", re.sub(r"\D", "", phone))


def _match(people: pd.DataFrame, invitations: pd.DataFrame, column: str) -> np.ndarray:
    """Row of the one person of the source with the same value; -1 for none, several or an empty value."""
    known = people.drop_duplicates(["source", column], keep=False)
    index = pd.MultiIndex.from_frame(known[["source", column]])
    place = index.get_indexer(pd.MultiIndex.from_frame(invitations[["source", column]]))
    found = known.index.to_numpy()[place]
    return np.where((place >= 0) & (invitations[column] != "").to_numpy(), found, -1)
