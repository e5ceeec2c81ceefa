"""A view is a table first: whatever a page or notebook shows, with its figures, chart, page and files.

>>> view.data                              # the released figures, rounded as the page shows them
>>> view.figure("en")                      # a matplotlib figure
>>> view.to_csv("rates.csv", "id")         # headings and words in Indonesian
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.backends.registry import backend_registry
from matplotlib.figure import Figure

from spi_analysis.errors import ParameterError
from spi_analysis.params import Language
from spi_analysis.reporting.display import Shown
from spi_analysis.reporting.pictures import Chart
from spi_analysis.reporting.plots import PAPER
from spi_analysis.reporting.sheets import Sheet
from spi_analysis.reporting.tables import figures, html_table, text
from spi_analysis.reporting.translations import languages, without_marks
from spi_analysis.reporting.view_columns import AnyText, Column, released, rows_of_data, said
from spi_analysis.reporting.wording import Words, words


@dataclass(frozen=True, repr=False, eq=False)
class View(Shown):
    """A table that is shown: on a page, in JupyterLab, as CSV and as a workbook.

    Parameters
    ----------
    data : DataFrame, one row per row of the table; only what the columns use is kept, rounded as they write it:
        a figure that may not be shown is missing here
    columns : Column from `view_columns`; the first holds the names of the rows
    chart : drawn above the table, or None
    notes : below the table, each a message or a function of the words
    title : of the table, a message or a function of the words
    name : of the table in the page and of its files, unique in a notebook
    most : rows that the page shows; files have all
    with_table : whether the page shows the table beside its chart; files have it anyway
    programs : address of a CSV with the names of the store beside the page
    """

    data: pd.DataFrame
    columns: tuple[Column, ...]
    chart: Chart | None = None
    notes: tuple[AnyText, ...] = ()
    title: AnyText = ""
    name: str = field(kw_only=True)
    most: int | None = field(default=None, kw_only=True)
    with_table: bool = field(default=True, kw_only=True)
    programs: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", released(self.data, self.columns))
        # Made at once, so that what is wrong is wrong in the cell that shows it.
        made = {language: self._html(words(language)) for language in languages()}
        object.__setattr__(self, "_made", made)

    def __repr__(self) -> str:
        return f"view {self.name}: {len(self.data)} rows, shown in {', '.join(languages())}"

    def figure(self, language: Language) -> Figure:
        """The chart as a matplotlib figure, on white and with the dots per inch of matplotlib's settings.

        Raises
        ------
        ParameterError   the view has no chart.
        """
        if self.chart is None:
            raise ParameterError("this view is a table without a chart", got=self.name, hint="take its .data")
        _let_jupyter_show_figures()
        figure = self.chart.figure(language)
        figure.set(facecolor=PAPER, dpi=matplotlib.rcParams["figure.dpi"])
        return figure

    @property
    def views(self) -> list[View]:
        """This one, as sentences beside it have none."""
        return [self]

    def to_html(self, language: Language) -> str:
        """What a page shows."""
        return str(self._made[language])  # type: ignore[attr-defined]

    def to_csv(self, path: str | Path, language: Language) -> Path:
        """Headings and rows in a language, figures as numbers."""
        return self.sheet(language).to_csv(Path(path))

    def to_xlsx(self, path: str | Path, language: Language) -> Path:
        """The same as a workbook, with title, notes and formats."""
        return self.sheet(language).to_xlsx(Path(path))

    def sheet(self, language: Language) -> Sheet:
        """The table as files hold it."""
        say = words(language)
        parts = [(column, part) for column in self.columns for part in column.parts]
        rows = self._rows
        without_sign = {part.unsigned for _, part in parts if part.unsigned}
        return Sheet(
            self.name,
            without_marks(said(say, self.title)),
            [without_marks(note) for note in self._notes(say)],
            [without_marks(column.file_heading(say, part)) for column, part in parts],
            [part.excel for _, part in parts],
            [column.width for column, _ in parts],
            [[_unmarked(part.in_file(say, row)) for _, part in parts] for row in rows],
            self.programs,
            [i for i, row in enumerate(rows) if any(row[name] for name in without_sign)],
        )

    def sheets(self) -> list[dict[Language, dict[str, Any]]]:
        """The table in all languages, as JSON holds it."""
        return [{language: self.sheet(language).as_json() for language in languages()}]

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        # Page and files of every language are made from them.
        return rows_of_data(self.data)

    def _html(self, say: Words) -> str:
        chart = self.chart.html(say) if self.chart is not None else ""
        return chart + (self._table(say) if self.with_table else "") + files_slot(self.name)

    def _table(self, say: Words) -> str:
        rows = self._rows[: self.most]
        cells = [
            # The first column holds the names of the rows, whatever they are.
            (text if column.is_text or i == 0 else figures)(
                said(say, column.heading), [column.on_page(say, row) for row in rows]
            )
            for i, column in enumerate(self.columns)
        ]
        note = " ".join(self._notes(say))
        return html_table(cells, f"table-{self.name}", said(say, self.title), note=note)

    def _notes(self, say: Words) -> list[str]:
        return [note for note in (said(say, one) for one in self.notes) if note]


def _unmarked(cell: Any) -> Any:
    return without_marks(cell) if isinstance(cell, str) else cell


def files_slot(name: str) -> str:
    """Where the page puts the links to a table's files; nothing to see in JupyterLab, where there are none."""
    return f"<!-- files of {name} -->"


def _let_jupyter_show_figures() -> None:
    """A cell shows a figure once the backend of the kernel is loaded: pyplot does so, which nothing here needs."""
    if backend := matplotlib.get_backend(auto_select=False):
        backend_registry.load_backend_module(backend)
