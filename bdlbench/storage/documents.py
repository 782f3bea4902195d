"""JSON documents: uniform writing, strict reading."""

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

LARGEST = 2**24  # bytes of a document; the largest hold the trials of repeated tuning
OBJECT, LIST, TEXT, NUMBER = "an object", "a list", "a text", "a number"
TRUTH, NULL = "true/false", "null"
_KINDS = {dict: OBJECT, list: LIST, str: TEXT, int: NUMBER, float: NUMBER, bool: TRUTH}


def to_json(content: Any) -> str:
    """Format a document as in files; NaN and Infinity raise a ValueError."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def read(
    path: Path, remedy: str, fields: Mapping[str, str] | None = None, most: int = LARGEST
) -> dict[str, Any]:
    """Read a file that contains one JSON object.

    Args:
        path: Path of the file.
        remedy: End of the message if the file is corrupt, such as ``delete it``.
        fields: Required fields and their types, as for `check`.
        most: Maximum size in bytes.

    Raises:
        DamagedRecord: The content is not as expected.
        RecordError: The file cannot be read.
    """
    with reading(path, remedy):
        content = parse(files.read_bytes(path, most))
        check(content, fields or {})
    document: dict[str, Any] = content
    return document


@contextmanager
def reading(path: Path, remedy: str) -> Iterator[None]:
    """Convert errors of reading a file to one-line errors that name the file and a remedy.

    Raises:
        DamagedRecord: On a ValueError.
        RecordError: On an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = visible(error.strerror or str(error))
        raise RecordError(
            f"{path}: cannot be read ({reason}); make it readable, or {remedy}"
        ) from error
    except ValueError as error:
        raise DamagedRecord(f"{path}: cannot be read ({error}); {remedy}") from error


def check(content: Any, fields: Mapping[str, str], what: str = "") -> None:
    """Check that a document is an object with certain fields.

    Args:
        content: A document, or a part of it.
        fields: Types by name: `TEXT`, or ``f"{TEXT} or {NULL}"``.
        what: Name of the part, for messages.

    Raises:
        ValueError: It is not an object, or a field is missing or of another type.
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
    """Parse JSON more strictly than Python does.

    Raises:
        ValueError: It is not JSON, is nested too deeply, or contains NaN, Infinity, a number that
            overflows a float, or a duplicate name.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("expected a document, got JSON that is nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"expected every name once, got {visible(name, 40)!r} twice")
        fields[name] = value
    return fields


def _refuse(constant: str) -> float:
    raise ValueError(f"expected finite numbers, got {constant}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {visible(text, 40)}")
    return value
