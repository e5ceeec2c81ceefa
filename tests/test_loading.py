"""What a process loads, for every command and every process of a pool pays for it: no more than it uses."""

import subprocess
import sys

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


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr


def test_notebooks_are_checked_without_grammars_of_addresses():
    assert _run(GRAMMARS) == ""


def test_imports_and_draws_of_many_institutions_load_nothing_that_makes_pages():
    assert _run(DRAWS_NOTHING) == ""
