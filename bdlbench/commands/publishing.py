"""The commands for publishing and verifying runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bdlbench.commands.options import OWN, DataDir, Debug, Results, local, say
from bdlbench.errors import BdlbenchError
from bdlbench.storage.locations import RESULTS_VARIABLE, is_local, place, results_at

app = typer.Typer()


def _left_out(results: Path) -> Callable[[str], None]:
    """Return a function that warns of a damaged run, which a board or page omits."""
    from bdlbench.storage.escaping import visible

    where = "" if results == results_at() else f" --results {results}"

    def warn(run: str) -> None:
        name = visible(run, 150)
        say(f"warning: {name} is left out; why: bdlbench verify {name}{where}")

    return warn


@app.command()
def leaderboard(
    results: Results = OWN,
    task: Annotated[
        str | None, typer.Option(help="Print only the boards of this task.", show_default="all")
    ] = None,
    debug: Debug = False,
) -> None:
    """Build leaderboard.md and .csv from all test-split runs, and print the boards."""
    from bdlbench.comparison.output import console
    from bdlbench.leaderboard import boards, rendering, screen
    from bdlbench.records import store
    from bdlbench.runs import tasks

    name = None if task is None else tasks.get(task).name
    store.check_exists(results)
    built = boards.build(results, _left_out(results))
    if not built:
        typer.echo(f"no runs on the test split in {results}; nothing is written")
        return
    shown = [board for board in built if name in (None, board.task)]
    if not shown:
        typer.echo(f"no runs of {name} on the test split in {results}")
    screen.show(shown, console())
    for path in rendering.write(results, built):
        typer.echo(path, err=True)


@app.command()
def publish(
    out: Annotated[
        Path | None,
        typer.Option(
            parser=local,
            metavar="FOLDER",
            help="Folder of the site.",
            show_default="site, in the results folder",
        ),
    ] = None,
    results: Results = OWN,
    debug: Debug = False,
) -> None:
    """Build a static site of the leaderboard."""
    from bdlbench.site import publish as site

    if out is None and not is_local(results):
        raise BdlbenchError(
            f"expected --out with a local folder, since {results} is remote; add it"
        )
    typer.echo(site.publish(results, out or results / "site", _left_out(results)))


@app.command()
def score(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=place,
            metavar="[FOLDER|URL]",
            help="Results, or one run.",
            envvar=RESULTS_VARIABLE,
        ),
    ] = OWN,
    update: Annotated[
        bool, typer.Option("--update", help="Update metrics of earlier versions in the records.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Recompute all metrics from the stored predictions, and report mismatches."""
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
    typer.echo(f"{total} runs match their predictions" if total else f"no runs in {folder}")


@app.command()
def verify(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Names or folders of runs.")],
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Rerun each run, and compare the predictions.")
    ] = False,
    sampler: Annotated[
        str | None, typer.Option(help="The sampler's plugin file, if it is not installed.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task's file, if it is not installed.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model's file, if it isn't installed or the task's."),
    ] = None,
    data_dir: DataDir = None,
    results: Results = OWN,
    debug: Debug = False,
) -> None:
    """Verify runs: schema, checksums, inputs and metrics; with --rerun also the predictions."""
    from bdlbench.verification import verify as verification
    from bdlbench.verification.rerun import Files

    bad, total = [], 0
    given = Files(sampler, task, model)
    for finding in verification.verify(results, runs, rerun, given, data_dir, say):
        typer.echo(finding)
        total += 1
        if finding.verdict != verification.HOLDS:
            bad.append(finding.run)
    if bad:
        raise BdlbenchError(f"{len(bad)} of {total} runs failed verification: {', '.join(bad)}")


@app.command()
def submit(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Names or folders of runs.")],
    to: Annotated[
        Path,
        typer.Option(
            parser=local, metavar="FOLDER", help="The results folder in your checkout of bdlbench."
        ),
    ],
    results: Results = OWN,
    debug: Debug = False,
) -> None:
    """Verify runs, and add them to the published results of a checkout, for a pull request."""
    from bdlbench.verification.submission import submit as pack

    if not to.is_dir():
        raise BdlbenchError(f"--to {to}: no such folder; expected the results folder of a clone")
    for path in pack(runs, results, to):
        typer.echo(path)
    typer.echo(f"{to / 'leaderboard.md'} and .csv are updated; commit them with the runs")


@app.command(hidden=True)
def review(
    base: Annotated[Path, typer.Argument(help="Checkout of the base branch.")],
    head: Annotated[Path, typer.Argument(help="Checkout of the merged pull request.")],
    changes: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="Output of git diff --name-status --no-renames -z between them.",
        ),
    ],
    debug: Debug = False,
) -> None:
    """Verify the runs of a pull request, and print its changes of the leaderboard; for CI."""
    from bdlbench.verification.review import review as check

    typer.echo(check(base, head, changes))


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, prefix or folder of a run.")],
    to: Annotated[str, typer.Option(help="Format: arviz (InferenceData, netCDF) or parquet.")],
    out: Annotated[
        Path | None,
        typer.Option(
            parser=local,
            metavar="FILE",
            help="File to write.",
            show_default="named after the run",
        ),
    ] = None,
    results: Results = OWN,
    debug: Debug = False,
) -> None:
    """Export the predictions of a run for ArviZ, or as a Parquet table."""
    from bdlbench.records.store import locate
    from bdlbench.runs.export import check_format
    from bdlbench.runs.export import export as write

    check_format(to)
    typer.echo(write(locate(results, run, say), to, out))
