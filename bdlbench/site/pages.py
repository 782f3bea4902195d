"""Render the index page, and a page for every sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bdlbench.leaderboard import rendering
from bdlbench.leaderboard.boards import Board
from bdlbench.site import index_page, sampler_page
from bdlbench.site.text import page_name
from bdlbench.storage.escaping import visible

CSV = "leaderboard.csv"


def write(results: Path, boards: Sequence[Board], site: Path) -> None:
    """Write all pages and downloads to the folder of the site.

    Raises:
        RecordError: A file of a run is missing or does not match its record.
    """
    environment = _environment()
    write_index(boards, site)
    (site / "samplers").mkdir()
    for label, pairs in sampler_page.group(boards).items():
        content = {"page": sampler_page.view(results, label, pairs, site)}
        path = site / "samplers" / f"{page_name(label)}.html"
        _render(environment, "sampler.html", "../", content, path)
    (site / CSV).write_bytes(rendering.to_csv(boards).encode())


def write_index(boards: Sequence[Board], site: Path) -> None:
    """Write the index page."""
    _render(_environment(), "index.html", "", index_page.view(boards), site / "index.html")


def _environment() -> jinja2.Environment:
    """Return an environment that escapes HTML and invisible characters in all text of records."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("bdlbench.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _render(
    environment: jinja2.Environment, name: str, root: str, content: Mapping[str, Any], path: Path
) -> None:
    text = environment.get_template(name).render(root=root, version=version("bdlbench"), **content)
    path.write_text(text, "utf-8", newline="\n")
