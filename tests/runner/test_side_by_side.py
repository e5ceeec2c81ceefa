"""Two runs of two workspaces on one machine, with one folder for temporary files: neither touches the other."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from spi_analysis.runner.run import clear_temporary_folders, own_temporary_folder
from tests.runner.faults import _after_a_while, left_running, made, make_workspace, start
from tests.runner.test_running import put_first

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]
# Seconds: an end for what would hang.
PATIENCE = 900
WAIT_TO_GO_ON = "import os, time\nwhile not os.path.exists('go-on'):\n    time.sleep(0.05)"


@pytest.fixture
def temporary():
    """Temporary files of both; a short path, since sockets go below it."""
    folder = Path(tempfile.mkdtemp(prefix="spi-two-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def server_of(run):
    """The fork server of a run, once it has a child."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert run.poll() is None, run.stdout.read()
        # Its guard is a child from the start.
        servers = [one for one in psutil.Process(run.pid).children() if len(one.children()) > 1]
        if servers:
            return servers[0]
        time.sleep(0.02)
    raise AssertionError("no fork server")


def test_two_runs_each_killed_and_started_again_do_not_touch_each_other(tmp_path, temporary):
    one, other, calm = (make_workspace(tmp_path / name, 2) for name in ("one", "other", "calm"))
    for workspace in (one, other, calm):
        put_first(workspace, "10", WAIT_TO_GO_ON)
    (calm.root / "go-on").touch()
    runs = {workspace: start(workspace, temporary, "fast") for workspace in (one, other)}
    servers = {workspace: server_of(runs[workspace]) for workspace in runs}
    for victim, bystander in ((one, other), (other, one)):
        folders = {Path(servers[workspace].cmdline()[-2]) for workspace in (victim, bystander)}
        assert len(folders) == 2
        runs[victim].kill()
        runs[victim].communicate()
        assert _after_a_while(lambda: not_ended(servers[victim]), seconds=PATIENCE) == []  # noqa: B023
        assert servers[bystander].is_running(), "the other's fork server"
        assert Path(servers[bystander].cmdline()[-2], "s").exists(), "and its socket"
        assert runs[bystander].poll() is None, "and its run"
        # The next run clears away what the killed one left, beside the other that is going on.
        runs[victim] = start(victim, temporary, "fast")
        servers[victim] = server_of(runs[victim])
    for workspace, run in runs.items():
        (workspace.root / "go-on").touch()
        said, _ = run.communicate(timeout=PATIENCE)
        assert run.returncode == 0, f"{workspace.root}: {said}"
        assert "tried again" not in said
    last = start(calm, temporary, "fast")
    assert last.wait(timeout=PATIENCE) == 0
    assert made(one) == made(calm)
    assert made(other) == made(calm)
    assert _after_a_while(lambda: left_running(temporary)) == []
    assert _after_a_while(lambda: list(temporary.iterdir())) == []


def not_ended(process):
    return [process.pid] if process.is_running() and process.status() != psutil.STATUS_ZOMBIE else []


HOLD = """
import sys
from spi_analysis.runner.run import own_temporary_folder
with own_temporary_folder() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def living():
    """A process that has a run's temporary folder, and the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_a_copied_workspace_does_not_clear_away_the_folder_of_a_run_that_lives(living):
    """Its ledger says that the run was killed, since its own lock is free."""
    process, folder = living
    clear_temporary_folders([str(folder)])
    assert folder.is_dir()
    process.send_signal(signal.SIGKILL)
    process.wait()
    clear_temporary_folders([str(folder)])
    assert not folder.exists()


def test_what_else_starts_during_a_run_has_its_temporary_files_where_it_had_them():
    """Such as a Dask worker that its nanny replaces: it outlives the run."""
    before, found = dict(os.environ), []

    def ask():
        command = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]
        found.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())

    ask()
    with own_temporary_folder() as folder:
        assert tempfile.gettempdir() == str(folder)
        other = threading.Thread(target=ask)
        other.start()
        other.join()
    assert found[0] == found[1]
    assert dict(os.environ) == before
    assert not folder.exists()
