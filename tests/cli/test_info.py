from __future__ import annotations

import json
from pathlib import Path

import torch
from typer.testing import CliRunner

from nurt.cli.main import app
from nurt.nn import CELLS
from nurt.tasks.modelfile import ModelMetadata, save_model


def write_model(path: Path) -> None:
    metadata = ModelMetadata(
        kind="forecaster",
        architecture={"cell": "lstm", "hidden": 3, "mask": False, "quantiles": [0.1, 0.5, 0.9]},
        settings={"look_back": 60, "training": {"epochs": 3, "decay": None}},
        scaling={},
        data={"target": "1USD", "names": [str(i) for i in range(99)]},
        data_fingerprint="abc",
        training={"history": [{"epoch": 1}]},
        metrics={"mae": 0.0631, "all": {"naive": {"mae": 1.0}}},
    )
    save_model(path, {"network.w": torch.ones(5, 7), "calibration.scores": torch.ones(2)}, metadata)


def test_this_machine_is_described() -> None:
    result = CliRunner().invoke(app, ["info"])
    assert result.exit_code == 0, result.stderr
    for expected in ("torch", "instruction sets", "baseline", "threads", "lstm", "cores"):
        assert expected in result.stdout


def test_this_machine_as_json() -> None:
    found = json.loads(CliRunner().invoke(app, ["info", "--json"]).stdout)
    assert found["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert found["instruction_sets"][0] == "baseline"
    assert found["threads"] == torch.get_num_threads()
    assert set(found["rungs"]) >= {"lstm", "gru", "linear"}


def test_every_cell_is_listed_with_its_name_and_its_code() -> None:
    found = json.loads(CliRunner().invoke(app, ["info", "--json"]).stdout)["cells"]
    assert set(found) == set(CELLS)
    assert {cell: found[cell]["name"] for cell in ("linear", "elman", "lstm", "gru")} == {
        "linear": "LinearRNN", "elman": "Elman", "lstm": "LSTM", "gru": "GRU",
    }  # fmt: skip
    assert found["lstm"]["rung"] == "native"
    shown = CliRunner().invoke(app, ["info"]).stdout
    assert all(cell in shown for cell in CELLS)


def test_a_model_file_is_described_and_counts_the_network_alone(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors")
    result = CliRunner().invoke(app, ["info", str(tmp_path / "m.safetensors")])
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    for expected in ("parameters 35", "target 1USD", "99 entries, in --json", "0.1, 0.5, 0.9", "mae 0.0631", "mask no"):
        assert expected in text


def test_a_model_file_as_json_holds_everything(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors")
    found = json.loads(CliRunner().invoke(app, ["info", str(tmp_path / "m.safetensors"), "--json"]).stdout)
    assert found["parameters"] == 35
    assert len(found["description"]["data"]["names"]) == 99


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"not a model")
    for name in ("m.safetensors", "absent.safetensors"):
        result = CliRunner().invoke(app, ["info", str(tmp_path / name), "--json"])
        assert (result.exit_code, result.stdout) == (1, "")
        assert name in result.stderr.replace("\n", "")
