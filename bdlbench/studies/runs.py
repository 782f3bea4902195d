"""Read what the runs of a comparison predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bdlbench import plan, records
from bdlbench.comparison import Comparison
from bdlbench.predictions import Predictions
from bdlbench.settings import parse


def predictions(
    comparison: Comparison, samplers: Sequence[str]
) -> dict[str, list[Mapping[str, Predictions]]]:
    """Return the predictions for every set of every completed run, by sampler.

    Args:
        comparison: As `run_comparison` returned it.
        samplers: As they were given to it.
    """
    setup = comparison.setup
    contenders = [plan.contend(parse(text), setup.task) for text in samplers]
    groups = plan.jobs(contenders, setup, plan.fingerprints(setup), comparison.seeds)
    found: dict[str, list[Mapping[str, Predictions]]] = {}
    for text, jobs in zip(samplers, groups, strict=True):
        kept = [(job, records.read(records.folder_of(setup.results, job.run))) for job in jobs]
        found[text] = [
            records.read_predictions(records.folder_of(setup.results, job.run), record)
            for job, record in kept
            if record.outcome == records.COMPLETED
        ]
    return found
