"""Exported runs, read with the tools they are exported for."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdlbench.commands import main
from bdlbench.errors import BdlbenchError
from bdlbench.records import store
from bdlbench.runs.export import export
from tests import synthetic

# ArviZ is imported lazily: once a day its import writes a file, and fails if two workers do so at
# the same time.
pytestmark = pytest.mark.skipif(
    not (find_spec("arviz") and find_spec("pyarrow")), reason="ArviZ or pyarrow is not installed"
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    written = synthetic.write(tmp_path, history=True, settings={"step_size": 1e-4})
    return store.folder_of(tmp_path, written.run)


@pytest.mark.filterwarnings("ignore::FutureWarning:arviz")
@pytest.mark.filterwarnings("ignore::UserWarning:arviz")
def test_arviz_reads_the_export(run: Path, tmp_path: Path) -> None:
    import arviz as az

    record = store.read(run)
    sets = store.read_predictions(run, record)
    found = az.from_netcdf(export(run, "arviz", tmp_path / "run.nc"))
    np.testing.assert_array_equal(found.posterior_predictive["test"][0], sets["test"].votes)
    np.testing.assert_array_equal(found.predictions["letters"][0], sets["letters"].votes)
    np.testing.assert_array_equal(found.log_likelihood["label"][0], sets["test"].trace)
    np.testing.assert_array_equal(found.sample_stats["epochs"][0], sets["test"].epochs)
    for name, expected in sets.items():
        np.testing.assert_array_equal(found.observed_data[name], expected.labels)
        stored = found.constant_data[f"{name}_log_probabilities"]
        np.testing.assert_array_equal(stored, expected.log_probabilities)
    assert found.attrs["run"] == record.run
    assert json.loads(found.attrs["sampler"]) == record.sampler.content()
    assert float(az.ess(found.log_likelihood, method="mean")["label"].max()) > 0


def test_pandas_reads_the_export(run: Path, tmp_path: Path) -> None:
    record = store.read(run)
    sets = store.read_predictions(run, record)
    frame = pd.read_parquet(export(run, "parquet", tmp_path / "run.parquet"))
    assert list(frame["set"].unique()) == list(sets)
    test = frame[frame["set"] == "test"]
    accuracy = (test["predicted"] == test["label"]).mean()
    assert accuracy == pytest.approx(record.metrics["accuracy"])
    p = test[[f"p_{c}" for c in range(10)]].to_numpy()
    np.testing.assert_array_equal(p, sets["test"].probabilities)
    assert json.loads(frame.attrs["metrics"]) == record.metrics


def test_errors_are_one_line(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BdlbenchError, match="expected --to arviz or parquet, got 'csv'"):
        export(run, "csv")
    with pytest.raises(BdlbenchError, match=r"cannot write .*no/run.parquet"):
        export(run, "parquet", tmp_path / "no" / "run.parquet")
    failed = synthetic.write(tmp_path, "sgld", outcome="diverged", reason="why")
    with pytest.raises(BdlbenchError, match="has no predictions to export: diverged"):
        export(store.folder_of(tmp_path, failed.run), "arviz")
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    with pytest.raises(BdlbenchError, match=r"needs h5netcdf; pip install 'bdlbench\[export\]'"):
        export(run, "arviz", tmp_path / "run.nc")


def test_the_command(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bdlbench", "export", str(run), "--to", "parquet"])
    main.main()
    assert capsys.readouterr().out == f"{run.name}.parquet\n"
    assert (tmp_path / f"{run.name}.parquet").is_file()
