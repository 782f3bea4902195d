"""The code of the pages for users runs, block after block, in one empty folder for each page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("tasks", "datasets", "models", "metrics")
BLOCK = re.compile(r"(?:<!-- (.*?) -->\n)?```(python|bash)\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    assert blocks
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for number, (mark, language, text) in enumerate(blocks):
        if mark.startswith("file "):
            (tmp_path / mark.removeprefix("file ")).write_text(text, "utf-8")
            continue
        script = tmp_path / f"block_{number}.{'py' if language == 'python' else 'sh'}"
        script.write_text(text, "utf-8")
        command = [sys.executable] if language == "python" else ["bash", "-e"]
        ended = subprocess.run(
            [*command, script.name],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900,
            env={**os.environ, "PATH": path},
        )  # fmt: skip
        assert ended.returncode == 0, f"{page}.md: {text}\n{ended.stdout}\n{ended.stderr}"
