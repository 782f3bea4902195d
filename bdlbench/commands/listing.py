"""List plugins, models and tasks, without importing the plugins."""

from __future__ import annotations

from collections.abc import Sequence

from bdlbench import registry
from bdlbench.errors import BdlbenchError


def render(what: str) -> str:
    """Return one line per plugin, model or task.

    Raises:
        BdlbenchError: The kind is unknown.
    """
    if what in registry.KINDS:
        return _columns([(name, *registry.summary(what, name)) for name in registry.names(what)])
    if what == "models":
        from bdlbench.posterior.models import NAMES

        return "\n".join(NAMES)
    if what == "tasks":
        from bdlbench.runs.tasks import TASKS

        rows = [
            (task.name, f"{task.dataset} against {', '.join(task.ood)}", task.model)
            for task in TASKS.values()
        ]
        return _columns(rows)
    known = [*registry.KINDS, "models", "tasks"]
    raise BdlbenchError(f"nothing to list as {what!r}{registry.nearest(what, known)}")


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    width = max((len(name) for name, *_ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {'  '.join(filter(None, rest))}" for name, *rest in rows)
