"""Comparisons: executed and reused runs, and their summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import bdlbench
from bdlbench.comparison import run_state, table
from bdlbench.comparison.result import Comparison
from bdlbench.data.examples import Examples, split_validation
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.execution import worker
from bdlbench.records import store
from bdlbench.records.record import Record
from bdlbench.runs import task_data, tasks

pytestmark = pytest.mark.usefixtures("loaded_once")
Write = Callable[..., str]
Compare = Callable[..., Comparison]
QUICK = "yield problem.init(rng)"
HEADLINE = [
    "accuracy",
    "negative_log_likelihood",
    "brier_score",
    "expected_calibration_error",
    "ood.letters.auroc",
]
COMPARED = [*HEADLINE, "ood.letters.confident_fraction"]


def all_records(results: Path) -> list[Record]:
    return [store.read(folder) for folder in sorted((results / "runs").iterdir())]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def compared(compare: Compare, results: Path) -> Comparison:
    return compare(["sgd", "sgld:temperature=0.5"], results, seeds=3)


def test_rows_summarize_the_records(compared: Comparison, results: Path) -> None:
    assert [row.sampler for row in compared.rows] == ["sgd", "sgld:temperature=0.5"]
    defaults = tasks.get("digits").settings["sgld"]
    assert compared.rows[1].settings == {**defaults, "temperature": 0.5, "decay": 1.0}
    for row in compared.rows:
        assert row.outcomes == {"completed": 3}
        name = row.sampler.partition(":")[0]
        runs = [record for record in all_records(results) if record.sampler.name == name]
        assert sorted(record.seed for record in runs) == [0, 1, 2]
        values = {"epochs": [r.epochs for r in runs]}
        values |= {
            cost: [r.measured[cost] for r in runs] for cost in ("seconds", "peak_memory_bytes")
        }
        values |= {metric: [r.metrics[metric] for r in runs] for metric in runs[0].metrics}
        measured = run_state.measured(runs)  # empty for SGD
        values |= {one: [r.diagnostics[one] for r in runs] for one in measured}
        assert bool(measured) == (name == "sgld")
        of_draws = {"ess_per_1000_gradients", "r_hat"} if name == "sgld" else set()
        assert row.metrics.keys() == values.keys() | of_draws
        for metric, interval in row.metrics.items():
            if metric in of_draws:
                continue
            x = np.array(values[metric])
            half = (
                4.302652729911275 * x.std(ddof=1) / 3**0.5
            )  # 97.5 % quantile of Student's t, df = 2
            assert interval.n == 3
            found = [interval.mean, interval.low, interval.high]
            assert found == pytest.approx([x.mean(), x.mean() - half, x.mean() + half])


def test_differences_are_from_the_baseline(compared: Comparison) -> None:
    first, second = (row.metrics for row in compared.rows)
    assert [name for name, _ in compared.differences] == ["sgld:temperature=0.5"] * len(COMPARED)
    assert [difference.metric for _, difference in compared.differences] == COMPARED
    p = sorted(found.p for _, found in compared.differences)
    holm = [max((len(p) - j) * p[j] for j in range(i + 1)) for i in range(len(p))]
    for _, found in compared.differences:
        d = second[found.metric].mean - first[found.metric].mean
        assert found.difference == pytest.approx(d, abs=1e-6)  # predictions are stored in float32
        assert found.seeds == 3
        assert found.low < found.difference < found.high
        better = (d > 0) == (found.metric in ("accuracy", "ood.letters.auroc"))
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
        significant = holm[p.index(found.p)] <= 0.05
        expected = ("better" if better else "worse") if significant else "no clear difference"
        assert found.verdict == expected


def test_data_frame_and_json_agree(compared: Comparison, results: Path) -> None:
    comparison = bdlbench.compare(
        ["sgd", "sgld:temperature=0.5"], task="digits", model="softmax", epochs=3, seeds=3,
        jobs=1, results=results,
    )  # fmt: skip
    frame = comparison.to_frame(wide=True)
    rows = json.loads(table.as_json(compared))["rows"]
    assert list(frame.index) == [row["sampler"] for row in rows]
    for row in rows:
        for name, interval in row["metrics"].items():
            cells = [name, f"{name}.low", f"{name}.high"]
            expected = [interval["mean"], interval["low"], interval["high"]]
            found = frame.loc[row["sampler"], cells].astype(float)
            np.testing.assert_array_equal(found, np.array(expected, float))


def test_differences_use_the_seeds_that_both_completed(
    compare: Compare, write_sampler: Write, tmp_path: Path
) -> None:
    fails = "if rng.initial_seed() == 1: raise OSError('no luck')\n" + QUICK
    never = write_sampler("yield problem.init(rng) * float('nan')", "never")
    found = compare([write_sampler(fails), write_sampler(QUICK, "good"), never], tmp_path, seeds=3)
    mine, good, bad = found.rows
    assert mine.outcomes == {"completed": 2, "plugin error": 1}
    assert mine.reasons == ("mine.py:17: OSError: no luck",)
    assert (mine.metrics["accuracy"].n, good.metrics["accuracy"].n) == (2, 3)
    assert (bad.outcomes, bad.metrics) == ({"diverged": 3}, {})
    assert {name for name, _ in found.differences} == {"good"}, (
        "no difference from a sampler without completed runs"
    )
    per_seed = {(r.sampler.name, r.seed): r.metrics for r in all_records(tmp_path)}
    for _, difference in found.differences:
        assert difference.seeds == 2
        by_hand = [
            per_seed["good", s][difference.metric] - per_seed["mine", s][difference.metric]
            for s in (0, 2)
        ]
        assert difference.difference == pytest.approx(np.mean(by_hand), abs=1e-6)


def test_a_duplicate_sampler_is_rejected_before_any_run(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "obtain", lambda *job: pytest.fail("a run was started"))
    defaults = tasks.get("digits").settings["sgld"]
    given = ",".join(f"{name}={value}" for name, value in defaults.items())
    for other in ("sgld", f"sgld:{given}", "sgld:temperature=1"):
        with pytest.raises(PluginError, match=r"is the same as sgld; name each sampler once"):
            compare(["sgld", other], tmp_path)


def test_two_configurations_of_one_sampler_are_two_rows(
    compare: Compare, write_sampler: Write, tmp_path: Path
) -> None:
    path = write_sampler(QUICK)
    found = compare([path, f"{path}:size=2"], tmp_path)
    assert [row.sampler for row in found.rows] == ["mine:size=1", "mine:size=2"]
    assert [row.settings["size"] for row in found.rows] == [1, 2]


def test_the_validation_split_is_the_last_tenth_of_the_training_data(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = set()
    load = task_data.load

    def spy(split: str, name: str, folders: Sequence[Path]) -> Examples:
        asked.add((split, name))
        return load(split, name, folders)

    monkeypatch.setattr(task_data, "load", spy)
    found = compare(["sgd:batch_size=32", "sgld:batch_size=32"], tmp_path, split="validation")
    assert asked == {("train", "digits")}
    assert found.controls == {}
    assert [d.metric for _, d in found.differences] == HEADLINE[:4]
    assert not any(metric.startswith("ood") for row in found.rows for metric in row.metrics)
    fit, validation = split_validation(load("train", "digits", ()))
    assert (len(fit), len(validation)) == (1168, 129)
    for record in all_records(tmp_path):
        assert record.data == {"train": fit.sha256, "validation": validation.sha256}
        # 3 epochs of 1,168 points in minibatches of 32: 109 steps.
        assert record.epochs == pytest.approx(109 * 32 / 1168)
        sets = store.read_predictions(store.folder_of(tmp_path, record.run), record)
        assert list(sets) == ["validation"]
        assert sets["validation"].labels.tolist() == validation.y.tolist()


def test_a_sampler_with_nearly_identical_draws_is_collapsed(
    compare: Compare, write_sampler: Write, tmp_path: Path
) -> None:
    body = """
    theta = problem.init(rng)
    for batch, keep in problem.steps(32, rng):
        theta = theta - 1e-4 * problem.gradient(theta, batch)
    for _ in range(5):
        yield theta + {spread} * torch.empty_like(theta).normal_(generator=rng)
    """
    samplers = [
        write_sampler(body.replace("{spread}", "1e-4"), "alike"),
        write_sampler(body.replace("{spread}", "0.2"), "spread"),
    ]
    comparison = compare(samplers, tmp_path, seeds=1)
    assert [row.collapsed for row in comparison.rows] == [True, False]
    assert "| alike [collapsed] | not certified |" in table.to_markdown(comparison)


def test_samplers_of_one_name_are_called_by_what_differs(compare: Compare, tmp_path: Path) -> None:
    names = ["sgld:temperature=0.5,step_size=1e-4", "sgld:step_size=1e-4", "sgd:momentum=0.5"]
    found = compare(names, tmp_path)
    labels = ["sgld:temperature=0.5", "sgld:temperature=1.0", "sgd:momentum=0.5"]
    assert [row.sampler for row in found.rows] == labels


@pytest.mark.parametrize("baseline", ["sgld", "sgld:temperature=0.5"])
def test_any_sampler_can_be_the_baseline(
    compare: Compare, results: Path, compared: Comparison, baseline: str
) -> None:
    found = compare(["sgd", "sgld:temperature=0.5"], results, seeds=3, baseline=baseline)
    assert [row.sampler for row in found.rows] == [row.sampler for row in compared.rows]
    for (name, one), (_, other) in zip(found.differences, compared.differences, strict=True):
        assert name == "sgd"
        assert one.difference == pytest.approx(-other.difference, abs=1e-12)
    assert json.loads(table.as_json(found))["differences"][0]["baseline"] == "sgld:temperature=0.5"


def test_an_unknown_baseline_is_refused(compare: Compare, tmp_path: Path) -> None:
    with pytest.raises(BdlbenchError, match="expected --baseline of sgd, sgld, got 'nuts'"):
        compare(["sgd", "sgld"], tmp_path, baseline="nuts")


def test_the_task_chooses_the_number_of_seeds(
    compare: Compare, tmp_path: Path, write_sampler: Write
) -> None:
    found = compare([write_sampler(QUICK)], tmp_path, seeds=None)
    assert found.seeds == tuple(range(tasks.get("digits").seeds)) == tuple(range(10))
