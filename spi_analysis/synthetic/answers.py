"""What everyone of a city would answer if asked, anchored to the published scores."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from spi_analysis.params import Instrument, ListKind, Source
from spi_analysis.synthetic.randomness import Streams, solve_increasing

# Shift latent scores until the true score of a source is the published one.

WIDEST_SHIFT = 400.0  # points; no published score lies beyond
CLOSE_ENOUGH = 0.005  # the shift stops here; single answers do the rest
MOST_NUDGES = 5_000

_normal_cdf = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)), otypes=[float])


def anchored_levels(
    latent: np.ndarray,
    items: ScoredItems,
    target: float,
    counted: np.ndarray,
    coached: CoachedAnswers,
    rng: np.random.Generator,
) -> np.ndarray:
    """Levels (people, items) whose mean source score over the ``counted`` people is ``target``.

    Coached answers stay as they are. One shift moves everyone else alike; then single
    random answers move by one category, which takes out the rest down to half of one
    answer's share.
    """
    free = counted.copy()
    free[coached.rows] = False
    weights = items.score_weights / items.steps * 100 / max(counted.sum(), 1)
    rest = float((coached.levels[counted[coached.rows]] @ weights).sum())
    moving = latent[free]

    def mean_score(shift: float) -> float:
        return rest + float(items.levels(moving + np.float32(shift)).sum(axis=0, dtype=float) @ weights)

    shift = solve_increasing(mean_score, target, -WIDEST_SHIFT, WIDEST_SHIFT, CLOSE_ENOUGH)
    levels = items.levels(latent + np.float32(shift)).astype(int)
    levels[coached.rows] = coached.levels
    _nudge(levels, items, weights, np.flatnonzero(free), target - mean_score(shift), rng)
    return levels


def superpopulation_mean(centre: np.ndarray, spread: float, items: ScoredItems) -> np.ndarray:
    """Expected scores (dimensions + 1) where every item's latent score is normal around ``centre``."""
    expected = np.empty(len(items.codes))
    for item, steps in enumerate(items.steps):
        borders = (np.arange(1, steps + 1) - 0.5) * 100 / steps
        expected[item] = _normal_cdf((centre[item] - borders) / spread).sum() / steps
    return 100 * expected @ items.weights


def superpopulation_shift(centre: np.ndarray, spread: float, items: ScoredItems, target: float) -> float:
    """The shift of ``centre`` at which the expected source score is ``target``."""
    return solve_increasing(
        lambda shift: float(superpopulation_mean(centre + shift, spread, items)[-1]),
        target,
        -WIDEST_SHIFT,
        WIDEST_SHIFT,
    )


def _nudge(
    levels: np.ndarray,
    items: ScoredItems,
    weights: np.ndarray,
    rows: np.ndarray,
    gap: float,
    rng: np.random.Generator,
) -> None:
    """Move random single answers by one category, in place, until the mean is as near as it gets."""
    cells = rows.size * len(items.codes)
    picked = rng.choice(cells, size=min(cells, MOST_NUDGES), replace=False)
    row, item = rows[picked // len(items.codes)], picked % len(items.codes)
    step = int(np.sign(gap))
    movable = (levels[row, item] + step >= 0) & (levels[row, item] + step <= items.steps[item])
    row, item = row[movable], item[movable]
    moved = np.concatenate([[0.0], weights[item].cumsum()])
    enough = int(np.abs(moved - abs(gap)).argmin())
    levels[row[:enough], item[:enough]] += step


# The integrity that people perceive: a latent score in points, made of unit, position, sex, age, person and item.
# It is the sum of a shift, the unit, the position, sex, age, the person, the item and noise.
#
# The spreads are chosen so that persons' source scores have a standard deviation of
# 12-18 points and units carry 5-10 % of the variance (experts: 8-12 points).


@dataclass(frozen=True)
class LatentModel:
    """Standard deviations and effects of one source, in points. ``per_decade`` is the effect of ten years of age."""

    person: float
    noise: float
    unit: float
    dimension: float
    item: float
    female: float = 0.0
    per_decade: float = 0.0
    positions: dict[str, float] = field(default_factory=dict)

    def near(self, target: float) -> LatentModel:
        """The model for a mean score of ``target``: near the ceiling latent opinions lie wider apart."""
        stretch = 1 + CEILING_STRETCH * max(target - CEILING_STARTS, 0.0)
        return replace(self, person=self.person * stretch, unit=self.unit * stretch)


CEILING_STARTS = 86.0
CEILING_STRETCH = 0.05
MODELS: dict[ListKind, LatentModel] = {
    "internal": LatentModel(
        person=15.0,
        noise=20.0,
        unit=3.9,
        dimension=5.0,
        item=4.0,
        female=-0.8,
        per_decade=0.6,
        positions={"top_official": 4.0, "structural": 3.0, "staff": -1.5, "non_asn": -3.0},
    ),
    "external": LatentModel(person=27.0, noise=24.0, unit=9.0, dimension=5.0, item=4.0, female=-0.8, per_decade=0.6),
    "expert": LatentModel(person=8.0, noise=14.0, unit=0.0, dimension=0.0, item=5.0),
}

MIDDLE_AGE = 40.0


@dataclass(frozen=True)
class UnitEffects:
    """Standardised effects of the units on integrity and on response; the two go together a little."""

    integrity: pd.Series
    response: pd.Series


WIDEST_UNIT = 1.6  # standard deviations at which a unit's effect ends
TOGETHER = 0.4


def draw_unit_effects(units: pd.Series, rng: np.random.Generator) -> UnitEffects:
    """Effects with mean 0 and standard deviation about 1 over the people of the listed units."""
    sizes = units.value_counts(sort=False).sort_index()
    first, second = (np.clip(rng.standard_normal(sizes.size), -WIDEST_UNIT, WIDEST_UNIT) for _ in range(2))
    response = TOGETHER * first + np.sqrt(1 - TOGETHER**2) * second
    narrowed = _standardised(response, sizes).clip(lower=-WIDEST_UNIT, upper=WIDEST_UNIT)
    return UnitEffects(_standardised(first, sizes), narrowed)


def latent_scores(
    model: LatentModel,
    people: pd.DataFrame,
    ages: np.ndarray,
    units: UnitEffects,
    items: ScoredItems,
    added: np.ndarray,
    item_rng: np.random.Generator,
    person_rng: np.random.Generator,
) -> np.ndarray:
    """The latent score (people, items) before the shift that anchors it; ``added`` (people,): what the world adds."""
    fixed = model.female * (people["sex"] == "female").to_numpy() + model.per_decade * (ages - MIDDLE_AGE) / 10
    fixed += people["position_class"].map(model.positions).fillna(0).to_numpy(dtype=float)
    fixed += model.unit * people["unit"].map(units.integrity).fillna(0).to_numpy(dtype=float)
    fixed += model.person * person_rng.standard_normal(len(people)) + added
    noise = person_rng.standard_normal((len(people), len(items.codes)), dtype=np.float32)
    noise *= np.float32(model.noise)
    noise += fixed.astype(np.float32)[:, None]
    noise += item_effects(model, items, item_rng).astype(np.float32)
    return noise


def item_effects(model: LatentModel, items: ScoredItems, rng: np.random.Generator) -> np.ndarray:
    """How easily people agree to each item, relative to the mean."""
    dimensions = model.dimension * rng.standard_normal(len(items.dimensions))
    return dimensions[items.dimension_of_item] + model.item * rng.standard_normal(len(items.codes))


def _standardised(effects: np.ndarray, sizes: pd.Series) -> pd.Series:
    if sizes.size < 2:
        return pd.Series(0.0, index=sizes.index)
    mean = np.average(effects, weights=sizes)
    spread = np.sqrt(np.average((effects - mean) ** 2, weights=sizes))
    return pd.Series((effects - mean) / spread, index=sizes.index)


# Contact, and what people saw, were asked or paid: the worse the integrity they perceive, the more of it.

CONTACT_SHARE: dict[ListKind, float] = {"internal": 0.6, "external": 0.85, "expert": 1.0}
# log-odds of a "yes" at score 80, and its change per point of score
LEVEL: dict[ListKind, float] = {"internal": -2.4, "external": -3.0, "expert": -3.0}
PER_POINT = -0.05
ITEM_SD = 0.25
REFERENCE_SCORE = 80.0

# Items that ask for either of two others, so that nobody contradicts himself.
EITHER_OF = {"ext_exp_3": ("ext_exp_1", "ext_exp_2")}


def experience_answers(
    instrument: Instrument, source: Source, kind: ListKind, scores: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Answer codes of the contact and experience items (people, items); without contact, no experience."""
    part = instrument.sources[source]
    met = {contact.code: rng.random(scores.size) < CONTACT_SHARE[kind] for contact in part.contacts}
    happened: dict[str, np.ndarray] = {}
    for item in part.experiences:
        odds = LEVEL[kind] + ITEM_SD * rng.standard_normal() + PER_POINT * (scores - REFERENCE_SCORE)
        happened[item.code] = met[item.contact] & (rng.random(scores.size) < 1 / (1 + np.exp(-odds)))
    for code, (first, second) in EITHER_OF.items():
        if code in happened:
            happened[code] = happened[first] | happened[second]
    questions = {question.code: instrument.scales[question.scale] for question in [*part.contacts, *part.experiences]}
    return pd.DataFrame(
        {
            code: np.where(yes, questions[code].maximum, questions[code].minimum)
            for code, yes in {**met, **happened}.items()
        },
        index=range(scores.size),
    )


@dataclass(frozen=True)
class SourceAnswers:
    """Answers of one source: codes (people, items), scores (people, dimensions + 1), and who was coached.

    ``expected`` are the scores of the superpopulation that a panel stands for.
    """

    codes: pd.DataFrame
    scores: pd.DataFrame
    coached: np.ndarray
    expected: pd.Series | None = None


def listed_answers(
    people: pd.DataFrame,
    ages: np.ndarray,
    units: UnitEffects,
    instrument: Instrument,
    target: float,
    n_coached: int,
    streams: Streams,
    kind: ListKind,
    added: np.ndarray,
) -> SourceAnswers:
    """Answers of a listed population: its eligible people have the mean score ``target``.

    ``added`` (people,): points that the world adds to each latent score.
    """
    source: Source = people["source"].iloc[0]
    items = scored_items(instrument, source)
    rngs = streams(f"{source} items"), streams(f"{source} latent")
    latent = latent_scores(MODELS[kind].near(target), people, ages, units, items, added, *rngs)
    coached = draw_coached(people["unit"], items, n_coached, streams(f"{source} coached"))
    eligible = people["is_eligible"].to_numpy()
    levels = anchored_levels(latent, items, target, eligible, coached, streams(f"{source} nudges"))
    return _answered(instrument, source, kind, items, levels, coached, streams)


def panel_answers(
    n: int,
    instrument: Instrument,
    target: float,
    streams: Streams,
    source: Source = "expert",
    house: tuple[float, np.ndarray] | None = None,
    added: np.ndarray | float = 0.0,
) -> SourceAnswers:
    """Answers of a panel drawn from a superpopulation whose expected score is ``target``.

    ``house``: intraclass correlation of the scores of experts of one kind, and the kind of each (n,); ``added`` (n, 1):
    points that the world adds to each latent score.
    """
    items, model = scored_items(instrument, source), MODELS["expert"]
    centre = item_effects(model, items, streams(f"{source} items"))
    spread = float(np.hypot(model.person, model.noise))
    centre = centre + superpopulation_shift(centre, spread, items, target)
    rng = streams(f"{source} latent")
    person = model.person * rng.standard_normal((n, 1))
    if house is not None and house[0]:
        person = _with_house(person, *house, model, items, streams(f"{source} house"))
    noise = model.noise * rng.standard_normal((n, len(items.codes)))
    levels = items.levels(centre + added + person + noise).astype(int)
    nobody = CoachedAnswers(np.array([], dtype=int), levels[:0])
    expected = pd.Series(superpopulation_mean(centre, spread, items), index=[*items.dimensions, "score"])
    return _answered(instrument, source, "expert", items, levels, nobody, streams, expected)


def _with_house(
    person: np.ndarray,
    correlation: float,
    kind: np.ndarray,
    model: LatentModel,
    items: ScoredItems,
    rng: np.random.Generator,
) -> np.ndarray:
    """Effects of persons (n, 1) of which a part is that of their kind; their variance stays."""
    of_score = model.person**2 + model.noise**2 * float(items.score_weights @ items.score_weights)
    shared = min(correlation * of_score, model.person**2)
    codes, kinds = pd.factorize(kind, sort=True)
    common = np.sqrt(shared) * rng.standard_normal(len(kinds))[codes]
    return common[:, None] + np.sqrt(1 - shared / model.person**2) * person


def answer_table(parts: dict[Source, SourceAnswers]) -> pd.DataFrame:
    """One row per person, in the order of the people; items of other sources are missing."""
    return pd.concat([part.codes for part in parts.values()], ignore_index=True)


def _answered(
    instrument: Instrument,
    source: Source,
    kind: ListKind,
    items: ScoredItems,
    levels: np.ndarray,
    coached: CoachedAnswers,
    streams: Streams,
    expected: pd.Series | None = None,
) -> SourceAnswers:
    codes = items.to_codes(levels)
    scores = pd.DataFrame(items.scores(codes), columns=[*items.dimensions, "score"])
    experiences = experience_answers(
        instrument, source, kind, scores["score"].to_numpy(), streams(f"{source} experiences")
    )
    table = pd.concat([pd.DataFrame(codes, columns=items.codes), experiences], axis=1).astype(float)
    was_coached = np.zeros(len(table), dtype=bool)
    was_coached[coached.rows] = True
    return SourceAnswers(table, scores, was_coached, expected)


# Units in which somebody told people what to answer. Coached answers are part of the truth as it is defined here: what
# a full response would give. They are there for the conduct checks to find, not for an estimator to undo.

OBEDIENT = 0.8  # share of a coached unit that answers as told
SECOND_BEST = 0.35  # share of the items for which the second-best answer was dictated
SLIP = 0.03  # chance that a coached person answers an item one category lower
UNIT_SIZES = (0.25, 0.6)  # quantiles of unit size between which units are coached


@dataclass(frozen=True)
class CoachedAnswers:
    """Row numbers of the coached people and their levels (people, items)."""

    rows: np.ndarray
    levels: np.ndarray


def draw_coached(units: pd.Series, items: ScoredItems, count: int, rng: np.random.Generator) -> CoachedAnswers:
    """Near-identical, high answers for most people of ``count`` middle-sized units."""
    sizes = units.value_counts(sort=False).sort_index()
    low, high = sizes.quantile(UNIT_SIZES)
    candidates = sizes.index[sizes.between(low, high)].to_numpy(dtype=object)
    chosen = rng.choice(candidates, min(count, candidates.size), replace=False)
    rows = np.flatnonzero(units.isin(chosen).to_numpy() & (rng.random(len(units)) < OBEDIENT))
    dictated = items.steps - (rng.random(len(items.codes)) < SECOND_BEST)
    slips = rng.random((rows.size, len(items.codes))) < SLIP
    return CoachedAnswers(rows, np.maximum(dictated - slips, 0))


# The scored items of a source as arrays: from levels to codes, and from codes to scores.


@dataclass(frozen=True)
class ScoredItems:
    """``steps`` is the width of each item's scale; a level counts from 0 (worst) to ``steps`` (best).

    ``weights`` (items, dimensions + 1): the last column belongs to the source score.
    """

    codes: list[str]
    dimensions: list[str]
    minimum: np.ndarray
    steps: np.ndarray
    positive: np.ndarray
    weights: np.ndarray
    dimension_of_item: np.ndarray

    @property
    def score_weights(self) -> np.ndarray:
        """Weight of every item in the source score."""
        return self.weights[:, -1]

    def to_codes(self, levels: np.ndarray) -> np.ndarray:
        """Answer codes of levels (people, items)."""
        return self.minimum + np.where(self.positive, levels, self.steps - levels)

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Scores 0-100 (people, dimensions + 1) of complete answer codes (people, items)."""
        share = (codes - self.minimum) / self.steps
        return 100 * np.where(self.positive, share, 1 - share) @ self.weights

    def levels(self, latent: np.ndarray) -> np.ndarray:
        """The nearest category of a latent score in points (people, items); beyond 0 and 100 the end category."""
        levels = np.rint(latent * (self.steps / 100).astype(latent.dtype))
        return np.clip(levels, 0, self.steps.astype(latent.dtype), out=levels)


def scored_items(instrument: Instrument, source: Source) -> ScoredItems:
    """The scored items of a source, in the order of the questionnaire."""
    items = instrument.items(source)
    scales = [instrument.scales[item.scale] for item in items]
    dimensions = instrument.sources[source].dimensions
    return ScoredItems(
        codes=[item.code for item in items],
        dimensions=[dimension.code for dimension in dimensions],
        minimum=np.array([scale.minimum for scale in scales]),
        steps=np.array([scale.maximum - scale.minimum for scale in scales]),
        positive=np.array([item.direction == "positive" for item in items]),
        weights=instrument.item_weights(source).to_numpy(),
        dimension_of_item=np.repeat(np.arange(len(dimensions)), [len(dimension.items) for dimension in dimensions]),
    )
