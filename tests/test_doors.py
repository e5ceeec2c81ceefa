"""Every name of the survey library has a door: a command, a notebook or a line of YAML leads to it.

Read from the source without importing it. A definition is reached when a code cell or a command uses its name, or when
a definition that is itself reached does; an import alone leads nowhere.
"""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.test_house import FACES, MODULES, ROOT, defined_in

# Names that stay without a door, by the reason.
KEPT = {
    "proportion_correlation": "works out the correlation that the size for a change of a share asks for, from a table "
    "of two rounds; page 10 plans scores",
}

Place = tuple[str, str]
# How a round's file names what stands in a register.
REGISTERS = {"register_step": r"\bstep: *(\w+)", "register_allocation": r"\b(?:allocation|method): *(\w+)"}


def resolved(module: str, name: str) -> Place:
    """The module that defines a name of a module or face, and the name there ("" for a whole module)."""
    place = defined_in(module, name)
    return (place, "") if place == f"{module}.{name}" else (place, name)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(node: ast.AST) -> dict[str, Place]:
    """What the imports below a node call by which name."""
    return {
        one.asname or one.name: resolved(found.module or "", one.name)
        for found in ast.walk(node)
        if isinstance(found, ast.ImportFrom) and (found.module or "").startswith("spi_analysis")
        for one in found.names
    }


@cache
def definitions(module: str) -> dict[str, ast.stmt]:
    """Functions, classes and assigned names at the top of a module."""
    found: dict[str, ast.stmt] = {}
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id: node for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return found


def bound(node: ast.AST) -> set[str]:
    """Parameters and variables of a function: they hide names of the module."""
    if not isinstance(node, ast.FunctionDef):
        return set()
    parameters = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
    return parameters | {
        one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def used(node: ast.AST, known: dict[str, Place]) -> Iterator[Place]:
    """Definitions that the code below a node names."""
    if hidden := bound(node) & known.keys():
        known = {name: place for name, place in known.items() if name not in hidden}
    for one in ast.iter_child_nodes(node):
        yield from named_by(one, known)
        yield from used(one, known)


def named_by(node: ast.AST, known: dict[str, Place]) -> Iterator[Place]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
        yield known[node.id]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module, name = known.get(node.value.id, ("", "-"))
        if name == "":
            yield resolved(module, node.attr)


@cache
def known_in(module: str) -> dict[str, Place]:
    return {one: (module, one) for one in definitions(module)} | imported(tree(module))


@cache
def leads_to(place: Place) -> frozenset[Place]:
    """What one definition uses."""
    module, name = place
    if module not in MODULES or name not in definitions(module):
        return frozenset()
    node = definitions(module)[name]
    return frozenset(used(node, known_in(module) | imported(node))) - {place}


def cells(notebook: Path) -> ast.Module:
    """The code of a notebook."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ast.parse("\n".join("".join(cell["source"]) for cell in found if cell["cell_type"] == "code"))


def from_notebooks() -> set[Place]:
    pages = [cells(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    return {place for page in pages for place in used(page, imported(page))}


def from_commands() -> set[Place]:
    rooms = [module for module in MODULES if module.startswith("spi_analysis.commands.")] + ["spi_analysis.cli"]
    return {(module, name) for module in rooms for name in definitions(module)}


def registered(mark: str) -> dict[str, Place]:
    """What stands in a register, by the name that a round calls it."""
    return {
        name_of(node): (module, name)
        for module in MODULES
        for name, node in definitions(module).items()
        if isinstance(node, ast.ClassDef) and mark in map(ast.unparse, node.decorator_list)
    }


def name_of(node: ast.ClassDef) -> str:
    """The attribute ``name`` of a class."""
    texts = [ast.unparse(one) for one in node.body if isinstance(one, ast.Assign | ast.AnnAssign)]
    (found,) = (text.split("=")[1] for text in texts if re.match(r"name\b.*=", text))
    return str(ast.literal_eval(found.strip()))


def from_rounds() -> set[Place]:
    """Registered steps and rules that a round of the project names."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "params").rglob("rounds/*.yaml")))
    return {
        place
        for mark, line in REGISTERS.items()
        for name, place in registered(mark).items()
        if name in re.findall(line, text)
    }


def reached() -> set[Place]:
    found: set[Place] = set()
    waiting = from_notebooks() | from_commands() | from_rounds()
    while waiting:
        found |= waiting
        waiting = {to for place in waiting for to in leads_to(place)} - found
    return found


def offered() -> dict[str, Place]:
    """The names of the faces of the survey library, and where they are defined."""
    faces = [face for face in FACES if face.startswith("spi_analysis.survey")]
    return {name: resolved(face, name) for face in faces for name in FACES[face]}


def without_door() -> list[str]:
    there = reached()
    return sorted(name for name, place in offered().items() if place not in there)


def test_every_name_has_a_door():
    found = without_door()
    print(f"{len(found)} of {len(offered())} names without a door: {', '.join(found)}")
    new, stale = sorted(set(found) - set(KEPT)), sorted(set(KEPT) - set(found))
    assert not new, "no command, notebook or round leads to them"
    assert not stale, "they have a door: no reason is needed any more"
    assert len(KEPT) <= 10


def test_the_graph_is_read():
    """Names that only a chain of definitions leads to, and some that only a round names."""
    there = reached()
    assert ("spi_analysis.survey.weighting.bootstrap_sums", "replicate_sums") in there, "notebook 60, bootstrap_means"
    assert ("spi_analysis.survey.weighting.calibration_steps", "PostStratify") in there, "named in YAML"
    assert ("spi_analysis.survey.sampling.allocation", "AllocationRule") in there


def test_an_import_alone_leads_nowhere():
    page = ast.parse(
        "from spi_analysis.survey import rake, trim_weights\nfrom spi_analysis.survey import weighting\n"
        "weighting.kish_deff(trim_weights(w))"
    )
    assert {name for _, name in used(page, imported(page))} == {"trim_weights", "kish_deff", ""}


def test_a_parameter_hides_a_name_of_the_module():
    page = ast.parse("from spi_analysis.survey import rake, overlap\ndef f(rake):\n    return rake + overlap")
    assert {name for _, name in used(page, imported(page))} == {"overlap"}


if __name__ == "__main__":
    print(*without_door(), sep="\n")
