"""Untrusted text is escaped for plotly and for names of pages."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdlbench.site.text import BREAK, folded, for_plotly, page_name
from bdlbench.storage.escaping import visible


def test_markup_is_escaped_for_plotly() -> None:
    assert for_plotly('<a href="javascript:x">&lt;') == '&lt;a href="javascript:x"&gt;&amp;lt;'


def test_long_labels_are_folded_at_commas_and_not_cut() -> None:
    label = "sgld:" + ",".join(f"setting_{k}=0.125" for k in range(9)) + ",temperature=0.1"
    lines = folded(label).split(BREAK)
    assert "".join(lines) == label
    assert len(lines) > 3
    assert all(line.endswith(",") and len(line) <= 36 for line in lines[:-1])
    assert folded("mc-dropout") == "mc-dropout"


@given(st.text(max_size=200))
def test_folding_loses_nothing_and_escapes_markup(label: str) -> None:
    lines = folded(label).split(BREAK)
    assert "".join(map(html.unescape, lines)) == visible(label)
    assert not any("<" in line or "$" in line for line in lines)


@pytest.mark.parametrize("label", ["sgld", "mc-dropout", "a1-2"])
def test_a_plain_label_is_its_page_s_name(label: str) -> None:
    assert page_name(label) == label


@pytest.mark.parametrize(
    "label",
    ["", "..", "../../etc/passwd", "a/b", "a\\b", "SGLD", "sgld.", "con:", "a b", "é", "\0", "-",
     "sgld--0123abcd", "sgld:step_size=1e-4", "x" * 1000, "<script>", "index.html", "a\nb"],
)  # fmt: skip
def test_any_other_label_gets_a_unique_name(label: str) -> None:
    name = page_name(label)
    assert re.fullmatch(r"[a-z0-9-]{1,70}--[0-9a-f]{8}", name)
    assert name != page_name(label + " ")


@given(st.text(), st.text())
def test_different_labels_never_share_a_page(a: str, b: str) -> None:
    assert (page_name(a) == page_name(b)) == (a == b)
