"""From executed notebook to page: nothing lost, nothing mixed up, no page from a failed notebook."""

from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from spi_analysis.errors import NotebookError, ParameterError
from spi_analysis.reporting.display import MIME, show, show_in
from spi_analysis.reporting.exporter import INSTITUTION_PAGES, render
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS

BOTH = {"id": "<table><tr><td>Indonesia</td></tr></table>", "en": "<table><tr><td>English</td></tr></table>"}


def _notebook(*outputs, source="view.x()"):
    shown = [new_output("execute_result", data={"text/html": BOTH["id"], MIME: BOTH})]
    cells = [
        new_markdown_cell("# Integrity report"),
        new_markdown_cell("## Who answered\n\nWhich groups were asked, and how many of each answered."),
        new_code_cell(source, outputs=[*shown, *outputs], execution_count=1),
        new_markdown_cell("## Glossary"),
    ]
    return new_notebook(cells=cells)


def _render(setup, notebook, language="id", kind="report", **options):
    defaults = {"synthetic": False, "file_name": "report.{language}.html"}
    return render(notebook, setup, "kota-mojokerto", language, kind=kind, **{**defaults, **options})


def test_prose_headings_and_outputs_are_in_the_language_of_the_page(setup):
    indonesian, english = _render(setup, _notebook(), "id"), _render(setup, _notebook(), "en")
    assert "<h1>Kota Mojokerto 2024</h1>" in indonesian
    assert "Indonesia</td>" in indonesian
    assert "English</td>" not in indonesian
    assert "<h1>Kota Mojokerto 2024</h1>" in english
    assert "Kelompok mana saja yang ditanyai" in indonesian
    assert 'lang="id"' in indonesian


def test_contents_list_the_sections_in_order(setup):
    html = _render(setup, _notebook())
    assert html.index('href="#berapa-yang-menjawab') < html.index('href="#daftar-istilah')
    assert html.count("<section") == html.count("</section>") == 2


def test_a_report_shows_no_code_and_an_analysts_page_folds_it(setup):
    notebook = _notebook(source='x = "<tag>"')
    assert "x = " not in _render(setup, notebook, kind="report")
    folded = _render(setup, notebook, kind="analyst")
    assert "<details><summary>Kode</summary>" in folded
    assert "&lt;tag&gt;" in folded


def test_no_page_is_made_from_a_failed_notebook(setup):
    failed = _notebook(new_output("error", ename="ValueError", evalue="no", traceback=[]))
    with pytest.raises(NotebookError, match="holds an error"):
        _render(setup, failed)


def test_page_is_offline_and_says_draft_and_generated(setup):
    html = _render(setup, _notebook(), synthetic=True)
    assert "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "<script" not in html
    assert 'class="mark draft">Draf<' in html
    assert "Data buatan untuk peragaan" in html
    assert "Data buatan" not in _render(setup, _notebook(), synthetic=False)


def test_a_sentence_about_a_chart_goes_where_the_chart_is_not(setup):
    nothing = new_output("execute_result", data={"text/html": "", MIME: {"id": "", "en": ""}})
    cells = _notebook().cells
    for outputs, expected in (([nothing], 0), ([new_output("execute_result", data={MIME: BOTH})], 1)):
        sentence = new_markdown_cell("The short lines are the score of all units together in this source.")
        notebook = new_notebook(cells=[*cells, sentence, new_code_cell("view.y()", outputs=outputs, execution_count=2)])
        assert _render(setup, notebook).count("Garis-garis pendek") == expected


def test_links_lead_to_the_pages_that_the_batch_makes(setup):
    made = {kind.page for kind in INSTITUTION_NOTEBOOKS}
    assert {page for page, _ in INSTITUTION_PAGES} == made
    html = _render(setup, _notebook())
    assert 'href="../index.id.html"' in html
    assert 'href="../explorer.id.html#pick=kota-mojokerto"' in html
    assert 'href="20_fieldwork_progress.id.html"' in html
    assert '<span aria-current="page">Laporan integritas</span>' in html


def test_the_page_of_a_round_says_how_many_institutions_it_holds(setup):
    html = render(_notebook(), setup, "", "id", kind="report", synthetic=False, file_name="index.{language}.html")
    assert "5 instansi survei ini" in html
    assert "nasional" not in html.lower().split("<main")[0]


def test_shown_html_is_html_in_jupyter_and_carries_all_languages():
    bundle = show(lambda words: f"<p>{words.language}</p>")._repr_mimebundle_()
    assert bundle["text/html"] == "<p>id</p>"
    assert bundle[MIME] == {"id": "<p>id</p>", "en": "<p>en</p>"}


def test_jupyter_shows_the_language_that_the_notebook_asks_for():
    shown = show(lambda words: f"<p>{words.language}</p>")
    try:
        show_in("en")
        assert shown._repr_mimebundle_()["text/html"] == "<p>en</p>"
        with pytest.raises(ParameterError, match="unknown language"):
            show_in("fr")
    finally:
        show_in("id")


def test_pages_of_all_institutions_name_whom_to_ask_about_them(setup):
    """Not the Inspektorat of one institution; without a contact of their own it is the publisher."""

    def contact(round_):
        pages = {"synthetic": False, "file_name": "index.{language}.html", "kind": "report"}
        html = render(_notebook(), replace(setup, round=round_), "", "en", **pages)
        return html.partition("<dt>Contact</dt><dd>")[2].partition("</dd>")[0]

    given = setup.round.publication
    assert contact(setup.round) == given.national_contact.en
    assert given.contact.en in _render(setup, _notebook(), "en")
    silent = given.model_copy(update={"national_contact": None})
    assert contact(setup.round.model_copy(update={"publication": silent})) == given.publisher.en


def test_the_head_says_the_index_who_publishes_and_the_card_of_links(setup):
    said = '<p class="index"><strong>77,04</strong> (± 3)<span class="category">dari 100</span></p>'
    shown = dict.fromkeys(BOTH, said)
    notebook = _notebook(new_output("execute_result", data={"text/html": "", MIME: shown}))
    html = _render(setup, notebook)
    assert 'property="og:description" content="77,04 (± 3) dari 100 · Survei Penilaian Integritas 2024 · Draf"' in html
    assert 'property="og:image" content="tables/card.id.png"' in html
    assert 'name="dcterms.issued" content="2024-12-20"' in html
    publisher = setup.round.publication.publisher.id
    assert f'name="dcterms.publisher" content="{publisher}"' in html
    assert f"<dt>Penerbit</dt><dd>{publisher}</dd>" in html
    cited = "Survei Penilaian Integritas 2024: Kota Mojokerto. Draf, tanggal 20 Desember 2024."
    assert f"{publisher} (2024). {cited}" in html
    silent = _render(replace(setup, round=setup.round.model_copy(update={"publication": None})), notebook)
    assert "dcterms" not in silent
    assert "<dl" not in silent.partition("<footer>")[2], "where nobody says who publishes, no page does"
