"""An import says in short what it did, can be tried, and can be taken back. All people here are made up."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
import yaml
from rich.console import Console

from spi_analysis.commands.common import mapping_beside, named_files
from spi_analysis.errors import InputError, StoreError
from spi_analysis.operations.many import RoundContext, import_logs
from spi_analysis.tables.end_of_life import forget
from spi_analysis.tables.identity import answer_tokens, link_tokens
from spi_analysis.tables.importing.answers import FILL_IN
from spi_analysis.tables.importing.conversation import lines_of
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.journal import imports_so_far, on_trial, remembered, take_back
from spi_analysis.tables.remains import BEFORE_IMPORT
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault
from tests.demo import spi_here

CITY = "kota-mojokerto"
HEADER = ["Nama", "NIP", "Jabatan", "Unit Kerja", "No HP", "TMT Unit", "Warna Seragam"]
PEOPLE = [
    ["Orang A", "198503152010011001", "Staf", "Dinas Sosial", "081200000001", "01/01/2015", "hijau"],
    ["Orang B", "198503152010011002", "Staf", "Dinas Sosial", "081200000002", None, "hijau"],
    ["Orang C", "198503152010011003", "Staf", "Dinas Kesehatan", "081200000003", "01/07/2024", "biru"],
    ["Orang D", "198503152010011004", "Staf", "Dinas Kesehatan", None, "01/01/2015", "biru"],
    ["Orang E", "198503152010011005", "Staf", "Dinas Kesehatan", "081200000005", None, "biru"],
]


def content(workspace):
    """Every file of data/ and outputs/ with the digest of its content, locks apart."""
    found = [path for part in (workspace.data, workspace.outputs) for path in part.rglob("*") if path.is_file()]
    return {
        path.relative_to(workspace.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.name != ".lock" and "imports/all.json" not in path.as_posix()
    }


@pytest.fixture
def command(workspace, vault, key):
    return lambda *arguments: spi_here(workspace, *arguments, SPI_VAULT_KEY=key.text, SPI_ROUND="spi_2024")


@pytest.fixture
def the_list(write_xlsx):
    return write_xlsx(f"{CITY}__internal.xlsx", [HEADER, *PEOPLE], Petunjuk=[["Isi semua kolom."]])


def test_the_summary(the_list, setup, store, vault):
    summary = import_frame([the_list], setup, store, vault).summary
    (unchecked,) = [row for row in summary["unchecked"] if row["rule"] == "min_unit_tenure_years"]
    assert (unchecked["people"], unchecked["of"]) == (2, 4), "B and E; D is turned away"
    (unit,) = summary["lost"]
    assert (unit["unit"], unit["people"], unit["of"]) == ("Dinas Kesehatan", 2, 3)
    assert unit["why"] == {"ineligible_unit_tenure": 1, "no_contact": 1}
    assert [(row["sheet"], row["read"]) for row in summary["sheets"]] == [("Sheet1", True), ("Petunjuk", False)]
    assert {"file": the_list.name, "sheet": "Sheet1", "heading": "NIP", "read_as": "employee_number"} in summary[
        "columns"
    ]
    assert [row["heading"] for row in summary["not_read"]] == ["Warna Seragam"]
    assert "0812" not in json.dumps(summary)
    first, second = list(lines_of(summary))[:2]
    assert "min_tenure_years cannot be checked for 4 of 4 people" in first, "the list has no such column"
    assert "min_unit_tenure_years cannot be checked for 2 of 4 people" in second


def test_a_heading_that_may_be_anything_is_named_by_its_place(write_csv, setup, store, vault):
    rows = [["Nama", "No HP", "Orang Lain"], ["Orang A", "081200000001", "x"]]
    summary = import_frame([write_csv(f"{CITY}__eksternal.csv", rows)], setup, store, vault).summary
    assert "Orang Lain" not in json.dumps(summary)


def test_a_trial_changes_nothing(the_list, command, workspace):
    before = content(workspace)
    done = command("import", "frame", str(the_list), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "nothing was changed" in done.stdout
    assert "cannot be checked for 2 of 4 people" in done.stdout
    assert "columns not read: Warna Seragam" in done.stdout
    assert content(workspace) == before
    assert not list(workspace.root.glob(".trial-*"))


@pytest.mark.parametrize("cities", [[CITY], [CITY, "kota-bengkulu"]])
def test_what_was_noticed_of_rows_that_stay_is_said_once(command, write_csv, cities):
    """Employee numbers as a spreadsheet leaves them once they were figures: the people stay, and the operator knows."""
    numbers = ["198503152010011008"] * 3 + ["198604202011012000"]
    rows = [[f"Orang {x}", n, "Staf", "Dinas Sosial", f"08120000000{x}"] for x, n in enumerate(numbers, 1)]
    lists = [str(write_csv(f"{city}__internal.csv", [HEADER[:5], *rows])) for city in cities]
    done = command("import", "frame", *lists, "--dry-run", "--workers", "1")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert said.count(f"{len(cities)} flagged: The last digits of the employee numbers in 4 rows of this column") == 1
    assert "198503152010011008" not in said


def test_json_and_exit_codes(the_list, command, write_csv):
    done = command("import", "frame", str(the_list), "--dry-run", "--json")
    said = json.loads(done.stdout)
    assert (said["exit_code"], said["dry_run"]) == (0, True)
    assert said["counts"][0] | {"file": ""} == {
        "institution_id": CITY, "source": "internal", "file": "", "read": 5, "accepted": 4, "rejected": 1,
        "eligible": 3, "ineligible": 1, "flagged": 4,
    }  # fmt: skip
    useless = write_csv(f"{CITY}__eksternal.csv", [["Nama", "Unit Layanan", "No HP"], ["Orang F", "Dinas X", "123"]])
    done = command("import", "frame", str(useless), "--json")
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 3


def test_what_came_in_and_taken_back(the_list, command, workspace, setup, store, vault, write_xlsx):
    assert command("import", "frame", str(the_list)).returncode == 0
    right = content(workspace)
    wrong = write_xlsx("salah.xlsx", [HEADER, *PEOPLE[:2]])
    assert command("import", "frame", str(wrong), "--institution", CITY, "--source", "internal").returncode == 0
    assert store.shape("frame", CITY)[0] == 2
    listed = command("imports").stdout.splitlines()
    assert len(listed) == 2
    assert "frame: kota-mojokerto__internal.xlsx; kota-mojokerto; 4 of 5 rows came in" in listed[0]
    assert command("imports", "--take-back").returncode == 0
    assert content(workspace) == right, "tables, vault and workbook are those of before"
    assert len(vault.read_contacts("spi_2024", CITY, "internal")) == 4
    assert "taken back" in command("imports").stdout.splitlines()[1]
    with pytest.raises(StoreError, match="no import that can be taken back"):
        take_back(setup)


def test_the_first_import_taken_back_leaves_nothing(the_list, setup, store, vault, workspace):
    before = content(workspace)
    with remembered(setup, "frame", [the_list]):
        import_frame([the_list], setup, store, vault)
    take_back(setup)
    assert set(content(workspace)) - set(before) <= {"data/spi_2024/schema.json"}


def test_nothing_is_taken_from_under_what_was_built_on_it(the_list, setup, store, vault, draw_everyone):
    with remembered(setup, "frame", [the_list]) as entry:
        import_frame([the_list], setup, store, vault)
        entry["institutions"] = [CITY]
    draw_everyone(CITY)
    with pytest.raises(StoreError, match="cannot be taken back") as error:
        take_back(setup)
    assert "a sample was drawn: kota-mojokerto" in str(error.value)


def test_what_was_written_over_is_not_taken_back(the_list, setup, store, vault):
    with remembered(setup, "frame", [the_list]):
        import_frame([the_list], setup, store, vault)
    store.write("frame", CITY, store.read("frame", CITY).iloc[:1])
    with pytest.raises(StoreError, match=r"changed since: data/spi_2024/frame/kota-mojokerto\.parquet"):
        take_back(setup)


def test_who_is_forgotten_is_not_kept_for_taking_back(
    the_list, setup, store, vault, workspace, frame_words, write_xlsx
):
    import datetime as dt

    for path in (the_list, the_list):
        with remembered(setup, "frame", [path]):
            import_frame([path], setup, store, vault)
    assert (workspace.data / BEFORE_IMPORT).is_dir()
    forget(workspace, vault, "081200000001", frame_words.phones, dt.date(2024, 9, 1))
    assert not (workspace.data / BEFORE_IMPORT).exists()


def test_a_new_key_leaves_nothing_under_the_old_one(the_list, setup, store, vault, workspace, key):
    with remembered(setup, "frame", [the_list]):
        import_frame([the_list], setup, store, vault)
    Vault.rotate(workspace.data / "vault", key, type(key)(b"n" * 32))
    assert not (workspace.data / BEFORE_IMPORT).exists()


def test_a_trial_is_a_workspace_like_the_real_one(the_list, setup, store, vault, key):
    import_frame([the_list], setup, store, vault)
    with on_trial(setup) as there:
        trial = Store(there.workspace.data / "spi_2024")
        again = Vault.open(there.workspace.data / "vault", key)
        import_frame([the_list], there, trial, again)
        assert trial.shape("frame", CITY) == store.shape("frame", CITY)
    assert imports_so_far(setup) == []


def test_the_mapping_that_settles_what_was_not_understood(
    the_list, command, vault, store, draw_everyone, write_csv, tmp_path
):
    assert command("import", "frame", str(the_list)).returncode == 0
    draw_everyone(CITY)
    sample = store.read("sample", CITY)
    tokens = answer_tokens(sample["person_id"], "spi_2024", CITY, "internal", vault.secret("link_token"))
    header = ["token", "int_tra_1", "int_tr_2", "int_tra_3"]
    answers = write_csv("jawaban.csv", [header, [tokens[0], "Amat setuju", "5", "4"], [tokens[1], "Setuju", "4", "7"]])
    said = json.loads(command("import", "responses", str(answers), "--dry-run", "--json").stdout)
    assert said["mapping"] == {"answers": {"agree": {"FILL_IN": ["Amat setuju"]}}, "items": {"int_tra_2": ["int_tr_2"]}}
    printed = command("import", "responses", str(answers), "--dry-run").stdout
    assert "FILL_IN:" in printed
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(yaml.safe_dump(said["mapping"]), encoding="utf-8")
    refused = command("import", "responses", str(answers), "--mapping", str(mapping))
    assert refused.returncode == 1, "nobody has said yet what the word means"
    assert "FILL_IN" in refused.stderr
    mapping.write_text(yaml.safe_dump(said["mapping"]).replace("FILL_IN", "6"), encoding="utf-8")
    done = command("import", "responses", str(answers), "--mapping", str(mapping), "--json")
    assert json.loads(done.stdout)["mapping"] == {}
    kept = store.read("responses", CITY).set_index("person_id").loc[sample["person_id"].iloc[:2]]
    assert kept[["int_tra_1", "int_tra_2"]].to_numpy().tolist() == [[6, 5], [5, 4]]


def test_events_that_are_not_known_are_proposed(the_list, command, vault, store, draw_everyone, write_csv):
    assert command("import", "frame", str(the_list)).returncode == 0
    draw_everyone(CITY)
    rows = [["no hp", "status", "error code", "waktu"], ["081200000001", "melayang", "", "2024-08-01 10:00"],
            ["081200000002", "failed", "987654", "2024-08-01 10:00"]]  # fmt: skip
    said = json.loads(command("import", "events", str(write_csv("log.csv", rows)), "--dry-run", "--json").stdout)
    assert said["exit_code"] == 3
    assert said["mapping"] == {"events": {"FILL_IN": ["melayang"]}, "errors": {"FILL_IN": ["987654"]}}


def test_doubt_stops_the_command_and_its_trial_alike(command, workspace, setup, store, vault, write_csv, draw_everyone):
    rows = [["Nama", "Unit Layanan", "No HP"], *([f"Orang {i}", "Dinas X", f"08120000000{i}"] for i in (1, 2, 3))]
    import_frame([write_csv(f"{CITY}__eksternal.csv", rows)], setup, store, vault)
    who = draw_everyone(CITY)["person_id"].tolist()
    tokens = answer_tokens(who, "spi_2024", CITY, "external", vault.secret("link_token"))
    answers = write_csv("jawaban.csv", [["token", "ext_exp_1"], *([token, 2] for token in tokens)])
    before = content(workspace)
    for trial in (["--dry-run"], []):
        done = command("import", "responses", str(answers), *trial)
        assert done.returncode == 1
        assert "FILL_IN:\n    - '2'" in done.stdout
        assert "'2' (3 rows)" in done.stderr
        assert content(workspace) == before
    said = json.loads(command("import", "responses", str(answers), "--json").stdout)
    assert said["mapping"] == {"answers": {"yes_no": {"FILL_IN": ["2"]}}}
    assert (said["exit_code"], [problem["column"] for problem in said["failed"]]) == (1, ["ext_exp_1"])
    settled = write_csv("settled.yaml", [["answers: {yes_no: {0: ['2']}}"]], delimiter="|")
    done = command("import", "responses", str(answers), "--mapping", str(settled), "--mode", "telephone")
    assert done.returncode == 0, done.stderr
    kept = store.read("responses", CITY)
    assert kept[["mode", "ext_exp_1"]].to_numpy().tolist() == [["telephone", 0]] * 3


def test_one_mapping_settles_the_files_of_many_institutions(
    setup, store, vault, key, write_csv, draw_everyone, tmp_path
):
    """Each vendor has a word that nobody knows: both are proposed in one mapping, which then holds for both files."""
    logs, others = tmp_path / "logs", {CITY: "melayang", "kota-bengkulu": "hilang"}
    logs.mkdir()
    for code, word in others.items():
        users = [["Nama", "Unit Layanan", "No HP"], ["Pengguna A", "Dinas Sosial", "081200000011"]]
        import_frame([write_csv(f"{code}__eksternal.csv", users)], setup, store, vault)
        token = link_tokens(draw_everyone(code)["person_id"], "spi_2024", code, "external", vault.secret("link_token"))[
            0
        ]
        (logs / f"{code}.csv").write_text(f"token,event,time\n{token},{word},2024-08-01 10:00\n")
    (logs / "mapping.yaml").write_text("events: {delivered: [melayang], sent: [hilang]}\n")
    context, quiet = RoundContext(setup, key), Console(file=io.StringIO())
    files = named_files([logs])
    assert [path.name for path in files] == ["kota-bengkulu.csv", f"{CITY}.csv"]
    proposed = import_logs("events", files, context, None, 1, quiet).mapping
    assert proposed == {"events": {FILL_IN: ["hilang", "melayang"]}}
    found = mapping_beside([logs], None)
    assert found == logs / "mapping.yaml"
    settled = import_logs("events", files, context, found, 1, quiet)
    assert (settled.counts["accepted"].tolist(), settled.mapping) == ([1, 1], {})
    with pytest.raises(InputError, match="two folders"):
        mapping_beside([logs, logs], None)
