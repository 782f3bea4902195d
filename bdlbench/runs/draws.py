"""The draws of a run, stored on disk since they may not fit in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType

import torch
from torch import Tensor

from bdlbench.errors import Diverged, RecordError


class Draws:
    """Draws of θ in an unnamed temporary file; iteration yields them in order, of shape (dim,).

    Args:
        chains: Number of chains; `add` takes one draw of each.
        dim: Number of parameters.
    """

    def __init__(self, chains: int, dim: int) -> None:
        self._shape = (chains, dim)
        self._file = tempfile.TemporaryFile(prefix="bdlbench-draws-")  # noqa: SIM115 -- see __exit__
        self._count = 0

    def __enter__(self) -> Draws:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # on a full disk, flushing fails again
            self._file.close()

    def __len__(self) -> int:
        return self._count

    def add(self, theta: object) -> None:
        """Store a copy of θ, one draw of every chain.

        Raises:
            ValueError: θ is not a float32 tensor of shape (chains, dim).
            Diverged: θ is not finite.
            RecordError: The disk is full.
        """
        if not isinstance(theta, Tensor):
            raise ValueError(f"expected draws that are tensors, got {type(theta).__name__}")
        if theta.shape != self._shape or theta.dtype != torch.float32:
            raise ValueError(
                f"expected draws of shape {self._shape} and type torch.float32, "
                f"got {tuple(theta.shape)} and {theta.dtype}"
            )
        if not bool(theta.isfinite().all()):
            raise Diverged("θ is not finite")
        for row in theta.detach().cpu():
            try:
                self._file.write(row.contiguous().numpy().data)
                self._file.flush()  # a full disk is detected here, not on reading
            except OSError as error:
                raise RecordError(
                    f"cannot store draws in {tempfile.gettempdir()} ({error.strerror}); free space "
                    "there, or set TMPDIR to a larger folder"
                ) from error
            self._count += 1

    def __iter__(self) -> Iterator[Tensor]:
        self._file.seek(0)
        for _ in range(self._count):
            # torch wants a writable buffer: a bytearray, not bytes.
            yield torch.frombuffer(
                bytearray(self._file.read(4 * self._shape[1])), dtype=torch.float32
            )
