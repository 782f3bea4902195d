"""Settings of a plugin, the fields of its dataclass: parsing and validation."""

from __future__ import annotations

import dataclasses
import math
import numbers
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from bdlbench.errors import BdlbenchError, PluginError

LONGEST = 1000  # characters of a string; records with longer ones are rejected
Setting = bool | int | float | str | None

# Names are tried before paths, since the value of a setting may end in .py, too.
_REFERENCE = re.compile(
    r"(?P<reference>[a-z][a-z0-9-]+(?=:|\Z)|.+?\.py|[^:]*)(?::(?P<settings>.*))?", re.DOTALL
)
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Spec:
    """Name or path of a plugin, and its settings; processes exchange it instead of objects.

    Args:
        reference: Name or path, or the reference of a class at hand.
        settings: Settings as text.
        complete: Whether the settings of an instance were given, to which no defaults of a task
            are added.
    """

    reference: str
    settings: tuple[tuple[str, str], ...] = ()
    complete: bool = False

    def __str__(self) -> str:
        if not self.settings:
            return self.reference
        return self.reference + ":" + ",".join(f"{name}={value}" for name, value in self.settings)


def parse(text: str) -> Spec:
    """Parse ``sgld:step_size=3e-6,batch_size=64``.

    Raises:
        PluginError: The text is not of that form.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or not match["reference"]:
        raise PluginError(f"expected NAME or NAME:setting=value,…, got {text!r}")
    pairs: list[tuple[str, str]] = []
    for item in filter(None, (match["settings"] or "").split(",")):
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise PluginError(f"{text}: expected setting=value, got {item!r}")
        if name.strip() in dict(pairs):
            raise PluginError(f"{text}: {name.strip()} is given twice; give it once")
        pairs.append((name.strip(), value.strip()))
    return Spec(match["reference"], tuple(pairs))


def fields(plugin: type) -> dict[str, type]:
    """Return the type annotation of every setting of a plugin."""
    hints = typing.get_type_hints(plugin)
    return {field.name: hints[field.name] for field in dataclasses.fields(plugin)}


def coerce(text: str, annotation: Any) -> Setting:
    """Convert text to the type of a setting.

    Raises:
        ValueError: The text is not a value of that type.
    """
    options = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    if type(None) in options and text.lower() == "none":
        return None
    (kind,) = (option for option in options if option is not type(None))
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ValueError(f"expected true or false, got {text!r}")
        return _TRUTH[text.lower()]
    try:
        value: Setting = kind(text)
    except ValueError:
        name = {"int": "an integer", "float": "a number"}.get(kind.__name__, kind.__name__)
        raise ValueError(f"expected {name}, got {text!r}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {text!r}")
    if isinstance(value, str) and (len(value) > LONGEST or not value.isprintable()):
        raise ValueError(f"expected at most {LONGEST} printable characters, got {text[:40]!r}")
    return value


def is_simple(annotation: Any) -> bool:
    """Return whether a setting of this type can be given on the command line."""
    options = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    kinds = [option for option in options if option is not type(None)]
    return len(kinds) == 1 and kinds[0] in (bool, int, float, str)


def number_type(annotation: Any) -> type[int] | type[float] | None:
    """Return int or float for a setting that is a number, possibly None; None for others."""
    options = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    return next((option for option in options if option in (int, float)), None)


def changed(plugin: Any) -> dict[str, Setting]:
    """Return the settings of a plugin that are not its defaults."""
    return {
        field.name: getattr(plugin, field.name)
        for field in dataclasses.fields(plugin)
        if getattr(plugin, field.name) != field.default
    }


def differing(
    settings: Mapping[str, Setting], alike: Iterable[Mapping[str, Setting]]
) -> dict[str, Setting]:
    """Return the settings that are not the same in all others: what tells plugins apart."""
    others = list(alike)
    return {
        name: value
        for name, value in settings.items()
        if any(name not in other or other[name] != value for other in others)
    }


def check_positive(**settings: float) -> None:
    """Raise a ValueError for the first setting that is not greater than zero."""
    for name, value in settings.items():
        if not value > 0:
            raise ValueError(f"expected {name} > 0, got {value}")


def check_range(low: float, high: float, /, **settings: float) -> None:
    """Raise a ValueError for the first setting that is not in [low, high]."""
    for name, value in settings.items():
        if not low <= value <= high:
            raise ValueError(f"expected {name} from {low:g} to {high:g}, got {value}")


def integer(name: str, value: Any, least: int = 1, most: int = 10**6) -> int:
    """Return an option of any type as an integer.

    Raises:
        BdlbenchError: It is not an integer in [least, most].
    """
    if not _is(value, numbers.Integral) or not least <= value <= most:
        expected = "a positive integer" if least == 1 else f"an integer of at least {least}"
        limit = f" up to {most:,}" if _is(value, numbers.Integral) and value > most else ""
        raise BdlbenchError(f"{name}: expected {expected}{limit}, got {shown(value)}")
    return int(value)


def positive(name: str, value: Any, hint: str = "") -> float:
    """Return an option of any type as a number; it is finite in what it is multiplied with, too.

    Raises:
        BdlbenchError: It is not a number in (0, 10⁹].
    """
    if not _is(value, numbers.Real) or not 0 < value <= 1e9:
        limit = " up to 1e9" if _is(value, numbers.Real) and value > 1e9 else ""
        raise BdlbenchError(f"{name}: expected a number > 0{limit}{hint}, got {shown(value)}")
    return float(value)


def shown(value: Any) -> str:
    """Format a wrong value for a message."""
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 and text.isprintable() else f"{ascii(text)[1:37]}…"


def _is(value: Any, kind: type) -> bool:
    """Return whether a value is a number of a kind; truth values are none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)
