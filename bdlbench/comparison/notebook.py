"""Show a comparison in a notebook."""

from __future__ import annotations

from html import escape

from bdlbench.comparison import table, verdicts
from bdlbench.comparison.layout import MARKS, choose, fill, fit
from bdlbench.comparison.summary import Summary

COLOURS = {"▲": "#2e8b57", "▼": "#d9534f"}  # legible on light and on dark pages


def to_html(comparison: Summary) -> str:
    """Return the table and the verdicts as HTML, in the colours of the page around it."""
    (block,) = fit(fill(comparison, choose((), comparison)), [], 0)
    headers = ["sampler", *(block.header(column, numbers) for column, numbers in block.columns)]
    rows = []
    for index, row in enumerate(comparison.rows):
        cells = [_cell(numbers[index].text(stacked=False)) for _, numbers in block.columns]
        rows.append(f"<tr><th>{escape(table.name(row))}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(text.strip()).replace(chr(10), '<br>')}</th>" for text in headers)
    lines = [claim.text for claim in verdicts.claims(comparison)] + table.failures(comparison.rows)
    return (
        f"<div><b>{escape(table.question(comparison))}</b>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"{'<br>'.join(map(escape, lines))}</div>"
    )


def _cell(text: str) -> str:
    content = escape(text.strip())
    for mark in MARKS.values():
        content = content.replace(mark, f'<span style="color: {COLOURS[mark]}">{mark}</span>')
    return f'<td style="text-align: right; white-space: nowrap">{content}</td>'
