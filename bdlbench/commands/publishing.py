"""The commands for publishing runs. Heavy modules are imported by each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bdlbench.commands.options import DataDir, Debug, Results, local
from bdlbench.errors import BdlbenchError
from bdlbench.storage.locations import is_local, place

app = typer.Typer()


@app.command()
def leaderboard(
    results: Results = Path("results"),
    task: Annotated[
        str | None, typer.Option(help="Print the boards of this task.", show_default="all")
    ] = None,
    debug: Debug = False,
) -> None:
    """Build leaderboard.md and .csv from all runs on the test split, and print the boards."""
    from rich.console import Console

    from bdlbench.leaderboard import boards, rendering
    from bdlbench.runs import tasks

    wanted = None if task is None else tasks.get(task).name
    found = boards.build(results)
    if not found:
        typer.echo(f"no runs on the test split in {results}; nothing is written")
        return
    shown = [board for board in found if wanted in (None, board.task)]
    if not shown:
        typer.echo(f"there are no runs of {wanted} on the test split in {results}")
    rendering.show(shown, Console(width=None if sys.stdout.isatty() else 240))
    for path in rendering.write(results, found):
        typer.echo(path, err=True)


@app.command()
def publish(
    out: Annotated[
        Path | None,
        typer.Option(
            parser=local,
            metavar="FOLDER",
            help="Folder of the site.",
            show_default="site, in the folder of runs",
        ),
    ] = None,
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Write the leaderboard as a static site, which needs no server."""
    from bdlbench.site import publish as site

    if out is None and not is_local(results):
        raise BdlbenchError(
            f"expected --out, a folder on this machine, for the site of {results}; name one"
        )
    typer.echo(site.publish(results, out or results / "site"))


@app.command()
def score(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=place, metavar="[FOLDER|URL]", help="Results, or the folder of one run."
        ),
    ] = Path("results"),
    update: Annotated[
        bool, typer.Option("--update", help="Update metrics of an earlier version.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Recompute every metric of every run from its predictions; report differences."""
    from bdlbench.storage.escaping import visible
    from bdlbench.verification.check_run import rescore

    wrong = total = 0
    for run, lines in rescore(folder, update):
        total += 1
        wrong += bool(lines)
        for line in lines:
            typer.echo(visible(f"{run}: {line}", 500))
    if wrong:
        raise BdlbenchError(f"{wrong} of {total} runs do not match their predictions; see above")
    typer.echo(
        f"{total} runs match their predictions" if total else f"there are no runs in {folder}"
    )


@app.command()
def verify(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Names, or folders.")],
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Repeat each run, and compare the predictions.")
    ] = False,
    sampler: Annotated[
        str | None, typer.Option(help="The sampler's file, if it is not installed.")
    ] = None,
    data_dir: DataDir = None,
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Check runs: schema, checksum, inputs, metrics; with --rerun also by repeating them."""
    from bdlbench.verification import verify as verification

    def say(line: str) -> None:
        typer.echo(line, err=True)

    bad, total = [], 0
    for found in verification.verify(results, runs, rerun, sampler, data_dir, say):
        typer.echo(found)
        total += 1
        if found.verdict != verification.HOLDS:
            bad.append(found.run)
    if bad:
        raise BdlbenchError(f"{len(bad)} of {total} runs cannot be trusted: {', '.join(bad)}")


@app.command()
def submit(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Names, or folders.")],
    to: Annotated[
        Path,
        typer.Option(
            parser=local, metavar="FOLDER", help="Results of your checkout of the project."
        ),
    ],
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Copy runs into the published results, after all checks, ready for a pull request."""
    from bdlbench.verification.submission import submit as pack

    for path in pack(runs, results, to):
        typer.echo(path)
    typer.echo(f"{to / 'leaderboard.md'} and .csv are updated; commit them with the runs")


@app.command(hidden=True)
def review(
    base: Annotated[Path, typer.Argument(help="Checkout that a pull request is for.")],
    head: Annotated[Path, typer.Argument(help="Checkout of the request, merged.")],
    changes: Annotated[
        Path, typer.Argument(help="What git diff --name-status --no-renames -z says of the two.")
    ],
    debug: Debug = False,
) -> None:
    """Check the runs that a pull request adds, and list what they change; for the workflow."""
    from bdlbench.verification.review import review as check

    typer.echo(check(base, head, changes))


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or its folder.")],
    to: Annotated[str, typer.Option(help="arviz (InferenceData, netCDF) or parquet.")],
    out: Annotated[
        Path | None,
        typer.Option(
            parser=local,
            metavar="FILE",
            help="File to write.",
            show_default="the run's name, here",
        ),
    ] = None,
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Export a run's predictions for ArviZ, or as a Parquet table."""
    from bdlbench.records.store import locate
    from bdlbench.runs.export import export as write

    typer.echo(write(locate(results, run), to, out))
