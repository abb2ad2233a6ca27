"""A head on features and the network that it was put into say the same, up to raw files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from nunbit.backbone.extract import extract
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import find_split_points
from nunbit.bundle import Bundle, load_bundle, save_bundle
from nunbit.classifier import load
from nunbit.data.batches import Batches
from nunbit.data.inspect import inspect
from nunbit.data.pixels import Budget, open_pixels
from nunbit.data.preprocess import Preprocess
from nunbit.data.storage import ImageFiles
from nunbit.errors import UsageError
from nunbit.finetune.heads import FittedHead, HeadKind, HeadSettings, Labelled, fit_head
from nunbit.finetune.install import install
from nunbit.inference import predict
from nunbit.models import create_model, model_info
from nunbit.models.head import head_input
from nunbit.progress import SILENT
from nunbit.types import Samples

TOLERANCE = 1e-4
"""Of logits; stated in the guide. Log-probabilities add up the differences of three."""
SIDE, HIDDEN = 64, 8
CONTRACT = Preprocess(
    height=SIDE, width=SIDE, channels=3, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3
)
NAMES = ("timm/efficientnet_lite0", "resnet18", "mobilenet_v3_small", "smallcnn")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """JPEG and PNG files of several sizes and modes in three colours."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 3
    for i, label in enumerate(labels):
        pixels = rng.integers(0, 120, (*rng.integers(50, 150, 2), 3))
        pixels[..., label] += 100
        image = Image.fromarray(pixels.astype(np.uint8))
        image = image.convert("RGBA") if i % 4 == 1 else image
        image.save(folder / f"{i:02}.{'png' if i % 4 == 1 else 'jpg'}")
    files = tuple(sorted(folder.iterdir()))
    return Samples(
        name="photos",
        location=str(folder),
        classes=("red", "green", "blue"),
        images=ImageFiles(files=files),
        paths=tuple(file.name for file in files),
        labels=labels.astype(np.int64),
        parts=("",) * 24,
        groups=("",) * 24,
        reasons=("",) * 24,
    )


def batches_of(photos: Samples) -> Batches:
    found = inspect(photos, workers=1, progress=SILENT)
    pixels = open_pixels(
        photos,
        sha256=found.sha256,
        reasons=found.reasons,
        preprocess=CONTRACT,
        budget=Budget(ram_bytes=1 << 30, disk_bytes=0, workers=1),
        progress=SILENT,
    )
    return Batches(
        pixels=pixels,
        preprocess=CONTRACT,
        rows=np.arange(24),
        labels=photos.labels,
        batch_size=7,
        device=torch.device("cpu"),
    )


def network(name: str, *, hidden: int | None = None) -> nn.Module:
    model = create_model(
        name, classes=3, channels=3, height=SIDE, width=SIDE, head_hidden=hidden, generator_seed=0
    )
    # Batch statistics as after a training: with the fresh ones, activations of deep networks fade.
    normalising = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for module in normalising:
            module.momentum = 1.0
        model.train()(torch.randn(16, 3, SIDE, SIDE))
    return model.eval().to(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["logistic", "mlp"])
@pytest.mark.parametrize("name", NAMES)
def test_the_bundle_says_on_raw_files_what_the_head_says_on_features(
    name: str, kind: HeadKind, photos: Samples, tmp_path: Path
) -> None:
    hidden = HIDDEN if kind == "mlp" else None
    model = network(name, hidden=hidden)
    batches = batches_of(photos)
    last = find_split_points(model, (3, SIDE, SIDE))[-1]
    features = extract(feature_extractor(model, last), batches)
    head = fit_head(
        kind,
        Labelled(features=features, labels=photos.labels),
        None,
        classes=3,
        seed=0,
        settings=HeadSettings(hidden=HIDDEN, epochs=100),
    )
    install(model, head, shape=(3, SIDE, SIDE))
    expected = head.logits(features)
    assert np.ptp(expected, axis=0).max() > 0.5  # the images differ to it
    options = {} if hidden is None else {"head_hidden": hidden}
    bundle = Bundle(
        model=model,
        architecture=name,
        model_options=options,
        classes=photos.classes,
        preprocess=CONTRACT,
    )
    save_bundle(tmp_path / "model", bundle)
    again = load_bundle(tmp_path / "model")
    assert again.model_options.get("head_hidden") == hidden
    np.testing.assert_allclose(predict(again.model, batches).logits, expected, atol=TOLERANCE)
    probabilities = load(tmp_path / "model", device="cpu").predict_proba(
        [Path(photos.location) / path for path in photos.paths]
    )
    logs = torch.log_softmax(torch.from_numpy(expected).double(), dim=1).numpy()
    np.testing.assert_allclose(np.log(probabilities), logs, atol=5 * TOLERANCE)


def test_timm_loads_the_bundle_of_an_ordinary_head(photos: Samples, tmp_path: Path) -> None:
    model = network(NAMES[0])
    install(model, a_head((3, 1280)), shape=(3, SIDE, SIDE))
    save_bundle(
        tmp_path / "model",
        Bundle(model=model, architecture=NAMES[0], classes=photos.classes, preprocess=CONTRACT),
    )
    theirs = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(theirs(images), model(images), rtol=1e-4, atol=1e-5)


def a_head(*shapes: tuple[int, int]) -> FittedHead:
    rng = np.random.default_rng(1)
    layers = tuple(
        (rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[0]).astype(np.float32))
        for shape in shapes
    )
    return FittedHead(kind="logistic", layers=layers, path=(), chosen_by="nothing")


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "vgg16-gap", "row-lstm", "googlenet"])
def test_only_the_last_layer_changes(name: str) -> None:
    model = create_model(name, classes=4, generator_seed=0)
    shape = model_info(name).input
    layer = model.get_submodule(head_input(model, shape)[0])
    assert isinstance(layer, nn.Linear)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    head = a_head((4, layer.in_features))
    install(model, head, shape=shape)
    changed = [k for k, v in model.state_dict().items() if not torch.equal(v, before[k])]
    assert len(changed) == 2
    np.testing.assert_array_equal(layer.weight.detach().numpy(), head.layers[0][0])
    np.testing.assert_array_equal(layer.bias.detach().numpy(), head.layers[0][1])
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_what_does_not_fit_is_refused() -> None:
    shape = (3, SIDE, SIDE)
    with pytest.raises(UsageError, match="does not end in a linear layer") as caught:
        install(create_model("squeezenet1_0", classes=3), a_head((3, 512)), shape=shape)
    assert "--transfer none" in caught.value.remedy
    with pytest.raises(ValueError, match=r"do not fit fc: \(3, 10\) for \(3, 512\)"):
        install(create_model("resnet18", classes=3), a_head((3, 10)), shape=shape)
    with pytest.raises(UsageError, match=r"2 layer\(s\) does not fit where the network has fc"):
        install(create_model("resnet18", classes=3), a_head((8, 512), (3, 8)), shape=shape)
    with pytest.raises(UsageError, match=r"1 layer\(s\) does not fit"):
        install(create_model("resnet18", classes=3, head_hidden=8), a_head((3, 512)), shape=shape)
