"""What everyone of a city would answer if asked, anchored to the published scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.params import Instrument, Source
from spi_analysis.synthetic.anchoring import anchored_levels, superpopulation_mean, superpopulation_shift
from spi_analysis.synthetic.coaching import CoachedAnswers, draw_coached
from spi_analysis.synthetic.experiences import experience_answers
from spi_analysis.synthetic.items import ScoredItems, scored_items
from spi_analysis.synthetic.latent import MODELS, UnitEffects, item_effects, latent_scores
from spi_analysis.synthetic.randomness import Streams


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
) -> SourceAnswers:
    """Answers of a listed population: its eligible people have the mean score ``target``."""
    source: Source = people["source"].iloc[0]
    items = scored_items(instrument, source)
    rngs = streams(f"{source} items"), streams(f"{source} latent")
    latent = latent_scores(MODELS[source].near(target), people, ages, units, items, *rngs)
    coached = draw_coached(people["unit"], items, n_coached, streams(f"{source} coached"))
    eligible = people["is_eligible"].to_numpy()
    levels = anchored_levels(latent, items, target, eligible, coached, streams(f"{source} nudges"))
    return _answered(instrument, source, items, levels, coached, streams)


def panel_answers(n: int, instrument: Instrument, target: float, streams: Streams) -> SourceAnswers:
    """Answers of a panel drawn from a superpopulation whose expected score is ``target``."""
    items, model = scored_items(instrument, "expert"), MODELS["expert"]
    centre = item_effects(model, items, streams("expert items"))
    spread = float(np.hypot(model.person, model.noise))
    centre = centre + superpopulation_shift(centre, spread, items, target)
    rng = streams("expert latent")
    person = model.person * rng.standard_normal((n, 1))
    levels = items.levels(centre + person + model.noise * rng.standard_normal((n, len(items.codes)))).astype(int)
    nobody = CoachedAnswers(np.array([], dtype=int), levels[:0])
    expected = pd.Series(superpopulation_mean(centre, spread, items), index=[*items.dimensions, "score"])
    return _answered(instrument, "expert", items, levels, nobody, streams, expected)


def answer_table(parts: dict[Source, SourceAnswers]) -> pd.DataFrame:
    """One row per person, in the order of the people; items of other sources are missing."""
    return pd.concat([parts[source].codes for source in SOURCES], ignore_index=True)


def _answered(
    instrument: Instrument,
    source: Source,
    items: ScoredItems,
    levels: np.ndarray,
    coached: CoachedAnswers,
    streams: Streams,
    expected: pd.Series | None = None,
) -> SourceAnswers:
    codes = items.to_codes(levels)
    scores = pd.DataFrame(items.scores(codes), columns=[*items.dimensions, "score"])
    experiences = experience_answers(instrument, source, scores["score"].to_numpy(), streams(f"{source} experiences"))
    table = pd.concat([pd.DataFrame(codes, columns=items.codes), experiences], axis=1).astype(float)
    was_coached = np.zeros(len(table), dtype=bool)
    was_coached[coached.rows] = True
    return SourceAnswers(table, scores, was_coached, expected)
