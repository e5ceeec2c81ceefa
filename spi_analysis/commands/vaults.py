"""`spi vault`; copies of all data, people who ask to be forgotten, whose data leaked, papers of data protection."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import (
    KeyOption,
    RoundOption,
    WorkspaceOption,
    finish,
    open_key,
    open_setup,
    open_vault,
    out,
    print_table,
)
from spi_analysis.errors import StoreError

vaults = typer.Typer(
    no_args_is_help=True,
    help="The vault of names, phone numbers and e-mails.\n\nExample: spi vault init --key-file ~/spi-vault.key",
)

endings = typer.Typer()


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


@vaults.command("destroy")
def vault_destroy(
    round_id: Annotated[str, typer.Argument(help="Round, such as spi_2024.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: WorkspaceOption = None,
    key_file: KeyOption = None,
) -> None:
    """Delete all contacts of a round once its retention date has passed; keeps a certificate.

    Example: spi vault destroy spi_2024
    """
    from spi_analysis.tables import destroy_contacts

    setup = open_setup(workspace, round_id)
    if not yes:
        typer.confirm(f"delete all names, numbers and addresses of {round_id} for good?", abort=True)
    done = destroy_contacts(setup, open_vault(setup.workspace, key_file), dt.date.today())
    out.print(f"{sum(done['entries'].values()):,} rows of {len(done['entries'])} lists destroyed", highlight=False)
    out.print(f"certificate  data/{round_id}/vault_destroyed/vault.json; backups made before hold them still")


@endings.command()
def backup(
    target: Annotated[Path, typer.Argument(help="New file, outside data/.")], workspace: WorkspaceOption = None
) -> None:
    """Copy all data, encrypted contacts included, into one file. The vault's key is not in it.

    Example: spi backup /media/safe/spi-2024-08-01.tar
    """
    from spi_analysis.params import find_workspace
    from spi_analysis.tables import back_up

    files = back_up(find_workspace(workspace), target)
    out.print(f"{files:,} files in {target}; keep the key elsewhere: spi vault backup", markup=False, highlight=False)


@endings.command()
def restore(
    source: Annotated[Path, typer.Argument(help="File that spi backup wrote.")],
    dry: Annotated[bool, typer.Option("--drill", help="Only try it: read all, change nothing.")] = False,
    workspace: WorkspaceOption = None,
    key_file: KeyOption = None,
) -> None:
    """Put a backup in the place of an empty data/; every file is checked before.

    Example: spi restore /media/safe/spi-2024-08-01.tar --drill
    """
    from spi_analysis.params import find_workspace
    from spi_analysis.tables import drill
    from spi_analysis.tables import restore as put_back

    place = find_workspace(workspace)
    if dry:
        print_table("Restored for a trial, read, and removed again", drill(place, source, open_key(place, key_file)))
        return
    out.print(f"{put_back(place, source):,} files restored; next: spi check", highlight=False)


@endings.command()
def forget(
    person: Annotated[str, typer.Argument(help="Phone number or employee number (NIP).")],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Take a person out of vault and invitations; what counts in the statistics stays under a code of nobody.

    Example: spi forget 0812-0000-0001
    """
    from spi_analysis.params import frame_mapping
    from spi_analysis.runner import is_running
    from spi_analysis.tables import forget as take_out

    setup = open_setup(workspace, round_id)
    if is_running(setup):
        raise StoreError(
            "notebooks are running: they write tables by the codes of people",
            hint="wait until spi run has ended (spi status --watch), then run this again; nothing was changed",
        )
    rules = frame_mapping(setup.workspace, None, None).phones
    done = take_out(setup.workspace, open_vault(setup.workspace, key_file), person, rules, dt.date.today())
    out.print(
        f"gone from {done.entries} entries of the vault and {done.invitations} invitation files; another code in "
        f"{done.tables} tables\nnext: spi run; backups made before hold the person still", highlight=False,
    )  # fmt: skip
    for name in done.kept:
        out.print(f"data/.kept/{name} holds the person still: remove it", style="yellow", highlight=False)


@endings.command()
def breach(
    leaked: Annotated[Path, typer.Argument(help="The file that got out: a table such as CSV or XLSX.")],
    folder: Annotated[Path, typer.Option("--folder", help="New folder for list and notices, for your eyes only.")],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Whose data a leaked file holds, and which: a list of people, and a draft of the notice to them.

    Example: spi breach found.csv --folder ~/breach-2024-08-01
    """
    import hashlib

    from spi_analysis.params import frame_mapping
    from spi_analysis.reporting.analyst import write_notices
    from spi_analysis.tables import people_in
    from spi_analysis.tables.importing import read_sheets

    setup = open_setup(workspace, round_id)
    cells = [cell for sheet in read_sheets(leaked) for row in sheet.rows for cell in row]
    rules = frame_mapping(setup.workspace, None, None).phones
    people = people_in(open_vault(setup.workspace, key_file), cells, rules)
    digest, at = hashlib.sha256(leaked.read_bytes()).hexdigest(), dt.datetime.now().astimezone()
    written = write_notices(setup, folder, people, leaked.name, digest, at)
    named = int((people["fields"] == "name").sum())
    out.print(f"{len(people):,} rows of the vault are in it, {named:,} of them by name alone", highlight=False)
    finish([], written, setup.workspace)


@endings.command("data-protection")
def data_protection(workspace: WorkspaceOption = None, round_id: RoundOption = None) -> None:
    """Drafts of the record of processing and of the assessment of risks, from the round's parameters.

    Example: spi data-protection
    """
    from spi_analysis.reporting.analyst import write_processing_record

    setup = open_setup(workspace, round_id)
    finish([], write_processing_record(setup), setup.workspace)
