"""The same person twice: within one source's list, and in several sources of an institution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from spi_analysis.params import NameRules
from spi_analysis.tables import is_identity, names_alike
from spi_analysis.tables.importing.issues import RowIssue

# Contact columns that may hold the same number or address, by the word of their reason.
CONTACTS = {"phone": ("phone", "phone_2"), "email": ("email", "email_2")}
FIELDS = {"employee_number": ("employee_number",), "phone": ("whatsapp", "phone"), "email": ("email",)}


class Duplicates:
    """Goes through a list in its order; the first row of a person is kept and counts the later ones.

    The same employee number is the same person (numbers of several people are taken out before: `shared_numbers`).
    The same phone or e-mail is the same person unless the names are clearly different: then it is a shared contact,
    and the later row is turned away for that reason.
    """

    def __init__(self, rules: NameRules, place: Mapping[Any, Mapping[str, object]]) -> None:
        self.rules, self.place = rules, place
        self.listings: dict[Any, int] = {}
        self.row_issues: list[RowIssue] = []
        self._owner: dict[tuple[str, str], tuple[Any, str]] = {}

    def check(self, people: pd.DataFrame) -> None:
        """Look at every row; the results stand in ``listings`` (kept row -> times listed) and ``row_issues``."""
        columns = ["name", "employee_number", *CONTACTS["phone"], *CONTACTS["email"]]
        for row, name, number, *contacts in people[columns].itertuples():
            keys = [("employee_number", number)] if is_identity(number) else []
            keys += [key for key in zip(("phone", "phone", "email", "email"), contacts, strict=True) if key[1]]
            known = next((key for key in keys if key in self._owner), None)
            if known is None:
                self._owner |= dict.fromkeys(keys, (row, name or ""))
                self.listings[row] = 1
            else:
                self._turn_away(row, name or "", known[0], *self._owner[known])

    def _turn_away(self, row: Any, name: str, kind: str, first: Any, first_name: str) -> None:
        same = kind == "employee_number" or names_alike(name, first_name, self.rules)
        self.listings[first] += same
        code = f"duplicate_{kind}" if same else f"shared_{kind}"
        self.row_issues.append(RowIssue(row, code, FIELDS[kind], self.place[first]))


def shared_numbers(people: pd.DataFrame, rules: NameRules, place: Mapping[Any, Mapping[str, object]]) -> list[RowIssue]:
    """An issue on every row whose employee number stands at somebody else, too: that number is nobody's identity.

    Somebody else has another name and no phone or address in common. It happens where a spreadsheet rounded the
    numbers, or where one was copied down a column.

    Parameters
    ----------
    people : DataFrame   name, employee_number and contacts, one row per listed person
    place : mapping      row -> the place of the row, as the reason names it
    """
    numbers = people["employee_number"]
    groups = people[numbers.map(is_identity) & numbers.duplicated(keep=False)].groupby("employee_number", sort=False)
    row_issues = []
    for _, group in groups:
        columns = ["name", *CONTACTS["phone"], *CONTACTS["email"]]
        (_, name, *known), *others = group[columns].itertuples()
        if any(_is_somebody_else(name, known, other, contacts, rules) for _, other, *contacts in others):
            rows = list(group.index)
            row_issues += [
                RowIssue(row, "shared_employee_number", FIELDS["employee_number"], place[_other(row, rows)])
                for row in rows
            ]
    return row_issues


def _is_somebody_else(name: Any, known: list[Any], other: Any, contacts: list[Any], rules: NameRules) -> bool:
    shared = {value for value in known if isinstance(value, str)} & {v for v in contacts if isinstance(v, str)}
    return not shared and not names_alike(name or "", other or "", rules)


def _other(row: Any, rows: list[Any]) -> Any:
    """The first other row."""
    return rows[1] if row == rows[0] else rows[0]


def also_listed(contacts: pd.DataFrame, sources: Iterable[str]) -> pd.Series:
    """The other sources in which a person of one institution is listed, by any number or address.

    Parameters
    ----------
    contacts : DataFrame   of all sources of the institution: source, person_id and contacts, one row per listed person
    sources : of the round, in the order in which they are named

    Returns
    -------
    Series of str or None, index as ``contacts``: sources joined by a space.
    """
    texts = contacts.astype("string")
    texts["employee_number"] = texts["employee_number"].where(texts["employee_number"].map(is_identity))
    keyed = pd.concat(
        [
            pd.DataFrame({"row": contacts.index, "source": contacts["source"], "key": f"{kind}:" + texts[column]})
            for kind, columns in {"employee_number": ("employee_number",), **CONTACTS}.items()
            for column in columns
        ]
    ).dropna(subset=["key"])
    pairs = keyed.merge(keyed, on="key", suffixes=("", "_other"))
    pairs = pairs[pairs["source"] != pairs["source_other"]]
    order = list(sources)
    others = pairs.groupby("row")["source_other"].agg(lambda found: " ".join(s for s in order if s in set(found)))
    others = others.reindex(contacts.index).astype(object)
    return others.where(others.notna(), None)
