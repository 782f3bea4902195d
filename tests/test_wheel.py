"""The stories of users with the installed wheel, outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import WAIT

ROOT = Path(__file__).parents[1]
SOURCES = ("bdlbench", "samplers", "datasets", "studies", "results")
TESTS = ("__init__.py", "commandline.py", "test_stories.py", "stories")


def run(*command: str | Path, **options: object) -> str:
    """Run a command of Python, and return what it prints."""
    ended = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=2 * WAIT, **options
    )  # type: ignore[call-overload]
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return str(ended.stdout)


def copy(names: tuple[str, ...], source: Path, target: Path) -> None:
    """Copy files and folders, without published runs and caches."""
    for name in names:
        if (source / name).is_dir():
            omitted = ["runs"] if name == "results" else []
            ignored = shutil.ignore_patterns("__pycache__", ".*", *omitted)
            shutil.copytree(source / name, target / name, ignore=ignored)
        elif (source / name).exists():
            shutil.copy(source / name, target / name)


@pytest.mark.slow
def test_the_stories_run_with_the_installed_wheel(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    checkout, site, empty = (tmp_path / name for name in ("checkout", "site", "empty"))
    for folder in (checkout, empty / "tests"):
        folder.mkdir(parents=True)
    copy(("pyproject.toml", "README.md", "LICENSE", *SOURCES), ROOT, checkout)
    pip = ("-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, checkout)
    (wheel,) = tmp_path.glob("bdlbench-*.whl")
    run(*pip, "install", "--no-deps", "--target", site, wheel)
    shutil.rmtree(checkout)
    copy(TESTS, ROOT / "tests", empty / "tests")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = run("-c", "import bdlbench; print(bdlbench.__file__)", cwd=empty, env=environment)
    assert Path(where.strip()).is_relative_to(site)
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={empty}")
    printed = run("-m", "pytest", *options, "tests/test_stories.py", cwd=empty, env=environment)
    assert "5 passed" in printed, printed[-2000:]
