"""Dask's workers that do not see the workspace: files go through an exchange, on a disk or in a bucket."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from spi_analysis.cli import app
from spi_analysis.errors import ParameterError
from spi_analysis.runner.dask import sameness
from spi_analysis.runner.dask.sameness import MachinesError, on_dask
from tests.runner.conftest import ROUND
from tests.runner.faults import made, make_workspace
from tests.runner.test_machines import NOWHERE, entries, in_the_background, is_gone, run, told
from tests.runner.test_running import put_first

pytest.importorskip("distributed", reason="the extra [dask] is not installed")
pytest.importorskip("s3fs", reason="the extra [s3] is not installed")
pytest.importorskip("moto.server", reason="the server of moto is not installed")
import fsspec
from distributed import Client, LocalCluster
from moto.server import ThreadedMotoServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]
A, B = "kota-uji-01", "kota-uji-02"
KEYS = {
    "AWS_ACCESS_KEY_ID": "name",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# Where cells run, and which keys they see; told in a folder that is no workspace.
SAY_WHERE = """import os
from pathlib import Path
_ = Path({place!r}, institution_id).write_text(f"{{Path.cwd()}} {{[n for n in os.environ if n.startswith('AWS_')]}}")"""
# The first attempt tells its process and its parent's, and sleeps.
SLEEP_ONCE = """import os, time
from pathlib import Path
told = Path({place!r}, institution_id)
new = not told.exists()
_ = new and told.write_text(f"{{os.getppid()}} {{os.getpid()}}")
time.sleep(60 * new)"""


@pytest.fixture(scope="module")
def bucket():
    """A bucket of a server on this machine that speaks as S3 does."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(name, value)
        files = fsspec.filesystem("s3")
        files.mkdir("rounds")
        yield files
        files.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="module")
def cluster(bucket, tmp_path_factory):
    """Two workers, each a process, with the keys to the bucket; their folders are beside nobody else's."""
    own = {"dashboard_address": None, "local_directory": str(tmp_path_factory.mktemp("dask"))}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **own) as one:
        yield one


@pytest.fixture(params=["disk", "bucket"])
def exchange(request, bucket, tmp_path):
    """An address; afterwards nothing is left there."""
    address = f"file://{tmp_path}/exchange" if request.param == "disk" else "s3://rounds/private"
    yield address
    files, path = fsspec.core.url_to_fs(address)
    files.invalidate_cache()
    assert files.find(path) == []


@pytest.fixture
def disk(tmp_path):
    """An address on this disk; afterwards nothing is left there."""
    yield f"file://{tmp_path}/exchange"
    assert list((tmp_path / "exchange").iterdir()) == []


@pytest.fixture
def towns(tmp_path):
    return make_workspace(tmp_path / "w", 2)


@pytest.fixture
def place(tmp_path):
    """Where notebooks tell something: a folder outside every workspace."""
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


def staged(cluster):
    """The folders of workers in the place of a workspace."""
    with Client(cluster, set_as_default=False) as client:
        folders = client.run(lambda dask_worker: dask_worker.local_directory)
    return [path for folder in folders.values() for path in Path(folder).parent.rglob("spi-workspace-*")]


def test_a_run_through_an_exchange_gives_the_bytes_and_rights_of_a_local_one(cluster, exchange, tmp_path, place):
    there, calm = make_workspace(tmp_path / "there", 2), make_workspace(tmp_path / "calm", 2)
    for workspace in (there, calm):
        put_first(workspace, "10", SAY_WHERE.format(place=str(place)))
    summary = run(there, on_dask(cluster.scheduler_address, exchange))
    assert summary.failures == []
    assert len(summary.results) == 12
    for code in (A, B):
        root, _, keys = (place / code).read_text().partition(" ")
        assert not Path(root).exists(), "removed when the run left"
        assert not there.root.is_relative_to(root)
        assert keys == "[]"
    assert staged(cluster) == []
    assert run(calm).failures == []
    assert made(there) == made(calm)
    rights = [{name: (one.root / name).stat().st_mode for name in made(one)} for one in (there, calm)]
    assert rights[0] == rights[1]
    assert "not taken" not in summary.log.read_text()
    assert len(run(there, on_dask(NOWHERE, exchange)).up_to_date) == 12, "nobody is asked"


def test_a_worker_killed_mid_step_costs_an_attempt(cluster, exchange, tmp_path, place):
    calm, hit = make_workspace(tmp_path / "calm", 2), make_workspace(tmp_path / "hit", 2)
    for workspace in (calm, hit):
        put_first(workspace, "30", SLEEP_ONCE.format(place=str(place)))
    lost = []

    def lose():
        lost.extend(told(place / A))
        told(place / B)
        os.kill(psutil.Process(lost[0]).ppid(), signal.SIGKILL)
        (place / A).write_text("")
        # The other one sleeps no longer, either.
        os.kill(int((place / B).read_text().split()[1]), signal.SIGKILL)

    loser = in_the_background(lose)
    there = run(hit, on_dask(cluster.scheduler_address, exchange))
    loser.join()
    assert there.failures == []
    assert all(is_gone(pid) for pid in lost)
    assert {key: entry.attempts for key, entry in entries(hit).items() if entry.attempts > 1} == {
        ("30", A): 2,
        ("30", B): 2,
    }
    assert run(calm).failures == []
    assert made(hit) == made(calm)
    until = time.monotonic() + 60
    while staged(cluster) and time.monotonic() < until:
        time.sleep(0.5)
    assert staged(cluster) == [], "Dask removes the folder of a worker that was killed"


def test_a_failure_brings_the_failed_notebook_and_a_success_takes_it_away(cluster, disk, towns):
    put_first(towns, "10", 'assert institution_id.endswith("02"), "broken"')
    first = run(towns, on_dask(cluster.scheduler_address, disk), notebooks=["10"])
    assert [result.key for result in first.failures] == [("10", A)]
    entry = entries(towns)[("10", A)]
    assert (entry.state, entry.attempts, entry.cell) == ("failed", 1, 5)
    folder = towns.outputs / ROUND / A
    assert "broken" in (folder / "failed" / "10_sampling_design.ipynb").read_text()
    assert not (folder / "10_sampling_design.ipynb").exists()
    put_first(towns, "10", 'institution_id = "kota-uji-02"')
    make_workspace(towns.root / "again", 2)
    (towns.root / "again/notebooks/10_sampling_design.ipynb").replace(towns.notebooks / "10_sampling_design.ipynb")
    assert run(towns, on_dask(cluster.scheduler_address, disk), notebooks=["10"]).failures == []
    assert (folder / "10_sampling_design.ipynb").exists()
    assert not (folder / "failed").exists()


def test_a_stop_leaves_nothing_in_the_exchange(cluster, exchange, towns, place):
    put_first(towns, "30", SLEEP_ONCE.format(place=str(place)))

    def stop():
        for code in (A, B):
            told(place / code)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    in_the_background(stop)
    summary = run(towns, on_dask(cluster.scheduler_address, exchange), notebooks=["30", "40"])
    assert summary.stopped
    for code in (A, B):
        assert is_gone(told(place / code)[1])
    assert {key: entry.state for key, entry in entries(towns).items()} == {("30", A): "stopped", ("30", B): "stopped"}
    assert staged(cluster) == []


def test_what_is_no_output_is_not_taken_and_is_said(cluster, disk, towns):
    before = (towns.params / "institutions.csv").read_bytes()
    put_first(towns, "10", 'from pathlib import Path\nfor name in ("params/institutions.csv", "own.txt"):\n'
                           '    _ = Path(name).open("a").write("\\n")')  # fmt: skip
    summary = run(towns, on_dask(cluster.scheduler_address, disk), institutions=[A], notebooks=["10", "20"])
    assert summary.failures == []
    assert "no output of this notebook: own.txt, params/institutions.csv" in summary.log.read_text()
    assert (towns.params / "institutions.csv").read_bytes() == before
    assert not (towns.root / "own.txt").exists()


def test_an_exchange_that_cannot_be_used_is_an_error_before_the_first_step(cluster, towns):
    with pytest.raises(MachinesError, match="the exchange cannot be read or written") as refused:
        run(towns, on_dask(cluster.scheduler_address, "s3://no-such-bucket/folder"))
    (problem,) = refused.value.problems
    assert "s3://no-such-bucket/folder" in problem.where
    assert "bucket does not exist" in problem.got
    assert entries(towns) == {}


def test_an_exchange_that_workers_do_not_see_is_an_error(cluster, towns):
    """Memory is a place of its own in every process."""
    with pytest.raises(MachinesError, match="cannot use the exchange") as refused:
        run(towns, on_dask(cluster.scheduler_address, "memory://folder"))
    assert len(refused.value.problems) == 2, "every worker is named"
    assert "FileNotFoundError" in refused.value.problems[0].got


def test_another_exchange_at_the_address_is_an_error():
    here = {"sign": "a", "trouble": "", "root": "s3://b", "code": "", "look": "", "environment": []}
    assert sameness.differences("worker 1", "fast", here, {**here, "host": "h"}) == []
    (problem,) = sameness.differences("worker 1", "fast", here, {**here, "host": "h", "sign": "b"})
    assert problem.got == "another exchange at this address"
    assert "s3://b" in problem.expected


def test_an_address_that_is_none_or_without_the_executor_is_an_error(towns):
    with pytest.raises(ParameterError, match="s3://bucket/folder"):
        on_dask(NOWHERE, "bucket/folder")
    done = CliRunner().invoke(app, ["run", "--workspace", str(towns.root), "--exchange", "s3://rounds"])
    assert isinstance(done.exception, ParameterError)
    assert "add --executor dask" in str(done.exception)
