import csv
import stat

import pytest

from spi_analysis.errors import VaultError
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.invitations import write_invitations

CITY = "kota-mojokerto"


@pytest.fixture
def drawn(setup, store, vault, write_xlsx, employees, draw_everyone):
    employees[2][1] = "@SUM(1)"
    import_frame([write_xlsx(f"{CITY}__internal.xlsx", employees)], setup, store, vault)
    return draw_everyone(CITY)


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_everyone_sampled_gets_a_line_and_nobodys_code_is_in_it(drawn, setup, store, vault):
    (path,) = write_invitations(setup, store, vault, CITY)
    assert path == store.root / "invitations" / f"{CITY}__internal.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = read(path)
    assert list(rows[0]) == ["token", "name", "phone", "email", "language"]
    expected = link_tokens(drawn["person_id"], "spi_2024", CITY, "internal", vault.secret("link_token"))
    assert sorted(row["token"] for row in rows) == sorted(expected)
    assert not any(person in path.read_text(encoding="utf-8") for person in drawn["person_id"])
    assert {row["phone"] for row in rows} == {"+6281200000001", "+6281200000002", ""}
    assert {row["language"] for row in rows} == {"id"}
    assert "'@SUM(1)" in {row["name"] for row in rows}, "no cell begins a formula, and nothing of a name is lost"


def test_the_same_sample_gives_the_same_bytes(drawn, setup, store, vault):
    (path,) = write_invitations(setup, store, vault, CITY)
    before = path.read_bytes()
    write_invitations(setup, store, vault, CITY)
    assert path.read_bytes() == before


def test_someone_without_contacts_is_an_error_and_nothing_is_written(drawn, setup, store, vault):
    contacts = vault.read_contacts("spi_2024", CITY, "internal")
    vault.write_contacts("spi_2024", CITY, "internal", contacts.iloc[1:])
    with pytest.raises(VaultError, match="1 of 3 people without contacts"):
        write_invitations(setup, store, vault, CITY)
    assert not (store.root / "invitations").exists()
