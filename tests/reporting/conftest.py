"""The town of the stages' tests, with its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_analysis.stages.report import InstitutionPage, institution_page
from spi_analysis.stages.score import Scored, save_estimates
from spi_analysis.stages.weight import WeightedSample, save_weights
from spi_analysis.tables.store import Store
from tests.stages import conftest as stages
from tests.stages.conftest import Round
from tests.stages.town import TOWN

setup, town, drawn, scored = stages.setup, stages.town, stages.drawn, stages.scored


def page_of(folder: Path, drawn: Round, weighted: WeightedSample, scored: Scored, synthetic: bool) -> InstitutionPage:
    store = Store(folder / "spi_2024")
    for table in ("frame", "sample", "events", "responses"):
        store.write(table, TOWN, getattr(drawn, table))
    save_weights(store, TOWN, weighted)
    save_estimates(store, TOWN, scored)
    if synthetic:
        store.mark_synthetic(1)
    # Whatever this project's own data/ holds is no part of the town.
    return institution_page(stages.elsewhere(drawn.setup, folder), store, TOWN)


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory, drawn: Round, scored: Scored) -> InstitutionPage:
    """The whole town, answered by 60 %."""
    return page_of(tmp_path_factory.mktemp("page"), drawn, drawn.weighted, scored, synthetic=False)


@pytest.fixture(scope="session")
def generated_page(tmp_path_factory: pytest.TempPathFactory, drawn: Round, scored: Scored) -> InstitutionPage:
    """The same, marked as generated."""
    return page_of(tmp_path_factory.mktemp("generated"), drawn, drawn.weighted, scored, synthetic=True)


@pytest.fixture(scope="session")
def page_without_index(tmp_path_factory: pytest.TempPathFactory, drawn: Round) -> InstitutionPage:
    """Too few experts answered: no index."""
    few = drawn.responses[(drawn.responses["source"] != "expert") | (drawn.responses.index % 5 == 0)]
    weighted = drawn.weight(responses=few)
    scored = drawn.score(weighted, responses=few)
    return page_of(tmp_path_factory.mktemp("few"), drawn, weighted, scored, synthetic=False)
