"""The project's own notebooks with each engine: the same files to the last byte."""

import pytest

from spi_analysis.runner.dask.sameness import on_dask
from spi_analysis.runner.plan import plan_steps
from spi_analysis.runner.pool import run_steps
from tests.runner.conftest import HERE, files

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.xdist_group("demo")]


def test_real_notebooks_give_the_same_bytes_in_every_engine(demo):
    """All notebooks of one institution and the overview; the demo itself was run with all cores."""
    before = files(demo.workspace.outputs) | files(demo.workspace.data)
    for engine, workers in (("kernel", 2), ("fast", 1), ("stock", 2)):
        steps = plan_steps([HERE])
        outcomes = [outcome for _, outcome in run_steps(demo.setup, steps, workers, engine=engine)]
        assert [outcome.error for outcome in outcomes] == [""] * len(steps)
        after = files(demo.workspace.outputs) | files(demo.workspace.data)
        assert after.keys() == before.keys()
        assert [name for name in before if before[name] != after[name]] == [], engine


def test_real_notebooks_give_the_same_bytes_through_an_exchange(demo, tmp_path):
    """A worker has only what it is given: what a notebook reads beside that would be missing here."""
    distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    before = files(demo.workspace.outputs) | files(demo.workspace.data)
    own = {"dashboard_address": None, "local_directory": str(tmp_path / "dask")}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=True, **own) as cluster:
        there, steps = on_dask(cluster.scheduler_address, f"file://{tmp_path}/exchange"), plan_steps([HERE])
        outcomes = [one for _, one in run_steps(demo.setup, steps, None, engine="fast", open_runner=there)]
    assert [(outcome.error, outcome.notes) for outcome in outcomes] == [("", ())] * len(steps)
    after = files(demo.workspace.outputs) | files(demo.workspace.data)
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == []
