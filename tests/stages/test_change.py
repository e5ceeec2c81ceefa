"""Change between two rounds of the town: from both rounds' answers, through the store, against published figures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup, load_setup
from spi_analysis.params.workspace import Workspace
from spi_analysis.scores import IndexRule
from spi_analysis.scores.change import direction_of
from spi_analysis.scores.years import Noise
from spi_analysis.stages.change import (
    PublishedFigure,
    ScoredRound,
    change_against_published,
    change_against_round,
    earlier_figure,
    earlier_round,
)
from spi_analysis.stages.score import score_round
from spi_analysis.tables import RoundData, import_published
from spi_analysis.tables.round_data import load_round
from spi_analysis.tables.store import Store
from tests.conftest import PROJECT
from tests.scores.years.toy import published_of, simulated
from tests.stages.conftest import Round, side
from tests.stages.town import TOWN

CONTRIBUTIONS = ("change_source", "change_weights", "change_correction", "change_unexplained")


def of(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    return table[table["measure"] == measure]


@pytest.fixture(scope="module")
def compared(drawn: Round, again: Round) -> pd.DataFrame:
    return again.score(earlier=side(drawn)).estimates


def test_change_is_that_of_the_two_indices(compared: pd.DataFrame, drawn: Round, again: Round) -> None:
    first, second = (of(r.score().estimates, "index")["estimate"].iloc[0] for r in (drawn, again))
    assert of(compared, "index_change")["estimate"].iloc[0] == pytest.approx(second - first)


def test_contributions_sum_exactly_and_each_has_its_interval(compared: pd.DataFrame) -> None:
    change = of(compared, "index_change").iloc[0]
    contributions = compared[compared["measure"].isin(CONTRIBUTIONS)]
    assert contributions["estimate"].sum() == pytest.approx(change["estimate"], abs=1e-9)
    inner = of(compared, "change_dimension").groupby("source")["estimate"].sum()
    pd.testing.assert_series_equal(
        inner, contributions.set_index("part")["estimate"].rename_axis("source"), check_like=True
    )
    differences = compared["measure"].str.startswith(("change", "index_change"))
    shown = compared[differences & (compared["measure"] != "change_probability")]
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


def test_hidden_dimension_of_the_year_before_leaves_no_contributions_of_dimensions(drawn: Round, again: Round) -> None:
    before = side(drawn)
    rows = (before.estimates["measure"] == "dimension_score") & (before.estimates["source"] == "internal")
    masked = before.estimates.copy()
    masked.loc[rows & (masked["part"] == "budget"), "status"] = "suppressed"
    table = again.score(earlier=ScoredRound(**{**vars(before), "estimates": masked})).estimates
    assert "internal" not in set(of(table, "change_dimension")["source"])
    assert "internal" in set(of(table, "change_source")["part"])


def test_thin_source_hides_change_and_contributions(drawn: Round, again: Round) -> None:
    of_source = again.responses["source"] == "expert"
    few = pd.concat([again.responses[~of_source], again.responses[of_source].head(4)])
    table = again.score(again.weight(responses=few), responses=few, earlier=side(drawn)).estimates
    rows = table[table["measure"].str.contains("change")]
    assert len(rows) > 0
    assert (rows["status"] == "suppressed").all()
    assert rows[["estimate", "se", "ci_low", "ci_high", "n"]].isna().all(axis=None)


# --- published figures

PARTS = {"internal": 70.0, "external": 80.0, "expert": 60.0, "correction_conduct": 4.0, "correction_facts": 0.0}
W2023 = {"internal": 0.3046, "external": 0.3279, "expert": 0.3675}


def test_published_parts_make_contributions_too(drawn: Round) -> None:
    """0.3046 * 70 + 0.3279 * 80 + 0.3675 * 60 - 4 = 65.604; published is 65.0: 0.604 points nobody explained."""
    table = drawn.score(previous=PublishedFigure(2023, 65.0, PARTS, W2023), history=None).estimates
    index, change = of(table, "index").iloc[0], of(table, "index_change").iloc[0]
    contributions = table[table["measure"].isin(CONTRIBUTIONS)].set_index("part", drop=False)
    assert change["estimate"] == pytest.approx(index["estimate"] - 65)
    assert contributions["estimate"].sum() == pytest.approx(change["estimate"], abs=1e-9)
    assert contributions.loc["unexplained", "estimate"] == pytest.approx(0.604)
    expert = contributions.loc["expert"]
    score = of(table, "source_score").set_index("source").loc["expert"]
    weight = (0.3675 + 0.3670) / 2
    assert expert["estimate"] == pytest.approx(weight * (score["estimate"] - 60))
    assert expert["se"] == pytest.approx(weight * score["se"] * 2**0.5), "published: as uncertain as this round's"
    assert expert["df_design"] == pytest.approx(score["df_design"]), "one estimate of the error of both years"
    assert of(table, "change_dimension").empty


def test_a_published_index_is_as_uncertain_as_this_round_s(drawn: Round) -> None:
    """The same design: root 2 times the standard error of the index, and the degrees of freedom of the index."""
    table = drawn.score(previous=PublishedFigure(2023, 65.0), history=None).estimates
    index, change = of(table, "index").iloc[0], of(table, "index_change").iloc[0]
    assert change["se"] == pytest.approx(2**0.5 * index["se"])
    assert change["df_design"] == pytest.approx(index["df_design"])
    half = student.ppf(0.975, index["df_design"]) * 2**0.5 * index["se"]
    assert (change["ci_low"], change["ci_high"]) == pytest.approx(
        (change["estimate"] - half, change["estimate"] + half)
    )
    said = of(table, "index_previous_noise").iloc[0]
    assert (said["part"], said["reference_year"], said["estimate"]) == ("same_design", 2023, pytest.approx(index["se"]))


def test_a_published_year_of_another_design_has_the_noise_of_the_model(drawn: Round) -> None:
    """Index: variance 9 with 40 df beside this round's; experts 16 with 30 df; employees as in this round."""
    noise = {"index": Noise(9.0, 40.0), "expert": Noise(16.0, 30.0)}
    table = drawn.score(previous=PublishedFigure(2022, 65.0, PARTS, W2023, noise), history=None).estimates
    index, change = of(table, "index").iloc[0], of(table, "index_change").iloc[0]
    assert change["se"] ** 2 == pytest.approx(index["se"] ** 2 + 9)
    spread = index["se"] ** 4 / index["df_design"] + 81 / 40
    assert change["df_design"] == pytest.approx((index["se"] ** 2 + 9) ** 2 / spread)
    scores, contributions = of(table, "source_score").set_index("source"), of(table, "change_source").set_index("part")
    weight = {s: (W2023[s] + w) / 2 for s, w in drawn.setup.round.index.source_weights.items()}
    variance = (contributions["se"] / pd.Series(weight)) ** 2
    assert variance["expert"] == pytest.approx(scores.loc["expert", "se"] ** 2 + 16)
    assert variance["internal"] == pytest.approx(2 * scores.loc["internal", "se"] ** 2)
    said = of(table, "index_previous_noise").iloc[0]
    assert (said["part"], said["reference_year"], said["estimate"]) == ("model", 2022, 3.0)


def test_a_thin_source_hides_the_noise_of_the_published_index_too(drawn: Round) -> None:
    """It is the standard error of the index."""
    of_source = drawn.responses["source"] == "expert"
    few = pd.concat([drawn.responses[~of_source], drawn.responses[of_source].head(4)])
    table = drawn.score(
        drawn.weight(responses=few), responses=few, previous=PublishedFigure(2023, 65.0), history=None
    ).estimates
    said = of(table, "index_previous_noise").iloc[0]
    assert (said["status"], np.isnan(said["estimate"])) == ("suppressed", True)


def _earlier(setup):
    return earlier_figure(RoundData(setup, Store(setup.workspace.data / "spi_2024"), setup.roster["kota-mojokerto"]))


def test_only_a_year_of_another_design_is_asked_of_the_model(tmp_path: Path) -> None:
    """2022 was another mode of interviewing, 2023 was not; 40 institutions of the type make a model, five do not."""
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    path = tmp_path / "params" / "rounds" / "spi_2024.yaml"
    text = path.read_text(encoding="utf-8")
    own = _earlier(load_setup(Workspace(tmp_path), "spi_2024"))
    path.write_text(text.replace("previous_year: 2023", "previous_year: 2022"), encoding="utf-8")
    setup = load_setup(Workspace(tmp_path), "spi_2024")
    few = _earlier(setup)
    values = simulated(np.random.default_rng(3), 40, 4.0, 2.0, 3.0, setup.years)[0].round(2)
    years = (2021, 2022, 2023, 2024)
    table = published_of(values, years).replace({"institution": {"Kota Buatan 000": "Pemerintah Kota Mojokerto"}})
    table.drop(columns="institution_id").to_csv(tmp_path / "published.csv", index=False)
    import_published(setup, tmp_path / "published.csv")
    many = _earlier(setup)
    assert own is not None
    assert few is not None
    assert many is not None
    assert (own.year, own.noise) == (2023, {})
    assert (few.year, few.noise) == (2022, {})
    assert (many.year, set(many.noise)) == (2022, {"index"}), "only the index was published"
    assert 1 < many.noise["index"].variance < 25


def false_alarms(runs: int, seed: int) -> pd.DataFrame:
    """Two rounds of one unchanged institution, again and again: the first is published, the second compared with it.

    True scores 75, 90 and 70; standard errors 1.6, 1.2 and 3 points, estimated with 60, 50 and 12 degrees of freedom.
    One row per run and kind of contribution: whether it is called a rise or a fall, and whether it would be if the
    published year were exact.
    """
    rng, truth = np.random.default_rng(seed), np.array([75.0, 90.0, 70.0])
    true_se, df = np.array([1.6, 1.2, 3.0]), np.array([60, 50, 12])
    weights = {"internal": 0.305, "external": 0.328, "expert": 0.367}
    w, found = np.array(list(weights.values())), []
    for run in range(runs):
        before, after = truth + true_se * rng.standard_normal((2, 3))
        columns = {"estimate": after, "se": true_se * np.sqrt(rng.chisquare(df) / df), "df_design": df}
        scores = pd.DataFrame(columns | {"n": 100.0, "effective_n": 90.0}, index=list(weights))
        parts = dict(zip(weights, before.round(2), strict=True)) | {"correction_conduct": 4.0, "correction_facts": 0.0}
        figure = PublishedFigure(2023, round(float(w @ before) - 4, 2), parts, weights)
        rule = IndexRule(weights, {"correction_conduct": 4.0, "correction_facts": 0.0}, {})
        rows = change_against_published(figure, scores, rule, 0.95)
        rows = rows[rows["measure"].isin(["index_change", "change_source"])]
        own = rows["se"] / 2**0.5 * student.ppf(0.975, rows["df_design"])
        clear = [
            direction_of(*limits) != "no_clear_change" for limits in zip(rows["ci_low"], rows["ci_high"], strict=True)
        ]
        exact = rows["estimate"].abs() > own
        found.append(pd.DataFrame({"run": run, "measure": rows["measure"], "clear": clear, "exact": exact}))
    return pd.concat(found)


@pytest.mark.parametrize("runs", [150, pytest.param(500, marks=pytest.mark.long)])
def test_no_more_than_one_change_in_twenty_is_a_false_alarm(runs: int) -> None:
    """Of 500 rounds the Monte-Carlo error is 1.0 point. With the published year taken as exact it is one in six."""
    error = np.sqrt(0.05 * 0.95 / runs)
    rates = false_alarms(runs, seed=1).groupby("measure")[["clear", "exact"]].mean()
    for measure in ("index_change", "change_source"):
        assert rates.loc[measure, "clear"] <= 0.05 + 2 * error
        assert rates.loc[measure, "clear"] > max(0.05 - 3 * error, 0), "not by an interval that says nothing"
        assert rates.loc[measure, "exact"] > 0.13


def test_published_index_without_parts_has_no_contributions(drawn: Round) -> None:
    table = drawn.score(previous=PublishedFigure(2023, 65.0), history=None).estimates
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
    assert change["reference_year"] == 2023
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
