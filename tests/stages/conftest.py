from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup, Workspace
from spi_analysis.scores import History
from spi_analysis.stages.change import PublishedFigure, ScoredRound
from spi_analysis.stages.respondents import respondents_design
from spi_analysis.stages.score import Scored, score_institution
from spi_analysis.stages.weight import WeightedSample, weight_institution
from spi_analysis.tables.store import Store
from tests.stages.town import SECRET, TOWN, Town, draw_announced, make_town


class Elsewhere(Workspace):
    """The project's parameters, with data of its own."""

    params = Path(__file__).parents[2] / "params"


def elsewhere(setup: RoundSetup, folder: Path) -> RoundSetup:
    """The round with nothing in its data/ beyond what a test puts there."""
    return replace(setup, workspace=Elsewhere(folder))


@pytest.fixture(scope="session")
def setup(setup: RoundSetup) -> RoundSetup:
    """The round, with a wider margin of error: the town is small, and a census would hide what sampling does."""
    sources = dict(setup.round.sources)
    for name in ("internal", "external"):
        design = sources[name].design.model_copy(update={"margin": 0.07, "response_rate": 0.9})
        sources[name] = sources[name].model_copy(update={"design": design})
    return replace(setup, round=setup.round.model_copy(update={"sources": sources}))


@pytest.fixture(scope="session")
def town(setup: RoundSetup) -> Town:
    return make_town(setup)


@pytest.fixture
def store(tmp_path: Path, town: Town) -> Store:
    """A round's store that holds the town's frame."""
    made = Store(tmp_path / "spi_2024")
    made.write("frame", TOWN, town.frame)
    return made


@dataclass(frozen=True)
class Round:
    """The town's round, through the store and in memory."""

    setup: RoundSetup
    frame: pd.DataFrame
    sample: pd.DataFrame
    events: pd.DataFrame
    responses: pd.DataFrame
    weighted: WeightedSample

    def weight(self, **other: object) -> WeightedSample:
        given = {"frame": self.frame, "sample": self.sample, "events": self.events, "responses": self.responses}
        round_ = other.pop("round_", self.setup.round)
        return weight_institution(**(given | other), round_=round_, instrument=self.setup.instrument)

    def score(self, weighted: WeightedSample | None = None, **other: object) -> Scored:
        weighted = weighted or self.weighted
        given = {
            "frame": self.frame,
            "responses": self.responses,
            "weights": weighted.weights,
            "replicates": weighted.replicates,
            "round_": self.setup.round,
            "instrument": self.setup.instrument,
            "inputs": self.setup.inputs[TOWN],
            "previous": PublishedFigure(2023, 78.37),
            "history": published_history(self.setup),
            "targets": self.setup.targets.values(TOWN, self.setup.round.year),
        }
        return score_institution(**(given | other))

    def rescored(self, **other: object) -> Scored:
        """Weighted and scored again with other tables or another round."""
        shared = {name: other[name] for name in ("frame", "responses", "round_") if name in other}
        return self.score(self.weight(**other), **shared)


def published_history(setup: RoundSetup) -> History:
    """A town of which one year was published."""
    params = setup.years.chances
    assert params is not None
    return History({2023: 78.37}, params.types["kota"], params, setup.years.model.persistence)


def side(drawn: Round) -> ScoredRound:
    tables = (drawn.frame, drawn.responses, drawn.weighted.weights, drawn.weighted.replicates)
    setup = drawn.setup
    designs = {s: respondents_design(s, *tables, setup.round, setup.instrument) for s in setup.round.sources}
    return ScoredRound(setup.round, setup.instrument, setup.inputs[TOWN], drawn.frame, designs, drawn.score().estimates)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory, town: Town, setup: RoundSetup) -> Round:
    """The town's round up to the weights: drawn once, answered by 60 %."""
    store = Store(tmp_path_factory.mktemp("round") / "spi_2024")
    store.write("frame", TOWN, town.frame)
    draw_announced(setup, store, TOWN, SECRET)
    frame, sample = store.read("frame", TOWN), store.read("sample", TOWN)
    events, responses = town.fieldwork(sample)
    weighted = weight_institution(frame, sample, events, responses, setup.round, setup.instrument)
    return Round(setup, frame, sample, events, responses, weighted)


@pytest.fixture(scope="session")
def scored(drawn: Round) -> Scored:
    return drawn.score()


@pytest.fixture(scope="session")
def again(drawn: Round, town: Town) -> Round:
    """The same sample a year later: other people answer, and otherwise."""
    events, responses = town.fieldwork(drawn.sample, seed=4)
    weighted = drawn.weight(events=events, responses=responses)
    return Round(drawn.setup, drawn.frame, drawn.sample, events, responses, weighted)
