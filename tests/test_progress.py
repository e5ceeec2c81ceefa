"""How long the simulation still takes is said, also where there is no terminal."""

import io

from rich.console import Console

from spi_analysis.processes import followed


def test_in_a_pipe_every_tenth_is_told_with_the_time_left():
    written = io.StringIO()
    parts = list(followed(iter(range(20)), 20, Console(file=written), "simulating"))
    lines = written.getvalue().splitlines()
    assert parts == list(range(20))
    assert len(lines) == 10
    assert lines[4] == "simulating: 10 of 20; about 0 s left"


def test_on_a_terminal_nothing_is_lost():
    written = io.StringIO()
    assert list(followed(iter("abc"), 3, Console(file=written, force_terminal=True), "simulating")) == ["a", "b", "c"]
    assert "3/3" in written.getvalue()
