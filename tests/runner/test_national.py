"""A small national round: whole per institution, the same bytes for any number of processes, goes on where it was."""

import hashlib
import io

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from spi_analysis.cli import app
from spi_analysis.errors import StoreError
from spi_analysis.operations import national
from spi_analysis.operations.many import RoundContext, import_lists, import_logs, problems_of, weight_all
from spi_analysis.operations.national import Recipe, make_national_round, national_folder
from spi_analysis.params import load_setup
from spi_analysis.tables.demo_marks import demo_key, demo_seed
from spi_analysis.tables.files import write_text
from tests.demo import copy_inputs
from tests.stages.town import draw_announced

pytestmark = pytest.mark.xdist_group("national")
ROUND, SEED, SCALE = "spi_2024", 5, 0.02
QUIET = Console(file=io.StringIO())
# Two processes only at length: what they do in turn is the same.
SIDE_BY_SIDE = [1, pytest.param(2, marks=pytest.mark.long)]


def workspace_in(folder):
    return load_setup(copy_inputs(folder), ROUND)


def make(setup, count=3, workers=1, seed=SEED, scale=SCALE, lists_only=False):
    return make_national_round(setup, count, Recipe(seed, scale, lists_only), workers, QUIET)


def digests(root):
    """Every file of a round by its content, but what is encrypted (a new nonce each time) and locks."""
    files = [path for part in ("data", "outputs", "build", "params") for path in (root / part).rglob("*")]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and path.suffix != ".bin" and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Seven institutions: the five of the roster and two examples."""
    setup = workspace_in(tmp_path_factory.mktemp("national") / "w")
    result = make(setup, 7)
    assert not problems_of(result.outcomes)
    return load_setup(setup.workspace, ROUND), result


def test_every_institution_is_there_from_lists_to_answers(made):
    setup, result = made
    context = RoundContext(setup, demo_key(SEED))
    assert len(setup.institution_ids) == len(result.institutions) == 7
    for code in setup.institution_ids:
        for table in ("frame", "sample", "events", "responses"):
            assert context.store.has(table, code), (table, code)
        assert sorted(path.suffix for path in (national_folder(setup.workspace, code) / "received").iterdir()) == [
            ".csv",
            ".csv",
            ".parquet",
        ]
        listed = context.store.read("frame", code)
        counts = result.institutions.loc[code]
        assert counts["listed"] - counts["rejected"] == len(listed)
        contacts = [context.vault.read_contacts(ROUND, code, source) for source in ("internal", "external", "expert")]
        assert sum(map(len, contacts)) == len(listed), "everyone's contacts are in the vault"
        assert context.store.read("responses", code)["person_id"].isin(listed["person_id"]).all()
    assert context.store.is_synthetic
    assert demo_seed(setup.workspace) == SEED
    assert not list(setup.workspace.root.glob("build/national/.*")), "nothing half-made is left"


def test_rows_of_the_parameter_files_stay_and_examples_are_added(made):
    setup, _ = made
    for name in ("institutions.csv", f"rounds/{ROUND}.institutions.csv"):
        before = (copy_source() / name).read_text()
        after = (setup.workspace.params / name).read_text()
        assert after.startswith(before)
        assert len(after.splitlines()) == len(before.splitlines()) + 2
        assert "generated" in after.removeprefix(before) or name == "institutions.csv"


def copy_source():
    from tests.demo import PROJECT

    return PROJECT / "params"


@pytest.mark.long
@pytest.mark.slow
def test_same_bytes_for_any_number_of_processes(tmp_path):
    one, two, other = (workspace_in(tmp_path / name) for name in ("one", "two", "other"))
    make(one, workers=1)
    make(two, workers=2)
    make(other, 1, seed=SEED + 1)
    assert digests(one.workspace.root) == digests(two.workspace.root)
    table = "data/spi_2024/frame/kota-mojokerto.parquet"
    assert digests(one.workspace.root)[table] != digests(other.workspace.root)[table]


@pytest.mark.long
def test_interrupted_it_goes_on_and_an_institution_is_whole_or_not_there(tmp_path, monkeypatch):
    setup, whole, calls = workspace_in(tmp_path / "w"), national.vendor_files, []

    def stopped(city, *args, **options):
        calls.append(city.institution_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(city, *args, **options)

    monkeypatch.setattr(national, "vendor_files", stopped)
    with pytest.raises(KeyboardInterrupt):
        make(setup)
    store = RoundContext(setup).store
    assert store.institutions("frame") == calls[:1], "the second one was drawn already, but it was not whole"
    monkeypatch.setattr(national, "vendor_files", whole)
    kept = store.path("frame", calls[0]).stat().st_mtime_ns
    again = make(setup)
    assert again.already == 1
    assert len(again.outcomes) == 2
    assert store.path("frame", calls[0]).stat().st_mtime_ns == kept, "what is there is passed over"
    straight = workspace_in(tmp_path / "straight")
    make(straight)
    assert digests(setup.workspace.root) == digests(straight.workspace.root)


def test_data_of_others_are_refused(tmp_path):
    setup = workspace_in(tmp_path / "w")
    write_text(setup.workspace.data / ROUND / "frame" / "kota-mojokerto.parquet", "real people")
    before = digests(setup.workspace.root)
    with pytest.raises(StoreError, match="did not make"):
        make(setup)
    assert digests(setup.workspace.root) == before


def test_another_seed_or_scale_is_refused_and_a_demo_too(made):
    setup, _ = made
    for options in ({"seed": SEED + 1}, {"scale": 2 * SCALE}):
        with pytest.raises(StoreError, match="generated in another way"):
            make(setup, 7, **options)
    run = CliRunner().invoke(app, ["demo", "--data-only", "--workspace", str(setup.workspace.root)])
    assert isinstance(run.exception, StoreError)
    assert make(setup, 7).already == 7


@pytest.mark.long
def test_by_hand_it_comes_to_the_same_tables(made, tmp_path):
    """Lists alone, then the commands' own doors, then the fieldwork: the same frame, sample and answers."""
    whole, _ = made
    setup = workspace_in(tmp_path / "w")
    make(setup, lists_only=True)
    context = RoundContext(setup, demo_key(SEED))
    assert not context.store.institutions("frame")
    lists = sorted(setup.workspace.root.glob("build/national/*/received/*"))
    result = import_lists(lists, context, None, None, 1, QUIET)
    assert not result.failed
    assert (result.counts["read"] == result.counts["accepted"] + result.counts["rejected"]).all()
    assert import_lists(lists, context, None, None, 1, QUIET).skipped == 3, "the very same files are passed over"
    codes = setup.institution_ids[:3]
    for code in codes:
        draw_announced(setup, context.store, code, context.vault.secret("prn"))
    assert not problems_of(make(setup).outcomes)
    for code in codes:
        for table in ("frame", "sample", "events", "responses"):
            pd.testing.assert_frame_equal(
                context.store.read(table, code), RoundContext(whole).store.read(table, code), obj=f"{table} of {code}"
            )


def test_real_lists_stay_out_and_generated_ones_may_come_in(made, tmp_path):
    setup, _ = made
    own = tmp_path / "pegawai_kota-mojokerto.csv"
    own.write_text("Nama;Unit Kerja;Jabatan;No HP\nBudi Contoh;Dinas Sosial;Staf;081200000001\n")
    run = CliRunner().invoke(app, ["import", "frame", str(own), "--workspace", str(setup.workspace.root)])
    assert isinstance(run.exception, StoreError)
    assert "holds the demo" in str(run.exception)
    generated = next((national_folder(setup.workspace, "kota-mojokerto") / "received").glob("*internal*"))
    run = CliRunner().invoke(app, ["import", "frame", str(generated), "--workspace", str(setup.workspace.root)])
    assert "drawn from the list" in str(run.exception), "it got as far as the draw's own refusal"


def test_a_broken_list_is_named_and_the_others_come_in(tmp_path):
    setup = workspace_in(tmp_path / "w")
    make(setup, lists_only=True)
    context, codes = RoundContext(setup, demo_key(SEED)), setup.institution_ids[:3]
    broken = next((national_folder(setup.workspace, codes[1]) / "received").glob("*external*"))
    broken.write_bytes(b"no parquet")
    nobody = tmp_path / "daftar pegawai.csv"
    nobody.write_text("Nama;Unit\nA;B\n")
    lists = [*sorted(setup.workspace.root.glob("build/national/*/received/*")), nobody]
    result = import_lists(lists, context, None, None, 1, QUIET)
    assert {problem.file for problem in result.failed} == {broken.name, nobody.name}
    assert set(context.store.institutions("frame")) == set(codes), "its other lists came in, as ever"
    assert set(context.store.read("frame", codes[1])["source"]) == {"internal", "expert"}


@pytest.mark.parametrize("workers", SIDE_BY_SIDE)
def test_rows_of_others_in_a_file_go_the_slow_way(made, tmp_path, workers):
    """A log named after one institution that holds another's rows: nothing is lost, each event is where it belongs."""
    setup, _ = made
    context = RoundContext(setup, demo_key(SEED))
    one, other = setup.institution_ids[:2]
    logs = [next((national_folder(setup.workspace, c) / "vendor").glob("*kejadian*")) for c in (one, other)]
    before = {code: context.store.read("events", code) for code in (one, other)}
    mixed = pd.concat([pd.read_parquet(logs[0]).head(20), pd.read_parquet(logs[1]).head(10)])
    mixed = pd.concat([mixed, mixed.head(1).assign(token="a" * 20)])
    path, own = tmp_path / f"{one}__kejadian.csv", tmp_path / f"{other}__kejadian.csv"
    mixed.to_csv(path, index=False)
    pd.read_parquet(logs[1]).head(5).to_csv(own, index=False)
    result = import_logs("events", [path, own], context, None, workers, QUIET)
    counts = result.counts.groupby(["file", "institution_id"])["read"].sum().to_dict()
    assert counts == {(path.name, one): 20, (path.name, other): 10, (path.name, ""): 1, (own.name, other): 5}
    for code, table in before.items():
        pd.testing.assert_frame_equal(context.store.read("events", code), table)


@pytest.mark.parametrize("workers", SIDE_BY_SIDE)
@pytest.mark.parametrize(
    "token", [None, *(pytest.param(one, marks=pytest.mark.long) for one in ("percobaan", "a" * 20))]
)
def test_a_test_row_among_the_answers_costs_nobody_their_answers(made, tmp_path, workers, token):
    """Exports of survey platforms hold rows without a link of the round; all other answers are stored as they were."""
    setup, _ = made
    context = RoundContext(setup, demo_key(SEED))
    one, other = setup.institution_ids[:2]
    before = {code: context.store.read("responses", code) for code in (one, other)}
    files = []
    for code in (one, other):
        answers = pd.concat(
            [
                pd.read_parquet(log)
                for log in sorted((national_folder(setup.workspace, code) / "vendor").glob("*jawaban*"))
            ]
        )
        if code == one:
            answers = pd.concat([answers, answers.head(1).assign(token=token)])
        files.append(tmp_path / f"{code}__jawaban.parquet")
        answers.to_parquet(files[-1])
        context.store.path("responses", code).unlink()
    try:
        result = import_logs("responses", files, context, None, workers, QUIET)
        for code, table in before.items():
            pd.testing.assert_frame_equal(context.store.read("responses", code), table, obj=f"answers of {code}")
    finally:
        for code, table in before.items():
            context.store.write("responses", code, table)
    assert not result.failed
    nobodys = result.counts[result.counts["institution_id"] == ""]
    assert nobodys[["file", "read", "accepted", "rejected"]].to_numpy().tolist() == [[files[0].name, 1, 0, 1]]
    assert (result.counts["read"] == result.counts["accepted"] + result.counts["rejected"]).all()


def test_weights_are_made_once_and_again_when_answers_change(made):
    setup, _ = made
    context, code = RoundContext(setup), setup.institution_ids[0]
    assert [outcome.value for outcome in weight_all(context, [code], 1, QUIET)] == [True]
    assert [outcome.value for outcome in weight_all(context, [code], 1, QUIET)] == [False]
    right = context.store.path("weights", code).read_bytes()
    context.store.write("weights", code, context.store.read("weights", code).iloc[:-1])
    assert [outcome.value for outcome in weight_all(context, [code], 1, QUIET)] == [True], "somebody wrote others"
    assert context.store.path("weights", code).read_bytes() == right
    answers = context.store.read("responses", code)
    try:
        context.store.write("responses", code, answers.iloc[1:])
        assert [outcome.value for outcome in weight_all(context, [code], 1, QUIET)] == [True]
    finally:
        context.store.write("responses", code, answers)
    missing = weight_all(context, ["kota-tebing-tinggi", code], 1, QUIET)
    assert not problems_of(missing)
