"""Review a pull request that adds runs. They are untrusted data, and are only ever read.

What is built is the base's own results with the new runs laid over them, so that nothing else of
the request counts.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.leaderboard import admission, boards, rendering
from bdlbench.leaderboard.rendering import rows_of
from bdlbench.records.store import folder_of
from bdlbench.storage import files
from bdlbench.storage.escaping import visible
from bdlbench.verification.submission import check, check_files, copy_run

_RUN = re.compile(r"results/runs/([a-z0-9][a-z0-9-]{0,149})/(record\.json|predictions\.npz)")
_PAGES = ("leaderboard.md", "leaderboard.csv")
_LARGEST_PAGE = 2**24  # bytes


def review(base: Path, head: Path, changes: Path) -> str:
    """Check what a pull request adds, and return its changes of the leaderboard, as Markdown.

    Args:
        base: Checkout of the branch that it is for.
        head: Checkout of the request, merged.
        changes: What ``git diff --name-status --no-renames -z`` says of the two.

    Raises:
        BdlbenchError: The first thing that is wrong.
    """
    runs = added(files.read_bytes(changes, 2**20))
    results = head / "results"
    for folder in (results, results / "runs"):
        if folder.is_symlink():
            raise RecordError(f"expected {folder.relative_to(head)} to be a folder, got a link")
    folders = [folder_of(results, run) for run in runs]
    for folder in folders:
        check_files(folder)
    with TemporaryDirectory() as space:
        together = Path(space) / "results"
        shutil.copytree(base / "results", together)
        for folder in folders:
            copy_run(folder, folder_of(together, folder.name))
        records = check([folder_of(together, run) for run in runs])
        admission.check_data(records, admission.read_runs(base / "results"))
        before, after = boards.build(base / "results"), boards.build(together)
    pages = rendering.to_markdown(after), rendering.to_csv(after)
    for name, page in zip(_PAGES, pages, strict=True):
        if files.read_bytes(results / name, _LARGEST_PAGE) != page.encode():
            raise BdlbenchError(
                f"results/{name} is not what these runs give; run `bdlbench leaderboard` on the "
                "newest main, and commit what it writes"
            )
    changed = difference(rows_of(before), rows_of(after))
    return "\n".join([f"{len(runs)} runs checked: nothing is wrong with them.", "", *changed])


def added(changes: bytes) -> list[str]:
    """Return the names of the runs that a pull request adds.

    Args:
        changes: Status and path in turn, each ended by a zero byte.

    Raises:
        BdlbenchError: It does anything else than to add runs and to bring the leaderboard up to
            date; control rows, too, are never taken from outside.
    """
    fields = changes.decode("utf-8", "replace").split("\0")[:-1]
    runs: dict[str, None] = {}
    for status, path in zip(fields[::2], fields[1::2], strict=True):
        match = _RUN.fullmatch(path)
        if match and status == "A":
            runs[match[1]] = None
        elif path not in [f"results/{name}" for name in _PAGES]:
            raise BdlbenchError(
                "expected a pull request that adds runs and nothing else, got "
                f"{visible(status, 5)} {visible(path, 100)}"
            )
    if not runs:
        raise BdlbenchError("expected a pull request that adds runs, got none")
    return list(runs)


def difference(
    before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return a table of added and removed rows, for every board that changed.

    Args:
        before: Header and rows, as lines of Markdown, by the board's title.
        after: The same.
    """
    lines: list[str] = []
    for title, (header, rule, *rows) in after.items():
        old = before.get(title, ())[2:]
        went = [f"| − {row}" for row in old if row not in rows]
        came = [f"| + {row}" for row in rows if row not in old]
        if went or came:
            lines += [f"### {title}", "", f"|  {header}", f"| --- {rule}", *came, *went, ""]
    return lines
