"""The certificate of a sampler, from the stored report of its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench.checks import certificate
from bdlbench.leaderboard.entries import Entry
from bdlbench.site import downloads, marks
from bdlbench.storage import documents

MEANING = {
    "certified": "The sampler draws from the posterior: it passed every check against exactly "
    "known posteriors.",
    "tempered": "The sampler is certified at T = 1, and was run at another temperature.",
    "inconclusive": "No check failed, but some could not measure the sampler well enough.",
    "approximate": "The sampler is declared approximate: it implements the interface, and its "
    "deviation from exactly known posteriors is reported below.",
    "point": "The sampler is declared a point estimate: it implements the interface, and is not "
    "claimed to draw from the posterior.",
}
OUTDATED = "The report below is of another version of the checks; bdlbench check updates it."
NO_REPORT = "No report of bdlbench check on the code of these runs was found."
FAILED = "Some checks failed: the sampler does not sample its declared target."
_CHECK = dict.fromkeys(("check", "verdict", "figure", "meaning"), documents.TEXT)


def view(results: Path, entries: Sequence[Entry], site: Path) -> dict[str, Any]:
    """Return the report on a sampler, and copy its file into the site.

    Raises:
        RecordError: The report is corrupt.
    """
    # Of runs with different versions of the code, one that is not certified takes precedence.
    entry = min(entries, key=lambda entry: entry.row.certificate in MEANING)
    path = downloads.copy_report(results, entry.records[0], site)
    content = {} if path is None else _read(site / path)
    return {
        "description": MEANING.get(entry.row.certificate) or _why_not(content),
        "checks": content.get("checks", ()),
        "marks": marks.VERDICTS,
        "file": f"../{path}",
    }


def _why_not(content: Mapping[str, Any]) -> str:
    if not content:
        return NO_REPORT
    return OUTDATED if content["verdict"] in MEANING else FAILED


def _read(path: Path) -> dict[str, Any]:
    fields = {"verdict": documents.TEXT, "checks": documents.LIST}
    content = documents.read(path, certificate.REMEDY, fields)
    with documents.reading(path, certificate.REMEDY):
        for check in content["checks"]:
            documents.check(check, _CHECK, "a check")
            if check["verdict"] not in marks.VERDICTS:
                raise ValueError(f"expected a verdict of {', '.join(marks.VERDICTS)}")
    return content
