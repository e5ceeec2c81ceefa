"""A round that an earlier version wrote: refused with the way out, upgraded whole or not at all, and only once."""

import hashlib
import json
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from spi_analysis.cli import app
from spi_analysis.errors import InputError, StoreError
from spi_analysis.params import Workspace
from spi_analysis.tables import upgrade
from spi_analysis.tables.demo_marks import demo_seed, mark_demo, not_of_the_demo
from spi_analysis.tables.files import write_json, write_parquet, write_record
from spi_analysis.tables.schema import KEPT, SCHEMA, SCHEMA_FILE, schema_of
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import read_record, read_table
from spi_analysis.tables.upgrade import MIGRATIONS, SEALING, Migration, in_tables, third_correction, upgrade_store

CITY = "kota-mojokerto"
FIGURES = {"se": 0.0, "level": 0.95, "n": 40.0, "effective_n": 40.0, "status": "shown", "df_design": 30.0}
ROOT = Path(__file__).parents[2]


def estimates(*rows: tuple[str, str | None, float]) -> pd.DataFrame:
    """Rows of measure, dimension and estimate, as version 1 kept them."""
    table = pd.DataFrame(rows, columns=["measure", "dimension", "estimate"])
    limits = {"ci_low": table["estimate"], "ci_high": table["estimate"]}
    return table.assign(institution_id=CITY, source=None, domain=None, **FIGURES, **limits)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A round of version 1: no mark of a version, the third correction under its earlier name."""
    root = tmp_path / "data" / "spi_2024"
    rows = [
        ("index", None, 77.0), ("index_part", "correction_conduct", -5.7), ("index_part", "mode_adjustment", -3.1),
    ]  # fmt: skip
    write_parquet(root / "estimates" / f"{CITY}.parquet", estimates(*rows))
    write_parquet(root / "estimates" / "kota-bengkulu.parquet", estimates(("index_part", "mode_adjustment", 0.0)))
    write_json(root / "draw" / f"{CITY}.json", {"record_version": 3})
    return root


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def codes(root: Path, institution: str = CITY) -> list[str | None]:
    table = Store(root).read("estimates", institution)
    return table["part"].astype(object).where(table["part"].notna(), None).tolist()


def test_the_steps_lead_from_every_version_to_today():
    assert {step.since for step in (*MIGRATIONS, SEALING)} == set(range(1, SCHEMA))
    assert all(step.to == step.since + 1 for step in MIGRATIONS)
    assert [step.since for step in MIGRATIONS] == sorted(step.since for step in MIGRATIONS)


def test_whoever_opens_an_earlier_round_is_told_the_command(old):
    with pytest.raises(StoreError) as caught:
        Store(old)
    for words in (
        "earlier version",
        "data/spi_2024",
        "got: schema 1",
        f"expected: schema {SCHEMA}",
        "spi upgrade spi_2024",
    ):
        assert words in str(caught.value)


def test_a_new_round_carries_its_version_before_its_first_table(tmp_path):
    store = Store(tmp_path / "spi_2025")
    assert not store.root.exists(), "opening writes nothing"
    store.write_record("frame_imports", CITY, {})
    assert schema_of(store.root) == schema_of(Store(store.root).root) == SCHEMA


def test_upgraded_as_written_by_hand(old):
    done = upgrade_store(old)
    assert (done.since, [files for _, files in done.steps]) == (1, [1, 2, 2, 0, 0])
    assert codes(old) == [None, "correction_conduct", "correction_other"]
    kinds = Store(old).read("estimates", CITY)["part_kind"]
    assert kinds.tolist() == ["whole", "correction", "correction"], "a column each for what identifies a row"
    assert codes(old, "kota-bengkulu") == [], "a correction that was not made has no row"
    assert Store(old).read("estimates", CITY)["estimate"].tolist() == [77.0, -5.7, -3.1]
    assert Store(old).read_record("draw", CITY) == {"record_version": 3}, "what no step is about stays"


# A record as version 2 wrote it, its digest that of the content: printf %s '{"schema": 2}' | sha256sum
SCHEMA_2 = '{"file_digest": "%s", "schema": 2}'
DIGEST_2 = "5dfac90830bf4bb2f4e728cc6c71911675e9f97773d85f9959ba1904d984d878"


def test_a_round_of_version_2_gets_a_checksum_for_every_file(tmp_path):
    root = tmp_path / "data" / "spi_2024"
    root.mkdir(parents=True)
    (root / SCHEMA_FILE).write_text(SCHEMA_2 % DIGEST_2)
    table = pd.DataFrame({"a": [1.5, None]})
    for path in (root / "draw" / f"{CITY}.frame.parquet", root.parent / "published.parquet"):
        path.parent.mkdir(exist_ok=True)
        table.to_parquet(path, index=False)
    write_json(root / "draw" / f"{CITY}.json", {"record_version": 4})
    write_json(root.parent / "vault" / "vault.json", {"format": 1, "key": "a", "previous_key": "b", "previous": "c"})
    with pytest.raises(StoreError, match="spi upgrade spi_2024"):
        Store(root)
    assert upgrade_store(root).steps[0] == (SEALING.what, 3)
    pd.testing.assert_frame_equal(read_table(root / "draw" / f"{CITY}.frame.parquet"), table)
    pd.testing.assert_frame_equal(read_table(root.parent / "published.parquet"), table)
    assert Store(root).read_record("draw", CITY) == {"record_version": 4}
    state = read_record(root.parent / "vault" / "vault.json")
    assert state == {"format": 2, "key": "a", "previous_key": "b", "previous": "c"}, "also amid a change of key"
    for folder in (root, root.parent / KEPT):
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def of_version_2(record: dict[str, object]) -> str:
    """A record with the digest of its content, as version 2 wrote it."""
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return json.dumps({**record, "file_digest": digest})


@pytest.fixture
def old_demo(tmp_path: Path) -> Path:
    """A workspace of generated people of version 2: marks and tables beside the round are of that version, too."""
    data = tmp_path / "data"
    (data / "spi_2024" / "frame").mkdir(parents=True)
    (data / "spi_2024" / SCHEMA_FILE).write_text(SCHEMA_2 % DIGEST_2)
    for mark in ("demo.json", "synth.json"):
        (data / mark).write_text(of_version_2({"seed": 2024, "synthetic": True, "made": {}}))
    for path in (data / "spi_2024" / "frame" / f"{CITY}.parquet", data / "published.parquet"):
        pd.DataFrame({"a": [1]}).to_parquet(path, index=False)
    shutil.copytree(ROOT / "params", tmp_path / "params")
    return tmp_path


READING = ["check", "status", "demo", "synth", "run", "draw", "invite", "progress", "overview", f"export {CITY}"]


def test_every_command_says_upgrade_and_none_that_a_file_of_then_is_damaged(old_demo):
    """The mark of a demo is read before the round is opened."""
    before = content(old_demo / "data")
    for command in READING:
        done = CliRunner().invoke(app, [*command.split(), "--workspace", str(old_demo)])
        said = f"{done.output}{done.exception}"
        assert "run: spi upgrade spi_2024" in said, command
        assert "damaged" not in said, command
    assert {name: made for name, made in content(old_demo / "data").items() if name != ".lock"} == before


def test_a_damaged_mark_is_called_so_in_a_round_of_then_and_of_today(old_demo):
    mark = old_demo / "data" / "demo.json"
    mark.write_text(mark.read_text().replace("2024", "2025"))
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            demo_seed(Workspace(old_demo))
        write_record(old_demo / "data" / "spi_2024" / SCHEMA_FILE, {"schema": SCHEMA})
    mark.write_text(of_version_2({"seed": 2024}))
    with pytest.raises(StoreError, match="damaged"):
        demo_seed(Workspace(old_demo))


def test_exact_tenures_become_bands_but_in_the_frame_that_a_draw_has_on_record(tmp_path):
    """Spans in years and their bands by hand; unknown stays unknown."""
    root = tmp_path / "data" / "spi_2024"
    years = pd.DataFrame(
        {"tenure_years": [0.99, 1.0, 4.99, 5.0, 20.0, None], "unit_tenure_years": [0.0, 2, 10, 19.99, 41, 1]}
    )
    known = {"institution_id": CITY, "source": "internal", "unit": "a", "position_class": None, "service": None,
             "expert_group": None, "is_asn": True, "sex": "male", "age_group": "<30", "channels": "email",
             "stream": "list", "n_listings": 1, "also_listed_as": None, "is_eligible": True, "frame_status": "clean",
             "frame_problem": None}  # fmt: skip
    frame = years.assign(person_id=list("abcdef"), **known)
    write_parquet(root / "frame" / f"{CITY}.parquet", frame)
    write_parquet(root / "draw" / f"{CITY}.frame.parquet", frame.assign(stratum="x"))
    write_json(root / SCHEMA_FILE, {"schema": 2})
    assert dict(upgrade_store(root).steps)["frame: bands of tenure for exact years"] == 1
    assert read_table(root / "draw" / f"{CITY}.frame.parquet")["tenure_years"].max() == 20
    found = Store(root).read("frame", CITY)
    assert found["tenure_band"].fillna("?").tolist() == [
        "under_1", "1_to_2", "2_to_5", "5_to_10", "from_20", "?",
    ]  # fmt: skip
    assert found["unit_tenure_band"].tolist() == ["under_1", "2_to_5", "10_to_20", "10_to_20", "from_20", "1_to_2"]
    assert not [name for name in found if "years" in name]


def test_columns_of_replicates_become_one_list(tmp_path):
    """Two people with three replicates each, in three columns before."""
    root = tmp_path / "data" / "spi_2024"
    who = {"source": "internal", "person_id": ["a", "b"]}
    before = pd.DataFrame(who | {"r0001": [1.5, 0.0], "r0002": [0.0, 2.5], "r0003": [3.0, 1.0]})
    write_parquet(root / "replicates" / f"{CITY}.parquet", before)
    write_json(root / SCHEMA_FILE, {"schema": 2})
    upgrade_store(root)
    found = Store(root).read("replicates", CITY)
    assert list(found.columns) == ["source", "person_id", "replicates", "variance_factor"]
    assert found["variance_factor"].tolist() == [1.0, 1.0], "what was computed by them stays"
    assert [one.tolist() for one in found["replicates"]] == [[1.5, 0.0, 3.0], [0.0, 2.5, 1.0]]


def test_what_is_damaged_before_an_upgrade_is_named_and_nothing_is_changed(tmp_path):
    root = tmp_path / "data" / "spi_2024"
    root.mkdir(parents=True)
    (root / SCHEMA_FILE).write_text(SCHEMA_2 % DIGEST_2)
    (root / "draw").mkdir()
    (root / "draw" / f"{CITY}.json").write_text(SCHEMA_2.replace("schema", "size") % DIGEST_2)
    before = content(root)
    with pytest.raises(StoreError, match=rf"(?s)not that of its digest|{CITY}.json"):
        upgrade_store(root)
    assert content(root) == before
    (root / SCHEMA_FILE).write_text(SCHEMA_2.replace("2", "1") % DIGEST_2)
    with pytest.raises(StoreError, match="the version of the store cannot be read"):
        upgrade_store(root)


def test_what_it_was_is_kept_beside(old):
    before = content(old)
    kept = upgrade_store(old).kept
    assert kept == old.parent / KEPT / "spi_2024.schema-1"
    assert content(kept) == before
    assert {path.name for path in kept.parent.iterdir()} == {kept.name}


def test_a_dry_run_says_the_same_and_changes_nothing(old):
    before = content(old)
    dry = upgrade_store(old, dry_run=True)
    assert content(old) == before
    assert list((old.parent / KEPT).iterdir()) == []
    assert (dry.since, dry.steps, dry.kept) == (1, upgrade_store(old).steps, None)


def test_upgraded_twice_is_upgraded_once(old):
    upgrade_store(old)
    before = content(old.parent)
    again = upgrade_store(old)
    assert (again.since, again.steps) == (SCHEMA, ())
    assert content(old.parent) == before


def test_two_equal_rounds_upgrade_to_the_same_bytes(old, tmp_path):
    other = tmp_path / "other" / "spi_2024"
    for name, file in content(old).items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_bytes(file)
    upgrade_store(old)
    upgrade_store(other)
    assert content(old) == content(other)


def test_a_later_version_is_refused_and_left_alone(old):
    write_record(old / SCHEMA_FILE, {"schema": SCHEMA + 1})
    before = content(old)
    for opened in (Store, upgrade_store):
        with pytest.raises(StoreError, match=rf"(?s)later version.*got: schema {SCHEMA + 1}"):
            opened(old)
    assert content(old) == before


def test_a_damaged_version_is_named(old):
    (old / SCHEMA_FILE).write_text(json.dumps({"schema": SCHEMA, "file_digest": "0" * 64}))
    with pytest.raises(StoreError, match=r"(?s)version of the store cannot be read.*spi_2024/schema.json"):
        Store(old)


def test_a_step_whose_result_does_not_fit_leaves_the_round(old, monkeypatch):
    without = in_tables("estimates", [], lambda table: table.drop(columns="status"))
    monkeypatch.setattr(upgrade, "MIGRATIONS", (*MIGRATIONS, Migration(1, SCHEMA, "damages", without)))
    before = content(old)
    with pytest.raises(InputError, match="status"):
        upgrade_store(old)
    assert content(old) == before
    assert list((old.parent / KEPT).iterdir()) == []


def test_a_table_that_went_through_a_step_before_is_left_as_it_is(old, monkeypatch):
    """As where only the mark of the version was lost: the columns that the step is about are not there any more."""
    once = in_tables("estimates", ["gone"], lambda table: table.drop(columns="gone"))
    monkeypatch.setattr(upgrade, "MIGRATIONS", (Migration(1, SCHEMA, "drops a column", once),))
    assert upgrade_store(old, dry_run=True).steps[1:] == (("drops a column", 0),)


def test_a_kept_copy_is_never_overwritten(old):
    (old.parent / KEPT / "spi_2024.schema-1").mkdir(parents=True)
    before = content(old)
    with pytest.raises(StoreError, match="in the way"):
        upgrade_store(old)
    assert content(old) == before


KILLED_IN_A_STEP = """
def kill(root):
    os.kill(os.getpid(), signal.SIGKILL)
upgrade.MIGRATIONS = (*upgrade.MIGRATIONS, upgrade.Migration(1, 2, "kills", kill))
"""
KILLED_BETWEEN_THE_RENAMES = """
replace, calls = os.replace, []
def kill(source, target):
    if os.path.isdir(source):
        calls.append(source)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = kill
"""


def killed(root: Path, how: str) -> None:
    code = f"import os, signal, sys\nfrom pathlib import Path\nfrom spi_analysis.tables import upgrade\n{how}"
    code += "\nupgrade.upgrade_store(Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(root)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL


def test_killed_in_the_middle_of_the_steps_the_round_is_as_it_was(old):
    before = content(old)
    killed(old, KILLED_IN_A_STEP)
    assert content(old) == before
    upgrade_store(old)
    assert codes(old) == [None, "correction_conduct", "correction_other"]
    assert [path.name for path in (old.parent / KEPT).iterdir()] == ["spi_2024.schema-1"]


def test_killed_while_the_copy_takes_its_place_nothing_is_lost(old):
    before = content(old)
    killed(old, KILLED_BETWEEN_THE_RENAMES)
    with pytest.raises(StoreError, match=r"(?s)upgrade of this round was interrupted.*spi upgrade spi_2024"):
        Store(old)
    done = upgrade_store(old)
    assert content(done.kept) == before
    assert codes(old) == [None, "correction_conduct", "correction_other"]


def test_a_table_without_the_third_correction_stays_as_it_is():
    table = estimates(("index", None, 77.0))
    assert third_correction(table).equals(table)


def test_an_upgraded_demo_is_still_one_that_a_demo_may_replace(old):
    workspace = Workspace(old.parents[1])
    mark_demo(workspace, seed=1)
    upgrade_store(old)
    assert not_of_the_demo(workspace) == []
    (old / "mine.json").write_text("{}")
    assert not_of_the_demo(workspace) == ["spi_2024/mine.json"]


def test_the_command_says_what_it_does_whatever_the_parameters_say(old):
    """Parameters of an earlier version may be wrong for this one: the tables are upgraded all the same."""
    root = old.parents[1]
    (root / "params" / "rounds").mkdir(parents=True)
    (root / "params" / "rounds" / "spi_2024.yaml").write_text("no_key_of_today: 1\n")
    said = [
        CliRunner().invoke(app, ["upgrade", *options, "--workspace", str(root)]).output
        for options in (["--dry-run"], ["spi_2024"], [])
    ]
    step = "2 files  estimates: part and domain with their kinds"
    assert "spi_2024: schema 1 would become 3" in said[0]
    assert "spi_2024: schema 1 is now 3" in said[1]
    assert all(step in one for one in said[:2])
    assert "as it was: data/.kept/spi_2024.schema-1" in said[1]
    assert "as it was" not in said[0]
    assert said[2] == "spi_2024: schema 3 already, nothing to do\n"
