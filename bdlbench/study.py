"""Interface of studies, and their creation by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bdlbench import registry
from bdlbench.errors import PluginError
from bdlbench.settings import Setting, check_positive, parse

Say = Callable[[str], None]
"""Prints a line of progress."""


@dataclass(frozen=True)
class Finding:
    """Result of a study.

    Args:
        text: Two sentences, generated from the numbers.
        numbers: Measured values, by name.
        files: Plots, and the data behind them.
    """

    text: str
    numbers: dict[str, float]
    files: tuple[Path, ...]


class Study(Protocol):
    """An experiment; its settings are the fields of a frozen dataclass, all with defaults."""

    def run(self, out: Path, say: Say) -> Finding:
        """Run the experiment.

        Args:
            out: Folder for plots, data and runs.
            say: Prints a line of progress.
        """


def create(text: str, given: Mapping[str, Setting]) -> Study:
    """Return the study that ``NAME[:setting=value,…]`` refers to.

    Args:
        text: As on the command line.
        given: Further settings; those in `text` override them.

    Raises:
        PluginError: The study or a setting does not exist, a number other than the seed is not
            positive, or two packages provide the study.
    """
    spec = parse(text)
    study: Study = registry.create("studies", spec, given)
    numbers = {name: value for name, value in vars(study).items() if type(value) in (int, float)}
    numbers.pop("seed", None)
    try:
        check_positive(**numbers)
    except ValueError as error:
        raise PluginError(f"{spec.reference}: {error}") from None
    return study
