from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from bdlbench import descriptions, registry
from bdlbench.commands import main
from bdlbench.errors import PluginError
from bdlbench.study import create

ROOT = Path(__file__).parents[2]
NAMES = registry.names("studies")


def test_the_registered_studies_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert sorted(project["entry-points"]["bdlbench.studies"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_study_has_a_summary_and_is_created_by_name(name: str) -> None:
    without_seed = ("calibration", "budget", "rotation", "cold-posterior")
    study = create(name, {"seeds": 2} if name in without_seed else {"seed": 7})
    summary, settings = descriptions.summary("studies", name)
    assert summary.endswith(".")
    assert summary == (type(study).__doc__ or "").partition("\n")[0]
    assert set(re.findall(r"(\w+)=", settings)) == set(vars(study))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weigths", "no study 'weigths'; did you mean weights? (see `bdlbench list studies`)"),
        ("weights:epoch=3", "weights: no setting 'epoch'; did you mean epochs?"),
        ("weights:epochs=0", "weights: expected epochs > 0, got 0"),
        ("weights:epochs=many", "weights: epochs: expected an integer, got 'many'"),
    ],
)
def test_an_error_is_one_line(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PluginError, match=re.escape(message)):
        create(text, {})
    monkeypatch.setattr(sys, "argv", ["bdlbench", "study", text])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_the_command_lists_and_runs_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bdlbench", "study"])
    main.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == NAMES
    args = ["study", "diffusion:particles=200,step=0.05", "--out", str(tmp_path), "--seed", "3"]
    monkeypatch.setattr(sys, "argv", ["bdlbench", *args])
    main.main()
    text, *paths = capsys.readouterr().out.splitlines()
    assert text.startswith("Brownian particles")
    assert [Path(path).suffix for path in paths] == [".png", ".svg", ".csv"]
    assert all(Path(path).stat().st_size > 1000 for path in paths)


def test_the_page_covers_every_study_and_its_plots_are_small() -> None:
    page = (ROOT / "docs" / "studies.md").read_text("utf-8")
    findings = json.loads((ROOT / "docs" / "studies" / "findings.json").read_text("utf-8"))
    assert sorted(findings) == NAMES
    assert sorted(re.findall(r"^## (.+)$", page, re.MULTILINE)) == NAMES
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs/studies").glob("*.*g*")}
    for name, entry in findings.items():
        assert entry["text"] in page, name
        for plot in entry["pictures"]:
            assert f"(studies/{plot})" in page
            assert sizes[plot] < 400_000
    assert sum(sizes.values()) < 3_000_000
