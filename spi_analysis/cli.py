"""The command line: parses, calls, prints. No logic."""

from __future__ import annotations

import codecs
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from spi_analysis import __version__
from spi_analysis.commands import checks, err
from spi_analysis.commands.fieldwork import fieldwork
from spi_analysis.commands.imports import imports, past_imports
from spi_analysis.commands.results import instruments, results
from spi_analysis.commands.rounds import rounds
from spi_analysis.commands.running import national, running
from spi_analysis.commands.sampling import sampling
from spi_analysis.commands.vaults import endings, vaults
from spi_analysis.errors import SpiError, system_problem
from spi_analysis.threads import skip_grammars


class _BareFlags:
    """A flag takes no value, so its help names no type."""

    def get_params(self, ctx: Any) -> list[Any]:
        params = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class _Command(_BareFlags, TyperCommand):
    """A command whose help shows flags bare."""


class _Group(_BareFlags, TyperGroup):
    """A group whose help shows flags bare."""


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The SPI workbench: from lists of people to a score that can be defended.\n\nExample: spi demo",
)
ROOMS = {
    rounds: None,
    running: None,
    national: None,
    imports: "import",
    past_imports: None,
    sampling: None,
    fieldwork: None,
    results: None,
    instruments: "instrument",
    checks: None,
    vaults: "vault",
    endings: None,
}
for room, name in ROOMS.items():
    for command in room.registered_commands:
        command.cls = _Command
    app.add_typer(room, name=name, cls=_Group)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"spi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True)
    ] = False,
) -> None: ...


def _in_utf8() -> None:
    """Begin anew where text is ASCII (LC_ALL=C): there a name with an accent can be opened, but written nowhere.

    What a terminal cannot show in its own encoding is shown as a number instead of ending the command.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name == "ascii":
        again = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONUTF8": "1"})
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def main() -> None:
    """Entry point: an SpiError becomes a message and exit code 1, never a traceback."""
    _in_utf8()
    skip_grammars()
    try:
        app()
    except SpiError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
    except OSError as error:
        err.print(str(system_problem(error)), style="red", markup=False, highlight=False)
        sys.exit(1)
