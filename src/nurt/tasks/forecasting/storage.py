"""A forecaster in one file and back: weights and errors as tensors, everything else as JSON in the header."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nurt.data.scaling import AbstractScaling, MinMaxScaling, StandardScaling, WindowScaling, scaling_from_dict
from nurt.errors import ModelFileError
from nurt.results import plain
from nurt.tasks.forecasting.calibration import Calibration
from nurt.tasks.forecasting.covariates import CovariateScaling
from nurt.tasks.forecasting.network import ForecastNetwork, NetworkDesign
from nurt.tasks.modelfile import ModelMetadata, load_model, load_weights, save_model
from nurt.training import ClippingLedger, CosineDecay, EpochEnded, ReduceOnPlateau, TrainingRecord, TrainingSettings

if TYPE_CHECKING:
    from nurt.tasks.forecasting.forecaster import Forecaster

__all__ = ["load", "save"]

NETWORK = "network."
SCORES = "calibration.scores"
DECAYS = {kind.__name__: kind for kind in (ReduceOnPlateau, CosineDecay)}
SCALINGS = {kind.__name__: kind for kind in (WindowScaling, MinMaxScaling, StandardScaling)}


def save(forecaster: Forecaster, path: Path) -> None:
    """Write a fitted forecaster.

    Raises:
        NotFittedError: it has not learnt anything yet.
        OutputError: the place cannot be written; what stood there before is unchanged.
    """
    network = forecaster.fitted_network()
    tensors = {NETWORK + name: value for name, value in network.state_dict().items()}
    tensors[SCORES] = torch.from_numpy(forecaster.calibration_.scores)
    data = {
        "target": forecaster.target_,
        "covariates": list(forecaster.covariate_names_),
        "covariate_scaling": dataclasses.asdict(forecaster.covariate_scaling_),
        "rows": forecaster.fitted_rows_,
        "until": forecaster.fitted_until_,
        "marks": forecaster.fitted_marks_,
        "calibration_names": list(forecaster.calibration_.names),
    }
    metadata = ModelMetadata(
        kind="forecaster",
        architecture=plain(dataclasses.asdict(network.design)),
        settings=_settings_to_json(forecaster.get_params()),
        scaling=plain(network.scaling.to_dict()),
        data=plain(data),
        data_fingerprint=forecaster.fingerprint_,
        training=plain(forecaster.training_record_),
        metrics=plain(forecaster.scores_),
    )
    save_model(path, tensors, metadata)


def load(path: Path) -> Forecaster:
    """Read a forecaster; see :meth:`Forecaster.load`."""
    tensors, metadata = load_model(path, kind="forecaster")
    try:
        return _restore(path, tensors, metadata)
    except (TypeError, KeyError, AttributeError, IndexError) as error:
        raise ModelFileError(
            f"The description in {path} is not that of a nurt forecaster: {error}.",
            cure="Train and save the model anew.",
        ) from error


def _restore(path: Path, tensors: dict[str, torch.Tensor], metadata: ModelMetadata) -> Forecaster:
    from nurt.tasks.forecasting.forecaster import Forecaster

    architecture: dict[str, Any] = dict(metadata.architecture)
    data: dict[str, Any] = dict(metadata.data)
    forecaster = Forecaster(**_settings_from_json(dict(metadata.settings)))
    scores = tensors.pop(SCORES)
    design = NetworkDesign(**architecture | {"quantiles": tuple(architecture["quantiles"])})
    with torch.random.fork_rng(devices=[]):
        network = ForecastNetwork(design, scaling_from_dict(metadata.scaling))
    load_weights(network, {name.removeprefix(NETWORK): value for name, value in tensors.items()}, path)
    forecaster.network_ = network.eval()
    forecaster.training_record_ = _record_from_json(dict(metadata.training))
    forecaster.target_ = data["target"]
    forecaster.covariate_names_ = tuple(data["covariates"])
    forecaster.covariate_scaling_ = CovariateScaling(
        **{name: tuple(values) for name, values in data["covariate_scaling"].items()}
    )
    forecaster.fitted_rows_ = data["rows"]
    forecaster.fitted_until_ = data["until"]
    forecaster.fitted_marks_ = data["marks"]
    forecaster.fingerprint_ = metadata.data_fingerprint
    forecaster.scores_ = dict(metadata.metrics)
    forecaster.exchange_ = None
    forecaster.calibration_ = Calibration(forecaster.levels, tuple(data["calibration_names"]), scores.numpy())
    return forecaster


def _settings_to_json(parameters: dict[str, Any]) -> dict[str, Any]:
    settings = dict(parameters)
    if isinstance(settings["scaling"], AbstractScaling):
        settings["scaling"] = {"kind": type(settings["scaling"]).__name__, **vars(settings["scaling"])}
    if settings["training"] is not None:
        settings["training"] = settings["training"].to_dict()
    json: dict[str, Any] = plain(settings)
    return json


def _settings_from_json(settings: dict[str, Any]) -> dict[str, Any]:
    settings["levels"] = tuple(settings["levels"])
    if isinstance(settings["scaling"], dict):
        settings["scaling"] = _of_kind(SCALINGS, settings["scaling"])
    if settings["training"] is not None:
        training = dict(settings["training"])
        if training["decay"] is not None:
            training["decay"] = _of_kind(DECAYS, training["decay"])
        settings["training"] = TrainingSettings(**training)
    return settings


def _of_kind(kinds: dict[str, Any], described: dict[str, Any]) -> Any:
    parts = dict(described)
    return kinds[parts.pop("kind")](**parts)


def _record_from_json(record: dict[str, Any]) -> TrainingRecord:
    known = {field.name for field in dataclasses.fields(EpochEnded)}
    history = tuple(EpochEnded(**{k: v for k, v in one.items() if k in known}) for one in record["history"])
    clipping = record.get("clipping")
    ledger = None if clipping is None else ClippingLedger.from_dict(clipping)
    return TrainingRecord(**record | {"history": history, "clipping": ledger})
