"""A national round: which institutions there are, how large they are, and what they score.

The institutions are numbered examples ("Pemerintah Kabupaten Contoh 001"): none of them exists. How many there are
of each type, and the mean index of each type, are those of 2024; sizes, response and spreads are plausible inventions
that add up to the published totals of 2022 (7.8 million listed, 2.5 million invited in about 640 institutions).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from spi_analysis.params import Institution, InstitutionInputs, InstitutionType, RoundSetup, Source
from spi_analysis.stages import RESPONSE as RESPONSE_RATE
from spi_analysis.synthetic.randomness import Streams

EXAMPLE = re.compile(r"(kementerian|lembaga|provinsi|kota|kabupaten|bumn)-contoh-(\d{3})")
MADE_BY = "data buatan / generated (spi synth)"


class TypeShape(NamedTuple):
    """How many institutions of a type there are, and what a typical one is like.

    ``internal``, ``external``: mean number of people on the lists; ``spread``: SD of the log of the size;
    ``index``: mean index.
    """

    title: str
    count: int
    internal: int
    external: int
    spread: float
    index: float


SHAPES: dict[InstitutionType, TypeShape] = {
    "kementerian": TypeShape("Kementerian", 35, 30_000, 12_000, 0.7, 78.85),
    "lembaga": TypeShape("Lembaga", 61, 5_000, 4_000, 0.8, 79.80),
    "provinsi": TypeShape("Pemerintah Provinsi", 36, 14_000, 7_000, 0.5, 67.20),
    "kota": TypeShape("Pemerintah Kota", 93, 5_200, 3_800, 0.5, 71.91),
    "kabupaten": TypeShape("Pemerintah Kabupaten", 415, 6_300, 3_800, 0.4, 69.94),
    "bumn": TypeShape("BUMN", 2, 20_000, 15_000, 0.4, 79.16),
}
LARGEST = 4.0  # times the mean of the type
SMALLEST: dict[Source, int] = {"internal": 60, "external": 40}  # people on a list that is scaled down
SIZE_CLASSES = {"besar": 14_000, "sedang": 7_000}  # from how many listed people on; what is smaller is "kecil"

RESPONSE = (0.15, 0.36)  # mean response probability, between institutions
COACHED = (0.80, 0.15, 0.05)  # shares of institutions with no, one and two coached units
# Mean and SD of the source scores where the type's mean index is NEUTRAL; experts differ most.
SCORES: dict[Source, tuple[float, float]] = {"internal": (75.5, 2.8), "external": (87.0, 3.2), "expert": (69.0, 6.0)}
NEUTRAL = 73.5
POSSIBLE = (45.0, 96.0)
CONDUCT, CONDUCT_MOST = 3.0, 9.0  # mean and largest correction for the survey's conduct
FACTS, FACTS_SHARE = 1.5, 0.3  # mean of the correction for facts of corruption, and who has one

# Codes of provinces (BPS, 2022) that the example institutions take turns in.
PROVINCES = (
    "11 12 13 14 15 16 17 18 19 21 31 32 33 34 35 36 51 52 53 61 62 63 64 65 71 72 73 74 75 76 81 82 91 92 93 94 95 96"
)


def is_example(institution_id: str) -> bool:
    """Whether the institution is one of the generated ones."""
    return EXAMPLE.fullmatch(institution_id) is not None


def type_of(institution_id: str) -> InstitutionType:
    """The type that the code of an example institution names."""
    match = EXAMPLE.fullmatch(institution_id)
    assert match is not None, institution_id
    return cast(InstitutionType, match[1])


def example_institutions(there: Iterable[Institution], count: int) -> list[Institution]:
    """Further institutions, so that there are ``count`` in all, of the types that are most wanting.

    Whoever asks for more later gets the same ones and others after them.
    """
    present = list(there)
    types = Counter(institution.type for institution in present)
    numbers = Counter(institution.type for institution in present if is_example(institution.institution_id))
    made = []
    while len(present) + len(made) < count:
        kind = _most_wanting(types)
        types[kind] += 1
        numbers[kind] += 1
        made.append(_example(kind, numbers[kind]))
    return made


def example_inputs(institution_id: str) -> InstitutionInputs:
    """Corrections of an example institution; nothing is withheld."""
    rng = _rng(institution_id, "corrections")
    conduct = min(rng.exponential(CONDUCT), CONDUCT_MOST)
    facts = rng.exponential(FACTS) if rng.random() < FACTS_SHARE else 0.0
    return InstitutionInputs(
        institution_id=institution_id,
        correction_conduct=round(conduct, 2),
        correction_facts=round(facts, 2),
        release="published",
        source=MADE_BY,
    )


def example_scores(institution_id: str) -> dict[Source, float]:
    """The true source scores of an example institution."""
    rng = _rng(institution_id, "scores")
    shift = SHAPES[type_of(institution_id)].index - NEUTRAL
    return {
        source: round(float(np.clip(mean + shift + spread * rng.standard_normal(), *POSSIBLE)), 2)
        for source, (mean, spread) in SCORES.items()
    }


def drawn_score(institution_id: str, source: Source, mean: float, spread: float) -> float:
    """The true score of a source, drawn around the mean of all institutions."""
    rng = _rng(institution_id, f"score of {source}")
    return round(float(np.clip(mean + spread * rng.standard_normal(), *POSSIBLE)), 2)


def example_size(institution_id: str) -> tuple[int, int]:
    """How many employees and users an example institution lists."""
    rng, shape = _rng(institution_id, "size"), SHAPES[type_of(institution_id)]
    factors = np.exp(shape.spread * rng.standard_normal(2) - shape.spread**2 / 2)
    internal, external = np.minimum(factors, LARGEST) * (shape.internal, shape.external)
    return max(round(internal), SMALLEST["internal"]), max(round(external), SMALLEST["external"])


def example_response(institution_id: str) -> tuple[float, int]:
    """Mean response probability, and the number of coached units."""
    rng = _rng(institution_id, "response")
    return float(rng.uniform(*RESPONSE)), int(rng.choice(len(COACHED), p=COACHED))


def scaled(sizes: Mapping[Source, int], scale: float) -> dict[Source, int]:
    """Sizes of the lists, scaled down (or up); the panel of experts stays as it is."""
    return {
        source: max(SMALLEST[source], round(scale * size)) if source in SMALLEST else size
        for source, size in sizes.items()
    }


def _most_wanting(types: Counter[InstitutionType]) -> InstitutionType:
    """The type whose share is furthest behind (the highest quotient of the method of Sainte-Laguë)."""
    return max(SHAPES, key=lambda kind: SHAPES[kind].count / (2 * types[kind] + 1))


def _example(kind: InstitutionType, number: int) -> Institution:
    institution_id = f"{kind}-contoh-{number:03d}"
    listed = sum(example_size(institution_id))
    provinces = PROVINCES.split()
    local = kind in ("provinsi", "kota", "kabupaten")
    return Institution(
        institution_id=institution_id,
        name=f"{SHAPES[kind].title} Contoh {number:03d}",
        type=kind,
        province_code=provinces[(number - 1) % len(provinces)] if local else None,
        size_class=next((name for name, least in SIZE_CLASSES.items() if listed >= least), "kecil"),
    )


def _rng(institution_id: str, purpose: str) -> np.random.Generator:
    """What an example institution is like follows from its code alone."""
    return Streams(institution_id, ())(f"example {purpose}")


# The other institutions of a demo, of which there is nothing but their results: what reports are compared with.

PEERS = 60
# SDs in points between dimensions of a source, and between items of a dimension; lowest and widest response rate.
PART_SD, ITEM_SD, RESPONSE_LOW, RESPONSE_WIDTH = 5.0, 8.0, 0.08, 0.35


def generated_peers(setup: RoundSetup, seed: int) -> pd.DataFrame:
    """Figures of as many institutions as a demo has room for, each of the kind of one of the round's in turn.

    Returns
    -------
    DataFrame: measure, source, part, institution_id, type, size_class, province_code, value.
    """
    own = [setup.roster[code] for code in setup.institution_ids]
    return pd.concat([_peer(setup, own[i % len(own)], i + 1, seed) for i in range(PEERS)], ignore_index=True)


def _peer(setup: RoundSetup, like: Institution, number: int, seed: int) -> pd.DataFrame:
    code = f"{like.type}-contoh-{number:03d}"
    rng = Streams(code, (seed,))("peer")
    scores = {source: _clipped(rng.normal(*_usual(source))) for source in setup.round.sources}
    weights = setup.round.index.source_weights
    whole = sum(weights[source] * score for source, score in scores.items()) / sum(weights.values())
    rows = [("index", None, None, _clipped(whole - rng.uniform(0, CONDUCT)))]
    for source, score in scores.items():
        rows.append(("source_score", source, None, score))
        rows.append((RESPONSE_RATE, source, None, RESPONSE_LOW + RESPONSE_WIDTH * rng.random()))
        dimensions = setup.instrument.sources[source].dimensions
        for dimension in dimensions:
            # A source of one dimension is that dimension.
            part = _clipped(score + rng.normal(0, PART_SD * (len(dimensions) > 1)))
            rows.append(("dimension_score", source, dimension.code, part))
            shares = [_clipped(part + rng.normal(0, ITEM_SD)) for _ in dimension.items]
            rows += [("item_favourable", source, item.code, x) for item, x in zip(dimension.items, shares, strict=True)]
    table = pd.DataFrame(rows, columns=["measure", "source", "part", "value"])
    facts = {"type": like.type, "size_class": like.size_class, "province_code": like.province_code}
    return table.assign(institution_id=code, **facts)


def _usual(source: Source) -> tuple[float, float]:
    """Mean and SD of a source's score; of a source of another survey those of employees."""
    return SCORES.get(source, SCORES["internal"])


def _clipped(score: float) -> float:
    return float(np.clip(score, *POSSIBLE))


# What became of recommendations in a demo.

ACTIONS, LATER_STEPS = 4, (0.9, 0.85)  # actions of a recommendation; shares of those done that conform, and then count
IDLE = 0.4  # share of institutions that do nothing in a year


def generated_tracker(setup: RoundSetup, seed: int) -> pd.DataFrame:
    """Generated follow-up of the recommendations of the two years before the round, a row per recommendation.

    Returns
    -------
    DataFrame: institution_id, year, recommendation, status, done, total, conforming, validated.
    """
    year = setup.round.year
    cases = [(code, past) for code in setup.institution_ids for past in (year - 2, year - 1)]
    return pd.DataFrame([row for code, past in cases for row in _followed_up(setup, code, past, seed)])


def _followed_up(setup: RoundSetup, institution_id: str, year: int, seed: int) -> list[dict[str, object]]:
    rng = Streams(institution_id, (seed, year))("tracker")
    is_idle, rows = rng.random() < IDLE, []
    for rule in setup.rules.rules[: setup.round.recommendations.max_shown]:
        done = 0 if is_idle else int(rng.integers(0, ACTIONS + 1))
        conforming = int(rng.binomial(done, LATER_STEPS[0]))
        counts = {"done": done, "total": ACTIONS, "conforming": conforming}
        status = "done" if done == ACTIONS else "in_progress" if done else "not_started"
        row = {"institution_id": institution_id, "year": year, "recommendation": rule.code, "status": status, **counts}
        rows.append(row | {"validated": int(rng.binomial(conforming, LATER_STEPS[1]))})
    return rows
