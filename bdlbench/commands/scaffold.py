"""Write the template of a plugin or a task."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from bdlbench import registry
from bdlbench.errors import PluginError

KINDS = {  # of each, the plural in the registry and the command to try
    "sampler": ("samplers", "bdlbench check ./{0}` and `bdlbench compare sgld ./{0}"),
    "task": ("tasks", "bdlbench compare sgd sgld --task ./{0}"),
    "model": ("models", "bdlbench compare sgd sgld --task digits --model ./{0}"),
    "dataset": ("datasets", "bdlbench new task my-task` with dataset='./{0}'; then `bdlbench list"),
    "metric": ("metrics", "bdlbench compare sgd sgld --task digits --metric ./{0}"),
}
IMPORTED = (
    *("Budget", "ClassVar", "Examples", "Iterator", "LearntGaussian", "Network", "Path"),
    *("Predictions", "Problem", "Sequence", "Task"),
)  # by the templates
TEMPLATES = Path(__file__).with_name("templates")


def _check_free(kind: str, name: str, path: Path, class_name: str) -> None:
    """Refuse names that belong to something else, with which the file would not work."""
    taken = ""
    if name in registry.names(KINDS[kind][0]) or name in _built_in(kind):
        taken = f"a {kind}"
    elif keyword.iskeyword(path.stem) or class_name in IMPORTED:
        taken = "a word of Python or of the template"
    elif not path.exists() and find_spec(path.stem) is not None:
        taken = "a Python package, which the file would hide"
    if taken:
        raise PluginError(f"{name} is the name of {taken}; try bdlbench new {kind} my-{name}")


def _built_in(kind: str) -> Collection[str]:
    """Return the names of tasks and metrics that are no plugins."""
    if kind == "task":
        from bdlbench.runs.built_in_tasks import TASKS

        return TASKS
    if kind == "metric":
        from bdlbench.metrics.catalogue import METRICS

        return [metric.name for metric in METRICS]
    return ()


def write(kind: str, name: str, folder: Path) -> tuple[Path, str]:
    """Write ``<name>.py``, a plugin that runs unchanged; return its path and what to try.

    Raises:
        PluginError: The kind or the name is invalid or taken, or the file cannot be written.
    """
    if kind not in KINDS:
        raise PluginError(f"nothing to write as {kind!r}{registry.nearest(kind, list(KINDS))}")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
        raise PluginError(f"expected a name such as my-{kind}, got {name!r}")
    path = folder / f"{name.replace('-', '_')}.py"
    words = name.split("-")
    class_name = "".join(map(str.capitalize, words))
    _check_free(kind, name, path, class_name)
    template = (TEMPLATES / f"{kind}.txt").read_text("utf-8")
    text = template.replace("NAME", name).replace("CLASS", class_name)
    text = text.replace("TITLE", " ".join(words).capitalize()).replace("FILE", path.name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise PluginError(f"cannot write {path}: {error.strerror}; choose another name") from error
    return path, KINDS[kind][1].format(path)
