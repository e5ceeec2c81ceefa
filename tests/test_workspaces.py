"""A workspace from the package, and a new round from an earlier one: nothing of another year stays unseen."""

import datetime as dt
import shutil
import subprocess
import sys
import zipfile

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.operations import make_workspace, new_round
from spi_analysis.params import LEFT_OVER, load_setup
from spi_analysis.params.round_files import left_over
from spi_analysis.tables import check_round
from tests.conftest import PROJECT

DAYS = (dt.date(2026, 7, 27), dt.date(2026, 10, 18))


@pytest.fixture
def place(tmp_path):
    return make_workspace(tmp_path / "work")


def test_a_workspace_holds_what_the_project_holds(place):
    for folder in ("params", "notebooks"):
        ours = {path.relative_to(PROJECT) for path in (PROJECT / folder).rglob("*") if path.is_file()}
        theirs = {path.relative_to(place.root) for path in (place.root / folder).rglob("*") if path.is_file()}
        assert theirs == {path for path in ours if ".ipynb_checkpoints" not in path.parts}
        assert all((place.root / path).read_bytes() == (PROJECT / path).read_bytes() for path in theirs)
    assert "Bahasa Indonesia" in (place.root / "README.md").read_text(encoding="utf-8")
    assert "/data/" in (place.root / ".gitignore").read_text(encoding="utf-8")
    assert load_setup(place, "spi_2024").round.year == 2024


def test_a_folder_that_holds_anything_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ParameterError, match="not empty"):
        make_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_wheel_brings_the_workspace_along(tmp_path):
    """The project's links become files: whoever has only the wheel has parameters and notebooks.

    What an earlier build left is not packed, and this one leaves nothing but its wheel.
    """
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("spi_analysis", "packages", "params", "notebooks"):
        shutil.copytree(PROJECT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy / name)
    left = copy / "build" / "lib" / "spi_analysis" / "deleted_since.py"
    left.parent.mkdir(parents=True)
    left.touch()
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "spi_analysis/deleted_since.py" not in names
    assert list((copy / "build").iterdir()) == []
    for folder in ("params", "notebooks"):
        expected = [
            path
            for path in (PROJECT / folder).rglob("*")
            if path.suffix in {".yaml", ".csv", ".ipynb"} and ".ipynb_checkpoints" not in path.parts
        ]
        assert {f"spi_analysis/starter/{path.relative_to(PROJECT).as_posix()}" for path in expected} <= names
    assert "spi_analysis/starter/README.md" in names


def test_a_new_round_names_every_value_of_the_year_that_is_left(place):
    made = new_round(load_setup(place, "spi_2024"), "spi_2026", ["kota-mojokerto"], DAYS)
    assert [line.partition(":")[0] for _, line in made.marked] == [
        "publisher", "day", "source_weights", "reminder_weeks", "public_value_name", "public_value_date",
        "contacts_until",
    ]  # fmt: skip
    setup = load_setup(place, "spi_2026")
    assert (setup.round.year, setup.round.previous_year) == (2026, 2025)
    assert (setup.round.fieldwork.start, setup.round.fieldwork.end) == DAYS
    assert setup.round.title.en == "Integrity Assessment Survey 2026"
    assert setup.institution_ids == ["kota-mojokerto"]
    assert setup.inputs["kota-mojokerto"].correction_conduct == 0, "corrections are those of the year"
    assert setup.round.draw.public_value == "", "nobody can know it yet"
    problems = left_over(setup)
    assert [problem.key for problem in problems if problem.key.startswith("line")] == [
        f"line {n}" for n, _ in made.marked
    ]
    assert [problem.key for problem in problems][-1] == "draw.public_value_date", "22 July 2024 is no day of 2026"
    issues = check_round(place, "spi_2026").issues
    assert (issues["what"] == "a value is still that of the earlier round").sum() == 7


def test_a_round_whose_marks_are_gone_has_nothing_left(place):
    new_round(load_setup(place, "spi_2024"), "spi_2026", ["kota-mojokerto"], DAYS)
    path = place.round_params("spi_2026")
    text = "\n".join(line.partition(f"  {LEFT_OVER}")[0] for line in path.read_text(encoding="utf-8").splitlines())
    text = text.replace("public_value_date: 2024-07-22", "public_value_date: 2026-07-20")
    path.write_text(text, encoding="utf-8")
    assert left_over(load_setup(place, "spi_2026")) == []


def test_the_weights_of_a_published_year_are_known(place):
    """0.3046, 0.3279 and 0.3675 hold in 2025 (DOMAIN: least squares on the published results)."""
    new_round(load_setup(place, "spi_2024"), "spi_2025", ["kota-mojokerto"])
    weights = load_setup(place, "spi_2025").round.index.source_weights
    assert weights == {"internal": 0.3046, "external": 0.3279, "expert": 0.3675}


@pytest.mark.parametrize("name", ["spi_2024", "spi_2023", "Spi 2026", "spi"])
def test_a_name_that_cannot_be_a_new_round(place, name):
    before = sorted(path.name for path in (place.params / "rounds").iterdir())
    with pytest.raises(ParameterError):
        new_round(load_setup(place, "spi_2024"), name, ["kota-mojokerto"])
    assert sorted(path.name for path in (place.params / "rounds").iterdir()) == before


def test_a_round_with_an_unknown_institution_leaves_nothing_behind(place):
    """Half a round could be neither used nor made again under its name."""
    before = sorted(path.name for path in (place.params / "rounds").iterdir())
    with pytest.raises(ParameterError, match="a new institution gets a row there: institution_id, name, type"):
        new_round(load_setup(place, "spi_2024"), "spi_2026", ["kota-mojokerto", "kota-salatiga"], DAYS)
    assert sorted(path.name for path in (place.params / "rounds").iterdir()) == before


def test_a_round_of_2031_with_fieldwork_of_2024_is_refused(place):
    path = place.round_params("spi_2024")
    text = path.read_text(encoding="utf-8").replace("\nyear: 2024", "\nyear: 2031")
    path.write_text(text.replace("previous_year: 2023", "previous_year: 2030"), encoding="utf-8")
    found = {problem.key for problem in left_over(load_setup(place, "spi_2024"))}
    assert found == {"fieldwork.start", "draw.public_value_date"}


@pytest.mark.parametrize("value", ["“5678”", "'5678'", "５６７８"])
def test_a_public_value_with_bent_quotation_marks_is_refused(place, value):
    path = place.round_params("spi_2024")
    text = path.read_text(encoding="utf-8").replace('public_value: "0000"', f"public_value: !!str {value!r}")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match="public value"):
        load_setup(place, "spi_2024")
