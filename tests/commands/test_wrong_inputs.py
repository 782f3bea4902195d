"""Wrong inputs of every command: one line, exit code 2, no run, and nothing is written."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from bdlbench.commands import main
from bdlbench.comparison.compare import compare
from bdlbench.errors import BdlbenchError
from bdlbench.execution import worker
from bdlbench.runs import task_data

SAMPLER = """
@register("{name}")
@dataclass(frozen=True)
class {name}:
    def sample(self, problem, rng):
        yield problem.init(rng)
"""
# What is typed, and a part of the message.
TYPED = """
list sampler | nothing to list as 'sampler'; did you mean samplers? (available: samplers,
list "" | nothing to list as ''
show "" | expected a folder or a URL, got ''; name one
show gone --results afile | expected a folder or a URL, got the file afile
show gone --results "" | expected a folder or a URL, got ''; name one
show gone --results nope://x | nope://x: cannot be opened (
check sgdl | no sampler 'sgdl'; did you mean sgd? (see `bdlbench list samplers`)
check ./missing.py | missing.py: no such file
reference mnits | no task 'mnits'; did you mean mnist?
reference digits --chains 0 | expected --chains >= 2, got 0
reference digits --device gpu | expected --device auto, cpu, cuda, got 'gpu'
reference digits --data-dir gone | expected --data-dir to name a folder, got gone
new "" | expected a name such as my-sampler, got ''
numerics --accept --raise | expected one of --check, --accept and --raise, got several
numerics --check --accept | expected one of --check, --accept and --raise, got several
study nope | no study 'nope' (see `bdlbench list studies`)
study --seed 1 | --task and --seed need the NAME of a study
compare "" | expected NAME or NAME:setting=value,…, got ''
compare sgd --seeds five | Invalid value for '--seeds'
compare sgd --seeds 0 | seeds: expected a positive integer or a list of integers, got 0
compare sgd --seeds 100000000 | list of integers up to 10,000, got 100000000
compare sgd --task digits --epochs -1 | epochs: expected a number > 0, got -1.0
compare sgd --task digits --epochs inf | epochs: expected a number > 0 up to 1e9, got inf
compare sgd --task digits --epochs nan | epochs: expected a number > 0, got nan
compare sgd --task digits --draws 0 | draws: expected a positive integer, got 0
compare sgd --task digits --draws 1.5 | Invalid value for '--draws'
compare sgd --task "" | no task ''
compare sgd --task digits --model "" | expected NAME or NAME:setting=value
compare sgd --task digits --split "" | expected --split test or validation, got ''
compare sgd --task digits --device gpu | expected --device auto, cpu, cuda, got 'gpu'
compare sgd --backend slurm | expected --backend local, dask, ray, got 'slurm'
compare sgd --backend dask | --backend dask and ray need an --address, and nothing else does
compare sgd --address tcp://x:1 | --backend dask and ray need an --address
compare sgd --jobs 0 | jobs: expected a positive integer, got 0
compare sgd --jobs two | Invalid value for '--jobs'
compare sgd --memory 0 | memory: expected a number > 0 of gigabytes, such as 4, got 0.0
compare sgd --memory nan | memory: expected a number > 0 of gigabytes, such as 4, got nan
compare sgd --memory inf | memory: expected a number > 0 up to 1e9 of gigabytes
compare sgd --timeout -3 | timeout: expected a number > 0 of seconds, got -3.0
compare sgd --timeout nan | timeout: expected a number > 0 of seconds, got nan
compare sgd --baseline nope --task digits | expected --baseline of sgd, got 'nope'
compare sgd --task digits --results afile | expected a folder or a URL, got the file afile
compare sgd --task digits --data-dir afile | expected --data-dir to name a folder, got afile
compare sgld:step_size | sgld:step_size: expected setting=value, got 'step_size'
compare sgld:step_size= | sgld:step_size=: expected setting=value, got 'step_size='
compare sgld:step_size=-1 | sgld: expected step_size > 0, got -1.0
compare sgld:nope=1 | sgld: no setting 'nope' (available:
compare sgld:setp_size=1 | did you mean step_size?
compare sgld:step_size=1,step_size=2 | step_size is given twice; give it once
compare ./two.py | two.py: expected one sampler, a class under @register with sample(), got 2
compare ./binary.py | binary.py: cannot be loaded
compare ./folder.py | folder.py: no such file
compare ./folder | ./folder: expected the name of a sampler, or a plugin file that ends in .py
compare sgd,sgld | expected names separated by spaces, got 'sgd,sgld'
compare sgd sgd --task digits | sgd is the same as sgd; name each sampler once
grid gone.toml | gone.toml: No such file or directory; expected a grid file in TOML
grid folder | folder: Is a directory; expected a grid file in TOML
grid ok.toml --jobs 0 | jobs: expected a positive integer, got 0
grid ok.toml --dry-run --results afile | expected a folder or a URL, got the file afile
status gone.toml | gone.toml: No such file or directory
status --device gpu | --data-dir and --device need a grid file
status --results afile | expected a folder or a URL, got the file afile
tune sgd | Missing option '--task'
tune sgd --task digits --trials 0 | trials: expected a positive integer, got 0
tune sgd --task digits --trials -1 | trials: expected a positive integer, got -1
tune sgd --task digits --seeds 0 | seeds: expected a positive integer
tune sgd --task digits --search x | expected --search name=low..high or name=low..high:log, got 'x'
tune sgld --task digits --search stpe_size=1..2 | --search stpe_size: no sampler has this
score afile | expected a folder or a URL, got the file afile
leaderboard --task nope | no task 'nope'
leaderboard --results afile | expected a folder or a URL, got the file afile
publish --results afile | expected a folder or a URL, got the file afile
review folder folder gone | Invalid value for
export gone --to xml | expected --to arviz or parquet, got 'xml'
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with files of the wrong kind; decoding data or a run is a failure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    head = "from dataclasses import dataclass\nfrom bdlbench import register\n"
    Path("two.py").write_text(head + SAMPLER.format(name="one") + SAMPLER.format(name="two"))
    Path("binary.py").write_bytes(b"\xff\xfe\x00")
    Path("afile").write_text("x")
    Path("ok.toml").write_text('tasks = ["digits"]\n[samplers.sgd]\n')
    for name in ("folder", "folder.py"):
        Path(name).mkdir()
    monkeypatch.setattr(task_data, "load", lambda *_: pytest.fail("data were decoded"))
    monkeypatch.setattr(worker, "obtain", lambda *_: pytest.fail("a run was started"))
    return tmp_path


def files(folder: Path) -> list[str]:
    found = [str(path) for path in folder.rglob("*")]
    return sorted(path for path in found if "__pycache__" not in path)


@pytest.mark.parametrize("row", TYPED.strip().splitlines())
def test_a_wrong_input_is_refused_in_one_line(
    row: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed, _, message = row.partition(" | ")
    before = files(folder)
    monkeypatch.setattr(sys, "argv", ["bdlbench", *shlex.split(typed)])
    with pytest.raises(SystemExit) as end:
        main.main()
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert message in err
    assert len(err) <= len("error: ") + 130
    assert files(folder) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samplers": []}, "expected at least one sampler, got none"),
        ({"samplers": 5}, 'expected a list of samplers, ["sgd"], got 5'),
        ({"samplers": [5]}, 'expected the name of a sampler, such as "sgd", got 5'),
        ({"seeds": 1.5}, "seeds: expected a positive integer or a list of integers, got 1.5"),
        ({"seeds": "five"}, 'seeds: expected a positive integer or a list of integers, got "five"'),
        ({"seeds": True}, "seeds: expected a positive integer or a list of integers, got True"),
        ({"seeds": [0, "x"]}, 'seeds: expected an integer of at least 0, got "x"'),
        ({"seeds": [1, 1]}, "each once, got (1, 1)"),
        ({"epochs": "ten"}, 'epochs: expected a number > 0, got "ten"'),
        ({"draws": True}, "draws: expected a positive integer, got True"),
        ({"task": 5}, "task: expected a name, a file or a Task, got 5"),
        (
            {"model": os},
            "model: expected a name, a file or an object with build(input_shape, outputs), got ",
        ),
        ({"results": 5}, "expected a folder or a URL, got 5"),
        ({"data_dir": 5}, "data_dir: expected a folder, got 5"),
        ({"jobs": 1.5}, "jobs: expected a positive integer, got 1.5"),
        ({"timeout": "1h"}, 'timeout: expected a number > 0 of seconds, got "1h"'),
        ({"memory": -1}, "memory: expected a positive integer, got -1"),
    ],
)
def test_a_wrong_value_in_python_is_refused(
    options: dict[str, object], message: str, folder: Path
) -> None:
    before = files(folder)
    given: dict[str, object] = {"samplers": ["sgd"], "task": "digits"} | options
    with pytest.raises(BdlbenchError) as caught:
        compare(**given)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert files(folder) == before
