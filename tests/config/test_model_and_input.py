"""Network and input contract, with pretrained weights: their normalisation cannot be missed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch
from PIL import Image

from nunbit.bundle import Bundle, save_bundle
from nunbit.config import Config, load_config
from nunbit.config.contradictions import pretrained_weights
from nunbit.config.resolve import resolve_model_and_input
from nunbit.config.resolved import ModelAndInput
from nunbit.config.sections import ScalingName
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.data.scaling import FIXED_SCALINGS
from nunbit.errors import ConfigError, NunbitError, UsageError
from nunbit.models import create_model
from nunbit.pipelines.dataset import inspect_data

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE = {"model.pretrained": "efficientnet-lite0"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of grey images of 300 x 200 pixels."""
    folder = tmp_path_factory.mktemp("photos")
    for name, shade in (("dark", 10), ("light", 200)):
        (folder / name).mkdir()
        for number in range(3):
            Image.new("L", (300, 200), shade + number).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def inspection(photos: Path) -> Inspection:
    return inspect_data(load_config(data=str(photos), recipe=None, settings={}))[1]


def configured(**settings: object) -> Config:
    return load_config(data="x", recipe=None, settings=settings)


def chosen(inspection: Inspection, settings: dict[str, object]) -> ModelAndInput:
    return resolve_model_and_input(configured(**settings), inspection, device_type="cpu")


def test_the_weights_bring_network_and_preprocessing(inspection: Inspection) -> None:
    found = chosen(inspection, LITE)
    assert (found.model.name, found.statistics_known) == ("timm/efficientnet_lite0", True)
    assert found.preprocess == Preprocess(
        height=224,
        width=224,
        channels=3,  # grey images are shown to them in colour, unless asked otherwise
        fit="crop",
        crop_share=0.875,
        interpolation="bicubic",
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    )


def test_torchvisions_bring_theirs(inspection: Inspection) -> None:
    found = chosen(inspection, {"model.pretrained": "resnet18"})
    assert found.model.name == "torchvision/resnet18"
    assert found.preprocess.mean == (0.485, 0.456, 0.406)
    assert found.preprocess.crop_share == 224 / 256


def test_what_is_set_wins_where_the_weights_do_not_depend_on_it(inspection: Inspection) -> None:
    settings = {"pixels.image_size": 96, "pixels.fit": "pad", "pixels.interpolation": "lanczos"}
    wanted = chosen(inspection, {**LITE, **settings}).preprocess
    assert (wanted.height, wanted.width, wanted.fit) == (96, 96, "pad")
    assert (wanted.interpolation, wanted.crop_share) == ("lanczos", 1.0)
    whole = chosen(inspection, {**LITE, "pixels.crop_share": 1}).preprocess
    assert (whole.fit, whole.crop_share) == ("crop", 1.0)


def test_grey_on_request(inspection: Inspection) -> None:
    wanted = chosen(inspection, {**LITE, "pixels.colour": "grey"}).preprocess
    assert (wanted.channels, wanted.mean, wanted.std) == (1, (0.5,), (0.5,))


def test_without_weights_the_training_part_decides(inspection: Inspection) -> None:
    found = chosen(inspection, {})
    assert not found.statistics_known
    assert (found.preprocess.fit, found.preprocess.interpolation) == ("crop", "bilinear")
    assert (found.preprocess.channels, found.preprocess.crop_share) == (1, 1.0)


def test_statistics_can_be_set(inspection: Inspection) -> None:
    found = chosen(inspection, {"pixels.mean": "[0.5]", "pixels.std": "[0.25]"})
    assert found.statistics_known
    assert (found.preprocess.mean, found.preprocess.std) == ((0.5,), (0.25,))


@pytest.mark.parametrize(
    ("scaling", "grey"),
    [
        ("zero-one", ((0.0,), (1.0,))),
        ("minus-one-one", ((0.5,), (0.5,))),
        ("imagenet", ((sum(IMAGENET[0]) / 3,), (sum(IMAGENET[1]) / 3,))),
    ],
)
def test_a_scaling_can_be_named(
    inspection: Inspection, scaling: str, grey: tuple[tuple[float, ...], tuple[float, ...]]
) -> None:
    found = chosen(inspection, {"pixels.scaling": scaling})
    assert found.statistics_known
    assert (found.preprocess.mean, found.preprocess.std) == grey
    colour = chosen(inspection, {"pixels.scaling": scaling, "pixels.colour": "rgb"}).preprocess
    wanted = IMAGENET if scaling == "imagenet" else (grey[0] * 3, grey[1] * 3)
    assert (colour.mean, colour.std) == wanted


def test_the_z_score_is_left_to_the_training_part(inspection: Inspection) -> None:
    assert not chosen(inspection, {"pixels.scaling": "z-score"}).statistics_known


def test_the_names_of_scalings_are_those_of_the_data() -> None:
    assert set(get_args(ScalingName)) == {*FIXED_SCALINGS, "z-score"}


def test_weights_refuse_another_scaling_and_take_their_own() -> None:
    same = configured(**{"model.pretrained": "resnet18", "pixels.scaling": "imagenet"})
    assert pretrained_weights(same) is not None
    own = configured(**{**LITE, "pixels.scaling": "minus-one-one"})
    assert pretrained_weights(own) is not None
    for scaling in ("zero-one", "z-score"):
        other = configured(**{"model.pretrained": "resnet18", "pixels.scaling": scaling})
        with pytest.raises(ConfigError, match=f"not with pixels.scaling={scaling}"):
            pretrained_weights(other)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18", "timm/convnext_atto"])
def test_named_weights_refuse_another_normalisation(name: str) -> None:
    config = configured(
        **{"model.pretrained": name, "pixels.mean": "[0.2860]", "pixels.std": "[0.3530]"}
    )
    with pytest.raises(ConfigError, match="were trained with mean") as caught:
        pretrained_weights(config)
    assert "they come with the weights" in caught.value.remedy


@pytest.fixture
def plain_file(tmp_path: Path) -> Path:
    model = create_model("smallcnn", classes=2, channels=3, height=16, width=16)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_a_file_that_knows_no_normalisation_must_be_told(
    plain_file: Path, inspection: Inspection
) -> None:
    settings: dict[str, object] = {"model.pretrained": str(plain_file), "model.name": "smallcnn"}
    with pytest.raises(ConfigError, match="does not say how images were normalised") as caught:
        pretrained_weights(configured(**settings))
    assert "--set pixels.mean=[0.485,0.456,0.406]" in caught.value.remedy
    by_name = chosen(inspection, {**settings, "pixels.scaling": "imagenet"})
    assert (by_name.preprocess.mean, by_name.statistics_known) == (
        (pytest.approx(sum(IMAGENET[0]) / 3),),
        True,
    )
    told = {**settings, "pixels.mean": [0.5], "pixels.std": [0.5], "pixels.colour": "rgb"}
    found = chosen(inspection, told)
    assert (found.preprocess.mean, found.statistics_known) == ((0.5,) * 3, True)


def test_a_file_that_knows_no_network_must_be_told(plain_file: Path) -> None:
    with pytest.raises(UsageError, match="does not say of which network") as caught:
        pretrained_weights(configured(**{"model.pretrained": str(plain_file)}))
    assert caught.value.remedy == "name it: --model NAME"


def test_a_bundle_brings_its_contract(tmp_path: Path, inspection: Inspection) -> None:
    contract = Preprocess(
        height=24, width=20, channels=1, fit="squash", mean=(0.2,), std=(0.3,), crop_share=0.5
    )
    model = create_model("smallcnn", classes=2, channels=1, height=24, width=20)
    bundle = Bundle(model=model, architecture="smallcnn", classes=("a", "b"), preprocess=contract)
    save_bundle(tmp_path / "model", bundle)
    found = chosen(inspection, {"model.pretrained": str(tmp_path / "model")})
    assert (found.preprocess, found.model.name) == (contract, "smallcnn")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({**LITE, "model.name": "resnet18"}, UsageError, "are of timm/efficientnet_lite0, not of"),
        ({**LITE, "model.initialisation": "he-normal"}, ConfigError, "would overwrite"),
        ({"model.pretrained": "efficientnet-light"}, UsageError, "no weights are called"),
    ],
)
def test_contradictions(settings: dict[str, object], error: type[NunbitError], words: str) -> None:
    with pytest.raises(error, match=words):
        pretrained_weights(configured(**settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pixels.mean": "[0.5]"}, "belong together"),
        ({"pixels.mean": "[0.5]", "pixels.std": "[0.1, 0.1, 0.1]"}, "belong together"),
        ({"pixels.mean": "[0.5]", "pixels.std": "[0]"}, "more than 0"),
        (
            {"pixels.scaling": "imagenet", "pixels.mean": "[0.5]", "pixels.std": "[0.5]"},
            "pixels.scaling already says",
        ),
        ({"pixels.scaling": "tf"}, "zero-one, minus-one-one, imagenet"),
        ({"pixels.crop_share": "0"}, "a number above 0 and at most 1"),
    ],
)
def test_impossible_settings(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configured(**settings)
