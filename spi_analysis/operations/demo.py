"""A whole round on generated data: lists as received, import, draw, fieldwork, import."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import yaml

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import ParameterError, StoreError, nearest
from spi_analysis.params import RoundSetup, Workspace, overlay, read_yaml
from spi_analysis.stages import (
    announce_institution,
    draw_institution,
    import_tracker,
    write_peers,
)
from spi_analysis.synthetic import (
    SyntheticCity,
    generated_last_round,
    generated_peers,
    generated_tracker,
    make_city,
    received_lists,
    vendor_files,
)
from spi_analysis.tables import (
    PUBLISHED,
    Store,
    Vault,
    demo_key,
    demo_secrets,
    mark_demo,
    not_of_the_demo,
    one_writer,
    published_results,
    redirect_files,
    write_csv,
    write_invitations,
    write_last_results,
    write_text,
)
from spi_analysis.tables.importing import import_events, import_frame, import_responses

NAMED = 5
TRACKER = "tracker.csv"


@dataclass(frozen=True)
class DemoRound:
    """What the demo made: the folder of lists as received, and counts to print."""

    received: Path
    listed: int
    rejected: int
    invited: int
    answered: int


@dataclass(frozen=True)
class StagingWorkspace(Workspace):
    """The same parameters, with data and outputs in a place of their own (below build/) while they are being made."""

    part: str = "demo"

    @property
    def folder(self) -> Path:
        return self.root / "build" / self.part

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"


def pack_workspace(workspace: Workspace, name: str) -> Workspace:
    """A workspace of its own (build/packs/<name>) with the parameters of a pack: a survey of another shape.

    What the pack does not bring is that of this workspace; its words for lists are overlaid on those that are there.
    Data and pages of an earlier demo stay.

    Raises
    ------
    ParameterError   there is no such pack.
    """
    packs = workspace.params / "packs"
    known = sorted(path.name for path in packs.glob("*") if path.is_dir())
    if name not in known:
        expected = ", ".join(known) or "a folder in params/packs"
        raise ParameterError(
            "there is no such pack", file="params/packs", got=name, expected=expected, hint=nearest(name, known)
        )
    place, words = Workspace(workspace.root / "build" / "packs" / name), Path("mappings", "frame.yaml")
    for folder in (place.params, place.notebooks):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(workspace.notebooks, place.notebooks, ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(workspace.params / "mappings", place.params / "mappings")
    shutil.copy2(workspace.params / "aliases.yaml", place.params)
    shutil.copytree(packs / name, place.params, dirs_exist_ok=True)
    if (packs / name / words).exists():
        merged = overlay(read_yaml(workspace.params / words), read_yaml(packs / name / words))
        write_text(place.params / words, yaml.safe_dump(merged, allow_unicode=True, sort_keys=False))
    return place


def make_demo_round(setup: RoundSetup, seed: int, report: Callable[[str], None]) -> DemoRound:
    """Generate a round and carry it up to the imported answers, through the same doors as a real one.

    All is made in a staging workspace; only a whole round takes the place of an earlier demo. Interrupted, nothing has
    changed.

    Raises
    ------
    StoreError   data/ holds anything that no demo made.
    """
    workspace, staging = setup.workspace, StagingWorkspace(setup.workspace.root)
    refuse_real_data(workspace)
    shutil.rmtree(staging.folder, ignore_errors=True)
    made = _carry_round(replace(setup, workspace=staging), staging, seed, report)
    mark_demo(staging, seed)
    # Generating takes a while: somebody may have imported a list meanwhile, or be doing so now.
    with one_writer(workspace.data):
        refuse_real_data(workspace)
    _put_in_place(staging, workspace)
    return made


def refuse_real_data(workspace: Workspace) -> None:
    """A demo never touches lists, draws or a vault that it did not make."""
    foreign = not_of_the_demo(workspace)
    if foreign:
        more = f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else ""
        raise StoreError(
            "this workspace holds data that the demo did not make; a demo would replace them",
            file="data/",
            got=", ".join(foreign[:NAMED]) + more,
            expected="no data, or those of an earlier demo",
            hint="run the demo in a fresh copy of the project, or move data/ to a safe place first",
        )


def _carry_round(setup: RoundSetup, staging: StagingWorkspace, seed: int, report: Callable[[str], None]) -> DemoRound:
    store = Store(staging.data / setup.round.round_id)
    store.mark_synthetic(seed)
    vault = Vault.create(staging.data / "vault", demo_key(seed), secrets=demo_secrets(seed))
    report("generating people and their lists")
    cities = [make_city(setup, institution_id, seed) for institution_id in setup.institution_ids]
    lists = [path for city in cities for path in received_lists(city, staging.folder / "received", seed)]
    report(f"importing {len(lists)} lists")
    imported = import_frame(lists, setup, store, vault)
    report("drawing samples and writing invitations")
    files = [path for city in cities for path in _fieldwork_files(city, setup, store, vault, staging.folder, seed)]
    report("importing events and answers")
    import_events([path for path in files if _is_events(path)], setup, store, vault)
    import_responses([path for path in files if not _is_events(path)], setup, store, vault)
    fieldwork = setup.round.fieldwork
    write_peers(setup, generated_peers(setup, seed), fieldwork.end, "generated")
    _write_last_round(setup, cities)
    import_tracker(setup, [write_csv(staging.folder / TRACKER, generated_tracker(setup, seed))])
    return DemoRound(
        received=staging.folder / "received",
        listed=int(imported.counts["read"].sum()),
        rejected=int(imported.counts["rejected"].sum()),
        invited=_rows(store, "sample"),
        answered=_rows(store, "responses"),
    )


def _write_last_round(setup: RoundSetup, cities: list[SyntheticCity]) -> None:
    """What the round before found, generated, of cities with a published index of that year; none in other surveys."""
    past = published_results(setup)
    index = past[past["year"] == setup.round.previous_year].set_index("institution_id")["index"]
    known = [city for city in cities if city.institution_id in index]
    if known and set(setup.round.index.weights) == set(PUBLISHED_SOURCES):
        found = [generated_last_round(setup, city, float(index[city.institution_id])) for city in known]
        write_last_results(setup, pd.concat(found))


def _fieldwork_files(
    city: SyntheticCity, setup: RoundSetup, store: Store, vault: Vault, folder: Path, seed: int
) -> list[Path]:
    announce_institution(setup, store, city.institution_id, vault.secret("prn"))
    draw_institution(setup, store, city.institution_id, vault.secret("prn"))
    invitations = write_invitations(setup, store, vault, city.institution_id)
    redirects = redirect_files(store, city.institution_id)
    return vendor_files(city, invitations, folder / "vendor", setup, seed, redirects=redirects)


def _rows(store: Store, table: str) -> int:
    return int(store.query(f"select count(*) as n from {table}")["n"].iloc[0])


def _is_events(path: Path) -> bool:
    return "kejadian" in path.name or "event" in path.name


def _put_in_place(staging: StagingWorkspace, workspace: Workspace) -> None:
    """The finished demo becomes data/; published results that were imported stay."""
    for path in sorted(path for path in staging.outputs.rglob("*") if path.is_file()):
        target = workspace.outputs / path.relative_to(staging.outputs)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    if (workspace.data / PUBLISHED).exists():
        shutil.copy2(workspace.data / PUBLISHED, staging.data / PUBLISHED)
    before = staging.folder / "before"
    if workspace.data.exists():
        os.replace(workspace.data, before)
    os.replace(staging.data, workspace.data)
    shutil.rmtree(before, ignore_errors=True)
    shutil.rmtree(staging.outputs, ignore_errors=True)
