"""Tuning reads the validation split only, and later records contain the number of trials."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdlbench import registry
from bdlbench.comparison import tune
from bdlbench.comparison.ranges import Range, parse_range, parse_search
from bdlbench.comparison.result import Comparison
from bdlbench.data.examples import Examples
from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.records import store, trials
from bdlbench.runs import task_data, tasks
from bdlbench.runs.plan import configure_sampler
from bdlbench.settings import parse

pytestmark = pytest.mark.usefixtures("loaded_once")
Write = Callable[..., str]
Compare = Callable[..., Comparison]
# Learns fastest at size = 40.
BODY = """
theta = problem.init(rng)
for batch, keep in problem.steps(64, rng):
    theta = theta - 1e-4 / (1 + abs(self.size - 40)) * problem.gradient(theta, batch)
yield theta
"""


def find(samplers: Sequence[str], results: Path, **options: Any) -> list[tune.Tuned]:
    request = {"task": "digits", "model": "softmax", "epochs": 10, "results": results}
    return tune.tune(samplers, ExecutionOptions(jobs=2), **{**request, **options})


def test_the_best_trial_is_selected_and_stored(
    compare: Compare, write_sampler: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked, load = write_sampler(BODY), set(), task_data.load

    def spy(split: str, name: str, folders: Sequence[Path]) -> Examples:
        asked.add((split, name))
        return load(split, name, folders)

    monkeypatch.setattr(task_data, "load", spy)
    search = {"size": Range(1, 60, log=False)}
    (found,) = find([path], tmp_path, trials=6, search=search)
    assert asked == {("train", "digits")}, "tuning reads training data only"
    content = json.loads((tmp_path / trials.file_of("digits", "softmax", "mine")).read_text())
    sizes = [trial["settings"]["size"] for trial in content["trials"]]
    assert (sizes[0], len(set(sizes)), found.trials) == (1, 6, 6)
    best = min(sizes, key=lambda size: abs(size - 40))
    assert found.spec == f"{path}:size={best}", "as `compare` takes it"
    assert content["chosen"]["size"] == best
    for trial in content["trials"]:
        (run,) = trial["runs"]
        record = store.find(tmp_path, run)
        assert record.configuration.split == "validation"
        assert trial["objective"] == record.metrics["negative_log_likelihood"]
    assert found.objective == min(trial["objective"] for trial in content["trials"])

    compare([f"{path}:size={best}", f"{path}:size=2"], tmp_path)
    kept = [r for _, r in store.read_all(tmp_path) if r and r.configuration.split == "test"]
    counts = {record.sampler.settings["size"]: record.sampler.trials for record in kept}
    assert counts == {best: 6, 2: 0}


def test_later_calls_add_trials_and_repeat_none(tmp_path: Path) -> None:
    first = find(["sgd", "sgld"], tmp_path, trials=2)
    again = find(["sgd", "sgld"], tmp_path, trials=2)
    assert again == first
    more = find(["sgd"], tmp_path, trials=4)
    assert (more[0].trials, first[0].trials) == (4, 2), "the first two are the same"
    assert more[0].objective is not None
    assert first[0].objective is not None
    assert more[0].objective <= first[0].objective


def test_hyperparameters_that_fail_with_another_seed_are_not_selected(
    write_sampler: Write, tmp_path: Path
) -> None:
    fault = "if self.size == 40 and rng.initial_seed() == 1:\n    raise ArithmeticError\n"
    path = write_sampler(fault + BODY)
    search = {"size": Range(1, 60, log=False)}
    chosen = [
        find([f"{path}:size={size}"], tmp_path, trials=1, seeds=seeds, search=search)[0].spec
        for size, seeds in ((40, 1), (30, 1), (40, 2))
    ]
    assert chosen == [f"{path}:size={size}" for size in (40, 40, 30)]


def test_a_hyperparameter_that_is_held_makes_a_choice_of_its_own(tmp_path: Path) -> None:
    rates = {"learning_rate": Range(0.01, 0.1, log=True)}
    (plain,) = find(["sgd"], tmp_path, trials=2, search=rates)
    (heavy,) = find(["sgd:momentum=0.9,learning_rate=0.01"], tmp_path, trials=3, search=rates)
    (given,) = find(["sgd:momentum=0.0"], tmp_path, trials=2, search=rates)
    assert (plain.trials, heavy.trials, given.trials) == (2, 3, 2)
    tuning = trials.read(tmp_path, "digits", "softmax", "sgd")
    (variant,) = tuning.variants
    assert variant.held == {"momentum": 0.9}
    assert tuning.chosen is not None
    assert (tuning.chosen["momentum"], variant.chosen["momentum"]) == (0.0, 0.9)
    assert [len(trial.held) for trial in tuning.trials] == [1, 1, 1, 0, 0]
    for chosen, number in ((tuning.chosen, 2), (variant.chosen, 3), ({"momentum": 0.5}, 0)):
        assert trials.count(tmp_path, "digits", "softmax", "sgd", chosen) == number
    trials.write(tmp_path, "digits", "softmax", "sgd", replace(tuning, counted=None))  # an old file
    assert trials.count(tmp_path, "digits", "softmax", "sgd", tuning.chosen) == 2


def test_trials_at_another_budget_do_not_count(write_sampler: Write, tmp_path: Path) -> None:
    """Neither those of a longer budget, however good, nor of another number of draws."""
    short = "if count < 100:\n    theta = theta * float('nan')\n"
    counted = BODY.replace("    theta =", "    count += 1\n    theta =").replace(
        "yield", short + "yield"
    )
    path = write_sampler("count = 0\n" + counted)
    search = {"size": Range(1, 60, log=False)}
    (good,) = find([path], tmp_path, trials=3, search=search)
    assert (good.trials, good.outcomes) == (3, ("completed",) * 3)
    (more,) = find([path], tmp_path, trials=2, search=search, draws=7)
    assert (more.trials, more.outcomes) == (2, ("completed",) * 2)
    (bad,) = find([path], tmp_path, trials=2, search=search, epochs=3)
    assert (bad.objective, bad.trials) == (None, 2)
    file = trials.read(tmp_path, "digits", "softmax", "mine")
    assert len(file.trials) == 3 + 2 + 2
    assert (file.chosen, file.counted) == (
        {"size": int(more.spec.rpartition("=")[2]), "gate": ""},
        2,
    )


def test_published_trials_at_another_budget_do_not_count(tmp_path: Path) -> None:
    """Ten trials of sgld on mlp-50 come with bdlbench; two that diverge are none of them."""
    search = {"step_size": Range(50, 100, log=False)}
    sampler = ["sgld:step_size=60"]
    (found,) = find(sampler, tmp_path, model="mlp-50", epochs=10, trials=2, search=search)
    assert (found.objective, found.trials) == (None, 2)
    assert found.complaint() == "sgld: 2 of 2 trials diverged; lower the search range"


def test_a_trial_that_fails_is_reported(write_sampler: Write, tmp_path: Path) -> None:
    body = "if self.size > 1:\n    raise ArithmeticError\n" + BODY
    search = {"size": Range(1, 60, log=False)}
    path = write_sampler(body)
    (found,) = find([path], tmp_path, trials=2, search=search)
    assert (found.spec.partition(":")[0], found.objective is None) == (path, False)
    expected = f"{path}: 1 of 2 trials ended with plugin error; see `bdlbench status`"
    assert found.complaint() == expected


def test_real_targets_are_tuned_by_the_log_predictive_density(tmp_path: Path) -> None:
    options = {"task": "diabetes", "model": "mlp-2", "epochs": 10}
    (found,) = find(["sgd"], tmp_path, trials=2, **options)
    kept = [store.read(folder) for folder in (tmp_path / "runs").iterdir()]
    best = max(record.metrics["lppd"] for record in kept if record.metrics)
    assert found.result() == f"{found.spec}: validation LPPD {best:.4f}, best of 2 trials"


SEARCHES = [
    ("sgld --search stpe_size=1e-5..1e-3", "stpe_size: no sampler has this setting; did you mean"),
    ("sgld sgd --search momentum=0..0.9", "sgld has none of momentum to search; give one of its"),
    ("sgld --search step_size=1e-3..1e-5", "step_size: expected low < high, got 0.001..1e-05"),
    ("sgld --search step_size=0..1:log", "step_size: expected 0 < low < high with :log, got 0..1"),
    ("sgld --search step_size=-1..1", "step_size: sgld: expected step_size > 0, got -1.0"),
    ("sgld --search step_size=1..nan", "step_size: expected low < high, got 1..nan"),
    ("sgld --search step_size=1..inf", "step_size: expected low < high, got 1..inf"),
    ("sgld --search batch_size=1.5..3", "batch_size: expected integers, got 1.5"),
    ("sgd --search momentum=0..2", "momentum: sgd: expected momentum from 0 to 0.999, got 2.0"),
    ("psgld --search freeze=0..1", "freeze: psgld's freeze is not a number"),
    ("sgd --search momentum=0..0.5 --search momentum=0..0.9", "momentum is given twice; give it"),
]


@pytest.mark.parametrize(("arguments", "message"), SEARCHES)
def test_a_wrong_search_is_refused(tmp_path: Path, arguments: str, message: str) -> None:
    samplers, *searches = arguments.split(" --search ")
    with pytest.raises(BdlbenchError) as caught:
        find(samplers.split(), tmp_path, search=parse_search(searches))
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_without_a_completed_trial_none_is_selected(write_sampler: Write, tmp_path: Path) -> None:
    path = write_sampler("yield problem.init(rng) * float('nan')")
    (found,) = find([path], tmp_path, trials=2, search={"size": Range(1, 9, log=True)})
    assert (found.objective, found.trials) == (None, 2)
    assert trials.read(tmp_path, "digits", "softmax", "mine").chosen is None


@pytest.mark.parametrize("name", registry.names("samplers"))
def test_every_built_in_sampler_has_a_default_search_range(name: str) -> None:
    specs = tune._trials(configure_sampler(parse(name), tasks.get("digits")), 10, {})
    assert len(set(specs)) == 10
    assert specs[0] == parse(name)
    for spec in specs:
        registry.create("samplers", spec, tasks.get("digits").settings.get(name))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("step_size=1e-5..1e-3:log", ("step_size", Range(1e-5, 1e-3, log=True))),
        ("momentum=0..0.9", ("momentum", Range(0, 0.9, log=False))),
        ("x=-1.5..2", ("x", Range(-1.5, 2, log=False))),
    ],
)
def test_parse_range(text: str, found: tuple[str, Range]) -> None:
    assert parse_range(text) == found


@pytest.mark.parametrize("text", ["x", "x=1", "x=1..", "x=..2", "x=a..b", "x=2..1", "x=0..1:log"])
def test_invalid_ranges_are_rejected(text: str) -> None:
    with pytest.raises(BdlbenchError, match="expected"):
        parse_range(text)


def test_a_log_range_is_geometric() -> None:
    where = Range(1e-4, 1e-2, log=True)
    assert [where.at(share) for share in (0, 0.5, 1)] == [1e-4, 1e-3, 1e-2]
    assert Range(0, 2, log=False).at(0.25) == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials: expected a positive integer, got 0"),
        ({"task": "mnits"}, "no task 'mnits'"),
    ],
)
def test_an_invalid_request_is_rejected(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BdlbenchError, match=message):
        find(["sgd"], tmp_path, **options)


def test_a_sampler_without_a_default_range_needs_one(write_sampler: Write, tmp_path: Path) -> None:
    with pytest.raises(
        BdlbenchError, match=r"mine has no default .* --search \(it has size, gate\)"
    ):
        find([write_sampler("yield problem.init(rng)")], tmp_path)


@pytest.mark.parametrize("content", ["{", "{}", '{"schema": 2, "chosen": {}, "trials": []}'])
def test_a_corrupt_file_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / trials.file_of("digits", "softmax", "sgd")
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RecordError, match="cannot be read"):
        trials.read(tmp_path, "digits", "softmax", "sgd")
