"""The commands that lead from runs to a public page. Heavy modules are imported by each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Results = Annotated[Path, typer.Option(help="Folder that runs are kept in.")]


@app.command()
def leaderboard(
    results: Results = Path("results"),
    task: Annotated[
        str | None, typer.Option(help="Print the boards of this task.", show_default="all")
    ] = None,
    debug: Debug = False,
) -> None:
    """Build leaderboard.md and .csv from all runs of the test split, and print them."""
    from rich.console import Console

    from bdlbench import leaderboard as boards
    from bdlbench import leaderboard_text, tasks

    wanted = None if task is None else tasks.get(task).name
    found = boards.build(results)
    shown = [board for board in found if wanted in (None, board.task)]
    leaderboard_text.show(shown, Console(width=None if sys.stdout.isatty() else 240))
    for path in leaderboard_text.write(results, found):
        typer.echo(path, err=True)


@app.command()
def publish(
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the site.", show_default="site, in the folder of runs"),
    ] = None,
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Write the leaderboard as a static site that opens from disk and needs no server."""
    from bdlbench.site import publish as site

    typer.echo(site.publish(results, out or results / "site"))
