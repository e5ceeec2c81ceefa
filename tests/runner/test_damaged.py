"""Files that were cut short or changed: every one that a round keeps, and every way in which it is read."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spi_analysis import load_round
from spi_analysis.cli import app
from spi_analysis.errors import SpiError
from spi_analysis.params import Workspace, load_setup
from spi_analysis.runner.ledger import read_entries, read_runs
from spi_analysis.stages.report import tracked
from spi_analysis.stages.tracker_files import import_tracker
from spi_analysis.tables import import_published, published_results
from spi_analysis.tables.demo_marks import demo_key, demo_secrets, demo_seed, mark_demo
from spi_analysis.tables.files import write_text
from spi_analysis.tables.store import WRITTEN_BY, Store
from spi_analysis.tables.stored_files import read_record, read_table
from spi_analysis.tables.vault import Vault
from tests.runner.flips import flips, stored
from tests.runner.test_publish import ROUND, published_town
from tests.stages.town import TOWN

pytestmark = pytest.mark.xdist_group("damaged")
SEED = 1
# What reads a round from the command line, and changes nothing in data/.
COMMANDS = [
    ["status"],
    ["check"],
    ["audit-frame", TOWN],
    ["invite", TOWN],
    ["verify-draw", TOWN],
    ["overview"],
    ["export", TOWN, "--formats", "csv"],
    ["publish", "--partial"],
]
TRACKER = "institution_id,year,recommendation,status,done,total\nkota-mojokerto,2023,merit,in_progress,1,3\n"


def whole_round(root: Path) -> Path:
    """A round of one institution with every kind of file that a round keeps, drawn with the demo's secrets."""
    published_town(root, demo_secrets(SEED)["prn"])
    setup = load_setup(Workspace(root), ROUND)
    store = Store(root / "data" / ROUND)
    counts = [{"source": "internal", "file": "a.xlsx", "read": 200, "accepted": 200, "rejected": 0}]
    part = {"counts": counts, "problems": [{"row": 3, "code": "no_contact"}]}
    store.write_record("frame_imports", TOWN, {"internal": part})
    store.mark_synthetic(SEED)
    import_published(setup, root / "params" / "published.csv")
    import_tracker(setup, [write_text(root / "build" / "tracker.csv", TRACKER)])
    vault = Vault.create(root / "data" / "vault", demo_key(SEED), demo_secrets(SEED))
    frame = store.read("frame", TOWN)
    for source, people in frame.groupby("source"):
        contacts = people[["person_id"]].assign(name="Contoh", phone=None, phone_2=None, email="contoh@example.org")
        vault.write_contacts(ROUND, TOWN, str(source), contacts)
    mark_demo(setup.workspace, SEED)
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return whole_round(tmp_path_factory.mktemp("damaged") / "w")


@pytest.fixture
def root(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "w"))


def cut(content: bytes) -> Iterator[bytes]:
    """Nothing left, half, all but the last byte."""
    yield from (content[:n] for n in (0, len(content) // 2, len(content) - 1))


def flipped(content: bytes, times: int) -> Iterator[bytes]:
    """One byte changed, at places spread over the whole file."""
    for place in np.unique(np.linspace(0, len(content) - 1, times).astype(int)):
        for mask in (0x01, 0x80):
            yield content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]


def outcome(read: Callable[[], Any]) -> SpiError | None:
    """The error of reading in our own words, if there is one; anything else fails the test."""
    try:
        read()
    except SpiError as error:
        return error
    return None


def test_the_round_holds_every_kind_of_file(whole):
    kinds = {path.relative_to(whole).parts[-2] for path in stored(whole)}
    assert {*WRITTEN_BY, "draw", "draw_private", "frame_imports", "contacts", "vault", "data", ROUND} <= kinds
    assert {path.suffix for path in stored(whole)} == {".parquet", ".json", ".bin", ".sqlite"}


def test_a_damaged_table_or_record_is_named(whole, tmp_path):
    """Each file, cut and with bytes flipped at 25 places: an error with file and way out, never another exception."""
    read = {".parquet": read_table, ".json": read_record}
    for path in (path for path in stored(whole) if path.suffix in read):
        content, place = path.read_bytes(), tmp_path / "data" / path.name
        place.parent.mkdir(exist_ok=True)
        read[path.suffix](path)
        for damaged in (*cut(content), *flipped(content, 25)):
            place.write_bytes(damaged)
            error = outcome(lambda: read[path.suffix](place, hint="make it again"))  # noqa: B023
            assert error is not None, (path, "no word about it")
            (problem,) = error.problems
            assert problem.file == f"data/{path.name}", path
            assert "cannot be read" in problem.what
            assert problem.hint == "make it again"
            assert str(tmp_path) not in str(error), "no path of this machine"


def test_flipped_bits_anywhere_are_noticed_where_a_command_reads(root):
    silent = []
    assert flips(root, 60, seed=7, key_seed=SEED, tell=silent.append) == 60, silent


@pytest.mark.parametrize("name", ["steps", "runs"])
def test_a_damaged_ledger_is_named(root, name):
    """SQLite keeps no checksums, but a ledger at rest carries one of its own."""
    setup, path = load_setup(Workspace(root), ROUND), root / "outputs" / ROUND / "batch" / "ledger.sqlite"
    content, read = path.read_bytes(), {"steps": read_entries, "runs": read_runs}[name]
    for damaged in (*cut(content), *flipped(content, 60)):
        path.write_bytes(damaged)
        error = outcome(lambda: read(setup))
        assert damaged == b"" or "ledger.sqlite" in str(error), "an empty file is a ledger without a run"


@pytest.mark.long
def test_damaged_parameters_are_named_or_read(root):
    """Every parameter file, cut and changed: words of the program, never of a library."""
    for path in sorted(path for path in (root / "params").rglob("*") if path.is_file()):
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], *list(flipped(content, 3))):
            path.write_bytes(damaged)
            error = outcome(lambda: load_setup(Workspace(root), ROUND))
            assert error is None or error.problems[0].file or error.problems[0].key, path
        path.write_bytes(content)


def run(root: Path, command: list[str]) -> str:
    """What a command says; an exception that is none of ours fails the test."""
    result = CliRunner().invoke(app, [*command, "--workspace", str(root)], catch_exceptions=True)
    error = result.exception
    if error is not None and not isinstance(error, SpiError | SystemExit):
        raise error
    said = result.output + (str(error) if isinstance(error, SpiError) else "")
    assert "Traceback" not in said
    assert ".pxi" not in said
    return said


def read_in_python(root: Path) -> str:
    """What a researcher reads, one after the other; the words of what cannot be read."""
    try:
        data, setup, said = load_round(ROUND, TOWN, root), load_setup(Workspace(root), ROUND), []
    except SpiError as error:
        # A round whose version cannot be read is not opened at all.
        return str(error)
    vault = root / "data" / "vault"
    reads = [
        *((lambda name=name: getattr(data, name)) for name in WRITTEN_BY),
        lambda: repr(data),
        lambda: data.store.query(" union ".join(f"select count(*) from {name}" for name in WRITTEN_BY)),
        lambda: published_results(setup),
        lambda: tracked(setup, TOWN),
        lambda: demo_seed(setup.workspace),
        lambda: Vault.open(vault, demo_key(SEED)).secret("prn"),
        lambda: [Vault.open(vault, demo_key(SEED)).read_contacts(ROUND, TOWN, source) for source in data.round.sources],
    ]
    for read in reads:
        try:
            read()
        except SpiError as error:
            said.append(str(error))
    return "\n".join(said)


def test_whole_files_are_read_by_all_without_a_word(root):
    for command in COMMANDS:
        assert "cannot be read" not in run(root, command), command
    assert read_in_python(root) == ""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_every_way_of_reading_names_the_file(root, how):
    """Every file in turn, every command and Python's own way: in words, and somewhere with the file's name."""
    silent = []
    for path in stored(root):
        content, middle = path.read_bytes(), len(path.read_bytes()) // 2
        flip = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
        path.write_bytes(content[:middle] if how == "cut" else flip)
        said = [read_in_python(root), *(run(root, command) for command in COMMANDS)]
        if not any(path.stem in text and re.search("cannot be|damaged", text) for text in said):
            silent.append(str(path.relative_to(root)))
        path.write_bytes(content)
    assert silent == []


def test_a_file_that_may_not_be_read_is_not_called_damaged(root):
    path = root / "data" / ROUND / "frame" / f"{TOWN}.parquet"
    path.unlink()
    os.mkdir(path)
    with pytest.raises(OSError, match="directory"):
        read_table(path)
