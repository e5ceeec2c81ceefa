"""What of the operator's environment and settings reaches a notebook: nothing that is not on a list."""

import json
import os
import subprocess
import sys

import pytest

from forked_papermill import SETTINGS, clean_environment
from spi_analysis.errors import StoreError
from spi_analysis.runner.forks.warm import PROVISIONER, SPI, fixed_environment
from spi_analysis.runner.lab import lab_command, lab_environment
from spi_analysis.tables.files import require_text
from tests.runner.conftest import ROUND
from tests.runner.faults import made, make_workspace
from tests.runner.test_running import put_first

A = "kota-uji-01"
KEYS = {"SPI_VAULT_KEY": "key-of-the-vault", "SPI_VAULT_KEY_FILE": "/safe/place/key", "AWS_SECRET_ACCESS_KEY": "secret"}
# Says what it sees, draws, and sorts a text and tells a time as a locale and a time zone would have it.
LOOK = """import json, os, sys, locale, time
import matplotlib, matplotlib.pyplot as plt
from pathlib import Path
seen = {"environment": dict(os.environ), "line": matplotlib.rcParams["lines.linewidth"],
        "size": matplotlib.rcParams["font.size"], "started": [name for name in globals() if name.startswith("from_")],
        "home": os.listdir(os.path.expanduser("~")) if os.path.isdir(os.path.expanduser("~")) else [],
        "encoding": locale.getpreferredencoding(), "optimised": sys.flags.optimize}
_ = Path(f"seen-{institution_id}.json").write_text(json.dumps(seen))
left = Path(os.environ["IPYTHONDIR"], "profile_default", "startup")
left.mkdir(parents=True, exist_ok=True)
_ = Path(left, "00.py").write_text("from_an_earlier_notebook = 1")"""
SHOW = 'plt.plot([1, 2], [1, 2])\nplt.title(time.strftime("%A %H:%M", time.localtime(0)) + "é")'


def test_only_what_is_on_the_list_is_taken_over():
    clean = clean_environment(
        {"PATH": "/bin", "TMPDIR": "/tmp", **KEYS, "PYTHONSTARTUP": "x.py", "LC_ALL": "id_ID"}, SPI
    )
    assert set(clean) == {"PATH", "TMPDIR", *SPI.all_fixed} | (set(clean) & {"PYTHONNOUSERSITE", "PYTHONUSERBASE"})
    assert (clean["PATH"], clean["LC_ALL"]) == ("/bin", "C.UTF-8")
    assert not [name for name in SPI.all_allowed if "KEY" in name or "TOKEN" in name or "SECRET" in name]


def test_packages_are_found_from_another_folder_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clean = clean_environment({"PYTHONPATH": os.pathsep.join(["code", "/else/where"])}, SPI)
    assert clean["PYTHONPATH"].split(os.pathsep) == [str(tmp_path / "code"), "/else/where"]


def test_settings_are_those_of_a_folder_of_ones_own(tmp_path, monkeypatch):
    for name in (*SETTINGS, "HOME"):
        monkeypatch.setenv(name, "/the/users")
    found = fixed_environment(tmp_path)
    assert all(found[name].startswith(f"{tmp_path}{os.sep}") for name in (*SETTINGS, "HOME"))


def test_jupyterlab_has_its_users_settings_and_no_key():
    env = lab_environment({"HOME": "/home/u", "DISPLAY": ":0", "JUPYTER_CONFIG_DIR": "/c", **KEYS})
    assert not [name for name in env if name.startswith("SPI_VAULT_KEY")]
    assert (env["DISPLAY"], env["JUPYTER_CONFIG_DIR"]) == (":0", "/c")
    assert env["JUPYTER_DEFAULT_PROVISIONER_NAME"] == "spi-fork", "all kernels come through our door"


def test_jupyterlab_opens_the_project_with_the_callers_options(tmp_path):
    command = lab_command(tmp_path, ["--no-browser", "--port", "8890"])
    assert command[1:4] == ["-m", "jupyter", "lab"]
    assert command[-3:] == ["--no-browser", "--port", "8890"]
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert not [part for part in command if "kernel" in part], "a notebook keeps the usual kernel, and opens elsewhere"


def test_a_folder_whose_name_is_no_text_is_named(tmp_path):
    require_text(tmp_path / "tmp dir é")
    with pytest.raises(StoreError, match="no text in UTF-8") as wrong:
        require_text(tmp_path, tmp_path / os.fsdecode(b"tmp \xe9"))
    assert wrong.value.problems[0].file.endswith("tmp \\udce9")


pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="forks and locales of Linux")]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Two made-up towns, the first notebook of which looks around."""
    workspace = make_workspace(tmp_path_factory.mktemp("environment") / "w", 2)
    put_first(workspace, "10", f"{LOOK}\n{SHOW}")
    return workspace


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """Somebody's environment: keys, and settings wherever programs look for them."""
    home = tmp_path_factory.mktemp("home")
    settings = {
        ".config/matplotlib/matplotlibrc": "lines.linewidth: 9\nfont.size: 30\n",
        ".ipython/profile_default/startup/00.py": "from_startup = 1\n",
        ".ipython/profile_default/ipython_config.py": "c.InteractiveShellApp.exec_lines = ['from_profile = 1']\n",
        ".config/jupyter/jupyter_config.py": "raise RuntimeError('read')\n",
        "start.py": "from_pythonstartup = 1\n",
    }
    for name, text in settings.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return {
        **KEYS,
        "HOME": str(home),
        "PYTHONSTARTUP": str(home / "start.py"),
        "LC_ALL": "C",
        "TZ": "Asia/Jakarta",
        "PYTHONWARNINGS": "ignore",
        "MPLBACKEND": "agg",
        "SOMETHING_ELSE": "1",
    }


def run(workspace, engine, environment):
    command = [sys.executable, "-m", "spi_analysis", "run", "--force", "--engine", engine, "--workers", "1"]
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    return subprocess.run(
        [*command, "--notebook", "10"],
        cwd=workspace.root,
        env={**plain, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def undisturbed(town):
    """All that is made where nobody has settings."""
    done = run(town, "fast", {})
    assert done.returncode == 0, done.stdout + done.stderr
    return made(town)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.xdist_group("engines")
@pytest.mark.parametrize("engine", ["fast", "kernel", "stock"])
def test_no_key_and_no_setting_of_the_user_reaches_a_notebook(town, users, undisturbed, engine):
    """Also a file of settings in the workspace itself, and what an earlier notebook left, change no byte."""
    (town.root / "matplotlibrc").write_text("lines.linewidth: 7\n")
    done = run(town, engine, users)
    (town.root / "matplotlibrc").unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    for code in (A, "kota-uji-02"):
        seen = json.loads((town.root / f"seen-{code}.json").read_text())
        # What libraries set for themselves comes on top.
        taken = {name for name, value in seen["environment"].items() if users.get(name) == value}
        assert taken <= SPI.all_allowed - {"HOME"}
        assert not {*KEYS.values()} & {*seen["environment"].values()}
        assert seen["environment"]["SPI_SEED"]
        assert (seen["line"], seen["size"], seen["started"], seen["optimised"]) == (1.5, 10.0, [], 0)
        assert seen["home"] == []
        assert seen["encoding"].lower() == "utf-8"
    assert made(town) == undisturbed


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.xdist_group("engines")
def test_where_text_is_ascii_a_run_works_with_names_that_are_not(tmp_path):
    """LC_ALL=C without what Python does about it; the folder of temporary files and the workspace have an accent."""
    workspace, temporary = make_workspace(tmp_path / "wé", 1), tmp_path / "tmp dir é"
    temporary.mkdir()
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TMPDIR": str(temporary)}
    done = run(workspace, "fast", ascii_only)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (workspace.outputs / ROUND / A / "10_sampling_design.id.html").exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.xdist_group("engines")
def test_a_name_that_is_no_text_is_said(tmp_path):
    workspace, temporary = make_workspace(tmp_path / "w", 1), tmp_path / os.fsdecode(b"tmp \xe9")
    temporary.mkdir()
    done = run(workspace, "fast", {"TMPDIR": str(temporary)})
    assert done.returncode == 1
    assert "the name of this folder is no text in UTF-8" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_jupyter_server_finds_the_provisioner_although_nothing_of_papermill_is_loaded():
    load = (
        "import sys\n"
        "from jupyter_client.provisioning import KernelProvisionerFactory\n"
        f"found = KernelProvisionerFactory.instance().provisioners['{PROVISIONER}'].load()\n"
        "print(found.__module__, 'papermill' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["spi_analysis.runner.lab", "False"]
