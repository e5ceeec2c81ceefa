"""A view is a table first: one definition gives page, CSV, workbook and what JupyterLab shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output

from spi_analysis.errors import NotebookError, ParameterError
from spi_analysis.reporting import view_columns as columns
from spi_analysis.reporting.display import JUPYTER_STYLE, MIME, TABLES_MIME, show, show_in
from spi_analysis.reporting.exporter import render
from spi_analysis.reporting.plots import chart, intervals
from spi_analysis.reporting.sheets import Sheet, write_sheets
from spi_analysis.reporting.views import View
from spi_analysis.reporting.wording import message

# Mean, interval, share, chance, change, count; the second unit is hidden, and its name begins like a formula.
DATA = pd.DataFrame(
    {
        "unit": ["Dinas A", "=cmd|' /C calc'!A0"],
        "source": ["internal", "external"],
        "estimate": [71.23456, None],
        "ci_low": [68.004, None],
        "ci_high": [74.996, None],
        "share": [0.08314, None],
        "chance": [0.9961, 0.5],
        "change": [-0.4321, 1.0],
        "n": [40.0, None],
        "bound": ["", "< 10"],
        "secret": ["never shown", "never shown"],
    }
)
COLUMNS = (
    columns.plain(message("Unit"), "unit"),
    columns.coded(message("Source"), "source", "part"),
    columns.number(message("Score"), "estimate", 1),
    columns.interval(message("Interval"), "ci_low", "ci_high"),
    columns.percent(message("Share"), "share"),
    columns.chance(message("Chance of this category"), "chance"),
    columns.signed(message("Change"), "change"),
    columns.count(message("Answers (n)"), "n", instead="bound"),
)


def view_of(data: pd.DataFrame = DATA, **options) -> View:
    options = {"title": message("By unit"), "notes": (message("There is nothing to show."),), "name": "toy"} | options
    return View(data, COLUMNS, **options)


def test_the_data_are_what_the_page_shows_rounded_and_nothing_else():
    data = view_of().data
    assert "secret" not in data
    assert data.loc[0, ["estimate", "ci_low", "ci_high", "share", "change"]].tolist() == [
        71.2,
        68.0,
        75.0,
        0.083,
        -0.43,
    ]
    assert data.loc[0, "chance"] == 1.0, "of a chance above 99% only that is kept"
    assert data.loc[1, ["estimate", "ci_low", "share", "n"]].isna().all()


def test_the_data_of_a_pivot_have_no_name_over_their_columns():
    assert view_of(DATA.rename_axis(columns="source")).data.columns.name is None


def test_where_a_figure_may_not_stand_a_text_does(tmp_path):
    fewer = columns.count(message("Answered"), "n", lambda words: words("fewer than {least}", least=10))
    view = View(DATA, (COLUMNS[0], fewer), title=message("By unit"), name="toy")
    assert ">kurang dari 10</td>" in view.to_html("id")
    assert pd.read_csv(view.to_csv(tmp_path / "toy.csv", "id")).iloc[:, 1].tolist() == ["40", "kurang dari 10"]


def test_an_infinite_figure_is_a_word_and_a_mark_has_its_own_column(tmp_path):
    """JSON holds no infinity, and a star behind a number would make a text of it."""
    data = pd.DataFrame({"unit": ["a", "b"], "df": [float("inf"), 12.34], "score": [70.0, 80.0], "star": ["*", ""]})
    shown = (
        COLUMNS[0],
        columns.number(message("Degrees of freedom"), "df", 1),
        columns.number(message("Score"), "score", 1, mark="star"),
    )
    view = View(data, shown, title=message("By unit"), name="toy")
    assert "<td" in view.to_html("en")
    assert ">70.0*</td>" in view.to_html("en")
    json.dumps(view.sheets(), allow_nan=False)
    written = pd.read_csv(view.to_csv(tmp_path / "toy.csv", "en"), keep_default_na=False)
    assert written.to_numpy().tolist() == [["a", "∞", 70.0, "*"], ["b", "12.3", 80.0, ""]]


def test_page_and_files_say_the_same_in_both_languages(tmp_path):
    html = view_of().to_html("id")
    for cell in ("71,2", "68,00 sampai 75,00", "8,3%", "&gt; 99%", "−0,43", "40", "&lt; 10"):
        assert f">{cell}</td>" in html
    english = pd.read_csv(view_of().to_csv(tmp_path / "toy.csv", "en"), keep_default_na=False)
    assert list(english.columns) == [
        "Unit", "Source", "Score", "Interval: lower limit", "Interval: upper limit", "Share",
        "Chance of this category", "Change", "Answers (n)",
    ]  # fmt: skip
    assert english.iloc[0].tolist() == ["Dinas A", "Internal", "71.2", "68.0", "75.0", "0.083", "> 99%", -0.43, "40"]
    assert english.iloc[1].tolist() == ["'=cmd|' /C calc'!A0", "External", "", "", "", "", "0.5", 1.0, "< 10"]
    indonesian = pd.read_csv(view_of().to_csv(tmp_path / "toy.csv", "id"))
    assert list(indonesian.columns[1:4]) == ["Sumber", "Skor", "Rentang: batas bawah"]


def test_a_workbook_has_title_notes_formats_and_a_heading_that_stays(tmp_path):
    sheet = openpyxl.load_workbook(view_of().to_xlsx(tmp_path / "toy.xlsx", "en")).active
    assert sheet["A1"].value == "By unit"
    assert [cell.value for cell in sheet[3]][:3] == ["Unit", "Source", "Score"]
    assert sheet.freeze_panes == "A4"
    assert [(cell.value, cell.number_format) for cell in sheet[4]][2:7] == [
        (71.2, "#,##0.0"), (68, "#,##0.00"), (75, "#,##0.00"), (0.083, "0.0%"), ("> 99%", "@"),
    ]  # fmt: skip
    assert (sheet["A5"].value, sheet["A5"].data_type) == ("=cmd|' /C calc'!A0", "s"), "a text, no formula"
    assert sheet["A7"].value == "There is nothing to show."
    assert sheet.column_dimensions["A"].width > sheet.column_dimensions["C"].width


def test_what_adds_up_has_its_signs_and_the_sum_none(tmp_path):
    data = pd.DataFrame({"unit": ["a", "b", "all"], "points": [2.0, -0.5, 1.5], "is_sum": [False, False, True]})
    shown = COLUMNS[0], columns.sum_of_signed(message("Points"), "points", "is_sum")
    view = View(data, shown, title=message("By unit"), name="toy")
    assert [text in view.to_html("en") for text in (">+2.00<", ">−0.50<", ">1.50<")] == [True] * 3
    sheet = openpyxl.load_workbook(view.to_xlsx(tmp_path / "toy.xlsx", "en")).active
    signed = "+#,##0.00;-#,##0.00;#,##0.00"
    assert [sheet.cell(row, 2).number_format for row in (4, 5, 6)] == [signed, signed, signed.removeprefix("+")]


def test_a_workbook_says_nothing_of_the_hour(tmp_path):
    path = view_of().to_xlsx(tmp_path / "toy.xlsx", "id")
    with zipfile.ZipFile(path) as book:
        assert {member.date_time for member in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        times = re.findall(r">(\d{4}-\d\d-\d\dT[^<]*)<", book.read("docProps/core.xml").decode())
    assert set(times) == {"2000-01-01T00:00:00Z"}
    assert view_of().to_xlsx(tmp_path / "again.xlsx", "id").read_bytes() == path.read_bytes()


def test_a_page_may_show_the_first_rows_and_files_have_all(tmp_path):
    view = view_of(most=1)
    assert view.to_html("en").count('scope="row"') == 1
    assert len(pd.read_csv(view.to_csv(tmp_path / "toy.csv", "en"))) == 2


def test_jupyter_shows_a_view_once_in_its_language_and_the_notebook_keeps_all():
    show_in("id")
    bundle = view_of()._repr_mimebundle_()
    assert bundle["text/html"].count("<caption>Menurut unit kerja</caption>") == 1
    assert "href=" not in bundle["text/html"], "no file is written in JupyterLab, so none is linked"
    assert "<caption>By unit</caption>" in bundle[MIME]["en"]
    through_json = json.loads(json.dumps(bundle[TABLES_MIME]))[0]["en"]
    assert Sheet.from_json(through_json) == view_of().sheet("en")


def test_jupyter_sets_a_chart_as_the_page_does_and_sentences_need_nothing():
    in_jupyter = view_of()._repr_mimebundle_()
    assert in_jupyter["text/html"] == JUPYTER_STYLE + in_jupyter[MIME]["id"]
    assert "<style" not in str(show(lambda words: "<p>below</p>")._repr_mimebundle_())


def test_a_view_among_sentences_gives_its_figures_and_files(tmp_path):
    both = show(lambda words: "<p>above</p>") + view_of()
    pd.testing.assert_frame_equal(both.data, view_of().data)
    assert both.to_csv(tmp_path / "a.csv", "id").read_bytes() == view_of().to_csv(tmp_path / "b.csv", "id").read_bytes()
    assert both.to_xlsx(tmp_path / "a.xlsx", "id").exists()
    with pytest.raises(ParameterError, match="without a chart"):
        both.figure("id")


def test_of_several_views_one_has_to_be_taken():
    two = view_of() + view_of(name="other")
    with pytest.raises(ParameterError, match="toy, other"):
        _ = two.data
    assert [view.name for view in two.views] == ["toy", "other"]
    with pytest.raises(ParameterError, match="sentences alone"):
        (show(lambda words: "<p>a</p>") + show(lambda words: "<p>b</p>")).figure("en")


def test_views_and_sentences_stand_one_below_the_other():
    both = view_of() + show(lambda words: "<p>below</p>") + view_of(name="other")
    assert both.to_html("en").index("<p>below</p>") > both.to_html("en").index('id="table-toy"')
    assert [one["en"]["name"] for one in both.sheets()] == ["toy", "other"]


def test_a_chart_is_drawn_for_pages_or_taken_as_a_figure():
    class Drawn:
        def html(self, words):
            return f"<svg>{words('Score')}</svg>"

        def figure(self, language):
            return Figure()

    view = view_of(chart=Drawn(), with_table=False)
    assert view.to_html("id").startswith("<svg>Skor</svg>")
    assert "<table" not in view.to_html("id")
    assert isinstance(view.figure("id"), Figure)
    with pytest.raises(ParameterError, match="chart"):
        view_of().figure("en")


IN_A_KERNEL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from tests.reporting.test_views import drawn_view
figure = drawn_view().figure("id")
figure.axes[0].set_title("Coba")
shown, _ = shell.display_formatter.format(figure)
print(sorted(shown), figure.dpi, figure.get_facecolor())
"""


def drawn_view() -> View:
    drawn = chart(intervals, DATA.head(1).assign(label="Dinas A"), "toy", "Skor", x_label="Skor")
    return view_of(chart=drawn, with_table=False)


def test_a_cell_shows_a_figure_that_was_taken_of_a_view():
    """As a kernel starts: the inline backend is named, and pyplot was used by nobody."""
    inline = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    told = subprocess.run([sys.executable, "-c", IN_A_KERNEL], env=inline, cwd=Path(__file__).parents[2],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert told.stdout.splitlines()[-1] == "['image/png', 'text/plain'] 100.0 (1.0, 1.0, 1.0, 1.0)"


def _notebook(*views):
    outputs = [new_output("execute_result", data=view._repr_mimebundle_()) for view in views]
    return new_notebook(cells=[new_code_cell("view.x()", outputs=outputs, execution_count=1)])


def test_a_page_links_the_files_that_are_written_beside_it(setup, tmp_path):
    notebook = _notebook(view_of(programs="tables/toy.csv"))
    written = {path.name for path in write_sheets(notebook, tmp_path, ("id", "en"))}
    assert written == {f"toy.{language}.{ending}" for language in ("id", "en") for ending in ("csv", "xlsx")}
    page = render(notebook, setup, "kota-mojokerto", "id", kind="analyst", synthetic=False, files="fieldwork",
                  file_name="20_fieldwork_progress.{language}.html")  # fmt: skip
    for address in ("fieldwork/toy.id.csv", "fieldwork/toy.id.xlsx", "tables/toy.csv"):
        assert f'<a href="{address}">' in page
    assert "toy.en." not in page


def test_files_of_a_table_that_is_shown_no_more_are_taken_away(tmp_path):
    (tmp_path / "toy.csv").write_text("for programs\n")
    write_sheets(_notebook(view_of()), tmp_path, ("id", "en"))
    write_sheets(_notebook(view_of(name="other")), tmp_path, ("id", "en"))
    assert {path.name.split(".")[0] for path in tmp_path.glob("*.??.*")} == {"other"}
    assert (tmp_path / "toy.csv").exists(), "what others wrote there stays"


def test_two_tables_of_one_name_are_refused(tmp_path):
    with pytest.raises(NotebookError, match="one name"):
        write_sheets(_notebook(view_of(), view_of(DATA.head(1))), tmp_path, ("id",))
    assert list(tmp_path.iterdir()) == []
