"""Folders for timm, transformers and torch, opened by their own functions."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.data import create_transform, resolve_model_data_config

import nunbit
from nunbit.bundle import Bundle, load_bundle, save_bundle
from nunbit.bundle.timm_config import timm_crop_mode
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import Deployed
from nunbit.errors import ExportError, UsageError
from nunbit.export.conformance import drawn_picture
from nunbit.models import create_model
from nunbit.pipelines.exporting.other_targets import export_hub, export_torch

NAMES = ("cat", "dog", "newt")


def saved(
    place: Path, architecture: str = "timm/resnet10t", *, fit: str = "crop", **known: object
) -> Path:
    """A bundle with random weights, for images of 64 pixels a side."""
    model = create_model(
        architecture, classes=3, channels=3, height=64, width=64, generator_seed=5
    ).eval()
    contract = Preprocess(
        height=64,
        width=64,
        channels=3,
        fit=fit,  # type: ignore[arg-type]
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.2, 0.3),
    )
    values = {
        "model": model,
        "architecture": architecture,
        "classes": NAMES,
        "preprocess": contract,
        "temperature": 1.5,
        **known,
    }
    save_bundle(place / "model", Bundle(**values))  # type: ignore[arg-type]
    return place / "model"


def canvases(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 64, 64, 3)).astype(np.uint8)


def test_timm_answers_as_nunbit_does_on_the_same_pixels(tmp_path: Path) -> None:
    model = saved(tmp_path)
    result = export_hub(model, out=tmp_path / "hub")
    network = timm.create_model(f"local-dir:{tmp_path / 'hub'}", pretrained=True).eval()
    assert tuple(network.pretrained_cfg["label_names"]) == NAMES
    bundle = load_bundle(model)
    batch = torch.from_numpy(canvases(3))
    with torch.no_grad():
        theirs = network(bundle.preprocess.network_input(batch, batch.device))
    ours = Deployed.of(bundle).answer(batch).logits
    assert torch.equal(theirs, ours)
    engines = json.loads((tmp_path / "hub/parity.json").read_text(encoding="utf-8"))["engines"]
    assert engines[0]["greatest_difference"] < 1e-5
    assert any("temperature 1.5" in remark for remark in result.remarks)
    # It stays a model that nunbit reads, too.
    assert nunbit.load(tmp_path / "hub").classes == NAMES


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_the_difference_of_pixels_that_the_card_names_is_that_of_timms_own_transform(
    fit: str, tmp_path: Path
) -> None:
    """Measured again without nunbit's reader: timm's transform, normalised, on files of the kit."""
    model = saved(tmp_path, fit=fit)
    result = export_hub(model, out=tmp_path / "hub")
    network = timm.create_model(f"local-dir:{tmp_path / 'hub'}", pretrained=True)
    transform = create_transform(**resolve_model_data_config(network), is_training=False)
    contract = load_bundle(model).preprocess
    picture = drawn_picture()
    mean, std = (np.array(each)[:, None, None] for each in (contract.mean, contract.std))
    theirs = np.rint(255 * (transform(picture).numpy() * std + mean)).transpose(1, 2, 0)
    ours = contract.canvas_from_array(np.asarray(picture)).astype(float)
    gap = np.abs(theirs - ours).mean()
    # nunbit's padding is white, timm's has the colour of the mean, and so is not written.
    assert (gap > 10) == (fit == "pad")
    config = json.loads((tmp_path / "hub/config.json").read_text(encoding="utf-8"))
    crop_mode = config["pretrained_cfg"].get("crop_mode")
    assert crop_mode == {"crop": "center", "squash": "squash", "pad": None}[fit]
    assert any("padding" in remark for remark in result.remarks) == (fit == "pad")
    card = (tmp_path / "hub/README.md").read_text(encoding="utf-8")
    assert "grey levels of 255" in card
    levels = json.loads((tmp_path / "hub/parity.json").read_text(encoding="utf-8"))["mean_levels"]
    assert f"by {levels:.2f} grey levels" in card


def test_a_border_of_the_colour_of_the_mean_is_what_timm_pads_with() -> None:
    wanted = {"height": 9, "width": 9, "channels": 3, "fit": "pad", "std": (1.0,) * 3}
    grey = Preprocess(**wanted, mean=(0.5,) * 3, background=128)  # type: ignore[arg-type]
    assert timm_crop_mode(grey) == "border"
    for other in (
        Preprocess(**wanted, mean=(0.5,) * 3, background=127),  # type: ignore[arg-type]
        Preprocess(**wanted, mean=(0.5, 0.5, 0.4), background=128),  # type: ignore[arg-type]
    ):
        assert timm_crop_mode(other) is None


def test_transformers_loads_the_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    model = saved(tmp_path)
    export_hub(model, out=tmp_path / "hub")
    network = transformers.AutoModelForImageClassification.from_pretrained(tmp_path / "hub").eval()
    assert tuple(network.config.id2label[number] for number in range(3)) == NAMES
    bundle = load_bundle(model)
    batch = torch.from_numpy(canvases(2))
    with torch.no_grad():
        theirs = network(bundle.preprocess.network_input(batch, batch.device)).logits
    ours = Deployed.of(bundle).answer(batch).logits
    assert torch.allclose(theirs, ours, atol=1e-5)
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "hub")
    pixels = processor(drawn_picture(), return_tensors="pt")["pixel_values"]
    timms = timm.create_model(f"local-dir:{tmp_path / 'hub'}", pretrained=True)
    transform = create_transform(**resolve_model_data_config(timms), is_training=False)
    assert torch.allclose(pixels[0], transform(drawn_picture()), atol=1e-5)


def test_a_network_that_is_not_timms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="not a network of timm"):
        export_hub(saved(tmp_path, "smallcnn"), out=tmp_path / "hub")
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_program_gives_the_same_bits(mirrored: bool, tmp_path: Path) -> None:
    model = saved(tmp_path, "smallcnn", mirrored=mirrored, thresholds={"0.95": 0.5})
    result = export_torch(model, out=tmp_path / "torch")
    network = torch.export.load(tmp_path / "torch/model.pt2").module()
    deployed = Deployed.of(load_bundle(model))
    for n in (1, 2, 7, 11):
        batch = torch.from_numpy(canvases(n))
        with torch.no_grad():
            probabilities, logits = network(batch)
        ours = deployed.answer(batch)
        assert torch.equal(logits, ours.logits)
        assert torch.allclose(probabilities.double(), ours.probabilities.double(), atol=1e-6)
    card = (tmp_path / "torch/README.md").read_text(encoding="utf-8")
    assert "The file holds a pickle" in card
    assert "pickle" in result.remarks[0]
    contract = json.loads((tmp_path / "torch/nunbit.json").read_text(encoding="utf-8"))
    assert contract["classes"] == list(NAMES)


def test_nothing_of_this_machine_is_in_the_program(tmp_path: Path) -> None:
    export_torch(saved(tmp_path, "smallcnn"), out=tmp_path / "torch")
    with zipfile.ZipFile(tmp_path / "torch/model.pt2") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    for place in (Path(nunbit.__file__).parents[1], Path(torch.__file__).parents[1]):
        assert str(place).encode() not in content


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    model = saved(tmp_path)
    (tmp_path / "there").mkdir()
    for export in (export_hub, export_torch):
        with pytest.raises(UsageError, match="already there"):
            export(model, out=tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []
