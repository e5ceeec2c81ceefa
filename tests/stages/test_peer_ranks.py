"""Places of a round: who is compared with whom, and what a hidden index must not tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.stages.explorer import round_rank_sets
from spi_analysis.tables import with_kinds
from spi_analysis.tables.store import Store

INDEX = {"kota-mojokerto": 80.0, "kota-bengkulu": 79.5, "kota-pangkalpinang": 60.0, "kota-tebing-tinggi": 70.0,
         "kabupaten-probolinggo": 75.0}  # fmt: skip


@pytest.fixture
def few_draws(setup: RoundSetup) -> RoundSetup:
    ranks = setup.round.ranks.model_copy(update={"draws": 1000})
    return replace(setup, round=setup.round.model_copy(update={"ranks": ranks}))


def _row(institution_id: str, estimate: float, status: str) -> pd.DataFrame:
    row = {"institution_id": institution_id, "measure": "index"}
    figures = {"estimate": estimate, "se": 1.0, "ci_low": estimate - 2, "ci_high": estimate + 2, "level": 0.95,
               "df_design": 60.0, "n": 800.0, "effective_n": 600.0}  # fmt: skip
    return with_kinds(pd.DataFrame([row | figures | {"status": status}]))


def _store(folder: Path, status: dict[str, str], left_out: tuple[str, ...] = (), **other: float) -> Store:
    store = Store(folder / "spi_2024")
    for code, value in (INDEX | other).items():
        if code not in left_out:
            store.write("estimates", code, _row(code, value, status.get(code, "shown")))
    return store


def test_places_are_sets_among_peers_of_the_type(few_draws: RoundSetup, tmp_path: Path) -> None:
    """Standard errors of 1: 80 and 79.5 cannot be told apart, 70 and 60 can; the kabupaten has no peer."""
    table = round_rank_sets(few_draws, _store(tmp_path, {})).set_index("institution_id")
    assert list(table.index) == few_draws.institution_ids, "in the order of the round"
    assert table.loc["kabupaten-probolinggo", ["peers", "best", "worst"]].tolist() == [1, 1, 1]
    cities = table[table["peer_group"] == "kota"]
    assert (cities["peers"] == 4).all()
    sets = {code: (row.best, row.worst) for code, row in zip(cities.index, cities.itertuples(), strict=True)}
    assert sets == {"kota-mojokerto": (1, 2), "kota-bengkulu": (1, 2), "kota-tebing-tinggi": (3, 3),
                    "kota-pangkalpinang": (4, 4)}  # fmt: skip


def test_peers_may_share_the_size_class_too(few_draws: RoundSetup, tmp_path: Path) -> None:
    ranks = few_draws.round.ranks.model_copy(update={"peers": ["type", "size_class"]})
    finer = replace(few_draws, round=few_draws.round.model_copy(update={"ranks": ranks}))
    table = round_rank_sets(finer, _store(tmp_path, {})).set_index("institution_id")
    for code, row in table.iterrows():
        own = few_draws.roster[code]
        alike = [few_draws.roster[i] for i in INDEX]
        assert row["peers"] == sum((i.type, i.size_class) == (own.type, own.size_class) for i in alike)


@pytest.mark.parametrize("status", ["withheld", "suppressed", "no_answers"])
def test_a_hidden_index_leaves_no_trace(few_draws: RoundSetup, tmp_path: Path, status: str) -> None:
    """The others' sets are those without it, whatever it is, even if a figure were still in the store."""
    hidden = "kota-mojokerto"
    absent = round_rank_sets(few_draws, _store(tmp_path / "absent", {}, (hidden,)))
    for value in (np.nan, 5.0, 95.0):
        store = _store(tmp_path / str(value), {hidden: status}, **{hidden: value})
        table = round_rank_sets(few_draws, store)
        assert hidden not in set(table["institution_id"])
        pd.testing.assert_frame_equal(table, absent)


def test_a_result_withheld_after_it_was_scored_leaves_no_trace(few_draws: RoundSetup, tmp_path: Path) -> None:
    """The store still says "shown"; the decision stands in the round's inputs, and goes before."""
    hidden = "kota-mojokerto"
    decided = few_draws.inputs[hidden].model_copy(update={"release": "withheld", "withheld_reason": "conduct"})
    withheld = replace(few_draws, inputs=few_draws.inputs | {hidden: decided})
    absent = round_rank_sets(few_draws, _store(tmp_path / "absent", {}, (hidden,)))
    table = round_rank_sets(withheld, _store(tmp_path / "scored", {}))
    assert hidden not in set(table["institution_id"])
    pd.testing.assert_frame_equal(table, absent)


def test_nobody_scored_nobody_placed(few_draws: RoundSetup, tmp_path: Path) -> None:
    assert round_rank_sets(few_draws, Store(tmp_path / "spi_2024")).empty


def test_the_order_of_the_round_changes_nothing(few_draws: RoundSetup, tmp_path: Path) -> None:
    turned = replace(few_draws, inputs=dict(reversed(few_draws.inputs.items())))
    store = _store(tmp_path, {})
    first, second = round_rank_sets(few_draws, store), round_rank_sets(turned, store)
    pd.testing.assert_frame_equal(
        first.sort_values("institution_id", ignore_index=True), second.sort_values("institution_id", ignore_index=True)
    )
