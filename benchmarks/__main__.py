"""Run the benchmarks: ``python -m benchmarks [--threads 1] [--write|--compare]``.

Like a run, they use one thread; ``--threads 2`` times the steps on two.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from bdlbench.execution import environment


def main() -> int:
    """Run the selected benchmarks, and print tables."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Benchmark bdlbench.")
    parser.add_argument("--threads", type=int, default=1, help="number of threads (default: 1)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of timing (default: 15)")
    parser.add_argument(
        "--only",
        help="section: steps, generic, hamiltonian, predicting, side-by-side, start-up, growth",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    parser.add_argument("--compare", action="store_true", help="report ratios that got worse")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("--write needs all sections; omit --only")
    threads = {"NPROC": str(options.threads)}  # before JAX is imported, which reads it then
    os.environ.update(environment.for_jax() | threads)
    sections = _measure(options)
    _print(sections, options.json)
    from benchmarks import figures

    if options.write:
        figures.write(sections)
    if not options.compare:
        return 0
    worse = figures.worse(sections)
    print("\n".join(worse) or "no ratio got worse by more than 15 %", file=sys.stderr)
    return 1 if worse else 0


def _measure(options: argparse.Namespace) -> dict[str, list]:  # type: ignore[type-arg]
    import torch

    from benchmarks import generic, hamiltonian, machinewide, predicting, steps

    torch.set_num_threads(options.threads)
    sections = {
        "steps": ("A step of mlp-400-400, batch 128", steps.measure),
        "generic": ("Models without a fast path, batch 128", generic.measure),
        "hamiltonian": ("Leapfrogs", hamiltonian.measure),
        "predicting": ("Predictions", predicting.measure),
        "side-by-side": ("Runs side by side", machinewide.side_by_side),
        "start-up": ("Start-up", machinewide.start_up),
        "growth": ("Growth of an SGLD step", machinewide.growth),
    }
    if options.threads > 1:
        sections = {"steps": sections["steps"]}
    chosen = [options.only] if options.only else list(sections)
    unit = "thread" if options.threads == 1 else "threads"
    return {
        f"{title}, {options.threads} {unit}": measure(options.rounds)
        for title, measure in (sections[name] for name in chosen)
    }


def _print(sections: dict[str, list], as_json: bool) -> None:  # type: ignore[type-arg]
    from benchmarks import figures

    if as_json:
        print(json.dumps({key: [asdict(f) for f in found] for key, found in sections.items()}))
        return
    print(figures.heading())
    for title, found in sections.items():
        print(f"\n### {title}\n\n{figures.table(found)}")


if __name__ == "__main__":
    sys.exit(main())
