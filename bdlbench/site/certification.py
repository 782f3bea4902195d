"""Say what the checks found out about a sampler, from the report that they left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench.errors import RecordError
from bdlbench.leaderboard import Entry
from bdlbench.site import cells, downloads

MEANING = {
    "certified": "It draws from the posterior: every check against posteriors that are known "
    "exactly has been passed.",
    "approximate": "It does not claim to draw from the posterior itself, and does what it claims.",
    "point": "It gives one setting of the weights, or several that are no draws from the "
    "posterior, and claims no more.",
}
OUTDATED = (
    "The report below is about another version of the sampler, or of the code that it was run "
    "with: it says nothing of these runs. bdlbench check makes a new one."
)
NO_REPORT = "There is no report of bdlbench check on it: nothing is known of what it draws from."
FAILED = "Some checks have failed: what it draws from is not what it claims."


def view(results: Path, entries: Sequence[Entry], site: Path) -> dict[str, Any]:
    """Return the report on a sampler, and put the file beside the pages.

    Raises:
        RecordError: The report is damaged.
    """
    name, verdict = entries[0].records[0].sampler["name"], entries[0].row.certificate
    path = downloads.copy_report(results, name, site)
    content = {} if path is None else _read(path)
    return {
        "sentence": MEANING.get(verdict) or _why_not(content),
        "checks": [
            {
                "name": check["check"],
                "mark": cells.VERDICTS[check["verdict"]],
                "figure": check["figure"],
                "meaning": check["meaning"],
            }
            for check in content.get("checks", ())
        ],
        "file": f"../checks/{name}.json",
    }


def _why_not(content: Mapping[str, Any]) -> str:
    if not content:
        return NO_REPORT
    return OUTDATED if content["verdict"] in MEANING else FAILED


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        wanted = {"check", "verdict", "figure", "meaning"}
        if content["verdict"] and all(check.keys() >= wanted for check in content["checks"]):
            return content
        raise ValueError("a check lacks its verdict")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(
            f"{path.name}: cannot be read ({error}); run bdlbench check again"
        ) from error
