"""Format a comparison as Markdown, CSV or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bdlbench.comparison import frame
from bdlbench.comparison.columns import Column, columns, control_rows
from bdlbench.comparison.summary import Row, Summary
from bdlbench.comparison.verdicts import claims
from bdlbench.records.record import COMPLETED, DIVERGED
from bdlbench.reference.bias import ERROR
from bdlbench.runs import tasks
from bdlbench.storage.documents import to_json


def to_markdown(comparison: Summary) -> str:
    """Return the table and the remarks as Markdown."""
    shown = columns(comparison.headline, comparison.setup.split)
    rows = [["sampler", "target", "run", *(column.header for column in shown)]]
    rows.append(["---", "---", "---", *("---:" for _ in shown)])
    rows += [[*texts, *cells] for texts, cells in _body(comparison, shown)]
    bullets = [f"- {line}" for line in remarks(comparison)]
    return "\n".join([f"**{title(comparison)}**", "", *markdown_lines(rows), "", *bullets])


def markdown_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; the second row is the delimiter row."""
    return [
        "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in row) + " |"
        for row in rows
    ]


def to_csv(comparison: Summary) -> str:
    """Return all metrics, with confidence intervals, as CSV."""
    return str(frame.wide(comparison).to_csv()).rstrip("\n")


def as_json(comparison: Summary) -> str:
    """Return the comparison as JSON; scores are fractions, not percent."""
    baseline = comparison.rows[comparison.baseline].sampler
    return to_json(
        {
            "task": comparison.setup.task.name,
            "model": comparison.setup.model,
            "split": comparison.setup.split,
            "seeds": list(comparison.seeds),
            "rows": [asdict(row) for row in comparison.rows],
            "differences": [
                {"sampler": name, "baseline": baseline, **asdict(difference)}
                for name, difference in comparison.differences
            ],
            "reference": {"floor": comparison.floor, "note": comparison.reference_note},
            "controls": {
                name: {control: {"auroc": value} for control, value in aurocs.items()}
                for name, aurocs in comparison.controls.items()
            },
        }
    )


def title(comparison: Summary) -> str:
    """Return the title: what is compared, and why this task if it was not given."""
    text = question(comparison)
    return f"{text} ({comparison.note.partition(':')[0]})" if comparison.note else text


def question(comparison: Summary) -> str:
    """Return what is compared: task, model, budget, split and number of seeds."""
    setup, seeds = comparison.setup, len(comparison.seeds)
    split = "test set" if setup.split == "test" else "validation set"
    return (
        f"{setup.task.name} · {setup.model} · {tasks.budget_of(setup.task)} · "
        f"{split} · {seeds} seed{'s' if seeds > 1 else ''}"
    )


def remarks(comparison: Summary) -> list[str]:
    """Return the lines below the table: differences, failures and explanations."""
    lines = [claim.text for claim in claims(comparison)]
    lines += failures(comparison.rows)
    reused = sum(row.reused for row in comparison.rows)
    if reused:
        lines.append(f"* {reused} runs were already stored; --force reruns them.")
    if len(comparison.seeds) > 1:
        lines.append(
            "±: 95 % Student-t confidence interval of the mean over seeds. [ , ]: that of the "
            "difference, from a bootstrap over test points and the spread over seeds."
        )
    return lines + notes(comparison.floor, comparison.reference_note, comparison.controls)


def notes(floor: Mapping[str, float], note: str, controls: Mapping[str, object]) -> list[str]:
    """Explain agreement, TV and the controls."""
    lines = [f"agreement and TV not available: {note}"] if note else []
    if floor:
        tv = floor["total_variation"]
        same = f"{floor['agreement']:.4f} and " if "agreement" in floor else ""
        lines.append(
            f"{'agreement, ' if same else ''}TV: with the reference posterior's prediction, from a "
            "long HMC run. "
            f"Between the halves of its chains: {same}{tv:.4f} (twice that: {2 * tv:.4f})."
        )
        lines.append(_parts(floor.get(ERROR)))
    if controls:
        lines.append("control: AUROC of a score of the inputs alone, without a network.")
    return lines


def _parts(error: float | None) -> str:
    """Explain the two parts of a TV, with the Monte-Carlo error of exact draws if it is known."""
    exact = "" if error is None else f" (of as many independent exact draws: {error:.4f})"
    return (
        "TV² = TV bias² + MC error² (about): TV bias is left when the runs of all seeds are "
        f"averaged and their Monte-Carlo error is removed; MC error is that of one run{exact}."
    )


def failures(rows: Sequence[Row]) -> list[str]:
    """Return one line per sampler and kind of failure, with the reasons."""
    lines = []
    for row in rows:
        failed = {name: n for name, n in row.outcomes.items() if name != COMPLETED}
        for outcome, count in failed.items():
            remedy = "; lower its step size" if outcome == DIVERGED else ""
            total = sum(row.outcomes.values())
            why = "; ".join(row.reasons)
            lines.append(f"{row.sampler}: {outcome} in {count} of {total} runs: {why}{remedy}")
    return lines


def _body(comparison: Summary, columns: Sequence[Column]) -> list[tuple[list[str], list[str]]]:
    body = [
        (
            [f"{name(row)}{' *' if row.reused else ''}", row.certificate, row.run],
            [str(column.cell(row)) for column in columns],
        )
        for row in comparison.rows
    ]
    controls = control_rows(comparison.controls, columns)
    return body + [([name, "", ""], list(map(str, cells))) for name, cells in controls]


def name(row: Row) -> str:
    """Return a sampler's label, with the kinds of its failures."""
    failed = [outcome for outcome in row.outcomes if outcome != COMPLETED]
    failed += ["collapsed"] if row.collapsed else []
    return f"{row.sampler} [{', '.join(failed)}]" if failed else row.sampler
