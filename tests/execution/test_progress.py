"""Progress: bars on a terminal, a line for each run elsewhere, and no time left that is untrue."""

from __future__ import annotations

import io
import re
import threading
from types import SimpleNamespace

import pytest
from rich.console import Console
from rich.progress import Progress

from bdlbench.execution import progress
from bdlbench.execution.labels import labels
from bdlbench.execution.progress import Estimate, Finished, Stage, in_words, shorten, shown
from tests.processes import WAIT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_time_left_follows_from_the_recent_rate() -> None:
    estimate = Estimate()
    assert [estimate(float(t), t / 100) for t in range(3)] == [None, None, 98]
    found = [estimate(float(t), t / 100) for t in range(3, 51)]
    assert found == [pytest.approx(100 - t) for t in range(3, 51)]
    slower = [estimate(50.0 + t, 0.5 + t / 1000) for t in range(1, 51)]
    assert slower[-1] == pytest.approx(450), "the fast half is out of the window"


def test_no_second_is_left_for_long() -> None:
    estimate = Estimate()
    for t in range(11):
        left = estimate(float(t), 0.09 * t)
    assert left == pytest.approx(1.1, abs=0.05)
    later = [estimate(10 + t / 4, 0.09 * 10) for t in range(1, 400)]
    assert [one is not None for one in later[:8]] == [True] * 8
    assert later[8:] == [None] * 391, "what was to take a second has taken two"
    assert estimate(200.0, 1.0) is None, "what follows is not known"


def test_a_rate_is_known_even_if_progress_comes_in_coarse_steps() -> None:
    estimate = Estimate()
    found = [estimate(float(t), t // 60 / 100) for t in range(60 * 50)]
    assert None not in found[60:]
    assert found[-1] == pytest.approx(60 * 51, rel=0.05)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, ""), (0.2, "1 s left"), (59, "59 s left"), (59.5, "1:00 left"), (7260, "2 h 01 left")],
)
def test_the_time_left_in_words(seconds: float | None, expected: str) -> None:
    assert in_words(seconds) == expected


def test_a_long_label_keeps_its_start_and_its_seed() -> None:
    assert shorten("sgld seed 1", 28) == "sgld seed 1"
    short = shorten("sgld:step_size=0.000292,batch_size=128 seed 12", 28)
    assert (len(short), short[:5], short[-8:]) == (28, "sgld:", " seed 12")


NAMES = {f"run-{seed}": f"sgld:step_size=0.0001,batch_size=128 seed {seed}" for seed in range(3)}


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.001)


def test_on_a_terminal_there_are_bars_that_fit_80_columns_and_vanish(times: None) -> None:
    file, looked = Terminal(), threading.Event()
    console = Console(file=file, width=80, force_terminal=True, color_system=None)

    def look() -> dict[str, Stage]:
        if "seed 0 evaluating" in file.getvalue() and "1 failed" in file.getvalue():
            looked.set()
        return {"run-0": Stage("evaluating", 0.75), "other": Stage("sampling", 0.5)}

    with shown(NAMES, look, console) as finished:
        finished("run-1", "diverged after 1.0 s: U is not finite", failed=True)
        assert looked.wait(WAIT)
    shown_lines = set(re.split(r"[\r\n]+", re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", file.getvalue())))
    assert any(line.startswith("all runs, 1 failed") and "1/3" in line for line in shown_lines)
    assert any("seed 0 evaluating" in line for line in shown_lines)
    assert max(map(len, shown_lines)) <= 80
    assert "diverged" not in file.getvalue()
    assert "seed 1" not in file.getvalue()
    assert "sampling" not in file.getvalue(), "that run is another command's"
    assert file.getvalue().endswith("\x1b[2K"), "the bars are erased"


@pytest.mark.parametrize("forced", [False, True])
def test_elsewhere_a_run_is_a_line_without_control_characters(forced: bool) -> None:
    file = io.StringIO()
    console = Console(file=file, width=40, force_terminal=forced)
    with shown(NAMES, dict, console) as finished:
        finished("run-1", "completed in 3.2 s")
        finished("run-0", "diverged after 0.3 s: [red]U is 'nan'", failed=True)
        finished("run-2", "completed in 3.2 s")
    one, two, three = file.getvalue().splitlines()
    assert one == f"[1/3] {NAMES['run-1']}: completed in 3.2 s"
    assert two == f"[2/3] {NAMES['run-0']}: diverged after 0.3 s: [red]U is 'nan'"
    assert three.startswith("[3/3] ")


def test_a_dumb_terminal_gets_lines_and_quiet_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    for quiet, expected in (False, f"[1/3] {NAMES['run-0']}: completed\n"), (True, ""):
        file = Terminal()
        with shown(NAMES, dict, Console(file=file, quiet=quiet)) as finished:
            finished("run-0", "completed")
        assert file.getvalue() == expected


def test_every_phase_has_a_rate_of_its_own() -> None:
    names = {"run": "sgd seed 0"}
    bars = progress._Bars(names, bar := Progress(), Finished(names, Console(quiet=True)))
    for now in range(11):
        bars.update(float(now), {"run": Stage("sampling", now / 20)})
    (task,) = bar.tasks
    assert (task.fields["left"], task.fields["percent"]) == ("10 s left", 50)
    bars.update(11.0, {"run": Stage("evaluating", 0.9)})
    assert (task.fields["left"], task.fields["percent"]) == ("", 90)
    bars.update(12.0, {})
    assert bar.tasks == []


def job(sampler: str, seed: int, task: str = "digits", **settings: object) -> SimpleNamespace:
    stem = "-".join((task, sampler, *map(str, settings.values())))
    return SimpleNamespace(
        run=f"{stem}-{seed}",
        task=task,
        seed=seed,
        sampler=SimpleNamespace(name=sampler, settings=settings),
        configuration=SimpleNamespace(model="mlp-50", epochs=100.0),
    )


def named(*jobs: SimpleNamespace) -> list[str]:
    return list(labels(jobs).values())  # type: ignore[arg-type]


def test_runs_are_named_by_what_tells_them_apart() -> None:
    assert named(job("sgd", 0, rate=1), job("sgd", 1, rate=1)) == ["sgd seed 0", "sgd seed 1"]
    assert named(job("sgd", 0, rate=1, b=2), job("sgd", 0, rate=3, b=2), job("hmc", 0, t=1)) == [
        "sgd:rate=1 seed 0",
        "sgd:rate=3 seed 0",
        "hmc seed 0",
    ]
    assert named(job("sgd", 0), job("sgd", 0, task="mnist")) == [
        "digits sgd seed 0",
        "mnist sgd seed 0",
    ]
