"""How much of a run is done, in forward passes of single inputs."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, float], None]
"""Receives the phase of a run, and the fraction of the run that is done."""

SAMPLING, EVALUATING = "sampling", "evaluating"
GRADIENT = 3  # a backward pass takes about twice the operations of a forward pass


class Work:
    """The work of a run: gradients of training points, then forward passes of every draw.

    Args:
        gradients: Gradient evaluations on single training points, the budget.
        draws: Expected draws; a point estimate turns out to be less work.
        inputs: Evaluation inputs.
        report: Called with the phase and the fraction done.
    """

    def __init__(self, gradients: float, draws: int, inputs: int, report: OnProgress) -> None:
        self._sampling = GRADIENT * gradients
        self._draws, self._inputs, self._report = draws, inputs, report
        self._evaluated = 0

    def sampled(self, progress: float) -> None:
        """Report the fraction of the budget used."""
        total = self._sampling + self._draws * self._inputs
        self._report(SAMPLING, progress * self._sampling / total)

    def evaluate(self, draws: int) -> None:
        """Begin the evaluation of this many draws."""
        self._draws, self._evaluated = draws, -1
        self.evaluated()

    def evaluated(self) -> None:
        """Report that a draw has been evaluated."""
        self._evaluated += 1
        done = self._sampling + self._evaluated * self._inputs
        self._report(EVALUATING, done / (self._sampling + self._draws * self._inputs))
