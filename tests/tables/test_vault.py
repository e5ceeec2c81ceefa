import json
import shutil
import stat

import pandas as pd
import pytest

from spi_analysis.errors import VaultError
from spi_analysis.tables import vault as vault_module
from spi_analysis.tables.vault import Vault, VaultKey

NEW = VaultKey(b"n" * 32)
PEOPLE = pd.DataFrame(
    {
        "person_id": ["person-one", "person-two"],
        "name": ["Budi Contoh", "Siti Contoh"],
        "phone": ["+6281200000001", None],
        "phone_2": [None, None],
        "email": [None, "siti@contoh.id"],
    }
)


@pytest.fixture
def filled(vault):
    for institution in ("kota-mojokerto", "kota-bengkulu"):
        for source in ("internal", "external"):
            vault.write_contacts("spi_2024", institution, source, PEOPLE)
    vault.write_rejected("spi_2024", "kota-mojokerto", "internal", PEOPLE)
    return vault


def contents(vault):
    return [vault.read_contacts("spi_2024", i, s)["name"].tolist() for i in ("kota-mojokerto", "kota-bengkulu")
            for s in ("internal", "external")] + [vault.secret(name) for name in vault_module.SECRETS]  # fmt: skip


def test_contacts_come_back_as_they_went_in(filled):
    back = filled.read_contacts("spi_2024", "kota-mojokerto", "internal")
    assert back["phone"].tolist()[0] == "+6281200000001"
    assert pd.isna(back["phone"][1])
    assert set(back["institution_id"]) == {"kota-mojokerto"}
    assert filled.read_rejected("spi_2024", "kota-mojokerto", "internal").shape == PEOPLE.shape


def test_nothing_in_the_files_is_readable(filled):
    everything = b"".join(path.read_bytes() for path in filled.root.rglob("*") if path.is_file())
    for plain in (b"Budi", b"Siti", b"81200000001", b"contoh.id", b"person-one", b"PAR1", filled.secret("prn")):
        assert plain not in everything


def test_only_the_owner_can_enter(filled):
    for path in (filled.root, *filled.root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name


def test_the_wrong_key_is_told_by_its_fingerprint(filled, key):
    with pytest.raises(VaultError, match="not the key of this vault") as caught:
        Vault.open(filled.root, NEW)
    problem = caught.value.problems[0]
    assert problem.got == f"key {NEW.fingerprint}"
    assert problem.expected == f"key {key.fingerprint}"


def test_a_vault_is_not_made_twice_nor_over_lost_state(filled, key):
    with pytest.raises(VaultError, match="already"):
        Vault.create(filled.root, key)
    (filled.root / "vault.json").unlink()
    with pytest.raises(VaultError, match="already"):
        Vault.create(filled.root, key)


def test_an_entry_in_anothers_place_is_refused(filled):
    folder = filled.root / "spi_2024" / "contacts"
    shutil.copy(folder / "kota-bengkulu__internal.bin", folder / "kota-mojokerto__internal.bin")
    with pytest.raises(VaultError, match="another's place"):
        filled.read_contacts("spi_2024", "kota-mojokerto", "internal")


@pytest.mark.parametrize("damage", [b"", b"SPIVAULT", b"x" * 200])
def test_a_damaged_entry_is_refused(filled, damage):
    (filled.root / "spi_2024" / "contacts" / "kota-mojokerto__internal.bin").write_bytes(damage)
    with pytest.raises(VaultError, match="cannot be opened"):
        filled.read_contacts("spi_2024", "kota-mojokerto", "internal")


@pytest.mark.parametrize("state", ["", "[]", '{"format": 9, "key": "x"}'])
def test_a_damaged_state_is_refused(filled, key, state):
    (filled.root / "vault.json").write_text(state, encoding="utf-8")
    with pytest.raises(VaultError, match=r"vault\.json"):
        Vault.open(filled.root, key)


def test_a_missing_vault_or_entry_is_told(tmp_path, vault, key):
    with pytest.raises(VaultError, match="no contact vault"):
        Vault.open(tmp_path / "nowhere", key)
    with pytest.raises(VaultError, match="no such entry"):
        vault.read_contacts("spi_2024", "kota-bengkulu", "internal")
    with pytest.raises(VaultError, match="unknown secret"):
        vault.secret("seed")
    with pytest.raises(VaultError, match="contacts lack columns"):
        vault.write_contacts("spi_2024", "kota-bengkulu", "internal", PEOPLE.drop(columns="phone_2"))


def test_secrets_are_fresh_unless_given(tmp_path, key):
    one, other = Vault.create(tmp_path / "a", key), Vault.create(tmp_path / "b", key)
    assert one.secret("prn") != other.secret("prn")
    assert len(one.secret("prn")) == 32
    with pytest.raises(VaultError, match="not the vault's secrets"):
        Vault.create(tmp_path / "c", key, {"prn": b"x" * 32})
    with pytest.raises(VaultError, match="too short"):
        Vault.create(tmp_path / "c", key, dict.fromkeys(vault_module.SECRETS, b"x"))


def test_a_rotation_keeps_everything_but_the_key(filled, key):
    before, done = contents(filled), []
    rotated = Vault.rotate(filled.root, key, NEW, lambda n, total: done.append((n, total)))
    assert contents(rotated) == before
    assert done[-1] == (6, 6), "four lists, one entry of rejected rows, the secrets"
    with pytest.raises(VaultError, match="not the key"):
        Vault.open(filled.root, key)
    state = json.loads((filled.root / "vault.json").read_text(encoding="utf-8"))
    assert set(state) == {"format", "key", "file_digest"}, "the old key is not kept"


@pytest.mark.parametrize("killed_at", range(8))
def test_a_rotation_killed_at_any_point_loses_nothing(filled, key, monkeypatch, killed_at):
    before, writes = contents(filled), []

    def write(real):
        def counted(path, *rest, **options):
            if len(writes) == killed_at:
                raise KeyboardInterrupt
            writes.append(path)
            return real(path, *rest, **options)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(vault_module, "write_bytes", write(vault_module.write_bytes))
        patch.setattr(vault_module, "write_record", write(vault_module.write_record))
        with pytest.raises(KeyboardInterrupt):
            Vault.rotate(filled.root, key, NEW)
    in_force = key if killed_at == 0 else NEW
    assert contents(Vault.open(filled.root, in_force)) == before, "one key reads everything in between"
    assert contents(Vault.rotate(filled.root, key, NEW)) == before, "called again, it goes on"


def test_the_old_key_alone_is_told_what_happened(filled, key, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vault_module, "write_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            Vault.rotate(filled.root, key, NEW)
    with pytest.raises(VaultError, match="being replaced"):
        Vault.open(filled.root, key)
    with pytest.raises(VaultError, match="another change of key is not finished"):
        Vault.rotate(filled.root, NEW, VaultKey(b"3" * 32))


def test_what_a_killed_process_left_half_written_is_passed_over(filled, key):
    (filled.root / "spi_2024" / "contacts" / ".kota-mojokerto__internal.x1.bin").write_bytes(b"half")
    assert contents(Vault.rotate(filled.root, key, NEW)) == contents(Vault.open(filled.root, NEW))
