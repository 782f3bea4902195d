"""Names of evaluation sets, in tasks, in predictions and in the names of metrics."""

from __future__ import annotations

IN_DISTRIBUTION = ("test", "validation")
"""Names of the in-distribution sets; every other set that is not shifted is OOD."""
SHIFT = "shift-"
"""Prefix of the names of shifted test sets."""
