"""`spi simulate` as a person runs it: the table, the page in both languages, the same bytes again."""

import pandas as pd
import pytest

from tests.demo import copy_inputs, spi

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("simulate")]
CITY = "kota-pangkalpinang"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    workspace = copy_inputs(tmp_path_factory.mktemp("simulate") / "w")
    done = spi(workspace, "simulate", CITY, "--runs", "3", "--response", "0.0831", "--workers", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    return workspace, done.stdout


def test_the_table_holds_all_measures_designs_and_kinds_of_response(simulated):
    workspace, printed = simulated
    table = pd.read_csv(workspace.institution_outputs("spi_2024", CITY) / "designs" / "designs.csv")
    assert len(table) == 4 * 6 * 3
    assert not table.duplicated(["measure", "design", "answering", "response_rate"]).any()
    assert (table["runs"] + table["without_estimate"]).eq(3).all()
    assert "The index under competing designs" in printed
    assert "8.31%" in printed


def test_the_page_is_there_in_both_languages_and_leads_to_the_table(simulated):
    workspace, _ = simulated
    folder = workspace.institution_outputs("spi_2024", CITY)
    for language, said in (
        ("en", "no sample size removes it"),
        ("id", "tidak dapat diatasi dengan memperbesar sampel"),
    ):
        page = (folder / f"15_design_simulator.{language}.html").read_text(encoding="utf-8")
        assert said in page
        assert 'href="designs/designs.csv"' in page
        assert page.count("<table") == 1, "one table: one response rate was asked for"


@pytest.mark.long
def test_the_same_seeds_give_the_same_bytes(simulated):
    workspace, _ = simulated
    path = workspace.institution_outputs("spi_2024", CITY) / "designs" / "designs.csv"
    first = path.read_bytes()
    assert spi(workspace, "simulate", CITY, "--runs", "3", "--response", "0.0831", "--workers", "2").returncode == 0
    assert path.read_bytes() == first
