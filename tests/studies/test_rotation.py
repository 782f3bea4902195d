from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from bdlbench_studies.rotation import LABELS, Rotation

from bdlbench.runs import task_data


class Few(Rotation):
    angles: ClassVar[tuple[int, ...]] = (45, 180)
    judged: ClassVar[tuple[int, ...]] = angles


def test_the_test_set_is_rotated_and_the_task_is_another(loaded_once: None) -> None:
    task = Rotation()._rotated()
    assert (task.name, len(task.shift), dict(task.ood)) == ("digits-by-angle", 12, {})
    sets = task_data.evaluation_sets(task, "test", ())
    assert {tuple(each.y) for each in sets.values()} == {tuple(sets["test"].y)}
    half_turn = sets["shift-by-180"].x
    assert (half_turn == sets["test"].x[:, ::-1, ::-1]).all()


@pytest.mark.slow
def test_rotation_makes_accuracy_and_nll_worse(tmp_path: Path, loaded_once: None) -> None:
    finding = Few(samplers="sgd sgld", epochs=10, seeds=2, jobs=1).run(tmp_path, print)
    for name in ("sgd", "sgld"):
        accuracy, nll = (f"{metric}.{name}" for metric in list(LABELS)[:2])
        assert finding.numbers[f"{accuracy}.45"] < finding.numbers[f"{accuracy}.0"] - 0.3
        assert finding.numbers[f"{nll}.45"] > finding.numbers[f"{nll}.0"] + 1
    table = pd.read_csv(tmp_path / "rotation.csv")
    assert table["degrees"].tolist() == [0, 45, 180] * 2
    assert table["accuracy"][1] == pytest.approx(finding.numbers["accuracy.sgd.45"])
    assert "compared with sgd" in finding.text.casefold()
