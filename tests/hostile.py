"""Malicious and corrupt runs: how a valid run is changed, and the expected message."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tests.damage import (
    HUGE,
    PICKLE,
    Break,
    array,
    field,
    header,
    lied,
    moved,
    named,
    packed,
    sign,
    swapped,
    text,
    zipped,
)

CASES: dict[str, tuple[Break, str]] = {
    # names
    "a script in the run's name": (
        field("run", "<script>alert(1)</script>"),
        "expected run to be a",
    ),
    "a path traversal in the run's name": (
        field("run", "../../etc/passwd"),
        "expected run to be a name",
    ),
    "a trailing line feed in a name": (field("run", "digits\n"), "expected run to be a name"),
    "a control character in a name": (
        field("sampler.name", "sgd\x1b[31m"),
        "expected sampler.name",
    ),
    "right-to-left text": (field("reason", "ok\u202elmth"), "expected reason to be a line"),
    "half of a surrogate pair": (
        text(lambda t: t.replace('"reason": ""', '"reason": "\\ud800"')),
        "expec.*reason",
    ),
    "a null byte": (field("task", "digits\x00"), "expected task to be a name"),
    "a plugin's file as sampler": (
        field("sampler.name", "./evil.py"),
        "expected sampler.name to",
    ),
    "a module as sampler": (field("sampler.name", "os.system"), "expected sampler.name to be"),
    "an unknown task": (field("task", "imagenet"), "the record is that of run imagenet-"),
    "a task in another folder": (field("task", "../digits"), "expected task to be a name"),
    "an unknown model": (named(configuration={"model": "evil"}), "no model 'evil'"),
    "a model that exceeds memory": (
        named(configuration={"model": "mlp-99999-99999"}),
        "a model of at most",
    ),
    "a model of huge width": (
        named(configuration={"model": "mlp-" + "9" * 30}),
        "no model 'mlp-999",
    ),
    "another run's folder": (lambda run: run.rename(run.with_name("other")), "holds the record of"),
    "settings changed after the run": (
        field("sampler.settings", {"a": 1}),
        "the record is that of run digits",
    ),
    "a changed budget": (
        field("configuration.epochs", 5.0),
        "the record is that of run digits",
    ),
    "a seed changed after the run": (field("seed", 5), "the record is that of run digits"),
    # sizes
    "a text of 10 MB": (field("reason", HUGE), "expected at most 262144 bytes|of at most 262144"),
    "a reason of 3,000 characters": (field("reason", "x" * 3000), "expected reason to be"),
    "10,000 settings": (
        field("sampler.settings", {f"a{i}": 1 for i in range(10_000)}),
        "settings to",
    ),
    "10,000 metrics": (
        field("metrics", {f"a{i}": 1.0 for i in range(5000)}),
        "metrics to be of max",
    ),
    "a number of 5,000 digits": (
        text(lambda t: t.replace('"seed": 0', '"seed": ' + "1" * 5000)),
        "digits",
    ),
    "a seed above 2**53": (field("seed", 2**70), "expected seed to be of maximum"),
    "predictions of 33 MB": (
        lambda run: (run / "predictions.npz").write_bytes(bytes(33 * 2**20)),
        "at most 33554432",
    ),
    # numbers
    "NaN": (field("metrics.accuracy", float("nan")), "expected finite numbers, got NaN"),
    "Infinity": (field("epochs", float("inf")), "expected finite numbers, got Infinity"),
    "1e999": (text(lambda t: t.replace('"epochs": 100.0', '"epochs": 1e999')), "got 1e999"),
    "a number as a string": (
        field("metrics.accuracy", "0.99"),
        "metrics.accuracy to be of type num",
    ),
    "a boolean for a number": (
        field("metrics.accuracy", True),
        "metrics.accuracy to be of type number",
    ),
    "a float as seed": (field("seed", 0.0), "expected seed to be of type integer, got 0.0"),
    "a negative seed": (field("seed", -1), "expected seed to be of minimum 0"),
    "a negative cost": (
        field("measured.seconds", -1.0),
        "expected measured.seconds to be of minimum",
    ),
    "null for a metric": (
        field("metrics.accuracy", None),
        "metrics.accuracy to be of type number",
    ),
    # structure
    "no JSON": (text(lambda t: "hello"), "Expecting value"),
    "an empty file": (text(lambda t: ""), "Expecting value"),
    "invalid UTF-8": (text(lambda t: b"\xff\xfe{}"), "codec can't decode"),
    "a truncated record": (text(lambda t: t[: len(t) // 2]), "cannot be read"),
    "a list": (text(lambda t: f"[{t}]"), "expected a document to be an object, got a list"),
    "deeply nested lists": (text(lambda t: "[" * 200_000), "nested too deeply"),
    "a duplicate key": (
        text(lambda t: t.replace("{", '{"seed": 1,', 1)),
        "every name once, got 'seed'",
    ),
    "an extra field": (field("evil", 1), "expected nothing else in a record, got 'evil'"),
    "an extra field in the sampler": (
        field("sampler.code", "import os"),
        "nothing else in sampler, got 'co",
    ),
    "a missing field": (
        text(lambda t: t.replace('"draws"', '"draw"')),
        "expected a record with draws|e",
    ),
    "a newer schema": (field("schema", 99), "expected a record of schema 2, got 99; upgrade"),
    "an object as setting": (
        field("sampler.settings", {"a": {"b": 1}}),
        "sampler.settings.a to be",
    ),
    "an unknown outcome": (
        field("outcome", "excellent"),
        "expected outcome to be of enum",
    ),
    "an invalid digest": (field("data.test", "zz"), "expected data.test to be a SHA-256"),
    # comparability
    "numerics and protocol": (
        named(configuration={"protocol": 2, "code_sha256": "a" * 64}),
        "expected configuration to be of oneOf",
    ),
    "an invalid numerics version": (
        named(configuration={"numerics": "2+evil"}),
        "expected configuration.numerics to be a numerics version, such as 2",
    ),
    "another prior": (
        named(configuration={"prior_std": 1.0}),
        "expected prior_std 0.316.*, got 1.0",
    ),
    "the validation set": (
        named(configuration={"split": "validation"}),
        "expected a run on the test",
    ),
    "a missing data set": (named(data={"train": "a" * 64, "test": "b" * 64}), "expected data sets"),
    "a failed run with metrics": (
        field("outcome", "diverged"),
        "expected no metrics or predictions",
    ),
    # metrics
    "a changed metric": (field("metrics.accuracy", 0.999), "accuracy is 0.999 in the record, but"),
    "a missing metric": (
        field("metrics", {"accuracy": 0.5}),
        "negative_log_likelihood is in the pre",
    ),
    "an extra metric": (field("metrics.coolness", 1.0), "coolness is in the record only"),
    "another number of draws": (field("draws", 100), "expected 100 draws, as in its record, got 4"),
    # files
    "a link as record": (
        moved("record.json", Path.symlink_to),
        "record.json to be a plain file",
    ),
    "a link as predictions": (
        moved("predictions.npz", Path.symlink_to),
        "predictions.npz to be a pl",
    ),
    "a hard link": (
        moved("predictions.npz", lambda a, b: os.link(b, a)),
        "predictions.npz to be a pl",
    ),
    "a pipe": (moved("record.json", lambda a, b: os.mkfifo(a)), "record.json to be a plain file"),
    "a folder as record": (moved("record.json", lambda a, b: a.mkdir()), "to be a plain file"),
    "an extra file": (
        lambda run: (run / "setup.py").touch(),
        "expected record.json and .*'setup.py'",
    ),
    "a hidden file": (lambda run: (run / ".git").mkdir(), "expected record.json and .*'.git'"),
    "no record": (lambda run: (run / "record.json").unlink(), "no run in"),
    "no predictions": (
        lambda run: (run / "predictions.npz").unlink(),
        "predictions.npz: cannot be read",
    ),
    # archive
    "a changed byte": (
        lambda run: (run / "predictions.npz").write_bytes(
            (run / "predictions.npz").read_bytes()[:-1] + b"!"
        ),
        "does not match its record's checksum",
    ),
    "not an archive": (lambda run: sign(run, b"hello"), "File is not a zip file"),
    "a pickle": (lambda run: sign(run, b"\x80\x04}\x94."), "File is not a zip file"),
    "an object array": (
        packed(lambda a: a.update({"test/labels": PICKLE})),
        "expected numbers in 'test/l",
    ),
    "a zip bomb": (
        zipped(("test/votes.npy", bytes(10**6)), says=2**40),
        "at most 1073741824 bytes",
    ),
    "a zip bomb with a false size": (
        zipped(("a.npy", header("(9,)") + bytes(10**6)), says=100),
        "9|CRC|shape",
    ),
    "a shape of terabytes": (
        zipped(("test/votes.npy", header("(1000000000000,)"))),
        "to match its shape",
    ),
    "a negative shape": (zipped(("test/votes.npy", header("(-1, 5)"))), "to match its shape"),
    "code as shape": (zipped(("a.npy", header("__import__('os')"))), "malformed node"),
    "an object dtype": (zipped(("a.npy", header("(1,)", "O"))), "expected numbers in 'a.npy'"),
    "10,000 arrays": (zipped(*((f"{i}.npy", b"") for i in range(2000))), "at most 1000 arrays"),
    "a file that is not an array": (
        zipped(("evil.py", b"1")),
        "expected arrays, got a file 'evil.py'",
    ),
    "a path traversal in the archive": (
        zipped(("../../a.npy", header("(0,)"))),
        r"arrays \[.*\] in '\.\./\.\.'",
    ),
    "an unknown compression method": (
        zipped(("a.npy", b"1"), method=97),
        "compressed as by NumPy",
    ),
    "an extra array": (
        packed(lambda a: a.update({"test/evil": np.zeros(2)})),
        "expected arrays",
    ),
    "a missing array": (
        packed(lambda a: {k: v for k, v in a.items() if k != "test/votes"}),
        "expected arrays",
    ),
    # predictions
    "probabilities that do not sum to 1": (
        array("test/log_probabilities", lambda a: a + 0.03),
        "sum to 1",
    ),
    "NaN in predictions": (
        array("test/log_probabilities", lambda a: a * np.float32("nan")),
        "finite",
    ),
    "infinite predictions": (
        array("test/expected_entropy", lambda a: a / np.float32(0)),
        "finite|inf",
    ),
    "another dtype": (array("test/log_probabilities", lambda a: a.astype("f8")), "of type float32"),
    "fewer labels": (array("test/labels", lambda a: a[1:]), "expected labels of shape"),
    "fewer inputs": (
        packed(lambda a: {k: v[..., :5] if "votes" in k else v[:5] for k, v in a.items()}),
        "the labels of its",
    ),
    "swapped labels": (
        array("test/labels", swapped),
        "the labels of its test set are not the task's",
    ),
    "labels out of range": (
        array("test/labels", lambda a: a + 10),
        "expected labels of test in",
    ),
    "votes out of range": (
        array("test/votes", lambda a: a + np.uint8(10)),
        "expected votes below 10",
    ),
    "a missing set": (
        packed(lambda a: {k: v for k, v in a.items() if "test" in k}),
        "expected predictio",
    ),
    "an extra set": (
        packed(lambda a: a | {k.replace("letters", "easy"): v for k, v in a.items()}),
        "expected predi",
    ),
    "an invalid set name": (
        packed(lambda a: {k.replace("letters", "a.b"): v for k, v in a.items()}),
        "set name",
    ),
    "an entropy out of range": (
        array("test/expected_entropy", lambda a: a + 9),
        "entropies in 0..log 10",
    ),
    "an expected entropy above that of the mean": (lied, "mean entropy of the draws to be at most"),
}
