"""`is` compares objects, not what they say: across processes a text or a mark of our own comes back as a copy."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "spi_analysis"
# Each is the same object in every process, or is never sent to another.
SAME_EVERYWHERE = {
    "pd.NaT": "pandas gives the one NaT back, whatever process it comes from",
    "pd.NA": "pandas gives the one NA back, whatever process it comes from",
    "dataclasses.MISSING": "the mark of a field without a default, which stays in its process",
    "Executor.dask": "a member of an enumeration is looked up by its name",
    "Factor.EvalMethod.LOOKUP": "a member of an enumeration is looked up by its name",
    "current": "the pool's own server, which stays in its process",
    "output": "outputs of one cell, within one process",
    "threading.main_thread()": "threads stay in their process",
}


def compared_by_identity(source: str) -> list[str]:
    """The right-hand sides of `is` and `is not`, but for None, True, False and the ellipsis."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                single = isinstance(right, ast.Constant) and any(right.value is one for one in (None, True, False, ...))
                if isinstance(operator, ast.Is | ast.IsNot) and not single:
                    found.append(ast.unparse(right))
    return found


def test_the_rule_finds_a_text_compared_by_identity():
    assert compared_by_identity("a is MIXED or b is not None or c is not 'x' or d is 1 or e == MIXED") == [
        "MIXED",
        "'x'",
        "1",
    ]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_that_crosses_processes_is_told_by_its_identity(path):
    odd = set(compared_by_identity(path.read_text(encoding="utf-8"))) - set(SAME_EVERYWHERE)
    assert not odd, "compare by value, or by kind (isinstance)"
