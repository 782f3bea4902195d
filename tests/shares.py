"""Random shares of long tests: the same in all processes of a run, others in every run."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence

SHARES = {"all": 1, "third": 3, "tenth": 10}


def share(names: Sequence[str], variable: str, usual: str) -> list[str]:
    """Choose a share of the names.

    Args:
        names: Names to choose from.
        variable: Environment variable with the share: all, third or tenth.
        usual: The share if it is not set.
    """
    parts = SHARES[os.environ.get(variable, usual)]
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))

    def lot(name: str) -> str:
        return hashlib.sha256(f"{run}-{name}".encode()).hexdigest()

    return sorted(sorted(names, key=lot)[: math.ceil(len(names) / parts)])
