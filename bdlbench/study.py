"""The interface of a study, and the creation of one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bdlbench import registry
from bdlbench.errors import PluginError
from bdlbench.settings import Setting, check_positive, parse

Say = Callable[[str], None]
"""Shows a line of progress."""


@dataclass(frozen=True)
class Finding:
    """The finding of a study.

    Args:
        text: Two sentences, made from the numbers.
        numbers: What was measured, by name.
        files: The pictures and the data behind them.
    """

    text: str
    numbers: dict[str, float]
    files: tuple[Path, ...]


class Study(Protocol):
    """Run an experiment; the settings are the fields of a frozen dataclass, all with defaults."""

    def run(self, out: Path, say: Say) -> Finding:
        """Carry out the experiment.

        Args:
            out: Folder for plots, data and runs.
            say: Shows a line of progress.
        """


def create(text: str, given: Mapping[str, Setting]) -> Study:
    """Return the study that ``NAME[:setting=value,…]`` refers to, with its settings.

    Args:
        text: As on the command line.
        given: Settings that were given in another way; those in `text` win.

    Raises:
        PluginError: There is no such study or setting, a number other than the seed is not
            positive, or two packages provide the study.
    """
    spec = parse(text)
    found: Study = registry.create("studies", spec, given)
    numbers = {name: value for name, value in vars(found).items() if type(value) in (int, float)}
    numbers.pop("seed", None)
    try:
        check_positive(**numbers)
    except ValueError as error:
        raise PluginError(f"{spec.reference}: {error}") from None
    return found
