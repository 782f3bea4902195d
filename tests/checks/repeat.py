"""Repeat the checks of a right sampler with other seeds, and count false alarms.

    python tests/checks/repeat.py tests/checks/right/mala.py --repeats 50 --quick

Not collected by pytest: it takes minutes.
"""

from __future__ import annotations

import argparse

from bdlbench.checks import BAD, Subject, run_checks
from bdlbench.settings import parse


def main() -> None:
    """Print every alarm, and how many of the repeats had one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sampler")
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    alarms = 0
    for seed in range(options.first, options.first + options.repeats):
        results = list(run_checks(Subject(parse(options.sampler), seed), options.quick))
        bad = [result for result in results if result.verdict in BAD]
        alarms += bool(bad)
        for result in bad:
            print(f"seed {seed}: {result.check}: {result.figure}: {result.meaning}", flush=True)
    print(f"{options.sampler}: {alarms} false alarms in {options.repeats} repeats", flush=True)


if __name__ == "__main__":
    main()
