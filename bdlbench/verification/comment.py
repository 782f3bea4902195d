"""Make a comment of what the review of a pull request printed, which a stranger may have written.

The job that printed it had no rights, and its own steps may have been those of the request. So
every word that is not plainly a figure or a word is shown as code: in a comment, others would
notify people, load pictures, and be links.
"""

from __future__ import annotations

import re

from bdlbench.storage.escaping import code

LARGEST = 2**18  # bytes of the text
_LONGEST = 50_000  # characters of a comment; GitHub takes 65,536
_FIGURE = r"(\*\*)?[+−-]?[0-9]{1,6}(\.[0-9]+)?(e[+-][0-9]+)?(\*\*)?"
# GH-1 would be a link to an issue, and seven hexadecimal digits one to a commit.
_WORDS = r"(?!.*gh-|.*[0-9a-f]{7})[a-z0-9 ,()·:↑↓+−–%>-]*\.?"
_PLAIN = re.compile(rf"{_FIGURE}( ±{_FIGURE})?|{_WORDS}", re.IGNORECASE | re.ASCII)
_RULE = re.compile(r"-{3}:?")
_CUT = "What follows is left out here; the summary of the check has it."


def body(text: str) -> str:
    """Return the text as Markdown in which nothing is a link, a mark, a picture or HTML.

    Its headings and its tables stay what they are. What is beyond a comment is left out.
    """
    lines: list[str] = []
    size = 0
    for line in text.splitlines():
        lines.append(_line(line.strip()))
        size += len(lines[-1]) + 1
        if size > _LONGEST:
            return "\n".join([*lines[:-1], "", _CUT])
    return "\n".join(lines)


def _line(line: str) -> str:
    if line.startswith("### "):
        return f"### {_escape(line[4:])}"
    if line.startswith("|"):
        cells = re.split(r"(?<!\\)\|", line.strip("|"))
        return f"| {' | '.join(_escape(cell) for cell in cells)} |"
    return _escape(line)


def _escape(text: str) -> str:
    text = text.strip("` ")
    if _PLAIN.fullmatch(text) or _RULE.fullmatch(text):
        return text
    # A bar ends a cell, even within code.
    return code(text.replace("\\|", "|")).replace("|", "\\|")
