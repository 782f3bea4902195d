"""Options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bdlbench.comparison.output import FORMATS
from bdlbench.errors import BdlbenchError
from bdlbench.settings import positive
from bdlbench.storage.locations import RESULTS, RESULTS_VARIABLE, on_this_machine, place


def local(text: str | Path) -> Path:
    """Parse a local path.

    Raises:
        BadParameter: It is a URL.
    """
    try:
        return on_this_machine(text)
    except BdlbenchError as error:
        raise typer.BadParameter(str(error)) from error


Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Results = Annotated[
    Path,
    typer.Option(
        parser=place,
        metavar="FOLDER|URL",
        help="Folder or URL of the results.",
        envvar=RESULTS_VARIABLE,
    ),
]
OWN = Path(RESULTS)  # the default of every command
DataDir = Annotated[
    Path | None,
    typer.Option(
        parser=local, metavar="FOLDER", help="Data folder, searched before $BDLBENCH_DATA."
    ),
]
Model = Annotated[
    str | None, typer.Option(help="Model of all runs, or its .py file.", show_default="the task's")
]
Epochs = Annotated[
    float | None, typer.Option(help="Budget of each run, in epochs.", show_default="the task's")
]
Device = Annotated[str, typer.Option(help="Device: auto, cpu or cuda.")]
Jobs = Annotated[
    int | None, typer.Option(help="Runs in parallel, each on one core.", show_default="cores")
]
Backend = Annotated[str, typer.Option(help="Where to execute runs: local, dask or ray.")]
Address = Annotated[
    str | None, typer.Option(help="Address of the Dask scheduler or the Ray cluster.")
]
Timeout = Annotated[float | None, typer.Option(help="Timeout of a run, in seconds.")]
Memory = Annotated[float | None, typer.Option(help="Memory limit of a run, in gigabytes.")]
Format = Annotated[str, typer.Option(help=f"Output format: {', '.join(FORMATS)}.")]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,…",
        help="Columns: all, fidelity, cost, or metrics such as nll,auroc.",
        show_default="the most important",
    ),
]
Wide = Annotated[bool, typer.Option("--wide", help="Print all columns, however wide.")]
Force = Annotated[bool, typer.Option("--force", help="Rerun stored runs.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Hide progress.")]


def say(line: str) -> None:
    """Print a note to standard error."""
    typer.echo(line, err=True)


def in_bytes(gigabytes: float | None) -> int | None:
    """Convert the value of ``--memory`` to bytes."""
    if gigabytes is None:
        return None
    return max(1, int(positive("memory", gigabytes, " of gigabytes, such as 4") * 1e9))
