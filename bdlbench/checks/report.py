"""Check a sampler, and report what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bdlbench.checks import BAD, Result, Subject, certificate, run_checks
from bdlbench.settings import parse
from bdlbench.storage.documents import to_json


@dataclass(frozen=True)
class Report:
    """Hold the outcome of the checks on one sampler.

    Args:
        sampler: As it was asked for.
        target: What it claims to sample.
        verdict: What the checks say of it.
        results: One for each check.
    """

    sampler: str
    target: str
    verdict: str
    results: tuple[Result, ...]

    @property
    def holds(self) -> bool:
        """Whether everything that applies holds."""
        return not any(result.verdict in BAD for result in self.results)


def check(
    reference: str, quick: bool, results: Path, say: Callable[[str], None] | None = None
) -> Report:
    """Run the checks, say each result as it comes, and keep the verdict of a full check.

    Only a check of the default settings is kept: a certificate speaks of the sampler as it is.

    Args:
        reference: Name or file of the sampler, with settings if need be.
        quick: Leave out the long checks.
        results: Folder that the verdict is kept in.
        say: Prints a line.

    Raises:
        PluginError: The plugin cannot be loaded.
        RecordError: The verdict cannot be kept.
    """
    subject = Subject(parse(reference))
    target = subject.target
    found = []
    for result in run_checks(subject, quick):
        found.append(result)
        if say:
            say(f"{result.verdict:<6} {result.check:<20} {result.figure}: {result.meaning}")
    verdict = certificate.verdict(subject, found)
    if not quick and not subject.spec.settings:
        certificate.write(results, subject, found)
    if say:
        note = " (quick checks certify nothing)" if quick and verdict == "certified" else ""
        say(f"{reference}: target {target}: {verdict}{note}")
    return Report(reference, target, verdict, tuple(found))


def as_json(report: Report) -> str:
    """Return the report as one JSON document."""
    return to_json(asdict(report))
