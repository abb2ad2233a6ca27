"""The bundle of a run: the weights of the epoch that is kept, with calibrated confidence.

Temperature and thresholds come from the validation part; what the test part says of them goes into
summary.json.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from nunbit.bundle import Bundle, calibrate_bundle, load_bundle, save_bundle
from nunbit.config.resolved import ResolvedConfig
from nunbit.data.dataset import Dataset
from nunbit.evaluation.abstention import choose_thresholds
from nunbit.evaluation.calibration import fit_temperature
from nunbit.evaluation.confidence import (
    CalibrationSummary,
    reason_for_no_temperature,
    summarise_calibration,
)
from nunbit.evaluation.operating_point import choose_operating_point
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.fit_network import load_best_weights
from nunbit.pipelines.training.network import model_options
from nunbit.pipelines.training.objective import Objective, correct_priors
from nunbit.pipelines.training.operating_rule import OperatingRule
from nunbit.progress import Progress
from nunbit.training.checkpoint import load_weights, newest
from nunbit.training.state import TrainingState
from nunbit.types import Predictions
from nunbit.versions import versions


def deploy(
    config: ResolvedConfig,
    dataset: Dataset,
    state: TrainingState,
    objective: Objective,
    folder: RunFolder,
    *,
    progress: Progress,
) -> Bundle:
    """Write the bundle from the chosen epoch, and read it back: what is evaluated is what ships.

    Where `training.prior_correction` asks for it, its answers are those at the data's frequencies.
    """
    if config.checkpoint.deploy == "best":
        load_best_weights(folder, state, progress)
    else:
        load_weights(newest(folder.last), state.model)
    if config.training.prior_correction:
        correct_priors(state.model, objective, dataset.preprocess.shape)
    data_hash = hashlib.sha256("\n".join(sorted(dataset.split.sha256)).encode()).hexdigest()
    bundle = Bundle(
        model=state.model,
        architecture=config.model.name,
        model_options=model_options(
            config.model, dataset, hidden_layer=config.transfer.hidden_layer
        ),
        mirrored=config.model.test_time_mirror,
        classes=dataset.classes,
        preprocess=dataset.preprocess,
        data_hash=data_hash,
        versions=versions(),
    )
    shutil.rmtree(folder.model, ignore_errors=True)  # left by a run killed after this point
    save_bundle(folder.model, bundle)
    return load_bundle(folder.model)


def calibrate(
    folder: Path,
    bundle: Bundle,
    validation: Predictions | None,
    *,
    operating: OperatingRule | None = None,
) -> Bundle:
    """Write what the validation part says of the confidence into the bundle in `folder`.

    `bundle` is the one that lies there, not yet calibrated, and `validation` what its network says
    of the validation part; without one, all stays as it is. `operating` is how the operating point
    of two classes is chosen.

    Returns:
        The bundle with its temperature and thresholds.
    """
    if validation is None or not len(validation):
        return bundle
    temperature = fit_temperature(validation)
    calibrated = validation.at_temperature(temperature)
    point = None
    if operating is not None:
        point = choose_operating_point(
            calibrated, bundle.classes, positive=operating.positive, rule=operating.rule
        )
    return calibrate_bundle(
        folder,
        bundle,
        temperature=temperature,
        thresholds=choose_thresholds(calibrated),
        operating_point=point,
    )


def calibration_summary(
    bundle: Bundle, test: Predictions, validation: Predictions | None
) -> CalibrationSummary:
    """Summarise a bundle's calibration on a test part, and what it was fitted on."""
    found = summarise_calibration(
        test, temperature=bundle.temperature, thresholds=bundle.thresholds
    )
    return replace(
        found,
        n_validation=0 if validation is None else len(validation),
        why_no_temperature=reason_for_no_temperature(validation),
    )
