"""The command compare, and what starts processes early."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

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


def compare(
    samplers: Annotated[
        list[str],
        typer.Argument(
            metavar="SAMPLER[:setting=value,…]…",
            help="Sampler names, or plugin files such as ./mine.py.",
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(help="Task to compare on.", show_default="mnist if available, else digits"),
    ] = None,
    model: Model = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds per sampler.", show_default="the task's")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="SAMPLER",
            help="Sampler that the others are compared with.",
            show_default="the first",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC", help="A metric of your own, by name or file; repeatable."),
    ] = None,
    epochs: Epochs = None,
    draws: Annotated[
        int | None, typer.Option(help="Draws to keep per run.", show_default="the task's")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Split to evaluate on: 'test', or 'validation' for tuning.")
    ] = "test",
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
    plot: Annotated[
        Path | None,
        typer.Option(parser=local, metavar="FILE.png", help="File for a plot: png, svg or pdf."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare samplers on one task at equal budgets, with confidence intervals over seeds."""
    output.check_format(format)
    names = output.check_columns(columns, wide, format)
    if plot is not None:
        from bdlbench.comparison.plot import check_path

        check_path(plot)
    start_processes(samplers)
    from bdlbench.comparison.compare import compare as compare_samplers

    with redirect_stdout(sys.stderr):  # plugin files may print when loaded
        comparison = compare_samplers(
            samplers,
            task=task,
            model=model,
            seeds=seeds,
            epochs=epochs,
            draws=draws,
            baseline=baseline,
            metrics=metric or (),
            data_dir=data_dir,
            results=results,
            jobs=jobs,
            address=address,
            timeout=timeout,
            memory=in_bytes(memory),
            **{"split": split, "backend": backend, "device": device},  # type: ignore[arg-type]
            force=force,
            quiet=quiet,
        )
        if plot is not None:
            comparison.plot(plot)
            typer.echo(f"plot: {plot}", err=True)
    output.show([comparison], format, names, wide)


def start_processes(samplers: Sequence[str] = ()) -> None:
    """Start the fork server early, which imports torch and built-in samplers in parallel."""
    from bdlbench.execution import processes

    named = {text.partition(":")[0] for text in samplers}
    modules = {one.module for one in entry_points(group="bdlbench.samplers") if one.name in named}
    processes.start(module for module in modules if module.startswith("bdlbench_samplers."))
