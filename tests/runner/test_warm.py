"""What the fork server imports beforehand leaves no trace in a notebook that does not use it."""

import subprocess
import sys

import pytest

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
