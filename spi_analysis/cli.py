"""The command line: parses, calls, prints. No logic."""

from __future__ import annotations

import sys

import typer

from spi_analysis.commands.checks import checks
from spi_analysis.commands.common import err
from spi_analysis.commands.imports import imports
from spi_analysis.commands.results import results
from spi_analysis.commands.rounds import rounds
from spi_analysis.commands.sampling import sampling
from spi_analysis.commands.vaults import vaults
from spi_analysis.errors import SpiError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The SPI workbench: from lists of people to a score that can be defended.",
)
app.add_typer(rounds)
app.add_typer(imports, name="import")
app.add_typer(sampling)
app.add_typer(results)
app.add_typer(checks)
app.add_typer(vaults, name="vault")


def main() -> None:
    """Entry point: an SpiError becomes a message and exit code 1, never a traceback."""
    try:
        app()
    except SpiError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
