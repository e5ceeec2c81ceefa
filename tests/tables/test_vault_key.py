import stat

import pytest

from spi_analysis.errors import VaultError
from spi_analysis.tables.vault import VaultKey, create_key_file


def test_a_key_file_is_private_and_says_which_key_it_is(workspace, tmp_path):
    path = tmp_path / "spi.key"
    key = create_key_file(path, workspace.root)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.fingerprint in path.read_text(encoding="utf-8").splitlines()[0]
    assert VaultKey.load(workspace.root, path) == key


def test_a_key_file_is_never_overwritten(workspace, tmp_path):
    create_key_file(tmp_path / "spi.key", workspace.root)
    before = (tmp_path / "spi.key").read_bytes()
    with pytest.raises(VaultError, match="exists already"):
        create_key_file(tmp_path / "spi.key", workspace.root)
    assert (tmp_path / "spi.key").read_bytes() == before


def test_no_key_inside_the_workspace(workspace, tmp_path):
    inside = workspace.root / "data" / "spi.key"
    with pytest.raises(VaultError, match="inside the workspace"):
        create_key_file(inside, workspace.root)
    assert not inside.exists()
    key = create_key_file(tmp_path / "spi.key", workspace.root)
    (workspace.root / "link.key").write_text(key.text, encoding="utf-8")
    (tmp_path / "outside").symlink_to(workspace.root / "link.key")
    with pytest.raises(VaultError, match="inside the workspace"):
        VaultKey.load(workspace.root, tmp_path / "outside")


def test_where_the_key_comes_from(workspace, tmp_path):
    key, other = (
        create_key_file(tmp_path / "a.key", workspace.root),
        create_key_file(tmp_path / "b.key", workspace.root),
    )
    variables = {"SPI_VAULT_KEY": key.text, "SPI_VAULT_KEY_FILE": str(tmp_path / "b.key")}
    assert VaultKey.load(workspace.root, environ=variables) == key, "the key itself goes before its file"
    assert VaultKey.load(workspace.root, environ={"SPI_VAULT_KEY_FILE": variables["SPI_VAULT_KEY_FILE"]}) == other
    assert VaultKey.load(workspace.root, tmp_path / "b.key", variables) == other, "a path given goes before all"


def test_a_key_is_never_made_in_passing(workspace):
    with pytest.raises(VaultError, match="SPI_VAULT_KEY_FILE"):
        VaultKey.load(workspace.root, environ={})


def test_what_is_wrong_with_a_key_is_said_without_showing_it(workspace, tmp_path):
    (tmp_path / "open.key").write_text("x", encoding="utf-8")
    with pytest.raises(VaultError, match="chmod 600"):
        VaultKey.load(workspace.root, tmp_path / "open.key")
    with pytest.raises(VaultError, match="cannot be read"):
        VaultKey.load(workspace.root, tmp_path / "none.key")
    with pytest.raises(VaultError, match="not a vault key") as caught:
        VaultKey.load(workspace.root, environ={"SPI_VAULT_KEY": "c2VjcmV0"})
    assert "c2VjcmV0" not in str(caught.value)
    assert "secret" not in repr(VaultKey(b"secret" * 5 + b"xx"))


def test_a_backup_is_the_same_key_elsewhere(workspace, tmp_path):
    key = VaultKey.generate()
    path = key.backup(tmp_path / "safe" / "copy.key", workspace.root)
    assert VaultKey.load(workspace.root, path) == key
    with pytest.raises(VaultError, match="inside the workspace"):
        key.backup(workspace.root / "copy.key", workspace.root)
