"""What the docs name is there: paths, links, and the functions that the architecture page walks through."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "spi_analysis"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "outputs" / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
NAMES = {path.relative_to(ROOT).as_posix(): path for path in PAGES}
ARCHITECTURE = ROOT / "docs" / "architecture.md"
# The names of all source files: a page may go on with the bare name after it has named the folder.
FOLDERS = ("spi_analysis", "packages", "tests", "docs", "benchmarks")
FILES = {path.name for part in FOLDERS for path in (ROOT / part).rglob("*")}

_CODE = re.compile(r"`([^`\n]+)`")
_FOLDER = "|".join([*FOLDERS, "params", "notebooks"])
_PATH = re.compile(rf"(?:{_FOLDER})/[\w./-]+|[\w./-]+\.(?:pyi?|ipynb|po|j2)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# "`spi_analysis/stages/draw.py`: `draw_institution`, `draw_source`".
_WALK = re.compile(r"`(spi_analysis/[\w/]+\.pyi?)`: ((?:`[\w.]+`(?:, | and )?)+)")


def paths_in(page: str) -> set[str]:
    """Paths in code marks, without those that hold a placeholder, such as <round>."""
    return {name for name in _CODE.findall(page) if _PATH.fullmatch(name) and not name.startswith("outputs/")}


def is_there(name: str) -> bool:
    if "/" not in name:
        return name in FILES
    return (ROOT / name).exists() or (PACKAGE / name).exists()


def test_the_check_itself_sees_paths():
    found = paths_in("`spi_analysis/no/such.py`, `weigh.py`, `params/rounds/<round>.yaml`, `spi run`, `a/b`")
    assert found == {"spi_analysis/no/such.py", "weigh.py"}
    assert not any(map(is_there, found))


@pytest.mark.parametrize("page", NAMES)
def test_paths_exist(page):
    gone = sorted(name for name in paths_in(NAMES[page].read_text()) if not is_there(name))
    assert not gone, f"{page} names what is not there: {gone}"


@pytest.mark.parametrize("page", NAMES)
def test_relative_links_resolve(page):
    text = _CODE.sub("", NAMES[page].read_text())
    targets = {link.partition("#")[0] for link in _LINK.findall(text) if not re.match(r"[a-z]+:|#", link)}
    broken = sorted(target for target in targets if not (NAMES[page].parent / target).exists())
    assert not broken, f"{page} links to what is not there: {broken}"


def names_in(path: Path) -> set[str]:
    """Classes, functions, methods (Class.method) and names set at the top of a module; of a face all that it offers."""
    tree, names = ast.parse(path.read_text()), set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            inside = node.body if isinstance(node, ast.ClassDef) else []
            names |= {f"{node.name}.{one.name}" for one in inside if isinstance(one, ast.FunctionDef)}
        elif isinstance(node, ast.ImportFrom) and path.suffix == ".pyi":
            names |= {one.name for one in node.names}
        else:
            names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return names


@pytest.mark.parametrize("page", NAMES)
def test_modules_exist(page):
    dotted = set(re.findall(r"\bspi_analysis(?:\.\w+)+", NAMES[page].read_text()))
    assert not sorted(name for name in dotted if not module_is_there(name)), page


def module_is_there(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    behind = path.parent.with_suffix(".py")
    return behind.exists() and path.name in names_in(behind)


def test_the_architecture_page_walks_through_functions_that_are_there():
    walked = [(file, name) for file, names in _WALK.findall(ARCHITECTURE.read_text()) for name in _CODE.findall(names)]
    assert len(walked) > 60, "the pattern itself works"
    gone = [f"{file}: {name}" for file, name in walked if name not in names_in(ROOT / file)]
    assert not gone


def test_the_architecture_page_names_every_package():
    packages = {path.parent.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"spi_analysis"}
    text = ARCHITECTURE.read_text()
    assert sorted(name for name in packages if f"`{name}/`" not in text) == []
