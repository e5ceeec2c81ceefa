"""Who of the listed people may be invited, by the round's rules for the source."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from spi_analysis.params import EligibilityParams
from spi_analysis.tables.importing.issues import RowIssue
from spi_analysis.tables.importing.people import TENURE


def ineligible(people: pd.DataFrame, rules: EligibilityParams, reference: dt.date) -> list[RowIssue]:
    """An issue for every rule that a person breaks on the first day of fieldwork.

    What is not known breaks no rule: with an unknown tenure or date a person stays eligible, and the row is flagged
    for the institution to complete. Turning people away for a blank cell would bias the frame.
    """
    row_issues = [
        RowIssue(row, f"ineligible_{what}", TENURE[what], {"limit": f"{limit:g}"})
        for what in TENURE
        if (limit := getattr(rules, f"min_{what}_years")) is not None
        for row in people.index[pd.to_numeric(people[f"{what}_years"]) < limit]
    ]
    if rules.main_work_only:
        row_issues += [
            RowIssue(row, "ineligible_main_work", ("main_work",))
            for row in people.index[people["main_work"] == "other"]
        ]
    excluded = people.index[people["position_class"].isin(rules.excluded_positions)]
    row_issues += [RowIssue(row, "ineligible_position", ("position", "echelon")) for row in excluded]
    if (months := rules.max_months_since_service) is not None:
        earliest = pd.Timestamp(reference) - pd.DateOffset(months=int(months), days=round(months % 1 * 30))
        late = people.index[pd.to_datetime(people["service_date"]) < earliest]
        row_issues += [
            RowIssue(row, "ineligible_service_date", ("service_date",), {"limit": f"{months:g}"}) for row in late
        ]
    return row_issues
