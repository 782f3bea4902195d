"""What a stranger wrote, in Markdown and in a spreadsheet."""

from __future__ import annotations

import pytest

from bdlbench.escaping import csv_cell, markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sgld", "sgld"),
        ("mc-dropout", "mc-dropout"),
        ("sgld:step_size=1e-4", "`sgld:step_size=1e-4`"),
        ("<script>", "`<script>`"),
        ("![a](http://b)", "`![a](http://b)`"),
        ("`<b>`", "`ˋ<b>ˋ`"),
        ("www.example.org", "`www.example.org`"),
        ("@somebody", "`@somebody`"),
        ("a\nb\x1b", "`a⧵nb⧵x1b`"),
        ("a\\|b", "`a⧵|b`"),
    ],
)
def test_markdown_is_text(text: str, expected: str) -> None:
    assert markdown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sgld:a=1", "sgld:a=1"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "\\t=1"),
        ("a\r\nb", "a\\r\\nb"),
    ],
)
def test_no_cell_is_a_formula(text: str, expected: str) -> None:
    assert csv_cell(text) == expected
