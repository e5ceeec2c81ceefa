"""Estimates as they may be passed on: what is hidden has no figures, whoever asks and whenever it was decided."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params.roster import InstitutionInputs
from spi_analysis.tables.store import Store

HIDDEN_COLUMNS = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


def mask(estimates: pd.DataFrame, hidden: pd.Series, status: str = "suppressed") -> pd.DataFrame:
    """Take out the figures of the hidden rows and say so in ``status``."""
    shown = estimates.copy()
    shown.loc[hidden, HIDDEN_COLUMNS] = np.nan
    shown.loc[hidden, "status"] = status
    return shown


def released_estimates(store: Store, institution_id: str, inputs: InstitutionInputs) -> pd.DataFrame:
    """The table ``estimates``; without any figure if the result was withheld after it was scored."""
    estimates = store.read("estimates", institution_id)
    if inputs.release == "withheld":
        return mask(estimates, pd.Series(True, index=estimates.index), "withheld")
    return estimates
