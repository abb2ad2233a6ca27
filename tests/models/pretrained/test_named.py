"""torchvision's and timm's named weights: names, preprocessing, files, and what is said offline.

The files themselves are stood in for by files of the same form with random weights: no network.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.data import resolve_data_config
from torch import Tensor, nn

import nunbit
from nunbit.errors import UsageError, WeightsError
from nunbit.models import create_model, model_info
from nunbit.models.pretrained import find_weights, known_weights, store
from nunbit.models.pretrained.store import AddressedFile
from tests.models.pretrained.cases import same

TORCHVISION = (
    *("resnet18", "alexnet", "vgg16", "vgg19", "squeezenet1_0", "densenet161", "inception_v3"),
    *("googlenet", "shufflenet_v2_x1_0", "mobilenet_v2", "mobilenet_v3_large"),
    *("mobilenet_v3_small", "resnext50_32x4d", "wide_resnet50_2", "mnasnet1_0", "resnet50"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own for weights."""
    monkeypatch.setenv("NUNBIT_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def put(folder: Path, name: str, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Save a torch file under a name whose digest is then made to fit."""
    torch.save(state, folder / name)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(AddressedFile, "_digest", property(lambda self: digest[:8]))


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_own_preprocessing(name: str) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT
    transforms = published.transforms()
    weights = find_weights(name)
    assert weights.name == f"torchvision/{name}.{published.name}"
    assert weights.architecture == f"torchvision/{name}"
    wanted = weights.input
    assert wanted is not None
    assert [wanted.height, wanted.width] == transforms.crop_size * 2
    assert wanted.crop_share == transforms.crop_size[0] / transforms.resize_size[0]
    assert wanted.interpolation == transforms.interpolation.value
    if name not in ("googlenet", "inception_v3"):  # see the test on their input below
        assert [list(wanted.mean), list(wanted.std)] == [transforms.mean, transforms.std]
    assert len(set(weights.classes)) == len(weights.classes) == 1000


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
@torch.no_grad()
def test_networks_that_change_their_input_get_it_changed(name: str) -> None:
    """With `transform_input`, as torchvision builds them for their weights, the same logits."""
    ours = create_model(name, classes=4, height=299, width=299, generator_seed=1).eval()
    theirs = torchvision.models.get_model(
        name, weights=None, num_classes=4, transform_input=True, init_weights=False
    ).eval()
    theirs.load_state_dict(ours.state_dict())
    pixels = torch.rand((1, 3, 299, 299), generator=torch.Generator().manual_seed(0))
    published = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    wanted = find_weights(name).input
    assert wanted is not None

    def normalised(mean: list[float], std: list[float]) -> Tensor:
        return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)

    expected = theirs(normalised(published.mean, published.std))
    found = ours(normalised(list(wanted.mean), list(wanted.std)))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["convnext_atto", "timm/resnet18.a1_in1k", "xception", "vit_tiny_patch16_224", "resnet10t"],
)
def test_timms_own_preprocessing(name: str) -> None:
    weights = find_weights(name)
    assert weights.architecture is not None
    published = timm.get_pretrained_cfg(weights.architecture.removeprefix("timm/"))
    theirs = resolve_data_config(pretrained_cfg=published.to_dict())
    wanted = weights.input
    assert wanted is not None
    assert (wanted.channels, wanted.height, wanted.width) == theirs["input_size"]
    assert (wanted.interpolation, wanted.crop_share) == (
        theirs["interpolation"],
        theirs["crop_pct"],
    )
    assert (wanted.mean, wanted.std) == (theirs["mean"], theirs["std"])
    assert len(weights.classes) == 1000


def test_every_pretrained_model_of_both_zoos_is_found_with_its_preprocessing() -> None:
    names = [f"torchvision/{n}" for n in torchvision.models.list_models(module=torchvision.models)]
    names += [f"timm/{name}" for name in timm.list_pretrained()]
    assert len(names) > 1000
    for name in names:
        weights = find_weights(name)
        assert weights.input is not None, name
        assert 0 < weights.input.crop_share <= 1, name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("resnet50", "torchvision/resnet50.IMAGENET1K_V2"),
        ("resnet50.IMAGENET1K_V1", "torchvision/resnet50.IMAGENET1K_V1"),
        ("torchvision/resnet50.IMAGENET1K_V1", "torchvision/resnet50.IMAGENET1K_V1"),
        ("ResNet50_Weights.IMAGENET1K_V1", "torchvision/resnet50.IMAGENET1K_V1"),
        ("timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k"),
        ("convnext_atto", "timm/convnext_atto.d2_in1k"),
        ("efficientnet-lite0", "efficientnet-lite0"),
    ],
)
def test_spellings(name: str, found: str) -> None:
    assert find_weights(name).name == found


@pytest.mark.parametrize(
    ("name", "words", "remedy"),
    [
        ("resnet81", "no weights are called 'resnet81'", "did you mean resnet18"),
        ("smallcnn", "no weights are called 'smallcnn'", "a run's folder, or a file"),
        ("resnet18.V9", "though the model is known", "torchvision/resnet18.IMAGENET1K_V1, timm/"),
        ("timm/convnext_atto.none", "though the model is known", "timm/convnext_atto.d2_in1k"),
        ("vit_base_patch16_xp_224", "though the model is known", "nobody has published any"),
    ],
)
def test_unknown_names(name: str, words: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        find_weights(name)
    assert remedy in caught.value.remedy


def test_a_torchvision_file_in_the_users_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = torchvision.models.resnet18(weights=None)
    assert find_weights("resnet18").here() is None
    put(folder, "resnet18-f37072fd.pth", source.state_dict(), monkeypatch)
    assert find_weights("resnet18").here() == folder / "resnet18-f37072fd.pth"
    network = create_model("resnet18", classes=1000, height=64, width=64, pretrained="resnet18")
    assert same(network.state_dict(), source.state_dict())
    classifier = nunbit.load("resnet18", device="cpu")
    assert classifier.preprocess.mean == (0.485, 0.456, 0.406)
    assert classifier.classes[0] == "tench"


def test_a_file_in_torchs_own_cache(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    source = torchvision.models.squeezenet1_1(weights=None)
    name = find_weights("squeezenet1_1").locate.__self__.name  # type: ignore[attr-defined]
    put(tmp_path / "hub" / "checkpoints", name, source.state_dict(), monkeypatch)
    network = create_model("squeezenet1_1", classes=1000, pretrained="squeezenet1_1")
    assert same(network.state_dict(), source.state_dict())


def test_old_names_of_densenet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's files say denselayer1.norm.1.weight where its network says norm1.weight."""
    source = torchvision.models.densenet121(weights=None)
    pattern = re.compile(r"(denselayer\d+\.(?:norm|conv))([12]\.)")
    old = {pattern.sub(r"\1.\2", name): tensor for name, tensor in source.state_dict().items()}
    assert old.keys() != source.state_dict().keys()
    put(folder, "densenet121-a639ec97.pth", old, monkeypatch)
    network = create_model("densenet121", classes=1000, pretrained="densenet121")
    assert same(network.state_dict(), source.state_dict())


def test_a_timm_file_in_the_users_folder(folder: Path) -> None:
    source = timm.create_model("resnet10t", pretrained=False)
    file = folder / "resnet10t.c3_in1k.safetensors"
    save_file(source.state_dict(), file)
    assert find_weights("timm/resnet10t.c3_in1k").here() == file
    target = create_model("timm/resnet10t", classes=2, channels=1, pretrained="timm/resnet10t")
    kernel = source.state_dict()["conv1.0.weight"].sum(dim=1, keepdim=True)
    assert torch.equal(target.state_dict()["conv1.0.weight"], kernel)
    assert torch.equal(target.get_parameter("layer1.0.conv1.weight"), source.layer1[0].conv1.weight)


def test_another_file_under_that_name_is_refused(folder: Path) -> None:
    state = nn.Linear(2, 2).state_dict()
    save_file(state, folder / "resnet10t.c3_in1k.safetensors")
    with pytest.raises(WeightsError, match=r"does not hold the weights timm/resnet10t\.c3_in1k"):
        create_model("timm/resnet10t", classes=2, pretrained="timm/resnet10t")


@pytest.mark.parametrize(
    ("name", "file", "source"),
    [
        ("resnet18", "resnet18-f37072fd.pth", "/resnet18-f37072fd.pth on a connected machine"),
        (
            "timm/resnet10t.c3_in1k",
            "resnet10t.c3_in1k.safetensors",
            "model.safetensors of timm/resnet10t.c3_in1k on the Hugging Face Hub",
        ),
    ],
)
def test_offline_the_file_and_its_place_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, source: str
) -> None:
    def no_network(*arguments: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", no_network)
    with pytest.raises(WeightsError, match=re.escape(f"{file} is not here")) as caught:
        find_weights(name).locate()
    assert "no route to host" in caught.value.what
    assert caught.value.path == str(folder / file)
    assert source in caught.value.remedy


def test_a_damaged_file_is_noticed_by_the_digest_in_its_name(folder: Path) -> None:
    (folder / "resnet18-f37072fd.pth").write_bytes(b"not the weights")
    with pytest.raises(WeightsError, match="does not begin with f37072fd"):
        find_weights("resnet18").load()


def test_a_download_lands_in_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()

    def download(url: str, target: str, *, hash_prefix: str, progress: bool) -> None:
        assert (url, hash_prefix, progress) == (f"https://x.org/net-{digest}.pth", digest, False)
        Path(target).write_bytes(content)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    file = AddressedFile(url=f"https://x.org/net-{digest}.pth")
    assert file.here() is None
    assert file.locate() == folder / f"net-{digest}.pth" == file.here()


def test_without_a_wish_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUNBIT_WEIGHTS", raising=False)
    assert store.weights_folder().parts[-2:] == ("nunbit", "weights")


def test_known_weights_of_a_model() -> None:
    def names(model: str) -> list[str]:
        return [weights.name for weights in known_weights(model_info(model))]

    assert names("resnet50") == [f"torchvision/resnet50.IMAGENET1K_V{n}" for n in (1, 2)]
    assert names("timm/efficientnet_lite0") == [
        "efficientnet-lite0",
        "timm/efficientnet_lite0.ra_in1k",
    ]
    assert names("smallcnn") == []
