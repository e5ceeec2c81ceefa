"""Copies that can be restored, a person who is forgotten, contacts past their date; whole or not at all."""

import contextlib
import datetime as dt
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.errors import InputError, StoreError, VaultError
from spi_analysis.params import Workspace, frame_mapping
from spi_analysis.params.round import RetentionParams
from spi_analysis.reporting.analyst.data_protection import write_notices, write_processing_record
from spi_analysis.tables import end_of_life
from spi_analysis.tables.end_of_life import (
    back_up,
    destroy_contacts,
    drill,
    forget,
    people_in,
    restore,
    retention_reminder,
)
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.invitations import write_invitations
from spi_analysis.tables.remains import left_behind
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import read_table, without_half
from spi_analysis.tables.vault import Vault, VaultKey
from tests.kills import kill_after, numbered, times_of
from tests.tables.lists import CITY

DAY = dt.date(2025, 3, 1)
SITI = ("081200000002", "+6281200000002", "198604202011012002", "Siti")


@pytest.fixture
def filled(bring, write_xlsx, employees, draw_everyone, setup, store, vault):
    """Three employees (a fourth row is turned away: Siti again, under another number), all drawn and invited."""
    again = [4, "Siti Contoh", "198604202011012002", *employees[2][3:]]
    bring(write_xlsx(f"{CITY}__internal.xlsx", [*employees, again]))
    draw_everyone(CITY)
    write_invitations(setup, store, vault, CITY)
    return setup.workspace


def content(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def everything(workspace, vault) -> str:
    """All that can be read anywhere below data/, with the key."""
    tables = [vault.table(name).to_csv() for name in vault.tables()]
    files = [pd.read_parquet(path).to_csv() for path in workspace.data.rglob("*.parquet")]
    texts = [path.read_text() for path in workspace.data.rglob("*") if path.suffix in (".csv", ".json")]
    return "\n".join([*tables, *files, *texts])


def rules(workspace):
    return frame_mapping(workspace).phones


def person_of(vault, name="Siti Contoh"):
    listed = vault.read_contacts("spi_2024", CITY, "internal")
    return listed.set_index("name").loc[name, "person_id"]


@pytest.mark.parametrize("how", ["0812-0000-0002", "19860420 201101 2 002"])
def test_who_is_forgotten_is_nowhere_and_still_counts(filled, store, vault, how):
    before, code = store.read("frame", CITY), person_of(vault)
    assert all(mark in everything(filled, vault) for mark in (*SITI[1:], code))
    done = forget(filled, vault, how, rules(filled), DAY)
    assert (done.entries, done.tables, done.invitations) == (2, 2, 1), "contacts, rejected; frame, sample; a file"
    for mark in (*SITI, code):
        assert mark not in everything(filled, vault), mark
    frame, sample = store.read("frame", CITY), store.read("sample", CITY)
    assert set(frame["person_id"]) == set(sample["person_id"]), "all tables have the same new code"
    assert frame["person_id"].is_monotonic_increasing, "the place of a row does not tell its earlier code"
    same = ["sex", "unit", "age_group", "tenure_band"]
    assert sorted(map(tuple, frame[same].to_numpy())) == sorted(map(tuple, before[same].to_numpy()))
    assert person_of(vault, "Budi Contoh") in set(frame["person_id"]), "the others stay who they are"
    (said,) = store.read_record("forgotten", CITY).values()
    assert said == {"source": "internal", "on": "2025-03-01"}
    with pytest.raises(InputError, match="nobody is listed"):
        forget(filled, vault, how, rules(filled), DAY)


def test_a_number_that_several_people_share_is_refused_and_the_employee_number_decides(filled, vault):
    """An office telephone, on the lists of two institutions."""
    other = {"person_id": "other", "name": "Orang Lain", "phone": SITI[1], "phone_2": None, "email": None}
    number = "197001012000011001"
    vault.write_contacts("spi_2024", "kota-bengkulu", "internal", pd.DataFrame([other | {"employee_number": number}]))
    before = content(filled.data)
    with pytest.raises(InputError, match="several people are listed") as caught:
        forget(filled, vault, SITI[0], rules(filled), DAY)
    assert "000002" not in str(caught.value)
    assert content(filled.data) == before
    forget(filled, vault, SITI[2], rules(filled), DAY)
    assert vault.read_contacts("spi_2024", "kota-bengkulu", "internal")["name"].tolist() == ["Orang Lain"]


@pytest.mark.parametrize("killed_at", range(7))
def test_killed_at_any_file_the_next_call_ends_it(filled, store, vault, monkeypatch, killed_at):
    """Tables, invitations, entries: a KeyboardInterrupt in the place of each write, as kill -9 leaves it."""
    code, writes = person_of(vault), []

    def counted(real):
        def write(*arguments, **options):
            if len(writes) == killed_at:
                raise KeyboardInterrupt
            writes.append(arguments)
            return real(*arguments, **options)

        return write

    with monkeypatch.context() as patch:
        for name in ("write_parquet", "write_csv"):
            patch.setattr(end_of_life, name, counted(getattr(end_of_life, name)))
        for where, name in ((Store, "write_record"), (type(vault), "replace"), (type(vault), "drop")):
            patch.setattr(where, name, counted(getattr(where, name)))
        with pytest.raises(KeyboardInterrupt):
            forget(filled, vault, SITI[0], rules(filled), DAY)
    with pytest.raises(InputError, match="nobody is listed"):
        forget(filled, vault, SITI[0], rules(filled), DAY)
    assert not [mark for mark in (*SITI, code) if mark in everything(filled, vault)]
    assert set(store.read("frame", CITY)["person_id"]) == set(store.read("sample", CITY)["person_id"])
    assert len(store.read_record("forgotten", CITY)) == 1
    assert not vault.has("forgetting")


def test_a_backup_restores_every_byte_and_is_the_same_twice(filled, vault, key, tmp_path):
    before = {name: file for name, file in content(filled.data).items() if not name.startswith(".")}
    copy = tmp_path / "safe" / "a.tar"
    assert back_up(filled, copy) == len(before)
    assert copy.stat().st_mode & 0o777 == 0o600
    back_up(filled, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").read_bytes() == copy.read_bytes()
    found = drill(filled, copy, key).set_index("what")["rows"].to_dict()
    assert found["frame"] == found["sample"] == found["vault: contacts"] == 3
    assert found["vault: rejected"] == 1
    with pytest.raises(StoreError, match="data/ holds files already"):
        restore(filled, copy)
    shutil.rmtree(filled.data)
    assert restore(filled, copy) == len(before)
    assert content(filled.data) == before
    assert Store(filled.data / "spi_2024").read("frame", CITY)["person_id"].is_unique
    assert (filled.data.stat().st_mode & 0o777, (filled.data / "vault").stat().st_mode & 0o777) == (0o700, 0o700)


def test_a_damaged_backup_or_store_is_named_and_nothing_is_changed(filled, tmp_path):
    copy = tmp_path / "a.tar"
    back_up(filled, copy)
    whole, empty = copy.read_bytes(), Workspace(tmp_path / "elsewhere")
    (places,) = [[place for place in range(600, len(whole), len(whole) // 40) if whole[place]]]
    assert len(places) > 10
    for place in places:
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StoreError, match="the backup cannot be read"):
            restore(empty, copy)
        assert not list(empty.data.rglob("*.parquet"))
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="the backup cannot be read"):
        restore(empty, copy)
    path = filled.data / "spi_2024" / "frame" / f"{CITY}.parquet"
    content_ = path.read_bytes()
    path.write_bytes(content_[:50] + bytes([content_[50] ^ 1]) + content_[51:])
    with pytest.raises(StoreError, match=f"{CITY}.parquet"):
        back_up(filled, tmp_path / "c.tar")
    assert not (tmp_path / "c.tar").exists()
    with pytest.raises(StoreError, match="a new name outside data/"):
        back_up(filled, filled.data / "d.tar")


def kept_until(setup, day):
    retention = RetentionParams(contacts_until=day, source="test", as_of=day) if day else None
    return replace(setup, round=setup.round.model_copy(update={"retention": retention}))


def test_contacts_are_destroyed_after_their_date_with_a_certificate(filled, setup, store, vault):
    early, late = kept_until(setup, DAY), kept_until(setup, DAY - dt.timedelta(days=1))
    for one, words in ((early, "may not be destroyed yet"), (kept_until(setup, None), "names no retention date")):
        with pytest.raises(VaultError, match=words):
            destroy_contacts(one, vault, DAY)
        assert retention_reminder(one, DAY) is None
    assert "spi vault destroy" in retention_reminder(late, DAY)
    frame = store.read("frame", CITY)
    done = destroy_contacts(late, vault, DAY)
    assert done["destroyed_on"] == "2025-03-01"
    assert done["entries"][f"spi_2024/contacts/{CITY}__internal"] == 3
    assert store.read_record("vault_destroyed", "vault") == done
    assert vault.tables() == []
    assert not any(mark in everything(filled, vault) for mark in SITI)
    assert len(vault.secret("prn")) == 32, "the secrets stay: the draw can be verified, and rounds be coordinated"
    pd.testing.assert_frame_equal(store.read("frame", CITY), frame)
    assert retention_reminder(late, DAY) is None
    assert destroy_contacts(late, vault, DAY + dt.timedelta(days=9)) == done, "twice is once"


def another(workspace, folder):
    """A copy of a workspace with its data."""
    shutil.copytree(workspace.root, folder)
    return Workspace(folder)


@pytest.mark.slow
@pytest.mark.long
def test_import_forget_and_rotate_killed_at_ten_moments_leave_nothing_half(filled, key, tmp_path):
    """Kill -9: every entry and table can be read, and the same command once more ends what was begun."""
    new, tables = VaultKey(b"n" * 32), lambda place: without_half(sorted(place.data.glob("spi_2024/*/*.parquet")))

    def work(place):
        forget(place, Vault.open(place.data / "vault", key), SITI[0], rules(place), DAY)
        Vault.rotate(place.data / "vault", key, new)

    trial = another(filled, tmp_path / "trial")
    for name, moment in numbered(times_of(lambda: work(trial))):
        place = another(filled, tmp_path / name)
        kill_after(moment, lambda place=place: work(place))
        assert all(len(read_table(path)) == 3 for path in tables(place))
        try:
            vault = Vault.open(place.data / "vault", key)
        except VaultError:
            vault = Vault.open(place.data / "vault", new)
        assert all(len(vault.table(name)) for name in vault.tables() if "/contacts/" in name)
        if vault.keys[0] == key:
            with contextlib.suppress(InputError):
                forget(place, vault, SITI[0], rules(place), DAY)
        vault = Vault.rotate(place.data / "vault", key, new)
        assert not any(mark in everything(place, vault) for mark in SITI)
        assert not vault.has("forgetting")


@pytest.mark.slow
@pytest.mark.long
def test_an_import_killed_at_ten_moments_leaves_nothing_half(setup, write_xlsx, employees, key, tmp_path):
    """Kill -9: whoever is in the frame has contacts in the vault, and importing once more gives the whole list."""
    book = write_xlsx(f"{CITY}__internal.xlsx", employees)
    secrets = {name: name.encode().ljust(32, b".") for name in ("person_id", "prn", "link_token")}

    def fresh(name):
        place = Workspace(tmp_path / name)
        shutil.copytree(setup.workspace.params, place.params)
        Vault.create(place.data / "vault", key, secrets)
        return replace(setup, workspace=place)

    def work(told):
        vault = Vault.open(told.workspace.data / "vault", key)
        return import_frame([book], told, Store(told.workspace.data / "spi_2024"), vault)

    trial = fresh("trial")
    moments = times_of(lambda: work(trial))
    whole = Store(trial.workspace.data / "spi_2024").read("frame", CITY)
    for name, moment in numbered(moments):
        told = fresh(name)
        kill_after(moment, lambda told=told: work(told))
        store, vault = Store(told.workspace.data / "spi_2024"), Vault.open(told.workspace.data / "vault", key)
        if store.has("frame", CITY):
            listed = vault.read_contacts("spi_2024", CITY, "internal")
            assert set(store.read("frame", CITY)["person_id"]) <= set(listed["person_id"])
        work(told)
        pd.testing.assert_frame_equal(store.read("frame", CITY), whole)


@pytest.mark.slow
@pytest.mark.long
def test_a_restore_killed_at_ten_moments_leaves_nothing_half(filled, tmp_path):
    """Kill -9: data/ is empty or whole, what is left is named, and the same command once more ends it."""
    copy = tmp_path / "copy.tar"
    back_up(filled, copy)
    whole = {name: file for name, file in content(filled.data).items() if not name.startswith(".")}
    moments = times_of(lambda: restore(Workspace(tmp_path / "trial"), copy))
    for name, moment in numbered(moments):
        place = Workspace(tmp_path / name)
        kill_after(moment, lambda place=place: restore(place, copy))
        there = {name: file for name, file in content(place.data).items() if not name.startswith(".")}
        assert there in ({}, whole)
        halves = sorted(path.name for path in place.root.glob(".*"))
        assert sorted(path.name for path in left_behind(place.data)) == halves
        if not there:
            assert restore(place, copy) == len(whole)
        assert {name: file for name, file in content(place.data).items() if not name.startswith(".")} == whole
        back_up(place, tmp_path / f"{name}.tar")
        assert (tmp_path / f"{name}.tar").read_bytes() == copy.read_bytes()
        assert left_behind(place.data) == []


def test_a_leaked_file_is_led_back_to_people_and_fields(filled, vault):
    """Phone as somebody else writes it, an address in capitals, a link, a name alone; a year is nobody's."""
    (link,) = pd.read_csv(filled.data / "spi_2024" / "invitations" / f"{CITY}__internal.csv", dtype=str).query(
        "name == 'Agus Contoh'"
    )["token"]
    cells = ["0812 0000 0002", "BUDI@contoh.id", link, "Budi Contoh", 2024, None, "orang lain"]
    found = people_in(vault, cells, rules(filled)).set_index("name")["fields"].to_dict()
    assert found == {"Siti Contoh": "phone", "Budi Contoh": "name, email", "Agus Contoh": "link"}
    assert people_in(vault, ["0812", "198"], rules(filled)).empty


def test_papers_of_data_protection_are_drafted_from_the_parameters(setup, filled, vault, tmp_path):
    told = kept_until(setup, dt.date(2026, 12, 31))
    pages = {path.name: path.read_text() for path in write_processing_record(told)}
    assert set(pages) == {"processing.id.html", "processing.en.html"}
    for words in ("31 Desember 2026", "nomor pegawai (NIP)", "kurang dari 10 orang", "Internal (pegawai)"):
        assert words in pages["processing.id.html"], words
    assert "mengenal token yang berbeda" in pages["processing.id.html"]
    one = told.round.fieldwork.model_copy(update={"tokens": "one"})
    told = replace(told, round=told.round.model_copy(update={"fieldwork": one}))
    assert "mengenal token yang sama" in write_processing_record(told)[0].read_text()
    people, at = people_in(vault, [SITI[0]], rules(filled)), dt.datetime(2024, 8, 1, 9, tzinfo=dt.UTC)
    written = write_notices(told, tmp_path / "breach", people, "found.csv", "ab12", at)
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert "Siti Contoh" in written[0].read_text(encoding="utf-8-sig")
    for page in written[1:]:
        text = page.read_text()
        assert "Siti" not in text, "the notice names nobody"
        assert SITI[1][3:] not in text
        assert "3 x 24" in text
    assert "nomor telepon" in written[1].read_text()


@pytest.mark.parametrize("name", ["O'Brien Contoh", "Ma’ruf 'Contoh'", "'Ma`ruf Contoh"])
def test_a_name_with_an_apostrophe_is_forgotten_like_any_other(
    bring, write_xlsx, employees, draw_everyone, setup, store, vault, name
):
    """In a list, in the vault, among rejected rows, and in an invitation file, where an apostrophe may stand before."""
    header, first, theirs, *others = employees
    theirs, again = [theirs[0], name, *theirs[2:]], [4, name, SITI[2], *theirs[3:]]
    bring(write_xlsx(f"{CITY}__internal.xlsx", [header, first, theirs, *others, again]))
    draw_everyone(CITY)
    write_invitations(setup, store, vault, CITY)
    kept = person_of(vault, "Budi Contoh")
    listed = vault.read_contacts("spi_2024", CITY, "internal")
    (stored,) = set(listed["name"]) - set(pd.Series([row[1] for row in (first, *others)]))
    assert stored in everything(setup.workspace, vault)
    done = forget(setup.workspace, vault, SITI[0], rules(setup.workspace), DAY)
    assert (done.entries, done.invitations) == (2, 1)
    assert stored not in everything(setup.workspace, vault)
    assert person_of(vault, "Budi Contoh") == kept
