"""The checked sampler, and the result of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bdlbench import plugin_errors, registry
from bdlbench.checks.sampling import Habits, Sampler, habits_of, stepped
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.settings import Spec

TARGETS = ("exact", "approximate", "point")
Verdict = Literal["pass", "fail", "inconclusive", "shown", "error"]


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Args:
        check: Name of the check.
        verdict: ``pass``, ``fail``, ``inconclusive`` (it cannot be measured well enough), ``shown``
            (the plugin makes no such claim) or ``error``.
        figure: The measured value, as text.
        meaning: Its interpretation.
    """

    check: str
    verdict: Verdict
    figure: str
    meaning: str


@dataclass(frozen=True)
class Subject:
    """The plugin under test.

    Args:
        spec: The plugin and its hyperparameters.
        seed: Random seed of the checks.
    """

    spec: Spec
    seed: int = 0

    @property
    def sampler(self) -> Sampler:
        """A new instance."""
        sampler: Sampler = registry.create("samplers", self.spec)
        return sampler

    @cached_property
    def habits(self) -> Habits:
        """What a short trial shows of it."""
        return habits_of(self.sampler)

    @property
    def batch_size(self) -> int | None:
        """The minibatch size of a plugin without a setting of that name; None if it has one."""
        return None if "batch_size" in vars(self.sampler) else self.habits.batch_size

    def points(self, usual: int) -> int:
        """Return the number of training points of a problem: at least a fixed batch size."""
        return max(usual, self.batch_size or 1)

    @property
    def uses_potential(self) -> bool:
        """Whether it evaluates U, as a Metropolis test has to."""
        return self.habits.uses_potential

    @property
    def may_reject(self) -> bool:
        """Whether it has a Metropolis test, as it declares; by default, whether it evaluates U."""
        declared = getattr(self.sampler, "metropolis", None)
        return self.uses_potential if declared is None else bool(declared)

    @property
    def strict(self) -> bool:
        """Whether no step can bias it: it has no step size, and can have a Metropolis test."""
        return stepped(self.sampler, 1.0) is None and self.uses_potential

    @property
    def full_batch(self) -> bool:
        """Whether the plugin uses all data at every step."""
        return "batch_size" not in vars(self.sampler) and self.batch_size is None

    @property
    def target(self) -> str:
        """The declared target; a plugin that declares none is checked as ``exact``."""
        plugin = registry.load("samplers", self.spec.reference)
        target = str(getattr(plugin, "target", "exact"))
        if target not in TARGETS:
            raise PluginError(
                f"{self.spec.reference}: expected target {', '.join(TARGETS)}, got {target!r}"
            )
        return target


def guarded(name: str, subject: Subject, judge: Callable[[], Result]) -> Result:
    """Run a check; an exception of the plugin is its result, but a PluginError is raised."""
    try:
        return judge()
    except PluginError:
        raise
    except BdlbenchError as error:
        return Result(name, "fail", "–", str(error))
    except (Exception, SystemExit) as error:
        plugin = registry.load("samplers", subject.spec.reference)
        return Result(name, "error", "–", plugin_errors.describe(error, plugin))
