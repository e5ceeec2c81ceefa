"""One generated city: its people, what they would answer, how likely they are to answer, and the truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import get_args

import numpy as np
import pandas as pd

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import InputError, nearest
from spi_analysis.params import ListKind, RoundSetup, Source, read_csv_table
from spi_analysis.synthetic.answers import (
    SourceAnswers,
    UnitEffects,
    answer_table,
    draw_unit_effects,
    listed_answers,
    panel_answers,
)
from spi_analysis.synthetic.country import drawn_score, example_scores, is_example
from spi_analysis.synthetic.profiles import CityProfile, list_kinds, profile_of, response_rate_of
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.residents import draw_sizes, make_people
from spi_analysis.synthetic.response_worlds import ResponseModel, response_propensity
from spi_analysis.synthetic.times import years_since
from spi_analysis.synthetic.truth import true_figures


@dataclass(frozen=True, eq=False)
class SyntheticCity:
    """A city with known truth. ``people``, ``answers`` and ``propensity`` share one index (a row = person and source).

    ``is_eligible`` is the truth by the round's rules; people marked ``hidden_ineligible``
    look eligible on the lists and are not. ``reference_date`` is the first day of
    fieldwork, to which ages and tenures refer. ``kinds``: whose lists and habits the people of a source have;
    ``labels``: what its list is called.
    """

    institution_id: str
    seed: int
    name: str
    reference_date: dt.date
    people: pd.DataFrame
    answers: pd.DataFrame
    propensity: pd.Series
    truth: pd.DataFrame
    kinds: Mapping[Source, ListKind]
    labels: Mapping[Source, str]

    @cached_property
    def kind(self) -> np.ndarray:
        """Whose habits every person has."""
        return self.people["source"].map(dict(self.kinds)).to_numpy(dtype=object)

    @cached_property
    def person_ids(self) -> pd.Series:
        """Opaque codes that follow from the uid, one per row of ``people``."""
        key = f"{self.seed}".encode()
        codes = [blake2b(uid.encode(), digest_size=8, key=key).hexdigest() for uid in self.people["uid"]]
        return pd.Series(codes, index=self.people.index, dtype=object)


def make_city(
    setup: RoundSetup,
    institution_id: str,
    seed: int,
    *,
    response: ResponseModel = "at_random",
    response_rate: float | None = None,
    coached: bool = True,
    sizes: Mapping[Source, int] | None = None,
) -> SyntheticCity:
    """Generate a city whose true source scores are the published ones of the round's year.

    An example institution (``country.is_example``) has none: its scores, like its size, follow from its code.

    Parameters
    ----------
    response : whether answering depends on what the lists show only, or on the answer too
    response_rate : mean response probability of eligible employees and users; default: the city's own
    coached : whether the city's coached units are in it
    sizes : number of people per source, instead of the city's own

    Raises
    ------
    InputError   an argument is out of range, or the institution has no published scores for the year
    """
    _check_arguments(seed, response, response_rate, sizes or {}, list(setup.round.sources))
    institution = setup.roster[setup.require(institution_id)]
    profile, round_ = profile_of(institution), setup.round_for(institution_id)
    streams = Streams(institution_id, (seed,))
    kinds = list_kinds(setup)
    drawn = draw_sizes(setup, institution_id, streams("sizes"))
    people = make_people(setup, institution_id, round_, {**drawn, **(sizes or {})}, streams)
    ages = years_since(people["birth_date"].to_numpy(), np.datetime64(round_.fieldwork.start))
    units = {
        source: draw_unit_effects(people["unit"][people["source"] == source], streams(f"{source} units"))
        for source, kind in kinds.items()
        if kind != "expert"
    }
    parts = _answers(
        setup, institution_id, institution.name, people, ages, units, profile if coached else None, streams
    )
    score = np.concatenate([part.scores["score"].to_numpy() for part in parts.values()])
    return SyntheticCity(
        institution_id=institution_id,
        seed=seed,
        name=institution.name,
        reference_date=round_.fieldwork.start,
        people=people.assign(is_coached=np.concatenate([part.coached for part in parts.values()])),
        answers=answer_table(parts),
        propensity=response_propensity(
            people, kinds, ages, units, score, response, response_rate or response_rate_of(setup, institution_id)
        ),
        truth=true_figures(setup, setup.inputs[institution_id], people, parts),
        kinds=kinds,
        labels={source: part.label.id for source, part in setup.round.sources.items()},
    )


def _answers(
    setup: RoundSetup,
    code: str,
    name: str,
    people: pd.DataFrame,
    ages: np.ndarray,
    units: dict[Source, UnitEffects],
    coaching: CityProfile | None,
    streams: Streams,
) -> dict[Source, SourceAnswers]:
    target = true_scores(setup, code, name)
    parts: dict[Source, SourceAnswers] = {}
    for source, kind in list_kinds(setup).items():
        rows = (people["source"] == source).to_numpy()
        if kind == "expert":
            parts[source] = panel_answers(int(rows.sum()), setup.instrument, target[source], streams, source)
            continue
        n_coached = coaching.coached_units if coaching and source == "internal" else 0
        parts[source] = listed_answers(
            people[rows], ages[rows], units[source], setup.instrument, target[source], n_coached, streams, kind
        )
    return parts


def true_scores(setup: RoundSetup, code: str, name: str) -> dict[Source, float]:
    """The source scores that an institution's people are generated around: published ones; an example has its own."""
    if setup.generator is not None:
        drawn = {source: part.score for source, part in setup.generator.sources.items()}
        return {source: drawn_score(code, source, *drawn[source]) for source in setup.round.sources}
    return example_scores(code) if is_example(code) else _published_scores(setup, name)


def _published_scores(setup: RoundSetup, name: str) -> dict[Source, float]:
    """The source scores published for the institution in the round's year."""
    year = str(setup.round.year)
    for _, row in read_csv_table(setup.workspace.params / "published.csv").rows:
        if row["institution"] == name and row["year"] == year and row["internal"]:
            return {source: float(row[source]) for source in PUBLISHED_SOURCES}
    raise InputError(
        "no published source scores to anchor a generated city to",
        file="params/published.csv",
        key=name,
        expected=f"a row of {year} with internal, external and expert",
    )


def _check_arguments(
    seed: int, response: str, response_rate: float | None, sizes: Mapping[Source, int], sources: list[Source]
) -> None:
    if seed < 0:
        raise InputError("the seed is negative", got=str(seed), expected="0 or more")
    if response not in get_args(ResponseModel):
        models = get_args(ResponseModel)
        raise InputError(
            "unknown response model", got=response, expected=" or ".join(models), hint=nearest(response, models)
        )
    if response_rate is not None and not 0 < response_rate < 1:
        raise InputError("the response rate is out of range", got=str(response_rate), expected="between 0 and 1")
    for source, size in sizes.items():
        if source not in sources or size < 1:
            raise InputError(
                "unknown source or empty list",
                got=f"{source}: {size}",
                expected=f"{', '.join(sources)}, and at least one person",
                hint=nearest(source, sources),
            )
