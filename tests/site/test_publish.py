"""The site is written atomically, is reproducible from the records, and needs no network."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tomllib
from dataclasses import replace
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import bdlbench.site
from bdlbench.commands import main
from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.leaderboard import boards
from bdlbench.metrics.scores import score
from bdlbench.records import store
from bdlbench.site import pages
from bdlbench.site.publish import publish
from tests import synthetic

PACKAGE = Path(bdlbench.site.__file__).parent
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


class Page(HTMLParser):
    """Collect the elements of a page, its links and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.inside, self.text = path, "", ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += "" if self.inside == "script" else data

    def links(self) -> list[str]:
        found = [attrs.get("href") or attrs.get("src") for _, attrs in self.elements]
        return [link for link in found if link]


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_downloads_are_the_same_bytes_as_in_the_results(results: Path, site: Path) -> None:
    assert tree(site / "runs") == tree(results / "runs")
    assert len(list((site / "runs").iterdir())) == 24
    assert (site / "leaderboard.csv").read_bytes() == (results / "leaderboard.csv").read_bytes()


def test_same_records_give_the_same_bytes(results: Path, site: Path, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere"
    shutil.copytree(results / "runs", copied / "runs")
    publish(copied, tmp_path / "site")
    assert tree(tmp_path / "site") == tree(site)


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    found = [Page(path) for path in sorted(site.rglob("*.html"))]
    assert len(found) == 8, "the index, and a page per sampler"
    for page in found:
        names = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
        for link in page.links():
            path, _, place = link.partition("#")
            target = (page.path.parent / path).resolve()
            assert not path or (target.is_file() and target.is_relative_to(site.resolve())), link
            assert path or place in names, link


def test_pages_have_no_inline_script_style_or_handler(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Page(path)
        (policy,) = [a["content"] for _, a in page.elements if "http-equiv" in a]
        assert policy == CSP
        for tag, attributes in page.elements:
            assert tag != "style"
            assert not [name for name in attributes if name == "style" or name.startswith("on")]
            assert (
                tag != "script" or "src" in attributes or attributes["type"] == "application/json"
            )


def test_without_a_script_the_index_is_a_plain_table(site: Path) -> None:
    page = Page(site / "index.html")
    text = " ".join(page.text.split())
    assert text.count("digits · mlp-50 · 100 epochs") == 2, "heading and link"
    for label in ("sgld", "psgld:step_size=0.0001", "blind"):
        assert f" {label} ✗ not certified" in text
    for label in ("swag", "hmc"):
        assert f" {label} – diverged" in text
    assert "hmc: diverged in 3 of 3 runs: θ is not finite" in text
    assert "✗ diverged 1 of 3" in text
    assert "7 samplers of the weights of the network mlp-50, trained on digits" in text
    assert "doubts letters inputs more than test inputs?" in text, "explained for newcomers"
    assert "no passed check of this version" in text, "and the badges"
    assert "≈ approximate" not in text, "but none that does not occur"
    assert "agreement" not in text.partition("Definitions")[0], "no column without a value"
    assert "Probability that the predictive entropy of a random letters input exceeds" in text


def test_ranks_are_intervals_and_failures_have_none(results: Path, site: Path) -> None:
    text = (site / "index.html").read_text("utf-8")
    ranks = re.findall(r'class="rank" data-order="([^"]*)">([^<]*)</td>', text)
    board = boards.build(results)[0]
    expected = [f"{e.rank[0]}–{e.rank[1]}" if e.rank else "–" for e in board.entries]
    shown = [rank if "–" in rank else f"{rank}–{rank}" for _, rank in ranks[: len(expected)]]
    assert shown == expected
    assert [order == "" for order, _ in ranks[: len(expected)]] == [r == "–" for r in expected]
    assert any(e.rank and e.rank[0] < e.rank[1] for e in board.entries), "there is a tie to show"


def test_both_intervals_are_shown(results: Path, site: Path) -> None:
    page = Page(site / "index.html").text
    (entry,) = (
        entry
        for board in boards.build(results)
        for entry in board.entries
        if entry.row.sampler == "sgd"
    )
    found = entry.row.metrics["negative_log_likelihood"]
    assert found.high is not None
    assert found.high_with_points is not None
    over_seeds, both = (end - found.mean for end in (found.high, found.high_with_points))
    assert 1.01 * over_seeds < both
    assert f"{found.mean:.4f}±{over_seeds:.4f} (±{both:.4f})" in page
    assert "(±): over seeds and test inputs" in page


def test_the_number_of_tuning_trials_is_shown(tmp_path: Path) -> None:
    made = synthetic.record("tuned")
    made = synthetic.named(replace(made, sampler=replace(made.sampler, trials=10)))
    sets = synthetic.predict(np.random.default_rng(0), 2.0, 50, 4, history=False)
    store.write(tmp_path, replace(made, metrics=score(sets)), sets)
    publish(tmp_path, tmp_path / "site")
    index, page = (tmp_path / "site" / name for name in ("index.html", "samplers/tuned.html"))
    assert "Hyperparameters: the best of 10 trials." in index.read_text("utf-8")
    assert "best of 10 trials" in page.read_text("utf-8")


@pytest.mark.parametrize("fault", ["pages", "rename", "record"])
def test_a_publish_that_fails_leaves_the_old_site(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    out = tmp_path / "site"
    publish(few, out)
    before = tree(out)

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    if fault == "record":
        next(few.glob("runs/*/predictions.npz")).write_bytes(b"broken")
    elif fault == "pages":
        monkeypatch.setattr(pages, "_render", fail)
    else:
        rename = Path.rename
        monkeypatch.setattr(
            Path, "rename", lambda a, b: fail() if a.suffix == ".partial" else rename(a, b)
        )
    with pytest.raises(RecordError, match=r"No space left|does not match its record's checksum"):
        publish(few, out)
    assert tree(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "site"]


def test_only_a_site_is_replaced(few: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "mine", tmp_path / "mine" / "thesis.tex", few):
        with pytest.raises(BdlbenchError, match="which has other content"):
            publish(few, out)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years"
    assert publish(few, tmp_path / "empty").is_file()
    assert publish(few, tmp_path / "empty").is_file(), "and a second time"


@pytest.mark.parametrize("name", ["record.json", "predictions.npz", ""])
def test_links_out_of_the_folder_are_refused(few: Path, tmp_path: Path, name: str) -> None:
    run = next((few / "runs").iterdir())
    shutil.copytree(run, tmp_path / "outside")
    if name:
        (run / name).unlink()
        (run / name).symlink_to(tmp_path / "outside" / name)
    else:
        shutil.rmtree(run)
        run.symlink_to(tmp_path / "outside")
    with pytest.raises(RecordError, match="link"):
        publish(few, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_site_without_runs_and_without_results(tmp_path: Path) -> None:
    with pytest.raises(BdlbenchError, match=r"no runs in .*nowhere, which does not exist"):
        publish(tmp_path / "nowhere", tmp_path / "site")
    assert not list(tmp_path.iterdir())
    assert "There are no runs yet." in publish(tmp_path, tmp_path / "site").read_text("utf-8")


def test_the_command_prints_the_path_of_the_page(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bdlbench", "publish", "--results", str(few), "--out", "x"])
    main.main()
    assert capsys.readouterr().out == "x/index.html\n"
    assert (tmp_path / "x" / "index.html").is_file()


def test_vendored_libraries_are_the_ones_that_are_listed() -> None:
    vendor = PACKAGE / "static" / "vendor"
    listed = dict(
        re.findall(r"\| `([\w.-]+)` \|.*\| `([0-9a-f]{64})` \|", (vendor / "README.md").read_text())
    )
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.glob("*.js")
    }
    assert found == listed
    for name in found:
        assert "mit" in (vendor / name.replace(".min.js", ".LICENSE.txt")).read_text().lower()


def test_the_wheel_contains_every_file_of_the_site() -> None:
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())
    setuptools = project["tool"]["setuptools"]
    assert "bdlbench.site" in setuptools["packages"]
    patterns = setuptools["package-data"]["bdlbench.site"]
    for path in PACKAGE.rglob("*"):
        name = path.relative_to(PACKAGE)
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            fits = [
                p
                for p in patterns
                if fnmatch(str(name), p) and len(Path(p).parts) == len(name.parts)
            ]
            assert fits, f"{name} would be left out"
