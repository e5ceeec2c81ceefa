"""A real survey of 1,199 adults, from its SPSS file through import, scores and rates, against R.

The constants are what ``Rscript tests/reference/afrobarometer_tunisia_r7.R answers.csv`` printed (R 4.2.2, survey
4.1.1; 2026-11-21). answers.csv held the codes of the same data file. The data are not carried by the project.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.params import Instrument
from spi_analysis.params.loading import read_yaml, validate
from spi_analysis.scores import item_nonresponse
from spi_analysis.stages import FinishedSurvey, read_survey
from tests.conftest import PROJECT, reference_folder

pytestmark = pytest.mark.reference
COLUMNS = {"person_id": "RESPNO", "weight": "withinwt", "region": "REGION"}

# design, measure, denominator -> estimate, standard error
R_FIGURES = {
    ("weights", "trust", ""): (47.365170412602765, 0.75297614449054251),
    ("weights", "cleanness", ""): (50.804725555621836, 0.74933047307435263),
    ("weights", "score", ""): (49.084947984112304, 0.64075011095076206),
    ("weights", "q49c", "respondents"): (1.113420928372074, 0.30834389153680136),
    ("weights", "q49c", "contacts"): (8.0605830425546596, 2.1499400485534759),
    ("weights", "q49g", "respondents"): (4.5088032159425753, 0.60221711034100589),
    ("weights", "q49g", "contacts"): (11.217833666404957, 1.44488482307382),
    ("weights", "q49k", "respondents"): (4.3407740277485667, 0.58702413807700171),
    ("weights", "q49k", "contacts"): (12.203023272349439, 1.5828088581926452),
    ("weights", "q49n", "respondents"): (1.3662312562237413, 0.33048315674256357),
    ("weights", "q49n", "contacts"): (9.7507774919482557, 2.2603712679217347),
    ("weights", "q49r", "respondents"): (1.3146850453593344, 0.32757999543799449),
    ("weights", "q49r", "contacts"): (15.070336799726636, 3.4939747314376901),
    ("weights", "q49t", "respondents"): (6.5032944129803232, 0.72015949093744147),
    ("weights", "q49t", "contacts"): (16.739516522527691, 1.7496487678899417),
    ("strata", "trust", ""): (47.365170412602765, 0.75222129640175939),
    ("strata", "cleanness", ""): (50.804725555621836, 0.74810046054573298),
    ("strata", "score", ""): (49.084947984112304, 0.63951993438851751),
    ("strata", "q49c", "respondents"): (1.113420928372074, 0.30866107761941691),
    ("strata", "q49c", "contacts"): (8.0605830425546596, 2.1524756572857719),
    ("strata", "q49g", "respondents"): (4.5088032159425753, 0.59911962664560181),
    ("strata", "q49g", "contacts"): (11.217833666404957, 1.4406939336803988),
    ("strata", "q49k", "respondents"): (4.3407740277485667, 0.58650540759139302),
    ("strata", "q49k", "contacts"): (12.203023272349439, 1.5829738771597128),
    ("strata", "q49n", "respondents"): (1.3662312562237413, 0.33057201973047656),
    ("strata", "q49n", "contacts"): (9.7507774919482557, 2.2606919496957785),
    ("strata", "q49r", "respondents"): (1.3146850453593344, 0.32731461104553861),
    ("strata", "q49r", "contacts"): (15.070336799726636, 3.497622388080996),
    ("strata", "q49t", "respondents"): (6.5032944129803232, 0.72043358603351015),
    ("strata", "q49t", "contacts"): (16.739516522527691, 1.7504927240796948),
}


@pytest.fixture(scope="module")
def path() -> Path:
    found = reference_folder() / "data" / "afrobarometer_tunisia_r7.sav"
    if not found.is_file():
        pytest.skip(f"no real survey in {found.parent} (set SPI_REFERENCE_DIR)")
    return found


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    file = PROJECT / "params" / "instruments" / "afrobarometer_tunisia_r7.yaml"
    return validate(Instrument, read_yaml(file), file)


@pytest.fixture(scope="module")
def read(path: Path, instrument: Instrument) -> FinishedSurvey:
    return read_survey(path, instrument, "external", COLUMNS)


def figures(read: FinishedSurvey, instrument: Instrument) -> dict[tuple[str, str, str], tuple[float, float]]:
    found = {}
    for design, stratum in (("weights", None), ("strata", "region")):
        table = read.estimates(0.95, stratum=stratum)
        # Shares of answers to single items have no figures of R here.
        for row in table[~table["measure"].str.startswith("item_")].itertuples():
            measure = row.part if isinstance(row.part, str) else "score"
            found[design, measure, row.denominator if isinstance(row.denominator, str) else ""] = (row.estimate, row.se)
    return found


def test_scores_and_rates_are_those_of_r(read: FinishedSurvey, instrument: Instrument) -> None:
    got = figures(read, instrument)
    assert got.keys() == R_FIGURES.keys()
    for key, (estimate, se) in R_FIGURES.items():
        assert got[key][0] == pytest.approx(estimate, rel=1e-9), key
        assert got[key][1] == pytest.approx(se, rel=1e-7), key


def test_nothing_of_the_file_is_lost(read: FinishedSurvey, instrument: Instrument, path: Path) -> None:
    import pyreadstat

    raw, _ = pyreadstat.read_sav(path)
    assert len(read.answers) == len(raw) == 1199
    assert read.unread.empty, "every code of the file is an answer of its scale"
    for code in instrument.codes("external"):
        np.testing.assert_array_equal(read.answers[code], raw[code.upper()])
    np.testing.assert_array_equal(read.answers["weight"], raw["withinwt"])


def test_missing_answers_are_counted_by_kind(read: FinishedSurvey, instrument: Instrument) -> None:
    """Counted in the data file: of 1,199, q44a has 528 "do not know" and 10 refusals."""
    row = item_nonresponse(read.answers, instrument, "external").set_index("item").loc["q44a"]
    assert (row["n"], row["dont_know"], row["refused"]) == (661, 528 / 1199, 10 / 1199)


def test_weight_that_is_not_there_is_named_with_the_nearest(path: Path, instrument: Instrument) -> None:
    with pytest.raises(InputError, match="did you mean 'withinwt'"):
        read_survey(path, instrument, "external", COLUMNS | {"weight": "withinwgt"})


def test_every_figure_has_all_that_belongs_to_it(read: FinishedSurvey, instrument: Instrument) -> None:
    table = read.estimates(0.95)
    needed = ["estimate", "se", "ci_low", "ci_high", "level", "n", "effective_n", "df_design", "status"]
    assert isinstance(table, pd.DataFrame)
    assert table[needed].notna().all(axis=None)
    assert ((table["ci_low"] <= table["estimate"]) & (table["estimate"] <= table["ci_high"])).all()
