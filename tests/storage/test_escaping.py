"""Untrusted text on terminals, in Markdown and in spreadsheets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdlbench.storage.escaping import csv_cell, markdown, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sgld:step_size=1e-4, θ ½ é 北", "sgld:step_size=1e-4, θ ½ é 北"),
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("null\0byte", r"null\x00byte"),
        ("right\u202eleft", r"right\u202eleft"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\nbreak\r\x85", r"line\nbreak\r\x85"),
        ("lone \ud800 surrogate", r"lone \ud800 surrogate"),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_every_character_is_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(codec=None)))
def test_no_unprintable_character_is_left(text: str) -> None:
    assert visible(text).isprintable()
    visible(text).encode("utf-8")


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
