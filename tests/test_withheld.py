"""A result that is withheld is nowhere: every file that the round leaves is searched for its figures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.params import Workspace
from tests.demo import Demo, spi
from tests.test_privacy import _texts

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.slow, pytest.mark.long]
WITHHELD = "kota-mojokerto"
# What the commission published for this city and year: it would be withheld too, and tables of past years carry it.
PUBLISHED = ("77.29", "77,29")


def secrets(demo: Demo) -> list[str]:
    """The figures of the index, its parts and all scores: with many digits, as rows of CSV files write them (a figure
    of one decimal alone would be found everywhere), and the index as pages do.
    """
    table = demo.store.read("estimates", WITHHELD)
    figures = table[table["measure"].isin(["index", "source_score", "dimension_score", "unit_score", "index_change"])]
    values = figures[["estimate", "ci_low", "ci_high"]].stack()
    raw = [f"{value:.9f}"[:-2] for value in values if 0 < value < 100]
    rows = figures[["estimate", "se", "ci_low", "ci_high"]].dropna().to_numpy(dtype=float).tolist()
    written = [",".join(str(round(value, decimals)) for value in row) for row in rows for decimals in (1, 2)]
    index = f"{table.loc[table['measure'] == 'index', 'estimate'].iloc[0]:.2f}"
    return [*raw, *written, index, index.replace(".", ","), *PUBLISHED]


def found_in(files: list[Path], figures: list[str]) -> dict[str, list[str]]:
    texts = {path: _texts(path) for path in files}
    return {path.name: hits for path, text in texts.items() if (hits := [f for f in figures if f in text])}


def open_files(workspace: Workspace) -> list[Path]:
    """Pages, tables and notebooks about results: scores, the report with its tables, the overview."""
    outputs = workspace.outputs / "spi_2024"
    own = outputs / WITHHELD
    pages = [*own.glob("40_*"), *own.glob("50_*"), *own.glob("report.*"), *(own / "tables").glob("*.csv")]
    folders = (outputs, outputs / "overview", outputs / "tables")
    overview = [path for folder in folders for path in folder.glob("*")]
    return [path for path in [*pages, *overview] if path.is_file()]


@pytest.fixture(scope="module")
def withheld(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo once more, with one result withheld after all pages were made."""
    folder = tmp_path_factory.mktemp("withheld") / "workspace"
    shutil.copytree(demo.workspace.root, folder)
    place = Workspace(folder)
    inputs = place.params / "rounds" / "spi_2024.institutions.csv"
    table = pd.read_csv(inputs, dtype=str, keep_default_na=False)
    table.loc[table["institution_id"] == WITHHELD, ["release", "withheld_reason"]] = ["withheld", "conduct"]
    table.to_csv(inputs, index=False)
    done = spi(place, "run", WITHHELD, "--notebook", "40", "--notebook", "50", "--notebook", "90")
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_the_search_finds_figures_that_are_there(demo: Demo) -> None:
    found = found_in(open_files(demo.workspace), secrets(demo))
    assert {"index.csv", "composition.csv", "dimensions.csv", "report.id.html", "report.en.html"} <= set(found)


def test_nothing_of_a_withheld_result_is_in_any_file(demo: Demo, withheld: Workspace) -> None:
    files = open_files(withheld)
    assert len(files) > 20
    assert found_in(files, secrets(demo)) == {}


def test_the_stored_estimates_hold_no_figure(withheld: Workspace) -> None:
    table = pd.read_parquet(withheld.data / "spi_2024" / "estimates" / f"{WITHHELD}.parquet")
    assert table["status"].eq("withheld").all()
    assert table[["estimate", "se", "ci_low", "ci_high", "n", "effective_n"]].isna().all(axis=None)


def test_overview_on_the_terminal_keeps_it_back(withheld: Workspace) -> None:
    printed = spi(withheld, "overview", "--most", "50").stdout
    assert not [figure for figure in PUBLISHED if figure in printed]
    file = withheld.params / "published.csv"
    assert "77.29" in file.read_text(encoding="utf-8"), "it is in the file that is read"
    given = spi(withheld, "overview", "--published", str(file), "--most", "50").stdout
    assert not [figure for figure in PUBLISHED if figure in given]


def test_the_pages_say_why(withheld: Workspace) -> None:
    page = (withheld.outputs / "spi_2024" / WITHHELD / "report.en.html").read_text(encoding="utf-8")
    assert "conduct was not sound" in page
    overview = (withheld.outputs / "spi_2024" / "index.en.html").read_text(encoding="utf-8")
    assert "Withheld: " in overview
