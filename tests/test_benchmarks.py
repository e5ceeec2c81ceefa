"""The benchmarks run, their peers do the same works, and the table says what was met."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bootstrap, calibrate, commands, common, data, means_by_domain, propensity, rake
from benchmarks.common import Timing, Work
from spi_analysis.survey import weighting

SPEEDS = [means_by_domain.SPEED, rake.SPEED, calibrate.SPEED, bootstrap.SPEED, propensity.SPEED]
WORKS = [(speed, work) for speed in SPEEDS for work in speed.works]


@pytest.mark.parametrize(("speed", "work"), WORKS, ids=lambda part: part.name)
def test_every_goal_has_a_peer_that_does_the_same(speed: common.Speed, work: Work) -> None:
    entries = {"R": (f"r/{speed.name}.R", f"{work.name} = function"), "svy": (f"svy_peer/{speed.name}.py", work.name)}
    for peer in work.goals:
        file, entry = entries[peer]
        assert entry in (common.HERE / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("speed", "work"), WORKS, ids=lambda part: part.name)
def test_every_work_runs(speed: common.Speed, work: Work, tmp_path: Path) -> None:
    if speed is propensity.SPEED and not hasattr(weighting, "response_propensity"):
        pytest.skip("response_propensity is not there")
    data.write(tmp_path, 3000)
    assert work.prepare(*data.read(tmp_path, 3000))() is not None


def test_everybody_reads_the_same_numbers(tmp_path: Path) -> None:
    data.write(tmp_path, 2500)
    df, totals = data.read(tmp_path, 2500)
    doubles = np.fromfile(tmp_path / "2500.doubles", dtype="<f8").reshape(-1, 2500)
    names = (tmp_path / "2500.columns").read_text().split()
    assert list(df.columns) == names
    assert (df.to_numpy(dtype=float) == doubles.T).all()
    assert totals == json.loads(json.dumps(data.totals(data.sample(2500)))), "seeded: made again, they are the same"
    assert df["stratum"].value_counts().min() >= 2


def test_table_says_what_was_met() -> None:
    work = Work("w", "some work", lambda df, totals: lambda: None, {"R": 10, "svy": 4}, memory_mb=500)
    row = {"work": work, "n": 100_000, "ours": Timing(2.0, 3, 400.0), "R": Timing(30.0, 1), "svy": Timing(6.0, 3)}
    cells = dict(
        zip(["work", "n", "ours", "runs", "peak", "R", "R x", "svy", "svy x"], common._cells(row), strict=False)
    )
    assert (cells["R x"], cells["svy x"]) == ("15", "3")
    assert common._cells(row)[-1] == "yes, yes, NO"
    assert common._cells({**row, "svy": Timing(None, why="absent")})[-1] == "yes, yes, not timed"
    assert common._cells({**row, "n": 10_000})[-1] == "yes", "ratios count on large samples only"


def test_an_absent_peer_is_a_reason_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert common._r_command() == "R is not installed"
    assert common._child(["/bin/sh", "-c", "echo 'Error in x: no such package' >&2; exit 1"], 5).why == (
        "failed: Error in x: no such package"
    )


def test_a_command_is_timed_and_held_to_its_goals(tmp_path: Path) -> None:
    python = [sys.executable, "-c"]
    slow = commands.Command("slow", [*python, "import time; time.sleep(0.3)"], tmp_path, seconds=0.2)
    for _ in range(2):
        slow.measure()
    assert min(slow.wall) > 0.3
    assert max(slow.cpu) < min(slow.wall)
    assert slow.row(1.0).endswith("NO")
    slow.seconds, slow.ratio = None, 10
    assert not slow.row(1.0).endswith("NO"), "a hundredth of a second beside one of an empty Python"
    with pytest.raises(SystemExit, match="exit code 3 instead of 0"):
        commands.Command("fails", [*python, "raise SystemExit(3)"], tmp_path).measure()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("engines")
@pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
def test_executors_hand_over_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    from benchmarks import executors

    assert executors.main(["--institutions", "3", "--workers", "2"]) == 0
    printed = capsys.readouterr().out.splitlines()
    rows = [line.strip("| ").split(" | ") for line in printed if line.startswith("| ")][1:]
    assert [(row[0], row[1]) for row in rows] == [
        ("this machine", "17"),
        ("Dask, a shared disk", "17"),
        ("Dask, an exchange", "17"),
    ]
    assert "files are the same in all three" in printed[-1]


def test_handing_over_is_what_steps_did_not_take_themselves() -> None:
    executors = pytest.importorskip("benchmarks.executors", reason="the extra [dask] is not installed")
    timing = executors.Timing("here", workers=2, steps=10, attempts=11, seconds=20.0, own=30.0)
    assert timing.row == "| here | 10 | 11 | 20.0 | 2.000 | 1.000 |"
