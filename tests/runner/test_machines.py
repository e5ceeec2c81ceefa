"""Steps on Dask's workers: separate processes here, machines elsewhere."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console
from typer.testing import CliRunner

from spi_analysis.cli import app
from spi_analysis.errors import ParameterError
from spi_analysis.params import Workspace, load_setup
from spi_analysis.runner.dask import sameness
from spi_analysis.runner.dask.sameness import MachinesError, on_dask
from spi_analysis.runner.digests import PACKAGE
from spi_analysis.runner.ledger import Selection, batch_folder, read_entries
from spi_analysis.runner.plan import Limits
from spi_analysis.runner.pool import Pool
from spi_analysis.runner.run import run_selection
from tests.runner.conftest import ROUND
from tests.runner.faults import made, make_workspace
from tests.runner.test_running import put_first

pytest.importorskip("distributed", reason="the extra [dask] is not installed")
from distributed import Client, LocalCluster

from spi_analysis.runner.dask import cluster as machines_pool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]
A, B = "kota-uji-01", "kota-uji-02"
NOWHERE = "tcp://127.0.0.1:1"
# The first attempt tells which process its cells were forked from, and sleeps; once it is known, nobody sleeps.
SLEEP_ONCE = """from pathlib import Path
import os, time
told = Path(f"forked-from-{institution_id}")
new = not told.exists()
_ = new and told.write_text(f"{os.getppid()} {os.getpid()}")
time.sleep(60 * new)"""
# The first attempt kills the Dask worker: the parent of the process that the cells were forked from.
DIE_ONCE = """from pathlib import Path
import os, psutil
new = not Path("killed").exists()
Path("killed").touch()
if new:
    psutil.Process(os.getppid()).parent().kill()"""
SAY_KEYS = """import os
from pathlib import Path
found = [name for name, value in os.environ.items() if value == "secret"]
_ = Path(f"keys-{institution_id}").write_text(str(found))"""
# Every notebook notes the process that its cells were forked from.
NOTE_PARENT = 'import os\nwith open("parents", "a") as file:\n    _ = file.write(f"{os.getppid()}\\n")'


@pytest.fixture(scope="module")
def cluster():
    """Four workers, each a process."""
    with LocalCluster(n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None) as one:
        yield one


@pytest.fixture
def towns(tmp_path):
    """Two made-up towns with tiny notebooks, not run yet."""
    return make_workspace(tmp_path / "w", 2)


def run(workspace, open_runner=Pool, workers=None, engine="fast", force=False, **options):
    setup, quiet = load_setup(workspace, ROUND), Console(quiet=True)
    return run_selection(setup, Selection(**options), workers, quiet, engine, force=force, open_runner=open_runner)


def entries(workspace):
    return read_entries(load_setup(workspace, ROUND))


def told(path: Path, seconds: float = 300) -> list[int]:
    """What a notebook wrote to a file, once it is there."""
    until = time.monotonic() + seconds
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return [int(word) for word in path.read_text().split()]


def is_gone(pid: int, seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" and time.monotonic() < until:
        time.sleep(0.05)
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def in_the_background(act):
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_the_stock_engine_is_refused_by_workers_that_may_not_start_kernels(cluster, towns):
    # First of all, while the four are there.
    with pytest.raises(MachinesError, match="may not start processes") as refused:
        run(towns, on_dask(cluster.scheduler_address), engine="stock")
    assert len(refused.value.problems) == 4, "every worker is named"
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in refused.value.problems[0].expected


def test_workers_lost_mid_step_cost_an_attempt_and_no_byte_differs_from_a_local_run(cluster, tmp_path):
    """One is killed with -9, one retired; the warm process and the notebook go with their worker."""
    calm, hit = make_workspace(tmp_path / "calm", 2), make_workspace(tmp_path / "hit", 2)
    for workspace in (calm, hit):
        put_first(workspace, "30", SLEEP_ONCE)
        put_first(workspace, "10", NOTE_PARENT)
    for code in (A, B):
        (calm.root / f"forked-from-{code}").touch()
    lost = []

    def lose():
        for code in (A, B):
            server, cells = told(hit.root / f"forked-from-{code}")
            lost.extend([psutil.Process(server).ppid(), server, cells])
        with Client(cluster, set_as_default=False) as client:
            retired = [worker for worker, pid in client.run(os.getpid).items() if pid == lost[3]]
            os.kill(lost[0], signal.SIGKILL)
            client.retire_workers(retired)

    loser = in_the_background(lose)
    # Two at a time, so that those who take over start their warm processes only then.
    there = run(hit, on_dask(cluster.scheduler_address), workers=2)
    loser.join()
    assert there.failures == []
    assert len(there.results) == 12
    assert all(is_gone(pid) for pid in lost)
    assert there.log.read_text().count("tried again, since the Dask worker") == 2
    attempts = {key: entry.attempts for key, entry in entries(hit).items()}
    assert attempts == {key: 1 + (key[0] == "30") for key in attempts}
    servers = set(told(hit.root / "parents")) - set(lost)
    keepers = [psutil.Process(pid).ppid() for pid in servers]
    assert len(keepers) == len(set(keepers)), "one warm process per worker"
    assert run(calm).failures == []
    assert made(hit) == made(calm)
    # What was made elsewhere is known here: nothing is run, and nobody is asked.
    again = run(hit, on_dask(NOWHERE))
    assert (again.results, len(again.up_to_date)) == ([], 12)


def test_an_error_of_a_notebook_is_not_tried_again_and_keeps_its_cell(cluster, towns):
    put_first(towns, "40", 'open("tries", "a").write("x"); assert institution_id.endswith("02"), "broken"')
    summary = run(towns, on_dask(cluster.scheduler_address), notebooks=["30", "40", "50"])
    assert {result.key for result in summary.failures} == {("40", A), ("50", A)}
    assert (towns.root / "tries").read_text() == "xx", "once for each"
    entry = entries(towns)[("40", A)]
    assert (entry.state, entry.attempts, entry.cell) == ("failed", 1, 5)
    assert "AssertionError" in entry.traceback


def test_a_stop_ends_what_runs_on_the_workers_and_the_ledger_says_so(cluster, towns):
    put_first(towns, "30", SLEEP_ONCE)

    def stop():
        for code in (A, B):
            told(towns.root / f"forked-from-{code}")
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    in_the_background(stop)
    summary = run(towns, on_dask(cluster.scheduler_address), notebooks=["30", "40"])
    assert summary.stopped
    for code in (A, B):
        assert is_gone(told(towns.root / f"forked-from-{code}")[1]), "when the run is over, nothing writes"
    assert {key: entry.state for key, entry in entries(towns).items()} == {("30", A): "stopped", ("30", B): "stopped"}
    assert run(towns, on_dask(cluster.scheduler_address), notebooks=["30", "40"]).failures == []


def test_a_runner_that_is_killed_leaves_no_notebook_running(cluster, towns):
    put_first(towns, "30", SLEEP_ONCE)
    command = [sys.executable, "-m", "spi_analysis", "run", A, "--notebook", "30", "--engine", "fast"]
    command += ["--executor", "dask", "--scheduler", cluster.scheduler_address]
    runner = subprocess.Popen(command, cwd=towns.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, cells = told(towns.root / f"forked-from-{A}")
    runner.kill()
    runner.wait()
    assert is_gone(cells)
    assert run(towns, on_dask(cluster.scheduler_address), institutions=[A], notebooks=["30"]).failures == []
    assert entries(towns)[("30", A)].state == "done"


def test_a_worker_whose_warm_process_cannot_be_reached_starts_another(cluster, towns):
    """Somebody has cleared temporary files away; nothing is tried again for it, and nobody has to know."""
    assert run(towns, on_dask(cluster.scheduler_address), notebooks=["10"]).failures == []
    with Client(cluster, set_as_default=False) as client:
        cleared = client.run(_clear_away)
    assert any(cleared.values())
    summary = run(towns, on_dask(cluster.scheduler_address), notebooks=["10"], force=True)
    assert summary.failures == []
    assert "tried again" not in summary.log.read_text()


def _clear_away(dask_worker):
    """Remove the folder of a worker's warm process; whether there was one."""
    servers = dask_worker.plugins["spi-node"]._parent.servers if "spi-node" in dask_worker.plugins else []
    for server in servers:
        shutil.rmtree(server.folder, ignore_errors=True)
    return bool(servers)


def test_a_worker_that_is_replaced_during_a_run_outlives_it(towns):
    """Its nanny starts it anew from the runner's process: its warm process must not live in the run's own folder."""
    put_first(towns, "10", DIE_ONCE)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as one:
        first = run(towns, on_dask(one.scheduler_address), institutions=[A], notebooks=["10"])
        assert first.failures == []
        assert "tried again, since the Dask worker" in first.log.read_text(), "it was killed"
        with Client(one, set_as_default=False) as client:
            assert list(client.run(_reachable).values()) == [True]
        again = run(towns, on_dask(one.scheduler_address), institutions=[A], notebooks=["10"], force=True)
    assert again.failures == []
    assert "tried again" not in again.log.read_text()


def _reachable(dask_worker):
    """In a worker: whether the folder of its warm process is still there."""
    return dask_worker.plugins["spi-node"]._parent.servers[-1].folder.is_dir()


def test_the_keys_of_a_workers_environment_reach_no_notebook(cluster, towns):
    put_first(towns, "10", SAY_KEYS)
    with Client(cluster, set_as_default=False) as client:
        client.run(_set_keys, "secret")
        try:
            assert run(towns, on_dask(cluster.scheduler_address), notebooks=["10"]).failures == []
        finally:
            client.run(_set_keys, "")
    assert [(towns.root / f"keys-{code}").read_text() for code in (A, B)] == ["[]", "[]"]


def _set_keys(value):
    """In a worker: the variables that must not go further."""
    os.environ.update({"SPI_VAULT_KEY": value, "AWS_SECRET_ACCESS_KEY": value})


@pytest.fixture
def empty():
    """A scheduler without workers."""
    with LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as one:
        yield one


def test_no_workers_is_an_error_and_the_ledger_is_closed(empty, towns, monkeypatch):
    monkeypatch.setattr(machines_pool, "PATIENCE", 1)
    with pytest.raises(MachinesError, match="has no workers") as none:
        run(towns, on_dask(empty.scheduler_address))
    assert f"dask worker {empty.scheduler_address}" in none.value.problems[0].hint
    assert entries(towns) == {}
    assert not list(batch_folder(load_setup(towns, ROUND)).glob("sign-*"))


def test_a_scheduler_that_does_not_answer_is_an_error(towns, monkeypatch):
    monkeypatch.setattr(machines_pool, "CONNECT", 1)
    with pytest.raises(MachinesError, match="cannot be reached") as unreachable:
        run(towns, on_dask(NOWHERE))
    assert NOWHERE in unreachable.value.problems[0].where
    assert "within 1 s" in unreachable.value.problems[0].expected


@pytest.fixture
def mortal(tmp_path):
    """A scheduler in a process of its own, with one worker; kills the scheduler when it is called."""
    place = tmp_path / "scheduler.json"
    module, quiet = [sys.executable, "-m", "distributed.cli.dask_scheduler"], ["--no-dashboard", "--port", "0"]
    scheduler = subprocess.Popen([*module, *quiet, "--host", "127.0.0.1", "--scheduler-file", str(place)])
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(place), "--nthreads", "1"]
    worker = subprocess.Popen([*command, "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)])
    until = time.monotonic() + 300
    while not place.exists() and time.monotonic() < until:
        time.sleep(0.05)
    yield json.loads(place.read_text())["address"], scheduler, worker
    for one in (scheduler, worker):
        one.kill()
        one.wait()


def test_the_stock_engine_on_a_worker_and_a_scheduler_that_dies_which_another_run_goes_on_from(
    mortal, towns, monkeypatch
):
    """What was done stays on record; the worker that is left alone ends what it was at."""
    monkeypatch.setattr(machines_pool, "CONNECT", 3)
    address, scheduler, _ = mortal
    assert run(towns, on_dask(address), institutions=[A], notebooks=["10"], engine="stock").failures == []
    assert entries(towns)[("10", A)].engine == "stock"
    put_first(towns, "30", SLEEP_ONCE)

    def kill():
        told(towns.root / f"forked-from-{A}")
        scheduler.kill()

    in_the_background(kill)
    with pytest.raises(MachinesError, match="does not answer any more") as lost:
        run(towns, on_dask(address), institutions=[A], notebooks=["10", "20", "30"])
    assert address in lost.value.problems[0].where
    assert "goes on where it was" in lost.value.problems[0].hint
    states = {key[0]: entry.state for key, entry in entries(towns).items()}
    assert states == {"10": "done", "20": "done", "30": "stopped"}
    assert is_gone(told(towns.root / f"forked-from-{A}")[1]), "the notebook that was running"
    again = run(towns, institutions=[A], notebooks=["10", "20", "30"])
    assert again.failures == []
    assert {key[0] for key in again.up_to_date} == {"10", "20"}


def test_tls_without_certificates_is_an_error(towns):
    with pytest.raises(MachinesError, match="TLS__CA_FILE"):
        run(towns, on_dask("tls://127.0.0.1:1"))


@pytest.fixture
def stranger(empty, tmp_path):
    """A worker with a changed copy of the package, one package more, and another folder in the workspace's place."""
    copy, elsewhere = tmp_path / "copy", tmp_path / "elsewhere"
    shutil.copytree(PACKAGE, copy / "spi_analysis", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "spi_analysis" / "columns.py").open("a").write("# changed\n")
    (copy / "odd-1.0.dist-info").mkdir()
    (copy / "odd-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    elsewhere.mkdir()
    command = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", empty.scheduler_address]
    command += ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", "stranger", "--local-directory", str(copy)]
    worker = subprocess.Popen(command, cwd=elsewhere, env={**os.environ, "PYTHONPATH": str(copy)})
    with Client(empty, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=300)
        yield next(iter(client.nthreads()))
    worker.kill()
    worker.wait()


def test_a_worker_that_is_not_as_this_machine_is_named_with_all_that_differs(empty, stranger, towns, monkeypatch):
    """/proc/self/cwd is the same path for everybody, and a folder of its own for each process."""
    monkeypatch.chdir(towns.root)
    setup = load_setup(Workspace(Path("/proc/self/cwd")), ROUND)
    with pytest.raises(MachinesError) as wrong:
        on_dask(empty.scheduler_address)(setup, "fast", None, Limits(), print)
    found = {problem.what: problem for problem in wrong.value.problems}
    assert set(found) == {
        "this Dask worker does not see the workspace",
        "this Dask worker runs other code",
        "this Dask worker has other packages, or another Python",
    }
    assert all(stranger in problem.where and problem.hint for problem in found.values())
    assert found["this Dask worker has other packages, or another Python"].got == "odd==1.0"


@pytest.fixture
def here(towns):
    """What this machine says of itself."""
    setup = load_setup(towns, ROUND)
    with sameness.sign(setup) as signed:
        seen = sameness.shared_facts(str(signed), str(towns.data / ROUND))
        yield sameness.describe(seen) | {"root": str(towns.root)}


def test_a_machine_is_as_itself(here):
    assert sameness.differences("worker 1", "fast", here, dict(here)) == []


@pytest.mark.parametrize(
    ("fact", "value", "what", "got"),
    [
        ("sign", "another", "does not see the workspace", "another workspace at this path"),
        ("tables", ["events", "frame", "responses"], "does not see the same data", "no sample"),
        ("writes", False, "may not write", "no right to write"),
        ("look", "0" * 64, "runs other code", "000000000000"),
        ("may_start_processes", False, "may not start processes", "daemonic"),
    ],
)
def test_each_difference_is_said_with_what_was_found(here, fact, value, what, got):
    (problem,) = sameness.differences("worker 1", "stock", here | {"may_start_processes": True}, {**here, fact: value})
    assert what in problem.what
    assert got in problem.got
    assert "worker 1" in problem.where
    assert problem.expected
    assert problem.hint


def test_a_worker_without_the_package_is_said_to_lack_it(here):
    (problem,) = sameness.differences("worker 1", "fast", here, ModuleNotFoundError("No module named 'spi_analysis'"))
    assert "cannot run the workbench" in problem.what
    assert "No module named 'spi_analysis'" in problem.got


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    for name in ("cluster", "node"):
        monkeypatch.delitem(sys.modules, f"spi_analysis.runner.dask.{name}")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MachinesError, match=r"spi-analysis\[dask\]"):
        on_dask(NOWHERE)


@pytest.mark.parametrize("address", ["", "10.0.0.5:8786"])
def test_an_address_that_is_none_is_an_error(address):
    with pytest.raises(ParameterError, match=r"tcp://10\.0\.0\.5:8786"):
        on_dask(address)


def test_a_scheduler_without_the_executor_is_an_error(towns):
    done = CliRunner().invoke(app, ["run", "--workspace", str(towns.root), "--scheduler", NOWHERE])
    assert isinstance(done.exception, ParameterError)
    assert "add --executor dask" in str(done.exception)
