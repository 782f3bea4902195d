"""Run README's first comparison, and put its output and its plot into README: a minute.

Usage: ``python docs/screen.py``
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
COMMAND = ["compare", "sgd", "sgld", "--task", "digits", "--quiet"]
MARKERS = re.compile(r"(<!-- screen -->\n```text\n).*?(\n```)", re.DOTALL)


def main() -> None:
    """Update README's block and docs/compare.png."""
    with tempfile.TemporaryDirectory() as folder:
        printed = subprocess.run(
            [sys.executable, "-m", "bdlbench", *COMMAND, "--plot", ROOT / "docs/compare.png"],
            cwd=folder,
            env=os.environ | {"COLUMNS": "100"},
            text=True,
            check=True,
            capture_output=True,
        ).stdout
    lines = "\n".join(line.rstrip() for line in printed.rstrip().splitlines())
    text = MARKERS.sub(lambda match: match[1] + lines + match[2], README.read_text("utf-8"))
    README.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
