"""What is checked after every step, on notebooks and pages made for it."""

import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from spi_analysis.errors import NotebookError
from spi_analysis.reporting.display import MIME
from spi_analysis.runner.execute import merged_streams
from spi_analysis.runner.plan import plan_steps
from spi_analysis.runner.step_checks import (
    LARGEST_PAGE,
    draws,
    permission_to_save,
    require_sound_notebook,
    require_sound_page,
)
from tests.conftest import PROJECT

OWN = "kota-mojokerto"
STEP = plan_steps([OWN], ["10"])[0]
TABLE = new_output("execute_result", data={"text/html": "<table></table>"}, execution_count=1)
SHOWN = new_output("execute_result", data={MIME: {"id": "<svg></svg><table>", "en": "<svg>"}}, execution_count=1)
PICTURE = new_output("display_data", data={"image/png": "QUJD", "text/plain": "<Figure>"})


def notebook(*outputs, source="1", count=1):
    return new_notebook(cells=[new_code_cell(source, outputs=list(outputs), execution_count=count)])


@pytest.fixture
def page(setup):
    """A page with what every page has, and a body."""

    def make(body=""):
        head = f'<meta name="institution" content="{OWN}"><p>{setup.roster[OWN].name}</p>'
        return head + body + " " * 6000

    return make


def problems(setup, html, *outputs, language="id"):
    try:
        require_sound_page(setup, STEP, notebook(*outputs), html, language)
    except NotebookError as error:
        return [(problem.what, problem.got) for problem in error.problems]
    return []


def test_a_page_with_all_tables_and_figures_is_sound(setup, page):
    assert problems(setup, page("<table><img><svg><table>"), TABLE, SHOWN, PICTURE) == []


@pytest.mark.parametrize("body", ["<img><svg><table>", "<table><svg><table>", "<table><img><table>"])
def test_a_lost_table_or_figure_is_counted(setup, page, body):
    """A template without a block for one kind of output would drop tables silently."""
    assert [what for what, _ in problems(setup, page(body), TABLE, SHOWN, PICTURE)] == [
        "the page lost something of its notebook"
    ]


def test_each_language_is_counted_by_itself(setup, page):
    assert problems(setup, page("<svg>"), SHOWN, language="en") == []
    assert problems(setup, page("<svg>"), SHOWN, language="id") != []


def test_another_institutions_id_is_found_but_not_inside_its_own_or_another_word(setup, page):
    (found,) = problems(setup, page("see kota-bengkulu"))
    assert found == ("the page names another institution", "kota-bengkulu")
    assert problems(setup, page(f"table-{OWN}-units kota-bengkulusatu")) == []


def test_a_page_that_does_not_name_its_institution_is_refused(setup, page):
    html = page().replace(setup.roster[OWN].name, "")
    assert problems(setup, html)[0][0] == "the page does not name its institution"
    assert problems(setup, page().replace(f'content="{OWN}"', 'content="kota-bengkulu"')) != []


@pytest.mark.parametrize(
    "body",
    [
        '<a href="https://example.org/x">',
        "http://example.org",
        '<script src="//cdn.example/x.js">',
        "wss://example.org",
    ],
)
def test_network_addresses_are_refused_but_names_of_markup_are_not(setup, page, body):
    assert [what for what, _ in problems(setup, page(body))] == ["the page holds a network address"]
    assert problems(setup, page('<p xmlns:xlink="http://www.w3.org/1999/xlink"></p>')) == []


def test_tracebacks_and_unlikely_sizes_are_refused(setup, page):
    assert problems(setup, page("Traceback (most recent call last)"))[0][0] == "the page holds a traceback"
    assert problems(setup, page().strip())[0][0] == "the page has an unlikely size"
    assert problems(setup, page("x" * LARGEST_PAGE))[0][0] == "the page has an unlikely size"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("view.index_chart(page)", True),
        ("x = 1\nplt.plot([1])", True),
        ("view.index_chart(page);", False),
        ("chart = view.index_chart(page)", False),
        ("view.index_table(page)", False),
        ("%matplotlib inline", False),
        ("", False),
    ],
)
def test_which_cells_draw(source, expected):
    assert draws(source) is expected


def test_a_drawing_cell_without_picture_is_a_lost_figure():
    text = new_output("execute_result", data={"text/plain": "[<Line2D>]"}, execution_count=1)
    with pytest.raises(NotebookError, match="a figure was lost"):
        require_sound_notebook(STEP, notebook(text, source="plt.plot([1])"))
    require_sound_notebook(STEP, notebook(text, PICTURE, source="plt.plot([1])"))
    require_sound_notebook(STEP, notebook(SHOWN, source="view.index_chart(page)"))


def test_a_last_cell_that_did_not_run_is_found():
    with pytest.raises(NotebookError, match="before its last cell"):
        require_sound_notebook(STEP, notebook(count=None))


def test_printed_text_is_one_piece_per_stream_whatever_the_clock_did():
    """A kernel sends what was printed every fifth of a second: where it is cut is chance."""

    def out(text, name="stdout"):
        return new_output("stream", name=name, text=text)

    assert merged_streams([out("a"), out("b"), out("c")]) == [out("abc")]
    assert merged_streams([out("e", "stderr"), out("a"), out("f", "stderr")]) == [out("a"), out("ef", "stderr")]
    assert merged_streams([out("10%\r20%\rdone\n")]) == [out("done\n")]
    assert merged_streams([out("a"), PICTURE, out("b")]) == [out("ab"), PICTURE]


@pytest.mark.parametrize(("name", "asks"), [("40_score_analysis", True), ("20_fieldwork_progress", False)])
def test_a_run_lets_a_notebook_save_that_asks(name, asks):
    assert permission_to_save(papermill.inspect_notebook(str(PROJECT / "notebooks" / f"{name}.ipynb"))) == (
        {"save": True} if asks else {}
    )
