"""The confidence set right: temperature and thresholds from the validation part, into the bundle.

What the test part says of them goes into summary.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nunbit.bundle import Bundle, calibrate_bundle
from nunbit.evaluation.abstention import answered_at, choose_thresholds
from nunbit.evaluation.calibration import fit_temperature, reliability_of, why_no_temperature
from nunbit.types import Predictions


def calibrate(folder: Path, bundle: Bundle, validation: Predictions | None) -> Bundle:
    """Write what the validation part says of the confidence into the bundle in `folder`.

    `bundle` is the one that lies there, not yet calibrated, and `validation` what its network says
    of the validation part; without one, all stays as it is.

    Returns:
        The bundle with its temperature and thresholds.
    """
    if validation is None or not len(validation):
        return bundle
    temperature = fit_temperature(validation)
    thresholds = choose_thresholds(validation.at_temperature(temperature))
    return calibrate_bundle(folder, bundle, temperature=temperature, thresholds=thresholds)


def fitted_on(validation: Predictions | None) -> dict[str, Any]:
    """What summary.json says of the images that temperature and thresholds come from."""
    if validation is None or not len(validation):
        return {"n_validation": 0, "why_no_temperature": "there is no validation part"}
    why = why_no_temperature(validation)
    return {"n_validation": len(validation), "why_no_temperature": why or None}


def calibration_facts(bundle: Bundle, test: Predictions) -> dict[str, Any]:
    """The block `calibration` of summary.json: what a bundle's confidence is worth on a test part.

    `before` is at temperature 1, `after` at the bundle's; `answering` says for each target what
    its threshold does.
    """
    calibrated = test.at_temperature(bundle.temperature)
    return {
        "temperature": bundle.temperature,
        "test": {
            "before": _confidence(test.at_temperature(1.0)),
            "after": _confidence(calibrated),
        },
        "answering": {
            target: answered_at(calibrated, threshold).to_dict()
            for target, threshold in bundle.thresholds.items()
        },
    }


def _confidence(predictions: Predictions) -> dict[str, Any]:
    reliability = reliability_of(predictions)
    return {
        "ece": reliability.error,
        "ece_ci95": list(reliability.error_ci95),
        "loss": float(predictions.losses.mean()),
    }
