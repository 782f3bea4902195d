"""A thousand samplers: the index stays small, and the cost of publishing is linear."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bdlbench.leaderboard import boards
from bdlbench.leaderboard.boards import Board
from bdlbench.site import pages
from bdlbench.site.publish import publish
from bdlbench.storage import files
from tests import synthetic
from tests.site.conftest import Visit


@pytest.fixture
def thousand(few: Path) -> Board:
    """A board of a thousand rows, each with its own figures."""
    (board,) = boards.build(few)
    (entry,) = board.entries
    entries = []
    for k in range(1000):
        metrics = {
            name: replace(value, mean=value.mean + k / 7e5)
            for name, value in entry.row.metrics.items()
        }
        row = replace(entry.row, sampler=f"sgld:step_size={k}e-7", metrics=metrics)
        entries.append(replace(entry, row=row, rank=(k + 1, k + 9)))
    return replace(board, entries=tuple(entries))


def test_an_index_of_a_thousand_rows_is_small_and_shows_fifty_of_them(
    thousand: Board, few: Path, tmp_path: Path, visit: Visit
) -> None:
    site = tmp_path / "site"
    (site / "samplers").mkdir(parents=True)
    pages.write_index([thousand], site)
    (site / "static").symlink_to(Path(pages.__file__).parent / "static")
    assert (site / "index.html").stat().st_size < 3e6
    page = visit("index.html", root=f"{site.as_uri()}/")
    page.wait_for_selector(".plot.drawn")
    assert page.locator("tbody tr").count() == 50
    page.click("button:text-is('20')")
    assert page.locator("tbody tr th a").first.inner_text() == "sgld:step_size=950e-7"
    page.locator("input[type=search]").fill("999e-7")
    assert page.locator("tbody tr").count() == 1, "all pages are searched"


def test_without_javascript_all_rows_are_there(
    thousand: Board, tmp_path: Path, visit: Visit
) -> None:
    pages.write_index([thousand], tmp_path)
    (tmp_path / "static").symlink_to(Path(pages.__file__).parent / "static")
    page = visit("index.html", root=f"{tmp_path.as_uri()}/", java_script_enabled=False)
    assert page.locator("tbody tr").last.is_visible()


def test_the_number_of_reads_per_file_is_constant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()
    read_bytes = files.read_bytes

    def spy(path: Path, largest: int) -> bytes:
        read[path.name] += 1
        return read_bytes(path, largest)

    monkeypatch.setattr(files, "read_bytes", spy)
    per_run = []
    for number in (3, 9):
        results = tmp_path / f"{number}"
        for seed in range(number):
            synthetic.write(results, "sgld", inputs=100, draws=2, seed=seed)
            synthetic.write(results, f"sampler-{seed}", inputs=100, draws=2)
        read.clear()
        publish(results, results / "site")
        per_run.append({name: times / (2 * number) for name, times in read.items()})
    assert per_run[0] == per_run[1]
    assert per_run[0].keys() == {"record.json", "predictions.npz"}
