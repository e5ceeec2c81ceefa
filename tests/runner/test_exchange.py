"""The exchange: files between machines that share no disk."""

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="the extra [dask] is not installed")

from spi_analysis.params import load_setup
from spi_analysis.runner.dask.exchange import Changes, Exchange, ExchangeError, Given, RunnerExchange, Staging
from spi_analysis.runner.fingerprint import is_output, step_inputs
from spi_analysis.runner.plan import plan_steps
from tests.runner.conftest import ROUND

A, B = "kota-bengkulu", "kota-mojokerto"


@pytest.fixture
def exchange(tmp_path):
    """On this disk."""
    one = Exchange(f"file://{tmp_path}/there", "1")
    one.open()
    return one


@pytest.fixture
def here(tmp_path):
    """A folder with two files, and an empty one."""
    root = tmp_path / "here"
    (root / "data" / "r").mkdir(parents=True)
    for name, text in (("params.yaml", "a: 1"), ("data/r/table.parquet", "answers"), ("data/empty", "")):
        (root / name).write_text(text)
    (root / "data/r/table.parquet").chmod(0o600)
    os.utime(root / "params.yaml", ns=(1, 1_234_567_890_123_456_789))
    return root


def files(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def objects(tmp_path):
    return [path for path in files(tmp_path / "there") if not path.name.startswith("sign")]


def test_what_is_given_is_taken_with_its_times_and_rights_and_sent_once(exchange, here, tmp_path):
    manifest = exchange.give(here, files(here))
    there = tmp_path / "other"
    exchange.take(manifest, there)
    for path in files(here):
        copy = there / path.relative_to(here)
        assert copy.read_bytes() == path.read_bytes()
        assert (copy.stat().st_mtime_ns, copy.stat().st_mode) == (path.stat().st_mtime_ns, path.stat().st_mode)
    assert len(objects(tmp_path)) == 3
    for path in objects(tmp_path):
        path.unlink()
    assert exchange.give(here, files(here)) == manifest
    assert objects(tmp_path) == [], "what was there is not sent again"
    exchange.forget(manifest)
    exchange.give(here, files(here))
    assert len(objects(tmp_path)) == 3
    exchange.clear()
    assert list((tmp_path / "there").iterdir()) == []


def test_a_folder_of_a_run_is_its_owners_alone(exchange, tmp_path):
    (folder,) = (tmp_path / "there").iterdir()
    assert folder.name == "spi-run-1"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_damaged_or_missing_is_named_and_nothing_is_written(exchange, here, tmp_path):
    manifest, there = exchange.give(here, files(here)), tmp_path / "other"
    table = tmp_path / "there" / "spi-run-1" / manifest["data/r/table.parquet"].digest
    table.write_text("answer")
    with pytest.raises(ExchangeError, match="damaged") as damaged:
        exchange.take(manifest, there)
    (problem,) = damaged.value.problems
    assert problem.file == "data/r/table.parquet"
    assert "6 bytes" in problem.got
    assert problem.expected == f"digest {table.name[:12]}"
    table.unlink()
    with pytest.raises(ExchangeError, match="missing") as missing:
        exchange.take(manifest, there)
    assert missing.value.problems[0].file == "data/r/table.parquet"
    assert not there.exists()


@pytest.mark.parametrize("name", ["../outside", "/outside", "data/../../outside", ""])
def test_nothing_outside_the_root_is_written(exchange, here, tmp_path, name):
    manifest = exchange.give(here, files(here))
    with pytest.raises(ExchangeError, match="outside the workspace"):
        exchange.take({"fine": manifest["params.yaml"], name: manifest["params.yaml"]}, tmp_path / "root" / "deep")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("address", "what"),
    [("nothing://bucket", "no address of an exchange"), ("file:///proc/none", "cannot be read or written")],
)
def test_an_exchange_that_cannot_be_used_is_an_error_with_a_way_out(address, what):
    with pytest.raises(ExchangeError, match=what) as refused:
        Exchange(address, "1").open()
    (problem,) = refused.value.problems
    assert address in problem.where
    assert problem.got
    assert problem.expected
    assert problem.hint


def test_a_missing_package_is_named(monkeypatch):
    import fsspec

    def missing(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(ExchangeError, match=r"spi-analysis\[dask,s3\]"):
        Exchange("s3://bucket/folder", "1")


def test_a_staging_workspace_holds_the_inputs_of_a_step_and_gives_what_it_made(exchange, here, tmp_path):
    manifest, staging = exchange.give(here, files(here)), Staging(exchange, tmp_path)
    staging.prepare(manifest)
    assert [str(path.relative_to(staging.root)) for path in files(staging.root)] == sorted(manifest)
    (staging.root / "outputs" / "a").mkdir(parents=True)
    for name in ("outputs/a/page", "outputs/a/.half", "foreign"):
        (staging.root / name).write_text(name)
    (staging.root / "outputs" / "link").symlink_to(here)
    (staging.root / "params.yaml").write_text("a: 2")
    (staging.root / "data" / "empty").unlink()
    changes = staging.changes(lambda name: name.startswith("outputs/"))
    assert list(changes.given) == ["outputs/a/page"]
    assert sorted(changes.others) == ["data/empty (removed)", "foreign", "params.yaml"]
    staging.prepare(manifest)
    assert [str(path.relative_to(staging.root)) for path in files(staging.root)] == sorted(manifest)
    assert (staging.root / "params.yaml").read_text() == "a: 1"
    assert not (staging.root / "outputs").exists()
    assert len(files(here)) == 3, "nothing was removed through the link"
    staging.close()
    assert not staging.root.exists()


@pytest.fixture
def setup(workspace):
    """With tables of two institutions, a vault, and what belongs to neither."""
    for name in (
        f"vault/{ROUND}/{A}.parquet",
        "vault/vault.json",
        f"{ROUND}/frame/{A}.parquet",
        f"{ROUND}/frame/{B}.parquet",
        f"{ROUND}/frame/.{A}.abcdefgh.parquet",
        f"{ROUND}/draw/{A}.json",
        f"{ROUND}/draw/{A}.drawn.parquet",
        f"{ROUND}/draw/{B}.json",
        f"{ROUND}/invitations/{A}__internal.csv",
        f"{ROUND}/estimates/{B}.parquet",
        f"{ROUND}/events/{B}.parquet",
        f"{ROUND}/origin.json",
        f"spi_2023/estimates/{A}.parquet",
        f".before_import/frame/{A}.parquet",
        "published.parquet",
    ):
        path = workspace.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return load_setup(workspace, ROUND)


def given(setup, step):
    names = [path.relative_to(setup.workspace.root).as_posix() for path in step_inputs(setup, step)]
    return {name for name in names if name.startswith("data/")}, set(names)


def test_an_institutions_step_gets_its_own_tables_and_never_the_vault(setup):
    (step,) = plan_steps([A], ["10"])
    data, names = given(setup, step)
    assert data == {
        "data/published.parquet",
        f"data/{ROUND}/origin.json",
        f"data/{ROUND}/frame/{A}.parquet",
        f"data/{ROUND}/draw/{A}.json",
        f"data/{ROUND}/draw/{A}.drawn.parquet",
        f"data/spi_2023/estimates/{A}.parquet",
    }
    assert {"notebooks/10_sampling_design.ipynb", "params/institutions.csv"} <= names
    assert not any(name.startswith("notebooks/20") for name in names)


def test_a_notebook_of_all_institutions_gets_the_tables_that_it_reads(setup):
    overview = plan_steps([A, B], ["90"])[-1]
    data, _ = given(setup, overview)
    assert {f"data/{ROUND}/{table}/{B}.parquet" for table in ("estimates", "frame")} <= data
    assert {f"data/{ROUND}/draw/{code}.json" for code in (A, B)} <= data
    assert not any("events" in name or "drawn" in name or "vault" in name for name in data)


@pytest.mark.parametrize(
    ("number", "name", "wanted"),
    [
        ("30", f"outputs/{ROUND}/{A}/30_nonresponse_weighting.ipynb", True),
        ("30", f"outputs/{ROUND}/{A}/failed/30_nonresponse_weighting.ipynb", True),
        ("30", f"data/{ROUND}/weights/{A}.parquet", True),
        ("30", f"data/{ROUND}/weights/{B}.parquet", False),
        ("30", f"data/{ROUND}/estimates/{A}.parquet", False),
        ("30", f"outputs/{ROUND}/{B}/report.id.html", False),
        ("30", f"outputs/{ROUND}/{A}/run.json", False),
        ("30", f"outputs/{ROUND}/{A}/../{B}/report.id.html", False),
        ("30", f"outputs/{ROUND}/{A}", False),
        ("30", "params/institutions.csv", False),
        ("90", f"outputs/{ROUND}/index.id.html", True),
        ("90", f"outputs/{ROUND}/tables/all.id.csv", True),
        ("90", f"outputs/{ROUND}/{A}/report.id.html", False),
        ("90", f"outputs/{ROUND}/batch/ledger.sqlite", False),
    ],
)
def test_a_step_writes_its_own_outputs_only(setup, number, name, wanted):
    step = plan_steps([A], [number])[-1]
    assert is_output(setup, step, name) is wanted


def test_the_runner_takes_outputs_alone_and_removes_what_an_earlier_execution_left(setup, exchange, tmp_path):
    """As a run on this machine would: tables of the page that are no more, and the failed notebook."""
    (step,), root, said = plan_steps([A], ["10"]), setup.workspace.root, []
    folder = root / "outputs" / ROUND / A
    for name in ("frame/old.id.csv", "frame/kept.txt", "failed/10_sampling_design.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("before")
    runner = RunnerExchange(f"file://{tmp_path}/bucket", "2", setup, said.append)
    runner.open()
    manifest, made = runner.give(step), Staging(Exchange(runner.address, "2"), tmp_path)
    made.prepare(manifest)
    new = made.root / "outputs" / ROUND / A
    (new / "frame").mkdir(parents=True)
    for name in ("10_sampling_design.ipynb", "frame/new.id.csv"):
        (new / name).write_text("now")
    (made.root / "params" / "institutions.csv").write_text("changed")
    everything = made.changes(lambda name: True)
    (note,) = runner.take(step, Changes(everything.given), is_done=True)
    assert note == "not taken from the worker, since it is no output of this notebook: params/institutions.csv"
    assert (root / "params" / "institutions.csv").read_text() != "changed"
    left = {path.relative_to(folder).as_posix(): path.read_text() for path in files(folder)}
    assert left == {"10_sampling_design.ipynb": "now", "frame/new.id.csv": "now", "frame/kept.txt": "before"}
    runner.close()
    assert list((tmp_path / "bucket").iterdir()) == []
    assert said == []


def test_what_was_damaged_is_sent_anew_when_the_step_is_tried_again(setup, tmp_path):
    (step,), root = plan_steps([A], ["10"]), setup.workspace.root
    runner = RunnerExchange(f"file://{tmp_path}/bucket", "4", setup, print)
    runner.open()
    manifest = runner.give(step)
    digest = manifest[f"data/{ROUND}/frame/{A}.parquet"].digest
    (tmp_path / "bucket" / "spi-run-4" / digest).write_text("something else")
    with pytest.raises(ExchangeError, match="damaged"):
        Staging(Exchange(runner.address, "4"), tmp_path).prepare(manifest)
    runner.forget(manifest)
    staging = Staging(Exchange(runner.address, "4"), tmp_path)
    staging.prepare(runner.give(step))
    table = Path("data") / ROUND / "frame" / f"{A}.parquet"
    assert (staging.root / table).read_bytes() == (root / table).read_bytes()


def test_a_folder_that_cannot_be_removed_is_said(setup, tmp_path):
    said = []
    runner = RunnerExchange(f"file://{tmp_path}/bucket", "3", setup, said.append)
    runner.open()
    shutil.rmtree(tmp_path / "bucket")
    runner.close()
    (text,) = said
    assert "spi-run-3 could not be removed, and holds tables of answers" in text


def test_a_file_that_a_manifest_names_twice_is_fetched_once(exchange, here, tmp_path):
    one = exchange.give(here, [here / "params.yaml"])["params.yaml"]
    exchange.take({"a": one, "b/c": Given(one.digest, 5, 0o644)}, tmp_path / "other")
    assert [path.read_text() for path in files(tmp_path / "other")] == ["a: 1", "a: 1"]
