"""The pages of an executed notebook, one per language."""

from __future__ import annotations

from nbformat import NotebookNode

from spi_analysis.batch.checks import require_sound_page
from spi_analysis.batch.plan import Step
from spi_analysis.params import RoundSetup
from spi_analysis.reporting.export import render
from spi_analysis.tables.files import write_text
from spi_analysis.tables.store import Store


def write_pages(setup: RoundSetup, step: Step, notebook: NotebookNode) -> tuple[str, ...]:
    """Write the page of every language; returns the paths below the workspace.

    Raises
    ------
    NotebookError   a page lost something, or holds what it must not: then no page is written.
    """
    folder = step.folder(setup.workspace, setup.round.round_id)
    synthetic = Store(setup.workspace.data / setup.round.round_id).is_synthetic
    pages = {}
    for language in setup.round.languages:
        html = render(
            notebook,
            setup,
            step.institution_id,
            language,
            kind=step.notebook.audience,
            synthetic=synthetic,
            file_name=step.notebook.page,
        )
        require_sound_page(setup, step, notebook, html, language)
        pages[folder / step.notebook.page.format(language=language)] = html
    written = [write_text(path, html) for path, html in pages.items()]
    return tuple(str(path.relative_to(setup.workspace.root)) for path in written)
