"""Summarize a comparison."""

from __future__ import annotations

from collections.abc import Mapping

from bdlbench.checks import certificate
from bdlbench.comparison import resampled
from bdlbench.comparison.planned import Planned
from bdlbench.comparison.result import Comparison
from bdlbench.comparison.summary import (
    confident_fractions,
    headline,
    read_predictions,
    rescored,
    summarize,
)
from bdlbench.records.record import Record
from bdlbench.reference import fidelity
from bdlbench.reference.control_rows import find_controls


def conclude(
    planned: Planned, records: Mapping[str, Record], reused: Mapping[str, Record]
) -> Comparison:
    """Compute rows, differences, controls and reference of a comparison.

    Args:
        planned: The comparison.
        records: The records of its runs, by name.
        reused: Those of them that were already stored.
    """
    setup = planned.setup
    groups = [[records[job.run] for job in group] for group in planned.groups]
    predictions = [read_predictions(setup.results, group) for group in groups]
    groups = [
        rescored(group, sets, planned.metrics)
        for group, sets in zip(groups, predictions, strict=True)
    ]
    task = setup.task
    metrics = [*headline(task.ood_names, setup.split, task.kind), *planned.metrics]
    values = resampled.resample([*metrics, *confident_fractions(metrics)], predictions)
    reference, reference_note = fidelity.find_reference(setup, planned.data)
    rows = [
        summarize(
            label,
            candidate.settings,
            certificate.read(setup.results, candidate.spec.reference, candidate.settings),
            group,
            sets,
            reference,
            reused,
        )
        for label, candidate, group, sets in zip(
            planned.labels, planned.candidates, groups, predictions, strict=True
        )
    ]
    return Comparison(
        setup=setup,
        note=planned.note,
        seeds=planned.seeds,
        rows=resampled.widened(rows, values),
        differences=resampled.differences(planned.labels, values, planned.baseline),
        controls=find_controls(setup, planned.data),
        floor=fidelity.floor(reference, task.budget.draws) if reference else {},
        reference_note=reference_note,
        baseline=planned.baseline,
        metrics=planned.metrics,
    )
