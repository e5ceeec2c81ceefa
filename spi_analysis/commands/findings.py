"""The findings of `spi check` on the terminal: one block each, what several institutions share said once."""

from __future__ import annotations

import pandas as pd
from rich.padding import Padding
from rich.text import Text

from spi_analysis.commands.common import out

STYLES = {"error": "bold red", "missing": "yellow", "warning": "cyan"}
ANYONE = "<institution>"
SHARED = ["severity", "what", "blocks", "where", "got", "expected", "hint"]


def print_findings(findings: pd.DataFrame) -> None:
    """Every finding as what, where, got, expected, hint; lines are broken between words only."""
    for _, same in _general(findings).groupby(SHARED, sort=False):
        first = same.iloc[0]
        blocks = f" (holds up: {first['blocks']})" if first["blocks"] else ""
        out.print(Text(f"{first['severity']}: ", STYLES[first["severity"]]) + Text(f"{first['what']}{blocks}", ""))
        institutions = ", ".join(dict.fromkeys(code for code in same["institution_id"] if code))
        for name, text in [("for", institutions), *((name, first[name]) for name in SHARED[3:])]:
            if text:
                out.print(Padding(Text(f"{name}: {text}"), (0, 0, 0, 2), expand=False))
    if len(findings):
        out.print()


def _general(findings: pd.DataFrame) -> pd.DataFrame:
    """The findings with the institution's code taken out of the texts, so that equal ones are equal."""
    table = findings.copy()
    for column in ("where", "got", "expected", "hint"):
        table[column] = [
            text.replace(code, ANYONE) if code else text
            for text, code in zip(table[column], table["institution_id"], strict=True)
        ]
    several = table.groupby(SHARED)["institution_id"].transform("nunique") > 1
    # A finding of one institution keeps its own words.
    own = findings.loc[~several, SHARED]
    table.loc[own.index, SHARED] = own
    return table
