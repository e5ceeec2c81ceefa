"""Charts: same bytes, own ids, words that tell the figures."""

import re

import pandas as pd
import pytest

from spi_analysis.reporting.charts import (
    composition_chart,
    histogram_chart,
    history_chart,
    interval_chart,
    line_chart,
    scale_chart,
)
from spi_analysis.reporting.drawing import (
    LEGEND_MARK,
    NARROW,
    house_style,
    legend_lines,
    picture,
    place,
    text_width,
    write_above,
)
from spi_analysis.reporting.wording import words

ROWS = pd.DataFrame(
    {
        "label": ["A & <b>", "Perdagangan Pengaruh"],
        "estimate": [60.0, 70.5],
        "ci_low": [55.0, 70.0],
        "ci_high": [65.0, 71.0],
    }
)


def _chart(chart_id="chart-a", language="id"):
    return interval_chart(ROWS, chart_id, "Judul", words=words(language), x_label="Skor")


def test_the_same_chart_gives_the_same_bytes():
    assert _chart() == _chart()


def _drawn_with(more: float) -> dict[str, str]:
    """Every form, of figures that differ by less than what is written of them."""
    asked = {"words": words("en"), "x_label": "Score"}
    rows = ROWS.assign(**{name: ROWS[name] + more for name in ("estimate", "ci_low", "ci_high")})
    parts = pd.DataFrame({"label": ["A", "B"], "points": [50.0 + more, -3.0 - more]})
    past, index = pd.DataFrame({"year": [2022, 2023], "index": [70.0 + more, 71.0]}), {"T": 76.0 + more}
    now = {"year": 2024, "estimate": 72.0 + more, "ci_low": 70.0 + more, "ci_high": 74.0 - more}
    lines = pd.DataFrame({"one": [70.0 + more, 71.0], "two": [60.0, 61.0 - more]}, index=[2023, 2024])
    spread = pd.Series([1.0, 2.0 + more, 3.0, 3.5 - more, 9.0 + more])
    kept = {"past_label": "P", "now_label": "N"}
    return {
        "interval": interval_chart(rows, "c", "t", reference=65.0 + more, reference_label="all", **asked),
        "composition": composition_chart(parts, 47.0 + more, "c", "t", total_label="all", **asked),
        "scale": scale_chart(72.0 + more, 70.0 - more, 74.0 + more, [], index, "c", "t", **asked),
        "history": history_chart(past, now, {"target": [(2024, 76.0)]}, "c", "t", words=words("en"), **kept),
        "line": line_chart(lines, "c", "t", y_label="y", decimals=2, from_zero=False, **asked),
        "histogram": histogram_chart(spread, "c", "t", y_label="y", **asked),
    }


def test_what_is_drawn_says_no_more_than_what_is_written():
    """The places of dots and bars can be read back from the SVG, to seven digits of a score."""
    same, other = _drawn_with(0.004), _drawn_with(0.2)
    for form, drawn in _drawn_with(0.0).items():
        assert drawn == same[form], form
        assert drawn != other[form], f"{form}: the figures are drawn"


def test_ids_of_two_charts_on_a_page_never_clash():
    first, second = (set(re.findall(r'\bid="([^"]+)"', _chart(i))) for i in ("chart-a", "chart-b"))
    assert first
    assert not first & second


def test_every_reference_inside_a_chart_has_its_target():
    html = _chart()
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    targets = set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)) | set(
        re.search(r'aria-labelledby="([^"]+)"', html).group(1).split()
    )
    assert targets <= ids


def test_the_description_tells_every_figure_with_its_interval():
    description = re.search(r"<desc[^>]*>(.*?)</desc>", _chart()).group(1)
    assert "A &amp; &lt;b&gt;: 60,0 (55,0 sampai 65,0)" in description
    assert "70,5 (70,0 sampai 71,0)" in description


def test_labels_are_text_and_escaped():
    html = _chart()
    assert "Perdagangan Pengaruh" in html.split("</desc>")[1], "text stays text"
    assert "<b>" not in html


def test_a_chart_is_there_for_a_wide_and_for_a_narrow_page():
    html = _chart()
    assert re.findall(r'<svg class="(\w+)"', html) == ["wide", "narrow"]
    assert html.count("<figcaption>") == 1


def test_a_long_label_is_wrapped_and_never_cut():
    name = "Dinas Pemberdayaan Perempuan, Perlindungan Anak, Pengendalian Penduduk dan Keluarga Berencana"
    html = interval_chart(ROWS.assign(label=[name, "B"]), "chart-l", "t", words=words("id"), x_label="x")
    drawn = html.split("</desc>")[1]
    assert "…" not in drawn
    assert all(word in drawn for word in name.split())


@pytest.mark.parametrize("x", [0, 50, 100])
def test_a_name_above_the_axes_never_leaves_the_picture(x):
    name = "Semua unit bersama-sama, Internal: 66,0"
    with house_style():
        figure = picture(NARROW)
        axes = place(figure)
        axes.set_xlim(0, 100)
        write_above(axes, name, x)
        start = figure.texts[0].get_position()[0] * NARROW
    assert start >= 0
    assert start + text_width(name) <= NARROW


def test_a_text_is_as_wide_as_its_widest_line():
    assert text_width("a\nlonger line") == text_width("longer line") > text_width("a") > 0


def test_a_legend_has_as_many_names_in_a_line_as_find_room():
    assert legend_lines(["a", "b", "c"], wide=True) == legend_lines(["a", "b", "c"], wide=False) == 1
    assert legend_lines(["a", "b", "c", "d"], wide=True) == 2, "at most three"
    long = "x" * 30
    assert text_width(long) + LEGEND_MARK > NARROW / 2
    assert legend_lines([long, long], wide=False) == 2


def test_a_reference_is_named_with_its_number_in_picture_and_words():
    html = interval_chart(
        ROWS, "chart-r", "t", words=words("id"), x_label="x", reference=66.0, reference_label="Semua: 66,0"
    )
    assert html.count("Semua: 66,0") == 4, "picture and description, wide and narrow"


def test_days_on_an_axis_are_written_as_people_say_them():
    days = pd.DataFrame({"Eksper": range(40)}, index=pd.date_range("2024-07-29", periods=40))
    html = line_chart(days, "chart-d", "t", words=words("id"), x_label="Hari", y_label="Selesai")
    assert "29 Jul" in html
    assert "Agu" in html
    assert "2024-" not in html


def test_a_line_that_ends_early_is_told_by_its_last_known_value():
    table = pd.DataFrame({"A": [None, 21.0, None], "B": [1.0, 2.0, 3.0], "C": [None] * 3}, index=[1, 2, 3], dtype=float)
    html = line_chart(table, "chart-l", "t", words=words("en"), x_label="x", y_label="y")
    assert "A: 21.0 → 21.0; B: 1.0 → 3.0." in html


def test_parts_of_a_composition_are_told_with_their_signs():
    parts = pd.DataFrame({"label": ["Internal", "Koreksi"], "points": [80.0, -5.5]})
    html = composition_chart(parts, 74.5, "chart-c", "t", words=words("en"), total_label="Index", x_label="Points")
    assert "Internal: +80.00; Koreksi: −5.50; Index: 74.50." in html


def test_the_scale_shows_every_category_and_mark(setup):
    levels = setup.round.categories.levels
    html = scale_chart(76.9, 74.5, 79.4, levels, {"Target": 76.0}, "chart-s", "t", words=words("id"))
    assert all(level.label.id in html for level in levels)
    assert "Indeks 76,90, selang 74,50 sampai 79,40. Target: 76,00." in html


def test_names_on_the_scale_never_leave_the_picture(setup):
    names = {"Published by KPK for last year": 97.0, "National target": 66.0}
    html = scale_chart(70, 68, 72, setup.round.categories.levels, names, "chart-s", "t", words=words("en"))
    for drawn in html.split("<svg ")[1:]:
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawn).group(1))
        for name, value in names.items():
            text = f"{name}: {value:.2f}"
            x = float(re.search(rf'<text [^>]*text-anchor: start[^>]* x="([\d.]+)"[^>]*>{text}<', drawn).group(1))
            assert x + 72 * text_width(text) <= width


@pytest.mark.parametrize("language", ["id", "en"])
def test_axis_numbers_follow_the_language(language):
    wide = ROWS.assign(estimate=[1000.0, 2000.0], ci_low=[900.0, 1900.0], ci_high=[1100.0, 2100.0])
    html = interval_chart(wide, "chart-n", "t", words=words(language), x_label="x", limits=(0, 4000))
    assert ("2.000" if language == "id" else "2,000") in html
