"""A national round on generated data: 640 institutions, each carried from its lists to its answers on its own."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel
from rich.console import Console

from spi_analysis.errors import Problem, StoreError
from spi_analysis.operations.demo import StagingWorkspace
from spi_analysis.operations.many import Done, RoundContext, for_each
from spi_analysis.params import RoundSetup, Source, Workspace, load_setup
from spi_analysis.stages import announce_institution, draw_institution
from spi_analysis.synthetic import (
    LABEL,
    Streams,
    SyntheticCity,
    draw_sizes,
    example_inputs,
    example_institutions,
    make_city,
    profile_of,
    received_lists,
    scaled,
    vendor_files,
)
from spi_analysis.tables import (
    PRIVATE_FOLDER,
    Store,
    Vault,
    demo_key,
    demo_secrets,
    keep_generated,
    make_folder,
    mark_national,
    national_mark,
    not_of_the_demo,
    redirect_files,
    write_invitations,
    write_text,
)
from spi_analysis.tables.importing import import_events, import_frame, import_responses

FOLDER = "national"
# Written last for each institution: who has it is done. COUNTS are what stands in it.
DONE = "generated"
COUNTS = ("listed", "rejected", "invited", "answered")


@dataclass(frozen=True)
class NationalRound:
    """What was made: ``institutions`` one row each (COUNTS), the outcomes of this call, and how many were there."""

    institutions: pd.DataFrame
    outcomes: list[Done]
    already: int


@dataclass(frozen=True)
class Recipe:
    """What everyone's lists and answers follow from, beside the institution's code."""

    seed: int
    scale: float
    lists_only: bool


def make_national_round(
    setup: RoundSetup, count: int, recipe: Recipe, workers: int | None, console: Console
) -> NationalRound:
    """Generate a round of ``count`` institutions; those that are there already are passed over.

    The institutions of the round come first, then numbered examples, which are added to ``params/institutions.csv``
    and to the round's institutions. Everything goes through the same doors as real lists and answers. Each institution
    appears whole or not at all; interrupted, the same call goes on where it was.

    Raises
    ------
    StoreError   data/ holds anything that this command did not make, or was made with another seed or scale.
    """
    workspace = setup.workspace
    facts = {"round": setup.round.round_id, "seed": recipe.seed, "scale": recipe.scale}
    _refuse_other_data(workspace, facts)
    setup = _with_examples(setup, count)
    mark_national(workspace, facts)
    context = RoundContext(setup, demo_key(recipe.seed))
    context.store.mark_synthetic(recipe.seed)
    if not Vault.exists(workspace.data / "vault"):
        Vault.create(workspace.data / "vault", demo_key(recipe.seed), secrets=demo_secrets(recipe.seed))
    write_text(workspace.root / "build" / FOLDER / "README.txt", f"{LABEL}.\n")
    wanted = setup.institution_ids[:count]
    left = [code for code in _largest_first(setup, wanted) if not _is_there(context, code, recipe)]
    outcomes = for_each(context, _make, dict.fromkeys(left, recipe), workers, console, "generating") if left else []
    return NationalRound(_made(context.store, wanted), outcomes, len(wanted) - len(left))


def national_folder(workspace: Workspace, institution_id: str) -> Path:
    """Where the lists and the vendor's files of an institution are."""
    return workspace.root / "build" / FOLDER / institution_id


def sizes_of(setup: RoundSetup, institution_id: str, recipe: Recipe) -> dict[Source, int]:
    """How many people each list of an institution holds."""
    streams = Streams(institution_id, (recipe.seed,))
    return scaled(draw_sizes(setup, institution_id, streams("sizes")), recipe.scale)


def _refuse_other_data(workspace: Workspace, facts: dict[str, Any]) -> None:
    mark = national_mark(workspace)
    made = {name: mark.get(name) for name in facts}
    if mark and made != facts:
        raise StoreError(
            "this workspace holds a national round that was generated in another way",
            file="data/synth.json",
            got=", ".join(f"{name} {value}" for name, value in made.items()),
            expected=", ".join(f"{name} {value}" for name, value in facts.items()),
            hint="go on with the same seed and scale, or generate this one in a fresh copy of the project",
        )
    foreign = [] if mark else [*not_of_the_demo(workspace), *_demo(workspace)]
    if foreign:
        raise StoreError(
            "this workspace holds data that this command did not make",
            file="data/",
            got=", ".join(foreign[:5]),
            expected="no data, or those of an earlier national round",
            hint="generate the round in a fresh copy of the project, or move data/ to a safe place first",
        )


def _demo(workspace: Workspace) -> list[str]:
    return ["demo.json"] if (workspace.data / "demo.json").exists() else []


def _with_examples(setup: RoundSetup, count: int) -> RoundSetup:
    """The round with example institutions added to its parameter files, so that there are enough."""
    made = example_institutions([setup.roster[code] for code in setup.institution_ids], count)
    if not made:
        return setup
    params, round_id = setup.workspace.params, setup.round.round_id
    listed = set(setup.roster.ids())
    _add_rows(params / "institutions.csv", [one for one in made if one.institution_id not in listed])
    _add_rows(params / "rounds" / f"{round_id}.institutions.csv", [example_inputs(one.institution_id) for one in made])
    return load_setup(setup.workspace, round_id)


def _add_rows(path: Path, rows: Sequence[BaseModel]) -> None:
    """Rows below those of a CSV, which stay as they are."""
    before = path.read_text(encoding="utf-8")
    header = next(csv.reader(io.StringIO(before.removeprefix("\ufeff"))))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writerows({key: _cell(value) for key, value in row.model_dump().items()} for row in rows)
    write_text(path, before + ("" if before.endswith("\n") else "\n") + text.getvalue())


def _cell(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _largest_first(setup: RoundSetup, institution_ids: Sequence[str]) -> list[str]:
    """So that no process is left alone with a ministry at the end."""
    size = {code: sum(profile_of(setup.roster[code]).internal) for code in institution_ids}
    return sorted(institution_ids, key=lambda code: (-size[code], code))


def _is_there(context: RoundContext, institution_id: str, recipe: Recipe) -> bool:
    if recipe.lists_only:
        return national_folder(context.setup.workspace, institution_id).exists()
    return context.store.read_record(DONE, institution_id) is not None


def _make(context: RoundContext, institution_id: str, recipe: Recipe) -> None:
    """One institution: its lists, then whatever of the round is not there yet."""
    workspace, seed = context.setup.workspace, recipe.seed
    sizes = sizes_of(context.setup, institution_id, recipe)
    city = make_city(context.setup, institution_id, seed, sizes=sizes)
    lists = _lists(context, city, seed)
    if recipe.lists_only:
        return
    if context.store.has("frame", institution_id):
        # The lists were imported by hand, and perhaps drawn from: what is there stays.
        _carry(context.setup, context.store, context.vault, city, lists, seed)
    else:
        staging = StagingWorkspace(workspace.root, f"{FOLDER}/.{institution_id}.round")
        shutil.rmtree(staging.folder, ignore_errors=True)
        aside = replace(context.setup, workspace=staging)
        store = Store(staging.data / context.setup.round.round_id)
        store.mark_synthetic(seed)
        vault = Vault.create(staging.data / "vault", demo_key(seed), secrets=demo_secrets(seed))
        _carry(aside, store, vault, city, lists, seed)
        _put_in_place(staging, workspace, context.setup.round.round_id, institution_id)
    context.store.write_record(DONE, institution_id, _counts(context.store, institution_id))


def _lists(context: RoundContext, city: SyntheticCity, seed: int) -> list[Path]:
    """The institution's lists, made if they are not there; their digests are kept."""
    folder = national_folder(context.setup.workspace, city.institution_id)
    if not folder.exists():
        staging = folder.with_name(f".{city.institution_id}.lists")
        shutil.rmtree(staging, ignore_errors=True)
        made = received_lists(city, staging / "received", seed, exported=True)
        keep_generated(context.store, city.institution_id, made)
        os.replace(staging, folder)
    return sorted((folder / "received").iterdir())


def _carry(setup: RoundSetup, store: Store, vault: Vault, city: SyntheticCity, lists: list[Path], seed: int) -> None:
    """From the lists to the imported answers."""
    code = city.institution_id
    if not store.has("frame", code):
        _require_whole(import_frame(lists, setup, store, vault, institution=code).failed)
    if not store.has("sample", code):
        announce_institution(setup, store, code, vault.secret("prn"))
        draw_institution(setup, store, code, vault.secret("prn"))
    folder = national_folder(Workspace(setup.workspace.root), code) / "vendor"
    files = _delivered(folder) if store.has("events", code) else []
    if not files:
        invitations = write_invitations(setup, store, vault, code)
        redirects = redirect_files(store, code)
        files = vendor_files(city, invitations, folder, setup, seed, exported=True, redirects=redirects)
    for read, chosen in ((import_events, files[:1]), (import_responses, files[1:])):
        log = read(chosen, setup, store, vault, only=code)
        if log is None:
            raise StoreError("the vendor's files hold rows of others", key=code)
        _require_whole(log.failed)


def _delivered(folder: Path) -> list[Path]:
    """Events and answers as delivered before: invitations written since leave out whom the events tell of."""
    return [*sorted(folder.glob("*__kejadian.parquet")), *sorted(folder.glob("*__jawaban_*.parquet"))]


def _require_whole(failed: Sequence[Problem]) -> None:
    if failed:
        raise StoreError(*failed)


def _put_in_place(staging: StagingWorkspace, workspace: Workspace, round_id: str, institution_id: str) -> None:
    """The institution's tables, contacts and workbooks become those of the round."""
    for made, target in ((staging.outputs, workspace.outputs), (staging.data, workspace.data)):
        for path in sorted(path for path in made.rglob("*") if path.is_file()):
            name = path.relative_to(made)
            if institution_id not in name.as_posix():
                continue  # the lock, the mark, the key's state: the workspace has its own
            destination = target / name
            make_folder(destination.parent, PRIVATE_FOLDER if made == staging.data else None)
            os.replace(path, destination)
    shutil.rmtree(staging.folder)


def _counts(store: Store, institution_id: str) -> dict[str, int]:
    lists = (store.read_record("frame_imports", institution_id) or {}).values()
    rows = [row for part in lists for row in part["counts"]]
    return {
        "listed": sum(row["read"] for row in rows),
        "rejected": sum(row["rejected"] for row in rows),
        "invited": store.shape("sample", institution_id)[0],
        "answered": store.shape("responses", institution_id)[0],
    }


def _made(store: Store, institution_ids: Sequence[str]) -> pd.DataFrame:
    records = {code: record for code in institution_ids if (record := store.read_record(DONE, code))}
    return pd.DataFrame.from_dict(records, orient="index", columns=list(COUNTS)).rename_axis("institution_id")
