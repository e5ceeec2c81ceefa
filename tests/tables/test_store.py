"""The store: what a killed process left behind is no table."""

import pandas as pd

from spi_analysis.tables.files import write_parquet


def test_half_written_files_do_not_disturb_a_query(store):
    for name, people in (("kota-a", 2), ("kota-b", 3)):
        write_parquet(store.path("frame", name), pd.DataFrame({"institution_id": [name] * people}))
    (store.root / "frame" / ".kota-c.x1y2.parquet").write_bytes(b"half a file")
    write_parquet(store.root / "frame" / ".kota-b.x1y2.parquet", pd.DataFrame({"institution_id": ["kota-b"]}))
    assert store.institutions("frame") == ["kota-a", "kota-b"]
    counted = store.query("select institution_id, count(*) as n from frame group by all order by all")
    assert counted["n"].tolist() == [2, 3]
