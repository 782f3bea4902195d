"""Escape untrusted text, so that it is displayed as text and nothing else.

A terminal obeys control characters, a spreadsheet reads a cell that begins with ``=`` as a formula,
and Markdown holds links, pictures and HTML.
"""

from __future__ import annotations

import re

LONGEST = 300  # characters of any one text; what is longer is told by the record itself
_PLAIN = re.compile(r"[A-Za-z0-9 ,()-]*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Return text with every character visible: control characters become ``\x1b``.

    What is longer than `longest` is cut, with an ellipsis at the end.
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def markdown(text: str) -> str:
    """Return text for Markdown: plain words as they are, all else as code."""
    return text if _PLAIN.fullmatch(text) else code(text)


def code(text: str) -> str:
    """Return text as code of Markdown, in which nothing is a link, a mark or HTML."""
    # A backslash would escape what follows it in a table's cell, even within code.
    return f"`{visible(text).replace('`', 'ˋ').replace(chr(92), '⧵')}`"


def csv_cell(text: str) -> str:
    """Return text for a cell of a spreadsheet: one that begins like a formula gets a quote."""
    shown = visible(text, longest=1000)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
