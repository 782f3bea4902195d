"""Tasks: the built-in ones, and those of packages, files and callers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bdlbench import at_hand, registry
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.runs.built_in_tasks import TASKS
from bdlbench.runs.task import Task
from bdlbench.settings import shown

LISTING = "bdlbench list tasks"
TaskLike = str | os.PathLike[str] | Task | type[Task]


def budget_of(task: Task) -> str:
    """Describe the task's budget; the number of draws only if it is not the default."""
    default = TASKS[task.name].budget if task.name in TASKS else None
    draws = "" if default and task.budget.draws == default.draws else f", {task.budget.draws} draws"
    return f"{task.budget.epochs:g} epochs{draws}"


def get(task: TaskLike) -> Task:
    """Return a task: itself, or that of this name or file.

    Args:
        task: Name of a built-in or installed task, path of a file that defines one, reference from
            `refer`, or a task.

    Raises:
        BdlbenchError: No such task exists.
    """
    if isinstance(task, type) and issubclass(task, Task):
        return _made(task)
    if isinstance(task, Task):
        return task
    if isinstance(task, os.PathLike):
        task = os.fspath(task)
    if not isinstance(task, str):
        raise BdlbenchError(f"task: expected a name, a file or a Task, got {shown(task)}")
    if task in TASKS:
        return TASKS[task]
    if isinstance(held := registry.held(task), Task):
        return held
    if task.endswith(".py"):
        return _of_file(Path(task))
    names = registry.names("tasks")
    if task not in names:
        known = [*TASKS, *names]
        raise BdlbenchError(f"no task {task!r}{registry.nearest(task, known, LISTING)}")
    return _checked(task, registry.load_installed("tasks", task))


def find(name: str) -> Task | None:
    """Return the built-in or installed task of this name, or None."""
    return get(name) if name in (*TASKS, *registry.names("tasks")) else None


def built_in(name: str) -> Task | None:
    """Return the built-in task of this name, or None."""
    return TASKS.get(name)


def refer(task: TaskLike) -> str:
    """Return a reference with which `get` finds the task, in other processes after `carry`."""
    if isinstance(task, str | os.PathLike):
        text = os.fspath(task)
        return str(Path(text).absolute()) if text.endswith(".py") else text
    found = get(task)
    return found.name if TASKS.get(found.name) == found else at_hand.hold_object(found.name, found)


def _of_file(path: Path) -> Task:
    """Return the task that a file defines, as an instance or as a class."""
    module = registry.execute(path)
    found = [value for value in vars(module).values() if isinstance(value, Task)]
    if not found:
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Task)
            if value.__module__ == module.__name__
        ]
        found = [_made(each) for each in classes]
    distinct = [task for i, task in enumerate(found) if all(task is not one for one in found[:i])]
    if len(distinct) != 1:
        raise PluginError(f"{path}: expected one Task, such as TASK = Task(…), got {len(distinct)}")
    return _checked(str(path), distinct[0])


def _made(task: type[Task]) -> Task:
    try:
        return task()  # type: ignore[call-arg]
    except TypeError as error:
        raise PluginError(
            f"{task.__name__}: expected a default for every field ({error})"
        ) from None


def _checked(reference: str, found: Any) -> Task:
    task = _made(found) if isinstance(found, type) and issubclass(found, Task) else found
    if not isinstance(task, Task):
        raise PluginError(f"{reference}: expected a Task, got {type(found).__name__}")
    if task.name in TASKS:
        raise PluginError(f"{reference}: {task.name!r} is a built-in task; choose another name")
    return task
