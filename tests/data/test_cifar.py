"""CIFAR's archives, made small here, give the same images packed and unpacked."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import bdlbench.data.download
from bdlbench.data.cifar import CifarFiles
from bdlbench.errors import DataError, DataMissing

FILES = CifarFiles(
    "cifar-10-batches-py",
    "cifar-10-python.tar.gz",
    "0" * 32,
    {"train": ["data_batch_1", "data_batch_2"], "test": ["test_batch"]},
    b"labels",
    10,
)
RNG = np.random.default_rng(0)
PIXELS = {
    name: RNG.integers(0, 256, (3, 3072), dtype=np.uint8)
    for name in ("data_batch_1", "data_batch_2", "test_batch")
}
LABELS = [7, 0, 9]


class Python2(pickle._Pickler):
    """A pickler that writes texts and bytes as Python 2 did, and the authors of CIFAR with it."""

    def save_text(self, text: str | bytes) -> None:
        content = text.encode() if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)  # type: ignore[attr-defined]
        self.memoize(text)  # type: ignore[attr-defined]

    dispatch: ClassVar[dict[type, Any]] = {
        **pickle._Pickler.dispatch,
        str: save_text,
        bytes: save_text,
    }


def batch(name: str, **changes: Any) -> bytes:
    file = io.BytesIO()
    Python2(file, 2).dump({"batch_label": name, "labels": LABELS, "data": PIXELS[name]} | changes)
    return file.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")  # its name at that time


def unpacked(folder: Path, **changes: Any) -> Path:
    raw = folder / FILES.folder
    raw.mkdir(parents=True)
    for name in PIXELS:
        (raw / name).write_bytes(batch(name, **changes))
    return folder


def packed(folder: Path) -> Path:
    folder.mkdir()
    with tarfile.open(folder / FILES.archive, "w:gz") as archive:
        for name in reversed(PIXELS):  # not in the order of the batches
            info = tarfile.TarInfo(f"{FILES.folder}/{name}")
            info.size = len(batch(name))
            archive.addfile(info, io.BytesIO(batch(name)))
    return folder


@pytest.mark.parametrize("make", [packed, unpacked])
def test_images_have_channels_first_and_batches_are_in_order(make: Any, tmp_path: Path) -> None:
    folder = make(tmp_path / "data")
    train, test = (FILES.read(split, [tmp_path, folder]) for split in ("train", "test"))
    assert (train.x.shape, train.classes, train.y.tolist()) == ((6, 3, 32, 32), 10, LABELS * 2)
    assert train.x[3, 0, 0, :32].tolist() == PIXELS["data_batch_2"][0, :32].tolist(), "red"
    assert train.x[3, 2, 31, :32].tolist() == PIXELS["data_batch_2"][0, -32:].tolist(), "blue"
    assert np.array_equal(test.x.reshape(3, -1), PIXELS["test_batch"])
    assert FILES.missing([folder]) == []


def test_a_download_is_checked_and_kept_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = packed(tmp_path / "source") / FILES.archive
    checksum = hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()
    files = replace(FILES, checksum=checksum, mirrors=("https://one.example/",))

    def fetch(urls: Sequence[str], target: Path, md5: str) -> None:
        assert (urls, md5) == (["https://one.example/cifar-10-python.tar.gz"], checksum)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(bdlbench.data.download, "fetch", fetch)
    assert files.missing([tmp_path / "cache"]) == ["cifar-10-python.tar.gz"]
    assert len(files.read("train", [tmp_path / "cache"])) == 6
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["cifar-10-python.tar.gz"]


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, ("1/0",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": Harmful()}, "eval is not allowed"),
        ({"labels": [1, 2]}, r"shape \(6,\), got int64 \(4,\)"),
        ({"labels": [1, 2, 10]}, "expected y from 0 to 9, got 1 to 10"),
        ({"data": np.zeros((3, 100), np.uint8)}, "cannot reshape"),
    ],
)
def test_bad_files_are_named_and_not_executed(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = unpacked(tmp_path, **changes)
    with pytest.raises(DataError, match=message) as caught:
        FILES.read("train", [folder])
    assert str(caught.value).startswith(f"{folder / FILES.folder}: expected the files of CIFAR")
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, DataMissing)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = packed(tmp_path / "data") / FILES.archive
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz: expected the files of CIFAR"):
        FILES.read("train", [path.parent])


def test_an_archive_without_a_batch_is_named(tmp_path: Path) -> None:
    packed(tmp_path / "data")
    files = replace(FILES, batches={"train": ["data_batch_1", "data_batch_3"]})
    with pytest.raises(DataError, match="no cifar-10-batches-py/data_batch_3"):
        files.read("train", [tmp_path / "data"])
