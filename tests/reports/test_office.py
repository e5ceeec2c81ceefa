"""Workbooks in LibreOffice: headings and figures are written there as on the page."""

import csv
import html
import re
import shutil
import subprocess

import pandas as pd
import pytest

from spi_analysis.reporting import View, count, interval, message, number, percent, plain
from spi_analysis.reporting.view_columns import sum_of_signed

OFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not OFFICE, reason="no LibreOffice here: apt-get install libreoffice-calc-nogui"),
]
DATA = pd.DataFrame({
    "unit": ["Dinas A & B", "=1+1", "All"], "score": [71.26, 0.0, 1234.5], "points": [2.0, -0.5, 1.5],
    "is_sum": [False, False, True], "low": [68.0, None, 70.1], "high": [75.0, None, 80.0],
    "share": [0.085, 1.0, None], "n": [1749, 12, None],
})  # fmt: skip
COLUMNS = (
    plain(message("Unit"), "unit"),
    number(message("Score"), "score", 1),
    sum_of_signed(message("Points"), "points", "is_sum"),
    interval(message("Interval"), "low", "high"),
    percent(message("Share"), "share"),
    count(message("Answers (n)"), "n"),
)
# Comma, quote, UTF-8, from the first row, English (US), cells as they are shown.
AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true"


@pytest.fixture(scope="module")
def view():
    return View(DATA, COLUMNS, title=message("By unit"), name="toy")


def _converted(view, folder, ending):
    path = view.to_xlsx(folder / "toy.xlsx", "en")
    command = [OFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", ending]
    subprocess.run([*command, "--outdir", str(folder), str(path)], check=True, capture_output=True, timeout=300)
    return folder / f"toy.{ending.partition(':')[0]}"


def _on_the_page(view):
    """The cells of each row, an interval as its two limits, a dash as nothing."""
    rows = re.findall(r'<tr role="row">(.*?)</tr>', view.to_html("en"), re.DOTALL)[1:]
    cells = [re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [
        [part for i, cell in enumerate(row) for part in _parts(html.unescape(cell).replace("−", "-"), i == 3)]
        for row in cells
    ]


def _parts(cell, is_interval):
    if cell == "–":
        return ["", ""] if is_interval else [""]
    return cell.split(" to ") if is_interval else [cell]


def test_figures_look_as_on_the_page(view, tmp_path):
    with _converted(view, tmp_path, AS_SHOWN).open(encoding="utf-8", newline="") as file:
        title, empty, headings, *rows = csv.reader(file)
    assert (title[0], empty[0]) == ("By unit", "")
    assert headings == [
        "Unit", "Score", "Points", "Interval: lower limit", "Interval: upper limit", "Share", "Answers (n)",
    ]  # fmt: skip
    assert rows == _on_the_page(view)
    assert rows[0] == ["Dinas A & B", "71.3", "+2.00", "68.00", "75.00", "8.5%", "1,749"], "by hand"


def test_it_can_be_printed(view, tmp_path):
    assert _converted(view, tmp_path, "pdf").read_bytes().startswith(b"%PDF")
