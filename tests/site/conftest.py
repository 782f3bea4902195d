"""Shared fixtures: synthetic runs, their site, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bdlbench.leaderboard.boards import build
from bdlbench.leaderboard.rendering import write as write_leaderboard
from bdlbench.metrics.scores import score
from bdlbench.records import store
from bdlbench.site.publish import publish
from tests import synthetic
from tests.processes import WAIT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Visit = Callable[..., "Page"]
DESKTOP = (1280, 900)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FAILED: dict[str, Any] = {"outcome": "diverged", "reason": "θ is not finite", "draws": 0}
LONGER = {"epochs": 300, "draws": 100, "burn_in": 0.25}


def write_blind(results: Path, seed: int) -> None:
    """Store a run with the best predictions for digits, and an AUROC of 0.5 for letters."""
    made = synthetic.record("blind", seed=seed)
    sets = synthetic.predict(np.random.default_rng(seed), 5.0, 200, 4, history=True)
    sets["letters"] = replace(sets["test"], trace=None, curve=None, epochs=None)
    store.write(results, replace(made, metrics=score(sets)), sets)


def write_runs(results: Path) -> None:
    """Store the runs of two boards; on the first, one sampler failed once and one always."""
    for seed in range(3):
        synthetic.write(results, "sgd", 1.0, seed=seed, history=True)
        synthetic.write(results, "sgld", 3.0, seed=seed, history=True)
        synthetic.write(
            results, "psgld", 2.9, settings={"step_size": 1e-4}, seed=seed, history=True
        )
        synthetic.write(results, "psgld", 2.0, settings={"step_size": 2e-4}, seed=seed)
        synthetic.write(results, "swag", 2.5, seed=seed, **(FAILED if seed == 1 else {}))
        synthetic.write(results, "hmc", seed=seed, **FAILED)
        write_blind(results, seed)
        synthetic.write(results, "sgld", 4.0, seed=seed, history=True, configuration=LONGER)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "results"
    write_runs(folder)
    write_leaderboard(folder, build(folder))
    return folder


@pytest.fixture(scope="session")
def site(results: Path) -> Path:
    return publish(results, results / "site").parent


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Two runs of one sampler."""
    for seed in range(2):
        synthetic.write(tmp_path / "few", "sgld", inputs=50, seed=seed)
    return tmp_path / "few"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # for which Chromium has no sandbox
    api.expect.set_options(timeout=1000 * WAIT)
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=root, timeout=1000 * WAIT)
        yield found
        found.close()


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Visit]:
    """Open a page of the site; fail on console messages, and on requests outside the site."""
    complaints: list[str] = []
    contexts = []

    def open_page(
        path: str, root: str = "", size: tuple[int, int] = DESKTOP, **options: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(1000 * WAIT)
        contexts.append(context)
        page, home = context.new_page(), root or f"{site.as_uri()}/"

        def see(url: str) -> None:
            if not url.startswith(home):
                complaints.append(f"request: {url}")

        page.on("request", lambda request: see(request.url))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("console", lambda line: complaints.append(f"{line.type}: {line.text}"))
        page.goto(home + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def see_all(page: Page) -> None:
    """Scroll through the page until all plots are drawn."""
    scroll = "document.querySelector('.plot:not(.drawn)')?.scrollIntoView()"
    for _ in range(round(WAIT / 0.02)):
        if not page.locator(".plot:not(.drawn)").count():
            return
        page.evaluate(scroll)
        page.wait_for_timeout(20)
    raise AssertionError("a visible plot is not drawn")
