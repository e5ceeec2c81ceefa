"""Every table and chart of a notebook is a view: data, page, CSV and workbook say the same in both languages."""

from __future__ import annotations

import ast

import nbformat
import pytest

from spi_analysis.reporting import display
from tests.demo import Demo
from tests.notebooks.test_sources import NOTEBOOKS
from tests.views import has_table_or_chart, require_view_says_the_same_everywhere, views_in

pytestmark = pytest.mark.xdist_group("demo")


def shown_by(path, demo: Demo, monkeypatch) -> list[object]:
    """What the cells of a notebook give, run as JupyterLab runs them, but for those that save."""
    monkeypatch.chdir(demo.workspace.root)
    # What a notebook sets for itself is undone: other tests share this process.
    monkeypatch.setattr(display, "_in_jupyter", list(display._in_jupyter))
    namespace: dict[str, object] = {}
    given = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or "save_" in cell.source.splitlines()[-1]:
            continue
        body = ast.parse(cell.source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), path.name, "exec"), namespace)
        if last is not None:
            given.append(eval(compile(ast.Expression(last.value), path.name, "eval"), namespace))
    return given


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_table_and_chart_is_a_view(path, demo: Demo, monkeypatch, tmp_path):
    before = {file: file.stat().st_mtime_ns for file in demo.workspace.outputs.rglob("*.xlsx")}
    shown = shown_by(path, demo, monkeypatch)
    views = [view for one in shown for view in views_in(one)]
    assert len({view.name for view in views}) == len(views), "names of files"
    assert all(views_in(one) for one in shown if has_table_or_chart(one))
    for view in views:
        require_view_says_the_same_everywhere(view, tmp_path)
    after = {file: file.stat().st_mtime_ns for file in demo.workspace.outputs.rglob("*.xlsx")}
    assert after == before, "a notebook that is opened writes no file of a table"


def test_every_page_links_the_files_that_lie_beside_it(demo: Demo):
    """All tables of the pages are there, and nothing else of that kind."""
    linked, there = set(), set()
    for page in demo.workspace.outputs.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        hrefs = {part.split('"')[0] for part in html.split('href="')[1:]}
        linked |= {page.parent / href for href in hrefs if href.endswith((".csv", ".xlsx"))}
    assert all(path.exists() for path in linked)
    for language in demo.setup.round.languages:
        there |= set(demo.workspace.outputs.rglob(f"*.{language}.csv")) | set(
            demo.workspace.outputs.rglob(f"*.{language}.xlsx")
        )
    assert there <= linked
    assert len(there) > 100
