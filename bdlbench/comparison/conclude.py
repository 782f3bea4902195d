"""Sum up the runs of a comparison: rows, differences, controls, and what they are held to."""

from __future__ import annotations

from collections.abc import Mapping

from bdlbench import certificate, fidelity, files, tasks
from bdlbench.comparison import Comparison
from bdlbench.data import search_folders
from bdlbench.documents import to_json
from bdlbench.plan import Setup
from bdlbench.planned import Planned
from bdlbench.records import Record
from bdlbench.summary import (
    controls_file,
    differences,
    headline,
    kept_controls,
    read_predictions,
    rescored,
    sum_up,
)


def conclude(
    planned: Planned, found: Mapping[str, Record], reused: Mapping[str, Record]
) -> Comparison:
    """Sum up the runs of a comparison.

    Args:
        planned: The comparison.
        found: A record for each of its runs, by name.
        reused: Those that were on disk already.
    """
    setup = planned.setup
    found = {**found, **{run: rescored(setup.results, record) for run, record in reused.items()}}
    groups = [[found[job.run] for job in group] for group in planned.groups]
    predictions = [read_predictions(setup.results, group) for group in groups]
    reference, reference_note = fidelity.find_reference(setup, planned.data)
    return Comparison(
        setup=setup,
        note=planned.note,
        seeds=planned.seeds,
        rows=tuple(
            sum_up(
                contender.label,
                contender.settings,
                certificate.read(setup.results, contender.spec.reference),
                group,
                sets,
                reference,
                reused,
            )
            for contender, group, sets in zip(planned.contenders, groups, predictions, strict=True)
        ),
        differences=differences(
            headline(setup.task.ood, setup.split),
            [contender.label for contender in planned.contenders],
            predictions,
        ),
        controls=find_controls(setup, planned.data),
        floor=fidelity.floor(reference) if reference else {},
        reference_note=reference_note,
    )


def find_controls(setup: Setup, fingerprints: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Return the control rows of every OOD set; they are kept, since they depend on data alone."""
    if setup.split == "validation":
        return {}
    kept = kept_controls(setup.results, setup.task.name, fingerprints)
    if kept is not None:
        return kept
    found = compute_controls(setup)
    file = controls_file(setup.task.name, fingerprints)
    files.write_file(setup.results / file, to_json(found))
    return found


def compute_controls(setup: Setup) -> dict[str, dict[str, float]]:
    """Return the control rows of every OOD set, from the images of the task."""
    from bdlbench import controls  # and scikit-learn with it; most often, what it gives is kept

    folders = search_folders(setup.data_dir)
    train = tasks.training_images(setup.task, setup.split, folders)
    judged = tasks.judged_images(setup.task, setup.split, folders)
    return {
        name: controls.control_aurocs(train.pixels, judged["test"].pixels, judged[name].pixels)
        for name in setup.task.ood
    }
