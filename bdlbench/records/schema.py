"""The JSON Schema of a record, and validation against it.

``python -m bdlbench.records.schema`` writes the published `record.schema.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from bdlbench.records.predictions import IN_DISTRIBUTION
from bdlbench.records.record import OUTCOMES, SCHEMA
from bdlbench.storage.escaping import visible

PUBLISHED = Path(__file__).with_name("record.schema.json")
LARGEST = 2**18  # bytes; a record has about 5,000
_LONGEST = 2000  # characters
_HUGE = 1e15  # larger than any number in a record, and exact in float64


def _text(longest: int) -> dict[str, Any]:
    """Return the schema of a line of text without control, bidi or surrogate characters."""
    bad = r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff"
    what = f"a line of at most {longest} printable characters"
    return _word(f"[^{bad}]*", what) | {"maxLength": longest}


def _word(pattern: str, what: str) -> dict[str, Any]:
    return {"description": what, "type": "string", "pattern": f"^{pattern}$"}


def _number(least: float = -_HUGE, most: float = _HUGE, kind: str = "number") -> dict[str, Any]:
    return {"type": kind, "minimum": least, "maximum": most}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


def _mapping(names: str, values: dict[str, Any], most: int) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": _word(names, "a name"),
        "additionalProperties": values,
        "maxProperties": most,
    }


_NAME = _word("[a-z][a-z0-9-]{0,39}", "a name of at most 40 small letters, digits and dashes")
_DIGEST = _word("[0-9a-f]{64}", "a SHA-256 in hexadecimal")
_OPTIONAL_DIGEST = _word("([0-9a-f]{64})?", "a SHA-256 in hexadecimal, or nothing")
_COUNT = _number(0, kind="integer")
_VALUE = {"anyOf": [{"type": ["boolean", "null"]}, _number(-1e300, 1e300), _text(_LONGEST)]}
_LETTERS = r"A-Za-z_\u00aa-\u1fff\u2c00-\ud7ff"  # Python identifiers, such as θ
_IDENTIFIER = f"[{_LETTERS}][{_LETTERS}0-9]{{0,59}}"
_FIELD = "[a-z][a-z0-9_]{0,59}"
"""Names of versions and measurements."""


def build() -> dict[str, Any]:
    """Return the schema of a record."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A run of bdlbench",
        **_object(
            {
                "run": _word("[a-z0-9][a-z0-9-]{0,149}", "a name of letters, digits and dashes"),
                "task": _NAME,
                "sampler": _object(
                    {
                        "name": _NAME,
                        "settings": _mapping(_IDENTIFIER, _VALUE, 50),
                        "source_sha256": _OPTIONAL_DIGEST,
                    },
                    trials=_COUNT,
                ),
                "seed": _number(0, 2**53, kind="integer"),
                "configuration": _configuration(),
                "data": _mapping("[a-z][a-z0-9-]{0,39}", _DIGEST, 20),
                "outcome": {"enum": list(OUTCOMES)},
                "reason": _text(_LONGEST),
                "epochs": _number(0),
                "draws": _COUNT,
                "metrics": _mapping(r"[a-z][a-z0-9_.-]{0,119}", _number(), 200),
                "scoring": _COUNT,
                "predictions_sha256": _OPTIONAL_DIGEST,
                "environment": _mapping(_FIELD, _VALUE, 50),
                "measured": _measured(),
                "schema": {"const": SCHEMA},
            },
            diagnostics=_mapping(rf"run\.[{_LETTERS}0-9.]{{1,200}}", _number(-1e300, 1e300), 2000),
        ),
    }


def _configuration() -> dict[str, Any]:
    required = {
        "model": _word("[a-z][a-z0-9-]{0,39}(:[A-Za-z0-9_=.,+-]{1,200})?", "a model's name"),
        "prior_std": _number(0),
        "budget": _object({"epochs": _number(0), "draws": _COUNT, "burn_in": _number(0, 1)}),
        "split": {"enum": list(IN_DISTRIBUTION)},
        "device": {"enum": ["cpu", "cuda"]},
    }
    numerics = _word(r"[0-9]{1,9}(\+[0-9a-f]{8})?", "a numerics version, such as 2")
    optional = {
        "likelihood": _text(200),
        "likelihood_kind": {"enum": ["classes", "real"]},
        "likelihood_sha256": _DIGEST,
        "model_sha256": _DIGEST,
    }
    # Old records have a protocol and a digest of the code instead of a numerics version.
    version = {"numerics": numerics}, {"protocol": _COUNT, "code_sha256": _DIGEST}
    return {
        **_object(required, **version[0], **version[1], **optional),
        "oneOf": [{"required": list(names)} for names in version],
        "additionalProperties": _VALUE,
        "maxProperties": 20,
    }


def _measured() -> dict[str, Any]:
    required = {
        "seconds": _number(0),
        "evaluation_seconds": _number(0),
        "peak_memory_bytes": _COUNT,
        "finished": _word(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)",
            "an ISO 8601 date and time",
        ),
    }
    return _object(required) | {"additionalProperties": _VALUE, "maxProperties": 20}


def check(content: Any) -> None:
    """Validate parsed JSON against the schema.

    Raises:
        ValueError: It is not a record; the message names the first invalid field.
    """
    error = next(_validator().iter_errors(content), None)
    if error is not None:
        raise ValueError(_explain(error))


@cache
def _validator() -> Any:
    integers = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    strict: Any = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": _pattern}, type_checker=integers
    )
    return strict(build())


def _is_integer(checker: Any, instance: Any) -> bool:
    # JSON Schema counts 1.0 as an integer.
    return isinstance(instance, int) and not isinstance(instance, bool)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    # jsonschema uses search(), where `$` also matches before a trailing line feed.
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _explain(error: Any) -> str:
    where = visible(".".join(map(str, error.absolute_path)), 80) or "a record"
    actual = visible(repr(error.instance)[:200], 60)
    if error.validator == "required":
        names = [name for name in error.validator_value if name not in error.instance]
        return f"expected {where} with {', '.join(names)}"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        extra = next(name for name in error.instance if name not in known)
        return f"expected nothing else in {where}, got {visible(extra, 40)!r}"
    rule = f"of {error.validator} {visible(str(error.validator_value), 100)}"
    return f"expected {where} to be {error.schema.get('description', rule)}, got {actual}"


if __name__ == "__main__":
    PUBLISHED.write_text(json.dumps(build(), indent=2) + "\n", "utf-8")
