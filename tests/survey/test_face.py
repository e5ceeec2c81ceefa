"""The public face of the survey library: what the docstring of every function says, read from the source."""

import ast
import re
from functools import cache
from pathlib import Path

SURVEY = Path(__file__).parents[2] / "spi_analysis" / "survey"
ALWAYS = ("Parameters", "Returns", "Examples")

# Functions that raise no error of their own, by the reason.
NO_RAISES = {
    "arithmetic with the numbers given": "capped_se delta_adjusted_mean tipping_delta",
    "takes any values and makes text of them": "with_unknown_level",
}
# Functions that carry out no method of the literature, by the reason.
NO_REFERENCES = {
    "names, checks or joins columns and groups": """
        cell_labels domains_of with_unknown_level make_table require_columns stratum_of
    """,
    "reads or compares the record of a draw": "design_of other_version record_differences",
    "counts people, or adds up what they have": """
        group_counts group_sums list_quality lists_shared overlap wave_sizes with_reserves
    """,
    "is plain linear algebra": "contrast",
}


def names_of(lists: dict[str, str]) -> set[str]:
    return {name for text in lists.values() for name in text.split()}


@cache
def face(package: Path) -> dict[str, str]:
    """Name -> module beside it, as the package's ``__init__.pyi`` lists them."""
    tree = ast.parse((package / "__init__.pyi").read_text(encoding="utf-8"))
    return {one.name: str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom) for one in node.names}


@cache
def definitions(module: Path) -> dict[str, ast.stmt]:
    """Functions and classes of a module by name."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def defining_module(package: Path, name: str) -> Path:
    """Down through the faces to the file that defines the name."""
    place = package / face(package)[name]
    return defining_module(place, name) if place.is_dir() else place.with_suffix(".py")


def functions() -> dict[str, ast.FunctionDef]:
    """The functions of the flat face, by name."""
    found = {name: definitions(defining_module(SURVEY, name)).get(name) for name in face(SURVEY)}
    return {name: node for name, node in found.items() if isinstance(node, ast.FunctionDef)}


def sections(docstring: str) -> dict[str, str]:
    """Numpydoc sections: the text below every underlined word."""
    parts = re.split(r"^(\w+)\n-{3,}$", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def lacking(name: str, node: ast.FunctionDef) -> list[str]:
    """Sections that the docstring should have, and has not or leaves empty."""
    found = sections(ast.get_docstring(node) or "")
    wanted = [*ALWAYS]
    wanted += [] if name in names_of(NO_RAISES) else ["Raises"]
    wanted += [] if name in names_of(NO_REFERENCES) else ["References"]
    empty = [section for section in wanted if not found.get(section, "").strip()]
    runs = ">>>" in found.get("Examples", "")
    return empty if runs or "Examples" in empty else [*empty, "Examples"]


def test_the_face_is_read():
    found = functions()
    assert len(found) > 100
    assert "estimate_mean" in found
    assert "SurveyDesign" not in found, "a class"


def test_sections_are_told_apart():
    text = "What it does.\n\nParameters\n----------\nx : float\n\nReturns\n-------\nfloat\n"
    assert {name: body.strip() for name, body in sections(text).items()} == {
        "Parameters": "x : float",
        "Returns": "float",
    }


def test_every_function_says_what_it_takes_gives_and_raises_with_sources_and_an_example():
    problems = [
        f"{name}: {', '.join(missing)}" for name, node in functions().items() if (missing := lacking(name, node))
    ]
    assert not problems, "\n".join(problems)


def test_exceptions_are_functions_of_the_face():
    assert names_of(NO_RAISES) | names_of(NO_REFERENCES) <= set(functions())


def test_exceptions_are_needed():
    """A section that is written is held to the rule again."""
    written = {name: sections(ast.get_docstring(node) or "") for name, node in functions().items()}
    kept = {"Raises": names_of(NO_RAISES), "References": names_of(NO_REFERENCES)}
    assert not [(name, section) for section, names in kept.items() for name in names if section in written[name]]


def test_no_function_promises_a_bare_error():
    """What a person gives wrongly is answered in the library's own words."""
    bare = re.compile(r"^(?:KeyError|TypeError|ValueError|IndexError|AttributeError|ZeroDivisionError)\b", re.MULTILINE)
    raised = {name: sections(ast.get_docstring(node) or "").get("Raises", "") for name, node in functions().items()}
    assert not [name for name, text in raised.items() if bare.search(text)]
