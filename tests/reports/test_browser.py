"""The pages in a real browser: accessible, readable on a telephone, printable, offline."""

import os
import shutil
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REQUIRED = os.environ.get("SPI_REQUIRE_BROWSER") == "1"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Milliseconds.
PATIENCE = 300_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("demo"),
    pytest.mark.skipif(
        not CHROMIUM and not REQUIRED, reason="no Chromium on this machine (CI installs and requires it)"
    ),
]


def patient(browser):
    """The browser, whose pages wait as long as a busy machine needs: half a minute, the usual, was too short."""
    for name in ("new_page", "new_context"):
        setattr(browser, name, partial(_waiting, getattr(browser, name)))
    return browser


def _waiting(make, **options):
    made = make(**options)
    made.set_default_timeout(PATIENCE)
    return made


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "SPI_REQUIRE_BROWSER=1, but there is no Chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield patient(chromium)
        chromium.close()


def _pages(demo):
    """Every report in both languages, and each kind of analysts' page once."""
    reports = [demo.outputs(i) / f"report.{lang}.html" for i in demo.setup.institution_ids for lang in ("id", "en")]
    analysts = sorted(demo.outputs("kota-pangkalpinang").glob("[1-4]0_*.id.html"))
    base = demo.workspace.outputs / "spi_2024"
    national = [*sorted(base.glob("index.*.html")), *sorted(base.glob("published_years.*.html"))]
    return [*reports, *analysts, *national]


def _open(browser, path, width=1000):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    return page


@pytest.mark.long
def test_no_accessibility_violation_on_any_page(demo, browser):
    """axe-core with all its rules, WCAG 2.2 AA among them."""
    _require_no_violation(browser, _pages(demo), 18)


def test_no_accessibility_violation_on_a_page_of_each_kind(demo, browser):
    report = demo.outputs("kota-mojokerto") / "report.id.html"
    analyst = demo.outputs("kota-pangkalpinang") / "40_score_analysis.id.html"
    _require_no_violation(browser, [report, analyst], 2)


UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


def _require_no_violation(browser, paths, least):
    axe = Axe()
    found = {}
    for path in paths:
        page = _open(browser, path)
        page.evaluate(UNFOLD)
        violations = axe.run(page).response["violations"]
        found[f"{path.parent.name}/{path.name}"] = [(v["id"], v["nodes"][0]["html"][:90]) for v in violations]
        page.close()
    assert len(found) >= least
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.fixture(scope="module")
def visited(demo, browser):
    """Each page once, on a narrow telephone: what it asks for, complains of, how wide it is, where its links lead."""
    links = "all => all.map(a => a.getAttribute('href'))"
    found = {}
    for path in _pages(demo):
        page = browser.new_page(viewport={"width": 320, "height": 900})
        seen = {"asked": [], "complaints": []}
        page.on("request", lambda request, asked=seen["asked"]: asked.append(request.url))
        page.on("console", lambda message, complaints=seen["complaints"]: complaints.append(message.text))
        page.goto(path.as_uri())
        seen["width"] = page.evaluate("document.documentElement.scrollWidth")
        seen["links"] = page.eval_on_selector_all("nav.pages a, ul.links a", links)
        page.evaluate(UNFOLD)
        seen["empty"] = page.eval_on_selector_all("td:empty", "all => all.filter(td => td.offsetHeight).length")
        page.close()
        found[path] = seen
    assert len(found) >= 18
    return found


def test_no_sideways_scrolling_on_a_narrow_telephone(visited):
    assert {path.name: seen["width"] for path, seen in visited.items() if seen["width"] > 320} == {}


def test_stacked_rows_on_a_telephone_leave_out_what_is_empty(visited):
    assert {path.name: seen["empty"] for path, seen in visited.items() if seen["empty"]} == {}


def test_tables_of_a_report_need_no_inner_scrolling_on_a_telephone(demo, browser):
    page = _open(browser, demo.outputs("kota-mojokerto") / "report.id.html", width=320)
    page.evaluate(UNFOLD)
    wide = page.evaluate(
        "[...document.querySelectorAll('div.table')].filter(d => d.scrollWidth > d.clientWidth + 1).length"
    )
    page.close()
    assert wide == 0


def test_pages_ask_for_nothing_from_the_network(visited):
    for path, seen in visited.items():
        assert seen["asked"] == [path.as_uri()], path.name
        assert seen["complaints"] == [], path.name


def test_the_page_says_its_language_and_links_the_other(demo, browser):
    for language, other in (("id", "en"), ("en", "id")):
        page = _open(browser, demo.outputs("kota-bengkulu") / f"report.{language}.html")
        assert page.get_attribute("html", "lang") == language
        page.click(f"a[hreflang={other}]")
        assert page.get_attribute("html", "lang") == other
        page.close()


def test_every_entry_of_the_contents_leads_to_its_section(demo, browser):
    page = _open(browser, demo.outputs("kota-bengkulu") / "report.id.html")
    targets = page.eval_on_selector_all("nav.contents a", "links => links.map(a => a.getAttribute('href').slice(1))")
    headings = page.locator("section h2").count()
    closed = []
    for target in targets:
        page.click(f"nav.contents a[href='#{target}']")
        heading = target.removesuffix("-text")
        if not page.is_visible(f"section:has(h2[id='{heading}']) :is(p, table, figure, ul, ol, dl)"):
            closed.append(target)
    page.close()
    assert len(targets) == headings >= 14
    assert closed == [], "a folded section opens when an entry leads into it"


def test_every_csv_link_leads_to_a_file(demo, browser):
    folder = demo.outputs("kota-bengkulu")
    page = _open(browser, folder / "report.id.html")
    addresses = page.eval_on_selector_all("p.csv a", "links => links.map(a => a.getAttribute('href'))")
    page.close()
    assert len(addresses) >= 8
    assert [a for a in addresses if not (folder / a).exists()] == []


def test_every_chart_has_a_title_and_words_for_those_who_do_not_see_it(demo, browser):
    page = _open(browser, demo.outputs("kota-bengkulu") / "report.id.html")
    page.evaluate(UNFOLD)
    charts = page.eval_on_selector_all(
        "svg",
        """all => all.filter(s => s.getBoundingClientRect().height > 0).map(s => [
                                 s.getAttribute('role'), s.querySelector('title').textContent,
                                 s.querySelector('desc').textContent,
                                 s.getBoundingClientRect().height])""",
    )
    page.close()
    assert len(charts) >= 6, "the page has charts"
    for role, title, description, height in charts:
        assert role == "img"
        assert len(title) > 5
        assert any(c.isdigit() for c in description), "the description tells figures"
        assert height > 60, "the chart is drawn"


SMALLEST_LETTERS = """all => Math.min(...all.filter(s => s.getBoundingClientRect().width).map(s => {
    const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width;
    return Math.min(...[...s.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * scale));
}))"""
CUT_LETTERS = """all => all.filter(s => s.getBoundingClientRect().width).flatMap(s => {
    const room = s.getBoundingClientRect();
    return [...s.querySelectorAll('text')].filter(t => {
        const box = t.getBoundingClientRect();
        return box.right > room.right + 2 || box.left < room.left - 2;
    }).map(t => t.textContent);
})"""


@pytest.mark.parametrize("width", [320, 700, 720, 1280])
def test_letters_in_charts_are_readable_and_whole_at_every_width(demo, browser, width):
    for name in ("report.id.html", "30_nonresponse_weighting.en.html"):
        page = _open(browser, demo.outputs("kota-mojokerto") / name, width=width)
        page.evaluate(UNFOLD)
        assert page.eval_on_selector_all("svg", SMALLEST_LETTERS) >= 11, name
        assert page.eval_on_selector_all("svg", CUT_LETTERS) == [], name
        page.close()


def test_charts_are_as_wide_as_a_telephone_and_no_wider_than_thirty_letters(demo, browser):
    for width in (320, 1280):
        page = _open(browser, demo.outputs("kota-mojokerto") / "report.id.html", width=width)
        page.evaluate(UNFOLD)
        widths = page.eval_on_selector_all("figure.chart svg", "all => all.map(s => s.getBoundingClientRect().width)")
        main = page.evaluate("document.querySelector('main').getBoundingClientRect().width")
        page.close()
        assert widths == pytest.approx([min(main, 30 * 16)] * len(widths), abs=1)


def test_every_link_between_pages_leads_to_a_page(visited):
    for path, seen in visited.items():
        assert seen["links"], path.name
        files = [address.partition("#")[0] for address in seen["links"]]
        assert [file for file in files if not (path.parent / file).exists()] == [], path.name


def test_the_number_of_a_long_entry_stands_beside_its_first_line(demo, browser):
    page = _open(browser, demo.outputs("kota-mojokerto") / "report.id.html", width=320)
    displays = page.eval_on_selector_all("nav.contents a", "all => all.map(a => getComputedStyle(a).display)")
    page.close()
    assert set(displays) == {"block"}


def test_the_first_screen_of_a_telephone_holds_the_first_figure(demo, browser):
    """360 x 740: index and chart on the first screen, the first action soon after; all else is folded."""
    for name in ("kota-pangkalpinang", "kota-mojokerto"):
        page = browser.new_page(viewport={"width": 360, "height": 740})
        page.goto((demo.outputs(name) / "report.id.html").as_uri())
        boxes = [page.locator(one).first.bounding_box() for one in ("p.index", "figure svg", ".recommendations li")]
        height, heading = page.evaluate("document.documentElement.scrollHeight"), page.inner_text("h1")
        page.close()
        assert heading == f"{name.replace('-', ' ').title()} 2024"
        ends = [box["y"] + box["height"] for box in boxes]
        assert max(ends[:2]) <= 740
        assert ends[2] <= 2500
        assert height <= 10_100


def test_what_is_folded_on_a_screen_is_printed(demo, browser):
    page = _open(browser, demo.outputs("kota-mojokerto") / "report.id.html", width=680)
    folded = page.evaluate("document.documentElement.scrollHeight")
    page.emulate_media(media="print")
    brief = page.evaluate("document.querySelector('section').getBoundingClientRect().bottom")
    printed = page.evaluate("document.documentElement.scrollHeight")
    page.close()
    assert printed > 2 * folded
    assert brief < 2 * 1000, "the brief: two pages of A4, of about 1000 px between the margins"


def test_a_report_prints_on_a4(demo, browser, tmp_path):
    between_margins = 680
    page = _open(browser, demo.outputs("kota-mojokerto") / "report.id.html", width=between_margins)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate("document.documentElement.scrollWidth") <= between_margins, "no table is wider than the paper"
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    page.close()
    boxes = {tuple(box) for box in _media_boxes(pdf)}
    assert boxes == {(595, 842)}, "every sheet is A4"


def _media_boxes(pdf: bytes):
    import re

    for match in re.finditer(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", pdf):
        yield round(float(match.group(1))), round(float(match.group(2)))
