"""A whole round on generated data: lists as received, import, draw, fieldwork, import."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spi_analysis.errors import StoreError
from spi_analysis.params import RoundSetup, Workspace
from spi_analysis.stages.draw import draw_institution
from spi_analysis.synthetic import SyntheticCity, make_city, received_lists, vendor_files
from spi_analysis.tables.demo_marks import demo_key, demo_secrets, demo_seed, mark_demo
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from spi_analysis.tables.invitations import write_invitations
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault


@dataclass(frozen=True)
class DemoRound:
    """What the demo made: the folder of lists as received, and counts to print."""

    received: Path
    listed: int
    rejected: int
    invited: int
    answered: int


def make_demo_round(setup: RoundSetup, seed: int, say: Callable[[str], None]) -> DemoRound:
    """Generate a round and carry it up to the imported answers, through the same doors as a real one."""
    workspace = setup.workspace
    _refuse_real_data(workspace)
    _clear(setup)
    mark_demo(workspace, seed)
    store = Store(workspace.data / setup.round.round_id)
    store.mark_synthetic(seed)
    vault = Vault.create(workspace.data / "vault", demo_key(seed), secrets=demo_secrets(seed))
    folder = workspace.root / "build" / "demo"
    say("generating people and their lists")
    cities = [make_city(setup, institution_id, seed) for institution_id in setup.institution_ids]
    lists = [path for city in cities for path in received_lists(city, folder / "received", seed)]
    say(f"importing {len(lists)} lists")
    imported = import_frame(lists, setup, store, vault)
    say("drawing samples and writing invitations")
    files = [path for city in cities for path in _fieldwork_files(city, setup, store, vault, folder, seed)]
    say("importing events and answers")
    import_events([path for path in files if _is_events(path)], setup, store, vault)
    import_responses([path for path in files if not _is_events(path)], setup, store, vault)
    return DemoRound(
        received=folder / "received",
        listed=int(imported.counts["read"].sum()),
        rejected=int(imported.counts["rejected"].sum()),
        invited=_rows(store, "sample"),
        answered=_rows(store, "responses"),
    )


def _fieldwork_files(
    city: SyntheticCity, setup: RoundSetup, store: Store, vault: Vault, folder: Path, seed: int
) -> list[Path]:
    draw_institution(setup, store, city.institution_id, vault.secret("prn"))
    invitations = write_invitations(setup, store, vault, city.institution_id)
    return vendor_files(city, invitations, folder / "vendor", setup, seed)


def _rows(store: Store, table: str) -> int:
    return int(store.query(f"select count(*) as n from {table}")["n"].iloc[0])


def _is_events(path: Path) -> bool:
    return "kejadian" in path.name or "event" in path.name


def _refuse_real_data(workspace: Workspace) -> None:
    """A demo never touches a store or a vault that it did not make."""
    if workspace.data.exists() and any(workspace.data.iterdir()) and demo_seed(workspace) is None:
        raise StoreError(
            "this workspace holds data that the demo did not make",
            file="data/",
            expected="no data, or those of an earlier demo",
            hint="run the demo in a fresh copy of the project",
        )


def _clear(setup: RoundSetup) -> None:
    for folder in (setup.workspace.data, setup.workspace.root / "build" / "demo"):
        shutil.rmtree(folder, ignore_errors=True)
