"""Known data files, by SHA-256.

Until November 2026 runs were published that had been trained on a copy of MNIST in which the pixel
value 1 had become 0. They are labelled wherever they are displayed, and are on separate boards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bdlbench.storage.documents import to_json


@dataclass(frozen=True)
class Origin:
    """Origin of training data.

    Args:
        mark: Label in the title of a board; empty for the official files.
        sentence: Description.
    """

    mark: str
    sentence: str


OFFICIAL = Origin("", "The training data are the official files of MNIST.")
ALTERED = Origin(
    "altered MNIST",
    "The training data are a copy of MNIST in which the pixel value 1 had become 0; these "
    "runs cannot be reproduced from the official files.",
)
_MNIST = {
    "test": "8abf29750d3c6cf095632ec3734225766391fa12e1e863dcb2ae248d7bafe0d2",
    "notmnist": "0a9195cbbb9c8ebf6c43ad833d888e82c567419caca92ef90402a87eb651b180",
    "mnist-letters": "c0c9a00abc593d71346f8076e782463b43aa3daf090723b1a9620edfbee57b16",
}
USUAL = {
    "mnist-1k": {
        "train": "53d65c1691f81e33c5e140d8959980379ee27278d26a139828646e99a5aff95b",
        **_MNIST,
    },
    "mnist": {
        "train": "af446d943c1374a2d2b0e4dcc8316e4ae40b8af5975cc04bfdb40896a74304af",
        **_MNIST,
    },
}
"""SHA-256 of the data of tasks with official files, by task and name of the data set.

`digits` has none: its data depend on the installed scikit-learn and matplotlib.
"""
_BY_TRAINING_DATA = {
    USUAL["mnist"]["train"]: OFFICIAL,
    USUAL["mnist-1k"]["train"]: OFFICIAL,
    "d51e4e0ecc54b979891e4c3b87318d6b91e8ac6bb27794c0290d9a74c8fce6c4": ALTERED,  # mnist
    "09da8a5a5f54f2d76ab46d540b061477cbeaf49d03baa30742a0e2854cea6d51": ALTERED,  # mnist-1k
}


def find(data: Mapping[str, str]) -> Origin | None:
    """Return the origin of training data, None if it is unknown.

    Args:
        data: SHA-256 of the data sets by name, as in a record.
    """
    return _BY_TRAINING_DATA.get(data["train"])


def sentence(data: Mapping[str, str]) -> str:
    """Describe the origin of training data; empty if it is unknown."""
    origin = find(data)
    return origin.sentence if origin else ""


def mark(task: str, data: Mapping[str, str]) -> str:
    """Return a label for runs on other data than the official files; else an empty string.

    Args:
        task: Name of the task.
        data: SHA-256 of the data sets by name, as in a record.
    """
    if task not in USUAL or data == USUAL[task]:
        return ""
    origin = find(data)
    return origin.mark if origin and origin.mark else on(data)


def on(data: Mapping[str, str]) -> str:
    """Return a label for unknown data."""
    return f"data {digest(data)}"


def digest(data: Mapping[str, str]) -> str:
    """Return a digest of data sets: ten hexadecimal digits, independent of their order."""
    return hashlib.sha256(to_json(dict(sorted(data.items()))).encode()).hexdigest()[:10]
