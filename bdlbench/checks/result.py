"""The checked sampler, and the result of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bdlbench import registry
from bdlbench.checks.sampling import Sampler
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.settings import Spec

TARGETS = ("exact", "approximate", "point")
Verdict = Literal["pass", "fail", "shown", "error"]


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Args:
        check: Name of the check.
        verdict: ``pass``, ``fail``, ``shown`` (the plugin makes no such claim) or ``error``.
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


def guarded(name: str, judge: Callable[[], Result]) -> Result:
    """Run a check; an exception of the plugin is its result, but a PluginError is raised."""
    try:
        return judge()
    except PluginError:
        raise
    except BdlbenchError as error:
        return Result(name, "fail", "–", str(error))
    except (Exception, SystemExit) as error:
        return Result(name, "error", "–", f"{type(error).__name__}: {error}")
