"""Change between two rounds of the town: from both rounds' answers, through the store, against published figures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup, load_setup
from spi_analysis.params.workspace import Workspace
from spi_analysis.stages.change import (
    PublishedFigure,
    ScoredRound,
    change_against_round,
    earlier_round,
)
from spi_analysis.stages.respondents import respondents_design
from spi_analysis.stages.score import score_round
from spi_analysis.tables.round_data import load_round
from spi_analysis.tables.store import Store
from tests.conftest import PROJECT
from tests.stages.conftest import Round
from tests.stages.town import TOWN, Town

BARS = ("change_source", "change_weights", "change_correction", "change_unexplained")


def of(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    return table[table["measure"] == measure]


def side(drawn: Round) -> ScoredRound:
    tables = (drawn.frame, drawn.responses, drawn.weighted.weights, drawn.weighted.replicates)
    setup = drawn.setup
    designs = {s: respondents_design(s, *tables, setup.round, setup.instrument) for s in setup.round.sources}
    return ScoredRound(setup.round, setup.instrument, setup.inputs[TOWN], drawn.frame, designs, drawn.score().estimates)


@pytest.fixture(scope="module")
def again(drawn: Round, town: Town) -> Round:
    """The same sample a year later: other people answer, and otherwise."""
    events, responses = town.fieldwork(drawn.sample, seed=4)
    weighted = drawn.weigh(events=events, responses=responses)
    return Round(drawn.setup, drawn.frame, drawn.sample, events, responses, weighted)


@pytest.fixture(scope="module")
def compared(drawn: Round, again: Round) -> pd.DataFrame:
    return again.score(earlier=side(drawn)).estimates


def test_change_is_that_of_the_two_indices(compared: pd.DataFrame, drawn: Round, again: Round) -> None:
    first, second = (of(r.score().estimates, "index")["estimate"].iloc[0] for r in (drawn, again))
    assert of(compared, "index_change")["estimate"].iloc[0] == pytest.approx(second - first)


def test_bars_sum_exactly_and_each_has_its_interval(compared: pd.DataFrame) -> None:
    change = of(compared, "index_change").iloc[0]
    bars = compared[compared["measure"].isin(BARS)]
    assert bars["estimate"].sum() == pytest.approx(change["estimate"], abs=1e-9)
    inner = of(compared, "change_dimension").groupby("source")["estimate"].sum()
    pd.testing.assert_series_equal(inner, bars.set_index("source")["estimate"].rename_axis("source"), check_like=True)
    shown = compared[compared["measure"].str.startswith(("change", "index_change"))]
    needed = ["se", "ci_low", "ci_high", "df_design", "n", "effective_n"]
    assert shown[needed].notna().all(axis=None)


def test_overlap_makes_the_change_clearer(drawn: Round, again: Round) -> None:
    """Somebody who answers the same twice: what the two rounds share must leave the variance of the change."""
    before, after = side(drawn), side(drawn)
    same = change_against_round(before, after, 0.95)
    index = of(drawn.score().estimates, "index").iloc[0]
    change = of(same, "index_change").iloc[0]
    assert change["estimate"] == pytest.approx(0, abs=1e-12)
    assert change["se"] < 0.2 * index["se"], "the same answers twice: next to nothing is uncertain"
    apart = of(change_against_round(side(drawn), side(again), 0.95), "index_change").iloc[0]
    assert apart["se"] > index["se"], "answers without any connection, drawn at random in the two rounds"


def test_hidden_dimension_of_the_year_before_leaves_no_bars_of_dimensions(drawn: Round, again: Round) -> None:
    before = side(drawn)
    rows = (before.estimates["measure"] == "dimension_score") & (before.estimates["source"] == "internal")
    masked = before.estimates.copy()
    masked.loc[rows & (masked["dimension"] == "budget"), "status"] = "suppressed"
    table = again.score(earlier=ScoredRound(**{**vars(before), "estimates": masked})).estimates
    assert "internal" not in set(of(table, "change_dimension")["source"])
    assert "internal" in set(of(table, "change_source")["source"])


def test_thin_source_hides_change_and_bars(drawn: Round, again: Round) -> None:
    of_source = again.responses["source"] == "expert"
    few = pd.concat([again.responses[~of_source], again.responses[of_source].head(4)])
    table = again.score(again.weigh(responses=few), responses=few, earlier=side(drawn)).estimates
    rows = table[table["measure"].str.contains("change")]
    assert len(rows) > 0
    assert (rows["status"] == "suppressed").all()
    assert rows[["estimate", "se", "ci_low", "ci_high", "n"]].isna().all(axis=None)


# --- published figures

PARTS = {"internal": 70.0, "external": 80.0, "expert": 60.0, "correction_conduct": 4.0, "correction_facts": 0.0}
W2023 = {"internal": 0.3046, "external": 0.3279, "expert": 0.3675}


def test_published_parts_make_bars_too(drawn: Round) -> None:
    """0.3046 * 70 + 0.3279 * 80 + 0.3675 * 60 - 4 = 65.604; published is 65.0: 0.604 points nobody explained."""
    table = drawn.score(previous=PublishedFigure(2023, 65.0, PARTS, W2023)).estimates
    index, change = of(table, "index").iloc[0], of(table, "index_change").iloc[0]
    bars = table[table["measure"].isin(BARS)].set_index("dimension", drop=False)
    assert change["estimate"] == pytest.approx(index["estimate"] - 65)
    assert bars["estimate"].sum() == pytest.approx(change["estimate"], abs=1e-9)
    assert bars.loc["unexplained", "estimate"] == pytest.approx(0.604)
    expert = bars[bars["source"] == "expert"].iloc[0]
    score = of(table, "source_score").set_index("source").loc["expert"]
    weight = (0.3675 + 0.3670) / 2
    assert expert["estimate"] == pytest.approx(weight * (score["estimate"] - 60))
    assert expert["se"] == pytest.approx(weight * score["se"]), "the published score counts as a fixed number"
    assert of(table, "change_dimension").empty


def test_published_index_without_parts_has_no_bars(drawn: Round) -> None:
    table = drawn.score(previous=PublishedFigure(2023, 65.0)).estimates
    assert table[table["measure"].str.startswith("change")].empty


# --- through the store


@pytest.fixture
def two_rounds(tmp_path: Path, drawn: Round, again: Round) -> Workspace:
    """A workspace with the rounds 2023 and 2024 of the town, weighted."""
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    rounds = tmp_path / "params" / "rounds"
    text = (rounds / "spi_2024.yaml").read_text(encoding="utf-8")
    earlier = text.replace("round_id: spi_2024", "round_id: spi_2023").replace("year: 2024", "year: 2023", 1)
    earlier = earlier.replace("previous_year: 2023", "previous_year: 2022").replace(OF_2024, OF_2023)
    (rounds / "spi_2023.yaml").write_text(earlier, encoding="utf-8")
    shutil.copy(rounds / "spi_2024.institutions.csv", rounds / "spi_2023.institutions.csv")
    later = text.replace("previous_year: 2023\n", "previous_year: 2023\nprevious_round: spi_2023\n")
    (rounds / "spi_2024.yaml").write_text(later, encoding="utf-8")
    for name, made in (("spi_2023", drawn), ("spi_2024", again)):
        store = Store(tmp_path / "data" / name)
        for table in ("frame", "sample", "events", "responses"):
            store.write(table, TOWN, getattr(made, table))
        store.write("weights", TOWN, made.weighted.weights)
        store.write("replicates", TOWN, made.weighted.replicates)
    return Workspace(tmp_path)


OF_2024 = "{internal: 0.3050, external: 0.3280, expert: 0.3670}"
OF_2023 = "{internal: 0.3046, external: 0.3279, expert: 0.3675}"


def estimated(workspace: Workspace, round_id: str) -> pd.DataFrame:
    data = load_round(round_id, TOWN, workspace)
    scored = score_round(data)
    data.store.write("estimates", TOWN, scored.estimates)
    return scored.estimates


def test_rounds_are_compared_through_the_store(two_rounds: Workspace) -> None:
    before, after = estimated(two_rounds, "spi_2023"), estimated(two_rounds, "spi_2024")
    change = of(after, "index_change").iloc[0]
    values = [of(t, "index")["estimate"].iloc[0] for t in (before, after)]
    assert change["estimate"] == pytest.approx(values[1] - values[0])
    assert change["domain"] == "2023"
    weights = of(after, "change_weights").iloc[0]
    assert weights["estimate"] != 0, "the weights of the sources changed a little"


def test_a_withheld_earlier_round_is_not_compared_with(two_rounds: Workspace) -> None:
    before = estimated(two_rounds, "spi_2023")
    store = Store(two_rounds.data / "spi_2023")
    hidden = before.assign(status="withheld", **dict.fromkeys(["estimate", "se", "ci_low", "ci_high"], np.nan))
    store.write("estimates", TOWN, hidden)
    assert earlier_round(load_round("spi_2024", TOWN, two_rounds)) is None


@pytest.mark.parametrize("missing", ["estimates", "replicates"])
def test_an_earlier_round_that_is_not_whole_is_not_compared_with(two_rounds: Workspace, missing: str) -> None:
    estimated(two_rounds, "spi_2023")
    Store(two_rounds.data / "spi_2023").path(missing, TOWN).unlink()
    assert earlier_round(load_round("spi_2024", TOWN, two_rounds)) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("previous_round: spi_2023", "previous_round: spi_2032", "did you mean 'spi_2023'"),
        ("previous_year: 2023", "previous_year: 2022", "of another year"),
    ],
)
def test_wrong_round_to_compare_with_is_explained(two_rounds: Workspace, old: str, new: str, said: str) -> None:
    path = two_rounds.params / "rounds" / "spi_2024.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ParameterError, match=said):
        load_setup(two_rounds, "spi_2024")


def test_the_project_s_own_round_compares_with_published_figures(setup: RoundSetup) -> None:
    assert setup.round.previous_round is None
