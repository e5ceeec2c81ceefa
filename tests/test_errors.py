"""Errors: place, words, nearest name, and the way through a process border."""

import pickle

import pytest

from spi_analysis import errors
from spi_analysis.errors import Problem, SpiError, nearest

FAMILY = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, SpiError)]


def test_message_says_what_where_got_expected_hint() -> None:
    error = SpiError("it is wrong", file="a.csv", row=3, column="n", key="k", got="x", expected="y", hint="try z")
    assert str(error).splitlines() == [
        "it is wrong",
        "  where: a.csv, row 3, column n, key k",
        "  got: x",
        "  expected: y",
        "  hint: try z",
    ]


def test_many_problems_are_counted_and_all_said() -> None:
    error = SpiError(Problem("first", file="a.csv"), Problem("second", column="b"))
    assert str(error).startswith("2 problems\n")
    assert "first" in str(error)
    assert "where: column b" in str(error)


def test_fields_belong_to_one_text() -> None:
    with pytest.raises(TypeError, match="describe one problem"):
        SpiError(Problem("first"), Problem("second"), got="x")


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("count", [1, 2])
def test_errors_cross_process_borders_whole(kind: type[SpiError], count: int) -> None:
    error = kind(*(Problem(f"problem {i}", row=i, got="12 %", hint="a\nb") for i in range(count)))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert copy.problems == error.problems
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("name", "valid", "expected"),
    [
        ("kota-mojokert", ["kota-mojokerto", "kota-bengkulu"], "did you mean 'kota-mojokerto'?"),
        ("SD", ["N", "sd"], "did you mean 'sd'?"),
        ("zzz", ["a", "b"], "valid names: a, b"),
        ("zzz", [f"n{i}" for i in range(12)], "valid names: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, ..."),
        ("zzz", [], ""),
    ],
)
def test_nearest_name(name: str, valid: list[str], expected: str) -> None:
    assert nearest(name, valid) == expected


def test_valid_names_are_not_listed_twice():
    problem = Problem("unknown notebook", got="77", expected="10, 20", hint=nearest("77", ["10", "20"]))
    assert str(problem) == "unknown notebook\n  got: 77\n  expected: 10, 20"
