"""The exporter alone: what stands on a page, in which language, and how it can be heard; no project around it."""

import ast
import logging
import re
import subprocess
import sys
from importlib.metadata import entry_points
from io import BytesIO
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

import accessible_notebooks
from accessible_notebooks import (
    MIME,
    AccessibleExporter,
    InLanguages,
    Language,
    Link,
    Page,
    PageError,
    catalogue,
    messages,
    render_languages,
)
from accessible_notebooks.parts import slug

SOURCES = sorted(Path(accessible_notebooks.__file__).parent.glob("*.py"))
WORDS = {"Answers": "Jawaban", "Who answered": "Siapa yang menjawab", "Some did.": "Ada yang menjawab.",
         "Contents": "Daftar isi"}  # fmt: skip


def render(*cells, **page):
    return AccessibleExporter().render(new_notebook(cells=list(cells)), Page(**page))


def shown(**data):
    return new_output("execute_result", data={name.replace("_", "/", 1): value for name, value in data.items()})


def code(*outputs, source="show()"):
    return new_code_cell(source, outputs=list(outputs), execution_count=1)


def in_languages(**html):
    return new_output("execute_result", data=InLanguages(html)._repr_mimebundle_())


def test_every_kind_of_output_reaches_the_page():
    """A template without a block for one kind of output would drop tables silently."""
    html = render(
        code(
            new_output("display_data", data={"text/html": "<p>display</p>"}),
            shown(text_plain="a < b"),
            shown(text_markdown="*strong*"),
            new_output("stream", name="stdout", text="printed <b>"),
            new_output("display_data", data={"image/png": "QUJD\n"}, metadata={"image/png": {"alt": "words & more"}}),
            new_output("display_data", data={"image/svg+xml": "<svg/>"}, metadata={"image/svg+xml": {"alt": "a line"}}),
        )
    )
    for expected in ("<p>display</p>", "a &lt; b", "<em>strong</em>", "printed &lt;b&gt;",
                     'src="data:image/png;base64,QUJD" alt="words &amp; more"',
                     'src="data:image/svg+xml;base64,PHN2Zy8+" alt="a line"'):  # fmt: skip
        assert expected in html


def test_headings_are_the_title_and_the_contents_wherever_they_stand_in_a_cell():
    source = "# Title\n\nFirst.\n\n## One\n\ntext\n\n```\n## no heading\n```\n\n## Two"
    html = render(new_markdown_cell(source), code(shown(text_plain="x")), new_markdown_cell("# Another"))
    assert html.count("<h1>") == 1
    assert re.findall(r'<h2 id="([^"]+)">', html) == ["contents", "one", "two", "another"]
    assert re.findall(r'<li><a href="#([^"]+)">', html) == ["one", "two", "another"]
    assert html.count("<section") == html.count("</section>") == 3
    assert "## no heading" in html


def test_headings_that_read_alike_have_ids_of_their_own():
    html = render(*(new_markdown_cell(f"## {heading}") for heading in ("Same", "Same", "??", "同じ")))
    assert re.findall(r'<section aria-labelledby="([^"]+)"', html) == ["same", "same-2", "section", "section-2"]
    assert slug("Siapa yang menjawab?") == "siapa-yang-menjawab"


def test_a_page_without_headings_has_no_empty_contents_and_the_name_of_its_file(tmp_path):
    nbformat.write(new_notebook(cells=[new_markdown_cell("text")]), tmp_path / "survey.ipynb")
    html, _ = AccessibleExporter().from_filename(str(tmp_path / "survey.ipynb"))
    assert "<h1>survey</h1>" in html
    assert '<nav class="contents"' not in html


def test_a_page_runs_nothing_and_asks_no_network():
    html = render(new_markdown_cell("# T\n\n## A"), others=(Link("x.id.html", "Bahasa Indonesia", "id"),))
    assert "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    assert '<a href="x.id.html" hreflang="id" lang="id">Bahasa Indonesia</a>' in html


def test_headings_of_pandas_tables_say_what_they_head():
    table = pd.DataFrame({"n": [1, 2]}, index=["a", "b"])._repr_html_()
    html = render(code(shown(text_html=table)))
    assert '<div class="table" tabindex="0"><table' in html
    assert '<th scope="col">n</th>' in html
    assert '<th scope="row">a</th>' in html
    assert "<th></th>" not in html
    other = "<table><thead><tr><th>own</th></tr></thead></table>"
    assert other in render(code(shown(text_html=other))), "of other tables nothing is known"


def test_a_picture_has_words_by_a_comment_or_a_warning_names_its_cell(caplog):
    picture = shown(image_png="QUJD")
    html = render(code(picture, source='#| fig-alt: "Answers"\nplot()'), say=lambda text: WORDS.get(text, text))
    assert 'alt="Jawaban"' in html
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert 'alt=""' in render(new_markdown_cell("# T"), code(picture))
    assert "a picture of cell 1 has no words" in caplog.text


def test_code_is_folded_or_left_out():
    cell = code(source='x = "<tag>"')
    assert "&lt;tag&gt;" in render(cell)
    assert "<details" not in render(cell, with_code=False)
    html, _ = AccessibleExporter(exclude_input=True).from_notebook_node(new_notebook(cells=[cell]))
    assert "<details" not in html


def test_default_parameters_are_not_shown_beside_injected_ones():
    cells = [new_code_cell(f"x = '{tag}'", metadata={"tags": [tag]}) for tag in ("parameters", "injected-parameters")]
    html = render(*cells)
    assert "&#39;parameters&#39;" not in html
    assert "&#39;injected-parameters&#39;" in html
    assert "&#39;parameters&#39;" in render(cells[0])


def test_a_sentence_about_what_is_not_there_is_left_out():
    about = new_markdown_cell("The line shows the mean.")
    assert "The line" not in render(about, code(in_languages(en="", id="")))
    assert "The line" in render(about, code(in_languages(en="x", id="x")))


def test_cells_that_nbconvert_takes_away_are_not_among_the_contents():
    notebook = new_notebook(
        cells=[new_markdown_cell("## Here"), new_markdown_cell("## Gone", metadata={"tags": ["no"]})]
    )

    config = Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": ["no"]}})
    html, _ = AccessibleExporter(config=config).from_notebook_node(notebook)
    assert "#here" in html
    assert "gone" not in html


def test_no_page_is_made_from_a_failed_notebook_or_of_a_language_that_is_not_there():
    failed = new_output("error", ename="ValueError", evalue="no", traceback=[])
    with pytest.raises(PageError, match=r"holds an error.*cell 1, ValueError"):
        render(new_markdown_cell("# T"), code(failed))
    with pytest.raises(PageError, match="there in id, and not in 'en'"):
        render(code(in_languages(id="x")))


def test_making_a_page_leaves_the_notebook_as_it_was():
    notebook = new_notebook(
        cells=[new_markdown_cell("# A\n\n## B"), code(shown(image_png="QUJD"), in_languages(en="x"))]
    )
    before = nbformat.writes(notebook)
    AccessibleExporter().render(notebook, Page())
    assert nbformat.writes(notebook) == before


@pytest.fixture
def bilingual(tmp_path):
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Answers\n\n## Who answered\n\nSome did."),
            code(in_languages(en="<p>Twelve</p>", id="<p>Dua belas</p>")),
        ]
    )
    known = Catalog(locale="id")
    for message, text in WORDS.items():
        known.add(message, text)
    compiled = BytesIO()
    write_mo(compiled, known)
    (tmp_path / "id.mo").write_bytes(compiled.getvalue())
    nbformat.write(notebook, tmp_path / "answers.ipynb")
    return notebook, tmp_path


def test_one_run_makes_a_page_in_every_language(bilingual):
    notebook, folder = bilingual
    assert messages(notebook) == ["Answers", "Who answered", "Some did."]
    say = catalogue(folder / "id.mo")
    pages = render_languages(
        notebook, "answers.{language}.html", [Language("en", "English"), Language("id", "Bahasa Indonesia", say)]
    )
    english, indonesian = pages["answers.en.html"], pages["answers.id.html"]
    for expected in ('<html lang="id">', "<h1>Jawaban</h1>", "Siapa yang menjawab", "Ada yang menjawab.", "Daftar isi",
                     "Dua belas", 'href="answers.en.html" hreflang="en"'):  # fmt: skip
        assert expected in indonesian
    for expected in ('<html lang="en">', "<h1>Answers</h1>", "Twelve", 'href="answers.id.html"'):
        assert expected in english
    assert "Dua belas" not in english
    assert "Twelve" not in indonesian


@pytest.mark.skipif(
    "accessible_html" not in entry_points(group="nbconvert.exporters").names,
    reason="the exporter is found by its entry point: pip install packages/accessible_notebooks",
)
def test_nbconvert_offers_it(bilingual):
    _, folder = bilingual
    options = ["--AccessibleExporter.language=id", "--AccessibleExporter.catalogue=id.mo", "--output=answers.id"]
    command = [sys.executable, "-m", "nbconvert", "--to", "accessible_html", "answers.ipynb", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    html = (folder / "answers.id.html").read_text(encoding="utf-8")
    assert "<h1>Jawaban</h1>" in html
    assert "Dua belas" in html


def test_jupyter_shows_the_first_language():
    bundle = InLanguages({"id": "<p>id</p>", "en": "<p>en</p>"})._repr_mimebundle_()
    assert bundle == {"text/html": "<p>id</p>", MIME: {"id": "<p>id</p>", "en": "<p>en</p>"}}


def test_it_imports_what_its_pyproject_names_and_no_project():
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0]
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    known = {"accessible_notebooks", "lazy_loader", "nbconvert", "nbformat", "traitlets"}
    assert names - set(sys.stdlib_module_names) <= known


def test_a_folded_page_opens_with_its_first_section_and_leads_on_below_it():
    """Headings stand in the summaries, so that links of the contents lead to them; nothing is left open."""
    cells = [new_markdown_cell(text) for text in ("# Report", "## In brief\n\nAll.", "## Detail\n\nMore.", "## End")]
    html = render(*cells, folded=True)
    assert re.search(r'(?s)<section[^>]*>\s*<h2 id="in-brief">.*</section>\s*<nav class="contents"', html)
    assert html.count('<details class="part"><summary><h2') == html.count("</details>") == 2
    assert html.count("<section") == html.count("</section>") == 3
    assert html.count('<nav class="contents"') == 1
    plain = render(*cells)
    assert "<details" not in plain
    assert plain.index("<nav") < plain.index("<main")
