"""Printed text: what is kept of it, in a time that grows with its length and no faster, and how much at most."""

import time

import nbformat
import pytest

from spi_analysis.errors import NotebookError
from spi_analysis.runner.execute import merged_streams, normalise_notebook
from spi_analysis.runner.plan import MOST_PRINTED, Limits, plan_steps, shortened
from spi_analysis.runner.step_checks import _ids_in, require_sound_notebook
from tests.runner.conftest import HERE

STEP = plan_steps([HERE], ["10"])[0]


def printed(*texts, name="stdout"):
    return [nbformat.v4.new_output("stream", name=name, text=text) for text in texts]


def kept(text):
    """What is left of a text that a cell printed."""
    cell = nbformat.v4.new_code_cell("1", outputs=printed(text))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    normalise_notebook(notebook)
    return notebook.cells[0].outputs[0].text


@pytest.mark.parametrize(
    ("text", "shown", "rationale"),
    [
        ("10%\r20%\rdone\n", "done\n", "a bar is drawn over itself"),
        ("10%\r\nnext", "10%\r\nnext", "a return in front of a line's end covers nothing"),
        ("10%\r", "10%\r", "nothing has come after it yet"),
        ("a\n10%\r20%", "a\n20%", "each line for itself"),
        ("abc\b\bx", "ax", "two characters are taken back"),
        ("ab\b\b\bx", "x", "in front of a line's first character there is nothing to take back"),
        ("a\n\bx", "a\nx", "a line that has ended is not taken back"),
        ("at /tmp/ipykernel_12/34.py:5: w", "at cell:5: w", "the file's name has the process in it"),
        ("/a/ipykernel_1/2.py/b/ipykernel_3/4.py:5", "cell:5", "up to the last one in a word"),
        ("<object at 0x7f00aa11bb22>", "<object at 0x0>", "an address"),
        ("ipykernel_ 0xabcdef", "ipykernel_ 0xabcdef", "neither a file nor an address of an object"),
    ],
)
def test_what_is_kept_of_printed_text(text, shown, rationale):
    assert kept(text) == shown, rationale


def seconds(act):
    """Of the processor, the least of three: what others do on the machine does not count."""
    found = []
    for _ in range(3):
        before = time.process_time()
        act()
        found.append(time.process_time() - before)
    return min(found)


def pieces(n):
    """As many pieces of printed text, without nbformat's check of each, which is no part of the question."""
    return [nbformat.NotebookNode(output_type="stream", name="stdout", text="xxxxxxxxxx\n") for _ in range(n)]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda n: kept("x" * n), id="one long word"),
        pytest.param(lambda n: kept("x\r" * n), id="returns"),
        pytest.param(lambda n: kept("x" * n + "\r"), id="a long line and a return"),
        pytest.param(lambda n: kept("x" * n + "\b" * n), id="backspaces"),
        pytest.param(lambda n: kept("ipykernel_1" * n), id="nearly names of cells"),
        pytest.param(lambda n: kept("ipykernel_1/2.py" * n), id="names of cells"),
        pytest.param(lambda n: kept(" at 0x" * n), id="nearly addresses"),
        pytest.param(lambda n: merged_streams(pieces(n)), id="many pieces"),
        pytest.param(lambda n: _ids_in("a-" * n, {"kota-b", "a-a"}), id="a long name with hyphens"),
    ],
)
def test_the_time_grows_with_the_length_and_no_faster(act):
    """Eight times the text: some 8 times as long, and 64 times where every place of a line is tried anew.

    What takes less than a hundredth of a second counts as a hundredth.
    """
    short, long = seconds(lambda: act(10_000)), seconds(lambda: act(80_000))
    assert long < 24 * max(short, 0.01)


def test_ids_are_found_inside_longer_names():
    assert _ids_in("see table-kota-mojokerto-3 and kotax-b", {"kota-mojokerto", "kota-b", "b"}) == {
        "kota-mojokerto",
        "b",
    }
    assert _ids_in("anything-at-all", set()) == set()


def test_a_cell_that_shows_too_much_is_named():
    cells = [nbformat.v4.new_code_cell("1", execution_count=1, outputs=printed("a")) for _ in range(3)]
    cells[1].outputs = printed("x" * MOST_PRINTED)
    notebook = nbformat.v4.new_notebook(cells=cells)
    require_sound_notebook(STEP, notebook)
    cells[1].outputs = printed("x" * MOST_PRINTED, "y", name="stderr")
    with pytest.raises(NotebookError, match="more than 1,000,000 characters") as much:
        require_sound_notebook(STEP, notebook)
    assert "cell 1" in much.value.problems[0].where
    assert much.value.problems[0].got == "1,000,001"


def test_a_value_that_is_shown_as_a_picture_may_be_long_as_text():
    data = {"text/plain": "x" * (MOST_PRINTED + 1)}
    cell = nbformat.v4.new_code_cell("1", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("display_data", data=data | {"text/html": "<p>short</p>"})]
    require_sound_notebook(STEP, nbformat.v4.new_notebook(cells=[cell]))
    cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    with pytest.raises(NotebookError, match="more than 1,000,000 characters"):
        require_sound_notebook(STEP, nbformat.v4.new_notebook(cells=[cell]))


def test_a_long_error_is_shortened_and_says_by_how_much():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("a" * 10 + "b" * 10, 4) == "aa ... [16 characters left out] ... bb"


def test_limits_are_told_to_workers_in_the_order_of_their_fields():
    assert Limits(*[1, 2, 3]) == Limits(cell=1, notebook=2, pages=3)
