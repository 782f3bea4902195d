"""Time parallel runs, start-up, and the scaling of a step."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.alternate import Action, alternate
from benchmarks.figures import Figure
from benchmarks.steps import BATCH, SAMPLERS, make_problem, stepper

SECONDS = 4.0  # duration of timing
COMMAND = [sys.executable, "-m", "bdlbench"]


def side_by_side(rounds: int) -> list[Figure]:
    """Compare the throughput of two parallel runs, each on one thread, with that of one."""
    gains = []
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for _ in range(max(3, rounds // 3)):
            (alone,) = pool.map(_steps_per_second, [0], chunksize=1)
            gains.append(sum(pool.map(_steps_per_second, [0, 1], chunksize=1)) / alone)
    gain = statistics.median(gains)
    return [Figure("throughput of two runs side by side", gain, "×", 1 / gain, "one run", 1 / 1.6)]


def _steps_per_second(seed: int) -> float:
    torch.set_num_threads(1)
    step = stepper(make_problem("mlp-400-400"), SAMPLERS["SGLD"], BATCH)
    for _ in range(20):
        step()
    started, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < SECONDS:
        step()
        count += 1
    return count / elapsed


def start_up(rounds: int) -> list[Figure]:
    """Time light commands, and the overhead of `compare`."""
    quick = {"bdlbench --help": (["--help"], 0.3), "bdlbench list": (["list"], 0.5)}
    found = []
    for name, (arguments, bar) in quick.items():
        found.append(Figure(name, _wall(arguments, max(5, rounds // 2)), "s", bar=bar))
    return [*found, *_compare()]


def _wall(arguments: list[str], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run([*COMMAND, *arguments], check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _compare() -> list[Figure]:
    """Return the overhead of `compare` with one sampler on digits, without overlapping runs."""
    with tempfile.TemporaryDirectory() as results:
        arguments = ["compare", "sgd", "--task", "digits", "--seeds", "1", "--jobs", "1"]
        wall = _wall([*arguments, "--epochs", "20", "--results", results], 1)
        (path,) = Path(results).glob("runs/*/record.json")
        measured = json.loads(path.read_text("utf-8"))["measured"]
    overhead = wall - measured["seconds"] - measured["evaluation_seconds"]
    return [Figure("compare on digits, outside training and evaluation", overhead, "s", bar=5.0)]


def growth(rounds: int) -> list[Figure]:
    """Time an SGLD step by number of chains, width and N; ratios are to the smallest."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    series = {
        "mlp-50, batch 32, {} chains": [("mlp-50", 10_000, c, 32, c) for c in (1, 4, 16, 64)],
        "mlp-{0}-{0}, batch 128": [
            (f"mlp-{w}-{w}", 10_000, 1, BATCH, w) for w in (50, 100, 200, 400, 800)
        ],
        "mlp-50, batch 32, N = {:,}": [("mlp-50", n, 1, 32, n) for n in (1_000, 10_000, 60_000)],
    }
    if device == "cuda":
        series["mlp-400-400, batch 128, {} chains"] = [
            ("mlp-400-400", 60_000, c, BATCH, c) for c in (1, 64)
        ]
    found = []
    for name, cases in series.items():
        actions: dict[str, tuple[Action, int]] = {}
        for model, n, chains, batch_size, size in cases:
            problem = make_problem(model, n, chains, device)
            step = stepper(problem, SAMPLERS["SGLD"], batch_size, device)
            actions[name.format(size)] = _synchronised(step, device), 1
        timings = alternate(actions, max(3, rounds // 3))
        first = next(iter(actions))
        for case in actions:
            milliseconds = 1e3 * timings.median(case)
            found.append(Figure(case, milliseconds, "ms", timings.ratio(case, first), first))
    return found


def _synchronised(step: Action, device: str) -> Action:
    if device == "cpu":
        return step

    def action() -> None:
        step()
        torch.cuda.synchronize()

    return action
