"""Untrusted text of records is escaped: no scripts, no links, no invisible characters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdlbench.errors import RecordError
from bdlbench.leaderboard import boards
from bdlbench.leaderboard.entries import Entry
from bdlbench.site import downloads, pages
from bdlbench.storage.escaping import visible
from tests import synthetic
from tests.site.conftest import Visit, see_all
from tests.site.test_publish import Page

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "closing": "</script></table></html><script>alert(1)</script>",
    "handler": '" onmouseover="alert(1)" x="',
    "apostrophe": "' onfocus='alert(1)' autofocus='",
    "image": "<img src=x onerror=alert(1)>",
    "link": '<a href="javascript:alert(1)">x</a>',
    "url": "javascript:alert(1)",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "template": "{{ 7 * 7 }}{% raw %}${7 * 7}%{x}",
    "comment": "<!--",
    "path": "../../../../etc/passwd",
    "null": "a\0b",
    "escape": "\x1b]0;owned\x07\x1b[2J",
    "newlines": "a\r\nb\u2028c",
    "direction": "\u202egnp.exe",
    "surrogate": "\ud83d",
    "colour": "@blue",
    "style": "<style>*{display:none}</style>",
    "mathematics": "$\\href{javascript:alert(1)}{x}$",
    "long": "x" * 10_000_000,
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for seed in range(2):
        synthetic.write(folder, "sgld", inputs=50, seed=seed)
        synthetic.write(folder, "hmc", seed=seed, outcome="diverged", reason="why")
    return folder


def spoilt(entry: Entry, text: str) -> Entry:
    """Return an entry with this text in every field that a record controls."""
    row = replace(entry.row, sampler=text, settings={text: text}, reasons=(text,))
    changes: dict[str, Any] = {"reason": text, "environment": {text: text}}
    changes["sampler"] = replace(entry.records[0].sampler, settings={text: text})
    runs = [replace(record, **changes) for record in entry.records]
    return replace(entry, row=row, records=tuple(runs))


def write(results: Path, texts: Iterable[str], site: Path) -> None:
    """Write the site of a board with untrusted text, two rows for each."""
    (board,) = boards.build(results)
    good, failed = board.entries
    entries = [spoilt(good, text) for text in texts] + [spoilt(failed, f"{x}!") for x in texts]
    text = next(iter(texts))
    controls = {"letters": {text: 0.5}}
    spoilt_board = replace(board, entries=tuple(entries), controls=controls, reference_note=text)
    pages.write(results, [spoilt_board], site)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_nothing_reaches_a_page_unescaped(kept: Path, tmp_path: Path, text: str) -> None:
    write(kept, [text], tmp_path)
    found = [tmp_path / "index.html", *sorted((tmp_path / "samplers").iterdir())]
    assert len(found) == 3
    for path in found:
        assert re.fullmatch(r"[a-z0-9-]+", path.stem)
        assert path.stat().st_size < 200_000, "long text is truncated"
        page = Page(path)
        for tag, attributes in page.elements:
            assert tag not in ("img", "style", "iframe", "object")
            assert not [name for name in attributes if name.startswith("on") or name == "autofocus"]
            source, kind = attributes.get("src"), attributes.get("type")
            if tag == "script" and kind != "application/json":
                assert re.match(r"(\.\./)?static/", source or "")
        for link in page.links():
            assert re.match(r"(\.\./)?(static|samplers|runs|checks)/|#|(\.\./)?index|leader", link)
        assert not [c for c in page.text if not c.isprintable() and c != "\n"]


def test_hostile_text_is_displayed_literally(kept: Path, tmp_path: Path, visit: Visit) -> None:
    texts = [text for text in HOSTILE.values() if len(text) < 100]
    write(kept, texts, tmp_path)
    (tmp_path / "static").symlink_to(Path(pages.__file__).parent / "static")
    page = visit("index.html", root=f"{tmp_path.as_uri()}/")
    labels = page.locator("tbody th.name a").all_text_contents()
    assert labels == [visible(text + end) for end in ("", "!") for text in texts]
    see_all(page)
    ticks = page.locator("svg .ytick text").all_text_contents()
    assert sorted(ticks) == sorted(map(visible, texts))
    for text in (HOSTILE["link"], HOSTILE["closing"]):
        page.locator("tbody th.name a").nth(texts.index(text)).click()
        see_all(page)
        assert page.locator("h1").text_content() == visible(text)
        assert page.locator("svg a").count() == 0, "plotly makes links of what looks like one"
        page.go_back()


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "a\\b", ".hidden", "", "a b", "a\0", "<b>", "x" * 201, "a\n", "é", "a:b"],
)
def test_an_unsafe_name_is_refused_in_paths(tmp_path: Path, name: str) -> None:
    record = replace(synthetic.record(), run=name)
    with pytest.raises(RecordError, match="expected a name of letters, digits, dots and dashes"):
        downloads.copy_run(tmp_path, record, tmp_path / "site")
    with pytest.raises(RecordError, match="expected a name of letters"):
        downloads.copy_report(tmp_path, synthetic.record(name), tmp_path / "site")
    assert not (tmp_path / "site").exists()
