from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nunbit.bundle import Bundle, calibrate_bundle, load_bundle, save_bundle
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError
from nunbit.evaluation.calibration import fit_temperature
from nunbit.models import create_model
from nunbit.pipelines.training.deploy import calibrate, calibration_summary
from nunbit.types import Predictions
from tests.evaluation.cases import random_predictions


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    preprocess = Preprocess(height=16, width=16, channels=1, mean=(0.5,), std=(0.5,))
    made = Bundle(
        model=create_model(
            "smallcnn", classes=3, channels=1, height=16, width=16, generator_seed=1
        ),
        architecture="smallcnn",
        classes=("a", "b", "c"),
        preprocess=preprocess,
    )
    save_bundle(tmp_path / "model", made)
    return load_bundle(tmp_path / "model")


def too_sure(n: int, *, seed: int) -> Predictions:
    plain = random_predictions(n, 3, seed=seed, skill=3.0)
    return replace(plain, logits=plain.logits * np.float32(9))


def test_the_bundle_in_the_folder_gets_both_and_keeps_the_rest(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder, validation = tmp_path / "model", too_sure(400, seed=1)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    calibrated = calibrate(folder, bundle, validation)
    assert calibrated.temperature == fit_temperature(validation) > 2
    assert "0.95" in calibrated.thresholds
    again = load_bundle(folder)
    assert (again.temperature, again.thresholds) == (calibrated.temperature, calibrated.thresholds)
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"nunbit.json"}
    old, new = (json.loads(files["nunbit.json"]) for files in (before, after))
    assert {key for key in old if old[key] != new[key]} == {
        *("temperature", "thresholds", "digest")
    }
    assert set(old) == set(new)


def test_calibrating_lowers_the_error_on_other_images(bundle: Bundle, tmp_path: Path) -> None:
    validation, test = too_sure(400, seed=1), too_sure(400, seed=2)
    calibrated = calibrate(tmp_path / "model", bundle, validation)
    warm = test.at_temperature(calibrated.temperature)
    facts = calibration_summary(calibrated, warm, validation)
    before, after = facts.before, facts.after
    assert after.ece < before.ece
    assert after.loss < before.loss
    assert before.ece_ci95[0] > after.ece_ci95[0]
    # Whatever the temperature that the predictions came with.
    assert facts == calibration_summary(calibrated, test, validation)
    assert set(facts.answering) == set(calibrated.thresholds)
    assert (facts.n_validation, facts.why_no_temperature) == (400, None)


def test_without_validation_images_nothing_changes(bundle: Bundle, tmp_path: Path) -> None:
    assert calibrate(tmp_path / "model", bundle, None) is bundle
    facts = calibration_summary(bundle, too_sure(50, seed=2), None)
    assert facts.why_no_temperature == "there is no validation part"
    few = too_sure(20, seed=1)
    assert calibrate(tmp_path / "model", bundle, few).temperature == 1
    facts = calibration_summary(bundle, too_sure(50, seed=2), few)
    assert "20 validation images are fewer" in str(facts.why_no_temperature)


def test_there_must_be_a_bundle_to_calibrate(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no such model folder"):
        calibrate_bundle(tmp_path / "nowhere", bundle, temperature=2.0, thresholds={})
    with pytest.raises(ValueError, match="a temperature is positive"):
        calibrate_bundle(tmp_path / "model", bundle, temperature=0.0, thresholds={})
