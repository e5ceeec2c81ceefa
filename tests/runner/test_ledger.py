"""Ledger, selection, and what is up to date: without running a notebook."""

import json
import shutil
import sqlite3
import sys
import zlib
from contextlib import closing
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path

import pandas as pd
import pytest

import accessible_notebooks
from spi_analysis.errors import ParameterError, StoreError
from spi_analysis.params import load_setup
from spi_analysis.reporting import DESIGNS_PAGE, METHOD_CHECKS_PAGE
from spi_analysis.runner import digests, fingerprint
from spi_analysis.runner.fingerprint import (
    keep_stale,
    notebook_code_digest,
    stale_steps,
    staleness,
    step_fingerprint,
    step_outputs,
)
from spi_analysis.runner.ledger import (
    Ledger,
    Selection,
    Shard,
    batch_folder,
    one_run,
    read_code,
    read_entries,
    read_runs,
    read_shard,
    selected_institutions,
    selected_steps,
)
from spi_analysis.runner.plan import Outcome, left_out, plan_steps
from spi_analysis.runner.status import ledger_facts, plan_table, round_status, why_table
from spi_analysis.tables.files import write_text
from spi_analysis.tables.schema import mark_schema
from spi_analysis.tables.store import WRITTEN_BY, Store
from tests.runner.conftest import ELSEWHERE, HERE, ROUND

BROKE = "kota-bengkulu: 40\n  got: ZeroDivisionError"


@pytest.fixture
def setup(workspace):
    store = Store(workspace.data / ROUND)
    mark_schema(store.root)
    for table in WRITTEN_BY:
        for code in (HERE, ELSEWHERE):
            write_text(store.path(table, code), f"{table} of {code}")
    return load_setup(workspace, ROUND)


@pytest.fixture
def steps():
    return {step.key: step for step in plan_steps([HERE, ELSEWHERE])}


@pytest.fixture
def ledger(setup):
    one = Ledger(batch_folder(setup) / "ledger.sqlite", "first")
    one.begin_run(1, 2, 11, "")
    yield one
    one.close()


@pytest.fixture
def all_done(setup, steps, ledger):
    """Every step has gone through, with its notebook, pages and tables in place."""
    for step in steps.values():
        for name in step_outputs(setup, step):
            path = setup.workspace.root / name
            if not path.exists():
                write_text(path, f"made by {step}")
    for step in steps.values():
        done(setup, ledger, step)


def done(setup, ledger, step):
    ledger.begin(step, 1)
    ledger.end(Outcome(step.key, 1.0, (), engine="fast"), step_fingerprint(setup, step), step_outputs(setup, step))


def to_do(setup, steps):
    entries = read_entries(setup)
    return {key for key, step in steps.items() if not staleness(setup, step, entries).is_up_to_date}


def test_a_step_has_a_state_times_error_and_digests(setup, steps, ledger):
    step = steps[("40", HERE)]
    ledger.begin(step, 1)
    assert read_entries(setup)[step.key].state == "running"
    ledger.end(Outcome(step.key, 2.5, (), BROKE, cell=4, traceback="in half(x)", memory_mb=120.0), {}, {})
    entry = read_entries(setup)[step.key]
    assert (entry.state, entry.seconds, entry.cell, entry.memory_mb) == ("failed", 2.5, 4, 120.0)
    assert "half" in entry.traceback
    assert entry.started <= entry.ended


def test_a_failure_keeps_what_is_known_of_the_last_success(setup, steps, ledger, all_done):
    step = steps[("40", HERE)]
    before = read_entries(setup)[step.key]
    ledger.begin(step, 1)
    ledger.end(Outcome(step.key, 2.5, (), BROKE), {"code": "other"}, {})
    after = read_entries(setup)[step.key]
    assert after.state == "failed"
    assert (after.inputs, after.outputs, after.made) == (before.inputs, before.outputs, before.made)


def test_what_a_killed_run_was_at_counts_as_interrupted(setup, steps, ledger):
    ledger.begin(steps[("10", HERE)], 1)
    ledger.close()
    second = Ledger(ledger.path, "second")
    assert second.begin_run(2, 1, 1, "") == []
    assert read_entries(setup)[("10", HERE)].state == "interrupted"
    assert [run["state"] for run in read_runs(setup)] == ["killed", "running"]
    second.close()


def test_what_nobody_is_at_any_more_is_not_told_to_be_running(setup, steps, ledger, all_done):
    """A run that was killed, or had no room to say that it ended."""
    ledger.begin(steps[("10", HERE)], 1)
    with one_run(setup):
        assert "10 running" in {row["last_run"] for row in round_status(setup)}
        assert ledger_facts(setup)["states"]["running"] == 1
    assert "10 interrupted (stale)" in {row["last_run"] for row in round_status(setup)}
    assert ledger_facts(setup)["states"]["interrupted"] == 1


def test_a_stop_is_no_failure(setup, steps, ledger):
    ledger.begin(steps[("10", HERE)], 1)
    ledger.end_run("stopped")
    assert read_entries(setup)[("10", HERE)].state == "stopped"


def test_a_damaged_ledger_is_an_error_in_words(setup):
    write_text(batch_folder(setup) / "ledger.sqlite", "not a database" * 100)
    with pytest.raises(StoreError, match="damaged"):
        read_entries(setup)


def test_the_ledger_can_be_read_while_it_is_written(setup, ledger):
    with sqlite3.connect(ledger.path) as base:
        assert base.execute("pragma journal_mode").fetchone() == ("wal",)


def test_nothing_has_run_yet_without_a_ledger(setup, steps):
    assert read_entries(setup) == {}
    assert to_do(setup, steps) == set(steps)


def test_nothing_is_to_be_done_when_nothing_has_changed(setup, steps, all_done):
    assert to_do(setup, steps) == set()


def test_answers_of_one_institution_concern_its_steps_and_what_is_made_of_its_estimates(setup, steps, all_done):
    write_text(Store(setup.workspace.data / ROUND).path("responses", HERE), "one answer more")
    # The overview counts in how many institutions an experience was reported: from answers, shown rates would mislead.
    own = {(number, HERE) for number in ("10", "20", "30", "40", "50")}
    assert to_do(setup, steps) == own | {("90", "")}
    write_text(Store(setup.workspace.data / ROUND).path("estimates", HERE), "another estimate")
    assert ("90", "") in to_do(setup, steps)
    assert not any(key[1] == ELSEWHERE for key in to_do(setup, steps))


@pytest.mark.parametrize(
    ("table", "numbers"),
    [
        ("weights", {"30", "40", "50", "90"}),
        ("replicates", {"30", "40", "50"}),
        ("estimates", {"40", "50", "90"}),
        ("frame", {"10", "20", "30", "40", "50", "90"}),
    ],
)
def test_a_table_concerns_its_writer_and_those_after_it(setup, steps, all_done, table, numbers):
    """Its writer too: somebody else has changed what it made. The overview reads all of these but the replicates."""
    write_text(Store(setup.workspace.data / ROUND).path(table, HERE), "changed")
    assert {number for number, _ in to_do(setup, steps)} == numbers


@pytest.mark.parametrize(
    "name", ["recommendations.yaml", "aliases.yaml", "rounds/spi_2024.yaml", "instruments/spi_2024.yaml"]
)
def test_a_parameter_or_the_instrument_concerns_everything(setup, steps, all_done, name):
    path = setup.workspace.params / name
    path.write_text(path.read_text() + "\n")
    assert to_do(setup, steps) == set(steps)


def test_overrides_concern_one_institution_and_the_overview(setup, steps, all_done):
    write_text(setup.workspace.params / "overrides" / f"{HERE}.yaml", "rounds: {}\n")
    assert to_do(setup, steps) == {(n, HERE) for n in ("10", "20", "30", "40", "50")} | {("90", "")}


def _changed(setup, name, code, column, value):
    """A cell of an institution's row in a parameter file."""
    path = setup.workspace.params / name
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[table["institution_id"] == code, column] = value
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("name", "column"), [("institutions.csv", "name"), (f"rounds/{ROUND}.institutions.csv", "source")]
)
def test_rows_of_one_institution_concern_it_and_the_overview(setup, steps, all_done, name, column):
    _changed(setup, name, HERE, column, "Another")
    assert to_do(setup, steps) == {key for key in steps if key[1] in ("", HERE)}


def test_the_target_of_the_nation_concerns_everybody(setup, steps, all_done):
    _changed(setup, "targets.csv", "nasional", "target", "71")
    assert to_do(setup, steps) == set(steps)


def test_a_size_class_concerns_all_reports(setup, steps, all_done):
    """Their peers are those of the same class; the notebooks before them compare with nobody."""
    _changed(setup, "institutions.csv", ELSEWHERE, "size_class", "besar")
    found = to_do(load_setup(setup.workspace, ROUND), steps)
    assert {number for number, code in found if code == HERE} == {"50"}


def test_the_next_round_concerns_no_step_of_this_one(setup, steps, all_done):
    for name in ("rounds/spi_2031.yaml", "rounds/spi_2031.institutions.csv", "packs/other/rounds/other.yaml"):
        write_text(setup.workspace.params / name, "anything")
    assert {code for _, code in to_do(setup, steps)} <= {""}


def test_a_record_an_earlier_round_and_tables_of_all_institutions_concern_it_too(setup, steps, all_done):
    for name in (f"{ROUND}/draw/{HERE}.json", f"spi_2023/responses/{HERE}.parquet"):
        path = write_text(setup.workspace.data / name, "new")
        assert {number for number, code in to_do(setup, steps) if code == HERE} == {"10", "20", "30", "40", "50"}
        path.unlink()
    write_text(setup.workspace.data / "published.parquet", "new")
    assert to_do(setup, steps) == set(steps)


def test_a_notebook_concerns_itself(setup, steps, all_done):
    path = setup.workspace.notebooks / "40_score_analysis.ipynb"
    path.write_text(path.read_text() + "\n")
    assert to_do(setup, steps) == {("40", HERE), ("40", ELSEWHERE)}


def test_the_environment_concerns_everything(setup, steps, all_done, monkeypatch):
    monkeypatch.setattr("spi_analysis.runner.fingerprint.environment_digest", lambda: "other")
    assert to_do(setup, steps) == set(steps)


def test_code_concerns_the_notebooks_that_it_is_in_reach_of(setup, steps, all_done, monkeypatch):
    """The import graph itself: test_import_graph.py."""
    monkeypatch.setattr(
        "spi_analysis.runner.fingerprint.notebook_code_digest",
        lambda path: "other" if path.stem.startswith("40") else notebook_code_digest(path),
    )
    assert to_do(setup, steps) == {("40", HERE), ("40", ELSEWHERE)}
    assert "code is changed" in set(why_table(setup, HERE)["what"].str.removeprefix("run: "))


def test_a_new_look_needs_no_execution(setup, steps, all_done, monkeypatch):
    monkeypatch.setattr("spi_analysis.runner.fingerprint.template_digest", lambda: "other")
    found = staleness(setup, steps[("50", HERE)], read_entries(setup))
    assert found.why == ()
    assert found.look == ("look of the pages is changed",)


def test_only_the_export_reads_the_templates():
    """Else what is executed would depend on them."""
    users = [path for path in digests.PACKAGE.rglob("*.py") if "templates" in path.read_text(encoding="utf-8").lower()]
    names = {path.relative_to(digests.PACKAGE).as_posix() for path in users}
    assert names == {"reporting/exporter.py", "runner/digests.py", "runner/fingerprint.py"}, "the last two digest them"
    beside = [
        path for path in Path(accessible_notebooks.__file__).parent.rglob("*.py") if "templates" in path.read_text()
    ]
    assert {path.name for path in beside} == {"exporter.py", "page.py"}


def test_every_file_of_the_package_is_in_one_of_its_digests(tmp_path, monkeypatch):
    package = tmp_path / "p"
    for name in ("a.py", "deep/b.yaml", "reporting/templates/spi/style.css"):
        write_text(package / name, "1")
    monkeypatch.setattr(digests, "PACKAGE", package)
    seen = set()
    for name in ("a.py", "deep/b.yaml", "reporting/templates/spi/style.css", "new.py"):
        fingerprint.forget()
        before = (digests.code_digest(), digests.template_digest())
        write_text(package / name, "another")
        fingerprint.forget()
        after = (digests.code_digest(), digests.template_digest())
        seen.add((name, before[0] != after[0], before[1] != after[1]))
    fingerprint.forget()
    assert seen == {
        ("a.py", True, False),
        ("deep/b.yaml", True, False),
        ("reporting/templates/spi/style.css", False, True),
        ("new.py", True, False),
    }


def test_a_page_that_is_gone_or_was_changed_is_made_again_without_execution(setup, steps, all_done):
    page = setup.workspace.institution_outputs(ROUND, HERE) / "report.id.html"
    page.unlink()
    assert staleness(setup, steps[("50", HERE)], read_entries(setup)).look == (
        f"outputs/{ROUND}/{HERE}/report.id.html is gone",
    )
    write_text(page, "by hand")
    assert staleness(setup, steps[("50", HERE)], read_entries(setup)).in_words.startswith("pages only: ")
    (page.parent / "50_institution_report.ipynb").unlink()
    assert staleness(setup, steps[("50", HERE)], read_entries(setup)).why


def test_what_failed_is_run_again_though_nothing_has_changed(setup, steps, ledger, all_done):
    ledger.end(left_out(steps[("50", HERE)], "notebook 40 of this institution failed"), {}, {})
    assert to_do(setup, steps) == {("50", HERE)}


def test_status_says_what_has_changed_part_by_part(setup, steps, all_done):
    write_text(Store(setup.workspace.data / ROUND).path("responses", HERE), "one answer more")
    table = why_table(setup, HERE).set_index("notebook")["what"]
    assert set(table) == {"run: table responses is changed"}
    assert set(why_table(setup, ELSEWHERE)["what"]) == {"up to date"}
    plan = plan_table(setup, Selection()).set_index(["institution_id", "notebook"])["what"]
    assert plan[("overview", "90_national_overview")] == "run: table responses is changed"
    with pytest.raises(ParameterError, match="no such institution"):
        why_table(setup, "kota-bengkul")


def test_a_report_whose_last_attempt_failed_is_stale_until_one_goes_through(setup, steps, ledger, all_done):
    assert stale_steps(setup, read_entries(setup)) == []
    ledger.begin(steps[("30", HERE)], 1)
    ledger.end(Outcome(("30", HERE), 1.0, (), BROKE), {}, {})
    stale = stale_steps(setup, read_entries(setup))
    assert [step.key for step in stale] == [("30", HERE), ("40", HERE), ("50", HERE)], "what builds on it as well"
    keep_stale(setup, read_entries(setup))
    told = setup.workspace.stale_reports(ROUND)
    assert HERE in told.read_text()
    assert ("90", "") in to_do(setup, steps), "the overview has to say it"
    done(setup, ledger, steps[("30", HERE)])
    keep_stale(setup, read_entries(setup))
    assert not told.exists()


def test_a_report_whose_inputs_have_changed_since_is_out_of_date_in_status_and_overview(setup, steps, all_done):
    keep_stale(setup, read_entries(setup))
    told = setup.workspace.stale_reports(ROUND)
    assert not told.exists()
    write_text(Store(setup.workspace.data / ROUND).path("responses", HERE), "one answer more")
    rows = pd.DataFrame(round_status(setup)).set_index("institution_id")
    assert rows.loc[HERE, "last_run"] == "10, 20, 30, 40, 50 out of date"
    assert rows.loc[HERE, "next"] == "spi run"
    assert tuple(rows.loc[ELSEWHERE, ["last_run", "next"]]) == ("done", "")
    stale = {(one["number"], one["institution_id"]) for one in ledger_facts(setup)["steps"] if one["stale"]}
    assert stale == {(n, HERE) for n in ("10", "20", "30", "40", "50")}
    keep_stale(setup, read_entries(setup))
    assert json.loads(told.read_text())["stale"] == [HERE], "what the overview is made with"
    assert ("90", "") in to_do(setup, steps)


def last_runs(setup):
    return {row["institution_id"]: row["last_run"] for row in round_status(setup)}


def test_status_of_a_round_with_nothing_half_done_and_up_to_date(setup, steps, ledger):
    others = dict.fromkeys(set(setup.institution_ids) - {HERE, ELSEWHERE}, "")
    assert last_runs(setup) == {HERE: "", ELSEWHERE: "", **others}, "nothing was run"
    for number in ("10", "20"):
        for name in step_outputs(setup, steps[(number, HERE)]):
            write_text(setup.workspace.root / name, "made")
        done(setup, ledger, steps[(number, HERE)])
    ledger.end(Outcome(("10", ELSEWHERE), 1.0, (), BROKE), {}, {})
    assert last_runs(setup) == {HERE: "done", ELSEWHERE: "10 failed", **others}, "what failed has no page yet"
    row = next(row for row in round_status(setup) if row["institution_id"] == HERE)
    # Two notebooks in two languages; the report's two pages and those of 30 and 40 are missing.
    assert (row["pages"], row["next"], row["weights"]) == ("4 of 10", "spi run", "yes")


def test_steps_looked_at_together_have_the_fingerprints_that_each_has_alone(setup, steps, all_done):
    write_text(Store(setup.workspace.data / ROUND).path("responses", HERE), "one answer more")
    write_text(setup.workspace.params / "overrides" / f"{HERE}.yaml", "rounds: {}\n")
    look = fingerprint._Look(setup)
    for step in [*steps.values(), *reversed(steps.values())]:
        together, alone = fingerprint._fingerprint(look, step), step_fingerprint(setup, step)
        assert list(together.items()) == list(alone.items())


def test_the_digest_of_the_environment_names_what_is_installed():
    named = sorted({f"{one.name.lower()}=={one.version}" for one in distributions() if one.name})
    assert fingerprint.environment_parts() == [sys.version, *named]


def test_the_pages_that_all_pages_link_to_are_those_of_the_plan():
    assert fingerprint.METHOD_CHECKS_PAGE == METHOD_CHECKS_PAGE
    assert fingerprint.DESIGN_SIMULATOR.page == DESIGNS_PAGE[0]


@pytest.fixture
def searched(monkeypatch):
    """The notebooks whose imports were followed, from now on; whatever was found before is forgotten."""
    found = []
    real = fingerprint.imported_modules
    monkeypatch.setattr(fingerprint, "imported_modules", lambda path, *rest: found.append(path) or real(path, *rest))
    fingerprint.forget()
    yield found
    fingerprint.forget()


def test_whoever_looks_takes_over_the_digests_of_code_that_a_run_has_kept(setup, steps, ledger, all_done, searched):
    before = {step.key: step_fingerprint(setup, step)["code"] for step in steps.values()}
    assert len(searched) == 7, "five notebooks of institutions, two of all"
    ledger.keep_code(fingerprint.found_code())
    ledger.close()
    fingerprint.forget()
    searched.clear()
    assert stale_steps(setup, read_entries(setup)) == []
    assert {step.key: step_fingerprint(setup, step)["code"] for step in steps.values()} == before
    assert searched == []


def test_kept_digests_of_code_hold_for_that_package_and_that_notebook_alone(
    setup, steps, ledger, all_done, searched, monkeypatch
):
    for step in steps.values():
        step_fingerprint(setup, step)
    right = fingerprint.found_code()
    notebook = setup.workspace.notebooks / "40_score_analysis.ipynb"
    ledger.keep_code(dict.fromkeys(right, "of this package and these notebooks"))
    fingerprint.forget()
    searched.clear()
    notebook.write_text(notebook.read_text() + "\n")
    assert step_fingerprint(setup, steps[("40", HERE)])["code"] in right.values()
    assert searched == [notebook], "another notebook"
    monkeypatch.setattr(fingerprint, "package_digest", lambda: "another package")
    fingerprint.forget()
    searched.clear()
    step_fingerprint(setup, steps[("10", HERE)])
    assert [path.stem for path in searched] == ["10_sampling_design"]
    ledger.keep_code(fingerprint.found_code())
    assert {package for package, _ in read_code(setup)} == {"another package"}, "what is of no use is not kept"


def test_nothing_is_kept_of_code_that_was_changed_meanwhile(setup, steps, monkeypatch, searched):
    step_fingerprint(setup, steps[("10", HERE)])
    assert len(fingerprint.found_code()) == 1
    monkeypatch.setattr(fingerprint, "package_digest", lambda: "changed since")
    assert fingerprint.found_code() == {}


def test_a_new_look_makes_no_report_out_of_date(setup, all_done, monkeypatch):
    monkeypatch.setattr("spi_analysis.runner.fingerprint.template_digest", lambda: "another")
    assert stale_steps(setup, read_entries(setup)) == []


def test_no_page_no_stale_page(setup, steps, ledger):
    ledger.end(Outcome(("50", HERE), 1.0, (), BROKE), {}, {})
    assert stale_steps(setup, read_entries(setup)) == []


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_are_disjoint_complete_and_the_same_every_time(setup, of):
    parts = [selected_institutions(setup, Selection(shard=Shard(i + 1, of))) for i in range(of)]
    assert sorted(code for part in parts for code in part) == sorted(setup.institution_ids)
    assert parts == [selected_institutions(setup, Selection(shard=Shard(i + 1, of))) for i in range(of)]
    named = selected_institutions(setup, Selection(institutions=setup.institution_ids[:1], shard=Shard(1, of)))
    assert named == parts[0][:1], "where an institution belongs does not hang on what else was chosen"


def test_the_overview_is_no_shards(setup):
    assert all(step.institution_id for step in selected_steps(setup, Selection(shard=Shard(1, 2))))


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "1/2/3", "-1/2"])
def test_a_shard_that_is_none_is_an_error(text):
    with pytest.raises(ParameterError, match="no shard"):
        read_shard(text)


def test_types_choose_institutions_and_an_unknown_one_names_those_there_are(setup):
    chosen = selected_institutions(setup, Selection(types=["kabupaten"]))
    assert chosen
    assert {setup.roster[code].type for code in chosen} == {"kabupaten"}
    with pytest.raises(ParameterError, match="kabupaten"):
        selected_institutions(setup, Selection(types=["kabupatan"]))


def test_an_institution_of_another_type_is_no_selection(setup):
    with pytest.raises(ParameterError, match="none of these institutions"):
        selected_steps(setup, Selection(institutions=[HERE], types=["kabupaten"]))


def test_only_failed_takes_what_builds_on_it_and_nothing_else(setup, steps, ledger, all_done):
    assert selected_steps(setup, Selection(only_failed=True)) == []
    ledger.end(Outcome(("40", HERE), 1.0, (), BROKE), {}, {})
    chosen = selected_steps(setup, Selection(only_failed=True))
    assert [step.key for step in chosen] == [("40", HERE), ("50", HERE), ("90", "")]
    assert chosen[0].after == (), "30 went through and is not waited for"


def test_several_shards_ledgers_are_read_as_one(setup, steps, all_done):
    second = Ledger(batch_folder(setup) / "ledger.1-of-2.sqlite", "second")
    second.begin_run(2, 1, 1, "")
    second.begin(steps[("10", HERE)], 1)
    second.end(Outcome(("10", HERE), 1.0, (), BROKE), {}, {})
    second.close()
    entries = read_entries(setup)
    assert entries[("10", HERE)].state == "failed", "the newest counts"
    assert entries[("20", HERE)].state == "done"


def test_a_setup_for_another_round_has_its_own_ledger(setup, all_done):
    other = replace(setup, round=setup.round.model_copy(update={"round_id": "spi_2025"}))
    assert read_entries(other) == {}
    shutil.rmtree(batch_folder(setup))
    assert read_entries(setup) == {}


def test_a_ledger_at_rest_carries_a_checksum_and_one_being_written_none(setup, ledger):
    """SQLite reads the number as ``application_id``; CRC-32 as zlib has it, over the file with four zeros there."""
    with closing(sqlite3.connect(ledger.path)) as base:
        assert base.execute("pragma application_id").fetchone() == (0,)
    assert read_runs(setup)[0]["state"] == "running", "read while it is written"
    ledger.end_run("done")
    ledger.close()
    content = ledger.path.read_bytes()
    expected = zlib.crc32(content[:68] + bytes(4) + content[72:])
    assert int.from_bytes(content[68:72]) == expected
    with closing(sqlite3.connect(ledger.path)) as base:
        assert base.execute("pragma application_id").fetchone()[0] % 2**32 == expected
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)
    assert read_runs(setup)[0]["state"] == "done"
    Ledger(ledger.path, "next").close()
    assert read_runs(setup)[0]["state"] == "done", "and again"
    ledger.path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for read in (lambda: read_runs(setup), lambda: Ledger(ledger.path, "next")):
        with pytest.raises(StoreError, match="the ledger is damaged"):
            read()
