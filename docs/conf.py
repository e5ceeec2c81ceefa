"""The documentation site (``make docs``): these pages and the docstrings of every face, read without a network."""

import ast
import re
from pathlib import Path

from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.ext.autosummary import Autosummary

PACKAGE = Path(__file__).parents[1] / "spi_analysis"

project = "SPI workbench"
html_title = project
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.autosummary", "myst_parser"]

# The pages lie where the repository shows them, so their links hold in both places.
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "outputs/README.md", "docs/**"]
exclude_patterns = [".venv", "build", "data", "outputs/*/**"]
myst_heading_anchors = 3
templates_path = ["templates"]

html_theme = "furo"
html_additional_pages = {"index": "start.html"}
html_copy_source = False
# Summaries of what was found are fetched from the pages, which a browser does not do from a folder.
html_show_search_summary = False

autodoc_member_order = "groupwise"
autodoc_typehints = "none"
# As written: a default such as os.environ is not printed with what it holds on this machine.
autodoc_preserve_defaults = True
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_param = False
# Ours are sentences, not a list of types.
napoleon_custom_sections = ["Returns"]

# Tables of contents that the repository's own pages do not show.
CONTENTS = {
    "README": """
        ```{toctree}
        :hidden:
        :caption: The workbench
        docs/architecture
        docs/methods/README
        docs/decisions/README
        docs/terminology
        docs/assumptions
        docs/output_columns
        ```
        ```{toctree}
        :hidden:
        :caption: Guides
        docs/first_real_round
        docs/platforms
        docs/bring_your_lists
        docs/batch_running
        docs/batch
        docs/national
        docs/more_machines
        docs/upgrading
        docs/end_of_life
        docs/cara_memeriksa_undian
        outputs/README
        ```
        ```{toctree}
        :hidden:
        :caption: Library
        docs/api/index
        ```
        ```{toctree}
        :hidden:
        :caption: Project
        CONTRIBUTING
        CHANGELOG
        ```
    """,
    "docs/methods/README": """
        ```{toctree}
        :hidden:
        :glob:
        *
        ```
    """,
}
CONTENTS["docs/decisions/README"] = CONTENTS["docs/methods/README"]

_SECTION = re.compile(r"-{3,}\s*")
# "weight : str   column with the weights", "InputError   a column is missing".
_ENTRY = re.compile(r"(\S.*?\S|\S) {3,}(\S.*)")


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """The page's table of contents, below its text."""
    source[0] += re.sub(r"^ +", "", CONTENTS.get(docname, ""), flags=re.MULTILINE)


def split_entries(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Name and meaning of parameters and errors, which our docstrings keep on one line, on two."""
    section, split = "", []
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if _SECTION.fullmatch(following):
            section = line.strip()
        entry = _ENTRY.fullmatch(line) if section in {"Parameters", "Attributes", "Raises"} else None
        split += [entry[1], f"    {entry[2]}"] if entry else [line]
    # In the first line of an attribute napoleon takes what stands before a colon for its type. An escaped space has no
    # colon, and shows nothing.
    lines[:] = ["\\ "] * (what in {"attribute", "property", "data"}) + split


class FaceTable(Autosummary):
    """All names of a face with the first sentence of each: ``.. face-table:: spi_analysis.survey``."""

    required_arguments = 1

    def run(self) -> list:
        """A table whose names lead to where they are described."""
        self.options["nosignatures"] = True
        self.content = StringList([f"~{name}" for name in described_as(self.arguments[0])])
        return super().run()


def described_as(face: str) -> list[str]:
    """Every name of a face, by the page that describes it: that of the sub-package with a face of its own."""
    folder = PACKAGE.joinpath(*face.split(".")[1:])
    tree = ast.parse((folder / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    homes = {one.name: f"{node.module}." * (folder / node.module).is_dir() for node in imports for one in node.names}
    return [f"{face}.{home}{name}" for name, home in sorted(homes.items(), key=lambda pair: pair[0].lower())]


def setup(app: Sphinx) -> None:
    """What Sphinx has to be told of our docstrings and faces."""
    app.connect("source-read", add_contents)
    # Before napoleon, which has 500.
    app.connect("autodoc-process-docstring", split_entries, priority=400)
    app.add_directive("face-table", FaceTable)
