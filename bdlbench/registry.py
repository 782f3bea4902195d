"""Discovery of plugins; built-in and third-party plugins are loaded in the same way.

A plugin is a class under ``@register("name")``. Installed plugins are entry points of the group
``bdlbench.<kind>``; others are loaded by path, or are classes of the caller (`bdlbench.at_hand`).
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from bdlbench import plugin_files
from bdlbench.errors import PluginError
from bdlbench.plugin_errors import location
from bdlbench.settings import Setting, Spec, coerce, fields, is_simple

Plugin = TypeVar("Plugin", bound=type)
# The method that identifies a plugin of each kind, and its number of arguments besides `self`.
KINDS = {
    "samplers": ("sample", 2),
    "datasets": ("load", 2),
    "models": ("build", 2),
    "metrics": ("contributions", 1),
    "studies": ("run", 2),
}
ONE = {
    "samplers": "sampler",
    "datasets": "data set",
    "models": "model",
    "metrics": "metric",
    "studies": "study",
    "tasks": "task",
}
"""The singular of every kind, for messages."""
_AT_HAND: dict[str, Any] = {}  # classes and tasks of the caller, by reference


def register(name: str) -> Callable[[Plugin], Plugin]:
    """Register a plugin class under a name, and validate its interface.

    Args:
        name: Lower-case letters, digits and dashes; unique among the installed plugins.

    Raises:
        PluginError: The class is not a frozen dataclass whose fields all have simple types and
            defaults, or it has no ``sample(problem, rng)``, ``load(split, folders)``,
            ``build(input_shape, outputs)``, ``contributions(predictions)`` or ``run(out, say)``.
    """

    def decorate(plugin: Plugin) -> Plugin:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
            raise PluginError(f"expected a name such as my-sampler, got @register({name!r})")
        _check_settings(name, plugin)
        _check_method(name, plugin)
        plugin.plugin_name = name  # type: ignore[attr-defined]
        return plugin

    return decorate


def names(kind: str) -> list[str]:
    """Return the names of the installed plugins of a kind, sorted."""
    return sorted({point.name for point in points(kind)})


def load(kind: str, reference: str) -> type:
    """Return the plugin class that a name or a path to a file refers to.

    Raises:
        PluginError: The plugin is missing, ambiguous or broken.
    """
    if reference in _AT_HAND:
        return _of_kind(kind, reference, _AT_HAND[reference])
    if reference.endswith(".py"):
        return _load_file(kind, Path(reference))
    plugin = load_installed(kind, reference)
    if getattr(plugin, "plugin_name", None) != reference:
        raise PluginError(
            f'{reference}: its entry point is not a class under @register("{reference}")'
        )
    return _of_kind(kind, reference, plugin)


def load_installed(kind: str, reference: str) -> Any:
    """Return what the entry point of this name refers to.

    Raises:
        PluginError: It is missing, ambiguous or broken.
    """
    found = [point for point in points(kind) if point.name == reference]
    if not found:
        raise PluginError(_unknown(kind, reference))
    if len({point.value for point in found}) > 1:
        owners = " and ".join(sorted(_owner(point) for point in found))
        raise PluginError(f"{reference}: {owners} both provide it; uninstall one of them")
    return _import(reference, found[0].load)


def configure(plugin: type, settings: Mapping[str, str | Setting]) -> Any:
    """Instantiate a plugin; settings given as text are converted to their type.

    Raises:
        PluginError: A setting is unknown, of the wrong type or out of range.
    """
    name, known = plugin.plugin_name, fields(plugin)  # type: ignore[attr-defined]
    values: dict[str, Setting] = {}
    for setting, value in settings.items():
        if setting not in known:
            raise PluginError(f"{name}: no setting {setting!r}{nearest(setting, list(known))}")
        try:
            values[setting] = coerce(value, known[setting]) if isinstance(value, str) else value
        except ValueError as error:
            raise PluginError(f"{name}: {setting}: {error}") from None
    try:
        return plugin(**values)
    except ValueError as error:
        raise PluginError(f"{name}: {error}") from None


def create(kind: str, spec: Spec, defaults: Mapping[str, Setting] | None = None) -> Any:
    """Load and configure the plugin that `spec` refers to; its settings override `defaults`."""
    given = {} if spec.complete else dict(defaults or {})
    return configure(load(kind, spec.reference), {**given, **dict(spec.settings)})


def hold(reference: str, plugin: Any) -> None:
    """Make a class or a task of the caller available to `load` under a reference."""
    _AT_HAND[reference] = plugin


def held(reference: str) -> Any:
    """Return the class or task of the caller with this reference, or None."""
    return _AT_HAND.get(reference)


def source_digest(plugin: type) -> str:
    """Return the SHA-256 of the file that defines the plugin and its neighbours, in hexadecimal.

    That of a class at hand is of the source of the class and of what it uses.
    """
    for reference, found in _AT_HAND.items():
        if found is plugin:
            return reference.rpartition("@")[2]
    return plugin_files.digest(Path(inspect.getfile(plugin)))


def nearest(name: str, known: list[str], listing: str = "") -> str:
    """Format suggestions for an unknown name: the closest match, and all known names.

    Args:
        name: The unknown name.
        known: The known names.
        listing: The command that lists them, for a message that they are too long for.
    """
    matches = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {matches[0]}?" if matches else ""
    names = ", ".join(known) or "none"
    return hint + (
        f" (see `{listing}`)" if listing and len(names) > 60 else f" (available: {names})"
    )


def points(kind: str) -> list[EntryPoint]:
    """Return the entry points of a kind."""
    return list(entry_points(group=f"bdlbench.{kind}"))


def _owner(point: EntryPoint) -> str:
    return f"{point.dist.name if point.dist else 'an unknown package'} ({point.value})"


def _check_settings(name: str, plugin: type) -> None:
    parameters = getattr(plugin, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise PluginError(
            f"{name}: expected a frozen dataclass; put @dataclass(frozen=True) under @register"
        )
    known = fields(plugin)
    for field in dataclasses.fields(plugin):
        if field.default is dataclasses.MISSING:
            raise PluginError(f"{name}: setting {field.name} needs a default value")
        if not is_simple(known[field.name]):
            raise PluginError(f"{name}: expected {field.name} to be bool, int, float or str")


def _check_method(name: str, plugin: type) -> None:
    for method, arguments in KINDS.values():
        function = getattr(plugin, method, None)
        if function is not None:
            if len(inspect.signature(function).parameters) != arguments + 1:
                raise PluginError(f"{name}: expected {method}() to take self and {arguments} more")
            return
    raise PluginError(f"{name}: expected a method sample(self, problem, rng)")


def _of_kind(kind: str, reference: str, plugin: type) -> type:
    if not hasattr(plugin, KINDS[kind][0]):
        raise PluginError(f"{reference}: expected one of the {kind}, with {KINDS[kind][0]}()")
    return plugin


def execute(path: Path) -> ModuleType:
    """Execute a plugin file as a module.

    Raises:
        PluginError: It does not exist, or raises an exception.
    """
    if not path.is_file():
        raise PluginError(f"{path}: no such file; give the path of a plugin file or a name")
    module: ModuleType = _import(str(path), lambda: plugin_files.execute(path))
    return module


def _load_file(kind: str, path: Path) -> type:
    module = execute(path)
    plugins = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and "plugin_name" in vars(value)
        if value.__module__ == module.__name__ and hasattr(value, KINDS[kind][0])
    ]
    if len(plugins) != 1:
        raise PluginError(
            f"{path}: expected one {ONE[kind]}, a class under @register with {KINDS[kind][0]}(), "
            f"got {len(plugins)}"
        )
    name = vars(plugins[0])["plugin_name"]
    for point in points(kind):
        if point.name == name:
            raise PluginError(
                f"{path}: {name!r} is provided by {_owner(point)}; choose another name"
            )
    return _of_kind(kind, str(path), plugins[0])


def _import(reference: str, importer: Callable[[], Any]) -> Any:
    """Import a plugin; any exception becomes a one-line error that names it."""
    try:
        return importer()
    except PluginError as error:
        raise PluginError(f"{reference}: {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{reference}: cannot be loaded{_where(reference, error)}: {type(error).__name__}: "
            f"{error}"
        ) from error


def _where(reference: str, error: BaseException) -> str:
    """Name the line of a plugin file, or of a neighbour, at which it cannot be loaded."""
    if isinstance(error, SyntaxError) and error.filename == reference:
        return f", line {error.lineno}"
    file, _, line = location(error).partition(":")
    if not line or not reference.endswith(".py"):
        return ""
    return f", line {line}" if file == Path(reference).name else f" ({file}, line {line})"


def _unknown(kind: str, name: str) -> str:
    one = ONE[kind]
    if "/" in name or Path(name).exists():
        return f"{name}: expected the name of a {one}, or a plugin file that ends in .py"
    if "," in name:
        return f"expected names separated by spaces, got {name!r}"
    return f"no {one} {name!r}{nearest(name, names(kind), f'bdlbench list {kind}')}"
