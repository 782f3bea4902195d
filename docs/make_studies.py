"""Run the studies, and write docs/studies.md from what they found.

Usage: ``python docs/make_studies.py OUT [NAME…]``; without names all are run. OUT keeps the runs
of samplers, so that those need not be repeated. What the studies that are not named found before
is kept in docs/studies/findings.json.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from bdlbench import registry
from bdlbench.runs import machine
from bdlbench.study import create

DOCS = Path(__file__).parent
PICTURES = DOCS / "studies"
FOUND = PICTURES / "findings.json"
ORDER = (
    "learning-rate", "batch-size", "weights", "stationary", "diffusion", "temperature",
    "loss-slope", "gradient-flow", "unknown", "calibration", "anneal-or-quench",
    "momentum-and-adam", "budget",
)  # fmt: skip
HEAD = """# The studies

What the sources of this project claim, and what comes out: `bdlbench study NAME` repeats each, and
writes the pictures (PNG, SVG) and the data behind them (CSV). The texts below are the findings as
they were printed, with the default settings, also where they contradict a source. Written by
`python docs/make_studies.py OUT`.
"""


def carry_out(name: str, out: Path) -> dict[str, object]:
    """Run a study, keep its PNG and GIF, and return its finding."""
    started = time.perf_counter()
    with machine.one_thread():
        finding = create(name, {}).run(out, lambda line: print(line, file=sys.stderr))
    seconds = round(time.perf_counter() - started)
    pictures = [path for path in finding.files if path.suffix in (".png", ".gif")]
    for path in pictures:
        shutil.copyfile(path, PICTURES / path.name)
    print(f"{name} ({seconds} s): {finding.text}")
    return {
        "text": finding.text,
        "numbers": finding.numbers,
        "pictures": [path.name for path in pictures],
    }


def page(found: dict[str, dict[str, object]]) -> str:
    """Return docs/studies.md."""
    parts = [HEAD]
    for name in sorted(found, key=lambda name: (*ORDER, name).index(name)):
        about, _ = registry.summary("studies", name)
        entry = found[name]
        pictures = entry["pictures"]
        assert isinstance(pictures, list)
        shown = "\n\n".join(f"![{name}](studies/{picture})" for picture in pictures)
        parts.append(f"## {name}\n\n{about}\n\n{entry['text']}\n\n{shown}\n")
    return "\n".join(parts)


def main(out: Path, names: list[str]) -> None:
    """Run the studies of these names, and write the page."""
    PICTURES.mkdir(exist_ok=True)
    found = json.loads(FOUND.read_text("utf-8")) if FOUND.exists() else {}
    for name in names or registry.names("studies"):
        found[name] = carry_out(name, out)
        FOUND.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (DOCS / "studies.md").write_text(page(found), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
