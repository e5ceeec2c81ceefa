import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import PublishedYears, RoundSetup
from spi_analysis.params.published import Aliases
from tests.params.conftest import Spoiled


@pytest.mark.parametrize(("year", "internal"), [(2021, 0.3046), (2024, 0.3050), (2019, 0.3046)])
def test_weights_of_a_year_are_its_own_or_the_nearest_earlier(setup: RoundSetup, year: int, internal: float) -> None:
    assert setup.years.weights(year)["internal"] == internal


def test_a_later_year_has_the_last_known_weights(setup: RoundSetup) -> None:
    assert setup.years.weights(2099) == setup.years.weights(max(setup.years.years))


def test_weights_of_every_year_sum_to_one(spoiled: Spoiled) -> None:
    with pytest.raises(ParameterError, match="do not sum to 1") as caught:
        spoiled.text("published.yaml", "expert: 0.3675", "expert: 0.4675")
    assert "years.2021.source_weights" in str(caught.value)


def test_a_survey_may_have_no_published_year_but_then_no_published_results(setup: RoundSetup) -> None:
    new = PublishedYears.model_validate(setup.years.model_dump() | {"years": {}, "categories": []})
    assert new.category_rule(2024) is None
    with pytest.raises(ParameterError, match="nothing is known of any published year"):
        new.weights(2024)


def test_aliases_turn_other_names_into_the_present_one() -> None:
    aliases = Aliases(source="x", as_of="2024-01-01", aliases={"baru": ["lama", "kuno"]})
    assert aliases.present == {"lama": "baru", "kuno": "baru"}
