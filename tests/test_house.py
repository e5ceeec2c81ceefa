"""The house: rooms, faces and sizes, read from the source without importing it."""

import ast
import collections
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "spi_analysis"
FILES = sorted(PACKAGE.rglob("*.py"))
# From the folder to the name that imports use.
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
FACES = {
    ".".join(stub.relative_to(ROOT).parent.parts): {
        name.name: f"{'.'.join(stub.relative_to(ROOT).parent.parts)}.{node.module}"
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    for stub in sorted(PACKAGE.rglob("__init__.pyi"))
}


def defined_in(module: str, name: str) -> str:
    """The module behind a name: through the faces, or the module of that name itself."""
    while name in FACES.get(module, {}):
        module = FACES[module][name]
    return f"{module}.{name}" if f"{module}.{name}" in MODULES else module


def room(module: str) -> str:
    """The package with a face that a module belongs to."""
    parents = [module, *(module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1))]
    return next((one for one in parents if one in FACES and one != "spi_analysis"), "")


@dataclass(frozen=True)
class Source:
    """What the tests below ask of a file, read from it once.

    ``imports``: (module as written, name) of every import from the package; ``imports_first``: of those at the top.
    ``given``: names at the top of the module, and how often each is given; ``stored``: names given anywhere in it.
    ``handed_on``: written "x as x", which type checkers read as handed on from a room below. ``sizes``: statements of
    every function, without its docstring. ``sums``: ways in which rows are added up by group.
    """

    imports: tuple[tuple[str, str], ...]
    imports_first: tuple[tuple[str, str], ...]
    given: collections.Counter[str]
    stored: frozenset[str]
    handed_on: frozenset[str]
    sizes: tuple[int, ...]
    sums: tuple[str, ...]


@cache
def source_of(path: Path) -> Source:
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    named = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    imported = [one for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names]
    return Source(
        tuple(_imports(nodes)),
        tuple(_imports(tree.body)),
        _given(tree.body),
        frozenset({node.name for node in named} | {node.id for node in nodes if _is_given(node)}),
        frozenset(one.name for one in imported if one.asname == one.name),
        tuple(_size(node) for node in functions),
        tuple(node.attr for node in nodes if isinstance(node, ast.Attribute) and _adds_up(node)),
    )


def _imports(nodes):
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spi_analysis."):
            yield from ((node.module, one.name) for one in node.names)


def _given(body: list[ast.stmt]) -> collections.Counter[str]:
    given: collections.Counter[str] = collections.Counter()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            given[node.name] += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            given.update(one.id for target in targets for one in ast.walk(target) if _is_given(one))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            given.update(name.asname or name.name for name in node.names)
    return given


def _is_given(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _size(node: ast.FunctionDef) -> int:
    return sum(isinstance(one, ast.stmt) for one in ast.walk(node)) - 1 - (ast.get_docstring(node) is not None)


def _adds_up(node: ast.Attribute) -> bool:
    return node.attr in ("bincount", "reduceat") or (node.attr == "at" and ast.unparse(node).endswith("add.at"))


def imports(module: str, whole: bool = True):
    """(module as written, name) of every import from the package; only those at the top unless ``whole``."""
    source = source_of(MODULES[module])
    return source.imports if whole else source.imports_first


def test_imports_between_packages_go_through_the_face():
    past, through = [], 0
    for module in MODULES:
        for written, name in imports(module):
            target = room(defined_in(written, name))
            below = written.startswith("spi_analysis.survey.groups") and module.startswith("spi_analysis.survey.")
            if not target or target == room(module) or below:
                continue
            if name in FACES.get(written, {}):
                through += 1
            else:
                past.append(f"{module}: from {written} import {name}")
    assert through > 500, "the count itself works"
    assert len(past) <= 0.1 * (through + len(past)), "\n".join(past)


def test_no_module_imports_itself_over_others():
    """Faces hide circles from a look at packages alone: names are followed to the module that defines them."""
    arrows = {module: {defined_in(*one) for one in imports(module, whole=False)} - {module} for module in MODULES}
    waiting = {module: set(targets) & set(arrows) for module, targets in arrows.items()}
    while free := {module for module, targets in waiting.items() if not targets}:
        waiting = {module: targets - free for module, targets in waiting.items() if module not in free}
    assert not waiting, f"circles among {sorted(waiting)}"


def test_every_name_of_a_face_is_there_and_none_is_a_module():
    """``from package import name`` gives whichever of a module and a name of its own was loaded last."""
    for face, names in FACES.items():
        for name, module in names.items():
            assert f"{face}.{name}" not in MODULES, f"{face}: {name} is a module, too"
            source = MODULES.get(module)
            assert source is not None, f"{face}: no module {module}"
            if module not in FACES:
                found = source_of(source)
                there = name in found.stored | found.handed_on or f"{module}.{name}" in MODULES
                assert there, f"{face}: no {name} in {module}"


def test_sizes():
    assert len(FILES) <= 300
    long = {str(path.relative_to(ROOT)): n for path in FILES if (n := len(path.read_text().splitlines())) > 600}
    assert not long
    repeated = [name for name, n in collections.Counter(path.name for path in FILES).items() if n > 1]
    assert len(repeated) <= 15, f"a file's name tells its room: {sorted(repeated)}"


def test_functions_stay_small():
    """Statements without docstrings, in all functions: median 5, 90th percentile 17 at the most."""
    sizes = sorted(size for path in FILES for size in source_of(path).sizes)
    assert sizes[len(sizes) // 2] <= 5
    assert sizes[len(sizes) * 9 // 10] <= 17


# Where rows are added up by group without ``group_sums`` and ``group_counts``, by the reason.
OWN_SUMS = {
    "survey/groups.py": "defines them",
    "survey/estimation/quantiles.py": "runs of a sorted column, whose ends are known",
}


def test_rows_are_added_up_by_group_in_one_place():
    found = {path.relative_to(PACKAGE).as_posix() for path in FILES if source_of(path).sums}
    assert found == set(OWN_SUMS), "group_sums and group_counts of survey/groups.py do it"


@pytest.mark.parametrize("face", sorted(FACES))
def test_faces_complete_in_an_editor(face):
    import importlib

    package = importlib.import_module(face)
    assert set(FACES[face]) <= set(dir(package))
    assert set(FACES[face]) <= set(package.__all__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_name_of_a_module_is_given_twice(path):
    """The second would quietly take the place of the first, wherever that is called."""
    assert [name for name, times in source_of(path).given.items() if times > 1] == []
