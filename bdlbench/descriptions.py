"""Descriptions of plugins from their source, which is not imported."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from bdlbench import registry


def summary(kind: str, name: str) -> tuple[str, str]:
    """Return the first line of a plugin's docstring, and its settings.

    The source is parsed, not imported: listing is fast, and includes broken plugins.
    """
    point = next(point for point in registry.points(kind) if point.name == name)
    try:
        spec = importlib.util.find_spec(point.module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"No module named {point.module!r}")
        tree = ast.parse(Path(spec.origin).read_bytes())
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        node = classes[point.attr]
    except (Exception, SystemExit) as error:  # finding a.b imports a, which may raise anything
        return f"cannot be read: {type(error).__name__}: {error}", ""
    settings = [
        f"{ast.unparse(item.target)}={_written(item.value)}"
        for item in node.body
        if isinstance(item, ast.AnnAssign) and item.value and "ClassVar" not in ast.dump(item)
    ]
    return (ast.get_docstring(node) or "").partition("\n")[0], ",".join(settings)


def _written(value: ast.expr) -> str:
    """Format a default as on the command line: strings without quotes."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return ast.unparse(value)
