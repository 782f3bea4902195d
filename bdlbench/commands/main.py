"""The command line. Commands import heavy modules themselves, so that ``--help`` is fast."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from bdlbench import plugin_errors
from bdlbench.commands import compare, developing, many_runs, publishing
from bdlbench.commands.developing import set_up_jax
from bdlbench.commands.options import OWN, DataDir, Debug, Device, Results, local, say
from bdlbench.errors import BdlbenchError

# Click's UsageError: typer versions import click from different places.
USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(compare.compare)  # first, so that the help lists it first


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bdlbench {version('bdlbench')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """The benchmark suite for Bayesian deep learning: one posterior, one budget."""


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[KIND]", help="One of samplers, datasets, models, tasks, metrics and studies."
        ),
    ] = "samplers",
    debug: Debug = False,
) -> None:
    """List samplers, data sets, models, tasks, metrics or studies."""
    from bdlbench.commands import listing

    typer.echo(listing.render(what))


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, prefix or folder of a run.")],
    results: Results = OWN,
    debug: Debug = False,
) -> None:
    """Show the record of a run."""
    from bdlbench.records import store

    record = store.find(results, run, say)
    typer.echo(store.to_text(record))


@app.command()
def check(
    sampler: Annotated[
        str | None,
        typer.Argument(
            metavar="[SAMPLER[:setting=value,…]]",
            help="Sampler name or file; with --peers, a peer or a library.",
            show_default=False,
        ),
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="Check the samplers of other libraries.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Skip the long checks; no certificate is issued.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the problems.", show_default="another each time"),
    ] = None,
    results: Results = OWN,
    debug: Debug = False,
) -> None:
    """Check a sampler's interface, and compare its draws with exactly known posteriors."""
    if sampler is None and not peers:
        raise BdlbenchError("expected a SAMPLER, or --peers")
    if json and peers:
        raise BdlbenchError("--json is of one sampler; the certificates of --peers are JSON files")
    set_up_jax()
    if peers:
        from bdlbench.peers import certify

        with redirect_stdout(sys.stderr):  # libraries may print
            certify.certify(certify.chosen(sampler), quick, results, _print, seed)
        return
    assert sampler is not None
    from bdlbench.checks import certificate

    with redirect_stdout(sys.stderr):  # plugins may print
        result = certificate.check(sampler, quick, results, None if json else _print, seed)
    if json:
        typer.echo(certificate.as_json(result))
    if not result.holds:
        raise BdlbenchError(f"{sampler}: {result.verdict}; the failed checks are listed above")


@app.command()
def reference(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="Task, such as mnist-1k, or its .py file.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="Model, or its .py file.", show_default="that of the task"),
    ] = None,
    chains: Annotated[
        int, typer.Option(help="Number of chains, each initialized from the prior.")
    ] = 4,
    samples: Annotated[int, typer.Option(help="Iterations per chain after warm-up.")] = 400,
    warm_up: Annotated[
        int, typer.Option(help="Warm-up iterations, which adapt the step size.")
    ] = 100,
    mass: Annotated[
        str,
        typer.Option(
            help="Mass matrix: unit, or laplace, the Hessian at the mode, for posteriors with one."
        ),
    ] = "unit",
    data_dir: DataDir = None,
    results: Results = OWN,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Compute the reference posterior of a task by long HMC runs, or resume it."""
    set_up_jax()
    from bdlbench.reference.chains import Length
    from bdlbench.reference.gate import report
    from bdlbench.reference.make import make

    length = Length(chains, samples, warm_up)
    with redirect_stdout(sys.stderr):  # plugins may print
        made = make(
            task,
            length,
            model=model,
            mass=mass,
            data_dir=data_dir,
            results=results,
            device=device,
            quiet=False,
        )
    typer.echo(report(made.facts.diagnostics, made.facts.verdicts))
    if not made.facts.converged:
        raise BdlbenchError(
            f"the reference of {task} has not converged; it is stored, but not used"
        )


@app.command()
def study(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME[:setting=value,…]]", help="Study; omit it to list all."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Task, for studies that use one.", show_default="digits")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(parser=local, metavar="FOLDER", help="Folder for plots, data and runs."),
    ] = Path("studies"),
    seed: Annotated[int | None, typer.Option(help="Random seed.", show_default="0")] = None,
    debug: Debug = False,
) -> None:
    """Run a study: an experiment that tests a claim of the literature."""
    from bdlbench.commands import listing

    if name is None:
        if task is not None or seed is not None:
            raise BdlbenchError("--task and --seed need the NAME of a study; see `bdlbench study`")
        typer.echo(listing.render("studies"))
        return
    set_up_jax()
    from bdlbench.study import create

    options = {"task": task, "seed": seed}
    given = {key: value for key, value in options.items() if value is not None}
    finding = create(name, given).run(out, say)
    typer.echo(finding.text)
    for path in finding.files:
        typer.echo(path)


app.add_typer(developing.app)
app.add_typer(publishing.app)
app.add_typer(many_runs.app)


def _print(line: str) -> None:
    sys.__stdout__.write(line + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> None:
    """Run the command line; an error prints one line to standard error, with exit code 2."""
    command = typer.main.get_command(app)
    if "--debug" in sys.argv:
        os.environ[plugin_errors.VARIABLE] = "1"
        logging.basicConfig(format="%(message)s")
        logging.getLogger("bdlbench").setLevel(logging.DEBUG)
    signal.signal(signal.SIGTERM, _terminate)
    gc.set_threshold(100_000)  # imports and records allocate many objects, but little garbage
    try:
        # Not app(): some versions of typer drop the message of a KeyboardInterrupt.
        with command.make_context("bdlbench", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except USAGE_ERROR as error:
        message = error.format_message()  # type: ignore[attr-defined]
        _fail(message or "expected a command; see the list above")
    except BdlbenchError as error:
        if "--debug" in sys.argv:
            raise
        _fail(str(error))
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, typer.Abort) as error:
        typer.echo(f"interrupted: {error}" if str(error) else "interrupted", err=True)
        exec("")  # or `python -m` dies by SIGINT if the interrupt was raised inside exec()
        sys.exit(130)


def _terminate(*_: object) -> None:
    """Handle SIGTERM, which schedulers send before they kill a job, like Ctrl-C."""
    raise KeyboardInterrupt


def _fail(message: str) -> None:
    typer.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(2)
