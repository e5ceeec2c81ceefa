"""The notebooks as they are kept: valid, without outputs, thin, with a parameters cell and a story."""

import ast
import importlib
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_all_notebooks_are_there():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["10", "15", "20", "25", "30", "40", "50", "60", "90", "92", "95"]


def test_notebook_is_valid_and_kept_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_notebook_has_one_commented_parameters_cell(notebook):
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0].source.startswith("#"), "the parameters cell says what it is for"


def test_notebook_has_a_language_for_jupyter(notebook):
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    assert 'language = "en"' in parameters.source
    assert sum("show_in(language, " in cell.source for cell in notebook.cells) == 1


def test_a_notebook_that_saves_asks_before(notebook):
    """Opened in JupyterLab and run from top to bottom it writes nothing; its last cell says so."""
    saving = [cell.source for cell in notebook.cells if "save_" in cell.source and not cell.source.startswith("from ")]
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    assert ("save = False" in parameters.source) == bool(saving)
    assert all("if save:\n" in source for source in saving)
    if saving:
        assert notebook.cells[-1].source.endswith("\nsaved_note(save)")


def test_no_section_is_empty(notebook):
    """A heading is followed by words or by something that is shown."""
    for cell, following in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "markdown" and "\n" not in cell.source.strip() and cell.source.startswith("## "):
            assert following.source.startswith("view."), cell.source
            assert "save" not in following.source, cell.source


def test_notebook_opens_with_its_title_and_is_divided_by_headings(notebook):
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert prose[0].startswith("# ")
    assert sum(source.startswith("# ") for source in prose) == 1
    assert sum(source.startswith("## ") for source in prose) >= 2


def test_cells_are_thin_and_define_nothing(notebook):
    for cell in notebook.cells:
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
            continue
        statements = ast.parse(cell.source.rstrip(";")).body
        assert not any(isinstance(s, ast.FunctionDef | ast.ClassDef | ast.For | ast.While) for s in statements)
        calls = [s for s in statements if not isinstance(s, ast.Import | ast.ImportFrom)]
        assert len(calls) <= 5, cell.source
        assert "groupby" not in cell.source


def test_a_sentence_stands_before_every_table_or_chart(notebook):
    """Somebody who looks at a figure has been told what to look for (two figures may share a sentence)."""
    said, shown = False, 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            said, shown = True, 0
        elif cell.source.startswith("view.") and "save" not in cell.source:
            shown += 1
            assert said
            assert shown <= 2, cell.source


def test_every_name_of_the_workbench_is_there(notebook):
    """Also those that are reached through a module (``view.scores_table``): found without running a cell."""
    tree = ast.parse("\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))
    modules = {}
    for node in (node for node in tree.body if isinstance(node, ast.ImportFrom)):
        for name in node.names:
            found = getattr(importlib.import_module(node.module), name.name, None)
            found = found or importlib.import_module(f"{node.module}.{name.name}")
            modules[name.asname or name.name] = found
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), f"{node.value.id}.{node.attr}"
