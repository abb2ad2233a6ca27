"""Weights from files and folders: every form that is taken, and every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from nunbit.bundle import Bundle, save_bundle
from nunbit.data.preprocess import Preprocess
from nunbit.errors import UsageError, WeightsError
from nunbit.models import create_model
from nunbit.models.pretrained import find_weights
from tests.models.pretrained.cases import SMALL, same, small

CONTRACT = Preprocess(
    height=16,
    width=16,
    channels=3,
    fit="squash",
    interpolation="bicubic",
    mean=(0.1, 0.2, 0.3),
    std=(0.4, 0.5, 0.6),
    crop_share=0.75,
)


@pytest.fixture(scope="module")
def source() -> nn.Module:
    return small(seed=1)


def loaded(path: Path) -> nn.Module:
    return create_model("smallcnn", classes=4, **SMALL, generator_seed=2, pretrained=str(path))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt", "w"])
def test_a_file_of_tensors(tmp_path: Path, source: nn.Module, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".safetensors"):
        save_file(source.state_dict(), path)
    else:
        torch.save(source.state_dict(), path)
    assert same(loaded(path).state_dict(), source.state_dict())
    weights = find_weights(str(path))
    assert (weights.architecture, weights.input, weights.classes) == (None, None, ())


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_trainers_checkpoint_is_unwrapped_and_that_is_said(
    tmp_path: Path, source: nn.Module, key: str
) -> None:
    path = tmp_path / "checkpoint.pth"
    state = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    torch.save({key: state, "epoch": 3, "optimizer": {}}, path)
    assert same(loaded(path).state_dict(), source.state_dict())
    assert find_weights(str(path)).load().remarks == (
        f"checkpoint.pth: the weights are its entry {key}; left aside: epoch, optimizer.",
        "checkpoint.pth: the prefix module. before every name is taken off.",
    )


@pytest.fixture
def bundle(tmp_path: Path, source: nn.Module) -> Path:
    folder = tmp_path / "run" / "model"
    save_bundle(
        folder,
        Bundle(
            model=source,
            architecture="smallcnn",
            classes=("ant", "bee", "cat", "dog"),
            preprocess=CONTRACT,
        ),
    )
    return folder


@pytest.mark.parametrize("part", ["", "..", "model.safetensors"])
def test_a_bundle_a_run_and_the_file_in_it(bundle: Path, source: nn.Module, part: str) -> None:
    path = bundle / part
    assert same(loaded(path).state_dict(), source.state_dict())
    weights = find_weights(str(path))
    assert (weights.architecture, weights.classes) == ("smallcnn", ("ant", "bee", "cat", "dog"))
    wanted = weights.input
    assert wanted is not None
    assert {name: getattr(CONTRACT, name) for name in vars(wanted)} == vars(wanted)


def test_a_folder_that_timm_wrote(tmp_path: Path) -> None:
    network = timm.create_model("resnet10t", num_classes=3)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = {
        "architecture": "resnet10t",
        "label_names": ["a", "b", "c"],
        "pretrained_cfg": {
            "input_size": [3, 64, 96],
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
            "interpolation": "bicubic",
            "crop_pct": 0.9,
            "crop_mode": "center",
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = find_weights(str(tmp_path))
    assert (weights.architecture, weights.classes) == ("timm/resnet10t", ("a", "b", "c"))
    wanted = weights.input
    assert wanted is not None
    assert (wanted.height, wanted.width, wanted.fit, wanted.crop_share) == (64, 96, "crop", 0.9)
    assert (wanted.mean, wanted.std) == ((0.5,) * 3, (0.25,) * 3)
    target = create_model("timm/resnet10t", classes=3, pretrained=str(tmp_path))
    assert same(target.state_dict(), network.state_dict())


class Sly:
    """Would run something when unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("unpickled!",)


def test_a_pickle_that_runs_code_is_not_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sly.pth"
    torch.save({"weight": Sly()}, path)
    with pytest.raises(WeightsError, match="more than tensors") as caught:
        find_weights(str(path)).load()
    assert "torch.save(model.state_dict(), FILE)" in caught.value.remedy
    assert "unpickled!" not in capsys.readouterr().out


def test_a_whole_module_is_not_opened(tmp_path: Path, source: nn.Module) -> None:
    path = tmp_path / "module.pth"
    torch.save(source, path)
    with pytest.raises(WeightsError, match="more than tensors"):
        find_weights(str(path)).load()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.zeros(1)], "holds list"),
        ({}, "holds dict"),
        ({"weight": torch.zeros(1), "epoch": 3}, "1 entries such as epoch"),
    ],
)
def test_what_is_no_state_dict(tmp_path: Path, content: object, words: str) -> None:
    path = tmp_path / "strange.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=words):
        find_weights(str(path)).load()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("keep", [0, 100, -50])
def test_half_a_file(tmp_path: Path, source: nn.Module, name: str, keep: int) -> None:
    path = tmp_path / name
    (save_file if name.endswith("safetensors") else torch.save)(source.state_dict(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError) as caught:
        find_weights(str(path)).load()
    assert caught.value.path == str(path)


def test_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no finished model"):
        find_weights(str(tmp_path))


def test_a_bundle_without_its_weights(bundle: Path) -> None:
    (bundle / "model.safetensors").unlink()
    weights = find_weights(str(bundle))
    assert weights.here() is None
    with pytest.raises(WeightsError, match=r"model\.safetensors is missing"):
        weights.load()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", "{", "config.json is damaged"),
        ("nunbit.json", "[]", "nunbit.json is damaged"),
        ("nunbit.json", "{}", "does not say how images become the input"),
    ],
)
def test_a_damaged_description(bundle: Path, file: str, content: str, words: str) -> None:
    (bundle / file).write_text(content, encoding="utf-8")
    with pytest.raises(WeightsError, match=words):
        find_weights(str(bundle))


@pytest.mark.parametrize("name", ["./no.pth", "no.safetensors", "/no/such/folder"])
def test_a_path_that_is_not_there(name: str) -> None:
    with pytest.raises(UsageError, match="no such file of weights") as caught:
        find_weights(name)
    assert caught.value.path == name
