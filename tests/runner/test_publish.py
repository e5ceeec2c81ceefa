"""What leaves the house: reports, tables, overview, and nothing else; never a contact, never a stale figure."""

import csv
import io
import os
import re
import shutil
import zipfile

import openpyxl
import pandas as pd
import pytest

from spi_analysis.errors import StoreError
from spi_analysis.operations import publication as module
from spi_analysis.operations.publication import content_problems, publish, without_dead_links
from spi_analysis.params import load_setup
from spi_analysis.reporting.institution.downloads import save_tables
from spi_analysis.reporting.pdf import LINKS_SLOT, PDFS
from spi_analysis.runner.fingerprint import step_fingerprint, step_outputs
from spi_analysis.runner.ledger import Ledger, batch_folder, one_run
from spi_analysis.runner.plan import Outcome, plan_steps
from spi_analysis.stages.report import institution_page
from spi_analysis.stages.score import score_institution
from spi_analysis.stages.weight import save_weights, weight_institution
from spi_analysis.tables import import_published
from spi_analysis.tables.contracts import HIDDEN_COLUMNS
from spi_analysis.tables.files import write_csv, write_text
from spi_analysis.tables.store import Store
from tests.demo import copy_inputs
from tests.kills import kill_after, numbered, times_of
from tests.stages.town import SECRET, TOWN, draw_announced, make_town

pytestmark = pytest.mark.xdist_group("publish")
ROUND = "spi_2024"
UNIT_THAT_RUNS = "=cmd|' /C calc'!A0"
PAGE = """<!DOCTYPE html><html lang="{language}"><head><meta name="institution" content="{institution_id}">
<meta name="round" content="spi_2024"></head><body><strong class="mark {status}">x</strong>
<nav><ul><li><a href="{up}index.{language}.html">Overview</a></li>
<li><a href="40_score_analysis.{language}.html">Scores</a></li>
<li><a href="10_sampling_design.{language}.html">Design</a></li></ul></nav>
<a href="#main">below</a> <p>{text}</p><svg xmlns="http://www.w3.org/2000/svg"></svg>
{links}</body></html>"""


def write_pages(setup, text="Skor 77,29 (75,10 sampai 79,48); n = 1.234.567"):
    """Pages as the batch makes them, with links to the tables beside them."""
    base = setup.workspace.outputs / ROUND
    status = setup.round.report_status
    tables = sorted(path.name for path in (base / TOWN / "tables").glob("*.csv"))
    links = " ".join(f'<a href="tables/{name}">CSV</a>' for name in tables)
    for language in setup.round.languages:
        facts = {"language": language, "status": status, "text": text}
        report = PAGE.format(institution_id=TOWN, up="../", links=links, **facts)
        write_text(base / TOWN / f"report.{language}.html", report)
        write_text(
            base / TOWN / f"plain.{language}.html", PAGE.format(institution_id=TOWN, up="../", links="", **facts)
        )
        links_home = f'<a href="{TOWN}/report.{language}.html">T</a> <a href="tables/means.csv">CSV</a>'
        write_text(base / f"index.{language}.html", PAGE.format(institution_id="", up="", links=links_home, **facts))
        for page in ("explorer", "published_years"):
            write_text(base / f"{page}.{language}.html", PAGE.format(institution_id="", up="", links="", **facts))


def keep_on_record(setup, *steps, error=""):
    """Steps of the round (all of them), as a run has them in its ledger: made from what is there now."""
    ledger = Ledger(batch_folder(setup) / "ledger.sqlite", "a run")
    for step in steps or plan_steps([TOWN]):
        ledger.begin(step, 1)
        outcome = Outcome(step.key, 1.0, (), error)
        ledger.end(outcome, step_fingerprint(setup, step), step_outputs(setup, step))
    ledger.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A workspace with one institution, scored, with pages; copied for every test."""
    return published_town(tmp_path_factory.mktemp("publish") / "w")


def published_town(folder, secret=SECRET):
    """A workspace with one institution, scored, with pages, and all of it on record; its folder."""
    workspace = copy_inputs(folder)
    rows = workspace.params / "rounds" / f"{ROUND}.institutions.csv"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:2]))
    setup = load_setup(workspace, ROUND)
    assert setup.institution_ids == [TOWN]
    store = Store(workspace.data / ROUND)
    town = make_town(setup)
    # A unit of a list that means ill: spreadsheets start programs from such names.
    store.write("frame", TOWN, town.frame.replace({"unit": {"Dinas Satu": UNIT_THAT_RUNS}}))
    draw_announced(setup, store, TOWN, secret)
    sample = store.read("sample", TOWN)
    events, responses = town.fieldwork(sample)
    store.write("events", TOWN, events)
    store.write("responses", TOWN, responses)
    frame = store.read("frame", TOWN)
    weighted = weight_institution(frame, sample, events, responses, setup.round, setup.instrument)
    save_weights(store, TOWN, weighted)
    scored = score_institution(
        frame=frame, responses=responses, weights=weighted.weights, replicates=weighted.replicates,
        round_=setup.round, instrument=setup.instrument, inputs=setup.inputs[TOWN], previous=None,
    )  # fmt: skip
    store.write("estimates", TOWN, scored.estimates)
    folder = workspace.institution_outputs(ROUND, TOWN)
    save_tables(institution_page(setup, store, TOWN), folder / "tables")
    write_csv(workspace.outputs / ROUND / "tables" / "means.csv", pd.DataFrame({"year": [2024]}))
    write_pages(setup)
    keep_on_record(setup)
    return workspace.root


@pytest.fixture
def setup(template, tmp_path):
    shutil.copytree(template, tmp_path / "w")
    from spi_analysis.params import Workspace

    return load_setup(Workspace(tmp_path / "w"), ROUND)


def pack(setup, partial=False, folder=None):
    return publish(setup, folder or setup.workspace.root / "out", partial)


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_reports_tables_and_overview_go_and_nothing_else(setup):
    outputs = setup.workspace.outputs / ROUND
    for stray in ("50_institution_report.ipynb", "40_score_analysis.id.html", "frame_problems.xlsx", "tables/x.csv"):
        write_text(outputs / TOWN / stray, "not for others")
    write_text(outputs / "tables" / "notes.csv", "not for others")
    keep_on_record(setup)
    made = pack(setup)
    names = set(files_in(made.folder)) - {"manifest.csv"}
    tables = {f"{TOWN}/tables/{name}" for name in os.listdir(outputs / TOWN / "tables") if name != "x.csv"}
    assert names == {
        *tables,
        *(f"{TOWN}/{page}.{language}.html" for page in ("report", "plain") for language in ("id", "en")),
        *(f"{page}.{language}.html" for page in ("index", "explorer", "published_years") for language in ("id", "en")),
        "tables/means.csv",
    }
    assert set(made.manifest["file"]) == names
    assert made.left_out.empty


def test_pdfs_go_along_where_there_are_any_and_published_pages_alone_link_them(setup, monkeypatch):
    """The page that a run made does not change: whoever makes a PDF makes no report stale."""
    write_pages(setup, f"Skor{LINKS_SLOT}")
    keep_on_record(setup)
    page = setup.workspace.outputs / ROUND / TOWN / "report.id.html"
    before, names = page.read_bytes(), [f"{name}.{language}.pdf" for name in PDFS for language in ("id", "en")]
    assert not [name for name in files_in(pack(setup).folder) if name.endswith(".pdf")]
    (page.parent / "brief.id.pdf").write_bytes(b"%PDF- of an earlier page")
    monkeypatch.setattr(module, "pdfs_of", lambda setup, code: dict.fromkeys(names, b"%PDF- of this page"))
    found = files_in(pack(setup).folder)
    assert {name for name in found if name.endswith(".pdf")} == {f"{TOWN}/{name}" for name in names}
    assert found[f"{TOWN}/brief.id.pdf"] == b"%PDF- of this page"
    assert b'<a href="brief.id.pdf">Ringkasan dua halaman (PDF)</a>' in found[f"{TOWN}/report.id.html"]
    assert page.read_bytes() == before
    monkeypatch.setattr(module, "pdfs_of", lambda setup, code: {"brief.id.pdf": b"MZ a program"})
    with pytest.raises(StoreError, match="no PDF"):
        pack(setup)


def test_the_manifest_tells_every_file(setup):
    import hashlib

    made = pack(setup)
    listed = pd.read_csv(made.folder / "manifest.csv", keep_default_na=False)
    assert list(listed.columns) == ["file", "size", "sha256", "institution_id", "round"]
    for row in listed.itertuples():
        content = (made.folder / row.file).read_bytes()
        assert (row.size, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert row.institution_id == (TOWN if row.file.startswith(TOWN) else "")
        assert row.round == ROUND
    with zipfile.ZipFile(made.archive) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files_in(made.folder)
        assert archive.namelist() == sorted(archive.namelist())


def test_the_same_reports_give_the_same_bytes(setup, tmp_path):
    first, second = pack(setup, folder=tmp_path / "a"), pack(setup, folder=tmp_path / "b")
    assert first.archive.read_bytes() == second.archive.read_bytes()
    again = pack(setup, folder=tmp_path / "a")
    assert again.archive.read_bytes() == second.archive.read_bytes(), "a new package takes the place of the old one"
    assert sorted(os.listdir(tmp_path / "a")) == [ROUND, f"{ROUND}.zip"]


def test_no_link_leads_out_of_the_package(setup):
    made = pack(setup)
    names = set(files_in(made.folder))
    for name in names:
        if name.endswith(".html"):
            page = (made.folder / name).read_text()
            for href in re.findall(r'href="([^"#]+)"', page):
                assert os.path.normpath(os.path.join(os.path.dirname(name), href)) in names, (name, href)
            assert "10_sampling_design" not in page
            assert 'href="#main"' in page


def test_dead_links_keep_their_words():
    page = '<p>See <a class="x" href="gone.html#a">the <b>scores</b></a> and <a href="a/b.html">this</a>.</p>'
    assert without_dead_links(page, ".", {"a/b.html"}) == (
        '<p>See the <b>scores</b> and <a href="a/b.html">this</a>.</p>'
    )


PLANTED = {
    "a phone number": ["Hubungi 0812-3456-7890", "wa 6281234567890", "+62 812 3456 7890", "(0812) 34567890"],
    "an e-mail address": ["budi@example.org", "Budi.Contoh &#64; example.co.id"],
    "a network address": ["https://example.org/x", "www.example.org", '<script src="//example.org/x.js">'],
    "a network address in numbers": ["host 192.168.10.254 answered"],
    "an employee number": ["NIP 19850315 201001 1 002", "198503152010011002"],
    "a traceback": ["Traceback (most recent call last):", 'File "x.py", line 3, in f'],
    "a path of this machine": ["see /home/someone/data", "C:\\Users\\someone"],
}


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in PLANTED.items() for text in texts])
def test_what_is_planted_is_refused(setup, what, text):
    """In one page of one institution; nothing is written, the file is named, and the value is not repeated in full."""
    made = pack(setup)
    before = files_in(made.folder.parent)
    page = setup.workspace.outputs / ROUND / TOWN / "report.en.html"
    page.write_text(page.read_text().replace("<p>", f"<p>{text} "))
    keep_on_record(setup)
    for partial in (False, True):
        with pytest.raises(StoreError, match=f"holds {what}") as error:
            pack(setup, partial)
        assert f"{TOWN}/report.en.html" in str(error.value)
        assert "7890" not in str(error.value)
        assert "budi@example.org" not in str(error.value)
    assert files_in(made.folder.parent) == before


@pytest.mark.parametrize(
    "text",
    [
        "Skor 77,29; n = 1.234.567; 2021-2024; RR1 8.31 %; 0.0812345678901234 62.81234567890123",
        "unit_score,internal,,Dinas Satu,62.8123456789,0.8112345678,,0.95",
        'd="M 0 812.345678 L 628.123 45.67"',
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">',
        '<img src="data:image/png;base64,AAAA0812345678901+a@b/C==">',
        "@media print { a::after { content: none } }",
        "sha256 9f0812345678e1; versi 0.1.0",
        "Kode 2024/10, halaman 3 dari 12",
    ],
)
def test_figures_and_pictures_are_no_contacts(text):
    assert content_problems("a.html", text) == []


def test_no_published_cell_runs_and_none_says_more_than_the_page(setup):
    """The unit called =cmd|... is there, as text; no figure has more than four decimals (those of p values)."""
    made = pack(setup)
    with zipfile.ZipFile(made.archive) as archive:
        tables = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist() if name.endswith(".csv")}
    assert len(tables) > 10
    for name, text in tables.items():
        for cell in (cell for row in csv.reader(text.splitlines()) for cell in row):
            assert re.match(r"\s*[=@+]|-(?!\d+(\.\d+)?$)", cell) is None, (name, cell)
            assert re.fullmatch(r"-?\d+\.\d{5,}", cell) is None, (name, cell)
    units = pd.read_csv(io.StringIO(tables[f"{TOWN}/tables/units_internal.csv"]))
    assert "'" + UNIT_THAT_RUNS in units["domain"].tolist()


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("=1+1", "a cell that a spreadsheet would run"),
        ('x,"Dinas A;@SUM(1)"', "a cell that a spreadsheet would run"),
        ("76.58589004337513", "a figure with more digits than a page shows"),
        ("1.0673945437692238e-10", "a figure with more digits than a page shows"),
    ],
)
def test_a_table_that_was_written_in_another_way_is_refused(setup, row, what):
    write_text(setup.workspace.outputs / ROUND / "tables" / "means.csv", f"year\n{row}\n")
    keep_on_record(setup)
    with pytest.raises(StoreError, match=what) as error:
        pack(setup)
    assert "tables/means.csv" in str(error.value)
    assert "1 in all" in str(error.value)


def link_workbook(setup, *cells):
    """A workbook beside the overview, and a link to it on its page."""
    base, book = setup.workspace.outputs / ROUND, openpyxl.Workbook()
    book.active.append(cells)
    book.save(base / "tables" / "means.en.xlsx")
    page = base / "index.en.html"
    linked = page.read_text(encoding="utf-8").replace("</body>", '<a href="tables/means.en.xlsx">XLSX</a></body>')
    write_text(page, linked)
    keep_on_record(setup)


def test_a_workbook_goes_with_the_page_that_links_it(setup):
    link_workbook(setup, 2024, "Dinas A", 77.29)
    assert "tables/means.en.xlsx" in files_in(pack(setup).folder)


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("=1+1", "a cell that a spreadsheet would run"),
        (76.58589004337513, "a figure with more digits than a page shows"),
        ("081234567890", "holds a phone number"),
    ],
)
def test_a_workbook_is_looked_through_as_a_csv_is(setup, cell, what):
    link_workbook(setup, 2024, cell)
    with pytest.raises(StoreError, match=what) as error:
        pack(setup)
    assert "tables/means.en.xlsx" in str(error.value)


def test_a_planted_contact_in_a_table_is_refused(setup):
    write_text(setup.workspace.outputs / ROUND / "tables" / "means.csv", "year\n081234567890\n")
    keep_on_record(setup)
    with pytest.raises(StoreError, match="holds a phone number") as error:
        pack(setup)
    assert "tables/means.csv" in str(error.value)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda setup, base, store: (base / "report.en.html").unlink(), "the report is missing"),
        (lambda setup, base, store: shutil.rmtree(batch_folder(setup)), "not run yet"),
        (lambda setup, base, store: keep_on_record(setup, error="it broke"), "last time: failed"),
        (lambda setup, base, store: (base / "tables" / "index.csv").unlink(), "tables/index.csv is gone"),
        (lambda setup, base, store: _other_estimates(store), "40_score_analysis is not up to date"),
        (lambda setup, base, store: _fewer(store, "responses"), "30_nonresponse_weighting is not up to date"),
        (lambda setup, base, store: _swap(base / "report.id.html", TOWN, "kota-bengkulu"),
         "report.id.html is changed by hand"),
        (lambda setup, base, store: _swap(_round_file(setup), "report_status: draft", "report_status: final"),
         "parameters is changed"),
    ],
)  # fmt: skip
def test_what_is_stale_missing_or_failed_is_refused_and_left_out_when_told(setup, spoil, why):
    base, store = setup.workspace.outputs / ROUND / TOWN, Store(setup.workspace.data / ROUND)
    spoil(setup, base, store)
    with pytest.raises(StoreError, match=why) as error:
        pack(setup)
    assert TOWN in str(error.value)
    with pytest.raises(StoreError, match="no report to publish"):
        pack(setup, partial=True)
    assert not (setup.workspace.root / "out").exists()


def test_what_was_changed_by_hand_is_called_that_and_what_a_command_wrote_is_not(setup):
    """A typing error put right in a page, a workbook saved in Excel: the run has not made it, so nobody checked it."""
    page = setup.workspace.outputs / ROUND / TOWN / "report.en.html"
    page.write_text(page.read_text().replace("Skor", "Score"))
    with pytest.raises(StoreError, match="the report was changed by hand since the run made it") as error:
        pack(setup)
    (problem,) = error.value.problems
    assert problem.got == f"pages only: outputs/{ROUND}/{TOWN}/report.en.html is changed by hand"
    assert problem.hint.startswith(f"run: spi run {TOWN} makes it anew, and what was changed is lost")
    keep_on_record(setup)
    store = Store(setup.workspace.data / ROUND)
    store.write("weights", TOWN, store.read("weights", TOWN).iloc[1:])
    with pytest.raises(StoreError, match="weights") as error:
        pack(setup)
    assert "by hand" not in str(error.value), "spi weight may have written it"


def test_a_release_that_differs_from_the_last_by_one_answer_is_refused(setup):
    """From both an answer that was withdrawn could be worked out; the message says where, and what it would be."""
    pack(setup)
    store = Store(setup.workspace.data / ROUND)
    last = store.read_record("publications", TOWN)
    assert {row["measure"] for row in last["shown"]} >= {"source_score", "dimension_score"}
    row = next(row for row in last["shown"] if row["measure"] == "source_score" and row["source"] == "internal")
    now = (row["n"], row["estimate"])
    # One answer of 20 points more, before.
    row["n"], row["estimate"] = now[0] + 1, round((now[0] * now[1] + 20) / (now[0] + 1), 2)
    store.write_record("publications", TOWN, last)
    before = files_in(setup.workspace.root / "out")
    for partial in (False, True):
        with pytest.raises(StoreError, match="differ by a few answers") as error:
            pack(setup, partial)
        (problem,) = [one for one in error.value.problems if "two releases" in one.what]
        assert problem.key == f"{TOWN}: source_score internal"
        low, high = map(float, re.findall(r"between ([\d.]+) and ([\d.]+)", problem.got)[0])
        assert low <= 20 <= high
    assert files_in(setup.workspace.root / "out") == before
    row["n"] = now[0] + 10
    store.write_record("publications", TOWN, last)
    pack(setup)


def test_other_figures_than_those_released_need_a_reason(setup):
    """The last release had another digest: its figures were others, and readers will ask why."""
    pack(setup)
    store = Store(setup.workspace.data / ROUND)
    last = store.read_record("publications", TOWN)
    store.write_record("publications", TOWN, last | {"releases": ["0" * 64]})
    with pytest.raises(StoreError, match="without a reason"):
        pack(setup)
    publish(setup, setup.workspace.root / "out", False, "a late file")
    now = store.read_record("publications", TOWN)
    assert now["reasons"] == ["a late file"]
    assert now["releases"] == ["0" * 64, *last["releases"]]


def test_a_figure_that_tells_a_hidden_one_is_refused(setup):
    """The larger of two hidden units is shown again, as if nothing had hidden it: the total gives the other one."""
    store = Store(setup.workspace.data / ROUND)
    table = store.read("estimates", TOWN)
    units = table[(table["measure"] == "unit_score") & (table["source"] == "internal")]
    one = units.index[units["status"] == "shown"][0]
    table.loc[one, ["status", *HIDDEN_COLUMNS]] = ["suppressed", *[float("nan")] * len(HIDDEN_COLUMNS)]
    store.write("estimates", TOWN, table)
    keep_on_record(setup)
    with pytest.raises(StoreError, match="tells a hidden figure too closely") as error:
        pack(setup)
    assert table.loc[one, "domain"] in str(error.value)


def test_when_all_are_out_of_date_it_says_so_and_why(setup):
    """Published years were imported after the reports were made: they are there, and nobody may be told otherwise."""
    import_published(setup, setup.workspace.params / "published.csv")
    with pytest.raises(StoreError) as error:
        pack(setup, partial=True)
    (problem,) = error.value.problems
    assert problem.what == "there is no report to publish: 1 of 1 are out of date"
    assert problem.key == TOWN
    assert problem.got == "run: tables of all institutions is new"
    assert "spi run" in problem.hint


def test_when_none_was_made_or_all_are_withheld_it_says_that(setup):
    (setup.workspace.outputs / ROUND / TOWN / "report.en.html").unlink()
    with pytest.raises(StoreError, match="no report to publish: 1 of 1 were not made yet"):
        pack(setup, partial=True)
    shutil.rmtree(setup.workspace.outputs / ROUND / TOWN)
    rows = setup.workspace.params / "rounds" / f"{ROUND}.institutions.csv"
    header = rows.read_text().splitlines()[0]
    rows.write_text(f"{header}\n{TOWN},0,0,withheld,secrecy,test\n")
    with pytest.raises(StoreError, match="no report to publish: all results are withheld"):
        pack(load_setup(setup.workspace, ROUND), partial=True)


def test_a_missing_institution_is_left_out_and_listed(setup):
    """With --partial the others go; what stays is listed in the package, and nothing links to it."""
    rows = setup.workspace.params / "rounds" / f"{ROUND}.institutions.csv"
    rows.write_text(
        rows.read_text() + "kota-bengkulu,0,0,published,,test\nkota-tebing-tinggi,0,0,withheld,secrecy,test\n"
    )
    keep_on_record(setup, *plan_steps([TOWN], ["30", "40", "50"]))
    larger = load_setup(setup.workspace, ROUND)
    with pytest.raises(StoreError) as error:
        pack(larger)
    assert "kota-bengkulu" in str(error.value)
    assert "kota-tebing-tinggi" not in str(error.value), "a withheld result without a report is as it should be"
    made = pack(larger, partial=True)
    assert sorted(made.left_out.to_numpy().tolist()) == [
        ["(overview)", "the national overview is missing or stale"],
        ["(overview)", "the page that checks the published years is missing or stale"],
        ["kota-bengkulu", "the report is missing"],
        ["kota-tebing-tinggi", "withheld: secrecy"],
    ]
    assert (made.folder / "left_out.csv").exists()
    assert f"{TOWN}/report.id.html" in set(made.manifest["file"])
    assert "index.id.html" not in (made.folder / TOWN / "report.id.html").read_text()


def test_a_stale_overview_is_refused_and_left_out_when_told(setup):
    page = setup.workspace.outputs / ROUND / "index.id.html"
    page.write_text(page.read_text() + "later")
    with pytest.raises(StoreError, match="overview was changed by hand since the run made it"):
        pack(setup)
    made = pack(setup, partial=True)
    assert not [name for name in made.manifest["file"] if name.startswith("index")]
    assert list(made.left_out["institution_id"]) == ["(overview)"]


def test_interrupted_nothing_is_left(setup, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_write_zip", stop)
    with pytest.raises(KeyboardInterrupt):
        pack(setup)
    assert os.listdir(setup.workspace.root / "out") == []


def test_nothing_is_packed_while_a_run_goes_on(setup):
    with one_run(setup), pytest.raises(StoreError, match="another run"):
        pack(setup)


def test_drafts_are_said_to_be_drafts(setup):
    assert pack(setup).status == "draft"


def _other_estimates(store):
    table = store.read("estimates", TOWN)
    row = table.index[(table["measure"] == "index")][0]
    table.loc[row, "estimate"] += 1
    store.write("estimates", TOWN, table)


def _fewer(store, table):
    store.write(table, TOWN, store.read(table, TOWN).iloc[:-1])


def _round_file(setup):
    return setup.workspace.params / "rounds" / f"{ROUND}.yaml"


def _swap(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.slow
@pytest.mark.long
def test_publishing_killed_at_ten_moments_leaves_nothing_half(template, tmp_path):
    """Kill -9 over an earlier release: what lies there is whole, and the same command once more ends it."""

    def place(name):
        from spi_analysis.params import Workspace

        shutil.copytree(template, tmp_path / name)
        return load_setup(Workspace(tmp_path / name), ROUND)

    def work(told):
        pack(told, partial=True)

    trial = place("trial")
    work(trial)
    whole = files_in(trial.workspace.root / "out")
    for name, moment in numbered(times_of(lambda: work(trial))):
        told = place(name)
        out = told.workspace.root / "out"
        # An earlier release, of other bytes.
        (out / ROUND).mkdir(parents=True)
        (out / ROUND / "old.txt").write_text("old")
        kill_after(moment, lambda told=told: work(told))
        there = files_in(out / ROUND) if (out / ROUND).exists() else {}
        new = {file.removeprefix(f"{ROUND}/"): content for file, content in whole.items() if "/" in file}
        assert there in ({}, {"old.txt": b"old"}, new)
        if (out / f"{ROUND}.zip").exists():
            assert (out / f"{ROUND}.zip").read_bytes() == whole[f"{ROUND}.zip"]
        work(told)
        assert files_in(out) == whole, "no half file is left beside it"
        assert Store(told.workspace.data / ROUND).read_record("publications", TOWN) is not None
