"""Keep the verdict on a sampler, and say what it is worth in a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bdlbench import registry
from bdlbench.checks import BAD, Result, Subject
from bdlbench.errors import RecordError
from bdlbench.files import write_file
from bdlbench.provenance import NUMERICAL_CODE, kept, source_of
from bdlbench.records import Record, to_json

NOT_CERTIFIED = "not certified"
# What decides between pass and fail; the words of a diagnosis do not.
CHECKS = [f"checks/{name}" for name in ("calibration", "contract", "moments", "sampling", "target")]


def verdict(subject: Subject, found: Sequence[Result]) -> str:
    """Return ``certified``, ``approximate``, ``point`` or ``not certified``."""
    if any(result.verdict in BAD for result in found):
        return NOT_CERTIFIED
    return "certified" if subject.target == "exact" else subject.target


def write(results: Path, subject: Subject, found: Sequence[Result]) -> Path:
    """Keep the outcome of a full check in ``<results>/checks/<sampler>.json``."""
    plugin = registry.load("samplers", subject.spec.reference)
    name = vars(plugin)["plugin_name"]
    content = {
        "sampler": name,
        "settings": dict(subject.spec.settings),
        "source_sha256": _source(plugin),
        "target": subject.target,
        "verdict": verdict(subject, found),
        "checks": [asdict(result) for result in found],
    }
    path = results / "checks" / f"{name}.json"
    write_file(path, to_json(content))
    return path


def read(results: Path, reference: str) -> str:
    """Return the verdict on a sampler as it stands now: of another version, it says nothing.

    What stands in the user's results counts first, then what bdlbench itself was published with.

    Raises:
        RecordError: The file is damaged.
    """
    plugin = registry.load("samplers", reference)
    return _read(results, vars(plugin)["plugin_name"], _source(plugin))


def of_run(results: Path, record: Record) -> str:
    """Return the verdict on the sampler of a run as it was then; nothing is loaded.

    Of a run that was made with other numerical code than the present, it says nothing.

    Raises:
        RecordError: The file is damaged.
    """
    sampler, made = record.sampler, record.configuration
    if made["code_sha256"] != source_of(*NUMERICAL_CODE):
        return NOT_CERTIFIED
    return _read(results, sampler["name"], _digest(sampler["source_sha256"]))


def _read(results: Path, name: str, source: str) -> str:
    file = f"checks/{name}.json"
    path = kept(results, file)
    if path is None:
        return NOT_CERTIFIED
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        current = content["source_sha256"] == source
        return str(content["verdict"]) if current else NOT_CERTIFIED
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path}: cannot be read ({error}); run bdlbench check again") from error


def _source(plugin: type) -> str:
    """Return the digest of the plugin's file, and of what it was run with."""
    return _digest(registry.source_digest(plugin))


def _digest(source_sha256: str) -> str:
    return f"{source_sha256[:32]}-{source_of(*NUMERICAL_CODE, *CHECKS)[:32]}"
