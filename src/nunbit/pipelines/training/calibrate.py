"""The confidence set right: temperature and thresholds from the validation part, into the bundle.

What the test part says of them goes into summary.json.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nunbit.bundle import Bundle, calibrate_bundle
from nunbit.evaluation.abstention import choose_thresholds
from nunbit.evaluation.calibration import fit_temperature
from nunbit.evaluation.confidence import (
    CalibrationSummary,
    reason_for_no_temperature,
    summarise_calibration,
)
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


def calibration_summary(
    bundle: Bundle, test: Predictions, validation: Predictions | None
) -> CalibrationSummary:
    """What a bundle's confidence is worth on a test part, and what it was fitted on."""
    found = summarise_calibration(
        test, temperature=bundle.temperature, thresholds=bundle.thresholds
    )
    return replace(
        found,
        n_validation=0 if validation is None else len(validation),
        why_no_temperature=reason_for_no_temperature(validation),
    )
