"""Every table and chart of a notebook is a view: data, page, CSV and workbook say the same in both languages."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from spi_analysis.reporting import display
from tests.demo import Demo
from tests.notebooks.test_sources import NOTEBOOKS
from tests.views import has_table_or_chart, require_view_says_the_same_everywhere, views_in

pytestmark = pytest.mark.xdist_group("demo")


def shown_by(path, demo: Demo, monkeypatch) -> list[object]:
    """What the cells of a notebook give."""
    return cells_run(path, demo, monkeypatch)[1]


def cells_run(path, demo: Demo, monkeypatch, most: int | None = None) -> tuple[dict[str, object], list[object]]:
    """The names and the outputs of the code cells of a notebook (of the first ones), run as JupyterLab runs them."""
    monkeypatch.chdir(demo.workspace.root)
    # What a notebook sets for itself is undone: other tests share this process.
    monkeypatch.setattr(display, "_in_jupyter", list(display._in_jupyter))
    namespace: dict[str, object] = {}
    given = []
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for cell in code[:most]:
        body = ast.parse(cell.source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), path.name, "exec"), namespace)
        if last is not None:
            given.append(eval(compile(ast.Expression(last.value), path.name, "eval"), namespace))
    return namespace, given


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_table_and_chart_is_a_view(path, demo: Demo, monkeypatch, tmp_path):
    before = files_of(demo)
    shown = shown_by(path, demo, monkeypatch)
    views = [view for one in shown for view in views_in(one)]
    assert len({view.name for view in views}) == len(views), "names of files"
    assert all(views_in(one) for one in shown if has_table_or_chart(one))
    for view in views:
        require_view_says_the_same_everywhere(view, tmp_path)
    assert files_of(demo) == before, "a notebook that is opened and run writes nothing"
    if "save = False" in path.read_text(encoding="utf-8"):
        assert "Not saved" in shown[-1].to_html("en")


def files_of(demo: Demo) -> dict[Path, int]:
    """When every table of the store and every output was written."""
    places = (demo.workspace.data, demo.workspace.outputs)
    return {file: file.stat().st_mtime_ns for place in places for file in place.rglob("*") if file.is_file()}


def test_scores_in_jupyterlab_are_those_of_the_run_to_the_last_digit(demo: Demo, monkeypatch):
    (path,) = (one for one in NOTEBOOKS if one.stem.startswith("40"))
    namespace = cells_run(path, demo, monkeypatch, 2)[0]
    stored = demo.store.read("estimates", namespace["institution_id"])
    pd.testing.assert_frame_equal(namespace["scored"].estimates.reset_index(drop=True), stored, check_exact=True)


def test_no_id_stands_twice_on_a_page(demo: Demo):
    """A heading makes its id from its words: in one language they may be those of a part of the page."""
    twice = {}
    for page in demo.workspace.outputs.rglob("*.html"):
        ids = Counter(re.findall(r'\sid="([^"]+)"', page.read_text(encoding="utf-8")))
        twice |= {(page.name, name): n for name, n in ids.items() if n > 1}
    assert twice == {}


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
