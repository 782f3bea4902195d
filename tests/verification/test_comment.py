"""What a stranger may have left as the outcome of a check, as a comment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdlbench.leaderboard import boards, rendering
from bdlbench.verification import comment
from bdlbench.verification.review import difference
from tests import synthetic


def test_a_table_stays_a_table() -> None:
    text = "\n".join(
        [
            "2 runs checked: nothing is wrong with them.",
            "",
            "### digits · mlp-50 · 100 epochs",
            "",
            "|  | rank | sampler | target | seeds | NLL ↓ | ECE (15 bins) ↓ | >90 % sure ↓ |",
            "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |",
            "| + | 1–2 | sgld | not certified | 4 of 5 | **0.5690** ±0.0118 | 1e-05 | – |",
        ]
    )
    assert comment.body(text) == text


def test_what_a_review_prints_keeps_its_shape(tmp_path: Path) -> None:
    synthetic.write(tmp_path, "sgd")
    before = rendering.rows_of(boards.build(tmp_path))
    for name in ("a|b @c", "d"):
        synthetic.write(tmp_path, "sgld", 3.0, settings={"name": name})
    lines = difference(before, rendering.rows_of(boards.build(tmp_path)))
    found = comment.body("\n".join(lines)).split("\n")
    bars = [[len(re.findall(r"(?<!\\)\|", line)) for line in each] for each in (found, lines[:-1])]
    assert bars[0] == bars[1]
    assert sum(r"`sgld:name=a\|b @c`" in line for line in found) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@somebody look", "`@somebody look`"),
        ("![a](http://b/c.png)", "`![a](http://b/c.png)`"),
        ("<img src=x>", "`<img src=x>`"),
        ("<!-- hidden", "`<!-- hidden`"),
        ("see #12", "`see #12`"),
        ("GH-12", "`GH-12`"),
        ("as gh-12 says", "`as gh-12 says`"),
        ("deadbee", "`deadbee`"),
        ("1234567", "`1234567`"),
        ("www.example.org", "`www.example.org`"),
        ("https://example.org", "`https://example.org`"),
        ("`` @a ``", "`@a`"),
        ("```", ""),
        ("a\\`@b", "`a⧵ˋ@b`"),
        ("[x]: http://b", "`[x]: http://b`"),
        ("### @a", "### `@a`"),
        ("| a | @b |", "| a | `@b` |"),
        (r"| x\|@b |", r"| `x\|@b` |"),
        (r"| x\\|@b |", r"| `x⧵\|@b` |"),
        ("| `a | @b` |", "| a | `@b` |"),
        ("a\x1b[31m\u202e", r"`a⧵x1b[31m⧵u202e`"),
        ("&#64;somebody", "`&#64;somebody`"),
        ("*a* _b_ ~c~ $d$", "`*a* _b_ ~c~ $d$`"),
    ],
)
def test_what_is_neither_word_nor_figure_is_code(text: str, expected: str) -> None:
    assert comment.body(text) == expected


@given(st.text(st.sampled_from("ab1.@#<>!|\\`[]()*_-:/ &\n\t\r\x85\u2028é"), max_size=80))
def test_outside_of_code_nothing_is_special(text: str) -> None:
    for line in comment.body(text).split("\n"):
        bare = re.sub(r"`[^`]*`", "", line)
        assert not re.search(r"[`@#<!\[\]\\&_/~$]", bare.removeprefix("###"))
        for code in re.findall(r"`[^`]*`", line):  # a table's cell ends at a bar, code or not
            assert not re.search(r"(?<!\\)\|", code)


def test_what_is_too_long_is_cut_at_a_line() -> None:
    found = comment.body("a line\n" * 100_000)
    assert len(found) < 65_536
    assert found.endswith(
        "a line\n\nWhat follows is left out here; the summary of the check has it."
    )
