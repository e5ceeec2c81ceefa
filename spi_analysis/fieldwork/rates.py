"""Response, cooperation, refusal and contact rates (AAPOR 2023)."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

CODES = ("I", "P", "R", "NC", "O", "UH", "UO", "NE")


def disposition_counts(dispositions: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Number of people per final code, one row per group of ``by``."""
    counts = dispositions.groupby([*by, "disposition"]).size().unstack("disposition", fill_value=0)
    return counts.reindex(columns=list(CODES), fill_value=0).astype(int)


def response_rates(counts: pd.DataFrame, e: float | None = None) -> pd.DataFrame:
    """AAPOR rates from counts of final codes.

    Parameters
    ----------
    counts : DataFrame (groups, codes)   as ``disposition_counts`` gives
    e : float or None   share of the cases of unknown eligibility that are taken as eligible;
        by default eligible / (eligible + ineligible) among the known cases of each group (the
        proportional allocation), 1 where nothing is known

    Returns
    -------
    DataFrame (groups, ...): n (cases), e, RR1-RR6, COOP1 (cooperation), REF1 (refusal), CON1
    (contact), each a share between 0 and 1; missing where the denominator is 0.

    References
    ----------
    AAPOR (2023), Standard Definitions, 10th edition, "Calculating outcome rates".
    """
    c = {code: counts[code].astype(float) for code in CODES}
    interviews, eligible = c["I"] + c["P"], c["I"] + c["P"] + c["R"] + c["NC"] + c["O"]
    unknown = c["UH"] + c["UO"]
    known = eligible + c["NE"]
    share = (eligible / known.where(known > 0)).fillna(1.0) if e is None else pd.Series(e, index=counts.index)
    everyone, estimated = eligible + unknown, eligible + share * unknown
    rates = {
        "RR1": c["I"] / _positive(everyone),
        "RR2": interviews / _positive(everyone),
        "RR3": c["I"] / _positive(estimated),
        "RR4": interviews / _positive(estimated),
        "RR5": c["I"] / _positive(eligible),
        "RR6": interviews / _positive(eligible),
        "COOP1": c["I"] / _positive(interviews + c["R"] + c["O"]),
        "REF1": c["R"] / _positive(everyone),
        "CON1": (interviews + c["R"] + c["O"]) / _positive(everyone),
    }
    cases: dict[Hashable, pd.Series] = {"n": counts.sum(axis=1), "e": share}
    return pd.DataFrame({**cases, **rates})


def _positive(x: pd.Series) -> pd.Series:
    return x.where(x > 0)
