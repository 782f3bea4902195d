"""Compile functions with numba, and keep what is compiled where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from bdlbench.storage.locations import user_cache

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Return numba's decorator, which keeps what it compiles if there is a place for that.

    numba looks for one beside the source and in the user's cache, and refuses to go on if neither
    can be written to, as in many a container. Every process then compiles anew, for some seconds.

    Args:
        options: Of ``numba.njit``.
    """

    def decorate(function: Function) -> Function:
        made: Function
        try:
            # Without a home, numba would make a folder that is called ~.
            made = njit(cache=user_cache() is not None, **options)(function)
        except RuntimeError:  # pragma: no cover -- "no locator available"
            made = njit(**options)(function)
        return made

    return decorate
