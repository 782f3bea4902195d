"""The data sets of a task: training, test, OOD and shifted sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bdlbench import plugin_errors, registry
from bdlbench.data import fits, shared
from bdlbench.data.examples import Examples, split_validation
from bdlbench.errors import BdlbenchError, DataError
from bdlbench.runs.task import DataSet, Task
from bdlbench.settings import parse, shown

Load = Callable[[str, str], Examples]  # a split of the set of this name


def training_set(task: Task, split: str, folders: Sequence[Path]) -> Examples:
    """Return the training set: all of it, or the first 90 % for the validation split."""
    return _training_set(task, split, _loader(task, folders))


def evaluation_sets(task: Task, split: str, folders: Sequence[Path]) -> dict[str, Examples]:
    """Return the evaluation sets, by name.

    For ``test``, the test set and every OOD and shifted set. For ``validation``, only the last
    10 % of the training data, so that hyperparameters are never tuned on data of a reported result.
    """
    return _evaluation_sets(task, split, _loader(task, folders))


def evaluation_size(task: Task, split: str) -> int:
    """Return the number of evaluation inputs that are shared, without reading them."""
    if split == "validation":
        return shared.count("train", _key(task, "test")) // 10
    return sum(shared.count("test", _key(task, name)) for name in ("test", *task.sets))


def training_size(task: Task, split: str, data: Mapping[str, str]) -> int | None:
    """Return the number of training examples of a task whose data is kept, else None.

    Args:
        task: The task.
        split: The split that is evaluated on.
        data: SHA-256 of the data sets, by name.
    """
    kept = shared.kept(data)
    if kept is None:
        return None
    whole = kept["train", _key(task, "test")].count
    available = whole - whole // 10 if split == "validation" else whole
    return min(available, task.train_size or available)


def fingerprints(task: Task, split: str, folders: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of the training and evaluation sets, by name."""
    return identify(task, split, folders)[0]


def identify(
    task: Task, split: str, folders: Sequence[Path]
) -> tuple[dict[str, str], dict[tuple[str, str], Examples]]:
    """Load the data of a task.

    Returns:
        The SHA-256 of the training and evaluation sets, by name; and the data sets that they are
        taken from, by split and name.

    Raises:
        DataError: The data do not fit together.
    """
    loaded: dict[tuple[str, str], Examples] = {}
    load = _loader(task, folders)

    def once(split: str, name: str) -> Examples:
        key = split, _key(task, name)
        if key not in loaded:
            loaded[key] = load(split, name)
        return loaded[key]

    train, sets = _training_set(task, split, once), _evaluation_sets(task, split, once)
    fits.check_sets(task.name, train, sets)
    parts = {"train": train, **sets}
    return {name: part.sha256 for name, part in parts.items()}, loaded


def load(split: str, dataset: DataSet, folders: Sequence[Path]) -> Examples:
    """Load a split of a data set.

    Raises:
        BdlbenchError: There is no such data set, or it cannot be loaded.
    """
    if isinstance(dataset, str):
        dataset = registry.create("datasets", parse(dataset))
    if isinstance(dataset, type):
        dataset = dataset()
    if not hasattr(dataset, "load"):
        raise BdlbenchError(f"expected a data set with load(), got {shown(dataset)}")
    name = getattr(dataset, "plugin_name", type(dataset).__name__)
    try:
        examples = dataset.load(split, folders)
    except BdlbenchError:
        raise
    except ValueError as error:
        raise DataError(f"data set {name}: {error}") from error
    except Exception as error:
        reason = plugin_errors.describe(error, type(dataset))
        raise DataError(f"data set {name}: load() failed in {reason}") from error
    if not isinstance(examples, Examples):
        raise DataError(f"data set {name}: expected Examples, got {type(examples).__name__}")
    return examples


def _loader(task: Task, folders: Sequence[Path]) -> Load:
    sets = {"test": task.dataset, **task.sets}

    def load_one(split: str, name: str) -> Examples:
        found = shared.find(split, _key(task, name))
        return load(split, sets[name], folders) if found is None else found

    return load_one


def _key(task: Task, name: str) -> str:
    """Return the name of a data set among those that are shared; one that is used twice has one."""
    dataset = task.dataset if name == "test" else task.sets[name]
    return dataset if isinstance(dataset, str) else f"{name} of {task.name}"


def _training_set(task: Task, split: str, load: Load) -> Examples:
    examples = load("train", "test")
    if split == "validation":
        examples, _ = split_validation(examples)
    return examples[: task.train_size]


def _evaluation_sets(task: Task, split: str, load: Load) -> dict[str, Examples]:
    if split == "validation":
        return {split: split_validation(load("train", "test"))[1]}
    return {name: load("test", name) for name in (split, *task.sets)}
