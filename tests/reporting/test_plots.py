"""Charts by seaborn: marks where the figures are, words of every language in one drawing, colours that can be seen."""

import ast
import inspect
import io
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spi_analysis.operations.publication import content_problems
from spi_analysis.reporting import plots
from spi_analysis.reporting.pictures import COLOURS, Chart, text_width
from spi_analysis.reporting.plots import chart, composition, heatmap, history, intervals, lines, on_scale, spread
from spi_analysis.reporting.view_columns import counted, series_of
from spi_analysis.reporting.wording import Phrase, phrase, words
from tests.reporting import chart_gallery as gallery

SAY = {language: words(language) for language in ("id", "en")}
MARK = re.compile(r'<path d="M ([\d.]+) ([\d.]+) \nL ([\d.]+) ([\d.]+) \n" clip-path[^>]*var\(--chart-(\w+)')
TEXT = re.compile(r'<text [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')


GALLERY = gallery.charts()


@pytest.fixture(scope="module", params=GALLERY, ids=[one.chart_id for one in GALLERY])
def one(request):
    return request.param


def _marks(svg: str, colour: str) -> list[tuple[float, float]]:
    """Both ends of every horizontal line of a colour, read back with the help of the numbers of the scale."""
    numbers = sorted((float(x), float(text.replace("−", "-"))) for x, _, text in TEXT.findall(svg) if _is_number(text))
    (x0, first), (x1, last) = numbers[0], numbers[-1]
    ends = [(float(a), float(c)) for a, b, c, d, name in MARK.findall(svg) if name == colour and b == d]
    return [tuple(round(first + (x - x0) * (last - first) / (x1 - x0), 3) for x in pair) for pair in ends]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"−?\d+(\.\d)?", text) is not None


def test_bars_stand_where_the_figures_are():
    svg = chart(intervals, gallery.ROWS, "c", "t", decimals=1, x_label="x").svg(SAY["en"])
    assert _marks(svg, "accent") == [(55, 65), (70, 71), (62, 70)]


def test_both_dots_of_a_row_stand_where_its_figures_are():
    axes = intervals(gallery.LOVE, x_label="x", reference=(0.0, ""))
    found = [[round(x, 9) for x, _ in one.get_offsets()] for one in axes.collections]
    assert found == [[-0.25, 0.1, -0.1], [0.05, 0, 0]]
    before, after = ([y for _, y in one.get_offsets()] for one in axes.collections)
    assert np.allclose(np.subtract(before, after), plots.LANE), "side by side, so that equal ones are both seen"
    assert [str(text.get_text()) for text in axes.texts][-2:] == ["◆ before weighting", "● after weighting"]


def test_a_change_below_nothing_is_not_cut_off():
    """2 up, 5.5 down, 1.25 down: from 0 to 2, to -3.5, to -4.75."""
    axes = composition(gallery.PARTS, x_label="x")
    low, high = axes.get_xlim()
    ends = [sorted(map(float, line.get_xdata())) for line in axes.lines]
    assert ends == [[0, 2], [-3.5, 2], [-4.75, -3.5], [-4.75, 0]]
    assert low <= -4.75
    assert high >= 2
    svg = gallery.charts()[1].svg(SAY["en"])
    assert "−5.50" in svg


def test_targets_of_one_year_that_contradict_each_other_are_not_joined():
    """Lines: the published years, and the interval of this round."""
    target = gallery.YEARS[gallery.YEARS["kind"] == "target"]
    axes = history(pd.concat([gallery.YEARS, target.assign(estimate=60.0)]), y_label="y")
    assert [line.get_ydata().tolist() for line in axes.lines] == [[70, 71.5], [72, 76]]
    assert sorted(y for of in axes.collections for _, y in of.get_offsets() if y != 74) == [60.0, 76.0]


def test_a_histogram_has_a_bar_for_each_row():
    axes = spread(counted(gallery.SPREAD), x_label="x", y_label="y")
    found = [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in axes.patches]
    assert np.allclose(found, [(0, 2, 3), (2, 4, 4), (4, 6, 1), (6, 8, 0), (8, 10, 1)])


def test_a_cell_has_the_colour_of_the_steps_that_it_reaches():
    """Steps at 50, 70 and 90: 49 reaches none of them, 50 one, 75 two, 90 all; what is not shown has no colour."""
    axes = heatmap(gallery.CELLS, steps=(50, 70, 90), x_label="x")
    (mesh,) = axes.collections
    mesh.update_scalarmappable()
    # One line of letters and a row of cells, then three lines and a row; the second row has no third cell.
    rows, empty = mesh.get_array().reshape(6, 3), [[True] * 3, [False] * 3, *[[True] * 3] * 3, [False, False, True]]
    assert np.ma.getmaskarray(rows).tolist() == empty
    found = [matplotlib.colors.to_hex(mesh.get_facecolors()[i]) for i in (3, 4, 5, 15, 16)]
    assert found == ["#ffffff", plots.STEPS[0], plots.STEPS[2], plots.STEPS[1], "#ffffff"]
    letters = {str(text.get_text()): text for text in axes.texts[:5]}
    assert {name: text.get_color() for name, text in letters.items()} == {
        "49%": plots.INK, "50%": plots.PAPER, "90%": plots.PAPER, "75%": plots.PAPER, "–": plots.INK,
    }  # fmt: skip
    assert [letters[name].get_position() for name in ("49%", "90%", "–")] == [(0.5, 1.5), (2.5, 1.5), (1.5, 5.5)]


def test_cells_of_what_nobody_is_told_are_drawn_and_not_counted_as_nothing():
    """A share of 0 has its figure, one that is hidden a dash: told apart in the picture and in its description."""
    table = pd.DataFrame({"label": "a", "series": ["1", "2"], "estimate": [0.0, None], "text": ["0%", "–"]})
    one = chart(heatmap, table, "c", "t", decimals=0, steps=(50, 70, 90), x_label="x")
    assert one.told.say(SAY["en"]) == "a: 1 0%, 2 –."
    assert ">0%<" in one.svg(SAY["en"])
    assert ">–<" in one.svg(SAY["en"])


@pytest.mark.parametrize("values", [[1.237], [2.0, 2.0], [0.01, 5000.0, 12.0], [3.331, 3.338, 3.334], [0.999, 8.999]])
def test_every_value_is_counted_once(values):
    table = counted(pd.Series(values))
    assert table["estimate"].sum() == len(values)
    assert (table["low"] < table["high"]).all()
    assert np.allclose(table["low"][1:], table["high"][:-1].to_numpy())


def test_names_of_categories_stand_apart_though_a_limit_is_near():
    axes = on_scale(gallery.CLOSE, levels=gallery.levels(), x_label="x")
    names = axes.texts[-3:]
    assert [phrase(text.get_text()).say(SAY["id"]) for text in names] == ["Rentan", "Waspada", "Terjaga"]
    starts = [text.get_position()[0] for text in names]
    ends = [
        text_width(text.get_text()) / plots._inches(axes)[0] + start for text, start in zip(names, starts, strict=True)
    ]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))
    assert starts[0] >= 0
    assert ends[-1] <= 1


@pytest.mark.parametrize(
    ("low", "high", "at"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (61.3, 67.9, [62, 64, 66]), (-3, 3, [-2, 0, 2]), (0, 2.1, [0, 1, 2]),
     (0, 2500, [0, 500, 1000, 1500, 2000, 2500]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
     (0, 77_123, [0, 20_000, 40_000, 60_000])],
)  # fmt: skip
def test_numbers_go_in_steps_of_one_two_or_five(low, high, at):
    found, texts = plots._numbers(low, high)
    assert np.allclose(found, at)
    assert texts[1].say(SAY["en"]) == (f"{at[1]:,.0f}" if at[1] >= 1 or at[1] == 0 else f"{at[1]:.1f}")


def test_years_are_no_thousands_and_not_too_many():
    at, texts = plots._ticks(pd.Series([*range(2015, 2025)]))
    assert at == [2024, 2022, 2020, 2018, 2016]
    assert texts[0].texts == ("2024", "2024")


def test_days_are_written_as_people_say_them():
    table = gallery.DAYS
    svg = {language: chart(lines, table, "c", "t", x_label="x", y_label="y").svg(say) for language, say in SAY.items()}
    assert ">2 Agu<" in svg["id"]
    assert ">2 Aug<" in svg["en"]
    assert ">1.000<" in svg["id"]
    assert ">1,000<" in svg["en"]


def test_words_of_each_language_are_filled_into_one_drawing(one):
    """Without its texts the picture is the same."""
    drawn = {language: one.svg(say).split("</desc>")[1] for language, say in SAY.items()}
    blank = {re.sub(r"(<text [^>]*>)[^<]*", r"\1", svg) for svg in drawn.values()}
    assert len(blank) == 1
    assert drawn["id"] != drawn["en"]
    assert not re.search("[\ue000-\uf8ff]", "".join(drawn.values())), "a slot is left"


def test_a_chart_is_drawn_once_for_all_languages(one, monkeypatch):
    draws, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: (draws.append(1), draw(self, renderer)))
    again = Chart(one.chart_id, one.title, one.draw, one.told)
    assert again.svg(SAY["id"])
    assert again.svg(SAY["en"])
    assert len(draws) == 1


def test_the_same_chart_gives_the_same_bytes(one):
    again = next(other for other in gallery.charts() if other.chart_id == one.chart_id)
    assert again is not one
    assert again.html(SAY["id"]) == one.html(SAY["id"])


def test_every_id_is_the_charts_own_and_every_reference_has_its_target(one):
    html = one.html(SAY["en"])
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert all(name.startswith(one.chart_id) for name in ids)
    targets = re.findall(r'href="#([^"]+)|url\(#([^)]+)', html)
    labels = re.search(r'aria-labelledby="([^"]+)"', html).group(1).split()
    assert {a or b for a, b in targets} | set(labels) <= set(ids)


def test_no_place_is_more_exact_than_a_hundredth_of_a_point(one):
    """Six digits behind a whole number would look like a telephone number, which no published file may hold."""
    drawn = one.svg(SAY["en"]).split("</desc>")[1]
    assert not re.search(r"\d\.\d{3,}", drawn)
    assert content_problems("page", one.html(SAY["id"])) == []


def test_labels_are_text_and_escaped():
    html = gallery.charts()[0].html(SAY["en"])
    assert html.count("A &amp; &lt;b&gt; $5") == 2, "picture and description"
    assert "<b>" not in html


def test_a_text_that_looks_like_a_slot_or_a_colour_stays_as_it_is():
    table = gallery.ROWS.assign(label=["#0b5cad", "{0}", "url(#a)"])
    drawn = chart(intervals, table, "c", "t", x_label="x").svg(SAY["en"]).split("</desc>")[1]
    assert all(f">{label}<" in drawn for label in table["label"])


def test_a_long_label_is_wrapped_and_never_cut():
    drawn = gallery.charts()[0].svg(SAY["en"]).split("</desc>")[1]
    assert all(word in drawn for word in gallery.LONG.split())
    long, short = Phrase(("a b c d", "a")), Phrase(("aa bb", "a")).folded(2)
    assert len(long.folded(1).lines()) == 4
    assert [phrase(line).texts for line in short.lines()] == [("aa", "a"), ("bb", "")]


def test_room_is_kept_for_the_longest_language():
    both = Phrase(("a much longer text", "short"))
    assert text_width(both) == text_width("a much longer text") > text_width("short")


def test_a_figure_can_be_taken_on_in_a_language():
    figure = gallery.charts()[0].figure("id")
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert "Gabungan semua unit, Internal: 66,0" in texts
    assert [t.get_text() for t in gallery.charts()[4].figure("id").axes[0].get_yticklabels()][2] == "1.000"
    assert [t.get_text() for t in gallery.charts()[4].figure("en").axes[0].get_yticklabels()][2] == "1,000"
    figure.axes[0].set_title("Judul")
    assert figure.axes[0].get_title() == "Judul"


def test_lines_of_a_label_are_those_of_the_language():
    """The longest language is the one of the figure: its second line stands below its own first line."""
    label = Phrase(("Unit kerja: Rumah Sakit Umum Daerah Bakti", "Unit: Rumah Sakit Umum Daerah Bakti"))
    rows = pd.DataFrame({"label": [label], "estimate": [1.0], "ci_low": [0.0], "ci_high": [2.0]})
    figure = chart(intervals, rows, "c", "t", x_label="x").figure("id")
    texts = [text.get_text().split("\n") for text in figure.axes[0].texts]
    assert ["Unit kerja: Rumah Sakit Umum Daerah", "Bakti"] in texts


def test_a_figure_can_be_saved_and_leaves_the_style_of_others_alone():
    before, file = dict(matplotlib.rcParams), io.BytesIO()
    gallery.charts()[0].figure("en").savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before


def test_a_form_draws_on_axes_of_others():
    axes = Figure().add_subplot()
    assert intervals(gallery.ROWS, axes, x_label="x") is axes
    assert len(axes.lines) == 3


def test_the_description_tells_every_figure_as_it_is_drawn():
    told = gallery.charts()[0].told.say(SAY["id"])
    assert told.startswith("Internal: 60,0 (55,0 sampai 65,0); ")
    assert told.endswith("Gabungan semua unit, Internal: 66,0.")


TOLD_BY_HAND = {
    "c-composition": "External: 2.00; Internal: −5.50; Koreksi: −1.25; Change of the index: −4.75.",
    "c-scale": "Index: 74.00 (72.00 to 76.00); National target: 76.00; Published by KPK for 2023: 71.50.",
    "c-history": "2022: Published by KPK 70.00; 2023: Published by KPK 71.50; 2024: National target 76.00, This round, "
    "with interval 74.00 (72.00 to 76.00).",
    "c-lines": "From the first to the last point: Internal: 0 → 1,200; External: 0 → 1,150.",
    "c-spread": "0.00 to 2.00: 3; 2.00 to 4.00: 4; 4.00 to 6.00: 1; 6.00 to 8.00: 0; 8.00 to 10.00: 1.",
    "c-cells": f"Internal: 1 49%, 2 50%, 3 90%; {gallery.LONG}: 1 75%, 2 –.",
    "c-pairs": "the round's design: Bias −0.50 (−0.70 to −0.30), True SE 1.25 (1.00 to 1.50); twice the invitations: "
    "Bias 0.20 (0.00 to 0.40), True SE 0.75 (0.50 to 1.00).",
}


@pytest.mark.parametrize("name", TOLD_BY_HAND)
def test_every_form_is_told_in_words(name):
    told = {one.chart_id: one.told.say(SAY["en"]) for one in gallery.charts()}
    assert told[name] == TOLD_BY_HAND[name]


def test_a_line_that_ends_early_is_told_by_its_last_known_value():
    known = {"A": [None, 21.0, None], "B": [1.0, 2.0, 3.0], "C": [None, None, None]}
    wide = pd.DataFrame(known, index=[1, 2, 3], dtype=float)
    one = chart(lines, series_of(wide), "c", "t", x_label="x", y_label="y", decimals=1)
    assert one.told.say(SAY["en"]).endswith("A: 21.0 → 21.0; B: 1.0 → 3.0.")
    assert ">C<" not in one.svg(SAY["en"]), "a line without a point has no name"


@pytest.mark.parametrize("x", [0, 50, 100])
def test_a_name_above_the_axes_never_leaves_the_picture(x):
    name = "Semua unit bersama-sama, Internal: 66,0"
    axes = intervals(gallery.ROWS, x_label="x", limits=(0, 100), reference=(float(x), name))
    width = axes.get_figure(root=True).get_figwidth()
    box = axes.get_position()
    start = (box.x0 + box.width * next(t for t in axes.texts if str(t.get_text()) == name).get_position()[0]) * width
    assert start >= 0
    assert start + text_width(name) <= width


def test_names_of_lines_that_end_together_stand_apart():
    wide = pd.DataFrame({name: [1.0, 5.0] for name in "ABCDEF"}, index=[2023, 2024])
    axes = lines(series_of(wide), x_label="x", y_label="y")
    inch = np.ptp(axes.get_ylim()) / (axes.get_position().height * axes.get_figure(root=True).get_figheight())
    tops = [t.xy[1] for t in axes.texts if str(t.get_text()) in "ABCDEF"]
    assert len(tops) == 6
    assert (-np.diff(tops) / inch >= plots.LINE - 1e-9).all()


def test_what_is_drawn_says_no_more_than_what_is_written(one):
    """The places of dots and bars can be read back from the SVG, to seven digits of a score."""
    form, (table,), options = one.draw.func, one.draw.args, one.draw.keywords
    decimals = {"c-intervals": 1, "c-lines": 0, "c-spread": 0, "c-cells": 0}.get(one.chart_id, 2)
    options = {name: value for name, value in options.items() if name != "decimals"}

    def drawn(more):
        shifted = table.assign(**{name: table[name] + more for name in plots.FIGURES if name in table})
        return chart(form, shifted, "c", "t", decimals=decimals, **options).svg(SAY["en"])

    step = 10.0**-decimals
    assert drawn(0.4 * step) == drawn(0.0)
    assert drawn(2 * step) != drawn(0.0)


def test_limits_are_rounded_as_well():
    """They say where the numbers of the scale stand, and so where an interval ends."""
    rows, asked = gallery.ROWS, {"decimals": 1, "x_label": "x"}
    drawn = [
        chart(intervals, rows, "c", "t", limits=(50.0, high), **asked).svg(SAY["en"]) for high in (80, 80.04, 80.2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_seaborn_draws_every_form():
    """Each form calls a function of seaborn, itself or through a helper that does."""
    tree = ast.parse(inspect.getsource(plots))
    used = {
        node.name: {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    by_seaborn = {name for name, calls in used.items() if any(call.startswith("sns.") for call in calls)}
    assert by_seaborn >= {"_ranges", "_dots"}
    assert "sns.heatmap" in used["heatmap"]
    assert "sns.stripplot" in used["on_scale"], "the dots of peers"
    for form in {one.draw.func for one in gallery.charts()}:
        assert form.__name__ in by_seaborn or used[form.__name__] & by_seaborn, form.__name__


STYLE = gallery.STYLE.read_text(encoding="utf-8")
LIGHT, DARK, FORCED = (dict(re.findall(r"(--chart-[\w-]+): ([^;]+);", part)) for part in re.split(r"@media", STYLE)[:3])


def _contrast(one: str, other: str) -> float:
    """Of WCAG 2.2."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_is_that_of_wcag():
    assert _contrast("#ffffff", "#000000") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005), "the example of WebAIM"


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_mark_stands_out_from_its_ground(colours):
    """Marks 3:1, letters 4.5:1; grid lines are no marks."""
    paper = colours["--chart-paper"]
    letters = ["--chart-ink", "--chart-muted", "--chart-accent", "--chart-target"]
    # The ground of letters in the colour of the paper: the cells of a heatmap.
    letters += ["--chart-step-1", "--chart-step-2", "--chart-step-3"]
    marks = set(colours) - {"--chart-paper", "--chart-grid"}
    assert {name: r for name in marks if (r := _contrast(colours[name], paper)) < 3} == {}
    assert {name: r for name in letters if (r := _contrast(colours[name], paper)) < 4.5} == {}


def test_every_colour_is_a_variable_that_the_stylesheet_sets_in_each_mode(one, setup):
    svg = one.svg(SAY["en"])
    used = dict(re.findall(r"var\((--chart-[\w-]+), (#[0-9a-f]{6})\)", svg))
    assert used
    assert not re.search(r"#[0-9a-f]{6}", re.sub(r"var\([^)]*\)", "", svg))
    assert set(used) <= set(LIGHT) & set(DARK) & set(FORCED)
    assert all(LIGHT[name] == value for name, value in used.items()), "the same as without a stylesheet"
    assert {f"--chart-{name}" for name in COLOURS.values()} <= set(LIGHT)
    assert {f"--chart-{level.colour[1:]}" for level in setup.round.categories.levels} <= set(DARK)


def test_peers_lie_in_the_row_below_the_index_and_their_median_crosses_them():
    """Three peers in three lanes of one row; a median that is no diamond, as a target would be."""
    rows = gallery.INDEX.head(2)
    axes = on_scale(rows, levels=gallery.levels(), x_label="x", strip=(70.0, 71.0, 79.0))
    index, *dots = [place for points in axes.collections for place in points.get_offsets().tolist()]
    assert index[0] == 74.0
    assert sorted(x for x, _ in dots) == [70.0, 71.0, 79.0]
    assert len({round(y, 3) for _, y in dots}) == 3
    alone = on_scale(rows, levels=gallery.levels(), x_label="x")
    assert sum(len(points.get_offsets()) for points in alone.collections) == 2, "the index, and a target"
