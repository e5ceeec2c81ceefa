"""A workspace of its own for every test, and short ways to write the files that institutions and vendors send.

All people in these tests are generated; no name, number or address belongs to anyone.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.params.mapping import EventMapping, FrameMapping, ResponseMapping, load_mapping
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault, VaultKey

PARAMS = Path(__file__).parents[2] / "params"
CITY = "kota-mojokerto"
ROUND = "spi_2024"
Rows = Sequence[Sequence[object]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    shutil.copytree(PARAMS, tmp_path / "work" / "params")
    return Workspace(tmp_path / "work")


@pytest.fixture
def setup(workspace: Workspace) -> RoundSetup:
    return load_setup(workspace, ROUND)


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return Store(workspace.data / ROUND)


@pytest.fixture
def key() -> VaultKey:
    return VaultKey(b"k" * 32)


@pytest.fixture
def vault(workspace: Workspace, key: VaultKey) -> Vault:
    secrets = {name: name.encode().ljust(32, b".") for name in ("person_id", "prn", "link_token")}
    return Vault.create(workspace.data / "vault", key, secrets)


@pytest.fixture(scope="session")
def frame_words() -> FrameMapping:
    return load_mapping(Workspace(PARAMS.parent), "frame")


@pytest.fixture(scope="session")
def event_words() -> EventMapping:
    return load_mapping(Workspace(PARAMS.parent), "events")


@pytest.fixture(scope="session")
def response_words() -> ResponseMapping:
    return load_mapping(Workspace(PARAMS.parent), "responses")


@pytest.fixture
def write_xlsx(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, rows: Rows, **more_sheets: Rows) -> Path:
        book = openpyxl.Workbook()
        for title, content in {"Sheet1": rows, **more_sheets}.items():
            sheet = book.active if title == "Sheet1" else book.create_sheet(title)
            sheet.title = title
            for row in content:
                sheet.append(list(row))
        book.save(tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, rows: Rows, delimiter: str = ";", encoding: str = "utf-8") -> Path:
        with (tmp_path / name).open("w", newline="", encoding=encoding) as handle:
            csv.writer(handle, delimiter=delimiter).writerows(rows)
        return tmp_path / name

    return write


@pytest.fixture
def draw_everyone(store: Store) -> Callable[[str], pd.DataFrame]:
    """Write a sample that takes everyone on an institution's list."""

    def draw(institution_id: str) -> pd.DataFrame:
        who = store.read("frame", institution_id)[["institution_id", "person_id", "source"]]
        design = {
            "stratum": "all",
            "pop_size": len(who),
            "inclusion_prob": 1.0,
            "base_weight": 1.0,
            "prn": 0.5,
            "wave": 1,
        }
        store.write("sample", institution_id, who.assign(**design))
        return store.read("sample", institution_id)

    return draw


@pytest.fixture
def employees() -> list[list[object]]:
    """A small list of employees, one of each kind."""
    return [
        ["No", "Nama", "NIP", "Jabatan", "Unit Kerja", "No HP", "Email", "JK", "Tanggal Lahir", "TMT", "TMT Unit"],
        [1, "Budi Contoh", "198503152010011001", "Kepala Dinas", "Dinas Sosial", "081200000001", "budi@contoh.id", "L",
         "15/03/1985", "01/01/2010", "01/01/2020"],
        [2, "Siti Contoh", "198604202011012002", "Staf", "Dinas Sosial", "081200000002", None, "P",
         "20 April 1986", "2011-01-01", "2015-01-01"],
        [3, "Agus Contoh", "199001012023011003", "Staf", "Dinas Sosial", None, "agus@contoh.id", "L",
         "01/01/1990", "01/01/2023", "01/01/2023"],
    ]  # fmt: skip


@pytest.fixture
def bring(setup, store, vault):
    def bring(*files, **options):
        return import_frame(files, setup, store, vault, **options)

    return bring
