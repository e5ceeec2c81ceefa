"""The engines alone: a notebook in each, clean children, an environment by list; no project around them."""

import ast
import os
import signal
import sys
import time
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

import forked_papermill
from forked_papermill import PLAIN, FastEngine, ForkServer, KernelEngine, Profile, clean_environment, fork
from forked_papermill.client import ForkError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
SOURCES = sorted(Path(forked_papermill.__file__).parent.glob("*.py"))
# Seconds: no test of speed, but an end for what would hang.
PATIENCE = 300


@pytest.fixture(scope="module")
def server():
    one = ForkServer()
    one.wait_until_ready()
    yield one
    one.close()


@pytest.fixture(params=[KernelEngine, FastEngine])
def engine(request, server, monkeypatch):
    """An engine, known to papermill by its class's name."""
    monkeypatch.setenv(PLAIN.server_variable, str(server.folder))
    # The kernel engine chooses its provisioner here: put back afterwards.
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "local-provisioner")
    papermill_engines.register(request.param.__name__, request.param)
    if request.param is KernelEngine and not _is_installed("forked"):
        pytest.skip("the provisioner is found by its entry point: pip install packages/forked_papermill")
    return request.param.__name__


def _is_installed(provisioner):
    from importlib.metadata import entry_points

    return provisioner in entry_points(group="jupyter_client.kernel_provisioners").names


def execute(tmp_path, engine, *cells):
    """The texts that the cells show."""
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    notebook = new_notebook(cells=[new_code_cell(cell, id=f"c{i}") for i, cell in enumerate(cells)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, source)
    papermill.execute_notebook(str(source), str(target), engine_name=engine, progress_bar=False)
    shown = [cell.outputs for cell in nbformat.read(target, as_version=4).cells]
    return [outputs[0].get("text") or outputs[0].data["text/plain"] for outputs in shown if outputs]


def test_a_notebook_runs_in_a_child_of_the_server(engine, server, tmp_path):
    shown = execute(tmp_path, engine, "import os; os.getppid()", "print('said')", "1 + 1")
    assert shown == [str(server.wait_until_ready()["pid"]), "said\n", "2"]


def test_nothing_of_a_notebook_reaches_the_next(engine, tmp_path):
    execute(tmp_path, engine, "import os, json; os.environ['LEFT'] = json.left = 'x'")
    (shown,) = execute(tmp_path, engine, "import os, json; ('LEFT' in os.environ, hasattr(json, 'left'))")
    assert shown == "(False, False)"


def test_keys_of_the_environment_reach_no_notebook(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET_KEY", "secret")
    (shown,) = execute(tmp_path, engine, "import os; 'A_SECRET_KEY' in os.environ")
    assert shown == "False"


def test_an_error_is_papermills_and_what_ran_is_saved(engine, tmp_path):
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute(tmp_path, engine, "'before'", "1 / 0")
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert [cell.outputs[0].data["text/plain"] for cell in cells if cell.id == "c0"] == ["'before'"]


PREPARED = Profile(
    place="forked_papermill_profile:PREPARED",
    provisioner="mine",
    server_variable="MY_SERVER",
    warm_up="forked_papermill_profile:warm_up",
    prepare="forked_papermill_profile:prepare",
    code_digest="forked_papermill_profile:digest",
    kinds={
        "word": "forked_papermill_profile:word",
        "start": "forked_papermill_profile:start",
        "sleep": "time:sleep",
        "pause": "signal:pause",
    },
    allowed=frozenset({"MY_WORD"}),
    fixed={"MY_FIXED": "fixed"},
)
MODULE = """
import os
import forked_papermill
from pathlib import Path
PREPARED = forked_papermill.Profile({fields})

def warm_up():
    import decimal
    decimal.warm = True

def prepare():
    os.environ["PREPARED"] = "yes"

def digest():
    return Path(__file__).read_text()

def start(path):
    # A program of a child, as a cell may start one.
    import signal, subprocess, sys
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(path + ".new").write_text(str(program.pid))
    Path(path + ".new").rename(path)
    signal.pause()

def word(path):
    Path(path).write_text(" ".join([os.environ["MY_WORD"], os.environ["MY_FIXED"], os.environ["MY_SERVER"]]))
    return 7
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A server with a profile of its own, which lies in a module that only this test's path leads to."""
    fields = ", ".join(f"{name}={getattr(PREPARED, name)!r}" for name in PREPARED.__dataclass_fields__)
    (tmp_path / "forked_papermill_profile.py").write_text(MODULE.format(fields=fields))
    # The server finds what this process finds, wherever the packages of these tests lie.
    places = [str(tmp_path), str(SOURCES[0].parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    monkeypatch.syspath_prepend(tmp_path)
    server = ForkServer(PREPARED)
    server.wait_until_ready()
    yield server
    server.close()
    sys.modules.pop("forked_papermill_profile", None)


def test_a_profile_says_what_is_loaded_passed_on_and_done_first(own, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SERVER", str(own.folder))
    papermill_engines.register("mine", type("Mine", (FastEngine,), {"profile": PREPARED}))
    shown = execute(tmp_path, "mine", "import decimal, os; (decimal.warm, os.environ['PREPARED'])")
    assert shown == ["(True, 'yes')"]


def test_a_child_of_another_kind_runs_its_function_and_gives_its_code(own, tmp_path):
    env = clean_environment({"MY_WORD": "word", "OTHER": "x"}, PREPARED)
    child = fork(own.folder, "word", {"path": str(tmp_path / "said")}, env)
    assert child.wait(PATIENCE) == 7
    assert (tmp_path / "said").read_text() == f"word fixed {own.folder}"


def test_a_server_of_older_code_is_not_up_to_date(own, tmp_path):
    assert own.is_up_to_date()
    (tmp_path / "forked_papermill_profile.py").write_text("changed = True")
    assert not own.is_up_to_date()


def test_a_child_that_nobody_waits_for_ends(own):
    child = fork(own.folder, "sleep", {}, {})
    assert child.wait(PATIENCE) == 1, "time.sleep takes one argument: the error is the child's, and the server goes on"
    sleeper = fork(own.folder, "pause", {}, {})
    assert sleeper.wait(0.2) is None
    sleeper.close()
    _until(lambda: not _runs(sleeper.pid))
    assert not _runs(sleeper.pid)


@pytest.mark.parametrize("killed", ["the child", "the server"])
def test_a_program_that_a_child_started_ends_with_it_however_it_ends(own, tmp_path, killed):
    child = fork(own.folder, "start", {"path": str(tmp_path / "program")}, {})
    _until((tmp_path / "program").exists)
    program = int((tmp_path / "program").read_text())
    os.kill(child.pid if killed == "the child" else own.wait_until_ready()["pid"], signal.SIGKILL)
    _until(lambda: not _runs(child.pid) and not _runs(program))
    assert not _runs(child.pid)
    assert not _runs(program)


def _until(true):
    until = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < until:
        time.sleep(0.01)


def _runs(pid):
    """Whether a process is there and has not ended (of one that nobody asks for, a shadow stays)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_server_that_was_killed_is_an_error_in_words():
    one = ForkServer()
    os.kill(one.wait_until_ready()["pid"], signal.SIGKILL)
    _until(lambda: not one.is_up_to_date())
    try:
        with pytest.raises(ForkError, match="no fork server any more"):
            fork(one.folder, "shell", {}, {})
    finally:
        one.close()


def test_it_imports_what_its_pyproject_names_and_no_project():
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0]
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    # IPython, traitlets and jupyter_core come with ipykernel and jupyter_client.
    known = {"forked_papermill", "lazy_loader", "papermill", "nbclient", "nbformat", "ipykernel", "jupyter_client"}
    assert names - set(sys.stdlib_module_names) <= known | {"IPython", "traitlets", "jupyter_core"}
