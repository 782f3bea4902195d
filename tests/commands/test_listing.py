from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bdlbench import descriptions, registry
from bdlbench.commands import listing
from bdlbench.errors import BdlbenchError
from bdlbench.posterior.models import NAMES
from bdlbench.runs.built_in_tasks import TASKS


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("samplers", registry.names("samplers")),
        ("datasets", registry.names("datasets")),
        ("models", [*NAMES, "resnet8"]),
        ("tasks", list(TASKS)),
    ],
)
def test_one_line_per_name(what: str, names: list[str]) -> None:
    assert [line.split()[0] for line in listing.render(what).splitlines()] == names


def test_a_line_has_description_and_hyperparameters() -> None:
    (line,) = (line for line in listing.render("samplers").splitlines() if line.startswith("sgd "))
    description, settings = descriptions.summary("samplers", "sgd")
    assert line.endswith(f"  {description}  {settings}")
    assert "learning_rate=0.1" in settings
    (line,) = (line for line in listing.render("tasks").splitlines() if line.startswith("digits "))
    assert line.split()[1:] == [
        "digits",
        "against",
        *TASKS["digits"].ood_names,
        TASKS["digits"].model,
    ]


@pytest.mark.parametrize("what", ["sampler", "", "data sets"])
def test_the_error_for_an_unknown_kind_lists_the_known_kinds(what: str) -> None:
    with pytest.raises(BdlbenchError) as caught:
        listing.render(what)
    message = str(caught.value)
    assert message.startswith(f"nothing to list as {what!r}")
    assert message.endswith("(available: samplers, datasets, models, metrics, studies, tasks)")


GOOD = '''
class Mine:
    """Sample well.

    More.
    """

    kind: ClassVar[str] = "x"
    rate: float = 3e-6
    steps: int | None = None
'''


@pytest.mark.parametrize(
    ("case", "package", "source", "expected"),
    [
        (0, "", GOOD, "Sample well.  rate=3e-06,steps=None"),
        (1, "", "\ufeff# résumé" + GOOD, "Sample well.  rate=3e-06,steps=None"),
        (2, "", "class Mine:\n    rate = 1\n", ""),
        (3, "", "class Mine(:", "cannot be read: SyntaxError: "),
        (4, "", "class Other: ...", "cannot be read: KeyError: 'Mine'"),
        (5, "", "\0", "cannot be read: "),
        (6, "", None, "cannot be read: ModuleNotFoundError: No module named 'acme_6.plugin'"),
        (7, "1 / 0", GOOD, "cannot be read: ZeroDivisionError: division by zero"),
        (8, "raise SystemExit(3)", GOOD, "cannot be read: SystemExit: 3"),
        (9, None, None, "cannot be read: ModuleNotFoundError: No module named 'acme_9'"),
    ],
)
def test_a_broken_third_party_plugin_is_listed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: int,
    package: str | None,
    source: str | None,
    expected: str,
) -> None:
    name = f"acme_{case}"  # unique, since imported modules are cached
    for file, content in (("__init__.py", package), ("plugin.py", source)):
        if content is not None:
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / file).write_text(content, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        EntryPoint("mine", f"{name}.plugin:Mine", "bdlbench.samplers"),
        EntryPoint("sgd", "bdlbench_samplers.sgd:SGD", "bdlbench.samplers"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    mine, sgd = listing.render("samplers").splitlines()
    assert mine.startswith(f"mine  {expected}")
    assert sgd.startswith("sgd   Stochastic gradient descent")


def test_without_plugins_the_list_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    assert listing.render("samplers") == ""
