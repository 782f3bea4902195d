"""The site in a browser: from disk and from a server, by mouse, by keyboard and on a phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bdlbench.leaderboard import boards
from tests.site.conftest import Visit, see_all

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FIRST = "section:nth-of-type(1)"
ROWS = f"{FIRST} tbody tr"
AUROC = f"{FIRST} thead th:has-text('AUROC')"
PHONE, SMALLEST = (390, 844), (320, 640)


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """Serve the site in a subfolder, like GitHub Pages."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None: ...

    handler = partial(Quiet, directory=site.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/{site.name}/"
        running.shutdown()


def names(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in page.locator(f"{ROWS} th.name").all_inner_texts()]


def path_of(link: Locator) -> str:
    return (link.get_attribute("href") or "").removeprefix("../")


def saved(page: Page, link: Locator) -> bytes:
    with page.expect_download() as download:
        link.click()
    return download.value.path().read_bytes()


@pytest.mark.parametrize("home", ["disk", "server"])
def test_sorting_by_ood_auroc_puts_the_best_first(
    visit: Visit, server: str, results: Path, home: str
) -> None:
    page = visit("index.html", root=server if home == "server" else "")
    board = boards.build(results)[0]
    assert names(page) == [entry.row.sampler for entry in board.entries], "by rank at first"
    auroc = {
        entry.row.sampler: entry.row.metrics["ood.letters.auroc"].mean
        for entry in board.entries
        if entry.row.outcomes.get("completed")
    }
    best_first = sorted(auroc, key=lambda name: -auroc[name])
    assert best_first[0] != names(page)[0], "otherwise the click has no effect"
    for order, expected in (("descending", best_first), ("ascending", best_first[::-1])):
        page.click(AUROC)
        playwright.expect(page.locator(AUROC)).to_have_attribute("aria-sort", order)
        assert names(page) == [*expected, "hmc"], "a sampler without an AUROC is last in both"


def test_the_search_and_the_filters_find_samplers(visit: Visit) -> None:
    page = visit("index.html")
    search = page.locator(f"{FIRST} input[type=search]")
    search.fill("sgld")
    assert names(page) == ["sgld", "psgld:step_size=0.0001", "psgld:step_size=0.0002"]
    assert page.locator(f"{FIRST} .dt-info").inner_text() == "3 samplers of 7"
    assert page.locator("section:nth-of-type(2) tbody tr").count() == 1, "a board at a time"
    search.fill("nobody")
    assert "No sampler matches" in page.locator(ROWS).inner_text()
    search.fill("")
    page.locator(f"{FIRST} select[name=outcome]").select_option("all failed")
    assert names(page) == ["hmc"]
    page.locator(f"{FIRST} select[name=outcome]").select_option("")
    assert len(names(page)) == 7


def test_the_keyboard_suffices(visit: Visit) -> None:
    page = visit("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.locator(f"{AUROC} [role=button]").focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator(AUROC)).to_have_attribute("aria-sort", "descending")
    page.locator(f"{ROWS} a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/samplers/*.html")


def test_a_sampler_s_page_shows_its_plots(visit: Visit) -> None:
    page = visit("index.html")
    page.click(f"{FIRST} tbody a:text-is('sgld')")
    see_all(page)
    titles = page.locator("figure h4").all_inner_texts()
    assert titles == [
        *("accuracy", "NLL", "Brier", "ECE (15 bins)", "AUROC (letters)", ">90 % sure (letters)"),
        *("Reliability", "Confidence by data set") * 2,
    ]
    assert page.locator(".plot svg.main-svg .trace").count() > 20
    lines = page.locator("figure:has(h4:text-is('NLL')) .scatterlayer .trace")
    assert lines.count() == 7, "a line for each run, and one through the budgets"
    bars = page.locator("figure:has(h4:text-is('Confidence by data set')) .bars .point")
    assert bars.count() == 2 * 2 * 20, "budgets, sets, bins"


def test_the_plot_shows_the_selected_metric(visit: Visit) -> None:
    page = visit("index.html")
    see_all(page)
    plot = page.locator(f"{FIRST} .plot")
    assert plot.locator(".ytick text").all_text_contents()[0] == "blind"
    page.locator(f"{FIRST} select[data-plot]").select_option(label="AUROC (letters)")
    assert plot.locator(".ytick text").all_text_contents()[0] == "sgld"
    assert "AUROC (letters), higher is better" in (plot.text_content() or "")


@pytest.mark.parametrize("path", ["index.html", "samplers/sgld.html"])
def test_drawing_a_plot_does_not_shift_the_layout(visit: Visit, path: str) -> None:
    page = visit(path)
    height = "document.documentElement.scrollHeight"
    before = page.evaluate(height)
    see_all(page)
    assert page.evaluate(height) == before


def test_downloads_are_the_same_bytes(visit: Visit, server: str, results: Path) -> None:
    page = visit("samplers/sgld.html", root=server)
    links = page.locator("a[href*='/runs/']").all()
    assert len(links) == 12, "record and predictions of six runs"
    for link in links[:4]:  # browsers ask for permission before more downloads
        assert saved(page, link) == (results / path_of(link)).read_bytes()
    page.click("a.home")
    link = page.locator("a[href='leaderboard.csv']")
    assert saved(page, link) == (results / "leaderboard.csv").read_bytes()


def test_predictions_can_be_saved_from_disk_too(visit: Visit, results: Path) -> None:
    page = visit("samplers/sgld.html")
    link = page.locator("a[href*='predictions.npz']").first
    assert saved(page, link) == (results / path_of(link)).read_bytes()


@pytest.mark.parametrize(
    ("scheme", "path"),
    [
        *(("light", path) for path in ("index.html", "samplers/sgld.html", "samplers/hmc.html")),
        ("dark", "index.html"),
        *(
            pytest.param("dark", path, marks=pytest.mark.slow)
            for path in ("samplers/sgld.html", "samplers/hmc.html")
        ),
    ],
)
def test_axe_finds_no_violations(visit: Visit, path: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(path, color_scheme=scheme)
    see_all(page)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = axe.Axe().run(page, options={"preload": False}).response
    assert found["passes"], "at least one rule was checked"
    assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found["violations"]] == []


@pytest.mark.parametrize("path", ["index.html", "samplers/sgld.html", "samplers/hmc.html"])
@pytest.mark.parametrize("size", [PHONE, SMALLEST])
def test_a_phone_s_page_does_not_scroll_sideways(
    visit: Visit, path: str, size: tuple[int, int]
) -> None:
    page = visit(path, size=size, has_touch=True, is_mobile=True)
    see_all(page)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate("window.innerWidth") == size[0], "nor was it zoomed out to fit"


def test_without_javascript_only_the_plots_are_missing(visit: Visit) -> None:
    page = visit("index.html", java_script_enabled=False)
    assert page.locator(ROWS).count() == 7
    assert page.locator(f"{FIRST} .controls").is_hidden()
    page.click(f"{FIRST} tbody a:text-is('sgld')")
    figure = page.locator("figure:has(h4:text-is('Reliability'))").first
    assert "needs JavaScript" in figure.inner_text()
    figure.locator("summary").click()
    assert figure.locator("tbody tr").count() == 15


def test_plots_follow_the_colour_scheme(visit: Visit) -> None:
    page = visit("index.html", color_scheme="light")
    see_all(page)
    tick = page.locator(f"{FIRST} .plot .ytick text").first
    playwright.expect(tick).to_have_css("fill", "rgb(86, 96, 107)")
    page.emulate_media(color_scheme="dark")
    playwright.expect(tick).to_have_css("fill", "rgb(166, 177, 188)")
    playwright.expect(page.locator("body")).to_have_css("background-color", "rgb(15, 19, 23)")
