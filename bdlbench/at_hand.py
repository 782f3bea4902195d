"""Classes and instances of the caller as plugins: a reference to them, and their way to others.

A class that is installed, or was loaded from a plugin file, is found by its name or path. One that
was defined in a script or a notebook is pickled by value, and identified by its source.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from typing import Any

from bdlbench import plugin_files, registry
from bdlbench.errors import PluginError
from bdlbench.settings import Spec, changed

_NEVER = {"__main__", "bdlbench", "bdlbench_datasets", "bdlbench_samplers", "bdlbench_studies"}


def refer(kind: str, given: Any) -> Spec:
    """Return a reference to a class or an instance, with the settings of an instance.

    Args:
        kind: A key of `registry.KINDS`.
        given: A class under ``@register``, or an instance of one.

    Raises:
        PluginError: It is not a plugin of that kind.
    """
    plugin = given if isinstance(given, type) else type(given)
    name = vars(plugin).get("plugin_name")
    if name is None or not hasattr(plugin, registry.KINDS[kind][0]):
        one, method = registry.ONE[kind], registry.KINDS[kind][0]
        raise PluginError(
            f"{plugin.__name__}: expected a {one}, a class with {method}() under "
            f'@register("my-{one.replace(" ", "-")}")'
        )
    reference = _found_elsewhere(kind, name, plugin) or _hold(name, plugin)
    if isinstance(given, type):
        return Spec(reference)
    settings = tuple((name, str(value)) for name, value in changed(given).items())
    return Spec(reference, settings, complete=True)


def hold_object(name: str, given: Any) -> str:
    """Return a reference to an object that `registry.held` finds here, and others after `carry`."""
    reference = f"{name}@{hashlib.sha256(_pickle(given)).hexdigest()}"
    registry.hold(reference, given)
    return reference


def carry(references: Iterable[str]) -> dict[str, bytes]:
    """Return the pickles of those references that another process cannot resolve."""
    found = {reference: registry.held(reference) for reference in references}
    return {name: _pickle(plugin) for name, plugin in found.items() if plugin is not None}


def receive(carried: Mapping[str, bytes]) -> None:
    """Make what another process carried available here.

    Raises:
        PluginError: It cannot be unpickled here, since a module is missing.
    """
    import cloudpickle

    for reference, content in carried.items():
        if registry.held(reference) is not None:
            continue
        try:
            registry.hold(reference, cloudpickle.loads(content))
        except Exception as error:
            raise PluginError(
                f"{reference.partition('@')[0]}: cannot be loaded in the process of a run: "
                f"{type(error).__name__}: {error}; put it into a file of its own"
            ) from error


def source_digest(found: type) -> str:
    """Return the SHA-256 of a class that is no plugin: of its file, or its source if at hand."""
    name = found.__module__
    if name.startswith(plugin_files.PREFIX) or name.partition(".")[0] in _installed() - _NEVER:
        return registry.source_digest(found)
    return hashlib.sha256(_source(found).encode()).hexdigest()


def _found_elsewhere(kind: str, name: str, plugin: type) -> str:
    """Return the entry point's name or the file of a class; empty for other classes."""
    if plugin.__module__.startswith(plugin_files.PREFIX):
        return inspect.getfile(plugin)
    if name in registry.names(kind):
        installed = registry.load(kind, name)
        if (installed.__module__, installed.__name__) == (plugin.__module__, plugin.__name__):
            return name
        raise PluginError(f"{name!r} is the name of an installed plugin; choose another name")
    return ""


def _hold(name: str, plugin: type) -> str:
    reference = f"{name}@{hashlib.sha256(_source(plugin).encode()).hexdigest()}"
    registry.hold(reference, plugin)
    return reference


def _source(plugin: type) -> str:
    """Return the source of a class, and of what it uses of its own module."""
    parts: dict[str, str] = {}
    _collect(plugin, plugin.__module__, parts)
    return "\n".join(parts[name] for name in sorted(parts))


def _collect(found: Any, module: str, parts: dict[str, str]) -> None:
    name = f"{found.__module__}.{found.__qualname__}"
    if name in parts:
        return
    try:
        parts[name] = inspect.getsource(found)
    except (OSError, TypeError):  # typed at the prompt of an interpreter
        parts[name] = repr([code.co_code for code in _codes(found)])
    space = vars(sys.modules[module])
    for code in _codes(found):
        for used in (space.get(name) for name in code.co_names):
            if getattr(used, "__module__", None) == module and hasattr(used, "__qualname__"):
                _collect(used, module, parts)
        for name in code.co_names:
            if type(space.get(name)) in (bool, int, float, str):
                parts[f"{module}.{name}"] = f"{name} = {space[name]!r}"


def _codes(found: Any) -> Iterator[types.CodeType]:
    """Yield the code of a function, or of the methods of a class."""
    values = list(vars(found).values()) if isinstance(found, type) else [found]
    stack = [value.__code__ for value in values if isinstance(value, types.FunctionType)]
    while stack:
        yield (code := stack.pop())
        stack += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]


def _pickle(given: Any) -> bytes:
    """Pickle an object; what is defined in modules that are not installed is pickled by value."""
    import cloudpickle

    modules = [sys.modules[name] for name in _own_modules(given)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(given))
    except Exception as error:
        name = getattr(given, "plugin_name", type(given).__name__)
        raise PluginError(f"{name}: cannot be sent to another process: {error}") from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _own_modules(given: Any) -> set[str]:
    """Return the modules of an object and of its fields that other processes cannot import."""
    parts = [given]
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        parts += [getattr(given, field.name) for field in dataclasses.fields(given)]
    parts += [value for part in parts if isinstance(part, dict) for value in part.values()]
    classes = [part if isinstance(part, type) else type(part) for part in parts]
    names = {base.__module__ for each in classes for base in each.__mro__}
    top = {name: name.partition(".")[0] for name in names if name in sys.modules}
    return {name for name, package in top.items() if package not in _installed()}


@cache
def _installed() -> frozenset[str]:
    """Return the packages that other processes can import; finding them takes half a second."""
    return frozenset({*sys.stdlib_module_names, *packages_distributions(), *_NEVER})
