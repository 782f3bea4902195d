"""Write what a stranger wrote so that it is read as text, and nothing else.

A terminal obeys control characters, a spreadsheet reads a cell that begins with ``=`` as a formula,
and Markdown holds links, pictures and HTML.
"""

from __future__ import annotations

import re

from bdlbench.site.text import visible

_PLAIN = re.compile(r"[A-Za-z0-9 ,()-]*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def markdown(text: str) -> str:
    """Return text for Markdown: as code, in which nothing is a link, a mark or HTML."""
    if _PLAIN.fullmatch(text):
        return text
    # A backslash would escape what follows it in a table's cell, even within code.
    return f"`{visible(text).replace('`', 'ˋ').replace(chr(92), '⧵')}`"


def csv_cell(text: str) -> str:
    """Return text for a cell of a spreadsheet: one that begins like a formula gets a quote."""
    shown = visible(text, longest=1000)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
