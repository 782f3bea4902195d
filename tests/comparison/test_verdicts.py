"""Verdicts in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bdlbench.comparison import verdicts
from bdlbench.metrics.statistics import Difference, Verdict
from tests.comparison.test_table import COMPARISON, DIFFERENCE, ROWS


def difference(metric: str, value: float, half: float, verdict: Verdict) -> Difference:
    return Difference(metric, value, value - half, value + half, half / 2, 3, 0.001, verdict)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            Difference("ood.letters.auroc", 0.0541, 0.0469, 0.0613, 0.003, 3, 0.001, "better"),
            "sgld detects letters better than sgd: AUROC +0.054 [0.047, 0.061]",
        ),
        (
            Difference("ood.letters.auroc", -0.0541, -0.0613, -0.0469, 0.003, 3, 0.001, "worse"),
            "sgld detects letters worse than sgd: AUROC -0.054 [-0.061, -0.047]",
        ),
        (
            Difference(
                "ood.letters.confident_fraction", -0.25, -0.31, -0.19, 0.03, 3, 0.001, "better"
            ),
            "sgld is sure of fewer letters than sgd: >90 % sure -0.250 [-0.310, -0.190]",
        ),
        (
            Difference("expected_calibration_error", 0.031, 0.021, 0.041, 0.005, 3, 0.001, "worse"),
            "sgld is less well calibrated than sgd: ECE +0.031 [0.021, 0.041]",
        ),
        (
            Difference("brier_score", -0.00032, -0.00052, -0.00012, 0.0001, 3, 0.001, "better"),
            "sgld has a lower Brier score than sgd: Brier -0.0003 [-0.0005, -0.0001]",
        ),
    ],
)
def test_a_clear_difference_is_a_sentence(found: Difference, expected: str) -> None:
    assert verdicts.sentence(found, "sgld", "sgd") == expected


def test_every_compared_metric_has_claims() -> None:
    for metric in COMPARISON.compared:
        for verdict in ("better", "worse"):
            text = verdicts.sentence(difference(metric, 0.1, 0.01, verdict), "b", "a")
            assert text.startswith("b ")
            assert "<set>" not in text
            assert len(text) <= 80


def test_the_clearest_come_first_and_the_unclear_last_on_one_line() -> None:
    found = (
        ("sgld", difference("accuracy", 0.001, 0.002, "no clear difference")),
        ("sgld", difference("expected_calibration_error", 0.03, 0.02, "worse")),
        ("sgld", difference("negative_log_likelihood", 0.0, 0.01, "no clear difference")),
        ("sgld", difference("ood.letters.auroc", 0.04, 0.01, "better")),
    )
    claims = verdicts.claims(replace(COMPARISON, differences=found))
    assert [claim.verdict for claim in claims] == ["better", "worse", "no clear difference"]
    assert claims[0].text.startswith("sgld detects letters better than sgd")
    assert claims[2].text == "sgld: no clear difference from sgd in accuracy, NLL"


def test_many_samplers_get_a_line_each() -> None:
    names = [f"sampler-{index}" for index in range(4)]
    found = [(name, difference("accuracy", 0.1, 0.01, "better")) for name in names[:3]]
    found += [(name, difference("ood.letters.auroc", -0.1, 0.01, "worse")) for name in names[:3]]
    found += [(names[3], difference("accuracy", 0.1, 0.2, "no clear difference"))]
    claims = verdicts.claims(replace(COMPARISON, differences=tuple(found)))
    mixed = "better in accuracy; worse in AUROC (letters)"
    assert [claim.text for claim in claims] == [
        *(f"{name}, against sgd: {mixed}" for name in names[:3]),
        "sampler-3: no clear difference from sgd",
    ]  # fmt: skip


def test_the_baseline_is_named() -> None:
    other = replace(COMPARISON, baseline=1, differences=(("sgd", DIFFERENCE),))
    assert "better than sgld" in verdicts.claims(other)[0].text
    assert ROWS[1].sampler == "sgld"
