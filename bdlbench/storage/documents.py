"""JSON documents: one format for writing, and strict reading."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bdlbench.errors import DamagedRecord, RecordError
from bdlbench.storage import files
from bdlbench.storage.escaping import visible

LARGEST = 2**24  # bytes of a document; the trials of a sampler that is tuned again and again
OBJECT, LIST, TEXT, NUMBER = "an object", "a list", "a text", "a number"
TRUTH, NULL = "true/false", "null"
_KINDS = {dict: OBJECT, list: LIST, str: TEXT, int: NUMBER, float: NUMBER, bool: TRUTH}


def to_json(content: Any) -> str:
    """Write JSON in the one form used for files; NaN and Infinity are refused."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def read(
    path: Path, remedy: str, fields: Mapping[str, str] | None = None, most: int = LARGEST
) -> dict[str, Any]:
    """Read a file that holds one object.

    Args:
        path: Of the file.
        remedy: What helps if it is damaged, as the end of a sentence: ``delete it``.
        fields: That it must have, and of what kind, as for `check`.
        most: Bytes that it may have.

    Raises:
        DamagedRecord: It holds something else.
        RecordError: It cannot be reached.
    """
    with reading(path, remedy):
        content = parse(files.read_bytes(path, most))
        check(content, fields or {})
    found: dict[str, Any] = content
    return found


@contextmanager
def reading(path: Path, remedy: str) -> Iterator[None]:
    """Turn any error of reading a file into one line.

    Args:
        path: Of the file.
        remedy: What helps if it is damaged.

    Raises:
        DamagedRecord: There was a ValueError.
        RecordError: There was an OSError.
    """
    try:
        yield
    except OSError as error:
        why = visible(error.strerror or str(error))
        raise RecordError(
            f"{path}: cannot be read ({why}); make it readable, or {remedy}"
        ) from error
    except ValueError as error:
        raise DamagedRecord(f"{path}: cannot be read ({error}); {remedy}") from error


def check(content: Any, fields: Mapping[str, str], what: str = "") -> None:
    """Check that this is an object, and has some fields.

    Args:
        content: Of a document, or a part of it.
        fields: Names and kinds: `TEXT`, or ``f"{TEXT} or {NULL}"``.
        what: The name of the part.

    Raises:
        ValueError: It is not, or has not.
    """
    if not isinstance(content, dict):
        raise ValueError(f"expected {what or 'a document'} to be {OBJECT}, got {_kind(content)}")
    for name, kind in fields.items():
        where = f"{what}.{name}" if what else name
        if name not in content:
            raise ValueError(f"expected {where}, which is missing")
        if _kind(content[name]) not in kind.split(" or "):
            raise ValueError(f"expected {where} to be {kind}, got {_kind(content[name])}")


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), NULL)


def parse(content: bytes) -> Any:
    """Read JSON more strictly than Python does.

    Raises:
        ValueError: It is not JSON, is nested without end, or holds NaN, Infinity, a number beyond
            all floats, or a name twice.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("expected a document, got JSON that is nested without end") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"expected every name once, got {visible(name, 40)!r} twice")
        found[name] = value
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"expected finite numbers, got {constant}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {visible(text, 40)}")
    return value
