"""What has to be true of every view, whatever it shows."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import openpyxl
import pandas as pd

from spi_analysis.params import Language
from spi_analysis.reporting.display import Shown, Together
from spi_analysis.reporting.translations import languages
from spi_analysis.reporting.views import View
from spi_analysis.reporting.wording import words
from spi_analysis.tables.neutral_texts import as_written


def views_in(shown: object) -> list[View]:
    """The views of what a cell gave."""
    if isinstance(shown, Together):
        return [view for part in shown.parts for view in views_in(part)]
    return [shown] if isinstance(shown, View) else []


def has_table_or_chart(shown: object) -> bool:
    return isinstance(shown, Shown) and any(tag in shown.to_html("en") for tag in ("<table", "<svg"))


def require_view_says_the_same_everywhere(view: View, folder: Path) -> None:
    for language in languages():
        written = pd.read_csv(view.to_csv(folder / "view.csv", language), dtype=str, keep_default_na=False)
        _require_figures_of_data(view, written, language)
        _require_page_has(view, written, language)
        _require_workbook_like(view, written, folder, language)
        if view.chart is not None:
            assert view.figure(language).axes, view.name


def _require_figures_of_data(view: View, written: pd.DataFrame, language: Language) -> None:
    """Figures in the CSV are those of ``.data``; where there is none there is no number either."""
    parts = [part for column in view.columns for part in column.parts]
    assert written.shape == (len(view.data), len(parts)), view.name
    for i, part in enumerate(parts):
        if part.decimals is None:
            continue
        figures = view.data[part.names[0]]
        cells = written.iloc[:, i]
        for cell, figure in zip(cells, figures, strict=True):
            number = pd.to_numeric(cell, errors="coerce")
            in_words = cell[:1] in ("<", ">", "∞")
            assert pd.isna(number) if pd.isna(figure) or in_words else number == figure, (view.name, cell, figure)


def _require_page_has(view: View, written: pd.DataFrame, language: Language) -> None:
    """The words of the CSV stand on the page, and so does its heading."""
    html, say = unescape(view.to_html(language)), words(language)
    if not view.with_table:
        assert "<svg" in html, view.name
        return
    shown = written.head(view.most) if view.most else written
    texts = [i for i, part in enumerate(p for c in view.columns for p in c.parts) if part.decimals is None]
    for cell in {as_written(cell) for i in texts for cell in shown.iloc[:, i]}:
        assert cell in html, (view.name, cell)
    for column in view.columns:
        assert f">{column.file_heading(say, column.parts[0]).split(': ' + say(column.parts[0].ending))[0]}<" in html


def _require_workbook_like(view: View, written: pd.DataFrame, folder: Path, language: Language) -> None:
    sheet = openpyxl.load_workbook(view.to_xlsx(folder / "view.xlsx", language)).active
    assert [as_written(name) for name in written.columns] == [cell.value for cell in sheet[3]]
    for row, cells in zip(written.itertuples(index=False), sheet.iter_rows(min_row=4), strict=False):
        for said, cell in zip(row, cells, strict=True):
            if isinstance(cell.value, int | float):
                assert float(said) == cell.value
            else:
                assert as_written(said) == (cell.value or "")
