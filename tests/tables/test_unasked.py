import pandas as pd

from spi_analysis.tables.preflight import check_round
from spi_analysis.tables.round_data import unasked_items


def answers(setup, **given):
    codes = [code for source in ("internal", "external", "expert") for code in setup.instrument.codes(source)]
    table = pd.DataFrame({"source": ["internal", "internal", "expert"], **dict.fromkeys(codes, 4.0)})
    return table.assign(**given)


def test_an_item_without_any_answer_is_named_for_its_source_only(setup):
    """Three rows: int_con_1 is empty for both employees; nobody of the users answered, so nothing is said of them."""
    table = answers(setup, int_con_1=[None, None, None], int_exp_1=[None, 8.0, None], ext_fai_1=None)
    assert unasked_items(table, setup.instrument)["internal"] == ["int_con_1"], "do not know is an answer"
    assert "external" not in unasked_items(table, setup.instrument)


def test_a_column_that_is_not_there_at_all_counts_too(setup):
    table = answers(setup).drop(columns="int_con_1")
    assert unasked_items(table, setup.instrument)["internal"] == ["int_con_1"]


def test_the_preflight_says_it_without_holding_anything_up(workspace, setup, store, key):
    table = answers(setup, int_con_1=float("nan"), institution_id="kota-mojokerto", person_id=["a", "b", "c"])
    store.write("responses", "kota-mojokerto", table.assign(started_at=pd.NaT, completed_at=pd.NaT))
    found = check_round(workspace, "spi_2024", key).issues
    (row,) = found[found["got"] == "no answer: int_con_1"].itertuples()
    assert (row.severity, row.blocks) == ("warning", "")
    assert row.what.startswith("nobody of source internal has any answer to 1 of ")
