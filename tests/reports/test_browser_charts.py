"""Every form of chart in a real browser: seen in each mode, read on a telephone and on a wide screen."""

import re
import shutil
from itertools import combinations

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from spi_analysis.reporting.wording import words
from tests.reporting import chart_gallery as gallery
from tests.reports.test_browser import QUIET, REQUIRED, patient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM and not REQUIRED, reason="no Chromium on this machine"),
]
MODES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced on dark": {"color_scheme": "dark", "forced_colors": "active"},
    "forced on light": {"color_scheme": "light", "forced_colors": "active"},
}
# Text boxes: [chart, words, left, top, right, bottom, pixels high].
BOXES = """all => all.map(t => { const b = t.getBoundingClientRect(); const s = t.closest('svg');
    const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width;
    return [t.closest('figure').id, t.textContent, b.left, b.top, b.right, b.bottom,
            parseFloat(getComputedStyle(t).fontSize) * scale]; }).filter(b => b[1])"""
# Colours of all that is drawn: [variable that was asked for, computed].
MARKS = """all => all.flatMap(e => ['fill', 'stroke'].filter(p => e.style[p].startsWith('var'))
    .map(p => [e.style[p].split(',')[0].slice(4), getComputedStyle(e)[p]]))"""


# All that is drawn, however it is coloured: [picture, element, fill or stroke, computed, its own style].
DRAWN = """() => { document.querySelectorAll('details').forEach(one => { one.open = true; });
    return [...document.querySelectorAll('svg :is(path, use, rect, circle, line, text)')].flatMap(e => {
        const box = e.getBoundingClientRect(), style = getComputedStyle(e), svg = e.closest('svg');
        return ['fill', 'stroke'].filter(p => (box.width || box.height) && style[p] !== 'none')
            .map(p => [svg.closest('figure')?.id || svg.id, e.tagName, p, style[p], e.style[p]]); }); }"""
# Letters of cells on their ground: [picture, words, colour of the words, of their outline, of the cell].
CELLS = """() => { document.querySelectorAll('details').forEach(one => { one.open = true; });
    return [...document.querySelectorAll('figure.chart [id*="QuadMesh"]')].flatMap(mesh => {
        const cells = [...mesh.querySelectorAll('path')].map(e => [e.getBoundingClientRect(), getComputedStyle(e).fill])
            .filter(c => c[1] !== 'none');
        return [...mesh.parentElement.querySelectorAll('text')].flatMap(t => {
            const b = t.getBoundingClientRect(), x = (b.left + b.right) / 2, y = (b.top + b.bottom) / 2;
            const style = getComputedStyle(t);
            return cells.filter(c => c[0].left < x && x < c[0].right && c[0].top < y && y < c[0].bottom)
                .map(c => [mesh.closest('figure').id, t.textContent, style.fill, style.stroke, c[1]]); }); }); }"""
PAPER = """() => { const p = document.createElement('p'); document.body.append(p);
    p.style.color = 'var(--chart-paper)'; p.style.forcedColorAdjust = 'none'; return getComputedStyle(p).color; }"""


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "SPI_REQUIRE_BROWSER=1, but there is no Chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield patient(chromium)
        chromium.close()


def _open(browser, language, **options):
    page = browser.new_page(**options)
    page.set_content(gallery.page(words(language)))
    return page


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_letters_are_readable_whole_and_apart(browser, language, width):
    page = _open(browser, language, viewport={"width": width, "height": 900})
    boxes = page.eval_on_selector_all("figure.chart svg text", BOXES)
    pictures = dict(page.eval_on_selector_all(
        "figure.chart", "all => all.map(f => { const b = f.querySelector('svg').getBoundingClientRect();"
                        "return [f.id, [b.left, b.right]]; })"))  # fmt: skip
    page.close()
    assert len(boxes) > 80
    assert min(box[-1] for box in boxes) >= 11
    cut = [b[:2] for b in boxes if b[2] < pictures[b[0]][0] - 1 or b[4] > pictures[b[0]][1] + 1]
    assert cut == []
    assert [(a[:2], b[1]) for a, b in combinations(boxes, 2) if a[0] == b[0] and _overlap(a, b)] == []


def _overlap(a, b) -> bool:
    """Whether two texts share more than the empty edge of their boxes: a fifth of a letter."""
    edge = a[-1] / 5
    across, down = min(a[4], b[4]) - max(a[2], b[2]), min(a[5], b[5]) - max(a[3], b[3])
    return across > edge and down > 1.7 * edge


@pytest.mark.parametrize("mode", MODES)
def test_marks_stand_out_in_every_mode(browser, mode):
    """3:1 for what is drawn, as computed by the browser; grid lines help only."""
    page = _open(browser, "en", **MODES[mode])
    paper = page.evaluate(PAPER)
    marks = {tuple(one) for one in page.eval_on_selector_all("figure.chart svg :is(path, text, use)", MARKS)}
    page.close()
    told = {name: colour for name, colour in marks if not re.search("paper|grid", name)}
    assert len(told) >= 8
    assert {name: colour for name, colour in told.items() if _contrast(colour, paper) < 3} == {}
    assert (_luminance(paper) < 0.2) == ("dark" in mode)


@pytest.mark.parametrize("mode", MODES)
def test_the_figure_of_a_cell_can_be_read_on_its_colour(browser, mode):
    """4.5:1 for letters (WCAG 2.2, 1.4.3), and no outline: it would have the colour of the paper."""
    page = _open(browser, "en", **MODES[mode])
    found = page.evaluate(CELLS)
    page.close()
    assert sorted(text for _, text, *_ in found) == ["49%", "50%", "75%", "90%", "–"]
    assert [one for one in found if one[3] != "none" or _contrast(one[2], one[4]) < 4.5] == []


@pytest.mark.long
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("mode", MODES)
def test_every_mark_on_every_page_stands_out(browser, demo, mode):
    """3:1 for whatever is drawn on a page, with the colours that the browser computed from the page's own style."""
    pages, told, faint, cells = sorted(demo.workspace.outputs.rglob("*.id.html")), set(), set(), []
    for path in pages:
        page = browser.new_page(**MODES[mode])
        page.goto(path.as_uri())
        paper, drawn = page.evaluate(PAPER), page.evaluate(DRAWN)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        cells += page.evaluate(CELLS)
        page.close()
        assert ground == paper, path.name
        marks = {tuple(one) for one in drawn if _is_mark(*one)}
        told |= {picture for picture, *_ in marks}
        faint |= {(path.name, *one) for one in marks if _contrast(one[3], paper) < 3}
    assert {"chart-first", "chart-balance-internal", "chart-weights-internal"} <= told, "the newest forms are there"
    assert len(pages) > 20
    assert len(told) > 15
    assert faint == set()
    assert {one[0] for one in cells} >= {"chart-questions", "chart-unit-weeks-internal", "chart-unit-weeks-external"}
    assert [one for one in cells if one[3] != "none" or _contrast(one[2], one[4]) < 4.5] == []


def _is_mark(picture: str, tag: str, kind: str, colour: str, style: str) -> bool:
    """Not the halo of letters, the inside of a line, a grid line, or the gap between bars."""
    unseen = (tag, kind) in {("text", "stroke"), ("line", "fill")} or "0, 0, 0, 0" in colour
    return not unseen and not re.search("paper|grid", style)


def _contrast(one: str, other: str) -> float:
    low, high = sorted([_luminance(one), _luminance(other)])
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = np.array([float(x) for x in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
