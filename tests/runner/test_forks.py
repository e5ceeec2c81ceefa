"""The fork server: clean children, nothing left behind, and the usual kernel where forking is not safe."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from forked_papermill import ForkError, ForkServer, fork, process_digest, short_folder
from spi_analysis.params import load_setup
from spi_analysis.runner import digests
from spi_analysis.runner.execute import _config
from spi_analysis.runner.forks.warm import PLACE, SPI, fixed_environment
from spi_analysis.runner.plan import Limits, plan_steps
from spi_analysis.runner.pool import GRACE, Pool
from spi_analysis.tables.schema import mark_schema
from tests.runner.conftest import EVERY_ENGINE, HERE, ROUND, put

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]
LONGEST_SOCKET_PATH = 107
# Seconds: no test of speed, but an end for what would hang. A machine with ten busy processes takes minutes.
PATIENCE = 300
THREADED = """
import sys, threading, time
from pathlib import Path
from forked_papermill.server import Server
from spi_analysis.runner.forks.warm import SPI
threading.Thread(target=time.sleep, args=(120,), daemon=True).start()
server = Server(Path(sys.argv[1]), SPI)
print("ready", flush=True)
server.serve()
"""


def alive(pid: int) -> bool:
    """Whether a process runs (one that ended and was not yet asked for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(*pids: int, seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


def wait_for(path: Path, seconds: float = PATIENCE) -> str:
    until = time.monotonic() + seconds
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return path.read_text()


def descendants(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def test_the_process_forked_from_has_one_thread_and_nothing_that_brings_others(server):
    assert server.wait_until_ready()["threads"] == 1
    pid = server.wait_until_ready()["pid"]
    assert len(os.listdir(f"/proc/{pid}/task")) == 1
    mapped = Path(f"/proc/{pid}/maps").read_text()
    assert "pandas" in mapped, "it is warm"
    assert [name for name in ("duckdb", "polars", "torch") if name in mapped] == []


def test_the_process_forked_from_holds_no_file_that_children_would_share(server):
    """Fonts are the exception: matplotlib opens them anew in every child."""
    pid = server.wait_until_ready()["pid"]
    files = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    open_files = [name for name in files if name.startswith("/") and not name.endswith((".ttf", ".otf"))]
    assert {Path(name).name for name in open_files} <= {"log", "null"}


def test_children_are_clean_and_leave_no_temporary_files(run, server, workspace):
    """Variables, changed modules, environment and temporary files of one notebook do not reach the next."""
    for engine in ("kernel", "fast", "kernel", "fast"):
        outcome = run("leaves_traces", engine)
        assert outcome.ok, outcome.error
    assert (workspace.root / "left_open.txt").read_text() == "written all the same"
    until = time.monotonic() + 60
    while list(server.folder.glob("t*")) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(server.folder.glob("t*")) == []


@pytest.fixture
def threaded():
    """A fork server with a thread of its own."""
    folder = short_folder()
    command, env = [sys.executable, "-c", THREADED, str(folder)], fixed_environment(folder)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    assert process.stdout.readline() == b"ready\n"
    yield folder
    process.stdin.close()
    process.wait(timeout=PATIENCE)
    shutil.rmtree(folder)


def test_more_than_one_thread_is_refused(threaded):
    with pytest.raises(ForkError, match="not safe") as refused:
        fork(threaded, "shell", {}, {})
    assert "2 threads" in str(refused.value)


@pytest.mark.parametrize("engine", ["kernel", "fast"])
def test_where_forking_is_not_safe_the_usual_kernel_runs_the_notebook_and_says_so(run, threaded, monkeypatch, engine):
    monkeypatch.setenv(PLACE, str(threaded))
    outcome = run("takes_both", engine)
    assert outcome.ok, outcome.error
    assert any("in the usual way: forking is not safe here" in note for note in outcome.notes)


@pytest.mark.parametrize("engine", ["kernel", "fast"])
def test_elsewhere_than_on_linux_the_stock_engine_runs_with_a_message(workspace, monkeypatch, engine):
    monkeypatch.setattr("spi_analysis.runner.pool.forking_is_safe_here", lambda: "forking is safe on Linux only")
    said = []
    pool = Pool(load_setup(workspace, ROUND), engine, 1, Limits(), said.append)
    pool.close()
    assert pool.engine == "stock"
    assert said == ["notebooks are run by the stock engine: forking is safe on Linux only"]


def test_a_server_that_does_not_start_means_the_stock_engine(workspace, monkeypatch):
    def broken(self):
        raise ForkError("the fork server did not start", got="no module")

    monkeypatch.setattr(ForkServer, "wait_until_ready", broken)
    said = []
    pool = Pool(load_setup(workspace, ROUND), "kernel", 1, Limits(), said.append)
    pool.close()
    assert pool.engine == "stock"
    assert "did not start: no module" in said[0]


def test_the_digest_follows_code_and_installed_packages(tmp_path, monkeypatch):
    package = tmp_path / "spi_analysis"
    package.mkdir()
    (package / "__init__.py").write_text("a = 1\n")
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.setattr(digests, "PACKAGE", package)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    found = [process_digest(SPI)]
    assert process_digest(SPI) == found[0]
    (package / "__init__.py").write_text("a = 22\n")
    found.append(process_digest(SPI))
    (package / "new.py").write_text("")
    found.append(process_digest(SPI))
    (site / "installed").mkdir()
    os.utime(site, ns=(1, 1))
    found.append(process_digest(SPI))
    assert len(set(found)) == 4


@pytest.mark.long
def test_a_server_of_older_code_is_replaced(workspace):
    put(workspace, "takes_both")
    pool = Pool(load_setup(workspace, ROUND), "fast", 1, Limits(), print)
    try:
        pids = []
        for _ in range(2):
            pool.start(plan_steps([HERE], ["10"])[0])
            assert [outcome.error for _, outcome in pool.wait()] == [""]
            pids.append(pool._parent.servers[-1].wait_until_ready()["pid"])
            pool._parent.servers[-1].digest = "of older code"
        assert pids[0] != pids[1]
    finally:
        pool.close()
    assert gone(*pids)


@pytest.mark.long
def test_a_server_whose_folder_was_cleared_away_is_replaced(workspace):
    """It lives, and nobody can reach it: whoever clears up temporary files has taken its socket."""
    put(workspace, "takes_both")
    pool = Pool(load_setup(workspace, ROUND), "fast", 1, Limits(), print)
    try:
        shutil.rmtree(pool._parent.servers[-1].folder)
        pool.start(plan_steps([HERE], ["10"])[0])
        assert [outcome.error for _, outcome in pool.wait()] == [""]
        old, new = pool._parent.servers
        assert gone(old.wait_until_ready()["pid"]), "nobody needs the old one any more"
        assert new.is_up_to_date()
    finally:
        pool.close()


@pytest.mark.long
def test_a_server_that_goes_between_look_and_fork_is_replaced(workspace, monkeypatch):
    """It was current when it was looked at."""
    put(workspace, "takes_both")
    pool = Pool(load_setup(workspace, ROUND), "fast", 1, Limits(), print)
    current, taken = ForkServer.is_up_to_date, []

    def look_and_lose(self):
        found = current(self)
        if found and not taken:
            taken.append(self.folder)
            shutil.rmtree(self.folder)
        return found

    monkeypatch.setattr(ForkServer, "is_up_to_date", look_and_lose)
    try:
        pool.start(plan_steps([HERE], ["10"])[0])
        assert [outcome.error for _, outcome in pool.wait()] == [""]
        assert len(taken) == 1
    finally:
        pool.close()


@pytest.mark.parametrize("engine", ["fast", pytest.param("stock", marks=pytest.mark.long)])
def test_a_worker_that_is_killed_is_an_outcome_and_the_next_step_runs(workspace, engine):
    """As when memory runs out; no kernel goes on alone, and nothing that it started."""
    put(workspace, "sleeps")
    step = plan_steps([HERE], ["10"])[0]
    pool = Pool(load_setup(workspace, ROUND), engine, 1, Limits(), print)
    try:
        pool.start(step)
        wait_for(workspace.root / "program.pid")
        started = descendants(pool._workers[0].pid)
        os.kill(pool._workers[0].pid, signal.SIGKILL)
        ((_, outcome),) = pool.wait()
        assert "killed by SIGKILL" in outcome.error
        assert outcome.cell in (4, 5)
        assert gone(int((workspace.root / "program.pid").read_text()), *started)
        put(workspace, "takes_both")
        pool.start(step)
        assert [outcome.error for _, outcome in pool.wait()] == [""]
    finally:
        pool.close()


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_notebook_that_takes_too_long_is_ended_with_all_that_it_started(workspace, folder, engine):
    put(workspace, "sleeps")
    pool = Pool(load_setup(workspace, ROUND), engine, 1, Limits(), print)
    try:
        pool.start(plan_steps([HERE], ["10"])[0])
        program = int(wait_for(workspace.root / "program.pid"))
        assert alive(program)
        # However slow the machine is, the clock strikes while the last cell sleeps.
        time.sleep(1)
        pool._workers[0]._limits = Limits(notebook=1)
        ((_, outcome),) = pool.wait()
        assert "longer than 1 s" in outcome.error
        assert outcome.cell == 5
        assert (folder / "failed" / "10_sampling_design.ipynb").exists()
        assert gone(program), "the program that a cell started"
    finally:
        pool.close()


def test_a_notebook_whose_time_is_over_is_kept_however_busy_the_machine_is(workspace, folder):
    """Its process is held up for longer than a stopped run would wait."""
    put(workspace, "sleeps")
    pool = Pool(load_setup(workspace, ROUND), "fast", 1, Limits(), print)
    try:
        pool.start(plan_steps([HERE], ["10"])[0])
        wait_for(workspace.root / "program.pid")
        worker = pool._workers[0]
        worker._limits = Limits(notebook=1)
        os.kill(worker.pid, signal.SIGSTOP)
        goes_on = threading.Timer(GRACE + 2, os.kill, (worker.pid, signal.SIGCONT))
        goes_on.start()
        ((_, outcome),) = pool.wait()
        goes_on.join()
        assert "longer than 1 s" in outcome.error
        assert (folder / "failed" / "10_sampling_design.ipynb").exists()
    finally:
        pool.close()


RUNNER = """
import sys
from pathlib import Path
from spi_analysis.runner.pool import run_steps
from spi_analysis.runner.plan import plan_steps
from spi_analysis.params import Workspace, load_setup

if __name__ == "__main__":
    setup = load_setup(Workspace(Path(sys.argv[1])), "spi_2024")
    list(run_steps(setup, plan_steps(["kota-bengkulu"], ["10"]), 1, engine=sys.argv[2]))
"""


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_runner_that_is_killed_leaves_nothing_behind(workspace, tmp_path, engine):
    put(workspace, "sleeps")
    script = tmp_path / "runner.py"
    script.write_text(RUNNER)
    # Not named after this process: its number may have been another's before, which left a folder.
    short = Path(tempfile.mkdtemp(prefix="spi-test-", dir="/tmp"))
    env = {**os.environ, "TMPDIR": str(short)}
    runner = subprocess.Popen([sys.executable, str(script), str(workspace.root), engine], env=env)
    try:
        program = int(wait_for(workspace.root / "program.pid"))
        started = [pid for pid in descendants(runner.pid) if pid != program]
        assert len(started) >= 2
        runner.kill()
        runner.wait()
        assert gone(program, *started)
        until = time.monotonic() + 60
        while any(short.iterdir()) and time.monotonic() < until:
            time.sleep(0.05)
        assert list(short.iterdir()) == [], "no temporary file"
    finally:
        for pid in (program, *started):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        subprocess.run(["rm", "-rf", str(short)], check=True)


def ignore_sigint():
    """As a shell without job control does for what it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def heed_sigint():
    """As at a terminal, however these tests were started."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "before"),
    [(signal.SIGINT, heed_sigint), (signal.SIGINT, ignore_sigint), (signal.SIGTERM, ignore_sigint)],
)
def test_stopping_a_run_ends_everything_keeps_what_is_done_and_says_so(workspace, number, before):
    """The command as a person starts it; what had been finished stands in run.json, what had not says so."""
    put(workspace, "sleeps")
    store = workspace.data / ROUND / "frame"
    store.mkdir(parents=True)
    mark_schema(workspace.data / ROUND)
    (store / f"{HERE}.parquet").write_text("a table; no notebook here reads it")
    command = [sys.executable, "-m", "spi_analysis", "run", HERE, "--notebook", "10", "--workers", "1"]
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    run = subprocess.Popen(command, cwd=workspace.root, preexec_fn=before, **said)
    program = int(wait_for(workspace.root / "program.pid"))
    started = descendants(run.pid)
    run.send_signal(number)
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130
    assert "stopped" in said
    assert "Traceback" not in said
    assert gone(program, *started)
    outputs = workspace.institution_outputs(ROUND, HERE)
    assert '"the batch was stopped' in (outputs / "run.json").read_text().replace("not run: ", '"')
    assert not list(outputs.glob(".*")), "nothing half-written"


def test_sockets_are_files_with_short_paths(monkeypatch, tmp_path):
    """Ports of the machine could be taken by another kernel between choice and use."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    folder = short_folder()
    config = _config(folder, "kernel")
    assert config.KernelManager.transport == "ipc"
    assert len(str(config.KernelManager.ip) + "-5") <= LONGEST_SOCKET_PATH
    assert folder.is_absolute()
    assert folder.stat().st_mode & 0o077 == 0, "nobody else reads them"
    folder.rmdir()
