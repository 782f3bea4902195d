"""Simulate every statistical rule of bdlbench, and print what it holds to: docs/statistics.md.

python -m benchmarks.statistics [--quick] [--write]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from bdlbench.metrics import calibration, convergence
from bdlbench.metrics.functions import Float64s
from bdlbench.metrics.statistics import difference_of, seed_interval, with_points
from bdlbench.records.predictions import Predictions
from benchmarks import simulated
from benchmarks.simulated import Effects

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- simulations -->", "<!-- /simulations -->"
DRAWS, QUICK = 1000, 20
SEEDS = (3, 5, 10)
LEADS = (1, 2, 3, 5, 10)
CASES = {
    "seeds alone": Effects(),
    "seeds, skewed (exponential)": Effects(skewed=True),
    "seeds and points alike": Effects(points=1.0),
    "points alone": Effects(seeds=0.0, points=1.0),
    "noise of every point and seed": Effects(seeds=0.0, noise=1.0),
}


@dataclass(frozen=True)
class Table:
    """A table of simulated shares or values.

    Args:
        title: What is simulated.
        header: Names of the columns.
        rows: Cells as text.
        note: How to read it.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str

    def markdown(self) -> str:
        """Return the table with its title and note."""
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        lines = [f"| {' | '.join(cells)} |" for cells in (self.header, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", self.note, "", *lines])


def of_seed_intervals(draws: int) -> Table:
    """Simulate the coverage of ± over seeds, of the mean over all seeds."""
    rng = np.random.default_rng(1)
    kinds: dict[str, Callable[[tuple[int, int]], Float64s]] = {
        "normal": lambda size: rng.normal(size=size),
        "skewed (exponential)": lambda size: rng.exponential(size=size) - 1,
        "one seed in ten is 5 sd worse": lambda s: (
            rng.normal(size=s) + 5 * (rng.random(s) < 0.1) - 0.5
        ),
    }
    rows = []
    for name, draw in kinds.items():
        shares = [
            _share(_covers(one.low, one.high) for one in map(seed_interval, draw((4 * draws, n))))
            for n in SEEDS
        ]
        rows.append([name, *_percents(shares)])
    note = f"{4 * draws:,} draws. The share of intervals that contain the mean; they promise 95 %."
    return Table("± over seeds", ["spread of the seeds", *_seeds()], rows, note)


def of_intervals(draws: int) -> Table:
    """Simulate the coverage of the other intervals, for new seeds and new test points."""
    rows = []
    for name, effects in CASES.items():
        shares = []
        for n in SEEDS:
            found = [_covered(board) for board in simulated.boards(draws, effects, 2, n, 1)]
            shares.append(np.mean(found, axis=0))
        rows.append([name, *(" · ".join(_percents(kind)) for kind in np.transpose(shares))])
    header = ["what differs", "[ , ] of a difference", "± over seeds and points", "± over seeds"]
    note = (
        f"{draws:,} draws of two samplers at {_seeds()[0]} · {SEEDS[1]} · {SEEDS[2]}, "
        f"{Effects.inputs} test points, of which some are harder for all. The share that "
        "contains the true value, on all inputs and over all seeds."
    )
    return Table("Intervals over seeds and test points", header, rows, note)


def _covered(board: simulated.Board) -> tuple[bool, bool, bool]:
    """Return whether the three intervals of two equal samplers contain the true value, 0."""
    ((metric, found),) = board.columns.items()
    first, second = ([*runs.values()] for runs in found.values)
    difference = difference_of(metric, first, second, found.points)
    one = with_points(seed_interval([run[0] for run in first]), first, found.points)
    return (
        _covers(difference.low, difference.high),
        _covers(one.low_with_points, one.high_with_points),
        _covers(one.low, one.high),
    )


def of_equal_samplers(draws: int) -> Table:
    """Simulate how often anything is claimed of samplers that are equal."""
    rows = []
    cases = [("seeds alone", Effects(), n) for n in SEEDS]
    cases += [(name, CASES[name], 5) for name in ("seeds and points alike", "points alone")]
    cases += [("points alone, of 40", Effects(seeds=0.0, points=1.0, inputs=40), 5)]
    for name, effects, n in cases:
        found = [
            (any(board.leaders()), bool(board.sentences()), len(set(board.ranks())) > 1)
            for board in simulated.boards(draws, effects, seeds=n)
        ]
        rows.append([f"{name}, {n} seeds", *_percents(np.mean(found, axis=0))])
    header = ["what differs", "any bold", "any ▲ or ▼", "any rank"]
    note = (
        f"{draws:,} boards of 4 equal samplers with 3 metrics that are independent, which is the "
        "worst case. The share of boards with a false claim anywhere: in bold, in a sentence of "
        "`compare` against the first sampler, or by a rank interval that is not 1–4. Each is to be "
        "at most 5 %."
    )
    return Table("False claims about equal samplers", header, rows, note)


def of_a_best_sampler(draws: int) -> Table:
    """Simulate how often the best sampler is found."""
    number, rows = max(draws // 10, 2), []
    for lead in LEADS:
        bold, said = [], []
        for n in SEEDS:
            boards = [*simulated.boards(number, Effects(), seeds=n, lead=lead)]
            bold.append(_share(0 in names for board in boards for names in board.leaders()))
            said.append(float(np.mean([len(board.sentences()) for board in boards])) / 9)
        rows.append([f"{lead} sd", *_percents([*bold, *said])])
    header = ["lead", *(f"bold, {n}" for n in _seeds()), *(f"▲ or ▼, {n}" for n in _seeds())]
    note = (
        f"{number} boards of 4 samplers with 3 metrics. One sampler is better in all, by a "
        "multiple of the standard deviation of one run over seeds. The share of columns in which "
        "it is bold, and of its 9 differences that `compare` calls clear."
    )
    return Table("Power: a sampler that is better", header, rows, note)


def of_calibrated(draws: int) -> Table:
    """Simulate the ECE of calibrated predictors, and the mark ° at its 97.5 % quantile."""
    rng, rows = np.random.default_rng(2), []
    for points in (100, 500, 10_000):
        for name, scale in (("unsure", 1.0), ("sure", 5.0)):
            p = log_softmax(scale * rng.normal(size=(points, 10)), axis=1)
            predicted = [_calibrated(rng, p) for _ in range(draws // 2)]
            ece = np.array([calibration.expected(one).value for one in predicted])
            mean = calibration.if_calibrated(predicted[0]).value
            most = calibration.if_calibrated_at_most(predicted[0]).value
            confidence = float(np.exp(p).max(axis=1).mean())
            cells = [f"{confidence:.2f}", f"{ece.mean():.4f}", f"{mean:.4f}", f"{most:.4f}"]
            rows.append([f"{points:,}, {name}", *cells, *_percents([(ece > most).mean()])])
    header = ["inputs", "mean confidence", "mean ECE", "ECE if calibrated", "° up to", "without °"]
    drawn = f"{draws // 2:,} sets of labels drawn from the predictions."
    note = f"{drawn} Without °: 2.5 % are expected."
    return Table("The ECE of a calibrated predictor", header, rows, note)


def _calibrated(rng: np.random.Generator, log_p: Float64s) -> Predictions:
    """Draw labels from probabilities."""
    labels = (log_p + rng.gumbel(size=log_p.shape)).argmax(axis=1)
    votes = log_p.argmax(axis=1).astype("u1")[None]
    return Predictions(log_p.astype("f4"), np.zeros(len(log_p), "f4"), votes, labels)


def of_few_draws(draws: int) -> Table:
    """Simulate R-hat and ESS of independent draws."""
    rng, rows = np.random.default_rng(3), []
    for length in (5, 10, 20, 50, 100, 1000):
        chains = [rng.normal(size=(3, length, 200)) for _ in range(max(draws // 50, 2))]
        r_hats = [float(np.quantile(convergence.r_hat(x), 0.99)) for x in chains]
        shares = [float(np.median(convergence.bulk_ess(x[:1]))) / length for x in chains]
        rows.append([f"{length:,}", f"{np.median(r_hats):.2f}", f"{np.median(shares):.2f}"])
    header = ["draws per run", "R-hat", "ESS per draw"]
    note = (
        "Independent draws of three runs, for which both should be 1.00: R-hat is the 99th "
        "percentile over 200 inputs, ESS the median over inputs, as on the boards."
    )
    return Table("R-hat and ESS of independent draws", header, rows, note)


def _seeds() -> list[str]:
    return [f"{n} seeds" for n in SEEDS]


def _covers(low: float | None, high: float | None) -> bool:
    """Return whether an interval contains 0, the true value."""
    assert low is not None
    assert high is not None
    return low <= 0 <= high


def _share(found: Iterable[bool]) -> float:
    return float(np.mean([*found]))


def _percents(shares: Iterable[float]) -> list[str]:
    return [f"{100 * share:.1f} %" for share in shares]


SECTIONS = (
    of_seed_intervals,
    of_intervals,
    of_equal_samplers,
    of_a_best_sampler,
    of_calibrated,
    of_few_draws,
)


def tables(draws: int) -> list[Table]:
    """Simulate all rules, on one thread."""
    with threadpool_limits(1):
        return [section(draws) for section in SECTIONS]


def main() -> None:
    """Print the tables, or write them into docs/statistics.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} draws instead of {DRAWS:,}")
    parser.add_argument("--write", action="store_true", help="update docs/statistics.md")
    options = parser.parse_args()
    text = "\n\n".join(one.markdown() for one in tables(QUICK if options.quick else DRAWS))
    print(text)
    if options.write:
        page = PAGE.read_text("utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
