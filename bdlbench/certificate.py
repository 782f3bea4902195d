"""Keep the verdict on a sampler, and say what it is worth in a table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bdlbench import documents, registry
from bdlbench.checks import BAD, Result, Subject
from bdlbench.files import write_file
from bdlbench.provenance import NUMERICAL_CODE, kept, source_of
from bdlbench.records import Record

NOT_CERTIFIED = "not certified"
CURE = "run bdlbench check again"
# What decides between pass and fail; the words of a diagnosis do not.
CHECKS = [f"checks/{name}" for name in ("calibration", "contract", "moments", "sampling", "target")]


def verdict(subject: Subject, found: Sequence[Result]) -> str:
    """Return ``certified``, ``approximate``, ``point`` or ``not certified``."""
    if any(result.verdict in BAD for result in found):
        return NOT_CERTIFIED
    return "certified" if subject.target == "exact" else subject.target


def write(results: Path, subject: Subject, found: Sequence[Result]) -> Path:
    """Keep the outcome of a full check in ``<results>/checks/<sampler>-<key>.json``."""
    name, source, code = present_version(subject.spec.reference)
    content = {
        "sampler": name,
        "settings": dict(subject.spec.settings),
        **_versions(source, code),
        "target": subject.target,
        "verdict": verdict(subject, found),
        "checks": [asdict(result) for result in found],
    }
    path = results / file_of(name, source, code)
    write_file(path, documents.to_json(content))
    return path


def file_of(name: str, source_sha256: str, code_sha256: str) -> str:
    """Return where among the results the certificate of a sampler lies.

    Each version of the sampler, and of the numerical code that it is run with, has one of its own:
    what was certified when its runs were made stays so when the code moves on.
    """
    key = hashlib.sha256(f"{source_sha256}-{code_sha256}".encode()).hexdigest()[:10]
    return f"checks/{name}-{key}.json"


def read(results: Path, reference: str) -> str:
    """Return the verdict on a sampler as it stands now.

    What stands in the user's results counts first, then what bdlbench itself was published with.

    Raises:
        RecordError: The file is damaged.
    """
    return _read(results, *present_version(reference))


def of_run(results: Path, record: Record) -> str:
    """Return the verdict on the sampler of a run as it was then, with the code as it was then.

    Nothing is loaded.

    Raises:
        RecordError: The file is damaged.
    """
    return _read(results, *version_of(record))


def present_version(reference: str) -> tuple[str, str, str]:
    """Return the sampler's name, its source's digest and the code's as they are, for `file_of`."""
    plugin = registry.load("samplers", reference)
    digest = registry.source_digest(plugin)
    return vars(plugin)["plugin_name"], digest, source_of(*NUMERICAL_CODE)


def version_of(record: Record) -> tuple[str, str, str]:
    """Return the same of a run, as they were when it was made."""
    sampler = record.sampler
    return sampler["name"], sampler["source_sha256"], record.configuration["code_sha256"]


def _read(results: Path, name: str, source: str, code: str) -> str:
    path = kept(results, file_of(name, source, code))
    if path is None:
        return NOT_CERTIFIED
    versions = _versions(source, code)
    content = documents.read(path, CURE, dict.fromkeys([*versions, "verdict"], documents.TEXT))
    same = {key: content[key] for key in versions} == versions
    return str(content["verdict"]) if same else NOT_CERTIFIED


def _versions(source: str, code: str) -> dict[str, str]:
    """Return what a verdict is about, and what came to it: other checks might have failed."""
    return {
        "source_sha256": source,
        "code_sha256": code,
        "checks_sha256": source_of(*CHECKS),
    }
