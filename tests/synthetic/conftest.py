from pathlib import Path

import pytest
from synthetic_scoring import FIVE

from spi_analysis.params import RoundSetup, find_workspace, load_setup
from spi_analysis.synthetic import SyntheticCity, make_city


@pytest.fixture(scope="session")
def setup() -> RoundSetup:
    return load_setup(find_workspace(Path(__file__).parent), "spi_2024")


@pytest.fixture(scope="session")
def cities(setup: RoundSetup) -> dict[str, SyntheticCity]:
    return {institution_id: make_city(setup, institution_id, seed=3) for institution_id in FIVE}


@pytest.fixture(scope="session")
def mojokerto(cities: dict[str, SyntheticCity]) -> SyntheticCity:
    return cities["kota-mojokerto"]
