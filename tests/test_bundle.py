from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from timm.data import resolve_data_config
from torch import nn

from nunbit.bundle import Bundle, load_bundle, save_bundle
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError
from nunbit.inference import predict
from nunbit.models import create_model
from nunbit.types import Batch

CLASSES = ("Ämter", "T-shirt/top", "007")


def contract(channels: int = 1, height: int = 28, width: int = 28) -> Preprocess:
    return Preprocess(
        height=height,
        width=width,
        channels=1 if channels == 1 else 3,
        fit="pad",
        mean=(0.25,) * channels,
        std=(0.5,) * channels,
    )


def bundle(architecture: str = "fashion-cnn", channels: int = 1, side: int = 28) -> Bundle:
    model = create_model(
        architecture, classes=3, channels=channels, height=side, width=side, generator_seed=5
    )
    return Bundle(
        model=model,
        architecture=architecture,
        classes=CLASSES,
        preprocess=contract(channels, side, side),
        card="# A card\n\n93 %\n",
        temperature=1.5,
        thresholds={"007": 0.25},
        mirrored=True,
        data_hash="abc",
        versions={"torch": torch.__version__},
    )


def logits(model: nn.Module, channels: int = 1, side: int = 28) -> np.ndarray:
    generator = torch.Generator().manual_seed(9)
    images = torch.randn(3, channels, side, side, generator=generator)
    rows = np.arange(3)
    return predict(model, [Batch(images=images, targets=torch.arange(3), indices=rows)]).logits


@pytest.mark.parametrize(
    ("architecture", "channels", "side"),
    [
        ("fashion-cnn", 1, 28),
        ("smallcnn", 3, 40),
        ("resnet18", 3, 32),
        ("timm/resnet10t", 1, 32),
        ("timm/vit_tiny_patch16_224", 3, 32),
        ("googlenet", 3, 32),
    ],
)
def test_round_trip(architecture: str, channels: int, side: int, tmp_path: Path) -> None:
    given = bundle(architecture, channels, side)
    save_bundle(tmp_path / "model", given)
    read = load_bundle(tmp_path / "model")
    np.testing.assert_array_equal(
        logits(read.model, channels, side), logits(given.model, channels, side)
    )
    assert not read.model.training
    for name in (
        "classes",
        "preprocess",
        "mirrored",
        "card",
        "temperature",
        "thresholds",
        "data_hash",
    ):
        assert getattr(read, name) == getattr(given, name), name
    assert read.versions == given.versions
    assert create_model(read.architecture, **read.model_options)


def test_files_and_their_contents(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "model"
    save_bundle(folder, bundle())
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "nunbit.json",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert stat.S_IMODE(folder.stat().st_mode) & 0o555 == 0o555
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444 for path in folder.iterdir())
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["architecture"] == "fashion-cnn"
    assert config["num_classes"] == 3
    assert config["label_names"] == list(CLASSES)
    pretrained = config["pretrained_cfg"]
    assert pretrained["input_size"] == [1, 28, 28]
    assert (pretrained["mean"], pretrained["std"]) == ([0.25], [0.5])
    assert pretrained["interpolation"] == "bilinear"
    # Padded with white, which timm, whose border has the colour of the mean, cannot say.
    assert "crop_mode" not in pretrained
    assert "nunbit.json" in pretrained["notes"][0]
    own = json.loads((folder / "nunbit.json").read_text("utf-8"))
    assert own["preprocess"] == contract().to_dict()
    assert (folder / "README.md").read_text("utf-8") == "# A card\n\n93 %\n"


@pytest.mark.parametrize(
    ("architecture", "channels", "side"),
    [
        ("timm/resnet10t", 3, 224),
        ("timm/resnet10t", 1, 40),
        ("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k", 3, 32),
        ("convnext_atto", 1, 32),
    ],
)
def test_timm_loads_it_with_equal_logits(
    architecture: str, channels: int, side: int, tmp_path: Path
) -> None:
    given = bundle(architecture, channels, side)
    save_bundle(tmp_path / "model", given)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True)
    np.testing.assert_array_equal(
        logits(theirs, channels, side), logits(given.model, channels, side)
    )
    assert tuple(theirs.pretrained_cfg["label_names"]) == CLASSES
    data = resolve_data_config(model=theirs)
    assert tuple(data["input_size"]) == (channels, side, side)
    assert tuple(data["mean"]) == (0.25,) * channels
    assert data["crop_pct"] == 1.0


def test_tied_and_channels_last_weights(tmp_path: Path) -> None:
    given = bundle()
    given.model.to(memory_format=torch.channels_last)
    save_bundle(tmp_path / "model", given)
    read = load_bundle(tmp_path / "model").model.state_dict()
    for name, tensor in given.model.state_dict().items():
        assert torch.equal(read[name], tensor), name

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2)
            self.b = self.a

    save_bundle(tmp_path / "tied", replace(given, model=Tied()))
    names = safetensors.torch.load_file(tmp_path / "tied" / "model.safetensors")
    assert set(names) == {"a.weight", "a.bias", "b.weight", "b.bias"}


def test_options_travel(tmp_path: Path) -> None:
    model = create_model("fashion-dnn", classes=3, dropout=(0.25, 0.0))
    given = replace(
        bundle(),
        model=model,
        architecture="fashion-dnn",
        model_options={"dropout": (0.25, 0.0), "channels": None, "generator_seed": 3},
    )
    save_bundle(tmp_path / "model", given)
    read = load_bundle(tmp_path / "model")
    assert [m.p for m in read.model.modules() if isinstance(m, nn.Dropout)] == [0.25, 0.0]
    assert read.model_options == {
        "dropout": (0.25, 0.0),
        "classes": 3,
        "channels": 1,
        "height": 28,
        "width": 28,
    }


def test_loading_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", bundle())
    state = torch.get_rng_state()
    load_bundle(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("existing", ["empty folder", "bundle", "file"])
def test_never_overwrites(existing: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    if existing == "bundle":
        save_bundle(folder, bundle())
    elif existing == "file":
        folder.write_text("mine")
    else:
        folder.mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BundleError, match="something is already there") as caught:
        save_bundle(folder, replace(bundle(), card="other"))
    assert str(folder) in str(caught.value)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    "changed",
    [{"classes": 4}, {"channels": 3}, {"height": 32}],
)
def test_parts_must_fit_together(changed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="the network is built for"):
        replace(bundle(), model_options=changed)


def test_a_temperature_is_positive() -> None:
    with pytest.raises(ValueError, match="a temperature is positive, not 0"):
        replace(bundle(), temperature=0)


@pytest.mark.parametrize("name", ["nunbit.json", "config.json", "model.safetensors", "README.md"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", bundle())
    (tmp_path / "model" / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(tmp_path / "model")


@pytest.mark.parametrize("name", ["nunbit.json", "config.json", "model.safetensors"])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_truncated_file_is_named(name: str, keep: float, tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", bundle())
    path = tmp_path / "model" / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BundleError, match="damaged") as caught:
        load_bundle(tmp_path / "model")
    assert caught.value.path == str(path)


def test_one_changed_bit_of_the_weights_is_seen(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", bundle())
    path = tmp_path / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="the weights are damaged"):
        load_bundle(tmp_path / "model")


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("nunbit.json", "format", 99, "has format 99, and this nunbit reads 1, 2 and 3"),
        ("nunbit.json", "architecture", "fashion-cm", "no model is called 'fashion-cm'"),
        ("nunbit.json", "temperature", 0, "a temperature is positive"),
        ("nunbit.json", "mirrored", "false", "mirrored is true or false, not 'false'"),
        ("nunbit.json", "temperature", "warm", "do not describe a model"),
        ("nunbit.json", "preprocess", {"height": 28}, "the input contract lacks width"),
        ("nunbit.json", "model_options", {"sorcery": 1}, "sorcery"),
        ("nunbit.json", "model_options", None, "do not describe a model"),
        ("config.json", "label_names", ["only one"], "is built for classes 3"),
        ("config.json", "label_names", None, "do not describe a model"),
    ],
)
def test_wrong_contents_are_told(
    file: str, key: str, value: object, message: str, tmp_path: Path
) -> None:
    save_bundle(tmp_path / "model", bundle())
    path = tmp_path / "model" / file
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, key: value}), encoding="utf-8")
    with pytest.raises(BundleError, match=message):
        load_bundle(tmp_path / "model")


def test_a_bundle_of_the_first_format_asks_no_mirror_image(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", bundle())
    path = tmp_path / "model" / "nunbit.json"
    content = json.loads(path.read_text("utf-8"))
    for name in ("mirrored", "classes", "digest"):
        del content[name]
    path.write_text(json.dumps(content | {"format": 1}), encoding="utf-8")
    assert not load_bundle(tmp_path / "model").mirrored


@pytest.mark.parametrize(
    "key",
    [
        *("preprocess", "architecture", "mirrored", "thresholds"),
        *("weights_sha256", "classes", "digest"),
    ],
)
def test_a_missing_key_is_told(key: str, tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", bundle())
    path = tmp_path / "model" / "nunbit.json"
    content = json.loads(path.read_text("utf-8"))
    del content[key]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BundleError):
        load_bundle(tmp_path / "model")


def test_weights_of_another_architecture(tmp_path: Path) -> None:
    other = create_model("lenet5", classes=3, height=28, width=28)
    save_bundle(tmp_path / "model", replace(bundle(), model=other))
    with pytest.raises(BundleError, match="the weights do not belong to fashion-cnn"):
        load_bundle(tmp_path / "model")


def test_a_model_not_written_by_nunbit(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(BundleError, match="not written by nunbit"):
        load_bundle(tmp_path)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such model folder"):
        load_bundle(tmp_path / "nowhere")
