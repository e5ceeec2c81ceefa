"""Preflight of a round: all that is missing or wrong, in every file at once, and which institution it holds up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from spi_analysis.params.workspace import Workspace
from spi_analysis.tables.checking.contacts import check_contacts, open_vault
from spi_analysis.tables.checking.finding import STAGES, Finding
from spi_analysis.tables.checking.parameters import Parameters
from spi_analysis.tables.checking.stored import check_institutions, check_public_value, check_tables
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault_key import VaultKey

COLUMNS = ("severity", "blocks", "institution_id", "what", "where", "got", "expected", "hint")


@dataclass(frozen=True)
class Preflight:
    """The state of a round.

    ``findings``: one row per thing that is wrong (``error``), not there yet (``missing``) or worth a look
    (``warning``); ``blocks`` lists the stages it holds up, ``institution_id`` is "" if it concerns all.
    ``stages``: one row per institution, one column per stage: ``ready`` or ``blocked``.
    """

    findings: pd.DataFrame
    stages: pd.DataFrame

    @property
    def errors(self) -> int:
        """How many things are wrong, as against not there yet."""
        return int((self.findings["severity"] == "error").sum())


def check_round(workspace: Workspace, round_id: str, key: VaultKey | None = None) -> Preflight:
    """Look at all parameter files, the vault and every table of a round. Never raises for what it finds.

    Parameters
    ----------
    key : VaultKey, optional   of the vault; else the one that the environment names
    """
    parameters = Parameters(workspace, round_id)
    findings, setup = list(parameters.findings), parameters.setup
    vault, about_vault = open_vault(workspace, key)
    findings += about_vault
    institutions = parameters.roster.ids() if parameters.roster else []
    if setup is not None:
        store = Store(workspace.data / round_id)
        institutions = setup.institution_ids
        findings += check_institutions(setup, store)
        findings += check_public_value(setup, store)
        for institution_id in institutions:
            findings += check_tables(setup, store, institution_id)
            if vault is not None:
                findings += check_contacts(setup, store, vault, institution_id)
    # A broken override is found on its own and again when all files are read together.
    findings = list(dict.fromkeys(findings))
    return Preflight(_table(findings), _stages(findings, institutions))


def _table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Errors first, then what is missing, then warnings; in each as found."""
    rows = [
        (f.severity, ", ".join(f.blocks), f.institution_id, p.what, p.where, p.got, p.expected, p.hint)
        for severity in ("error", "missing", "warning")
        for f in findings
        if f.severity == severity
        for p in [f.problem]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _stages(findings: Iterable[Finding], institutions: list[str]) -> pd.DataFrame:
    blocked = {(finding.institution_id, stage) for finding in findings for stage in finding.blocks}
    rows = [
        (code, *("blocked" if {(code, stage), ("", stage)} & blocked else "ready" for stage in STAGES))
        for code in institutions
    ]
    return pd.DataFrame(rows, columns=["institution_id", *STAGES])
