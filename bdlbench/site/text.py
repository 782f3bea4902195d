"""Escape untrusted text for plotly and for file names; the templates escape HTML."""

from __future__ import annotations

import hashlib
import html
import re
import textwrap

from bdlbench.storage.escaping import LONGEST, visible

_PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 60
_LINE = 36  # characters of a label in a plot
BREAK = "<br>"


def for_plotly(text: str, longest: int = LONGEST) -> str:
    """Escape a text for plotly, which interprets ``<a href>``, ``<b>`` and ``$x^2$`` in labels."""
    return html.escape(visible(text, longest), quote=False).replace("$", "&#36;")


def folded(label: str) -> str:
    """Return a sampler's label for plotly, long ones on several lines, broken after commas.

    Nothing is cut, since samplers may differ in the last of many settings only.
    """
    lines = [""]
    for part in re.split(r"(?<=,)", visible(label)):
        for piece in textwrap.wrap(part, _LINE, drop_whitespace=False) or [""]:
            if lines[-1] and len(lines[-1] + piece) > _LINE:
                lines.append("")
            lines[-1] += piece
    return BREAK.join(map(for_plotly, lines))


def page_name(label: str) -> str:
    """Return a unique file name, without extension, for the page of a label.

    A plain label such as ``sgld`` is its own name. Any other is reduced to letters, digits and
    dashes, plus eight digits of its SHA-256.
    """
    if _PLAIN.fullmatch(label) and len(label) <= _LONGEST_NAME:
        return label
    digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem = re.sub(r"[^a-z0-9]+", "-", label[:_LONGEST_NAME].lower()).strip("-")
    # No plain label has a double dash, so that none can imitate a digest.
    return f"{stem or 'sampler'}--{digest}"
