"""The page in a real browser, as its reader has it: charts drawn, no error, keyboard, phone, dark, paper."""

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.page.conftest import NAMES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("TEST_BROWSER") != "1", reason="TEST_BROWSER=1 runs the pages in a browser"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """A page that is open, and what it complained of."""

    def __init__(self, chromium: Any, path: Path, **options: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.context = chromium.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]")

    def evaluate(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def see(self, chart: str) -> Any:
        """Bring a chart to the screen, and wait until it is drawn."""
        self.page.locator(f"#chart-{chart}").scroll_into_view_if_needed()
        self.page.wait_for_selector(f"#chart-{chart} .plot[data-drawn]")
        return self.page.locator(f"#chart-{chart}")

    def charts(self, condition: str = "") -> list[str]:
        return list(self.evaluate(f"[...document.querySelectorAll('.chart{condition}')].map((e) => e.dataset.key)"))

    def range_of(self, chart: str, axis: str = "xaxis") -> Any:
        return self.evaluate(f"document.querySelector('#chart-{chart} .plot').layout.{axis}.range")


@pytest.fixture
def tab(chromium: Any, page: Path) -> Iterator[Tab]:
    opened = Tab(chromium, page)
    yield opened
    opened.context.close()
    assert not opened.complaints
    assert opened.requests == [page.as_uri()]


def test_every_chart_is_drawn_without_a_word_on_the_console(tab: Tab) -> None:
    keys = tab.charts()
    assert len(keys) == 13
    for key in keys:
        figure = tab.see(key)
        assert figure.locator(".preview").count() == 0
        assert figure.locator(".plot svg.main-svg").count() >= 1
        assert figure.locator(".plot path.js-line, .plot .bars path, .plot .hm image").count() >= 1


def test_charts_far_from_the_screen_have_a_preview_and_drawn_when_they_come_near(tab: Tab) -> None:
    undrawn = tab.charts(":has(.preview)")
    assert tab.charts(":has(.plot[data-drawn])") == ["future"]
    inside = ["unrolled", "gates", "memory", "matters", "why"]
    assert undrawn == ["holdout", "steps", "calibration", "residuals", "course", "losses", "gradients", *inside]
    assert tab.page.locator("#chart-steps .legend button").count() == 3
    for key in undrawn:
        assert tab.page.locator(f"#chart-{key} .preview path").count() > 3
        assert "NaN" not in tab.page.locator(f"#chart-{key} .preview").inner_html()
    before = tab.evaluate("document.body.scrollHeight")
    tab.page.locator("#chart-losses summary").focus()
    tab.page.wait_for_selector("#chart-losses .plot[data-drawn]")
    tab.page.locator("#chart-gradients .tools button").first.dispatch_event("click")
    assert "gradients" in tab.charts(":has(.plot[data-drawn])")
    assert abs(tab.evaluate("document.body.scrollHeight") - before) < 60


def test_a_chart_stands_before_plotly_is_awake(chromium: Any, page: Path) -> None:
    context = chromium.new_context(viewport={"width": 1100, "height": 900})
    opened = context.new_page()
    opened.add_init_script("window.IntersectionObserver = class { observe() {} unobserve() {} }")
    opened.goto(page.as_uri())
    assert opened.evaluate("window.Plotly === undefined")
    assert opened.locator("#chart-future .preview path").count() > 8
    opened.get_by_label("Find a series").fill("QUOTED")
    assert opened.locator("#chart-holdout .of").text_content() == f": {NAMES[1]}"
    assert opened.locator("#listing tbody tr").count() == len(NAMES)
    context.close()


def test_awkward_names_show_as_text(tab: Tab) -> None:
    options = tab.page.locator("#choose option").all_text_contents()
    assert options == list(NAMES)
    assert tab.page.locator("#chart-future .of").text_content() == f": {NAMES[0]}"
    assert tab.page.locator("body script").count() == 3
    assert tab.page.locator("html > script").count() == 1  # plotly, awake


def test_zoom_buttons_move_the_view_and_the_y_axis_follows(tab: Tab) -> None:
    before, height = tab.range_of("future"), tab.range_of("future", "yaxis")
    figure = tab.page.locator("#chart-future")
    figure.get_by_role("button", name="Zoom in").click()
    inside = tab.range_of("future")
    assert inside[0] > before[0]
    assert inside[1] < before[1]
    figure.get_by_role("button", name="Move left").click()
    assert tab.range_of("future")[0] < inside[0]
    figure.get_by_role("button", name="Show all").click()
    assert tab.range_of("future")[0] <= "2024-01-01"
    for _ in range(4):
        figure.get_by_role("button", name="Zoom in").click()
    low, high = tab.range_of("future", "yaxis")
    assert high - low < 0.8 * (height[1] - height[0])


def test_dragging_over_a_chart_zooms(tab: Tab) -> None:
    tab.see("steps")
    box = tab.page.locator("#chart-steps .nsewdrag").first.bounding_box()
    before = tab.range_of("steps")
    y = box["y"] + box["height"] / 2
    tab.page.mouse.move(box["x"] + box["width"] * 0.3, y)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    tab.page.mouse.up()
    after = tab.range_of("steps")
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_a_series_is_found_by_part_of_its_name(tab: Tab) -> None:
    sentence = tab.page.locator("#summary-future").text_content()
    tab.page.get_by_label("Find a series").fill("QUOTED")
    assert tab.page.locator("#choose option").all_text_contents() == [NAMES[1]]
    assert tab.page.locator("#chart-holdout .of").text_content() == f": {NAMES[1]}"
    assert tab.page.locator("#summary-future").text_content() != sentence
    assert tab.page.locator("#matches").text_content() == "1 of the 4 series with charts match"
    tab.page.get_by_label("Find a series").fill("nobody")
    assert "0 of the 4" in tab.page.locator("#matches").text_content()
    tab.page.get_by_label("Find a series").fill("")
    assert tab.page.locator("#choose option").count() == len(NAMES)


def test_the_keyboard_reaches_and_works_everything(tab: Tab) -> None:
    page, seen = tab.page, []
    for _ in range(400):
        page.keyboard.press("Tab")
        where = tab.evaluate(
            "() => { const e = document.activeElement;"
            " return e === document.body ? null : [e.tagName, e.id, e.textContent.slice(0, 30)] }"
        )
        if where is None:
            break
        seen.append(tuple(where))
    reachable = tab.evaluate(
        "[...document.querySelectorAll('button, input, select, summary, a[href], [tabindex=\"0\"]')]"
        ".filter((e) => e.checkVisibility() && !e.disabled && !e.closest('.plot')).length"
    )
    assert len([where for where in seen if where[0] != "MAIN"]) >= reachable - 1  # the skip link is off the screen
    page.locator("#choose").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#chart-future .of").text_content() == f": {NAMES[1]}"
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    assert page.locator("#chart-future .of").text_content() == f": {NAMES[2]}"
    legend = page.locator("#chart-holdout .legend button").first
    legend.focus()
    page.keyboard.press("Space")
    assert page.locator("#chart-holdout .legend button").first.get_attribute("aria-pressed") == "false"
    assert tab.evaluate("document.activeElement.closest('.legend') !== null")
    page.locator("#chart-steps summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#chart-steps .numbers table")
    assert page.locator("#chart-steps .numbers tbody tr").count() == 5


def test_the_table_is_sorted_by_its_buttons_and_shows_a_series(tab: Tab) -> None:
    listing = tab.page.locator("#listing")
    assert listing.locator("th[aria-sort]").text_content() == "MASE \u2193"
    listing.get_by_role("button", name="series").click()
    assert listing.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    names = listing.locator("tbody th").all_text_contents()
    listing.get_by_role("button", name="series").click()
    assert listing.locator("tbody th").all_text_contents() == names[::-1]
    tab.page.get_by_label("Find in the table").fill("plain")
    assert listing.locator("tbody tr").count() == 1
    listing.get_by_role("button", name="Show the charts of plain").click()
    assert tab.page.locator("#chart-future .of").text_content() == ": plain"


def test_a_screen_reader_finds_headings_names_and_sentences(tab: Tab) -> None:
    page = tab.page
    assert page.locator("h1").count() == 1
    levels = [int(tag[1]) for tag in tab.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((e) => e.tagName)")]
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    unnamed = tab.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter((e) =>"
        " !e.textContent.trim() && !e.getAttribute('aria-label') && !(e.labels && e.labels.length)).length"
    )
    assert unnamed == 0
    assert page.locator("html").get_attribute("lang") == "en"
    for number in range(page.locator(".plot").count()):
        described = page.locator(".plot").nth(number).get_attribute("aria-describedby")
        assert page.locator(f"#{described}").text_content()
    assert tab.evaluate("[...document.querySelectorAll('table')].every((e) => e.caption || e.closest('[aria-label]'))")


def test_a_phone_does_not_scroll_sideways(chromium: Any, page: Path) -> None:
    phone = Tab(chromium, page, viewport={"width": 375, "height": 720}, has_touch=True, is_mobile=True)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    for key in phone.charts():
        phone.see(key)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    assert phone.evaluate("[...document.querySelectorAll('.plot svg.main-svg')].every((e) => e.clientWidth <= 375)")
    assert not phone.complaints
    phone.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_caption_is_cut_and_no_option_is_broken(chromium: Any, page: Path, width: int) -> None:
    tab = Tab(chromium, page, viewport={"width": width, "height": 900})
    texts = (
        "[...document.querySelectorAll('.caption, .summary, h1, h3, main > section > p')].filter((e) => e.textContent)"
    )
    assert tab.evaluate(f"{texts}.length") > 10
    hidden = f"{texts}.filter((e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > {width})"
    assert tab.evaluate(f"{hidden}.map((e) => e.textContent)") == []
    inside = "[...document.querySelectorAll('.wide .caption, .wide caption')].length"
    assert tab.evaluate(inside) == 0  # A caption within the area that scrolls would scroll out of sight.
    lines = "[...document.querySelectorAll('.word')].map((e) => e.getClientRects().length)"
    assert set(tab.evaluate(lines)) <= {1}
    assert "`" not in tab.evaluate("document.querySelector('h1').textContent")
    tab.context.close()


def test_charts_follow_the_colour_scheme(chromium: Any, page: Path) -> None:
    dark = Tab(chromium, page, color_scheme="dark")
    dark.see("holdout")
    read = "getComputedStyle(document.querySelector('#chart-holdout .js-line')).stroke"
    paper = "document.querySelector('#chart-holdout .plot').layout.paper_bgcolor"
    night, night_paper = dark.evaluate(read), dark.evaluate(paper)
    assert night_paper == "#14171b"
    dark.page.emulate_media(color_scheme="light")
    for _ in range(50):  # the policy of the page lets nobody wait for an expression
        if dark.evaluate(paper) != night_paper:
            break
        dark.page.wait_for_timeout(100)
    assert dark.evaluate(paper) == "#ffffff"
    assert dark.page.locator("#chart-losses .preview text").first.get_attribute("fill") == "#1a1f26"
    assert dark.evaluate(read) != night
    assert not dark.complaints
    dark.context.close()


def test_it_prints_on_paper_even_from_the_dark(chromium: Any, page: Path) -> None:
    dark = Tab(chromium, page, color_scheme="dark")
    assert len(dark.charts(":has(.preview)")) == 12
    dark.evaluate(
        "addEventListener('beforeprint', () => { window.printed ="
        " document.querySelector('#chart-holdout .plot').layout.paper_bgcolor"
        " + document.querySelector('#chart-holdout svg.main-svg').clientWidth;"
        " window.marks = [...document.querySelectorAll('#chart-holdout .mark.line')]"
        ".map((e) => e.style.borderTopColor) })"
    )
    paper = dark.page.pdf(format="A4", print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 3
    assert dark.evaluate("window.printed") == "#ffffff680"
    assert not dark.charts(":has(.preview)")
    assert "rgb(26, 31, 38)" in dark.evaluate("window.marks")  # black lines in legends, too
    assert dark.evaluate("document.querySelector('#chart-holdout .plot').layout.paper_bgcolor") == "#14171b"
    assert not dark.complaints
    dark.context.close()
