"""Exit codes of imports: an import without one usable row is no success, and takes nothing's place."""

import json

import pytest

from spi_analysis.cli import app
from tests.demo import copy_inputs
from tests.test_cli import help_of, runner, written_csv

STAFF = ["Nama", "Unit Kerja", "Jabatan", "No HP"]
GOOD = ["Budi Contoh", "Dinas Sosial", "Staf", "081200000001"]
NO_NUMBER = ["Siti Contoh", "Dinas Sosial", "Staf", "-"]
STRANGER = "a" * 20
PUBLISHED = ["year", "institution", "type", "province_code", "index", "internal", "external", "expert",
             "correction_conduct", "correction_facts"]  # fmt: skip
TRACKER = ["institution_id", "year", "recommendation", "status", "done", "total"]


@pytest.fixture
def brought(tmp_path):
    """Import rows of a kind into a workspace: the exit code and what was said."""
    workspace, key = copy_inputs(tmp_path / "w"), str(tmp_path / "k.key")
    assert runner.invoke(app, ["vault", "init", "--workspace", str(workspace.root), "--key-file", key]).exit_code == 0

    def brought(kind, *tables, **names):
        files = [
            written_csv(tmp_path / names.get("name", f"pegawai_kota-mojokerto{i or ''}.csv"), rows)
            for i, rows in enumerate(tables)
        ]
        keys = [] if kind in {"published", "tracker"} else ["--key-file", key]
        done = runner.invoke(app, ["import", kind, *files, "--workspace", str(workspace.root), *keys])
        return done.exit_code, done.output

    brought.data = workspace.data
    return brought


@pytest.mark.parametrize(
    ("kind", "rows", "code", "rationale"),
    [
        ("frame", [STAFF, GOOD], 0, "one person came in"),
        ("frame", [STAFF, GOOD, NO_NUMBER], 0, "one of two came in"),
        ("frame", [STAFF, NO_NUMBER], 3, "nobody on the list can be reached"),
        ("frame", [STAFF], 3, "a header alone"),
        ("frame", [["Nama", "Hobi"], ["Budi", "catur"]], 1, "no list: its columns are missing"),
        ("events", [["token", "event", "waktu"], [STRANGER, "terkirim", "2024-08-01"]], 3, "a stranger's token"),
        ("events", [["token", "event", "waktu"]], 3, "a header alone"),
        ("events", [["token", "baterai"], [STRANGER, "80"]], 1, "no log: its columns are missing"),
        ("responses", [["token", "selesai", "int_tra_1"], [STRANGER, "2024-08-01", "4"]], 3, "a stranger's answers"),
        ("responses", [["token", "selesai", "int_tra_1"]], 3, "a header alone"),
        ("published", [PUBLISHED, ["2024", "Kota Contoh", "kota", "35", "70", *[""] * 5]], 0, "one result"),
        ("published", [PUBLISHED], 3, "a header alone"),
        ("published", [PUBLISHED, ["2024", "Kota Contoh", "kota", "35", "700", *[""] * 5]], 3, "its only row is wrong"),
        ("published", [PUBLISHED, ["2024", "Kota Contoh", "kota", "35", "70", *[""] * 5],
                       ["2024", "Kota Lain", "kota", "35", "700", *[""] * 5]], 1, "one row is good: mend the other"),
        ("published", [["year", "index"], ["2024", "70"]], 1, "columns are missing"),
        ("tracker", [TRACKER, ["kota-mojokerto", "2023", "x", "done", "1", "1"]], 0, "one recommendation"),
        ("tracker", [TRACKER], 3, "a header alone"),
        ("tracker", [TRACKER, ["kota-mojokreto", "2023", "x", "done", "1", "1"]], 3, "an unknown institution alone"),
    ],
)  # fmt: skip
def test_an_import_without_one_usable_row_is_no_success(brought, kind, rows, code, rationale):
    exit_code, said = brought(kind, rows)
    assert exit_code == code, f"{rationale}: {said}"
    assert ("not one row could be used" in said) == (code == 3)


@pytest.mark.parametrize("kind", ["frame", "events", "responses", "published", "tracker"])
def test_the_exit_codes_of_imports_are_in_their_help(kind):
    said = " ".join(help_of("import", kind).output.split())
    assert "3 the files were read, and not one row could be used" in said


def test_a_list_without_one_usable_row_never_takes_the_place_of_an_earlier_one(brought):
    brought("frame", [STAFF, GOOD])
    frame, contacts = (
        brought.data / "spi_2024" / "frame" / "kota-mojokerto.parquet",
        brought.data / "vault" / "spi_2024" / "contacts" / "kota-mojokerto__internal.bin",
    )
    before = frame.read_bytes(), contacts.read_bytes()
    assert brought("frame", [STAFF, NO_NUMBER, NO_NUMBER])[0] == 3
    assert (frame.read_bytes(), contacts.read_bytes()) == before
    counts = json.loads((brought.data / "spi_2024" / "frame_imports" / "kota-mojokerto.json").read_text())
    assert counts["internal"]["counts"][0]["rejected"] == 2, "what was wrong goes back to the institution all the same"


def test_of_several_institutions_one_usable_row_is_enough(brought):
    """Each institution's lists go in on their own; the exit code is that of the whole."""
    lists = [[STAFF, NO_NUMBER], [STAFF, GOOD]]
    names = ["pegawai_kota-mojokerto.csv", "pegawai_kota-bengkulu.csv"]
    folder = brought.data.parent.parent
    files = [written_csv(folder / name, rows) for name, rows in zip(names, lists, strict=True)]

    def run(*files):
        arguments = ["--workspace", str(brought.data.parent), "--key-file", str(folder / "k.key"), "--workers", "1"]
        return runner.invoke(app, ["import", "frame", *files, *arguments])

    done = run(*files)
    assert done.exit_code == 0, done.output
    assert "kota-mojokerto, internal: no row could be used" in done.output
    written_csv(folder / names[1], [STAFF, NO_NUMBER])
    assert run(*files).exit_code == 3
