"""What the certificate of a peer says, in words for the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdlbench.checks import BAD, CHECKS
from bdlbench.checks.certificate import NONE, REMEDY
from bdlbench.checks.contract import ContractCheck
from bdlbench.peers.peer import Peer
from bdlbench.storage import documents

INTERFACE = {check.name for check in CHECKS if isinstance(check, ContractCheck)}
BIAS = "exact up to O(ε)"
STEP = re.compile(r"T = (\S+) at κ = ([\d.]+)")
UNMEASURED = "not measurable here, because"
_FIELDS = {
    "verdict": documents.TEXT,
    "target": documents.TEXT,
    "checks": documents.LIST,
    "libraries": documents.OBJECT,
    "cpu_seconds": documents.NUMBER,
}


@dataclass(frozen=True)
class Row:
    """A peer as the page shows it.

    Args:
        peer: The peer.
        verdict: The verdict, in words.
        accused: Whether it is said to sample another density than it claims.
        content: Its certificate; empty if there is none.
    """

    peer: Peer
    verdict: str
    accused: bool
    content: Mapping[str, Any]

    @property
    def version(self) -> str:
        """Version of the library that was checked."""
        return str(self.content.get("libraries", {}).get(self.peer.library, "–"))

    def of(self, check: str) -> Mapping[str, str] | None:
        """Return the outcome of a check, if it was made."""
        found: list[Mapping[str, str]] = self.content.get("checks", [])
        return next((one for one in found if one["check"] == check), None)


def row_of(results: Path, peer: Peer) -> Row:
    """Return a peer's row, from its certificate.

    Raises:
        RecordError: The certificate is corrupt.
    """
    path = results / peer.kept.file
    if not path.is_file():
        return Row(peer, f"{UNMEASURED} no full check was run", False, {})
    content = documents.read(path, REMEDY, _FIELDS)
    return Row(peer, *judged(peer, content), content)


def judged(peer: Peer, content: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the verdict in words, and whether it accuses; only a failed measurement does.

    A failed measurement without a derivation of its cause is reported, but accuses no one.
    """
    found = content["checks"]
    bad = [one for one in found if one["verdict"] in BAD]
    failed = [one for one in bad if _is_measured(one)]
    broken = [one for one in bad if not _is_measured(one)]
    if failed and peer.fault is not None:
        return f"**wrong in the limit**: {peer.fault.density}", True
    if failed:
        return f"not judged: {_said(failed[0])}, whose cause we have not derived", False
    if broken:
        return f"{UNMEASURED} {_said(broken[0])}", False
    if content["target"] != "exact":
        return f"an {content['target']} method, which claims no exact draws", False
    open_ = [one for one in found if one["verdict"] == "inconclusive"]
    if open_:
        return f"{UNMEASURED} {_said(open_[0])}", False
    if peer.without:
        return f"{UNMEASURED} {peer.why}; no deviation in one chain", False
    return _exact(found), False


def _exact(found: list[Mapping[str, str]]) -> str:
    biases = [match for one in found if BIAS in one["meaning"]
              for match in STEP.findall(one["meaning"])[:1]]  # fmt: skip
    if not biases:
        return "exact"
    value, step = max(biases, key=lambda pair: abs(float(pair[0]) - 1))
    return f"{BIAS}: T = {value} at κ = {step.rstrip('.')}"


def _is_measured(one: Mapping[str, str]) -> bool:
    """Return whether draws were compared with exact ones; an exception has no figure."""
    return one["check"] not in INTERFACE and one["figure"] != NONE


def _said(one: Mapping[str, str]) -> str:
    return f"{one['check']}: {one['meaning']}"
