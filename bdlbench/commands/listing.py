"""List plugins and tasks, without importing those of others."""

from __future__ import annotations

from collections.abc import Sequence

from bdlbench import descriptions, registry
from bdlbench.errors import BdlbenchError


def render(what: str) -> str:
    """Return one line per plugin, model or task.

    Raises:
        BdlbenchError: The kind is unknown.
    """
    if what in registry.KINDS and what != "models":
        return _installed(what)
    if what == "models":
        from bdlbench.posterior.models import NAMES

        return "\n".join(filter(None, [*NAMES, _installed(what)]))
    if what == "tasks":
        from bdlbench.runs.built_in_tasks import TASKS

        rows = [
            (task.name, " against ".join(filter(None, [task.dataset, ", ".join(task.sets)])), model)
            for task in TASKS.values()
            for model in [str(task.model)]
        ]
        return _columns([*rows, *((name, "installed", "") for name in registry.names(what))])
    known = [*registry.KINDS, "tasks"]
    raise BdlbenchError(f"nothing to list as {what!r}{registry.nearest(what, known)}")


def _installed(kind: str) -> str:
    return _columns([(name, *descriptions.summary(kind, name)) for name in registry.names(kind)])


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    width = max((len(name) for name, *_ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {'  '.join(filter(None, rest))}" for name, *rest in rows)
