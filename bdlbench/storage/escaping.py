"""Escaping of untrusted text for terminals, Markdown and spreadsheets.

Terminals execute control characters, spreadsheets execute cells that begin with ``=``, and Markdown
may contain links, images and HTML.
"""

from __future__ import annotations

import re

LONGEST = 300  # characters; longer texts can be read in the record
_PLAIN = re.compile(r"[A-Za-z0-9 ,()-]*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Escape control characters, as ``\x1b``, and truncate to `longest` characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def markdown(text: str) -> str:
    """Escape text for Markdown: anything but plain words is formatted as code."""
    return text if _PLAIN.fullmatch(text) else code(text)


def code(text: str) -> str:
    """Format text as inline code of Markdown, which contains no links, markup or HTML."""
    # In a table's cell a backslash escapes the next character even within code.
    return f"`{visible(text).replace('`', 'ˋ').replace(chr(92), '⧵')}`"


def csv_cell(text: str) -> str:
    """Escape text for a cell of a spreadsheet: a quote is put before formulas."""
    shown = visible(text, longest=1000)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
