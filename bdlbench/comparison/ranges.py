"""The ranges in which hyperparameters are searched."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bdlbench import registry, settings
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.runs.plan import Candidate
from bdlbench.settings import Setting

RELATIVE = (
    "step_size",
    "learning_rate",
    "constant_rate",
)  # searched from 1/10 to 10 times the value
FIXED = {"dropout": (0.02, 0.5, True), "target_accept_prob": (0.6, 0.95, False)}
OTHERWISE = "damping"  # searched if a sampler has none of the above


@dataclass(frozen=True)
class Range:
    """The search range of a hyperparameter.

    Args:
        low: Lower end.
        high: Upper end.
        log: Whether to search on a logarithmic scale.
    """

    low: float
    high: float
    log: bool

    def __post_init__(self) -> None:
        least = 0 if self.log else -math.inf
        if not least < self.low < self.high < math.inf:
            rule = "0 < low < high with :log" if self.log else "low < high"
            raise BdlbenchError(f"expected {rule}, got {self.low:g}..{self.high:g}")

    def at(self, share: float) -> float:
        """Map a number in [0, 1] to the range, rounded to three significant digits."""
        if self.log:
            return float(f"{self.low * (self.high / self.low) ** share:.3g}")
        return float(f"{self.low + (self.high - self.low) * share:.3g}")


def parse_search(texts: Sequence[str]) -> dict[str, Range]:
    """Parse the values of ``--search``, by hyperparameter.

    Raises:
        BdlbenchError: One is not a range, or a hyperparameter is given twice.
    """
    search: dict[str, Range] = {}
    for text in texts:
        name, where = parse_range(text)
        if name in search:
            raise BdlbenchError(f"--search {name} is given twice; give it once")
        search[name] = where
    return search


def parse_range(text: str) -> tuple[str, Range]:
    """Parse a range such as ``step_size=1e-5..1e-3:log``.

    Raises:
        BdlbenchError: The text is not a range.
    """
    match = re.fullmatch(r"(\w+)=([^.]\S*?)\.\.([^:]+)(:log)?", text)
    try:
        if match is None:
            raise ValueError
        low, high = float(match[2]), float(match[3])
    except ValueError:
        message = f"expected --search name=low..high or name=low..high:log, got {text!r}"
        raise BdlbenchError(message) from None
    try:
        return match[1], Range(low, high, bool(match[4]))
    except BdlbenchError as error:
        raise BdlbenchError(f"--search {match[1]}: {error}") from None


def check_search(candidates: Sequence[Candidate], search: Mapping[str, Range]) -> None:
    """Check the ranges; what some samplers lack is searched for the others only.

    Raises:
        BdlbenchError: No sampler has a hyperparameter of this name, none is left to search for a
            sampler, or a range exceeds what a sampler accepts.
    """
    known = sorted({name for one in candidates for name in one.settings})
    for name in search:
        if name not in known:
            hint = registry.nearest(name, known)
            raise BdlbenchError(f"--search {name}: no sampler has this setting{hint}")
    for candidate in candidates:
        own = candidate.settings
        if search and not own.keys() & search.keys():
            raise BdlbenchError(
                f"{candidate.name} has none of {', '.join(search)} to search; "
                f"give one of its own (it has {', '.join(own)}), or tune it separately"
            )
        for name in own.keys() & search.keys():
            _check_ends(candidate, name, search[name])


def _check_ends(candidate: Candidate, name: str, where: Range) -> None:
    """Check that a hyperparameter is a number, and may be at both ends of its range."""
    plugin = registry.load("samplers", candidate.spec.reference)
    kind = settings.number_type(settings.fields(plugin)[name])
    if kind is None:
        raise BdlbenchError(f"--search {name}: {candidate.name}'s {name} is not a number")
    for end in (where.low, where.high):
        if kind is int and end % 1:
            raise BdlbenchError(f"--search {name}: expected integers, got {end:g}")
        try:
            registry.configure(plugin, {**candidate.settings, name: kind(end)})
        except PluginError as error:
            raise BdlbenchError(f"--search {name}: {error}") from None


def ranges_of(
    sampler: str, current: Mapping[str, Setting], search: Mapping[str, Range]
) -> dict[str, Range]:
    """Return the search ranges of a sampler's hyperparameters."""
    given = {name: where for name, where in search.items() if name in current}
    if given:
        return given
    rates = {n: v for n, v in current.items() if n in RELATIVE and isinstance(v, float)}
    ranges = {name: Range(value / 10, value * 10, log=True) for name, value in rates.items()}
    ranges |= {name: Range(*FIXED[name]) for name in current if name in FIXED}
    if not ranges and isinstance(value := current.get(OTHERWISE), float):
        ranges = {OTHERWISE: Range(value / 10, value * 10, log=True)}
    if not ranges:
        raise BdlbenchError(
            f"{sampler} has no default search range; give one with --search "
            f"(it has {', '.join(current)})"
        )
    return ranges
