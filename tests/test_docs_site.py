"""The documentation site: built without a warning, complete, its links lead somewhere, and it needs no network."""

import os
import re
import subprocess
import sys
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import spi_analysis.survey as survey

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "spi_analysis"
API = ROOT / "docs" / "api"


class Page(HTMLParser):
    """What a page can be jumped to, where it leads, and what it loads."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag in {"script", "img", "link", "iframe", "source"}:
            self.loads += [given[key] for key in ("src", "href") if given.get(key)]


@cache
def page(path: Path) -> Page:
    return Page(path)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--conf-dir", "docs"]
    built = subprocess.run(
        [*command, "--doctree-dir", folder / "cache", ".", folder / "html"],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "html"


def faces() -> set[str]:
    return {".".join(file.parent.relative_to(ROOT).parts) for file in PACKAGE.rglob("__init__.pyi")}


def test_every_face_has_a_page():
    assert faces() <= {path.stem for path in API.glob("*.rst")}


@pytest.mark.slow
@pytest.mark.long
def test_every_name_of_the_survey_library_has_an_entry(site):
    ids = set().union(*(page(path).ids for path in (site / "docs" / "api").glob("spi_analysis.survey*.html")))
    described = {one.rpartition(".")[2] for one in ids if re.fullmatch(r"spi_analysis\.survey(\.[a-z]+)?\.\w+", one)}
    assert len(survey.__all__) > 150
    assert sorted(set(survey.__all__) - described) == []
    # The table of all names leads to them.
    links = {link.rpartition(".")[2] for link in page(site / "docs/api/spi_analysis.survey.html").links if "#" in link}
    assert sorted(set(survey.__all__) - links) == []


@pytest.mark.slow
@pytest.mark.long
def test_parameters_results_errors_and_examples_are_shown_apart(site):
    text = (site / "docs" / "api" / "spi_analysis.survey.estimation.html").read_text(encoding="utf-8")
    entry = text.partition('id="spi_analysis.survey.estimation.estimate_mean"')[2].partition('<dt class="sig')[0]
    words = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", entry)))
    assert "level (float) – of the t interval" in words
    assert "Returns Estimate, in units of the variable; n counts the rows" in words
    assert "EstimationError – no variable; a column is missing" in words
    assert '>>> estimate_mean(design, "score", by="unit")' in words
    assert "[['a', 2.0], ['b', 6.0]]" in words


@pytest.mark.slow
@pytest.mark.long
def test_every_link_inside_leads_somewhere(site):
    broken = []
    for path in site.rglob("*.html"):
        for link in page(path).links + page(path).loads:
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = (path.parent / unquote(target).partition("?")[0]).resolve() if target else path
            if not file.exists() or (anchor and file.suffix == ".html" and unquote(anchor) not in page(file).ids):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


@pytest.mark.slow
@pytest.mark.long
def test_nothing_is_loaded_from_elsewhere(site):
    outside = re.compile(r"(?:https?:)?//")
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    assert [(path.name, one) for path in pages for one in page(path).loads if outside.match(one)] == []
    styles = [*site.rglob("*.css")]
    assert [
        path.name for path in styles if re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", path.read_text())
    ] == []
    assert "README.html" in (site / "index.html").read_text(encoding="utf-8")
