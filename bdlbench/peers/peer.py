"""A sampler of another library, and why it is not exact if it is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bdlbench.checks.certificate import Kept

FOLDER = "peers"  # of the certificates, within the results
PLUGINS = Path(__file__).with_name("plugins")


@dataclass(frozen=True)
class Fault:
    """Why a sampler samples another density.

    Args:
        cause: Whose it is: the library's, or the choice of how an adapter calls it.
        density: What is sampled instead, where that is simple.
        derivation: Two lines by which a reader can see it.
    """

    cause: Literal["library", "adapter"]
    density: str
    derivation: tuple[str, str]


@dataclass(frozen=True)
class Peer:
    """A sampler of another library.

    Args:
        name: Name of the plugin; that of its file has underscores.
        library: The library's distribution, as ``pip`` names it.
        sampler: Name of the sampler in the library.
        convention: What the library documents of its step, in terms of ε and U.
        default: The defaults it documents.
        settings: How the adapter sets them.
        source: Where this is documented.
        fault: Why it is expected to sample another density; None if it is not.
        without: Checks that are left out.
        why: Why they are left out.
    """

    name: str
    library: str
    sampler: str
    convention: str
    default: str
    settings: str
    source: str
    fault: Fault | None = None
    without: tuple[str, ...] = ()
    why: str = ""

    @property
    def plugin(self) -> Path:
        """Path of the plugin file."""
        return PLUGINS / f"{self.name.replace('-', '_')}.py"

    @property
    def kept(self) -> Kept:
        """Where its certificate is kept."""
        return Kept(f"{FOLDER}/{self.name}.json", self.library, self.without)
