"""Bundles whose files do not belong together, or hold what no bundle may hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from nunbit.bundle import Bundle, calibrate_bundle, load_bundle, save_bundle
from nunbit.bundle.digest import BOUND
from nunbit.classifier import load
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.models import create_model

ANIMALS, OTHERS = ("cat", "dog", "fox"), ("ape", "bat", "zebra")


def bundle(classes: tuple[str, ...] = ANIMALS, seed: int = 1) -> Bundle:
    return Bundle(
        model=create_model(
            "mlp-100", classes=3, channels=1, height=6, width=6, generator_seed=seed
        ),
        architecture="mlp-100",
        classes=classes,
        preprocess=Preprocess(height=6, width=6, channels=1, mean=(0.5,), std=(0.25,)),
        temperature=1.5,
        thresholds={"0.95": 0.75},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_bundle(tmp_path / "model", bundle())
    return tmp_path / "model"


def edit(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / name).read_text("utf-8"))
    change(content)
    # Not strict JSON, as Python's and JavaScript's writers give for NaN.
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def as_format(folder: Path, number: int) -> None:
    """The folder as a nunbit before the digest wrote it."""

    def change(content: dict[str, Any]) -> None:
        content["format"] = number
        for name in ("classes", "digest"):
            content.pop(name, None)

    edit(folder, "nunbit.json", change)


def test_another_runs_class_names_are_refused(folder: Path, tmp_path: Path) -> None:
    save_bundle(tmp_path / "other", bundle(OTHERS, seed=2))
    shutil.copy(tmp_path / "other" / "config.json", folder / "config.json")
    with pytest.raises(BundleError, match="class names are not those") as caught:
        load_bundle(folder)
    assert caught.value.path == str(folder / "config.json")
    # With its nunbit.json as well, its weights are missed.
    shutil.copy(tmp_path / "other" / "nunbit.json", folder / "nunbit.json")
    with pytest.raises(BundleError, match="the weights are damaged, or not those"):
        load_bundle(folder)


@pytest.mark.parametrize("format_", [2, 3])
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat", "cat", "fox"], "'cat' is there more than once"),
        (["cat", "", "fox"], "a class name is a text, not ''"),
        (["cat", 7, "fox"], "a class name is a text, not 7"),
        (["cat", ["dog"], "fox"], "a class name is a text"),
        ("cdf", "class names are a list of texts, not 'cdf'"),
        ([], "class names are a list of texts"),
        ({"0": "cat", "1": "dog", "2": "fox"}, "class names are a list of texts"),
        (["cat", "dog"], "is built for classes 3"),
    ],
)
def test_impossible_class_names(format_: int, names: object, message: str, folder: Path) -> None:
    if format_ == 2:
        as_format(folder, 2)
    edit(folder, "config.json", lambda content: content.update(label_names=names))
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(folder)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("names", [ANIMALS[::-1], ("cat", "dog", "wolf")])
def test_names_in_another_order_or_renamed(names: tuple[str, ...], folder: Path) -> None:
    edit(folder, "config.json", lambda content: content.update(label_names=list(names)))
    with pytest.raises(BundleError, match="class names are not those"):
        load_bundle(folder)
    edit(folder, "nunbit.json", lambda content: content.update(classes=list(names)))
    with pytest.raises(BundleError, match="its digest is another"):
        load_bundle(folder)


OTHER_VALUES = {
    "architecture": "mlp-30",
    "model_options": {"classes": 3, "channels": 1, "height": 6, "width": 6, "dropout": 0.5},
    "classes": ["a", "b", "c"],
    "preprocess": {
        **{"height": 6, "width": 6, "channels": 1, "mean": [0.5], "std": [0.25]},
        "fit": "squash",
    },
    "mirrored": True,
    "temperature": 1.25,
    "thresholds": {"0.95": 0.5},
    "weights_sha256": "0" * 64,
}


@pytest.mark.parametrize("key", BOUND)
def test_everything_that_shapes_an_answer_is_bound(key: str, folder: Path) -> None:
    edit(folder, "nunbit.json", lambda content: content.update({key: OTHER_VALUES[key]}))
    with pytest.raises(BundleError):
        load_bundle(folder)


@pytest.mark.parametrize("key", ["data_hash", "versions"])
def test_the_layout_of_the_json_and_what_shapes_no_answer_are_free(key: str, folder: Path) -> None:
    path = folder / "nunbit.json"
    content = json.loads(path.read_text("utf-8"))
    content[key] = {"torch": "9"} if key == "versions" else "other"
    path.write_text(json.dumps(dict(reversed(content.items())), indent=7), encoding="utf-8")
    assert load_bundle(folder).classes == ANIMALS


@pytest.fixture
def two_classes(tmp_path: Path) -> Path:
    model = create_model("mlp-100", classes=2, channels=1, height=6, width=6, generator_seed=1)
    point = OperatingPoint(positive="cat", threshold=0.25, rule="youden", n_validation=9)
    made = replace(bundle(), model=model, classes=("cat", "dog"), operating_point=point)
    save_bundle(tmp_path / "two", made)
    return tmp_path / "two"


@pytest.mark.parametrize("change", ["another", "none"])
def test_an_operating_point_is_bound(change: str, two_classes: Path) -> None:
    def changed(content: dict[str, Any]) -> None:
        if change == "none":
            del content["operating_point"]
        else:
            content["operating_point"]["threshold"] = 0.75

    edit(two_classes, "nunbit.json", changed)
    with pytest.raises(BundleError, match="its digest is another"):
        load_bundle(two_classes)


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"threshold": 10**400},
        {"threshold": None},
        {"positive": "wolf"},
        {"positive": ["cat"]},
        {"rule": "luck"},
        {"rule": "sensitivity:2"},
        {"n_validation": -1},
        {"n_validation": "9"},
    ],
)
def test_impossible_operating_points(change: dict[str, object], two_classes: Path) -> None:
    edit(two_classes, "nunbit.json", lambda content: content["operating_point"].update(change))
    with pytest.raises(BundleError, match="do not describe a model"):
        load_bundle(two_classes)


def test_a_calibrated_bundle_keeps_a_right_digest(folder: Path) -> None:
    calibrate_bundle(folder, load_bundle(folder), temperature=3.0, thresholds={"0.9": 0.5})
    read = load_bundle(folder)
    assert (read.temperature, read.thresholds) == (3.0, {"0.9": 0.5})


@pytest.mark.parametrize("format_", [2, 3])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": float("nan")}, "a temperature is positive, not nan"),
        ({"temperature": float("inf")}, "a temperature is positive, not inf"),
        ({"temperature": -1.0}, "a temperature is positive"),
        ({"temperature": True}, "a temperature is positive"),
        ({"temperature": 10**400}, "a temperature is positive"),
        ({"temperature": "9" * 10_000}, "a temperature is positive"),
        ({"thresholds": {"0.95": 1.5}}, "a threshold is a confidence from 0 to 1, not 1.5"),
        ({"thresholds": {"0.95": -0.1}}, "a threshold is a confidence"),
        ({"thresholds": {"0.95": float("nan")}}, "a threshold is a confidence"),
        ({"thresholds": {"0.95": None}}, "a threshold is a confidence"),
        ({"thresholds": [0.5]}, "do not describe a model"),
        ({"preprocess.mean": [float("nan")]}, "impossible value in the input contract: mean"),
        ({"preprocess.std": [float("inf")]}, "impossible value in the input contract: std"),
        ({"preprocess.std": [0.0]}, "impossible value in the input contract: std"),
        ({"model_options.pretrained": "resnet18"}, "unknown option of the model: 'pretrained'"),
        ({"model_options.checkpoint_path": "/etc/passwd"}, "unknown option of the model"),
        ({"model_options.classes": "3"}, "impossible option of the model: classes"),
        ({"model_options.dropout": "much"}, "impossible option of the model: dropout"),
        ({"model_options.head_hidden": 10**12}, "a hidden layer has at most 65,536 units"),
        ({"architecture": "timm/hf-hub:somebody/model"}, "no model is called"),
        ({"architecture": "hf-hub:somebody/model"}, "no model is called"),
        ({"architecture": "timm/local-dir:/tmp"}, "no model is called"),
        ({"architecture": "../../model"}, "no model is called"),
        ({"architecture": ["mlp-100"]}, "do not describe a model"),
        ({"versions": []}, "do not describe a model"),
    ],
)
def test_impossible_values(
    format_: int, change: dict[str, Any], message: str, folder: Path
) -> None:
    def changed(content: dict[str, Any]) -> None:
        ((name, value),) = change.items()
        *above, last = name.split(".")
        for part in above:
            content = content[part]
        content[last] = value

    if format_ == 2:
        as_format(folder, 2)
    edit(folder, "nunbit.json", changed)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(folder)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite(value: float, tmp_path: Path) -> None:
    given = bundle()
    with torch.no_grad():
        next(given.model.parameters()).view(-1)[3] = value
    save_bundle(tmp_path / "model", given)
    with pytest.raises(BundleError, match="numbers that are not finite"):
        load_bundle(tmp_path / "model")


def test_a_mask_of_infinities_that_the_network_has_anyway_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> torch.nn.Module:
        model = create_model("mlp-100", classes=3, channels=1, height=6, width=6)
        model.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
        return model

    save_bundle(tmp_path / "model", replace(bundle(), model=build()))
    monkeypatch.setattr("nunbit.bundle.create_model", build)
    assert load_bundle(tmp_path / "model").classes == ANIMALS


def test_weights_of_the_right_shape_from_elsewhere(folder: Path) -> None:
    state = bundle(seed=9).model.state_dict()
    (folder / "model.safetensors").write_bytes(safetensors.torch.save(state))
    with pytest.raises(BundleError, match="the weights are damaged, or not those"):
        load_bundle(folder)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "\ufeff{}", "{}}", "[]"])
@pytest.mark.parametrize("name", ["nunbit.json", "config.json"])
def test_json_that_is_none(name: str, content: str, folder: Path) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match=name):
        load_bundle(folder)


def test_statistics_too_small_for_a_float_are_seen_in_the_answer(tmp_path: Path) -> None:
    contract = Preprocess(height=6, width=6, channels=1, mean=(0.5,), std=(1e-42,))
    save_bundle(tmp_path / "model", replace(bundle(), preprocess=contract))
    classifier = load(tmp_path / "model", device="cpu")
    with pytest.raises(BundleError, match="not finite numbers"):
        classifier.predict_proba(np.zeros((6, 6), np.uint8))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ("a", "a", "b")}, "more than once"),
        ({"classes": ("a", "", "b")}, "a class name is a text"),
        ({"model_options": {"pretrained": "x"}}, "unknown option"),
    ],
)
def test_what_could_not_be_read_is_not_written(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        save_bundle(tmp_path / "model", replace(bundle(), **changed))
    assert not list(tmp_path.iterdir())
