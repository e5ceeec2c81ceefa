"""What a process loads, for every command and every process of a pool pays for it: no more than it uses."""

import subprocess
import sys

import pytest

GRAMMARS = """
import sys
from spi_analysis.cli import main
sys.argv = ["spi", "--version"]
try:
    main()
except SystemExit:
    pass
import nbformat
from nbformat.v4 import new_code_cell, new_notebook
nbformat.validate(new_notebook(cells=[new_code_cell("1")]))
assert "lark" not in sys.modules
"""
DRAWS_NOTHING = """
import sys
import spi_analysis.operations.many
loaded = {"matplotlib", "seaborn", "statsmodels", "nbconvert", "papermill"} & set(sys.modules)
assert not loaded, loaded
"""
REFUSED = """
import sys
from spi_analysis.cli import main
sys.argv = ["spi", "import", {what!r}, "nowhere.xlsx"]
try:
    main()
except SystemExit as end:
    assert end.code == 1
loaded = {{"pandas", "scipy", "pyarrow"}} & set(sys.modules)
assert not loaded, loaded
"""


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr


def test_notebooks_are_checked_without_grammars_of_addresses():
    assert _run(GRAMMARS) == ""


def test_imports_and_draws_of_many_institutions_load_nothing_that_makes_pages():
    assert _run(DRAWS_NOTHING) == ""


IMPORTS_NO_STATISTICS = """
import sys
from spi_analysis.operations import many
many.importing.import_frame
loaded = {"scipy.stats", "scipy.sparse", "scipy.optimize", "statsmodels"}.intersection(sys.modules)
assert not loaded, loaded
"""


def test_an_import_of_lists_loads_no_statistics():
    """They took more than half of the time of an import of three thousand rows."""
    assert _run(IMPORTS_NO_STATISTICS) == ""


@pytest.mark.parametrize("what", ["frame", "events", "responses", "contacts", "published", "tracker"])
def test_a_file_that_is_not_there_is_refused_before_anything_large_is_loaded(what):
    said = _run(REFUSED.format(what=what))
    assert "there is no such file" in said
    assert "Traceback" not in said
