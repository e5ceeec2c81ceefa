"""YAML and CSV that are wrong: one error that says where, what, and the nearest valid name."""

import datetime as dt
from pathlib import Path
from typing import Literal

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params.loading import Frozen, Wrong, read_csv_table, read_yaml, validate


class Inner(Frozen):
    level: float
    kind: Literal["mean", "total"]


class Outer(Frozen):
    name: str
    parts: dict[str, Inner]
    day: dt.date = dt.date(2024, 1, 1)


def written(folder: Path, text: str, name: str = "round.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def raised(call) -> ParameterError:
    with pytest.raises(ParameterError) as caught:
        call()
    return caught.value


def test_duplicate_key_names_the_line(tmp_path: Path) -> None:
    error = raised(lambda: read_yaml(written(tmp_path, "a: 1\nb: 2\na: 3\n")))
    assert "the key 'a' is given more than once" in str(error), "YAML itself would silently keep the last"
    assert "round.yaml, row 1" in str(error) or "round.yaml, row 3" in str(error)


def test_duplicate_key_deep_inside(tmp_path: Path) -> None:
    error = raised(lambda: read_yaml(written(tmp_path, "a:\n  b:\n    c: 1\n    c: 2\n")))
    assert "the key 'c'" in str(error)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    error = raised(lambda: read_yaml(written(tmp_path, "a: 1\nb: [1, 2\nc: 3\n")))
    assert error.problems[0].row == 3
    assert "not valid YAML" in str(error)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n"])
def test_file_without_keys(tmp_path: Path, text: str) -> None:
    assert "holds no keys" in str(raised(lambda: read_yaml(written(tmp_path, text))))


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, "a: 1", "spi_2024.yaml")
    assert "did you mean 'spi_2024'?" in str(raised(lambda: read_yaml(tmp_path / "spi_2023.yaml")))


def test_missing_csv(tmp_path: Path) -> None:
    assert "institutions.csv" in str(raised(lambda: read_csv_table(tmp_path / "institutions.csv")))


GOOD = {"name": "x", "parts": {"p": {"level": 0.9, "kind": "mean"}}}


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (GOOD | {"nane": "y"}, ["unknown key", "key nane", "did you mean 'name'?"]),
        ({"parts": {}}, ["a key is missing", "key name"]),
        (
            GOOD | {"parts": {"p": {"levle": 1, "level": 0.9, "kind": "mean"}}},
            ["key parts.p.levle", "did you mean 'level'?"],
        ),
        (GOOD | {"parts": {"p": {"level": "high", "kind": "mean"}}}, ["key parts.p.level", "got: high"]),
        (
            GOOD | {"parts": {"p": {"level": 0.9, "kind": "men"}}},
            ["one of the allowed values", "got: men", "did you mean 'mean'?"],
        ),
        (GOOD | {"day": "yesterday"}, ["key day", "got: yesterday"]),
    ],
)
def test_wrong_values_name_file_key_and_nearest(data: dict, parts: list[str]) -> None:
    error = raised(lambda: validate(Outer, data, "params/x.yaml"))
    assert all(part in str(error) for part in [*parts, "params/x.yaml"]), str(error)


def test_all_problems_come_at_once() -> None:
    error = raised(lambda: validate(Outer, {"parts": {"p": {"kind": "x"}}, "extra": 1}, "x.yaml"))
    assert {problem.key for problem in error.problems} == {"name", "parts.p.level", "parts.p.kind", "extra"}


def test_long_values_are_cut_short() -> None:
    error = raised(lambda: validate(Outer, GOOD | {"day": "x" * 500}, "x.yaml"))
    assert len(error.problems[0].got) == 80


def test_path_is_shown_from_params_on(tmp_path: Path) -> None:
    folder = tmp_path / "params" / "rounds"
    folder.mkdir(parents=True)
    error = raised(lambda: read_yaml(written(folder, "- a")))
    assert error.problems[0].file == "params/rounds/round.yaml", "never a machine's full path"


def test_a_model_s_own_check_keeps_its_words() -> None:
    wrong = Wrong("too few", 1, "two", "add one")
    assert (str(wrong), wrong.got, wrong.expected, wrong.hint) == ("too few", "1", "two", "add one")


def test_what_is_read_is_a_copy_and_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: {b: [1]}")
    read_yaml(path)["a"]["b"].append(2)
    assert read_yaml(path) == {"a": {"b": [1]}}
    path.write_text("a: 2")
    assert read_yaml(path) == {"a": 2}
