"""The commands for many runs. Heavy modules are imported by each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdlbench.commands.options import (
    Address,
    Backend,
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
    in_bytes,
    local,
)
from bdlbench.comparison import output
from bdlbench.errors import BdlbenchError

if TYPE_CHECKING:
    from bdlbench.comparison.planned import Planned

app = typer.Typer()


def compare(
    samplers: Annotated[
        list[str],
        typer.Argument(
            metavar="SAMPLER[:setting=value,…]…",
            help="Names, or plugin files such as ./mine.py; the first is the baseline.",
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(help="Task to compare on.", show_default="mnist if available, else digits"),
    ] = None,
    model: Model = None,
    seeds: Annotated[int, typer.Option(help="Runs of each sampler.")] = 3,
    epochs: Epochs = None,
    draws: Annotated[
        int | None, typer.Option(help="Draws to keep per run.", show_default="the task's")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Evaluate on 'test', or on 'validation' for tuning.")
    ] = "test",
    data_dir: DataDir = None,
    results: Results = Path("results"),
    jobs: Jobs = None,
    backend: Backend = "local",
    address: Address = None,
    timeout: Timeout = None,
    memory: Memory = None,
    device: Device = "auto",
    format: Format = "table",
    force: Force = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare samplers on one task, at equal budgets, with intervals over seeds."""
    output.check_format(format)
    _start_processes(samplers)
    from bdlbench.comparison.compare import run_comparison

    with redirect_stdout(sys.stderr):  # a plugin's file may print as it is loaded
        comparison = run_comparison(
            samplers,
            task=task,
            model=model,
            seeds=seeds,
            epochs=epochs,
            draws=draws,
            split=split,
            data_dir=data_dir,
            results=results,
            jobs=jobs,
            backend=backend,
            address=address,
            timeout=timeout,
            memory=in_bytes(memory),
            device=device,
            force=force,
            quiet=quiet,
        )
    output.show([comparison], format)


@app.command()
def grid(
    file: Annotated[
        Path,
        typer.Argument(parser=local, metavar="FILE.toml", help="docs/running.md has one."),
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print the runs and their estimated cost, without running them."
        ),
    ] = False,
    data_dir: DataDir = None,
    results: Results = Path("results"),
    jobs: Jobs = None,
    backend: Backend = "local",
    address: Address = None,
    timeout: Timeout = None,
    memory: Memory = None,
    device: Device = "auto",
    format: Format = "table",
    force: Force = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a grid: samplers, hyperparameters, tasks, models, budgets, seeds."""
    output.check_format(format)
    if not dry_run:
        _start_processes()
    from bdlbench.comparison import costs
    from bdlbench.comparison.conclude import conclude
    from bdlbench.comparison.grid import read
    from bdlbench.execution import pool

    execution = pool.ExecutionOptions(
        jobs, backend, address, timeout, in_bytes(memory), force, quiet
    )
    with redirect_stdout(sys.stderr):  # a plugin's file may print as it is loaded
        planned = read(file).plan(
            data_dir=data_dir, results=results, device=device, say=execution.say
        )
        everything = [job for part in planned for job in part.jobs]
        if not dry_run:
            made = pool.complete(everything, execution)
            found = [conclude(part, *made) for part in planned]
    if dry_run:
        typer.echo("\n".join(costs.preview(everything, results, execution)))
        return
    output.show(found, format)


@app.command()
def status(
    file: Annotated[
        Path | None,
        typer.Argument(parser=local, metavar="[FILE.toml]", help="A grid; default: all runs."),
    ] = None,
    data_dir: DataDir = None,
    results: Results = Path("results"),
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Show how many runs are done, failed, running and left."""
    from bdlbench.comparison.status import survey

    wanted: list[tuple[str, str, str, str]] = []
    if file is not None:
        from bdlbench.comparison.grid import read

        with redirect_stdout(sys.stderr):
            planned = read(file).plan(data_dir=data_dir, results=results, device=device)
        wanted = [_name(part, index) for part in planned for index in range(len(part.jobs))]
    typer.echo(survey(results, wanted).to_text())


def _name(planned: Planned, index: int) -> tuple[str, str, str, str]:
    job, candidate = planned.jobs[index], planned.candidates[index // len(planned.seeds)]
    return job.run, job.task, planned.setup.model, candidate.label


@app.command()
def tune(
    samplers: Annotated[
        list[str],
        typer.Argument(metavar="SAMPLER[:setting=value,…]…", help="Names or plugin files."),
    ],
    task: Annotated[str, typer.Option(help="Such as digits or mnist.")],
    trials: Annotated[int, typer.Option(help="Trials per sampler; their number is recorded.")] = 10,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LOW..HIGH[:log]",
            help="Search range of a hyperparameter; may be repeated.",
            show_default="a tenth to ten times each learning rate",
        ),
    ] = None,
    model: Model = None,
    seeds: Annotated[int, typer.Option(help="Runs of each trial.")] = 1,
    epochs: Epochs = None,
    data_dir: DataDir = None,
    results: Results = Path("results"),
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
    _start_processes(samplers)
    from bdlbench.comparison.tune import parse_range
    from bdlbench.comparison.tune import tune as find
    from bdlbench.execution.pool import ExecutionOptions

    execution = ExecutionOptions(jobs, backend, address, timeout, in_bytes(memory), quiet=quiet)
    with redirect_stdout(sys.stderr):
        found = find(
            samplers,
            execution,
            trials=trials,
            search=dict(map(parse_range, search or [])),
            **{"task": task, "model": model, "seeds": seeds, "epochs": epochs},
            **{"data_dir": data_dir, "results": results, "device": device, "say": execution.say},
        )
    for tuned in found:
        if tuned.objective is not None:
            execution.say(
                f"NLL {tuned.objective:.4f}, the best of {tuned.trials} trials: {tuned.spec}"
            )
            typer.echo(tuned.spec)
    failed = [tuned.spec.partition(":")[0] for tuned in found if tuned.objective is None]
    if failed:
        raise BdlbenchError(f"no completed trial of {', '.join(failed)}; bdlbench status says why")


def _start_processes(samplers: Sequence[str] = ()) -> None:
    """Start the fork server early: it imports torch and the built-in samplers in parallel."""
    from bdlbench.execution import processes

    named = {text.partition(":")[0] for text in samplers}
    modules = {one.module for one in entry_points(group="bdlbench.samplers") if one.name in named}
    processes.start(module for module in modules if module.startswith("bdlbench_samplers."))
