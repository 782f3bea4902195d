"""Data sets and models of a user's own that fail: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from bdlbench.errors import BdlbenchError, DataError, DataMissing
from bdlbench.runs import chosen_models, task_data


@dataclass(frozen=True)
class Broken:
    """A data set whose load() raises."""

    error: Exception

    def load(self, split: str, folders: Sequence[Path]) -> Any:
        raise self.error


def test_whatever_a_data_set_raises_is_one_line_with_its_place() -> None:
    with pytest.raises(DataError) as caught:
        task_data.load("train", Broken(OSError("no\nfile")), ())
    assert str(caught.value).startswith("data set Broken: load() failed in test_task_data.py:")
    assert str(caught.value).endswith("OSError: no file")
    with pytest.raises(DataMissing):
        task_data.load("train", Broken(DataMissing("not here")), ())


class Unnamed:
    """A model without a name for records."""

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Linear(input_shape[0], outputs)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Unnamed(), "model Unnamed: expected a name for records; put @register"),
        (nn.Linear(2, 1), r"expected a name, a file or an object with build\(input_shape, outputs"),
    ],
)
def test_what_is_no_model_with_a_name_is_refused(given: Any, expected: str) -> None:
    with pytest.raises(BdlbenchError, match=expected):
        chosen_models.find(given)
