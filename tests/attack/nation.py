"""Attacks on the page of all institutions: what it says of all of them, less what each of them shows.

Written from docs/methods/disclosure.md alone. The intruder holds every institution's released figures beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.stages import explore_round, round_experiences, round_rank_sets
from spi_analysis.stages.explorer import Explorer
from spi_analysis.tables import Store, as_shown, published_results
from tests.attack.intruder import FEW, PEOPLE, POINTS, ROUNDING, Claim
from tests.attack.rounds import Released


class Nation:
    """A store of several institutions, each a generated round."""

    def __init__(self, ones: Mapping[str, Released]) -> None:
        self.ones = ones

    def has(self, name: str, institution_id: str) -> bool:
        """Whether a table is there."""
        return institution_id in self.ones and name in self.ones[institution_id].tables

    def read(self, name: str, institution_id: str, columns: list[str] | None = None) -> pd.DataFrame:
        """A table of an institution."""
        table = self.ones[institution_id].tables[name].assign(institution_id=institution_id)
        return table if columns is None else table[columns]


@dataclass(frozen=True)
class Overviewed:
    """What the page of all institutions shows, and the rounds of the institutions that it is made from."""

    ones: Mapping[str, Released]
    explorer: Explorer
    experiences: pd.DataFrame
    ranks: pd.DataFrame


def overviewed(setup: RoundSetup, ones: Mapping[str, Released]) -> Overviewed:
    """The page's figures, rounded as they are there."""
    store = cast(Store, Nation(ones))
    ranks, reported = round_rank_sets(setup, store), round_experiences(setup, store)
    explorer = explore_round(setup, store, published_results(setup), ranks, reported)
    return Overviewed(ones, explorer, reported.round(0), as_shown(ranks))


def _rates(one: Released, source: str, item: str) -> pd.DataFrame:
    rows = one.shown[(one.shown["measure"] == "experience_rate") & (one.shown["denominator"] == "contacts")]
    return rows[(rows["source"] == source) & (rows["part"] == item)]


def reports(page: Overviewed) -> Iterator[Claim]:
    """In how many institutions anyone said yes, less those whose own rate says so: nobody in all the others?"""
    for row in page.experiences.dropna(subset=["estimate"]).itertuples():
        shown = {code: rates for code, one in page.ones.items() if len(rates := _rates(one, row.source, row.item))}
        hidden = _hidden(page, row.source, row.item, set(shown))
        if len(hidden) + len(shown) != row.n or not hidden:
            continue
        left = round(row.estimate * row.n / 100) - sum(rates["estimate"].iloc[0] > 0 for rates in shown.values())
        if left == 0:
            for code, answers in hidden.items():
                yield Claim("nobody said yes", f"{code} {row.item}", 0, 0, PEOPLE, float(answers.sum()))


def people_with_contact(page: Overviewed) -> Iterator[Claim]:
    """All people with contact less those of shown rates: how many the one hidden rate rests on."""
    for row in page.experiences.itertuples():
        shown = {code: rates for code, one in page.ones.items() if len(rates := _rates(one, row.source, row.item))}
        hidden = _hidden(page, row.source, row.item, set(shown))
        if len(hidden) + len(shown) == row.n and len(hidden) == 1:
            left = float(row.people - sum(rates["n"].iloc[0] for rates in shown.values()))
            truth = float(next(iter(hidden.values())).count())
            # Where a rate is hidden the number is rounded down to tens; one that is none was not rounded.
            high = left + (FEW - 1 if row.people % FEW == 0 else 0)
            yield Claim("contacts of a hidden rate", f"{row.source} {row.item}", left, high, PEOPLE, truth)


def _hidden(page: Overviewed, source: str, item: str, shown: set[str]) -> dict[str, pd.Series]:
    """Answers of those with contact, of institutions that hide this rate and show the source."""
    found = {}
    for code, one in page.ones.items():
        scores = one.shown[(one.shown["measure"] == "source_score") & (one.shown["source"] == source)]
        if code not in shown and len(scores):
            people = one.people[(one.people["source"] == source) & one.people["score"].notna()]
            contact = {"internal": "int_con", "external": "ext_con"}[source]
            had = people.filter(like=contact).iloc[:, 0] == 1
            found[code] = people.loc[had, item]
    return {code: answers for code, answers in found.items() if len(answers) >= FEW}


def means(page: Overviewed) -> Iterator[Claim]:
    """The mean of all indices times their number, less those that are shown."""
    rows = page.explorer.rows
    shown, hidden = rows["index"].dropna(), rows[rows["index"].isna()]
    for code in hidden["institution_id"]:
        left = page.explorer.mean[0] * (len(shown) + 1) - shown.sum()
        # A mean of the shown alone gives that same mean again, whatever the hidden one is.
        if abs(left - page.explorer.mean[0]) > len(rows) * ROUNDING:
            yield Claim("mean less the shown", code, left, left, POINTS, left)


def compared(page: Overviewed) -> Iterator[Claim]:
    """More institutions in ranks, changes or categories than have an index that is shown."""
    shown = int(page.explorer.rows["index"].notna().sum())
    numbers = {"categories": int(page.explorer.categories.sum()), "changes": page.explorer.changes.n}
    numbers |= {"ranks": len(page.ranks)}
    for name, number in numbers.items():
        if number > shown:
            yield Claim("compared though hidden", name, 0.0, 0.0, POINTS, 0.0)


def beyond_its_page(page: Overviewed) -> Iterator[Claim]:
    """Any figure of an institution that its own report does not show; people who kept silent, by a response rate."""
    for row in page.explorer.rows.to_dict("records"):
        one = page.ones.get(row["institution_id"])
        if one is None:
            continue
        scores = one.shown[one.shown["measure"] == "source_score"].set_index("source")
        is_shown = (one.shown["measure"] == "index").any()
        for name, value in row.items():
            source, cell = str(name).partition("_")[2], f"{row['institution_id']} {name}"
            of_source = str(name).startswith(("score_", "rate_"))
            if pd.isna(value) or not (of_source or name in OF_INDEX):
                continue
            if source not in scores.index if of_source else not is_shown:
                yield Claim("not on its own page", cell, value, value, POINTS, value)
            elif str(name).startswith("rate_") and value > 0:
                n = float(scores.loc[source, "n"])
                low, high = n / min(value + 0.0005, 1.0) - n, n / (value - 0.0005) - n
                if high < FEW:
                    yield Claim("silent by a rate", cell, low, high, PEOPLE, (low + high) / 2)


OF_INDEX = ("index", "n", "change", "category_chance", "best")

NATIONAL: tuple[Callable[[Overviewed], Iterator[Claim]], ...] = (
    reports, people_with_contact, means, compared, beyond_its_page,
)  # fmt: skip
