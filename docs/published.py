"""Make README's table and picture, and the figures of the findings, from the published runs.

Usage: ``python docs/published.py``, after ``bdlbench leaderboard``.

In findings.in.md, ``{mnist mlp-400-400 64 epochs | sgld | NLL}`` stands for the figure of the board
of that task, model and budget (of several, the one with most samplers), of a sampler and a column
of ``leaderboard.md``, and becomes a link to the board.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

mpl.use("agg")
import matplotlib.pyplot as plt

from bdlbench.leaderboard import boards, rendering
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.records import store

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
BOARD = ("mnist", "mlp-400-400")
COLUMNS = (
    "rank",
    "sampler",
    "target",
    "seeds",
    "accuracy ↑",
    "NLL ↓",
    "ECE (15 bins) ↓",
    "AUROC (notmnist) ↑",
    "AUROC (mnist-letters) ↑",
    "epochs",
)
SETS = {
    "test": "MNIST digits",
    "notmnist": "notMNIST letters",
    "mnist-letters": "MNIST-like letters",
}
COLOURS = {"sgd": "#d55e00", "sgld": "#0072b2"}  # Okabe & Ito: told apart by everyone
BINS = np.linspace(0.1, 1, 19)
NOTE = "<!-- Made by docs/published.py from findings.in.md and the published runs. -->\n\n"


def board_of(boards: Sequence[Board]) -> Board:
    """Return the board that README shows: of its task and model, the one with most samplers."""
    alike = [board for board in boards if (board.task, board.model) == BOARD]
    return max(alike, key=lambda board: len(board.entries))


def section(boards: Sequence[Board]) -> str:
    """Return what stands between README's marks: the table, and what it says of letters."""
    board = board_of(boards)
    title = rendering.title(board)
    table = "\n".join(lines_of(board, COLUMNS))
    return "\n\n".join(filter(None, [f"**{title}**", board.origin, table, _finding(board)]))


def lines_of(board: Board, names: Sequence[str]) -> list[str]:
    """Return header, rule and rows of a board's table in Markdown, with these columns alone."""
    (lines,) = rendering.rows_of([board]).values()
    rows = [line[2:-2].split(" | ") for line in lines]
    chosen = [rows[0].index(name) for name in names]
    return [f"| {' | '.join(row[index] for index in chosen)} |" for row in rows]


def _finding(board: Board) -> str:
    sgd, sgld = (
        [
            entry_of(board, name).row.metrics[f"ood.{letters}.confident_fraction"].mean
            for letters in ("notmnist", "mnist-letters")
        ]
        for name in COLOURS
    )
    return (
        f"SGD calls {sgd[0]:.0%} of notMNIST's letters a digit with over 90 % confidence; SGLD, "
        f"which averages over draws from the posterior, {sgld[0]:.0%}. Of the letters that are "
        f"drawn like MNIST's digits it is {sgd[1]:.0%} and {sgld[1]:.0%}."
    )


def entry_of(board: Board, sampler: str) -> Entry:
    """Return a sampler's row."""
    (found,) = (entry for entry in board.entries if entry.records[0].sampler.name == sampler)
    return found


def confidences(entry: Entry) -> dict[str, NDArray[np.float64]]:
    """Return the highest probability for every input of every set, all seeds together."""
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in SETS}
    for record in entry.records:
        folder = store.folder_of(RESULTS, record.run)
        for name, predictions in store.read_predictions(folder, record).items():
            found[name].append(predictions.probabilities.max(axis=1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def panel(axes: Axes, title: str, values: dict[str, NDArray[np.float64]]) -> None:
    """Draw one set of inputs: a step histogram for each sampler, and its share above 90 %."""
    for sampler, confidence in values.items():
        weights = np.full(len(confidence), 100 / len(confidence))
        share = (confidence > 0.9).mean()
        axes.hist(
            confidence, BINS, weights=weights, histtype="step", linewidth=2.5,
            color=COLOURS[sampler], label=f"{sampler.upper()}: {share:.0%} above 0.9",
        )  # fmt: skip
    axes.set(title=title, xlabel="highest probability", xlim=(0.1, 1))
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def picture(board: Board) -> Figure:
    """Draw how sure SGD and SGLD are of digits and of letters."""
    found = {sampler: confidences(entry_of(board, sampler)) for sampler in COLOURS}
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), sharey=True, layout="constrained")
    for ax, (name, title) in zip(axes, SETS.items(), strict=True):
        panel(ax, title, {sampler: values[name] for sampler, values in found.items()})
    axes[0].set_ylabel("share of inputs (%)")
    figure.suptitle("Trained on digits: SGD is sure of letters, too, SGLD of fewer", fontsize=14)
    return figure


def fill_in(text: str, content: str) -> str:
    """Return README with what stands between its marks replaced."""
    marks = r"(<!-- table -->\n).*?(\n<!-- /table -->)"
    return re.sub(marks, lambda found: found[1] + content + found[2], text, flags=re.DOTALL)


def findings(boards: Sequence[Board]) -> str:
    """Return the findings with their figures."""

    def figure_of(found: re.Match[str]) -> str:
        name, sampler, metric = (part.strip() for part in found[1].split("|"))
        alike = [board for board in boards if f"{board.task} {board.model} {board.budget}" == name]
        board = max(alike, key=lambda board: len(board.entries))
        (column,) = (column for column in board.columns if column.title.startswith(metric))
        value = str(column.cell(entry_of(board, sampler).row.metrics[column.metric]))
        anchor = re.sub(r"[^\w -]", "", rendering.title(board)).replace(" ", "-").lower()
        return f"[{' '.join(value.split())}](../results/leaderboard.md#{anchor})"

    text = (ROOT / "docs/findings.in.md").read_text("utf-8")
    return NOTE + re.sub(r"\{([^{}]+\|[^{}]+)\}", figure_of, text)


def main() -> None:
    """Write all of them."""
    built = boards.build(RESULTS)
    readme = ROOT / "README.md"
    readme.write_text(fill_in(readme.read_text("utf-8"), section(built)), "utf-8")
    (ROOT / "docs/findings.md").write_text(findings(built), "utf-8")
    picture(board_of(built)).savefig(ROOT / "docs/confidence.png", dpi=110)


if __name__ == "__main__":
    main()
