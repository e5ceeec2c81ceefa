"""What simulated rounds say of the checks: false alarms and hits."""

from __future__ import annotations

import pandas as pd

HONEST, COACHED = "honest", "coached"


def conduct_summary(results: pd.DataFrame) -> pd.DataFrame:
    """False alarms and hits, with the number of cases behind each.

    Parameters
    ----------
    results : DataFrame   one row per simulated institution, tested unit and check: institution_id, seed, answers
        ("honest" or "coached"), source, unit, check, flagged, is_coached

    Returns
    -------
    DataFrame: what, check ("any" or one), cases, flagged, share. ``what``: "honest_institutions" (share with any
    flag: the false-alarm rate), "other_units" (honest ones of coached institutions), "coached_units" (the power).
    """
    honest = results[results["answers"] == HONEST]
    coached = results[results["answers"] == COACHED]
    rows = []
    groups = {
        "honest_institutions": (honest, ["institution_id", "seed"]),
        "other_units": (coached[~coached["is_coached"]], ["institution_id", "seed", "source", "unit"]),
        "coached_units": (coached[coached["is_coached"]], ["institution_id", "seed", "source", "unit"]),
    }
    for what, (table, by) in groups.items():
        if table.empty:
            continue
        for check in ("any", *table["check"].unique()):
            part = table if check == "any" else table[table["check"] == check]
            hit = part.groupby(by)["flagged"].any()
            share = float(hit.mean())
            rows.append({"what": what, "check": check, "cases": len(hit), "flagged": int(hit.sum()), "share": share})
    return pd.DataFrame(rows)
