"""What the fork server imports beforehand leaves no trace in a notebook that does not use it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Imports what other packages set up for themselves first, then looks whether ours change anything that all share.
LOOK = """
import locale, logging, os, random, signal, warnings
import spi_analysis
from spi_analysis.runner.forks.warm import MODULES, warm_up
import importlib
for name in MODULES:
    if not name.startswith("spi_analysis."):
        importlib.import_module(name)
import matplotlib, matplotlib.dates, seaborn, duckdb, pandera.pandas
import numpy as np
import pandas as pd

def shared():
    options = {name: pd.get_option(name) for name in pd._config.config._registered_options}
    return {
        "matplotlib": dict(matplotlib.rcParams),
        "pandas": options,
        "numpy errors": np.geterr(),
        "numpy printing": {k: v for k, v in np.get_printoptions().items()},
        "numpy random": [np.asarray(part).tolist() for part in np.random.get_state()],
        "random": random.getstate(),
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "warnings": list(warnings.filters),
        "signals": [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
        "logging": (logging.root.level, list(logging.root.handlers)),
        "folder": os.getcwd(),
    }

before = shared()
%s
after = shared()
assert [name for name in before if before[name] != after[name]] == []
"""
IMPORTS = "for name in MODULES:\n    importlib.import_module(name)"


@pytest.mark.long
@pytest.mark.parametrize("done", [pytest.param(IMPORTS, id="imported"), pytest.param("warm_up()", id="used")])
def test_imported_beforehand_nothing_that_all_share_is_changed(done):
    run = subprocess.run([sys.executable, "-c", LOOK % done], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.long
def test_a_change_to_what_all_share_would_be_seen():
    run = subprocess.run(
        [sys.executable, "-c", LOOK % "matplotlib.rcParams['font.size'] += 1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "AssertionError" in run.stderr


# What every notebook does first: nothing of the package is imported or built for it in each process anew.
FIRST = """
import sys
from pathlib import Path
from spi_analysis.runner.forks.warm import warm_up
warm_up()
from spi_analysis.params import Frozen, Workspace, load_setup

def models(base):
    return {one for below in base.__subclasses__() for one in (below, *models(below))}

before = {name for name in sys.modules if name.startswith("spi_analysis")}
built = {one for one in models(Frozen) if one.__pydantic_complete__}
load_setup(Workspace(Path.cwd()), "spi_2024")
after = {name for name in sys.modules if name.startswith("spi_analysis")}
assert sorted(after - before) == []
assert sorted(one.__name__ for one in models(Frozen) - built) == []
"""


def test_parameters_are_read_without_an_import_or_a_model_that_was_put_off():
    run = subprocess.run([sys.executable, "-c", FIRST], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
