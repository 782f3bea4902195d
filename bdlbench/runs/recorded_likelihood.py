"""A likelihood as in records: its label and kind, and the digest of one of the user's own."""

from __future__ import annotations

from dataclasses import dataclass

from bdlbench import at_hand
from bdlbench.posterior import likelihoods
from bdlbench.posterior.likelihoods import Categorical, Kind, Likelihood
from bdlbench.records.record import Configuration

USUAL = "categorical"  # of records that name none
_OF_CLASSES = (USUAL, "bernoulli")


@dataclass(frozen=True)
class RecordedLikelihood:
    """What a record says about a likelihood, which can't be evaluated from it.

    Args:
        label: Its label; None for the categorical one, which old records had.
        named_kind: Its kind, if the label does not say so: of a likelihood of the user's own.
        sha256: SHA-256 of the source of such a likelihood.
    """

    label: str | None
    named_kind: Kind | None = None
    sha256: str | None = None

    def __str__(self) -> str:
        return self.label or USUAL

    @property
    def kind(self) -> Kind:
        """``classes`` or ``real``."""
        name = str(self).partition(":")[0]
        return self.named_kind or ("classes" if name in _OF_CLASSES else "real")


CATEGORICAL = RecordedLikelihood(None)


def recorded(likelihood: Likelihood | RecordedLikelihood) -> RecordedLikelihood:
    """Return what records say about a likelihood."""
    if isinstance(likelihood, RecordedLikelihood):
        return likelihood
    if type(likelihood) is Categorical:  # not one of the user's own that inherits from it
        return CATEGORICAL
    label, plugin = likelihoods.label(likelihood), type(likelihood)
    if plugin.__module__.startswith("bdlbench."):
        return RecordedLikelihood(label)
    return RecordedLikelihood(label, likelihood.kind, at_hand.source_digest(plugin))


def of_configuration(made: Configuration) -> RecordedLikelihood:
    """Return the likelihood of a recorded run."""
    return RecordedLikelihood(made.likelihood, made.likelihood_kind, made.likelihood_sha256)
