"""How much experts of one kind agree, learnt from the panels of a round."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.national import kinds_note
from spi_analysis.scores import kinds_correlation
from spi_analysis.stages import KindsAgree, agreement_of_kinds, overview
from spi_analysis.stages.score import save_estimates
from spi_analysis.stages.weight import save_weights
from spi_analysis.tables.store import Store
from tests.reporting.test_national_years import _text
from tests.stages.conftest import Round
from tests.stages.town import TOWN


@pytest.fixture
def stored(tmp_path, drawn: Round) -> Store:
    """The town, whose fourteen experts are auditors and journalists in turn."""
    store = Store(tmp_path / "spi_2024")
    kinds = pd.Series(["auditor", "journalist"] * len(drawn.frame)).head(len(drawn.frame)).to_numpy()
    is_expert = drawn.frame["source"] == "expert"
    store.write("frame", TOWN, drawn.frame.assign(expert_group=pd.Series(kinds, drawn.frame.index).where(is_expert)))
    for table in ("sample", "events", "responses"):
        store.write(table, TOWN, getattr(drawn, table))
    save_weights(store, TOWN, drawn.weighted)
    save_estimates(store, TOWN, drawn.score())
    return store


def test_one_institution_tells_nothing(stored: Store, setup: RoundSetup) -> None:
    found = agreement_of_kinds(setup, stored)
    assert found.panels == 1
    assert pd.isna(found.correlation)
    assert "is learnt from 10 institutions on; here are 1" in _text(kinds_note(found, setup).to_html("en"))


def test_many_institutions_tell_what_one_would(
    stored: Store, setup: RoundSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve panels that are all alike: the correlation of one, and no spread between them."""
    panels = list(overview._kinds_of(setup, stored, TOWN))
    assert len(panels) == 1
    scores, kinds = panels[0]
    assert len(scores) == 14
    assert set(kinds) == {"auditor", "journalist"}
    monkeypatch.setattr(overview, "_kinds_of", lambda *_: panels * 12)
    found = agreement_of_kinds(setup, stored)
    assert found.panels == 12
    assert found.correlation == found.ci_low == found.ci_high == pytest.approx(kinds_correlation(panels))


def test_the_overview_says_how_much_and_what_is_assumed(setup: RoundSetup) -> None:
    html = _text(kinds_note(KindsAgree(0.21, 0.1, 0.32, 40), setup).to_html("en"))
    assert "the correlation 0.21 (0.10 to 0.32 at 95% confidence, learnt from 40 institutions)" in html
    assert "assumes 0.15" in html
    bare = replace(setup, years=setup.years.model_copy(update={"experts": None}))
    assert "korelasi" in _text(kinds_note(KindsAgree(0.21, 0.1, 0.32, 40), bare).to_html("id"))
