"""Descriptions of metrics, and their page."""

from __future__ import annotations

import runpy
from pathlib import Path

from bdlbench.metrics.catalogue import METRICS, describe

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_made_from_the_descriptions() -> None:
    page = runpy.run_path(str(DOCS / "make_metrics.py"))["page"]()
    written = (DOCS / "metrics.md").read_text("utf-8")
    assert written == page, "run python docs/make_metrics.py and commit"
    for metric in METRICS:
        assert f"`{metric.name}`" in written
        if not metric.name.startswith("shift."):
            assert metric.limits, f"{metric.name}: say what it cannot say"


def test_numbers_of_inputs_are_added_to_a_definition() -> None:
    metric = describe("ood.letters.auroc", {"test": 10_000, "letters": 1000})
    assert metric.definition.endswith("Inputs: test 10,000, letters 1,000.")
    assert "OOD positive" in describe("ood.letters.fpr_at_95_tpr").label
