"""Review a pull request that adds runs, which are untrusted data and are never executed.

The leaderboard is built from the base's results plus the new runs; other files of the request are
ignored.
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
    """Check the runs of a pull request, and return the changes of the leaderboard as Markdown.

    Args:
        base: Checkout of the target branch.
        head: Checkout of the merged request.
        changes: File with the output of ``git diff --name-status --no-renames -z``.

    Raises:
        BdlbenchError: A check failed; the message describes the first.
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
        merged = Path(space) / "results"
        shutil.copytree(base / "results", merged)
        for folder in folders:
            copy_run(folder, folder_of(merged, folder.name))
        records = check([folder_of(merged, run) for run in runs])
        admission.check_data(records, admission.read_runs(base / "results"))
        before, after = boards.build(base / "results"), boards.build(merged)
    pages = rendering.to_markdown(after), rendering.to_csv(after)
    for name, page in zip(_PAGES, pages, strict=True):
        if files.read_bytes(results / name, _LARGEST_PAGE) != page.encode():
            raise BdlbenchError(
                f"results/{name} does not match the runs; run `bdlbench leaderboard --results "
                "results` on the latest main, and commit its output"
            )
    changed = difference(rows_of(before), rows_of(after))
    return "\n".join([f"{len(runs)} runs checked: no errors found.", "", *changed])


def added(changes: bytes) -> list[str]:
    """Return the names of the runs that a pull request adds.

    Args:
        changes: Alternating status and path, each terminated by a zero byte.

    Raises:
        BdlbenchError: It changes anything other than added runs and the leaderboard.
    """
    fields = changes.decode("utf-8", "replace").split("\0")[:-1]
    runs: dict[str, None] = {}
    for status, path in zip(fields[::2], fields[1::2], strict=True):
        match = _RUN.fullmatch(path)
        if match and status == "A":
            runs[match[1]] = None
        elif path not in [f"results/{name}" for name in _PAGES]:
            raise BdlbenchError(
                "expected a pull request that only adds runs, got "
                f"{visible(status, 5)} {visible(path, 100)}"
            )
    if not runs:
        raise BdlbenchError("expected a pull request that adds runs, got none")
    return list(runs)


def difference(
    before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return a Markdown table of added and removed rows for every board that changed.

    Args:
        before: Header, rule and rows of each board, as lines of Markdown, by title.
        after: The same.
    """
    lines: list[str] = []
    for title, (header, rule, *rows) in after.items():
        old = before.get(title, ())[2:]
        removed = [f"| − {row}" for row in old if row not in rows]
        new = [f"| + {row}" for row in rows if row not in old]
        if removed or new:
            lines += [f"### {title}", "", f"|  {header}", f"| --- {rule}", *new, *removed, ""]
    return lines
