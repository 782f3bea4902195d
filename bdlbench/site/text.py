"""Escape untrusted text for plotly, and for names of pages.

Escaping for HTML is the templates' work; this is about what escaping leaves alone.
"""

from __future__ import annotations

import hashlib
import html
import re

from bdlbench.storage.escaping import visible

_PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 60


def for_plotly(text: str, longest: int = 40) -> str:
    """Return a text for plotly, which reads ``<a href>``, ``<b>`` and ``$x^2$`` in every label."""
    return html.escape(visible(text, longest), quote=False).replace("$", "&#36;")


def page_name(label: str) -> str:
    """Return the name of a sampler's page, without its ending; different labels never share one.

    A plain label such as ``sgld`` is its own name. Any other is reduced to letters, digits and
    dashes, and ends in eight digits of its SHA-256.
    """
    if _PLAIN.fullmatch(label) and len(label) <= _LONGEST_NAME:
        return label
    digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem = re.sub(r"[^a-z0-9]+", "-", label[:_LONGEST_NAME].lower()).strip("-")
    # A dash twice, which no plain label has: one cannot be made to look like another's digest.
    return f"{stem or 'sampler'}--{digest}"
