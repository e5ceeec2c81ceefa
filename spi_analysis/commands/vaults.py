"""`spi vault`: key, backup, rotation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import KeyOption, WorkspaceOption, out

vaults = typer.Typer(
    no_args_is_help=True,
    help="The vault of names, phone numbers and e-mails.\n\nExample: spi vault init --key-file ~/spi-vault.key",
)


@vaults.command("init")
def vault_init(
    key_file: Annotated[Path, typer.Option("--key-file", help="New key file, outside the workspace.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Make a key file and an empty vault.

    Example: spi vault init --key-file ~/spi-vault.key
    """
    from spi_analysis.params import find_workspace
    from spi_analysis.tables import Vault, create_key_file, refuse_in_demo

    place = find_workspace(workspace)
    refuse_in_demo(place, "a vault for real people")
    vault = Vault.create(place.data / "vault", create_key_file(key_file, place.root))
    out.print(f"vault made; key {vault.fingerprint} in {key_file}: keep a second copy (spi vault backup)")


@vaults.command("backup")
def vault_backup(
    copy: Annotated[Path, typer.Argument(help="Where to write the copy.")],
    workspace: WorkspaceOption = None,
    key_file: KeyOption = None,
) -> None:
    """Write a second copy of the key, outside the workspace.

    Example: spi vault backup /media/safe/spi-vault.key
    """
    from spi_analysis.params import find_workspace
    from spi_analysis.tables import VaultKey

    place = find_workspace(workspace)
    key = VaultKey.load(place.root, key_file)
    out.print(f"key {key.fingerprint} copied to {key.backup(copy, place.root)}")


@vaults.command("rotate")
def vault_rotate(
    new_key_file: Annotated[Path, typer.Option("--new-key-file", help="The new key; made if it does not exist.")],
    workspace: WorkspaceOption = None,
    key_file: KeyOption = None,
) -> None:
    """Lock the vault with a new key; can be interrupted and run again.

    Example: spi vault rotate --key-file ~/old.key --new-key-file ~/new.key
    """
    from spi_analysis.params import find_workspace
    from spi_analysis.tables import Vault, VaultKey, create_key_file

    place = find_workspace(workspace)
    old = VaultKey.load(place.root, key_file)
    new = (
        VaultKey.load(place.root, new_key_file) if new_key_file.exists() else create_key_file(new_key_file, place.root)
    )
    vault = Vault.rotate(place.data / "vault", old, new)
    out.print(f"the vault now opens with key {vault.fingerprint} only")
