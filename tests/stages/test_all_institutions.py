"""All institutions of a round: the same words on a change as in the report, and rates that may be shown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.stages import Explorer, explore_round
from spi_analysis.stages.explorer import RANK_COLUMNS
from spi_analysis.tables import with_kinds
from spi_analysis.tables.store import Store
from tests.demo import Demo

CHANGED, UNCLEAR, HIDDEN = "kota-mojokerto", "kota-bengkulu", "kota-pangkalpinang"
CHANCES = {"rentan": 0.1, "waspada": 0.8, "terjaga": 0.1}
PUBLISHED = pd.DataFrame({"institution_id": [CHANGED], "type": "kota", "year": [2023], "index": [70.0]})


def _figures(measure: str, estimate: float, half: float, **more: object) -> dict[str, object]:
    """A shown figure whose standard error is half of its interval's half width."""
    figures = {"se": half / 2, "ci_low": estimate - half, "ci_high": estimate + half, "level": 0.95,
               "df_design": 60.0, "effective_n": 600.0}  # fmt: skip
    return {"measure": measure, "estimate": estimate, "n": 800.0, "status": "shown", **figures, **more}


def _weights(answered: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """``answered``: how many of a source answered, and how many did not."""
    parts = [
        pd.DataFrame({"source": source, "disposition": ["I"] * yes + ["NC"] * no, "weight": [2.0] * yes + [0.0] * no})
        for source, (yes, no) in answered.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store(tmp_path / "spi_2024")
    weights = {
        CHANGED: _weights({"internal": (30, 70), "external": (95, 5), "expert": (12, 3)}),
        UNCLEAR: _weights({"internal": (5, 95), "external": (40, 40), "expert": (12, 3)}),
        HIDDEN: _weights({"internal": (50, 50), "external": (50, 50), "expert": (2, 13)}),
    }
    rows = {
        CHANGED: [
            _figures("index", 76.0, 2.0),
            _figures("index_change", 3.0, 2.5, reference_year=2023.0),
            _figures("source_score", 80.0, 3.0, source="internal"),
            *(_figures("category_probability", p, 0.0, part=part) for part, p in CHANCES.items()),
        ],
        UNCLEAR: [_figures("index", 74.0, 2.0), _figures("index_change", 3.0, 3.5, reference_year=2023.0)],
        HIDDEN: [_figures("index", np.nan, 2.0, status="suppressed")],
    }
    for code, figures in rows.items():
        table = pd.DataFrame(figures).assign(institution_id=code)
        store.write("estimates", code, with_kinds(table))
    read = Store.read

    def weights_too(self: Store, table: str, institution_id: str, columns: list[str] | None = None) -> pd.DataFrame:
        return weights[institution_id][columns] if table == "weights" else read(self, table, institution_id, columns)

    monkeypatch.setattr(Store, "read", weights_too)
    return store


def _explored(setup: RoundSetup, store: Store, published: pd.DataFrame) -> Explorer:
    ranks, reported = pd.DataFrame(columns=RANK_COLUMNS), pd.DataFrame(columns=["source", "item"])
    return explore_round(setup, store, published, ranks, reported)


def test_a_change_is_clear_by_its_own_interval_alone(setup: RoundSetup, store: Store) -> None:
    """Both rose by 3 points: 0.5 to 5.5 leaves out zero, -0.5 to 6.5 does not."""
    found = _explored(setup, store, PUBLISHED)
    rows = found.rows.set_index("institution_id")
    assert rows.loc[[CHANGED, UNCLEAR], "direction"].tolist() == ["up", "no_clear_change"]
    assert rows.loc[CHANGED, ["change", "change_low", "change_high"]].tolist() == [3.0, 0.5, 5.5]
    assert pd.isna(rows.loc[HIDDEN, "direction"])


def test_every_institution_is_a_row_and_what_is_hidden_has_no_figure(setup: RoundSetup, store: Store) -> None:
    """76 is watchful, with the chance of that category; who was not scored, or is hidden, says so and no more."""
    rows = _explored(setup, store, PUBLISHED).rows.set_index("institution_id")
    assert list(rows.index) == setup.institution_ids
    known = rows.loc[CHANGED, ["index", "category", "category_chance", "score_internal", "n", "status"]]
    assert known.tolist() == [76.0, "waspada", 0.8, 80.0, 800.0, "shown"]
    others = rows.drop(index=[CHANGED, UNCLEAR])
    assert others.loc[HIDDEN, "status"] == "suppressed"
    assert set(others["status"].drop(index=HIDDEN)) == {"not_scored"}
    figures = ["index", "ci_low", "n", "category", "category_chance", "change", "score_internal"]
    assert others[figures].isna().all(axis=None)


def test_what_was_withheld_after_it_was_scored_is_a_reason_alone(setup: RoundSetup, store: Store) -> None:
    decided = setup.inputs[CHANGED].model_copy(update={"release": "withheld", "withheld_reason": "conduct"})
    withheld = replace(setup, inputs=setup.inputs | {CHANGED: decided})
    row = _explored(withheld, store, PUBLISHED).rows.set_index("institution_id").loc[CHANGED]
    assert row[["status", "reason"]].tolist() == ["withheld", "conduct"]
    assert row[["index", "ci_low", "n", "category", "change", "score_internal", "rate_internal"]].isna().all()


def test_what_is_said_of_all_changes_names_what_chance_would_do(setup: RoundSetup, store: Store) -> None:
    """Standard errors 1.25 and 1.75: that of the mean is sqrt((1.5625 + 3.0625) / 2 / 2) = 1.0752, its half 2.107."""
    changes = _explored(setup, store, PUBLISHED).changes
    assert (changes.before, changes.n, changes.clear) == (2023, 2, 1)
    assert changes.by_chance == pytest.approx(2 * 0.05)
    assert changes.mean == pytest.approx((3.0, 3.0 - 2.107, 3.0 + 2.107), abs=0.001)
    # t = 2.4 and 1.714 with 60 degrees of freedom: p = 0.0195 and 0.0917; 0.0195 * 2 / 1 is under 0.05.
    assert changes.together == 1


def test_categories_of_the_year_before_stand_beside_those_of_now(setup: RoundSetup, store: Store) -> None:
    """76 and 74 are watchful (73 to below 78); the published 70 of 2023 was vulnerable, by the same rule."""
    found = _explored(setup, store, PUBLISHED)
    assert found.categories.to_dict() == {"rentan": 0, "waspada": 2, "terjaga": 0}
    assert found.categories_before.to_dict() == {"rentan": 1, "waspada": 0, "terjaga": 0}
    assert _explored(setup, store, PUBLISHED.iloc[:0]).categories_before.empty


def test_response_rates_stand_where_they_tell_of_nobody(setup: RoundSetup, store: Store) -> None:
    """30 of 100 may be shown; 95 of 100 would say that 5 did not answer, 5 of 100 that 5 did; a panel's never."""
    rows = _explored(setup, store, PUBLISHED).rows.set_index("institution_id")
    assert rows.loc[CHANGED, "rate_internal"] == pytest.approx(0.3)
    assert np.isnan(rows.loc[CHANGED, "rate_external"])
    assert np.isnan(rows.loc[UNCLEAR, "rate_internal"])
    assert rows.loc[UNCLEAR, "rate_external"] == pytest.approx(0.5)
    assert rows.loc[[HIDDEN], ["rate_internal", "rate_external"]].isna().all(axis=None)
    assert "rate_expert" not in rows


@pytest.mark.slow
def test_page_and_report_say_the_same_of_every_change(demo: Demo) -> None:
    """For every institution of the demo, in the words that a reader sees."""
    page = (demo.workspace.outputs / "spi_2024" / "explorer.en.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr [^>]*?data-m="(.)"[^>]*><th scope=row><a href="([^/"]+)/report', page)
    said = {code: word for word, code in rows}
    words = {"u": r"Up [\d.]+ points from", "d": r"Down [\d.]+ points from", "0": "No clear change on"}
    assert said
    for institution_id in demo.setup.institution_ids:
        report = (demo.outputs(institution_id) / "report.en.html").read_text(encoding="utf-8")
        found = {code for code, pattern in words.items() if re.search(pattern, report)}
        assert found == {said[institution_id]} if institution_id in said else found == set(), institution_id
