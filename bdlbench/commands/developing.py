"""The commands for developers of samplers and of bdlbench: new, numerics, doctor."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from bdlbench.commands.options import OWN, DataDir, Debug, Results
from bdlbench.errors import BdlbenchError

app = typer.Typer()


@app.command()
def doctor(data_dir: DataDir = None, results: Results = OWN, debug: Debug = False) -> None:
    """Print the environment for a bug report: versions, machine, data, results, plugins."""
    from bdlbench.commands.doctor import examine

    with redirect_stdout(sys.stderr):
        lines = list(examine(results, data_dir))
    typer.echo("\n".join(lines))


@app.command()
def new(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[KIND] NAME",
            help="What to write: sampler (the default), task, model, dataset or metric; its name.",
        ),
    ],
    debug: Debug = False,
) -> None:
    """Write a commented template of a plugin or a task, which runs unchanged."""
    from bdlbench.commands import scaffold

    if len(words) > 2:
        raise BdlbenchError(f"expected KIND and NAME, such as task my-task, got {' '.join(words)}")
    kind, name = ["sampler", *words][-2:]
    path, attempt = scaffold.write(kind, name, Path())
    typer.echo(f"{path}: try `{attempt}`")


@app.command()
def numerics(
    check: Annotated[
        bool, typer.Option("--check", help="Recompute the goldens, and list those that changed.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept changed code that reproduces the goldens.")
    ] = False,
    raised: Annotated[
        bool, typer.Option("--raise", help="Accept changed code as a new version.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Show the numerics version of the code, and accept changes."""
    if check + accept + raised > 1:
        raise BdlbenchError("expected one of --check, --accept and --raise, got several")
    set_up_jax()
    from bdlbench.runs import acceptance

    if accept or raised:
        typer.echo(f"accepted as numerics version {acceptance.accept(raised)}")
        return
    changed = acceptance.check() if check else []
    for line in acceptance.report(changed):
        typer.echo(line)
    if changed:
        raise BdlbenchError(f"{len(changed)} goldens have changed; see above")
    if check:
        typer.echo("all goldens are reproduced")


def set_up_jax() -> None:
    """Set JAX's environment variables, for commands that compute in this process."""
    from bdlbench.execution import environment

    os.environ.update(environment.for_jax())
