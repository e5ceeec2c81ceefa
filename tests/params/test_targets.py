"""Targets: a series per institution and for the nation, each with its source and date."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup
from tests.params.conftest import Spoiled

FILE = "targets.csv"
HEADER = "institution_id,year,target,source_id,source_en,as_of\n"


def written(spoiled: Spoiled, *rows: str) -> RoundSetup:
    (spoiled.workspace.params / FILE).write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return spoiled.load()


@pytest.mark.parametrize(("year", "target"), [(2021, 70), (2022, 72), (2023, 74), (2024, 76)])
def test_national_targets_of_the_rpjmn(setup: RoundSetup, year: int, target: float) -> None:
    """RPJMN targets as KPK was quoted in the press."""
    rows = setup.targets.of("kota-mojokerto", year)["national"]
    assert rows[0].target == target
    assert rows[0].cite.en == "RPJMN, KPK quoted in the press"


def test_of_2024_two_sources_say_two_things(setup: RoundSetup) -> None:
    found = setup.targets.of("kota-mojokerto", 2024)
    assert {code: rows[0].target for code, rows in found.items()} == {"national": 76, "national_2": 74}
    assert found["national_2"][0].cite.id == "halaman KPK tentang peluncuran hasil SPI 2024"


def test_an_institution_has_its_own_series(setup: RoundSetup) -> None:
    assert setup.targets.values("kota-tebing-tinggi", 2022) == {"national": 72, "local": 72.4}
    assert setup.targets.values("kota-tebing-tinggi", 2023) == {"national": 74}
    assert setup.targets.values("kota-tebing-tinggi", 2030) == {}


def test_two_sources_that_agree_are_no_conflict(spoiled: Spoiled) -> None:
    setup = written(spoiled, "nasional,2024,76,RPJMN,,2024-12-31", "nasional,2024,76.0,Bappenas,,2024-12-31")
    found = setup.targets.of("kota-bengkulu", 2024)
    assert list(found) == ["national"]
    assert [row.cite.en for row in found["national"]] == ["RPJMN", "Bappenas"], "without English the source as it is"


def test_without_the_file_there_are_no_targets(spoiled: Spoiled) -> None:
    (spoiled.workspace.params / FILE).unlink()
    assert spoiled.load().targets.rows == ()


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        (["nasional,2024,176,RPJMN,,2024-12-31"], ["row 2", "column target", "got: 176"]),
        (["nasional,2024,76,,,2024-12-31"], ["row 2", "column source_id"]),
        (["nasional,2024,76,RPJMN,,"], ["row 2", "column as_of"]),
        (["kota-bengkullu,2024,70,RPJMD,,2024-12-31"], ["unknown institution", "did you mean 'kota-bengkulu'?"]),
        (["nasional,2024,76,RPJMN,,2024-12-31", "nasional,2024,74,RPJMN,,2025-01-22"], ["listed twice", "row 3"]),
        (
            [f"nasional,2024,{x},source {x},,2024-12-31" for x in (74, 75, 76)],
            ["too many targets contradict each other", "nasional 2024: 74, 75, 76"],
        ),
    ],
)
def test_wrong_targets_are_explained(spoiled: Spoiled, rows: list[str], parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        written(spoiled, *rows)
    assert all(part in str(caught.value) for part in [*parts, FILE]), str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rounds/spi_2024.yaml", "frame:\n", "target: {national: 76}\n\nframe:\n"),
        ("published.yaml", "    official_index: 71.53\n", "    official_index: 71.53\n    national_target: 76\n"),
        ("rounds/spi_2024.institutions.csv", "correction_facts,release", "local_target,release"),
    ],
)
def test_where_targets_stood_before_an_error_says_where_they_stand_now(
    spoiled: Spoiled, file: str, old: str, new: str
) -> None:
    with pytest.raises(ParameterError, match=r"targets stand in params/targets\.csv"):
        spoiled.text(file, old, new)
