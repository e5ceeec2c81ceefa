"""The forked kernel as any Jupyter client sees it: JupyterLab, nbclient, papermill's command line."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from forked_papermill import DEFAULT_PROVISIONER
from spi_analysis.runner.forks.warm import PLACE, PROVISIONER
from tests.runner.conftest import TINY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]


@pytest.fixture
def kernel(server, monkeypatch, tmp_path):
    monkeypatch.setenv(PLACE, str(server.folder))
    monkeypatch.setenv(DEFAULT_PROVISIONER, PROVISIONER)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=300)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def value_of(client, code):
    """What a cell shows. After an error a kernel turns away what already waits: that is asked once more."""
    shown: list[str] = []

    def keep(message):
        if message["msg_type"] in ("execute_result", "stream", "error"):
            content = message["content"]
            shown.append(content.get("text") or content.get("ename") or content["data"]["text/plain"])

    status = "aborted"
    while status == "aborted":
        status = client.execute_interactive(code, output_hook=keep, timeout=300)["content"]["status"]
    return "".join(shown)


def test_it_is_forked_from_the_warm_process_and_behaves_like_any_kernel(kernel, server, tmp_path):
    manager, client = kernel
    assert int(value_of(client, "import os; os.getppid()")) == server.wait_until_ready()["pid"]
    assert value_of(client, "'pandas' in __import__('sys').modules") == "True", "it is warm"
    assert value_of(client, "os.getcwd()") == repr(str(tmp_path))
    assert value_of(client, "1 / 0") == "ZeroDivisionError"
    assert manager.is_alive()


def test_what_waits_when_a_cell_fails_is_turned_away_and_can_be_asked_again(kernel):
    """As Jupyter's protocol has it (``stop_on_error``): the next question of a quick client may meet that, too."""
    _, client = kernel
    client.execute("kept = 1\n1 / 0")
    waiting = client.execute("kept")
    statuses = [client.get_shell_msg(timeout=300)["content"]["status"] for _ in range(2)]
    assert statuses == ["error", "aborted"], waiting
    assert value_of(client, "kept") == "1"


def test_it_can_be_interrupted_restarted_and_shut_down(kernel):
    manager, client = kernel
    message = client.execute("import time\nkept = 1\nprint('asleep', flush=True)\ntime.sleep(60)")
    while client.get_iopub_msg(timeout=300)["msg_type"] != "stream":  # before it, the cell may not have begun
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=300)
    assert reply["parent_header"]["msg_id"] == message
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert value_of(client, "kept") == "1", "an interrupted kernel keeps its variables"
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=300)
    assert value_of(client, "kept") == "NameError", "a restarted one does not"
    manager.shutdown_kernel()
    assert not manager.is_alive()


WHAT_IT_SEES = "import os; sorted(n for n in os.environ if n.startswith(('SPI_VAULT', 'AWS', 'PYTHONSTARTUP')))"


@pytest.mark.parametrize("way", ["forked", "started anew"])
def test_a_kernel_of_jupyterlab_sees_neither_keys_nor_settings_of_its_user(server, monkeypatch, tmp_path, way):
    """Also the usual "Python 3", as `spi lab` sets it up, and where forking is not safe."""
    for name in ("SPI_VAULT_KEY", "SPI_VAULT_KEY_FILE", "AWS_SECRET_ACCESS_KEY", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, str(tmp_path / "x.py"))
    (tmp_path / "x.py").write_text("from_startup = 1")
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9")
    monkeypatch.setenv(PLACE, str(server.folder if way == "forked" else tmp_path / "no-server"))
    monkeypatch.setenv(DEFAULT_PROVISIONER, PROVISIONER)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path.parent), env={**os.environ, "JPY_SESSION_NAME": "a.ipynb"})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=300)
        assert value_of(client, WHAT_IT_SEES) == "[]"
        assert value_of(client, "'from_startup' in globals()") == "False"
        assert value_of(client, "import matplotlib; matplotlib.rcParams['lines.linewidth']") == "1.5"
        assert value_of(client, "os.environ['JPY_SESSION_NAME']") == "'a.ipynb'"
        assert value_of(client, "os.environ['HOME']") == repr(os.environ["HOME"]), "files are where its user has them"
        forked = int(value_of(client, "os.getppid()")) == server.wait_until_ready()["pid"]
        assert forked == (way == "forked")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("engine", ["spi-kernel", "spi-fast"])
def test_papermills_own_command_line_knows_the_engines(engine, server, tmp_path, monkeypatch):
    monkeypatch.setenv(PLACE, str(server.folder))
    target = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--engine", engine, str(TINY / "takes_both.ipynb"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(target, as_version=4)
    assert executed.cells[2].outputs[0].data["text/plain"] == "'done'"


@pytest.mark.long
def test_a_program_that_was_given_no_server_starts_its_own_and_leaves_none(monkeypatch):
    monkeypatch.delenv(PLACE, raising=False)
    with tempfile.TemporaryDirectory(prefix="spi-t", dir="/tmp") as short:
        monkeypatch.setenv("TMPDIR", short)
        target = f"{short}/out.ipynb"
        command = [sys.executable, "-m", "papermill", "--engine", "spi-kernel", str(TINY / "takes_both.ipynb"), target]
        done = subprocess.run(command, capture_output=True, text=True, cwd=short, check=False)
        assert done.returncode == 0, done.stderr
        assert "in the usual way" not in done.stderr
        assert list(Path(short).glob("fork-*")) == []
