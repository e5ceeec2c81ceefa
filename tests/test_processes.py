"""The pool of local processes: any order, one lost piece at most, nothing left behind, and no standstill."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spi_analysis.errors import SpiError
from spi_analysis.processes import Lost, in_processes
from spi_analysis.survey.simulation import on_all_cores

pytestmark = pytest.mark.slow
# Seconds: no test of speed, but an end for what would hang.
PATIENCE = 300
opened = []


def told(done):
    return {number: "lost" if isinstance(result, Lost) else result for number, result in done}


def squared(number):
    return number**2


def dies_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def noted(task):
    """Writes down that it was begun."""
    folder, number = task
    with open(Path(folder) / str(number), "a", encoding="ascii") as file:
        file.write("x")
    return dies_at_three(number)


def fails_at_two(number):
    if number == 2:
        raise KeyError("two")
    return number


def open_here():
    opened.append(1)


def opened_and_process(_):
    return len(opened), os.getpid()


def table_until_it_dies(number):
    dies_at_three(number)


@pytest.mark.parametrize("workers", [1, 2, pytest.param(3, marks=pytest.mark.long)])
def test_results_do_not_depend_on_the_number_of_processes(workers):
    assert dict(in_processes(squared, [3, 1, 2], workers)) == {0: 9, 1: 1, 2: 4}


def test_a_process_that_dies_costs_its_piece_and_nothing_is_done_twice(tmp_path):
    """Pieces that were at work beside it when it died are begun again; what was done is not."""
    tasks = [(str(tmp_path), number) for number in (3, 1, 2)]
    assert told(in_processes(noted, tasks, 1)) == {0: "lost", 1: 1, 2: 2}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"3": "x", "1": "x", "2": "x"}


@pytest.mark.long
def test_of_two_processes_only_one_piece_is_lost():
    assert told(in_processes(dies_at_three, [1, 2, 3, 4, 5], 2)) == {0: 1, 1: 2, 2: "lost", 3: 4, 4: 5}


def test_an_error_of_the_work_is_raised_and_leaves_no_process():
    before = set(multiprocessing.active_children())
    with pytest.raises(KeyError, match="two"):
        list(in_processes(fails_at_two, [1, 2, 3], 2))
    assert set(multiprocessing.active_children()) == before


@pytest.mark.long
def test_processes_are_replaced_and_each_is_opened_once():
    """Ten pieces, two per process: where the standard pool stood still once all had done their number."""
    found = dict(in_processes(opened_and_process, range(10), 2, open_here, per_process=2))
    assert sorted(found) == list(range(10))
    assert {opened for opened, _ in found.values()} == {1}
    pids = [pid for _, pid in found.values()]
    assert len(set(pids)) >= 3, "three pools of at most four pieces"
    assert max(map(pids.count, pids)) <= 4


@pytest.mark.long
def test_a_simulation_whose_process_dies_is_an_error_that_names_it():
    with pytest.raises(SpiError, match="ended from outside") as lost:
        on_all_cores(dies_at_three, [3, 3], 2)
    assert "at simulation" in str(lost.value)


SLEEPS = """
import os, sys, tempfile, time
from pathlib import Path
from spi_analysis.processes import in_processes

def sleep(folder):
    with tempfile.TemporaryDirectory(dir=folder):
        Path(folder, f"{os.getpid()}.pid").write_text("x")
        time.sleep(600)

if __name__ == "__main__":
    list(in_processes(sleep, [sys.argv[1]] * 6, 2))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, 0), (signal.SIGKILL, 2)], ids=["Ctrl-C", "kill -9"])
def test_ending_the_command_ends_all_its_processes(tmp_path, number, left):
    """After Ctrl-C the work has cleared up its temporary files; after kill -9 nobody could."""
    (tmp_path / "sleeps.py").write_text(SLEEPS)
    folder = tmp_path / "w"
    folder.mkdir()
    command = [sys.executable, str(tmp_path / "sleeps.py"), str(folder)]
    heeding = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **heeding) as runner:
        pids = _pids(folder, 2)
        runner.send_signal(number)
        assert runner.wait(PATIENCE) != 0
        _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert len(list(folder.glob("*.pid"))) == 2, "nothing else was begun"
    assert sum(path.is_dir() for path in folder.iterdir()) == left


def _pids(folder, count):
    _until(lambda: len(list(folder.glob("*.pid"))) == count)
    return [int(path.stem) for path in folder.glob("*.pid")]


def _until(true):
    until = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
