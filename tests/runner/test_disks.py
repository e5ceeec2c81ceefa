"""`spi run` on disks that are full, for real, or can only be read from."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from spi_analysis.params import Workspace, load_setup
from spi_analysis.runner.ledger import Selection
from spi_analysis.runner.reporter import reporter_for
from spi_analysis.runner.run import run_selection
from tests.runner.conftest import ROUND
from tests.runner.faults import made, make_workspace
from tests.runner.mounts import Room
from tests.runner.test_running import put_first

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="mounts of Linux"),
]
A = "kota-uji-01"
OUTPUTS, BATCH = f"outputs/{ROUND}", f"outputs/{ROUND}/batch"


@pytest.fixture(scope="module")
def room():
    one = Room()
    yield one
    one.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A made-up town with tiny notebooks, run once; one of them shows more than a block of a disk holds."""
    workspace = make_workspace(tmp_path_factory.mktemp("disks") / "w", 1)
    put_first(workspace, "10", 'print("x" * 9000)')
    # A short path: sockets go below it.
    (workspace.root / "temporary").symlink_to(tempfile.mkdtemp(prefix="spi-t-", dir="/tmp"))
    summary = run_selection(load_setup(workspace, ROUND), Selection(), 1, Console(quiet=True), "fast")
    assert summary.failures == []
    yield workspace
    shutil.rmtree((workspace.root / "temporary").resolve())


@pytest.fixture(scope="module")
def before(town):
    return made(town)


def spi(room, town, *arguments):
    command = (sys.executable, "-m", "spi_analysis", *arguments)
    return room.run(*command, cwd=town.root, TMPDIR=str((town.root / "temporary").resolve()))


def run_10_and_30(room, town):
    return spi(room, town, "run", "--force", "--engine", "fast", A, "--notebook", "10", "--notebook", "30")


def now(room, town):
    """Digests of all that notebooks make; what is kept of failed ones, and the list of old reports, come on top."""
    on_top = (f"{OUTPUTS}/stale_reports.json", f"{OUTPUTS}/{A}/failed/")
    found = made(Workspace(room.seen(town.root)))
    return {name: one for name, one in found.items() if not name.endswith("/filler") and not name.startswith(on_top)}


def left(room, town):
    """Half-written files, in the workspace and where temporary files are."""
    seen = room.seen(town.root)
    half = [path for folder in ("outputs", "data") for path in (seen / folder).rglob(".*") if path.name != ".lock"]
    temporary = room.seen((town.root / "temporary").resolve())
    return half + [path for path in temporary.iterdir() if path.name != "filler"]


@pytest.mark.parametrize(
    ("folder", "kilobytes", "names"),
    [
        (BATCH, 0, f"{BATCH}/ledger.sqlite"),
        (f"{OUTPUTS}/{A}", 0, f"{OUTPUTS}/{A}/"),
        ("data", 0, f"data/{ROUND}/weights/{A}.parquet"),
        ("temporary", 8, "10_sampling_design"),
    ],
    ids=["ledger", "pages", "tables", "temporary files"],
)
def test_a_full_disk_is_named_and_costs_no_report(room, town, before, folder, kilobytes, names):
    place = (town.root / folder).resolve()
    room.put_on_full_disk(place, kilobytes)
    done = run_10_and_30(room, town)
    # Without the line ends of a narrow terminal.
    said = (done.stdout + done.stderr).replace("\n", "")
    assert done.returncode == 1
    assert "bytes are free on the disk of" in said or "No space left on device" in said
    assert names in said
    assert "Traceback" not in said
    assert now(room, town) == before, "what was there, to the byte"
    assert left(room, town) == []
    room.make_space(place)


def test_once_there_is_room_a_run_goes_on(room, town, before):
    """The disk of all outputs fills while the run goes on."""
    room.put_on_full_disk(town.root / OUTPUTS, 60)
    assert run_10_and_30(room, town).returncode == 1
    room.make_space(town.root / OUTPUTS)
    again = spi(room, town, "run", "--engine", "fast")
    assert again.returncode == 0, again.stdout + again.stderr
    assert made(Workspace(room.seen(town.root))) == before
    assert left(room, town) == []


@pytest.mark.parametrize("folder", [BATCH, "data"])
def test_a_disk_that_can_only_be_read_from_is_named_and_nothing_is_lost(room, town, before, folder):
    room.put_on_read_only_disk(town.root / folder)
    done = run_10_and_30(room, town)
    assert done.returncode == 1
    assert f"where: {town.root / folder}" in done.stderr
    assert "Read-only file system" in done.stderr
    assert "mount it for writing" in done.stderr
    assert "Traceback" not in done.stderr
    assert now(room, town) == before
    assert left(room, town) == []
    room.make_writable(town.root / folder)


def test_who_may_only_read_is_told_how_a_round_stands(room, town):
    room.put_on_read_only_disk(town.root / "outputs")
    facts = spi(room, town, "status", "--json")
    assert facts.returncode == 0, facts.stderr
    assert len(json.loads(facts.stdout)["steps"]) == 7, "what can be read is told"
    assert json.loads(facts.stdout)["running"] is False
    room.make_writable(town.root / "outputs")


def test_a_log_that_cannot_be_written_is_named():
    with (
        pytest.raises(OSError, match="No space left") as full,
        reporter_for(Console(quiet=True), Path("/dev/full"), 1) as v,
    ):
        v.note("something")
    assert full.value.filename == "/dev/full"
