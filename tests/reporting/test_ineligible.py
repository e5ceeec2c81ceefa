"""Answers of people who were reported as ineligible: said on every page, and so that nobody learns who answered."""

import pandas as pd
import pytest

from spi_analysis.fieldwork import IneligibleReports
from spi_analysis.reporting.analyst.fieldwork_progress import ineligible_note
from spi_analysis.reporting.kept_back import ineligible_sentence
from spi_analysis.reporting.wording import words


@pytest.mark.parametrize(
    ("reported", "kept", "dropped", "shown", "rationale"),
    [
        (60, 34, 12, ("30–39", "10–19"), "bands of ten"),
        (60, 9, 12, ("–", "10–19"), "nine are fewer than ten"),
        (60, 0, 0, ("–", "–"), "nobody looks like a few: one report more tells nothing"),
        (1, 1, 0, ("–", "–"), "the one who was reported has answered: nobody shall learn it"),
        (39, 30, 0, ("–", "–"), "all but nine of those who were reported had answered"),
        (40, 30, 0, ("30–39", "–"), "ten of them may not have answered"),
        (49, 20, 20, ("–", "–"), "both bands together leave but nine"),
    ],
)
def test_numbers_in_bands_and_none_that_tells_of_few_or_of_nearly_all(reported, kept, dropped, shown, rationale):
    reports = IneligibleReports(reported, kept, dropped)
    english, indonesian = (ineligible_sentence(reports, 10, words(language)) for language in ("en", "id"))
    if shown == ("–", "–"):
        assert english.startswith("Some people may have answered"), rationale
        assert "–" not in english, "no number, so no dash to explain"
        assert "Jumlahnya tidak ditampilkan" in indonesian
    else:
        start = f"Answered, but reported as ineligible: {shown[0]} people whose answers count"
        assert english.startswith(start), rationale
        assert f"first), {shown[1]} people whose answers do not count" in english, rationale
        assert "tidak dihitung" in indonesian


def test_notebooks_count_what_the_round_says(setup):
    """Fifty users are called ineligible; twenty of them had answered before, fifteen answered afterwards."""
    items = [item.code for item in setup.instrument.items("external")]
    day = pd.Timestamp("2024-08-10")
    people = pd.DataFrame({"source": "external", "person_id": [f"p{i}" for i in range(100)]})
    people["disposition"] = ["I"] * 20 + ["NE"] * 30 + ["NC"] * 50
    events = people.head(50)[["source", "person_id"]].assign(event="ineligible", at=day)
    answers = people.head(35)[["source", "person_id"]].assign(
        completed_at=[day - pd.Timedelta(days=1)] * 20 + [day + pd.Timedelta(days=1)] * 15, **dict.fromkeys(items, 4.0)
    )
    html = ineligible_note(people, events, answers, setup.round, setup.instrument).html
    assert "20–29 people whose answers count" in html["en"]
    assert "10–19 people whose answers do not count" in html["en"]
    assert "20–29 orang yang jawabannya tetap dihitung" in html["id"]
