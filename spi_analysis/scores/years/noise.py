"""The noise of a published year, where the survey was of another design than the round that is compared with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.params import PublishedYears
from spi_analysis.scores.years.model import SERIES, fit_panel, marked_rows, panel_of

# With fewer degrees of freedom the model cannot tell noise from change, and has nothing to say of noise alone.
LEAST_DF = 1.0


class Noise(NamedTuple):
    """Variance of the noise of a published figure, in points squared, and the degrees of freedom of its estimate."""

    variance: float
    df: float


def published_noise(published: pd.DataFrame, years: PublishedYears, type_: str, year: int) -> dict[str, Noise]:
    """Noise of a year's published figures by the model of the published years: what of them did not last.

    Returns
    -------
    dict by series (index, internal, external, expert); a series that the model does not know, for want of institutions
    or years of the type, is left out.

    References
    ----------
    docs/methods/published_years.md; Satterthwaite (1946), Biometrics Bulletin 2 (degrees of freedom).
    """
    rows, found = marked_rows(published, years), {}
    for series in SERIES:
        panel = panel_of(rows, series, type_, years)
        if panel is None or year not in panel.years:
            continue
        position = int(np.flatnonzero(panel.years == year)[0])
        noise = Noise(*fit_panel(panel, years.model.persistence).noise_of(position))
        if noise.df >= LEAST_DF:
            found[series] = noise
    return found
