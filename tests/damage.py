"""Functions that corrupt a run: its record, predictions, archive or folder."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bdlbench.records import store
from bdlbench.storage import documents
from tests import synthetic

Arrays = dict[str, Any]
Break = Callable[[Path], object]


def text(change: Callable[[str], str | bytes]) -> Break:
    """Change the text of the record."""

    def apply(run: Path) -> None:
        changed = change((run / "record.json").read_text("utf-8"))
        content = changed if isinstance(changed, bytes) else changed.encode("utf-8")
        (run / "record.json").write_bytes(content)

    return apply


def field(path: str, value: Any) -> Break:
    """Set a field of the record, given by its dotted path."""

    def apply(run: Path) -> None:
        content = json.loads((run / "record.json").read_text("utf-8"))
        *parents, last = path.split(".")
        parent = content
        for name in parents:
            parent = parent[name]
        parent[last] = value
        (run / "record.json").write_text(json.dumps(content), "utf-8")

    return apply


def named(**changes: Any) -> Break:
    """Change fields of the record, and rename the run to match."""

    def apply(run: Path) -> Path:
        record = store.read(run)
        configuration = replace(record.configuration, **changes.get("configuration", {}))
        changed = synthetic.named(replace(record, **{**changes, "configuration": configuration}))
        (run / "record.json").write_text(documents.to_json(changed.content()), "utf-8")
        return run.rename(run.with_name(changed.run))

    return apply


def sign(run: Path, content: bytes) -> None:
    """Write predictions with the right checksum, as an attacker can."""
    (run / "predictions.npz").write_bytes(content)
    field("predictions_sha256", hashlib.sha256(content).hexdigest())(run)


def packed(change: Callable[[Arrays], object]) -> Break:
    """Change the arrays of the predictions."""

    def apply(run: Path) -> None:
        with np.load(run / "predictions.npz") as archive:
            arrays = dict(archive)
        arrays = change(arrays) or arrays  # type: ignore[assignment]
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        sign(run, buffer.getvalue())

    return apply


def zipped(
    *entries: tuple[str, bytes], method: int | None = None, says: int | None = None
) -> Break:
    """Replace the predictions by a zip file, optionally with false sizes and methods."""

    def apply(run: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
            for entry in archive.filelist:  # written on closing
                entry.file_size = entry.file_size if says is None else says
                entry.compress_type = entry.compress_type if method is None else method
        sign(run, buffer.getvalue())

    return apply


def array(name: str, change: Callable[[Any], Any]) -> Break:
    """Change one array of the predictions."""
    return packed(lambda arrays: arrays.update({name: change(arrays[name])}))


def header(shape: str, dtype: str = "<f4") -> bytes:
    """Return the header of an .npy file with this shape."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def moved(name: str, make: Callable[[Path, Path], object]) -> Break:
    """Move a file of the run elsewhere, and call `make` with its old and new path."""

    def apply(run: Path) -> None:
        elsewhere = run.parents[1] / name
        (run / name).rename(elsewhere)
        make(run / name, elsewhere)

    return apply


def lied(run: Path) -> None:
    """Set an expected entropy of OOD letters that exceeds the entropy of the mean."""
    array("letters/expected_entropy", lambda a: np.full_like(a, np.log(10)))(run)


def swapped(labels: Any) -> Any:
    return (labels + 1) % 10


HUGE = "x" * 10_000_000
PICKLE = np.array([{}], dtype=object)
