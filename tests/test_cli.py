"""The command line: help with examples, errors in words, no tracebacks."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

import spi_analysis
from spi_analysis.cli import app
from spi_analysis.errors import InputError
from spi_analysis.params import load_setup
from spi_analysis.tables import Store, Vault, VaultKey
from tests.conftest import PROJECT, reference_folder
from tests.demo import copy_inputs, spi, spi_here
from tests.stages.town import keep_announced

runner = CliRunner()
NAMES = ("Ayu", "Bima", "Citra", "Dewi", "Eko", "Fajar", "Gita", "Hadi", "Indah", "Joko", "Kartika", "Lestari")
COMMANDS = [
    ["init"],
    ["new-round"],
    ["demo"],
    ["check"],
    ["upgrade"],
    ["import", "frame"],
    ["import", "events"],
    ["import", "responses"],
    ["imports"],
    ["import", "published"],
    ["audit-frame"],
    ["synth"],
    ["weight"],
    ["import", "tracker"],
    ["announce"],
    ["breach"],
    ["data-protection"],
    ["draw"],
    ["activate"],
    ["invite"],
    ["remind"],
    ["progress"],
    ["poster"],
    ["opt-out"],
    ["import", "contacts"],
    ["verify-draw"],
    ["run"],
    ["render"],
    ["status"],
    ["overview"],
    ["peers"],
    ["pdf"],
    ["export"],
    ["instrument", "export"],
    ["publish"],
    ["lab"],
    ["coverage"],
    ["simulate"],
    ["check-conduct"],
    ["vault", "init"],
    ["vault", "backup"],
    ["vault", "rotate"],
    ["vault", "destroy"],
    ["backup"],
    ["restore"],
    ["forget"],
]


@cache
def help_of(*command):
    """What a wide terminal shows; asked once for all tests of this file."""
    return runner.invoke(app, [*command, "--help"], env={"COLUMNS": "200"})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command):
    result = help_of(*command)
    assert result.exit_code == 0
    assert re.search(r"Example: spi " + " ".join(command), result.output)


STATISTICS = {"numpy", "pandas", "pandera", "scipy", "statsmodels", "formulaic", "matplotlib", "pyarrow", "duckdb"}
# Asks for one help after another in one process, and says which packages the first of them has loaded.
ASK_FOR_HELP = """
import json, sys
from spi_analysis.cli import app
for command in json.loads(sys.argv[1]):
    try:
        app([*command, "--help"])
    except SystemExit as end:
        assert end.code == 0, command
    loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))
    assert not loaded, f"spi {' '.join(command)} --help loads {', '.join(loaded)}"
"""


@pytest.mark.parametrize("commands", [[[]], COMMANDS], ids=["spi", "every command"])
def test_help_loads_no_statistics(commands):
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", ASK_FOR_HELP, json.dumps(commands), json.dumps(sorted(STATISTICS))],
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"{len(commands)} helps in {time.perf_counter() - begun:.2f} s")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage") == len(commands)


# What `spi status` loads: it reads parameters, the ledger and bytes of files.
ASK_FOR_STATUS = """
import json, sys
from spi_analysis.cli import app
try:
    app(["status"])
except SystemExit as end:
    assert end.code == 0
print(sorted({name.partition(".")[0] for name, one in sys.modules.items() if one} & set(json.loads(sys.argv[1]))))
"""


def test_status_loads_no_statistics(tmp_path):
    copy_inputs(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ASK_FOR_STATUS, json.dumps(sorted({*STATISTICS, "phonenumbers", "openpyxl", "babel"}))],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Status" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


WITHOUT_EXTRAS = """
import sys
sys.modules["distributed"] = sys.modules["dask"] = None
from spi_analysis.commands.running import Executor, _runner
from spi_analysis.errors import SpiError
assert _runner(Executor.local, "") is None
try:
    _runner(Executor.dask, "tcp://host:8786")
except SpiError as error:
    assert "spi-analysis[dask]" in str(error)
"""


def test_notebooks_run_where_only_the_wheel_is_installed():
    """Dask is an extra: `spi run` must not ask for it, and `--executor dask` says how it is installed."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_command_is_left_out_of_this_list():
    listed = re.findall(r"│ ([a-z][a-z-]+)  ", runner.invoke(app, ["--help"]).output)
    nested = {"import", "instrument", "vault"}
    assert {command[0] for command in COMMANDS} - nested == set(listed) - nested
    for group in nested:
        inside = re.findall(r"│ ([a-z][a-z-]+)  ", runner.invoke(app, [group, "--help"]).output)
        assert {command[1] for command in COMMANDS if command[0] == group} == set(inside)


def test_outside_a_workspace_the_error_says_where_to_go(tmp_path):
    from spi_analysis.params import Workspace

    done = spi_here(Workspace(tmp_path), "check")
    assert done.returncode == 1
    assert "not inside a workspace" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_parameter_file_is_an_error_in_words(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    path = workspace.params / "rounds" / "spi_2024.yaml"
    path.write_text(
        path.read_text().replace("internal: 0.3050", "internal: 0.4050").replace("level: 0.95", "levl: 0.95")
    )
    done = spi_here(workspace, "status")
    assert done.returncode == 1
    for words in ("do not sum to 1", "sum 1.1", "did you mean 'level'?", "params/rounds/spi_2024.yaml"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def one_is_wrong(tmp_path):
    """A workspace in which a cell of kota-bengkulu is wrong."""
    workspace = copy_inputs(tmp_path / "w")
    roster = workspace.params / "institutions.csv"
    roster.write_text(roster.read_text().replace("kota,17,sedang", "kotta,17,sedang"))
    return workspace


WRONG = ("params/institutions.csv, row 4, column type", "got: kotta", "did you mean 'kota'?")


def test_a_wrong_cell_of_another_institution_is_said_and_stops_no_command_for_this_one(one_is_wrong):
    done = spi_here(one_is_wrong, "run", "kota-mojokerto", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "warning: kota-bengkulu takes no part" in done.stderr
    assert all(words in " ".join(done.stderr.split()) for words in WRONG)
    assert "no pages of all institutions" in done.stderr
    assert "kota-mojokerto" in done.stdout
    assert "overview" not in done.stdout


@pytest.mark.parametrize(
    "command", [("run", "kota-bengkulu", "--dry-run"), ("run", "--dry-run"), ("status",), ("check",)]
)
def test_the_same_cell_stops_commands_for_its_institution_and_for_all(one_is_wrong, command):
    done = spi_here(one_is_wrong, *command)
    assert done.returncode == 1
    said = " ".join((done.stderr + done.stdout).split())
    assert "got: kotta" in said
    assert "takes no part" not in said


def test_lists_are_imported_while_parameters_of_another_institution_are_wrong(one_is_wrong, tmp_path):
    spi_here(one_is_wrong, "vault", "init", "--key-file", str(tmp_path / "key"))
    key = {"SPI_VAULT_KEY_FILE": str(tmp_path / "key")}
    rows = [f"{n},Orang {chr(65 + n)},Dinas Sosial,Staf,L,1980-01-0{n + 1},2010-01-01,08120000000{n}" for n in range(5)]
    header = "no,nama,unit kerja,jabatan,jenis kelamin,tanggal lahir,tmt,no hp"
    for name in ("pegawai-kota-mojokerto.csv", "pegawai-kota-bengkulu.csv"):
        (tmp_path / name).write_text("\n".join([header, *rows]) + "\n")
    done = spi(one_is_wrong, "import", "frame", str(tmp_path / "pegawai-kota-mojokerto.csv"), **key)
    assert done.returncode == 0, done.stderr
    assert "warning: kota-bengkulu takes no part" in done.stderr
    store = Store(one_is_wrong.data / "spi_2024")
    assert store.has("frame", "kota-mojokerto")
    done = spi(one_is_wrong, "import", "frame", str(tmp_path / "pegawai-kota-bengkulu.csv"), **key)
    assert done.returncode == 1
    assert "got: kotta" in done.stderr
    assert not store.has("frame", "kota-bengkulu")


def test_an_unknown_institution_names_the_nearest(tmp_path):
    done = spi_here(copy_inputs(tmp_path / "w"), "run", "kota-mojokarto")
    assert done.returncode == 1
    assert "did you mean 'kota-mojokerto'?" in done.stderr


def test_a_file_that_is_not_there_is_an_error_in_words(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    done = spi_here(workspace, "overview", "--published", "nowhere.csv")
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_key_the_vault_error_says_how_to_make_one(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    done = spi_here(workspace, "draw", SPI_VAULT_KEY="", SPI_VAULT_KEY_FILE="")
    assert done.returncode == 1
    assert "no key" in done.stderr
    assert "Traceback" not in done.stderr


def test_vault_from_init_to_rotation(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    old, new, copy = (str(tmp_path / name) for name in ("old.key", "new.key", "copy.key"))
    assert spi_here(workspace, "vault", "init", "--key-file", old).returncode == 0
    assert spi_here(workspace, "vault", "backup", copy, "--key-file", old).returncode == 0
    assert (tmp_path / "copy.key").read_bytes() == (tmp_path / "old.key").read_bytes()
    done = spi_here(workspace, "vault", "rotate", "--key-file", old, "--new-key-file", new)
    assert done.returncode == 0, done.stderr
    locked = spi_here(workspace, "vault", "rotate", "--key-file", copy, "--new-key-file", str(tmp_path / "third.key"))
    assert locked.returncode == 1, "the old key opens the vault no more"
    inside = spi_here(workspace, "vault", "init", "--key-file", str(workspace.root / "vault.key"))
    assert inside.returncode == 1, "a key inside the workspace is refused"


def test_version_and_short_help():
    assert runner.invoke(app, ["--version"]).output == f"spi {spi_analysis.__version__}\n"
    for command in ([], ["import"], ["draw"]):
        result = runner.invoke(app, [*command, "-h"])
        assert result.exit_code == 0
        assert "Usage" in result.output


@pytest.mark.parametrize("command", [[], *COMMANDS, ["import"], ["instrument"], ["vault"]], ids=" ".join)
def test_every_option_and_argument_is_explained_and_flags_show_no_type(command):
    output = help_of(*command).output
    assert "<bool>" not in output
    assert "Example: spi" in output
    options = re.findall(r"│ \*? +(?:--[a-z-]+|[a-z]+)(?:\.\.\.)? +(?:-h)? *(?:<[^>]+>)? *(.*?) *│", output)
    assert all(text for text in options), output


def test_a_list_that_is_not_there_is_named_with_its_folder_and_what_lies_there_is_not(tmp_path):
    workspace, folder = copy_inputs(tmp_path / "w"), tmp_path / "lists"
    folder.mkdir()
    for name in (".dockerenv", "container_info.json", "daftar_pegawai_kota-mojokerto.csv"):
        (folder / name).write_text("x")
    key = str(tmp_path / "k.key")
    assert spi_here(workspace, "vault", "init", "--key-file", key).returncode == 0
    for name, hint in (("nonexist.csv", ""), ("daftar_pegawai_kota-mojokert.csv", "did you mean 'daftar_pegawai")):
        for kind in ("frame", "events", "responses"):
            done = spi_here(workspace, "import", kind, str(folder / name), "--key-file", key)
            assert done.returncode == 1
            assert f"where: {folder / name}" in done.stderr.replace("\n", "")
            assert hint in done.stderr
            assert "container_info" not in done.stderr
            assert "Rows" not in done.stdout, "no empty table"


def test_a_missing_list_keeps_the_others_of_the_command_out(tmp_path):
    """The lists of a source replace what was there, so half of them would be a wrong frame."""
    workspace, key = copy_inputs(tmp_path / "w"), str(tmp_path / "k.key")
    staff = _small_lists(tmp_path)[0]
    assert spi_here(workspace, "vault", "init", "--key-file", key).returncode == 0
    done = spi_here(workspace, "import", "frame", staff, str(tmp_path / "pegawai_2.csv"), "--key-file", key)
    assert done.returncode == 1
    assert "pegawai_2.csv" in done.stderr
    assert not (workspace.data / "spi_2024" / "frame").exists()


def test_an_unknown_notebook_lists_the_names_once(tmp_path):
    done = spi_here(copy_inputs(tmp_path / "w"), "run", "--notebook", "77")
    assert done.returncode == 1
    assert done.stderr.count("10_sampling_design") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["coverage", "--seeds", "0"],
        ["run", "--workers", "-1"],
        ["demo", "--seed", "-1"],
        ["simulate", "kota-mojokerto", "--runs", "1"],
    ],
)
def test_a_number_out_of_range_is_refused_before_any_work(arguments):
    result = runner.invoke(app, [*arguments, "--workspace", str(PROJECT)])
    assert result.exit_code == 2


@pytest.mark.parametrize(("rates", "said"), [("0.1;0.2", "these are no numbers"), ("8.31", "out of range")])
def test_response_rates_that_are_none_are_an_error_in_words(rates, said):
    result = runner.invoke(app, ["simulate", "kota-mojokerto", "--response", rates, "--workspace", str(PROJECT)])
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_a_folder_that_cannot_be_written_to_is_an_error_in_words(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    (workspace.root / "data").write_text("a file where a folder should be")
    done = spi_here(workspace, "vault", "init", "--key-file", str(tmp_path / "k.key"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "data" in done.stderr


def test_an_unknown_language_is_an_error_in_words():
    result = runner.invoke(app, ["export", "kota-mojokerto", "--language", "fr", "--workspace", str(PROJECT)])
    assert isinstance(result.exception, InputError)
    assert "expected: id, en" in str(result.exception)


def test_check_breaks_no_path_inside_and_says_once_what_institutions_share(tmp_path):
    done = spi(copy_inputs(tmp_path / "w"), "check", COLUMNS="120")
    assert done.returncode == 0
    assert "data/spi_2024/sample/<institution>.parquet" in done.stdout
    assert done.stdout.count("the table sample is not there yet") == 1
    assert "0000 (demonstration value" in done.stdout


def test_clean_never_takes_what_belongs_to_a_real_round(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    shutil.copy(PROJECT / "Makefile", workspace.root)
    for name in ("data/spi_2024/x", "outputs/spi_2024/x", "build/export/x"):
        (workspace.root / name).parent.mkdir(parents=True)
        (workspace.root / name).touch()
    (workspace.outputs / "README.md").touch()

    def clean():
        subprocess.run(["make", "clean"], cwd=workspace.root, check=True, capture_output=True)
        return sorted(path.name for path in workspace.root.iterdir() if path.is_dir())

    assert clean() == ["build", "data", "notebooks", "outputs", "params"]
    (workspace.data / "demo.json").write_text("{}")
    assert clean() == ["data", "notebooks", "outputs", "params"]
    assert [path.name for path in workspace.outputs.iterdir()] == ["README.md"]


@pytest.mark.long
def test_a_real_round_through_the_commands(tmp_path):
    """From a fresh copy: key, lists, a draw that waits for its public value, an unknown event, answers."""
    workspace, key = copy_inputs(tmp_path / "w"), str(tmp_path / "k.key")
    lists = _small_lists(tmp_path)

    def run(*arguments, code=0):
        done = spi(workspace, *arguments, "--key-file", key, SPI_VAULT_KEY="", SPI_VAULT_KEY_FILE="")
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    run("vault", "init")
    run("import", "frame", *lists)
    refused = run("draw", "kota-mojokerto", code=1)
    assert "0000" in refused.stderr
    assert "docs/methods/draw.md" in refused.stderr
    assert not (workspace.data / "spi_2024" / "sample").exists()
    path = workspace.params / "rounds" / "spi_2024.yaml"
    named = re.sub(
        r"id: nilai peragaan.*\n( +)en: .*", r"id: undian hari itu\n\1en: lottery of the day", path.read_text()
    )
    path.write_text(named.replace('public_value: "0000"', 'public_value: ""'))
    assert "may be known already" in run("announce", "kota-mojokerto", code=1).stderr, "its day was in 2024"
    path.write_text(named.replace('public_value: "0000"', 'public_value: "4711"'))
    assert "was not announced" in run("draw", "kota-mojokerto", code=1).stderr
    announced_in_time(workspace, key)
    written = run("announce", "kota-mojokerto", "--page").stdout
    assert "announcement/announcement.id.html" in written
    drawn = run("draw", "kota-mojokerto").stdout
    assert re.search(r"kota-mojokerto +│ internal +│ +12 │ +12 │ +0 │", drawn)
    assert "announcement 1 of 2024-07-15, drawn 1 times" in run("verify-draw", "kota-mojokerto").stdout
    audited = spi(workspace, "audit-frame", "kota-mojokerto")
    assert "frame/tasks.csv" in audited.stdout
    assert not any(name in audited.stdout for name in NAMES), "nobody by name"
    refused = spi(workspace, "activate", "kota-mojokerto", "--source", "external", "--reason", "x")
    assert refused.returncode == 1
    assert "nobody is left in reserve" in refused.stderr, "everyone was invited at once"
    dated = ["activate", "kota-mojokerto", "--source", "external", "--reason", "x", "--date", "2.9.2024"]
    assert "YYYY-MM-DD" in spi(workspace, *dated).stderr
    run("invite", "kota-mojokerto")
    tokens = [
        row["token"]
        for row in csv.DictReader(
            (workspace.data / "spi_2024" / "invitations" / "kota-mojokerto__internal.csv").open(encoding="utf-8-sig")
        )
    ]
    log = written_csv(tmp_path / "log.csv", [["token", "event", "waktu"], [tokens[0], "melayang", "2024-08-01 10:00"]])
    assert "'melayang' (1)" in run("import", "events", log, code=3).stdout
    rows = [["token", "mulai", "selesai", "int_tra_1"], [tokens[0], "2024-08-01 10:00", "2024-08-01 10:20", 4]]
    answers = run("import", "responses", written_csv(tmp_path / "answers.csv", rows)).stdout.replace("\n", " ")
    assert "no answer in any file to" in answers
    assert "int_con_1" in answers
    checked = spi(workspace, "check", "--key-file", key).stdout.replace("\n", " ")
    assert "int_con_1" in checked
    status = spi(workspace, "status").stdout
    assert "a round that is no demo" in status
    assert "spi import events" in status, "what goes on from here"
    assert spi(workspace, "demo", "--data-only").returncode == 1, "no demo over real people"


def announced_in_time(workspace, key):
    """What `spi announce` writes a week before the public value of 2024; the clock of today is past it."""
    setup, store = load_setup(workspace, "spi_2024"), Store(workspace.data / "spi_2024")
    secret = Vault.open(workspace.data / "vault", VaultKey.load(workspace.root, Path(key))).secret("prn")
    keep_announced(setup, store, "kota-mojokerto", secret)


def _small_lists(folder):
    """Twelve employees, twelve users, five experts; all made up."""
    staff = [["Nama", "NIP", "Jabatan", "Unit Kerja", "No HP", "TMT", "TMT Unit"]]
    staff += [
        [f"Pegawai {name}", f"19850315201001{i:04d}", "Staf", "Dinas Sosial", f"0812000001{i:02d}", *["2010-01-01"] * 2]
        for i, name in enumerate(NAMES)
    ]
    users = [["Nama", "Unit Layanan", "No HP"]]
    users += [[f"Pengguna {name}", "Dinas Sosial", f"0812000002{i:02d}"] for i, name in enumerate(NAMES)]
    experts = [["Nama", "No HP", "Unsur"]]
    experts += [[f"Ahli {name}", f"0812000003{i:02d}", "LSM"] for i, name in enumerate(NAMES[:5])]
    names = {"pegawai": staff, "layanan": users, "eksper": experts}
    return [written_csv(folder / f"{word}_kota-mojokerto.csv", rows) for word, rows in names.items()]


def written_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return str(path)


@pytest.mark.reference
def test_overview_of_the_published_results():
    """DOMAIN figures: every index of 2021, 2023, 2024 from its parts; plain means; the gap of 2023."""
    path = reference_folder() / "data" / "published_scores.csv"
    if not path.exists():
        pytest.skip(f"no published results in {path.parent}")
    result = runner.invoke(app, ["overview", "--published", str(path), "--workspace", str(PROJECT)])
    assert result.exit_code == 0
    first = result.output.split("Plain means")[0]
    rows = {m[0]: m[1:] for m in re.findall(r"│ (202\d) │ +(\d+) │ +(\d+) │ +([\d.]+) │", first)}
    for year, n in (("2021", "628"), ("2023", "635"), ("2024", "642")):
        assert rows[year][0] == rows[year][1] == n
        assert float(rows[year][2]) <= 0.03
    assert (rows["2022"][0], rows["2022"][1]) == ("625", str(625 - 179)), "179 with the unexplained deduction"
    means = re.findall(r"│ (202\d) │ +\d+ │ +([\d.]+) │ +([\d.]+) │ +(-?[\d.]+) │ (\w+) +│", result.output)
    assert [(y, m, o, w) for y, m, o, _, w in means] == [
        ("2021", "72.445", "72.430", "rounding"),
        ("2022", "71.953", "71.940", "rounding"),
        ("2023", "71.037", "70.970", "unexplained"),
        ("2024", "71.521", "71.530", "rounding"),
    ]
    assert "Institutions by category" in result.output


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the server is a process of its own")
def test_the_laboratory_takes_the_place_of_the_command(tmp_path, monkeypatch):
    """Whoever ends `spi lab` ends its server: there is one process."""
    (tmp_path / "params" / "rounds").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    started = []
    monkeypatch.setattr(os, "execve", lambda path, command, env: started.append((Path.cwd(), command)))
    monkeypatch.setattr(subprocess, "call", lambda *given, **options: 0)
    runner.invoke(app, ["lab", "--port", "8890", "--no-browser"])
    ((where, command),) = started
    assert where == tmp_path
    assert command[-3:] == ["--port", "8890", "--no-browser"]
