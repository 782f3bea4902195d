"""Untrusted text is escaped for plotly and for names of pages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdlbench.site.text import for_plotly, page_name


def test_markup_is_escaped_for_plotly() -> None:
    assert for_plotly('<a href="javascript:x">&lt;') == '&lt;a href="javascript:x"&gt;&amp;lt;'


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
