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
    "certified": "It draws from the posterior: every check against posteriors that are known "
    "exactly has been passed.",
    "approximate": "It does not claim to draw from the posterior itself, and does what it claims.",
    "point": "It gives one setting of the weights, or several that are no draws from the "
    "posterior, and claims no more.",
}
OUTDATED = (
    "The report below was made by other checks than the present ones, which might have failed. "
    "bdlbench check makes a new one."
)
NO_REPORT = (
    "There is no report of bdlbench check on this version of it, or not with the code that it was "
    "run with: nothing is known of what it draws from."
)
_CHECK = dict.fromkeys(("check", "verdict", "figure", "meaning"), documents.TEXT)
FAILED = "Some checks have failed: what it draws from is not what it claims."


def view(results: Path, entries: Sequence[Entry], site: Path) -> dict[str, Any]:
    """Return the report on a sampler, and copy its file into the site.

    Raises:
        RecordError: The report is damaged.
    """
    # Should runs have been made with different versions, what is not certified counts.
    entry = min(entries, key=lambda entry: entry.row.certificate in MEANING)
    path = downloads.copy_report(results, entry.records[0], site)
    content = {} if path is None else _read(site / path)
    return {
        "sentence": MEANING.get(entry.row.certificate) or _why_not(content),
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
