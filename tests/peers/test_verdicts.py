"""What the page says of a certificate: it accuses only where a measurement fails."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdlbench.peers import page
from bdlbench.peers.catalogue import PEERS
from bdlbench.peers.faults import RESAMPLED
from bdlbench.peers.peer import Fault, Peer
from bdlbench.peers.verdicts import judged, row_of

PEER = next(peer for peer in PEERS if peer.fault is RESAMPLED)
RIGHT = next(peer for peer in PEERS if peer.name == "posteriors-sgld")
BIASED = "exact up to O(ε): T = 1.031 at κ = 0.06, 1.002 at 0.0038"
ACCUSING = ("wrong", RESAMPLED.density, RESAMPLED.derivation[0])


def certificate(*checks: tuple[str, str, str], target: str = "exact") -> dict[str, Any]:
    found = [
        {
            "check": check,
            "verdict": verdict,
            "figure": "–" if "NaN" in meaning else "T = 1.11 ± 0.01",
            "meaning": meaning,
        }
        for check, verdict, meaning in checks
    ]
    return {
        "verdict": "inconclusive",
        "target": target,
        "libraries": {"blackjax": "9.9", "posteriors": "9.9"},
        "cpu_seconds": 71.4,
        "checks": found,
    }


def test_a_failed_measurement_with_a_derivation_accuses() -> None:
    content = certificate(("curved", "inconclusive", "open"), ("large N", "fail", "T = 1.11"))
    assert judged(PEER, content) == (f"**wrong in the limit**: {RESAMPLED.density}", True)


@pytest.mark.parametrize(
    ("peer", "checks", "words"),
    [
        (PEER, [("large N", "inconclusive", "it varies")], "because large N: it varies"),
        (PEER, [("draws", "fail", "no draws"), ("ranks", "pass", "")], "because draws: no draws"),
        (PEER, [("large N", "error", "NaN")], "because large N: NaN"),
        (PEER, [("large N", "fail", "NaN at κ = 0.2")], "because large N: NaN at κ = 0.2"),
        (PEER, [("large N", "pass", "exact")], "exact"),
        (RIGHT, [("large N", "fail", "T = 2")], "not judged: large N: T = 2, whose cause"),
        (replace(RIGHT, without=("ranks",), why="it is slow"), [], "because it is slow"),
        (
            RIGHT,
            [("large N", "pass", "exact"), ("curved", "pass", BIASED)],
            "T = 1.031 at κ = 0.06",
        ),
    ],
)
def test_nothing_else_accuses(
    peer: Peer, checks: list[tuple[str, str, str]], words: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    verdict, accused = judged(peer, certificate(*checks))
    assert words in verdict
    assert not accused
    monkeypatch.setattr(page, "PEERS", (peer,))
    (tmp_path / "peers").mkdir()
    (tmp_path / peer.kept.file).write_text(json.dumps(certificate(*checks)))
    text = "\n".join(page.parts(tmp_path).values())
    assert not any(word in text for word in ACCUSING)


def test_an_approximation_is_not_judged() -> None:
    content = certificate(("curved", "shown", "too narrow"), target="approximate")
    assert judged(RIGHT, content) == ("an approximate method, which claims no exact draws", False)


def test_without_a_certificate_nothing_is_said(tmp_path: Path) -> None:
    row = row_of(tmp_path, PEER)
    assert (row.verdict, row.accused, row.version) == (
        "not measurable here, because no full check was run",
        False,
        "–",
    )


@pytest.mark.parametrize("cause", ["library", "adapter"])
def test_causes_are_kept_apart(cause: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(cause, "T = 7", ("First.", "Second."))
    monkeypatch.setattr(page, "PEERS", (replace(PEER, fault=fault),))
    (tmp_path / "peers").mkdir()
    content = certificate(("curved", "fail", "T = 7"), ("large N", "inconclusive", "open"))
    (tmp_path / PEER.kept.file).write_text(json.dumps(content))
    parts = page.parts(tmp_path)
    other = "adapter" if cause == "library" else "library"
    assert "blackjax-sghmc (blackjax 9.9)**: T = 7.\n\n1. First.\n2. Second." in parts[cause]
    assert parts[other] == "None."
    assert "| blackjax | 9.9 | sghmc |" in parts["verdicts"]
    assert "**1.11 ± 0.01** | – |" in parts["temperatures"]
    assert "(1.11 ± 0.01)" in parts["temperatures"]
