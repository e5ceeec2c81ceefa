"""A file that is named twice is one file, under its own name: the operator's folders go to nobody."""

import pandas as pd

from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.readers import in_order


def test_a_file_named_twice_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "a.csv"
    path.touch()
    monkeypatch.chdir(tmp_path)
    assert list(in_order([path, "mine/a.csv", "mine/../mine/a.csv"]).values()) == ["a.csv"]


def test_the_workbook_for_the_institution_names_the_file_only(setup, store, vault, write_xlsx, employees, workspace):
    path = write_xlsx("kota-mojokerto__internal.xlsx", employees)
    result = import_frame([path, path], setup, store, vault)
    assert result.counts["file"].tolist() == [path.name]
    assert result.counts["read"].sum() == 3
    book = pd.read_excel(
        workspace.outputs / "spi_2024" / "kota-mojokerto" / "frame_problems.xlsx", sheet_name=None, header=None
    )
    texts = " ".join(str(cell) for sheet in book.values() for cell in sheet.to_numpy().ravel())
    assert path.name in texts
    assert f"{path.parent.name}/" not in texts
