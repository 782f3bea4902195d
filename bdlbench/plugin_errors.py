"""Where in a plugin's own files an exception comes from."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
import traceback
from pathlib import Path

from bdlbench.errors import PluginError

VARIABLE = "BDLBENCH_DEBUG"  # set by --debug, for the processes of runs, too
_PACKAGE = Path(__file__).parent
_STANDARD = Path(sysconfig.get_path("stdlib"))


def describe(error: BaseException, plugin: type | None = None) -> str:
    """Describe an exception in one line: ``mine.py:17: ValueError: …``.

    With ``--debug``, its traceback is printed to standard error.

    Args:
        error: What the plugin raised.
        plugin: The plugin's class; None if it could not be loaded.
    """
    if os.environ.get(VARIABLE):
        traceback.print_exception(error, file=sys.stderr)
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    where = location(error, plugin)
    return f"{where}: {line}" if where else line


def location(error: BaseException, plugin: type | None = None) -> str:
    """Return the innermost line of the plugin's file or its neighbours, ``mine.py:17``, or ""."""
    folder = _folder(plugin)
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(folder) if folder else _is_own(path):
            found = f"{path.name}:{line}"
    return found


def _folder(plugin: type | None) -> Path | None:
    """Return the folder of a class that is installed, whose file would not be taken for its own."""
    try:
        path = Path(inspect.getfile(plugin)) if plugin else None
    except (OSError, TypeError):  # defined in an interpreter
        return None
    return None if path is None or _is_own(path) else path.parent


def _is_own(path: Path) -> bool:
    """Return whether code belongs neither to bdlbench nor to a library, nor is generated."""
    installed = {"site-packages", "dist-packages"} & {*path.parts} or path.is_relative_to(_STANDARD)
    return not (installed or path.is_relative_to(_PACKAGE) or path.name.startswith("<"))
