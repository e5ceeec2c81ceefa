"""Scales of charts: which numbers, where, and in which language."""

import re

import numpy as np
import pandas as pd
import pytest

from spi_analysis.reporting.charts import histogram_chart, line_chart
from spi_analysis.reporting.drawing import house_style, number_scale, picture, place, scale
from spi_analysis.reporting.wording import words


def _texts(low, high, **options):
    with house_style():
        axes = place(picture())
        axes.set_xlim(low, high)
        number_scale(axes, "name", words("id"), **options)
        return [(round(text.get_position()[0], 9), text.get_text()) for text in axes.texts]


def test_numbers_stand_at_their_place_and_inside_the_axes():
    *numbers, name = _texts(0, 2500)
    assert numbers == [(0, "0"), (500, "500"), (1000, "1.000"), (1500, "1.500"), (2000, "2.000"), (2500, "2.500")]
    assert name == (0.5, "name")


@pytest.mark.parametrize(("low", "high"), [(0, 1), (61.3, 67.9), (-3, 3), (0, 77_123)])
def test_numbers_are_whole_even_and_few(low, high):
    at = np.array([place for place, _ in _texts(low, high)[:-1]])
    assert 2 <= len(at) <= 7
    assert (at == np.round(at)).all()
    assert np.ptp(np.diff(at)) == 0
    assert low <= at.min()
    assert at.max() <= high


def test_nothing_is_counted_below_none_and_no_score_is_over_a_hundred():
    assert [t for _, t in _texts(-5, 120, least=0, most=100)[:-1]] == ["0", "25", "50", "75", "100"]


def test_the_scale_can_go_up_to_the_number_above_the_data():
    assert [t for _, t in _texts(0, 573)[:-1]] == ["0", "100", "200", "300", "400", "500"]
    assert [t for _, t in _texts(0, 573, up=True)[:-1]] == ["0", "100", "200", "300", "400", "500", "600"]


def test_every_text_needs_a_place():
    with house_style(), pytest.raises(ValueError, match="zip"):
        scale(place(picture()), [1, 2], ["a"], "name")


def test_years_are_no_thousands():
    table = pd.DataFrame({"A": [70.0, 72.0]}, index=[2023, 2024])
    html = line_chart(table, "c", "t", words=words("id"), x_label="Tahun", y_label="Indeks", from_zero=False)
    assert re.findall(r">(2\.?02[34])</text>", html) == ["2023", "2024"] * 2


def test_a_line_across_the_chart_stands_at_every_number():
    html = histogram_chart(pd.Series(range(100)), "c", "t", words=words("id"), x_label="x", y_label="y")
    wide = html.split("<svg ")[1]
    numbers = re.findall(r"text-anchor: end[^>]*>(\d+)</text>", wide)
    grid = [part for part in wide.split("<g id=") if "d7dde3" in part]
    assert numbers
    assert sum(part.count("<path") + part.count("<use") for part in grid) >= len(numbers)
