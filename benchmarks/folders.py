"""Time counting and publishing a folder of many runs.

python -m benchmarks.folders [--runs 1000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bdlbench.comparison import status
from bdlbench.site.publish import publish
from tests import synthetic


def main() -> None:
    """Time synthetic runs: half of one sampler, the rest of one sampler each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        for seed in range(runs // 2):
            synthetic.write(results, "sgld", inputs=100, draws=2, seed=seed)
            synthetic.write(results, f"sampler-{seed}", inputs=100, draws=2)
        _report("count", lambda: status.survey(results), runs)  # bar: 10,000 in 3 s
        _report("publish", lambda: publish(results, results / "site"), runs)  # bar: 1,000 in 60 s


def _report(name: str, action: Callable[[], object], runs: int) -> None:
    started = time.perf_counter()
    action()
    taken = time.perf_counter() - started
    print(f"{name}: {taken:.2f} s for {runs:,} runs, {1e3 * taken / runs:.2f} ms each")


if __name__ == "__main__":
    main()
