"""The command line: help with examples, errors in words, no tracebacks."""

import re

import pytest
from typer.testing import CliRunner

from spi_analysis.cli import app
from tests.conftest import PROJECT, reference_folder
from tests.demo import copy_inputs, spi

runner = CliRunner()
COMMANDS = [
    ["demo"],
    ["check"],
    ["import", "frame"],
    ["import", "events"],
    ["import", "responses"],
    ["import", "published"],
    ["draw"],
    ["invite"],
    ["verify-draw"],
    ["run"],
    ["status"],
    ["overview"],
    ["export"],
    ["lab"],
    ["coverage"],
    ["vault", "init"],
    ["vault", "backup"],
    ["vault", "rotate"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command):
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert re.search(r"Example: spi " + " ".join(command), result.output)


def test_no_command_is_left_out_of_this_list():
    listed = re.findall(r"│ ([a-z][a-z-]+)  ", runner.invoke(app, ["--help"]).output)
    nested = {"import", "vault"}
    assert {command[0] for command in COMMANDS} - nested == set(listed) - nested
    for group in nested:
        inside = re.findall(r"│ ([a-z][a-z-]+)  ", runner.invoke(app, [group, "--help"]).output)
        assert {command[1] for command in COMMANDS if command[0] == group} == set(inside)


def test_outside_a_workspace_the_error_says_where_to_go(tmp_path):
    from spi_analysis.params import Workspace

    done = spi(Workspace(tmp_path), "check")
    assert done.returncode == 1
    assert "not inside a workspace" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_parameter_file_is_an_error_in_words(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    path = workspace.params / "rounds" / "spi_2024.yaml"
    path.write_text(
        path.read_text().replace("internal: 0.3050", "internal: 0.4050").replace("level: 0.95", "levl: 0.95")
    )
    done = spi(workspace, "status")
    assert done.returncode == 1
    for words in ("do not sum to 1", "sum 1.1", "did you mean 'level'?", "params/rounds/spi_2024.yaml"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_institution_names_the_nearest(tmp_path):
    done = spi(copy_inputs(tmp_path / "w"), "run", "kota-mojokarto")
    assert done.returncode == 1
    assert "did you mean 'kota-mojokerto'?" in done.stderr


def test_a_file_that_is_not_there_is_an_error_in_words(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    done = spi(workspace, "overview", "--published", "nowhere.csv")
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_key_the_vault_error_says_how_to_make_one(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    done = spi(workspace, "draw", SPI_VAULT_KEY="", SPI_VAULT_KEY_FILE="")
    assert done.returncode == 1
    assert "no key" in done.stderr
    assert "Traceback" not in done.stderr


def test_vault_from_init_to_rotation(tmp_path):
    workspace = copy_inputs(tmp_path / "w")
    old, new, copy = (str(tmp_path / name) for name in ("old.key", "new.key", "copy.key"))
    assert spi(workspace, "vault", "init", "--key-file", old).returncode == 0
    assert spi(workspace, "vault", "backup", copy, "--key-file", old).returncode == 0
    assert (tmp_path / "copy.key").read_bytes() == (tmp_path / "old.key").read_bytes()
    done = spi(workspace, "vault", "rotate", "--key-file", old, "--new-key-file", new)
    assert done.returncode == 0, done.stderr
    locked = spi(workspace, "vault", "rotate", "--key-file", copy, "--new-key-file", str(tmp_path / "third.key"))
    assert locked.returncode == 1, "the old key opens the vault no more"
    inside = spi(workspace, "vault", "init", "--key-file", str(workspace.root / "vault.key"))
    assert inside.returncode == 1, "a key inside the workspace is refused"


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
