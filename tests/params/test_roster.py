"""Institutions and what is decided for each: all problems of a file at once, by row."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup
from tests.params.conftest import Spoiled

ROSTER, INPUTS = "institutions.csv", "rounds/spi_2024.institutions.csv"
MOJOKERTO = "kota-mojokerto,5.72,0,0,,,published,,KPK (SPI 2024)"


def test_blank_cells_are_nothing(setup: RoundSetup) -> None:
    inputs = setup.inputs["kota-mojokerto"]
    assert (inputs.correction_conduct, inputs.local_target, inputs.withheld_reason) == (5.72, None, None)


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        (ROSTER, "kota-mojokerto,", "Kota_Mojokerto,", ["row 2", "column institution_id", "got: Kota_Mojokerto"]),
        (ROSTER, "kota,35,kecil", "kotta,35,kecil", ["row 2", "column type", "did you mean 'kota'?"]),
        (ROSTER, "kota,35,kecil", "kota,350,kecil", ["column province_code", "got: 350"]),
        (ROSTER, "kota-bengkulu,", "kota-mojokerto,", ["listed twice", "row 4", "first in row 2"]),
        (INPUTS, "kota-mojokerto,", "kota-mojokarto,", ["unknown institution", "did you mean 'kota-mojokerto'?"]),
        (INPUTS, MOJOKERTO, MOJOKERTO.replace("5.72", "-1"), ["row 2", "column correction_conduct", "got: -1"]),
        (INPUTS, MOJOKERTO, MOJOKERTO.replace("published,", "withheld,"), ["release and withheld_reason do not fit"]),
        (
            INPUTS,
            MOJOKERTO,
            MOJOKERTO.replace("published,,", "published,secrecy,"),
            ["do not fit", "none if published"],
        ),
        (INPUTS, MOJOKERTO, MOJOKERTO.replace("published,,", "witheld,secrecy,"), ["did you mean 'withheld'?"]),
        (INPUTS, "mode_adjustment", "mode_adjustement", ["unknown key", "did you mean 'mode_adjustment'?"]),
    ],
)
def test_wrong_rows_name_row_and_column(spoiled: Spoiled, file: str, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text(file, old, new)
    assert all(part in str(caught.value) for part in [*parts, file.split("/")[-1]]), str(caught.value)


def test_roster_keeps_the_order_of_the_file(setup: RoundSetup) -> None:
    rows = (setup.workspace.params / ROSTER).read_text(encoding="utf-8").splitlines()[1:]
    assert setup.roster.ids() == [row.split(",")[0] for row in rows]
