"""Simulated rounds are kept as they come: none is simulated twice, and none is lost with a command that is ended."""

from dataclasses import replace
from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from spi_analysis.errors import SpiError
from spi_analysis.operations import coverage, simulate_rounds
from spi_analysis.params import Workspace
from spi_analysis.synthetic import SimulatedLists, simulate_institution
from spi_analysis.tables import write_parquet


@pytest.fixture
def elsewhere(setup, tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "_setup", lambda *_: setup)
    return replace(setup, workspace=Workspace(tmp_path))


@pytest.fixture
def asked(monkeypatch):
    """What was simulated, and not read; a round of seed 13 is one too many."""
    found = []

    def simulate_institution(lists, world, response):
        seed = lists.seed
        if seed == 13:
            raise KeyboardInterrupt
        found.append((lists.institution_id, seed, world, response))
        return pd.DataFrame({"seed": [seed], "estimate": [seed / 3], "item": [None]}, index=["index"])

    monkeypatch.setattr(coverage, "simulate_institution", simulate_institution)
    return found


def _simulate(setup, seeds, worlds=("additive",), responses=("0.08",)):
    said = Console(file=StringIO(), width=200)
    return simulate_rounds(setup, seeds, worlds, responses, 1, said), said.file.getvalue()


def test_more_seeds_cost_only_those_that_are_new(elsewhere, asked):
    first, said = _simulate(elsewhere, range(1, 3))
    n = len(elsewhere.institution_ids)
    assert len(asked) == len(first) == 2 * n
    assert "kept" not in said
    again, said = _simulate(elsewhere, range(1, 4))
    assert len(asked) == len(again) == 3 * n
    assert f"{2 * n} of {3 * n} rounds" in said
    pd.testing.assert_frame_equal(again.head(2 * n), first)
    assert again["estimate"].tolist() == [seed / 3 for seed in (1, 2, 3) for _ in range(n)]


def test_another_world_or_response_is_another_round(elsewhere, asked):
    _simulate(elsewhere, [1])
    found, _ = _simulate(elsewhere, [1], ("additive", "callback"), ("0.08", "own"))
    assert len(set(asked)) == len(asked) == len(found) == 4 * len(elsewhere.institution_ids)


def test_a_command_that_was_ended_goes_on(elsewhere, asked):
    with pytest.raises(KeyboardInterrupt):
        _simulate(elsewhere, [11, 12, 13])
    n = len(elsewhere.institution_ids)
    assert len(asked) == 2 * n
    assert len(_simulate(elsewhere, [11, 12])[0]) == len(asked) == 2 * n


def test_other_code_or_parameters_simulate_anew(elsewhere, asked, monkeypatch):
    _simulate(elsewhere, [1])
    n, before = len(elsewhere.institution_ids), elsewhere.round
    _simulate(replace(elsewhere, round=before.model_copy(update={"level": 0.9})), [1])
    assert len(asked) == 2 * n
    monkeypatch.setattr("spi_analysis.runner.fingerprint.code_digest", lambda: "another")
    _simulate(elsewhere, [1])
    assert len(asked) == 3 * n


def test_a_damaged_round_is_named_with_what_to_do(elsewhere, asked):
    _simulate(elsewhere, [1])
    (path, *_) = sorted(elsewhere.workspace.outputs.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(SpiError, match=r"(?s)additive_0\.08_1\.parquet.*delete it"):
        _simulate(elsewhere, [1])


@pytest.mark.slow
def test_a_round_is_read_as_it_was_simulated(setup, tmp_path):
    made = simulate_institution(SimulatedLists(setup, setup.institution_ids[0], 1), "additive", "0.08")
    place = tmp_path / "kept.parquet"
    task = (str(setup.workspace.root), setup.round.round_id, setup.institution_ids[0], 1, {(): place})
    write_parquet(place, made)
    pd.testing.assert_frame_equal(coverage._kept(simulate_institution, task), made)
