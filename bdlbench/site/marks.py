"""Badges of samplers and runs: certificate, outcome, number of trials."""

from __future__ import annotations

from dataclasses import dataclass

from bdlbench.comparison.run_state import UNKNOWN
from bdlbench.comparison.summary import Row
from bdlbench.leaderboard.entries import Entry
from bdlbench.records.record import COMPLETED


@dataclass(frozen=True)
class Mark:
    """A badge.

    Args:
        text: Its text, with a symbol, so that colour adds no information.
        kind: Selects the colour: ``good``, ``fair``, ``plain`` or ``bad``.
    """

    text: str
    kind: str


TARGETS = {
    "certified": Mark("✓ certified", "good"),
    "approximate": Mark("≈ approximate", "fair"),
    "point": Mark("• point estimate", "plain"),
    "tempered": Mark("• tempered", "plain"),
    "inconclusive": Mark("? inconclusive", "fair"),
    "–": Mark("– diverged", "bad"),
}
NOT_CERTIFIED = Mark("✗ not certified", "bad")
COLLAPSED = Mark("✗ draws collapsed", "bad")
LEGEND = {
    TARGETS["certified"]: "draws from the posterior: it passed every check against posteriors that "
    "are known exactly",
    TARGETS["approximate"]: "averages over draws that do not come from the exact posterior, and "
    "does not claim so",
    TARGETS["point"]: "a single network, without an average over draws: the baseline",
    TARGETS["tempered"]: "run at another temperature than 1, at which alone it is certified",
    TARGETS["inconclusive"]: "the checks could not measure it well enough",
    TARGETS["–"]: "a run has diverged, about which a certificate says nothing",
    NOT_CERTIFIED: "no passed check of this version of the sampler is stored",
    COLLAPSED: "the draws are nearly identical, so that their average is in effect one network",
}
STATES = Mark("✓ at rest, ≈ warm, …", "plain")  # the badges of `run`
STATES_MEANING = (
    "whether these runs look like draws from the posterior: at rest, if every layer's temperature "
    "is within 10 % of T and U does not drift; warm or cold, if a layer's is not"
)
OUTCOMES = ("all completed", "some failed", "all failed")
VERDICTS = {
    "pass": Mark("✓ pass", "good"),
    "inconclusive": Mark("? inconclusive", "fair"),
    "shown": Mark("• shown", "plain"),
    "fail": Mark("✗ fail", "bad"),
    "error": Mark("✗ error", "bad"),
}


def target(row: Row) -> Mark:
    """Return the badge of a sampler's certificate."""
    return TARGETS.get(row.certificate, NOT_CERTIFIED)


def run(row: Row) -> Mark | None:
    """Return the badge of whether its runs are at rest, if it is known."""
    symbols = {"at rest": ("✓", "good"), "unclear": ("?", "plain")}
    for state, (symbol, kind) in symbols.items():
        if row.run.startswith(state):
            return Mark(f"{symbol} {row.run}", kind)
    return None if row.run == UNKNOWN else Mark(f"≈ {row.run}", "fair")


def outcome(outcome: str) -> Mark:
    """Return the badge of a run's outcome."""
    done = outcome == COMPLETED
    return Mark(f"✓ {outcome}", "good") if done else Mark(f"✗ {outcome}", "bad")


def outcomes(row: Row) -> tuple[str, Mark | None]:
    """Return the category of a row, one of `OUTCOMES`, and a badge for failed runs."""
    total = sum(row.outcomes.values())
    failed = {name: n for name, n in row.outcomes.items() if name != COMPLETED}
    kind = OUTCOMES[0 if not failed else 1 if row.outcomes.get(COMPLETED) else 2]
    failures = [f"{name} {n} of {total}" for name, n in failed.items()]
    failures += [COLLAPSED.text.removeprefix("✗ ")] if row.collapsed else []
    return kind, Mark("✗ " + ", ".join(failures), "bad") if failures else None


def trials(entry: Entry) -> Mark | None:
    """Return the badge with the number of tuning trials."""
    counts = sorted({str(run.sampler.trials) for run in entry.records if run.sampler.trials})
    return Mark(f"best of {', '.join(counts)} trials", "plain") if counts else None
