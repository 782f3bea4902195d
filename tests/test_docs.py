"""The code of the pages for users runs, block after block, in one empty folder for each page."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests import commandline

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("tasks", "datasets", "models", "metrics")
BLOCK = re.compile(r"(?:<!-- (.*?) -->\n)?```(python|bash)\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as for a script
    monkeypatch.delenv("BDLBENCH_RESULTS", raising=False)
    found = BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    assert found
    for number, (mark, language, text) in enumerate(found):
        if mark.startswith("file "):
            Path(mark.removeprefix("file ")).write_text(text, "utf-8")
        elif language == "python":
            script = Path(f"block_{number}.py")
            script.write_text(text, "utf-8")
            runpy.run_path(str(script), run_name="__main__")
        else:
            for line in text.replace("\\\n", " ").splitlines():
                _run(line.partition("#")[0].strip(), monkeypatch, capsys)


def _run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a line of a block for a shell: `bdlbench …`, optionally followed by `|| true`."""
    command, _, may_fail = line.partition("||")
    if command:
        assert command.startswith("bdlbench "), f"expected a command of bdlbench, got {line}"
        ended = commandline.run(command.removeprefix("bdlbench "), monkeypatch, capsys)
        assert may_fail or not ended.code, f"{line}: {ended.err}"
