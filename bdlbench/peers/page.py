"""The page “Which public samplers sample what they claim?”."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bdlbench.peers.catalogue import PEERS
from bdlbench.peers.peer import Fault
from bdlbench.peers.verdicts import Row, row_of

PROBLEMS = (
    *("several tensors", "minibatches", "large N", "skewed", "two layers", "curved"),
    *("one chain",),
)
ADAPTERS = "../bdlbench/peers/plugins"
CLAIMS = (
    *("library", "version", "sampler", "its convention", "its defaults", "verdict"),
    *("CPU s", "adapter"),
)


def parts(results: Path) -> dict[str, str]:
    """Return the generated parts of the page, by name.

    Args:
        results: Folder of the certificates.

    Raises:
        RecordError: A certificate is corrupt.
    """
    rows = [row_of(results, peer) for peer in PEERS]
    return {
        "verdicts": _table(CLAIMS, [_claim(row) for row in rows]),
        "temperatures": _table(("sampler", *PROBLEMS), [_temperatures(row) for row in rows]),
        "settings": _table(
            ("sampler", "measured with", "source"),
            [[row.peer.name, row.peer.settings, row.peer.source] for row in rows],
        ),
        "library": _faults(rows, "library"),
        "adapter": _faults(rows, "adapter"),
    }


def _claim(row: Row) -> list[str]:
    peer, seconds = row.peer, row.content.get("cpu_seconds")
    return [
        peer.library,
        row.version,
        peer.sampler,
        peer.convention,
        peer.default,
        row.verdict,
        f"{seconds:.0f}" if seconds is not None else "–",
        f"[{peer.plugin.name}]({ADAPTERS}/{peer.plugin.name})",
    ]


def _temperatures(row: Row) -> list[str]:
    return [row.peer.name, *(_temperature(row, problem) for problem in PROBLEMS)]


def _temperature(row: Row, problem: str) -> str:
    """Return T of a check: bold where it fails, in parentheses where it is inconclusive."""
    found = row.of(problem)
    if found is None or not found["figure"].startswith("T = "):
        return "–"
    value = found["figure"].removeprefix("T = ")
    marks = {"fail": "**{}**", "inconclusive": "({})"}
    return marks.get(found["verdict"], "{}").format(value)


def _faults(rows: Sequence[Row], cause: str) -> str:
    """List the accusations of one cause, each with its derivation."""
    accused: dict[Fault, list[Row]] = {}
    for row in rows:
        if row.accused and row.peer.fault is not None and row.peer.fault.cause == cause:
            accused.setdefault(row.peer.fault, []).append(row)
    sections = []
    for fault, found in accused.items():
        names = ", ".join(f"{row.peer.name} ({row.peer.library} {row.version})" for row in found)
        first, second = fault.derivation
        sections.append(f"**{names}**: {fault.density}.\n\n1. {first}\n2. {second}")
    return "\n\n".join(sections) or "None."


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '∣') for cell in row)} |" for row in lines)
