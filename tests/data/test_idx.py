from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import bdlbench.data.download
from bdlbench.data.idx import IdxFiles, read_idx
from bdlbench.errors import DataError, DataMissing

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 9], dtype=np.uint8)
MIRRORS = ("https://one.example/", "https://two.example/")
FILES = IdxFiles(
    "MNIST",
    MIRRORS,
    {
        f"{split}-{kind}-ubyte.gz": f"MD5 of {split} {kind}"
        for split in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    },
)


def pack(array: NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_files(
    folder: Path, pack_file: Callable[[bytes], bytes] = gzip.compress, suffix: str = ".gz"
) -> Path:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        (raw / f"{split}-images-idx3-ubyte{suffix}").write_bytes(pack_file(pack(PIXELS)))
        (raw / f"{split}-labels-idx1-ubyte{suffix}").write_bytes(pack_file(pack(LABELS)))
    return raw


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(urls: Sequence[str], target: Path, md5: str) -> None:
        raise DataMissing(f"{target.name} could not be downloaded ({urls[0]}: offline)")

    monkeypatch.setattr(bdlbench.data.download, "fetch", refuse)


def test_gzipped_and_unpacked_files_give_the_same_images(tmp_path: Path) -> None:
    write_files(tmp_path / "packed")
    write_files(tmp_path / "plain", bytes, "")
    packed = FILES.read("train", [tmp_path / "packed"])
    plain = FILES.read("train", [tmp_path / "plain"])
    assert packed.sha256 == plain.sha256
    assert np.array_equal(packed.x, PIXELS)
    assert packed.y.tolist() == LABELS.tolist()


def test_folders_are_searched_in_order_for_files(tmp_path: Path) -> None:
    write_files(tmp_path / "second")
    raw = write_files(tmp_path / "third")
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(pack(LABELS[::-1].copy()))
    folders = [tmp_path / name for name in ("first", "second", "third")]
    assert FILES.read("train", folders).y.tolist() == LABELS.tolist()
    assert FILES.read("train", folders[::2]).y.tolist() == LABELS[::-1].tolist()


def test_reading_writes_no_files(tmp_path: Path) -> None:
    raw = write_files(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    FILES.read("train", [tmp_path])
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert len(list(raw.iterdir())) == 4


IMAGES, LABEL_FILE = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
packed_pixels = gzip.compress(pack(PIXELS))
corrupt = bytearray(packed_pixels)
corrupt[-8] ^= 0xFF  # part of the CRC
FAULTS = {
    "truncated gzip": (IMAGES, packed_pixels[:-100], "expected a complete gzip file, got .*ended"),
    "corrupt gzip": (IMAGES, bytes(corrupt), "expected a complete gzip file, got CRC"),
    "broken gzip": (
        IMAGES,
        packed_pixels[:10] + b"\xff" * 400,
        "complete gzip file, got .*decompress",
    ),
    "gzip of another file": (IMAGES, gzip.compress(b"hello"), "got 68 65 6c 6c"),
    "web page": (IMAGES, b"<html>404</html>", "expected an IDX file .* got 3c 68 74 6d"),
    "empty file": (IMAGES, b"", r"got an empty file \(0 bytes\)"),
    "header only in part": (IMAGES, pack(PIXELS)[:10], r"got 00 00 08 03 \(10 bytes\)"),
    "truncated": (IMAGES, pack(PIXELS)[:-1], "expected 3920 bytes after the header, .*got 3919"),
    "too long": (IMAGES, pack(PIXELS) + b"\0", "expected 3920 bytes after the header, .*got 3921"),
    "labels for images": (IMAGES, pack(LABELS), "in 3 dimensions .* got 00 00 08 01"),
    "images for labels": (LABEL_FILE, pack(PIXELS), "in 1 dimensions .* got 00 00 08 03"),
    "another type": (LABEL_FILE, b"\0\0\x0d" + pack(LABELS)[3:], "got 00 00 0d 01"),
    "other size": (IMAGES, pack(PIXELS[:, :8, :8]), r"entries of shape \(28, 28\), got \(8, 8\)"),
    "other count": (LABEL_FILE, pack(LABELS[:4]), r"expected 5 labels, .*images.*got 4"),
    "label 10": (LABEL_FILE, pack(LABELS + 1), "expected labels below 10, got 10"),
}


@pytest.mark.parametrize(("file", "content", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_the_error_names_a_bad_file_and_a_remedy(
    tmp_path: Path, file: str, content: bytes, message: str
) -> None:
    raw = write_files(tmp_path)
    (raw / file).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        FILES.read("train", [tmp_path])
    text = str(caught.value)
    assert text.startswith(f"{raw / file}: ")
    assert "delete " in text
    assert "\n" not in text
    assert not isinstance(caught.value, DataMissing)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_idx(tmp_path, ())


def test_the_error_for_a_missing_file_is_short_and_its_cause_names_folders_and_mirrors(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataMissing) as caught:
        FILES.read("test", [tmp_path / "one", tmp_path / "two"])
    assert str(caught.value) == (
        "MNIST is not on disk and cannot be downloaded; set BDLBENCH_DATA or --data-dir; "
        "details: bdlbench doctor"
    )
    assert len(str(caught.value)) <= 112  # 120 with "error: "
    for part in (
        "t10k-images-idx3-ubyte.gz could not be downloaded",
        f"{MIRRORS[0]}t10k-images-idx3-ubyte.gz: offline",
        f"is not in {tmp_path / 'one'}, {tmp_path / 'two'}",
    ):
        assert part in str(caught.value.__cause__)


def test_missing_files_are_listed(tmp_path: Path) -> None:
    raw = write_files(tmp_path / "one", bytes, "")
    assert FILES.missing([tmp_path / "two", tmp_path / "one"]) == []
    (raw / "train-images-idx3-ubyte").unlink()
    assert FILES.missing([tmp_path / "two", tmp_path / "one"]) == [IMAGES]
    assert FILES.missing([tmp_path / "two"]) == list(FILES.md5)


def test_downloads_go_to_the_first_writable_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def deliver(urls: Sequence[str], target: Path, md5: str) -> None:
        asked.append(target)
        assert urls == [mirror + target.name for mirror in MIRRORS]
        assert md5 == FILES.md5[target.name]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(pack(PIXELS if "images" in target.name else LABELS)))

    monkeypatch.setattr(bdlbench.data.download, "fetch", deliver)
    # A file in place of a folder is not writable even for root.
    (tmp_path / "file").touch(0o777)
    folders = [tmp_path / "file", tmp_path / "cache", tmp_path]
    assert len(FILES.read("train", folders)) == 5
    raw = tmp_path / "cache" / "MNIST" / "raw"
    assert asked == [raw / IMAGES, raw / LABEL_FILE]
    assert len(FILES.read("train", folders)) == 5
    assert len(asked) == 2


def test_without_a_writable_folder_the_last_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(urls: Sequence[str], target: Path, md5: str) -> None:
        raise DataError(f"cannot write {target}")

    monkeypatch.setattr(bdlbench.data.download, "fetch", refuse)
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.touch()
    with pytest.raises(DataError, match=r"cannot write .*two/MNIST/raw/train-images"):
        FILES.read("train", files)


def test_at_least_one_folder_is_required() -> None:
    with pytest.raises(ValueError, match="expected at least one folder"):
        FILES.read("train", [])
