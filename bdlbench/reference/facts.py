"""Settings and diagnostics of a reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Settings and diagnostics of a reference: the content of its JSON file.

    Args:
        schema: Version of the file format.
        task: Name of the task.
        model: Name of the model.
        prior_std: Standard deviation of the prior.
        likelihood: Label of the likelihood; None for the categorical one.
        likelihood_sha256: SHA-256 of the likelihood's source; None for those of bdlbench.
        model_sha256: SHA-256 of the model's source; None for the models of bdlbench.
        mass: ``laplace`` for HMC with the Hessian at the minimum of U as mass matrix; None for the
            unit matrix.
        settings: Length of the chains and HMC's hyperparameters.
        data: SHA-256 of the data sets, by name.
        environment: As in a record.
        numerics: The numerics version; None in old files, which have `code_sha256`.
        code_sha256: Digest of the code, in old files.
        key: Digest of all of the above.
        diagnostics: From `gate.diagnose`, with the step size and the number of gradients.
        verdicts: From `gate.verdicts`.
        converged: Whether all verdicts are true.
        measured: Wall-clock seconds and time of completion.
        arrays_sha256: Checksum of the arrays' file.
    """

    schema: int = 1
    task: str
    model: str
    prior_std: float
    likelihood: str | None = None
    likelihood_sha256: str | None = None
    model_sha256: str | None = None
    mass: str | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, str]
    environment: Mapping[str, Any] = field(default_factory=dict)
    numerics: str | None = None
    code_sha256: str | None = None
    key: str
    diagnostics: Mapping[str, float]
    verdicts: Mapping[str, bool]
    converged: bool
    measured: Mapping[str, Any] = field(default_factory=dict)
    arrays_sha256: str = ""
