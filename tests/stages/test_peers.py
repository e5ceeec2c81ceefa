"""The table of peers: released figures of all institutions, frozen on a day; the published years until there is one."""

import dataclasses
import datetime as dt

import pandas as pd
import pytest

from spi_analysis.errors import StoreError
from spi_analysis.stages.peers import KEYS, RESPONSE, Peers, peers_of, peers_path, write_peers
from spi_analysis.stages.report import freeze_peers
from spi_analysis.tables.store import Store
from tests.stages.conftest import elsewhere

DAY = dt.date(2024, 12, 20)


@pytest.fixture
def place(setup, tmp_path):
    """The round in an empty workspace with the same parameters."""
    return elsewhere(setup, tmp_path)


def _rows(setup, values, **more):
    own = setup.roster["kota-mojokerto"]
    facts = {"type": own.type, "size_class": own.size_class, "province_code": own.province_code}
    rows = [{"measure": "index", "source": None, "part": None, "value": x, **facts, **more} for x in values]
    return pd.DataFrame(rows).assign(institution_id=[f"other-{i}" for i in range(len(rows))])


def test_the_table_keeps_what_pages_show_and_the_same_rows_give_the_same_bytes(place):
    rows = pd.concat([_rows(place, [70.123, 71.987]), _rows(place, [0.27155], measure=RESPONSE, source="internal")])
    table = write_peers(place, rows, DAY, "round")
    assert table["value"].tolist() == [70.12, 71.99, 0.272], "as pages round them: 70.12, 71.99 and 27.2%"
    before = peers_path(place).read_bytes()
    write_peers(place, rows.iloc[::-1], DAY, "round")
    assert peers_path(place).read_bytes() == before


def test_an_institution_is_not_its_own_peer_and_nine_are_no_group(place):
    write_peers(place, _rows(place, range(60, 70)), DAY, "round")
    peers = peers_of(place, "kota-mojokerto")
    assert peers.summary("type", "index") == {"median": 64.5, "top_quartile": 66.75, "institutions": 10.0}
    assert (peers.as_of, peers.basis) == (DAY, "round")
    own = _rows(place, range(60, 70)).replace({"institution_id": {"other-0": "kota-mojokerto"}})
    write_peers(place, own, DAY, "round")
    assert peers_of(place, "kota-mojokerto").groups() == [], "nine others"


def test_until_there_is_a_table_the_latest_published_year_stands_in(place):
    peers = peers_of(place, "kota-mojokerto")
    assert (peers.basis, peers.as_of) == ("published", dt.date(2023, 12, 31))
    assert set(peers.table["measure"]) <= {"index", "source_score"}, "what is not published is not known"
    assert "kota-mojokerto" not in set(peers.table["institution_id"])


def test_of_no_known_kind_there_are_no_peers(place):
    """Two ministries have no province: they share none."""
    one = place.roster["kota-mojokerto"].model_copy(update={"province_code": None})
    table = _rows(place, range(60, 75)).assign(province_code=None)
    peers = Peers(one, table.assign(as_of="2024-12-20", basis="round"), 10, DAY, "round")
    assert peers.groups() == ["type", "size_class"]


def test_a_round_with_too_few_released_results_is_refused(place, scored):
    store = Store(place.workspace.data / "spi_2024")
    with pytest.raises(StoreError, match="too few institutions"):
        freeze_peers(place, store, DAY)
    assert not peers_path(place).exists()


def test_only_released_figures_of_the_round_come_into_the_table(place, drawn, scored, monkeypatch):
    """One scored town is peers enough where one may be shown; hidden figures are not among its rows."""
    from spi_analysis.stages.score import save_estimates
    from spi_analysis.stages.weight import save_weights

    store = Store(place.workspace.data / "spi_2024")
    for table in ("frame", "sample", "events", "responses"):
        store.write(table, "kota-mojokerto", getattr(drawn, table))
    save_weights(store, "kota-mojokerto", drawn.weighted)
    save_estimates(store, "kota-mojokerto", scored)
    limits = place.round.disclosure.model_copy(update={"min_cell": 1})
    few = dataclasses.replace(place, round=place.round.model_copy(update={"disclosure": limits}))
    table = freeze_peers(few, store, DAY)
    shown = scored.estimates[scored.estimates["status"] == "shown"]
    assert set(table["measure"]) >= {"index", "source_score", "dimension_score", RESPONSE}
    index = shown.loc[shown["measure"] == "index", "estimate"].iloc[0]
    assert table.loc[table["measure"] == "index", "value"].tolist() == [round(index, 2)]
    assert not table.duplicated([*KEYS, "institution_id"]).any()
