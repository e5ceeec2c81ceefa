"""The report on what is not said directly: sentences in both languages, nothing where nobody was asked."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.reporting.institution.sensitivity_section import unsaid_view
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.tables import with_kinds


def told(page: InstitutionPage, gap: tuple[float, float, float], status: str = "shown") -> InstitutionPage:
    """The page with 4 % who say so, and a rate of 12 % by the lists; the crossed question is less sure."""
    error = (gap[2] - gap[0]) / 1.96
    rows = [
        ("list_rate", "ext_exp_1", 12.0, 6.0, 18.0, error, 400.0), ("list_gap", "ext_exp_1", *gap, error, 400.0),
        ("crosswise_rate", "ext_exp_1", 30.0, 1.0, 60.0, 15.0, 100.0),
        ("crosswise_gap", "ext_exp_1", 26.0, 1.0, 55.0, 15.0, 100.0),
        ("climate_rate", "ext_clm_fear", 35.0, 30.0, 40.0, 2.5, 500.0),
    ]  # fmt: skip
    columns = ["measure", "part", "estimate", "ci_low", "ci_high", "se", "n"]
    table = pd.DataFrame(rows, columns=columns).assign(source="external", status=status, level=0.95)
    figures = page.figures.copy()
    direct = (figures["measure"] == "experience_rate") & (figures["part"] == "ext_exp_1")
    figures.loc[direct, ["estimate", "status"]] = [4.0, "shown"]
    return replace(page, figures=pd.concat([figures, with_kinds(table)], ignore_index=True))


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_nobody_was_asked(page: InstitutionPage) -> None:
    assert unsaid_view(page) is None


def test_a_clear_gap_is_said_in_both_languages(page: InstitutionPage) -> None:
    shown = unsaid_view(told(page, (8.0, 2.0, 14.0)))
    text = plain(shown.to_html("id"))
    assert "bila ditanya langsung, 4,0 dari 100 orang mengatakan mengalaminya." in text
    assert "Bila ditanya secara rahasia (daftar), perkiraannya sekitar 12,0 dari 100" in text
    assert "dapat berada di antara 6 dan 18." in text
    assert "Selisih 8,0 dari 100 orang (2 sampai 14, dari 400 jawaban) lebih besar daripada kebetulan" in text
    assert "Takut akibatnya bila melapor" in text
    english = plain(shown.to_html("en"))
    assert "asked directly, 4.0 of 100 people say so. Asked confidentially (lists), it is about 12.0 of 100" in english
    assert "anything from 6 to 18 is possible" in english
    assert "do not dare to say so" in english
    assert "about 30.0 of 100" not in english, "the surer of the two ways speaks"


def test_a_gap_that_may_be_chance_is_no_fear(page: InstitutionPage) -> None:
    """2.8 standard errors: (10 - 2) / 1.96 * 2.80 = 11."""
    text = plain(unsaid_view(told(page, (2.0, -6.0, 10.0))).to_html("en"))
    assert "may be chance" in text
    assert "With only 400 answers a difference below about 11 would often be missed" in text
    assert "do not dare" not in text


@pytest.mark.parametrize("status", ["suppressed", "withheld"])
def test_hidden_figures_are_not_told(page: InstitutionPage, status: str) -> None:
    text = plain(unsaid_view(told(page, (8.0, 2.0, 14.0), status)).to_html("en"))
    assert "of 100 people say so" not in text
    assert "12" not in text
