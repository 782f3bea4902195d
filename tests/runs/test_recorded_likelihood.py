"""Likelihoods as in records, those of the user's own among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdlbench import likelihoods
from bdlbench.comparison import planned
from bdlbench.leaderboard import boards
from bdlbench.records import schema
from bdlbench.records.record import configured
from bdlbench.runs.recorded_likelihood import of_configuration, recorded
from bdlbench.storage import documents
from tests import synthetic

TASK = """
from dataclasses import dataclass
from bdlbench import Budget, Task
from bdlbench.likelihoods import Categorical

@dataclass(frozen=True)
class Softened(Categorical):
    by: float = 0.5
    slope = None

    def log_prob(self, outputs, y):
        return super().log_prob(outputs * self.by, y)

TASK = Task("vines", dataset="wine", model="mlp-20", likelihood=Softened(),
            budget=Budget(epochs=1, draws=2))
"""


def test_a_class_likelihood_of_ones_own_is_read_back_as_of_classes(tmp_path: Path) -> None:
    (tmp_path / "vines.py").write_text(TASK)
    (job,) = planned.make(["sgd"], task=tmp_path / "vines.py", seeds=1, results=tmp_path).jobs
    made = job.configuration
    assert (made.likelihood, made.likelihood_kind) == ("softened:by=0.5", "classes")
    read = configured(documents.parse(documents.to_json(made.content()).encode()))
    assert of_configuration(read).kind == "classes"
    schema.check(synthetic.record(configuration=vars(made)).content())


def test_a_changed_likelihood_of_ones_own_is_another_run(tmp_path: Path) -> None:
    runs = []
    for factor in ("by", "by**2"):
        (tmp_path / "vines.py").write_text(TASK.replace("* self.by", f"* self.{factor}"))
        (job,) = planned.make(["sgd"], task=tmp_path / "vines.py", seeds=1, results=tmp_path).jobs
        runs.append(job.run)
    assert runs[0] != runs[1]


def test_a_board_of_a_class_likelihood_of_ones_own_has_the_columns_of_classes(
    tmp_path: Path,
) -> None:
    own = {"likelihood": "softened:by=0.5", "likelihood_kind": "classes"}
    synthetic.write(tmp_path, task="vines", configuration=own)
    (board,) = boards.build(tmp_path)
    assert "accuracy" in board.headline
    assert "rmse" not in board.headline


@pytest.mark.parametrize("likelihood", [likelihoods.Categorical(), likelihoods.StudentT()])
def test_the_likelihoods_of_bdlbench_are_known_by_their_labels(
    likelihood: likelihoods.Likelihood,
) -> None:
    found = recorded(likelihood)
    assert (found.named_kind, found.sha256) == (None, None)
    assert found.kind == likelihood.kind
