"""The commands for many runs: grid, status, tune."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdlbench.commands.compare import start_processes
from bdlbench.commands.options import (
    OWN,
    Address,
    Backend,
    Columns,
    DataDir,
    Debug,
    Device,
    Epochs,
    Force,
    Format,
    Jobs,
    Memory,
    Model,
    Quiet,
    Results,
    Timeout,
    Wide,
    in_bytes,
    local,
)
from bdlbench.comparison import output
from bdlbench.errors import BdlbenchError

if TYPE_CHECKING:
    from bdlbench.comparison.planned import Planned

app = typer.Typer()
GRID = """\b
A complete grid file, in TOML; lists are combined:
  tasks = ["digits"]             # optional, as models, epochs and draws
  seeds = 3                      # or a list of seeds
  samplers.sgd = {}              # the first sampler is the baseline
  samplers.sgld.batch_size = [32, 128]
  samplers.sgld.step_size = {low = 1e-5, high = 1e-3, steps = 5, log = true}
"""


@app.command(epilog=GRID)
def grid(
    file: Annotated[
        Path,
        typer.Argument(parser=local, metavar="FILE.toml", help="Grid file; see below."),
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print the runs and their estimated cost, without executing them."
        ),
    ] = False,
    data_dir: DataDir = None,
    results: Results = OWN,
    jobs: Jobs = None,
    backend: Backend = "local",
    address: Address = None,
    timeout: Timeout = None,
    memory: Memory = None,
    device: Device = "auto",
    format: Format = "table",
    columns: Columns = None,
    wide: Wide = False,
    force: Force = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a grid of samplers, hyperparameters, tasks, models, budgets and seeds."""
    output.check_format(format)
    names = output.check_columns(columns, wide, format)
    if not dry_run:
        start_processes()
    from bdlbench.comparison import costs
    from bdlbench.comparison.conclude import conclude
    from bdlbench.comparison.grid import read
    from bdlbench.execution import pool

    execution = pool.ExecutionOptions(
        jobs, backend, address, timeout, in_bytes(memory), force, quiet
    )
    with redirect_stdout(sys.stderr):  # plugin files may print when loaded
        planned = read(file).plan(
            data_dir=data_dir, results=results, device=device, say=execution.say
        )
        all_jobs = [job for part in planned for job in part.jobs]
        if not dry_run:
            made = pool.complete(all_jobs, execution)
            comparisons = [conclude(part, *made) for part in planned]
    if dry_run:
        typer.echo("\n".join(costs.preview(all_jobs, results, execution)))
        return
    output.show(comparisons, format, names, wide)


@app.command()
def status(
    file: Annotated[
        Path | None,
        typer.Argument(parser=local, metavar="[FILE.toml]", help="Grid file; default: all runs."),
    ] = None,
    data_dir: DataDir = None,
    results: Results = OWN,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Show the progress of runs: done, failed, running, left."""
    from bdlbench.comparison.status import survey
    from bdlbench.records import store

    if file is None and (data_dir is not None or device != "auto"):
        raise BdlbenchError("--data-dir and --device need a grid file; add it, or omit them")
    runs: list[tuple[str, str, str, str]] = []
    if file is None:
        store.check_exists(results)
    else:
        from bdlbench.comparison.grid import read

        with redirect_stdout(sys.stderr):
            planned = read(file).plan(data_dir=data_dir, results=results, device=device)
        runs = [_run_key(part, index) for part in planned for index in range(len(part.jobs))]
    typer.echo(survey(results, runs).to_text())


def _run_key(planned: Planned, index: int) -> tuple[str, str, str, str]:
    job, candidate = planned.jobs[index], planned.candidates[index // len(planned.seeds)]
    return job.run, job.task, planned.setup.model, candidate.label


@app.command()
def tune(
    samplers: Annotated[
        list[str],
        typer.Argument(metavar="SAMPLER[:setting=value,…]…", help="Sampler names or files."),
    ],
    task: Annotated[str, typer.Option(help="Task, such as digits, or its .py file.")],
    trials: Annotated[int, typer.Option(help="Trials per sampler; recorded in later runs.")] = 10,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LOW..HIGH[:log]",
            help="Search range of a hyperparameter; may be repeated.",
            show_default="a tenth to ten times each learning rate",
        ),
    ] = None,
    model: Model = None,
    seeds: Annotated[int, typer.Option(help="Seeds per trial.")] = 1,
    epochs: Epochs = None,
    data_dir: DataDir = None,
    results: Results = OWN,
    jobs: Jobs = None,
    backend: Backend = "local",
    address: Address = None,
    timeout: Timeout = None,
    memory: Memory = None,
    device: Device = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tune hyperparameters on the validation split; print one configured sampler per line."""
    start_processes(samplers)
    from bdlbench.comparison.ranges import parse_search
    from bdlbench.comparison.tune import tune as tune_samplers
    from bdlbench.execution.pool import ExecutionOptions

    execution = ExecutionOptions(jobs, backend, address, timeout, in_bytes(memory), quiet=quiet)
    with redirect_stdout(sys.stderr):
        outcomes = tune_samplers(
            samplers,
            execution,
            trials=trials,
            search=parse_search(search or []),
            **{"task": task, "model": model, "seeds": seeds, "epochs": epochs},
            **{"data_dir": data_dir, "results": results, "device": device, "say": execution.say},
        )
    for tuned in outcomes:
        if complaint := tuned.complaint():
            typer.echo(complaint, err=True)
        if tuned.objective is not None:
            execution.say(tuned.result())
            typer.echo(tuned.spec)
    failed = [tuned.spec.partition(":")[0] for tuned in outcomes if tuned.objective is None]
    if failed:
        raise BdlbenchError(f"no trial of {', '.join(failed)} completed; nothing is selected")
