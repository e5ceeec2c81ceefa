"""Which code a notebook is made from: never too little, and not the commands."""

import shutil
import tomllib

import nbformat
import pytest

from spi_analysis.params import Workspace, load_setup
from spi_analysis.runner import digests, fingerprint
from spi_analysis.runner.import_graph import imported_modules
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS, NATIONAL_NOTEBOOKS, plan_steps
from spi_analysis.runner.pool import run_steps
from spi_analysis.tables.files import write_text
from tests.demo import PROJECT
from tests.runner.conftest import HERE, ROUND

# A package with every way to name a module: file -> source.
PACKAGE = {
    "__init__.py": "",
    "runner/__init__.py": "",
    "runner/execute.py": '"""As in\n>>> from pkg.core import unused\n"""\nimport pkg.normalise',
    "runner/forks/__init__.py": "",
    "runner/lab.py": "",
    "runner/forks/engines.py": "WARM = 'pkg.runner.forks.warm:warm_up'",
    "runner/forks/warm.py": "import importlib\nNAMES = ('pkg.warmed',)\nimportlib.import_module(NAMES[0])",
    "runner/pool.py": "",
    "normalise.py": "",
    "warmed.py": "",
    "stages/__init__.py": "from . import common",
    "stages/common.py": "",
    "stages/score.py": "from ..core.means import mean\nfrom .common import x",
    "stages/report.py": "def page():\n    import pkg.core.late\nKINDS = {'chart': 'pkg.core.named:draw'}",
    "core/__init__.py": "",
    "core/means.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.core import types",
    "core/types.py": "",
    "core/late.py": "",
    "core/named.py": "",
    "core/unused.py": "",
    "commands/__init__.py": "",
    "commands/run.py": "import pkg.stages.score",
    "words.yaml": "a: b",
}
ALWAYS = {
    "__init__.py",
    "runner/__init__.py",
    "runner/execute.py",
    "runner/forks/__init__.py",
    "runner/forks/engines.py",
    "runner/lab.py",
    "runner/forks/warm.py",
    "runner/pool.py",
    "normalise.py",
}
SCORE = ALWAYS | {
    "stages/__init__.py",
    "stages/common.py",
    "stages/score.py",
    "core/__init__.py",
    "core/means.py",
    "core/types.py",
}
REPORT = ALWAYS | {
    "stages/__init__.py",
    "stages/common.py",
    "stages/report.py",
    "core/__init__.py",
    "core/late.py",
    "core/named.py",
}
MODULES = {name for name in PACKAGE if name.endswith(".py")}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, source in PACKAGE.items():
        write_text(tmp_path / "pkg" / name, source)
    monkeypatch.setattr(digests, "PACKAGE", tmp_path / "pkg")
    fingerprint.forget()
    yield tmp_path / "pkg"
    fingerprint.forget()


def notebook(package, *cells):
    path = package.parent / f"{abs(hash(cells))}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    return path


def names(package, path):
    """All of the package's where it cannot be told."""
    found = imported_modules(path, package)
    found = package.rglob("*.py") if found is None else found
    return {file.relative_to(package).as_posix() for file in found}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1 + 1",), ALWAYS),
        (("from pkg.stages import score",), SCORE),
        (("import pkg.stages.score as s", "s.x()"), SCORE),
        (("from pkg.stages.report import page",), REPORT),
        (("if 0:\n    from pkg.stages import report, score",), SCORE | REPORT),
        (("from pkg.core.unused import *",), MODULES),
        (("import importlib", "importlib.import_module('pkg.' + 'core')"), MODULES),
        (("from importlib import import_module as take",), MODULES),
        (("__import__('pkg.' + name)",), MODULES),
        (("%run other.py",), MODULES),
    ],
)
def test_every_way_to_name_a_module_counts_and_where_none_can_be_told_all_do(package, cells, expected):
    assert names(package, notebook(package, *cells)) == expected


def test_a_changed_byte_concerns_exactly_the_notebooks_in_whose_reach_it_is(package):
    paths = {
        "score": notebook(package, "import pkg.stages.score"),
        "report": notebook(package, "import pkg.stages.report"),
    }

    def now():
        fingerprint.forget()
        return {name: fingerprint.notebook_code_digest(path) for name, path in paths.items()}

    for file in PACKAGE:
        before = now()
        write_text(package / file, PACKAGE[file] + "\n# changed")
        after = now()
        changed = {name for name in paths if before[name] != after[name]}
        is_text = not file.endswith(".py")
        expected = {name for name, reach in (("score", SCORE), ("report", REPORT)) if is_text or file in reach}
        assert changed == expected, file


def test_a_new_module_in_the_place_of_an_attribute_counts(package):
    path = notebook(package, "from pkg.core.means import mean")
    before = fingerprint.notebook_code_digest(path)
    (package / "core" / "means.py").unlink()
    write_text(package / "core" / "means" / "__init__.py", PACKAGE["core/means.py"])
    write_text(package / "core" / "means" / "mean.py", "")
    fingerprint.forget()
    assert fingerprint.notebook_code_digest(path) != before
    assert "core/means/mean.py" in names(package, path)


def real(kind):
    return names(digests.PACKAGE, PROJECT / "notebooks" / f"{kind.name}.ipynb")


@pytest.mark.parametrize("kind", [*INSTITUTION_NOTEBOOKS, *NATIONAL_NOTEBOOKS], ids=lambda kind: kind.number)
def test_commands_and_generated_data_are_in_no_notebooks_reach_and_the_engine_is_in_all(kind):
    found = real(kind)
    assert not [name for name in found if name.startswith(("commands/", "synthetic/", "cli.py", "runner/dask/"))]
    runs_it = {"runner/execute.py", "runner/step_checks.py", "runner/forks/warm.py", "reporting/exporter.py"}
    assert runs_it <= found


def test_a_change_of_what_runs_notebooks_makes_all_of_them_stale(package, tmp_path, monkeypatch):
    """The engines are a package of their own: no import of a notebook leads there."""
    engines = tmp_path / "engines"
    write_text(engines / "kernel.py", "a = 1")
    monkeypatch.setattr(digests, "BESIDE", (engines,))
    path = notebook(package, "from pkg.core.means import mean")
    found = []
    for source in ("a = 1", "a = 2"):
        write_text(engines / "kernel.py", source)
        fingerprint.forget()
        found.append((fingerprint.notebook_code_digest(path), digests.package_digest()))
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1], "and a fork server of the older code is replaced"


def test_the_packages_beside_are_watched():
    assert {path.parents[1] for path in (PROJECT / "packages").glob("*/src/*/__init__.py")} == {
        path.parent for path in digests.BESIDE
    }


def test_a_new_template_of_a_package_beside_is_a_new_look_alone(package, tmp_path, monkeypatch):
    beside = tmp_path / "exporter"
    monkeypatch.setattr(digests, "BESIDE", (beside,))
    found = []
    for source in ("a", "b"):
        write_text(beside / "templates" / "page.j2", source)
        fingerprint.forget()
        found.append((digests.code_digest(), digests.template_digest()))
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]


def test_what_other_packages_load_by_name_is_in_reach():
    """Entry points: Jupyter and papermill import them, and no import of ours says so."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    loaded = {one.partition(":")[0] for group in project["entry-points"].values() for one in group.values()}
    # Those of the packages beside count as a whole.
    loaded = {name for name in loaded if name.startswith("spi_analysis.")}
    assert {f"{name.replace('.', '/').removeprefix('spi_analysis/')}.py" for name in loaded} <= real(
        INSTITUTION_NOTEBOOKS[0]
    )


TELL = """import sys
_ = open(f"loaded-{institution_id}-%s", "w").write("\\n".join(
    str(module.__file__) for name, module in list(sys.modules.items()) if name.partition(".")[0] == "spi_analysis"
))"""


def test_what_only_draws_of_certain_kinds_use_leaves_the_scores_up_to_date():
    reach = {kind.number: real(kind) for kind in INSTITUTION_NOTEBOOKS}
    for name in ("survey/sampling/pps.py", "survey/sampling/boundaries.py", "survey/simulation/means.py"):
        assert name not in reach["40"], name
    assert "survey/sampling/pps.py" in reach["10"]
    assert "survey/estimation/small_area.py" in reach["40"]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("demo")
def test_all_that_the_real_notebooks_load_is_in_their_reach(demo, tmp_path):
    """Each tells at its end which modules its process has: one that nothing was imported in beforehand."""
    workspace = Workspace(shutil.copytree(demo.workspace.root, tmp_path / "w", symlinks=True))
    for kind in INSTITUTION_NOTEBOOKS:
        path = workspace.notebooks / f"{kind.name}.ipynb"
        changed = nbformat.read(path, as_version=4)
        changed.cells.insert(-1, nbformat.v4.new_code_cell(TELL % kind.number, id="tell"))
        nbformat.write(changed, path)
    steps = [step for step in plan_steps([HERE]) if step.institution_id]
    outcomes = [outcome for _, outcome in run_steps(load_setup(workspace, ROUND), steps, 2, engine="stock")]
    assert [outcome.error for outcome in outcomes] == [""] * len(steps)
    for kind in INSTITUTION_NOTEBOOKS:
        loaded = set((workspace.root / f"loaded-{HERE}-{kind.number}").read_text().splitlines())
        assert len(loaded) > 50
        found = {str(file) for file in imported_modules(workspace.notebooks / f"{kind.name}.ipynb", digests.PACKAGE)}
        assert loaded - found == set(), kind.name
