"""Certificates: run the checks of a sampler, store the verdict, and look it up."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bdlbench import checks, registry
from bdlbench.checks import BAD, Result, Subject, run_checks
from bdlbench.records.record import Record
from bdlbench.runs import numerics
from bdlbench.runs.numerics import Identity
from bdlbench.settings import parse
from bdlbench.storage import documents
from bdlbench.storage.files import write_file
from bdlbench.storage.published import kept

CERTIFIED, NOT_CERTIFIED, INCONCLUSIVE = "certified", "not certified", "inconclusive"
TEMPERED = "tempered"
"""Of a run at another temperature than 1, at which alone a sampler is certified."""
NONE = "–"
"""Of a row with a diverged run, about which a certificate says nothing."""
REMEDY = "run bdlbench check again"
MEASURED_AT = (
    "T = 1, the other settings as given; step size κ/λ_max, κ from 0.06 to 0.2, smaller where a "
    "bias has to vanish; minibatches of all, a third and 1/600 of the data"
)
LIBRARIES = ("torch", "jax", "numpyro")
Settings = Mapping[str, Any]
_FIELDS = {
    "numerics": documents.TEXT,
    "source_sha256": documents.TEXT,
    "checks_version": documents.NUMBER,
}


@dataclass(frozen=True)
class Kept:
    """Where and how a certificate is kept, of a sampler of another library.

    Args:
        file: Path of the certificate, relative to the results; empty for `file_of`.
        library: The library's distribution; empty for bdlbench's.
        without: Names of checks that are left out, as they would cost too much.
    """

    file: str = ""
    library: str = ""
    without: tuple[str, ...] = ()


USUAL = Kept()


@dataclass(frozen=True)
class Report:
    """The outcome of the checks of one sampler.

    Args:
        sampler: The reference as given.
        target: The declared target.
        verdict: As returned by `verdict`.
        results: One per check.
    """

    sampler: str
    target: str
    verdict: str
    results: tuple[Result, ...]

    @property
    def holds(self) -> bool:
        """Whether no check failed."""
        return not any(result.verdict in BAD for result in self.results)


def check(
    reference: str,
    quick: bool,
    results: Path,
    say: Callable[[str], None] | None = None,
    seed: int | None = None,
    kept_as: Kept = USUAL,
) -> Report:
    """Run the checks, report each result, and store the verdict of a full check.

    Only a check with the default hyperparameters is stored.

    Args:
        reference: Name or file of the sampler, optionally with hyperparameters.
        quick: Skip the slow checks.
        results: Folder for the verdict.
        say: Prints a line.
        seed: Random seed of the problems and of the sampler; by default another each time, so that
            no plugin can recognise a problem.
        kept_as: For a sampler of another library.

    Raises:
        PluginError: The plugin cannot be loaded.
        RecordError: The verdict cannot be stored.
    """
    started = sum(os.times()[:4])
    subject = Subject(parse(reference), secrets.randbelow(10**6) if seed is None else seed)
    target = subject.target
    checked = []
    for result in run_checks(subject, quick, kept_as.without):
        checked.append(result)
        if say:
            say(f"{result.verdict:<12} {result.check:<16} {result.figure}: {result.meaning}")
    overall = verdict(subject, checked, kept_as.without)
    if not quick and not subject.spec.settings:
        write(results, subject, checked, sum(os.times()[:4]) - started, kept_as)
    if say:
        note = " (quick checks only, not stored)" if quick and overall == "certified" else ""
        name = Path(reference).stem if kept_as.file else reference
        say(f"{name}: target {target}: {overall}, seed {subject.seed}{note}")
    return Report(reference, target, overall, tuple(checked))


def as_json(report: Report) -> str:
    """Return the report as JSON."""
    return documents.to_json(asdict(report))


def verdict(subject: Subject, found: Sequence[Result], left_out: Sequence[str] = ()) -> str:
    """Return ``certified``, ``inconclusive``, ``approximate``, ``point`` or ``not certified``."""
    verdicts = {result.verdict for result in found}
    if verdicts & {*BAD}:
        return NOT_CERTIFIED
    if subject.target != "exact":
        return subject.target
    return INCONCLUSIVE if "inconclusive" in verdicts or left_out else CERTIFIED


def write(
    results: Path,
    subject: Subject,
    found: Sequence[Result],
    seconds: float = 0.0,
    kept_as: Kept = USUAL,
) -> Path:
    """Store a full check, by default in ``<results>/checks/<sampler>-<key>.json``; CPU seconds."""
    name, identity = present_version(subject.spec.reference)
    content = {
        "sampler": name,
        "settings": vars(subject.sampler),
        "seed": subject.seed,
        "measured_at": MEASURED_AT,
        "libraries": libraries(kept_as),
        "cpu_seconds": round(seconds, 1),
        "left_out": list(kept_as.without),
        **versions(identity),
        "target": subject.target,
        "verdict": verdict(subject, found, kept_as.without),
        "checks": [asdict(result) for result in found],
    }
    path = results / (kept_as.file or file_of(name, identity))
    write_file(path, documents.to_json(content))
    return path


def file_of(name: str, identity: Identity) -> str:
    """Return the path of a sampler's certificate, relative to the results.

    There is one per numerics version and per source file of a sampler that is not built in, so that
    runs stay certified after the code changes.
    """
    key = hashlib.sha256(f"{identity.source_sha256}-{identity.numerics}".encode()).hexdigest()[:10]
    return f"checks/{name}-{key}.json"


def read(results: Path, reference: str, settings: Settings) -> str:
    """Return the verdict on a sampler with the current code, for a row with these settings.

    The user's results take precedence over those installed with bdlbench.

    Args:
        results: Folder of the results.
        reference: Name or file of the sampler.
        settings: All its settings.

    Raises:
        RecordError: The file is corrupt.
    """
    return _read(results, *present_version(reference), settings)


def of_run(results: Path, record: Record) -> str:
    """Return the verdict on a run's sampler with the code of the run; loads no plugin.

    Raises:
        RecordError: The file is corrupt.
    """
    return _read(results, *version_of(record), record.sampler.settings)


def present_version(reference: str) -> tuple[str, Identity]:
    """Return the sampler's name and the identity of its current code, for `file_of`."""
    plugin = registry.load("samplers", reference)
    return vars(plugin)["plugin_name"], numerics.identify(plugin)


def version_of(record: Record) -> tuple[str, Identity]:
    """Return the name and the identity of a run's sampler, for `file_of`."""
    identity = numerics.identity_of(record.sampler, record.configuration)
    return record.sampler.name, identity


def _read(results: Path, name: str, identity: Identity, settings: Settings) -> str:
    path = kept(results, file_of(name, identity))
    if path is None:
        return NOT_CERTIFIED
    valid = versions(identity)
    content = documents.read(path, REMEDY, _FIELDS)
    if {key: content[key] for key in valid} != valid:
        return NOT_CERTIFIED
    with documents.reading(path, REMEDY):  # earlier versions have other fields
        documents.check(content, {"verdict": documents.TEXT, "settings": documents.OBJECT})
    return _at(str(content["verdict"]), content["settings"], settings)


def _at(verdict: str, checked: Settings, settings: Settings) -> str:
    """Return what a verdict says about a row with other settings than the checked ones.

    Numbers change how large a bias is and how fast a chain moves; another temperature changes the
    target, and a switch or a name may change the algorithm.
    """
    if verdict != CERTIFIED:
        return verdict
    for name, value in checked.items():
        if isinstance(value, bool | str) and settings.get(name, value) != value:
            return NOT_CERTIFIED
    return verdict if settings.get("temperature", 1) == 1 else TEMPERED


def libraries(kept_as: Kept = USUAL) -> dict[str, str]:
    """Return the versions of the libraries that a verdict depends on."""
    return {name: version(name) for name in (*LIBRARIES, kept_as.library) if name}


def versions(identity: Identity) -> dict[str, Any]:
    """Return the versions of sampler and checks for which a verdict is valid."""
    return {**asdict(identity), "checks_version": checks.VERSION}
