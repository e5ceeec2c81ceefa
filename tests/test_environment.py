"""environment.yml (conda-forge) and pyproject.toml name the same packages with the same bounds."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
# Where conda-forge has another name.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "duckdb": "python-duckdb", "typst": "typst-py"}
# What only conda needs to be told.
CONDA_ONLY = {"python", "pip"}


def _bounds(specifications: list[str]) -> dict[str, str]:
    parts = [re.fullmatch(r"([A-Za-z0-9_.-]+?)(?:\[.*\])?\s*(>=.*)?", spec) for spec in specifications]
    return {match.group(1).lower().replace("_", "-"): match.group(2) or "" for match in parts if match}


def test_conda_and_pip_install_the_same_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {CONDA_NAMES.get(name, name): bound for name, bound in _bounds(project["dependencies"]).items()}
    conda = _bounds(yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"])
    assert {name: bound for name, bound in conda.items() if name not in CONDA_ONLY} == wanted
    assert conda["python"] == project["requires-python"]


def test_every_dependency_is_locked_with_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [*_bounds(project["dependencies"]), *_bounds(project["optional-dependencies"]["dev"])]
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)}
    assert set(names) <= locked
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)


def test_no_file_names_a_package_registry():
    listed = (ROOT / "requirements.lock").read_text() + (ROOT / "Makefile").read_text()
    assert not re.search(r"https?://|index-url|find-links", listed)
