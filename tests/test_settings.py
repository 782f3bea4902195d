from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdlbench.errors import PluginError
from bdlbench.settings import (
    Setting,
    Spec,
    check_positive,
    check_range,
    coerce,
    fields,
    is_simple,
    parse,
)


@pytest.mark.parametrize(
    ("text", "reference", "settings"),
    [
        ("sgld", "sgld", ()),
        ("sgld:", "sgld", ()),
        ("sgld:step_size=3e-6", "sgld", (("step_size", "3e-6"),)),
        ("sgld:b=1,a=2", "sgld", (("b", "1"), ("a", "2"))),
        ("sgld: a = 1 , b = 2", "sgld", (("a", "1"), ("b", "2"))),
        ("sgld:,a=1,,b=2,", "sgld", (("a", "1"), ("b", "2"))),
        ("sgld:a=b=c:d", "sgld", (("a", "b=c:d"),)),
        ("sgld:start=warm.py", "sgld", (("start", "warm.py"),)),
        ("mine.py", "mine.py", ()),
        ("./my plugins/mine.py:a=1", "./my plugins/mine.py", (("a", "1"),)),
        ("./lr=0.1/mine.py:a=1", "./lr=0.1/mine.py", (("a", "1"),)),
        ("old.py.d/mine.py:a=1", "old.py.d/mine.py", (("a", "1"),)),
        (r"C:\plugins\mine.py:a=1", r"C:\plugins\mine.py", (("a", "1"),)),
        ("mine.py:a=other.py", "mine.py", (("a", "other.py"),)),
    ],
)
def test_parse(text: str, reference: str, settings: tuple[tuple[str, str], ...]) -> None:
    assert parse(text) == Spec(reference, settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected NAME or NAME:setting=value,…, got ''"),
        (":a=1", "expected NAME or NAME:setting=value,…, got ':a=1'"),
        ("sgld:a", "sgld:a: expected setting=value, got 'a'"),
        ("sgld:a=", "sgld:a=: expected setting=value, got 'a='"),
        ("sgld:a= ,b=1", "sgld:a= ,b=1: expected setting=value, got 'a= '"),
        ("sgld:=1", "sgld:=1: expected setting=value, got '=1'"),
        ("mine.py:a=1,b", "mine.py:a=1,b: expected setting=value, got 'b'"),
        ("sgld:a=1,a=1", "sgld:a=1,a=1: a is given twice; give it once"),
        ("sgld:a=1, a =2", "sgld:a=1, a =2: a is given twice; give it once"),
    ],
)
def test_parse_refuses(text: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        parse(text)
    assert str(caught.value) == message


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
PATHS = st.from_regex(r"(\./|/tmp/|C:\\|)[A-Za-z0-9 _=.-]{1,12}\.py", fullmatch=True)
VALUES = st.from_regex(r"[^\s,]([^,]*[^\s,])?", fullmatch=True)
PAIRS = st.dictionaries(st.from_regex(r"[A-Za-z_]\w{0,9}", fullmatch=True), VALUES, max_size=4)


@given(reference=NAMES | PATHS, settings=PAIRS)
def test_a_spec_survives_a_round_trip(reference: str, settings: dict[str, str]) -> None:
    spec = Spec(reference, tuple(settings.items()))
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("3", int, 3),
        ("-3", int, -3),
        ("3", float, 3.0),
        ("3e-6", float, 3e-6),
        ("true", bool, True),
        ("Yes", bool, True),
        ("1", bool, True),
        ("FALSE", bool, False),
        ("no", bool, False),
        ("0", bool, False),
        ("cosine", str, "cosine"),
        ("none", str, "none"),
        ("none", float | None, None),
        ("None", None | int, None),
        ("none", Optional[str], None),  # noqa: UP045 -- authors write it
        ("2", float | None, 2.0),
        ("2", Optional[int], 2),  # noqa: UP045
        ("no", bool | None, False),
    ],
)
def test_coerce(text: str, annotation: Any, expected: Setting) -> None:
    value = coerce(text, annotation)
    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("1.5", int, "an integer"),
        ("1e3", int, "an integer"),
        ("none", int, "an integer"),
        ("fast", float, "a number"),
        ("none", float, "a number"),
        ("nil", float | None, "a number"),
        ("nan", float, "a finite number"),
        ("inf", float, "a finite number"),
        ("-inf", float | None, "a finite number"),
        ("1e400", float, "a finite number"),
        ("maybe", bool, "true or false"),
        ("2", bool, "true or false"),
    ],
)
def test_coerce_refuses(text: str, annotation: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=rf"^expected {expected}, got '{text}'$"):
        coerce(text, annotation)


@pytest.mark.parametrize("text", ["\x1b[31m", "a\u202eb", "x" * 1001])
def test_strings_that_are_invalid_in_records_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected at most 1000 printable characters, got '"):
        coerce(text, str)


@pytest.mark.parametrize("value", [0, -1, 0.0, -1e-300, math.nan])
def test_check_positive_names_the_setting(value: float) -> None:
    check_positive(rate=1e-300, steps=1)
    with pytest.raises(ValueError, match=rf"^expected steps > 0, got {value}$"):
        check_positive(rate=1.0, steps=value)


@pytest.mark.parametrize("value", [-0.001, 1.001, math.nan, math.inf])
def test_check_range_includes_its_ends(value: float) -> None:
    check_range(0, 1, low=0, high=1, middle=0.5)
    with pytest.raises(ValueError, match=rf"^expected momentum from 0 to 1, got {value}$"):
        check_range(0, 1, momentum=value)


@dataclasses.dataclass(frozen=True)
class Plugin:
    rate: float = 0.1
    steps: int | None = None
    schedule: str = "cosine"
    nesterov: bool = False


def test_fields_are_in_order_with_their_types() -> None:
    expected = [("rate", float), ("steps", int | None), ("schedule", str), ("nesterov", bool)]
    assert list(fields(Plugin).items()) == expected
    assert all(map(is_simple, fields(Plugin).values()))


@pytest.mark.parametrize("annotation", [list, list[int], int | float, int | str | None, None, Any])
def test_types_without_a_text_form_are_not_simple(annotation: Any) -> None:
    assert not is_simple(annotation)
