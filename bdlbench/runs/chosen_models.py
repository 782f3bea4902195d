"""The model of a run: found by name, by file or at hand, and named in its record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bdlbench import at_hand, registry
from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.models import Model
from bdlbench.settings import Spec, changed, shown

BUILD = "build(input_shape, outputs)"


def find(given: Any) -> Model:
    """Return a model, an object with ``build(input_shape, outputs)``.

    Args:
        given: Name, file or reference of a model with its settings, a class, or an object.

    Raises:
        BdlbenchError: There is no such model.
    """
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if isinstance(given, str):
        return models.find(given)
    if isinstance(given, type):
        given = registry.configure(given, {}) if hasattr(given, "plugin_name") else given()
    if not hasattr(given, "build"):
        what = f"model: expected a name, a file or an object with {BUILD}"
        raise BdlbenchError(f"{what}, got {shown(given)}")
    if not (isinstance(given, models.BuiltIn) or hasattr(given, "plugin_name")):
        raise BdlbenchError(
            f"model {type(given).__name__}: expected a name for records; put @register("
            '"my-model") and @dataclass(frozen=True) above its class'
        )
    model: Model = given
    return model


def refer(given: Any) -> str:
    """Return a reference with which `find` finds the model, in other processes after `carry`."""
    if isinstance(given, str | os.PathLike):
        text = os.fspath(given)
        path, colon, settings = text.partition(".py:")
        if text.endswith(".py") or colon:
            return str(Path(path).absolute()) + colon + settings
        return text
    find(given)
    return str(at_hand.refer("models", given))


def label(model: Any) -> str:
    """Return the name of a model in records: with the settings that are not its defaults."""
    if isinstance(model, models.BuiltIn):
        return model.name
    settings = tuple((name, str(value)) for name, value in changed(model).items())
    return str(Spec(model.plugin_name, settings))


def source_digest(model: Any) -> str | None:
    """Return the SHA-256 of a model's source; None for those of bdlbench."""
    if type(model).__module__.startswith("bdlbench."):
        return None
    return at_hand.source_digest(type(model))
