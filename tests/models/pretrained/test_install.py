"""Strict loading: what is adapted is said, and what does not fit is listed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nunbit.errors import UsageError, WeightsError
from nunbit.models import create_model, model_info
from nunbit.models.info import Shape
from nunbit.models.pretrained import find_weights, transfer
from tests.models.pretrained.cases import SMALL, last_layer, same, small


def given(folder: Path, state: dict[str, torch.Tensor]) -> Path:
    path = folder / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def into(model: nn.Module, path: Path, *, classes: int = 4, channels: int = 3, **options: object):
    return transfer(
        model,
        find_weights(str(path)),
        info=model_info("smallcnn"),
        shape=Shape(channels, 16, 16),
        classes=classes,
        **options,  # type: ignore[arg-type]
    )


def test_all_of_it(tmp_path: Path) -> None:
    source, target = small(seed=1), small(seed=2)
    remarks = into(target, given(tmp_path, source.state_dict()))
    assert same(source.state_dict(), target.state_dict())
    assert remarks == (
        f"{len(source.state_dict())} tensors of smallcnn start from "
        f"{tmp_path / 'weights.safetensors'}.",
    )


def test_another_number_of_classes_is_a_new_head_and_said(tmp_path: Path) -> None:
    source, target, fresh = small(7, seed=1), small(4, seed=2), small(4, seed=2)
    remarks = into(target, given(tmp_path, source.state_dict()))
    new, drawn = last_layer(target), last_layer(fresh)
    assert new.weight.std().item() == pytest.approx(0.01, rel=1e-4)
    ratio = drawn.weight.std() / new.weight.std()
    torch.testing.assert_close(new.weight * ratio, drawn.weight)  # as drawn, but small
    assert not new.bias.any()
    assert remarks[1].startswith("The head (")
    assert "new and small: the weights know 7 classes, the data have 4." in remarks[1]
    assert torch.equal(next(target.parameters()), next(source.parameters()))


def test_no_head_in_the_file_is_a_new_head_and_said(tmp_path: Path) -> None:
    state = {k: v for k, v in small(seed=1).state_dict().items() if not k.startswith("head")}
    remarks = into(small(seed=2), given(tmp_path, state))
    assert "is new and small: the weights bring none." in remarks[1]


def test_a_hidden_layer_in_the_files_head_goes_with_it(tmp_path: Path) -> None:
    source = small(seed=1)
    head = next(n for n, m in source.named_modules() if m is last_layer(source))
    state = {k: v for k, v in source.state_dict().items() if not k.startswith(f"{head}.")}
    state |= {f"{head}.0.weight": torch.ones(8, 3), f"{head}.2.weight": torch.ones(4, 8)}
    target = small(seed=2)
    remarks = into(target, given(tmp_path, state))
    assert "is new and small: the weights bring none." in remarks[1]
    assert torch.equal(next(target.parameters()), next(source.parameters()))


def test_other_names_for_as_many_classes_are_a_new_head(tmp_path: Path) -> None:
    import dataclasses

    source, target = small(seed=1), small(seed=2)
    path = given(tmp_path, source.state_dict())
    weights = dataclasses.replace(find_weights(str(path)), classes=("a", "b", "c", "d"))
    options = {"info": model_info("smallcnn"), "shape": Shape(3, 16, 16), "classes": 4}
    assert len(transfer(target, weights, class_names=("a", "b", "c", "d"), **options)) == 1  # type: ignore[arg-type]
    assert same(source.state_dict(), target.state_dict())
    target = small(seed=2)
    remarks = transfer(target, weights, class_names=("b", "a", "c", "d"), **options)  # type: ignore[arg-type]
    assert "4 other classes, or the same in another order" in remarks[1]
    assert not torch.equal(last_layer(target).weight, last_layer(source).weight)


@torch.no_grad()
def test_grey_input_gets_the_sum_of_the_kernels(tmp_path: Path) -> None:
    source, target = small(seed=1).eval(), small(seed=2, channels=1).eval()
    remarks = into(target, given(tmp_path, source.state_dict()), channels=1)
    assert any("summed over red, green and blue, for grey input" in line for line in remarks)
    images = torch.randn(2, 1, 16, 16)
    expected = source(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(target(images), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_colour_input_sees_a_grey_networks_view_of_the_mean(tmp_path: Path) -> None:
    source, target = small(seed=1, channels=1).eval(), small(seed=2).eval()
    remarks = into(target, given(tmp_path, source.state_dict()))
    assert any("spread over red, green and blue" in line for line in remarks)
    images = torch.randn(2, 3, 16, 16)
    expected = source(images.mean(dim=1, keepdim=True))
    torch.testing.assert_close(target(images), expected, rtol=0, atol=1e-5)


def broken(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Lacks one tensor, has one too many, and one of another shape."""
    names = list(state)
    changed = dict(state)
    del changed[names[3]]
    changed["surplus"] = torch.zeros(2)
    changed[names[1]] = torch.zeros(7)
    return changed


def test_everything_that_does_not_fit_is_listed_and_nothing_is_changed(tmp_path: Path) -> None:
    target, before = small(seed=2), small(seed=2)
    names = list(target.state_dict())
    with pytest.raises(WeightsError, match="do not fit smallcnn") as caught:
        into(target, given(tmp_path, broken(small(seed=1).state_dict())))
    lines = [line.strip() for line in caught.value.what.splitlines()[1:]]
    shape = "x".join(map(str, target.state_dict()[names[1]].shape))
    assert lines == [
        f"1 missing from the weights: {names[3]}",
        "1 unknown to the network: surplus",
        f"1 of another shape: {names[1]} 7 for {shape}",
    ]
    assert "model.pretrained_strict=false" in caught.value.remedy
    assert same(before.state_dict(), target.state_dict())


def test_on_request_what_fits_is_taken_and_the_rest_listed(tmp_path: Path) -> None:
    source, target, before = small(seed=1), small(seed=2), small(seed=2)
    names = list(target.state_dict())
    path = given(tmp_path, broken(source.state_dict()))
    remarks = into(target, path, strict=False)
    assert [line.split(":")[0] for line in remarks[1:]] == ["Left as drawn"] * 3
    assert torch.equal(target.state_dict()[names[0]], source.state_dict()[names[0]])
    assert torch.equal(target.state_dict()[names[1]], before.state_dict()[names[1]])


def test_nothing_that_fits_is_an_error_even_then(tmp_path: Path) -> None:
    path = given(tmp_path, {"a": torch.zeros(1)})
    with pytest.raises(WeightsError, match="do not fit"):
        into(small(), path, strict=False)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    state = small(seed=1).state_dict()
    name = next(iter(state))
    state[name] = torch.full_like(state[name], torch.nan)
    with pytest.raises(WeightsError, match=f"hold numbers that are none in {name}"):
        into(small(), given(tmp_path, state))


def test_a_long_list_is_cut_and_counted(tmp_path: Path) -> None:
    path = given(tmp_path, {f"layer{n:02d}": torch.zeros(1) for n in range(30)})
    with pytest.raises(WeightsError, match=r"layer00, .*layer11 and 18 more"):
        into(small(), path)


def test_auxiliary_heads_are_heads(tmp_path: Path) -> None:
    source = create_model("googlenet", classes=5, height=64, width=64, generator_seed=1)
    path = given(tmp_path, source.state_dict())
    target = create_model(
        "googlenet", classes=3, height=64, width=64, generator_seed=2, pretrained=str(path)
    )
    theirs, ours = source.state_dict(), target.state_dict()
    kept = [name for name in ours if theirs[name].shape == ours[name].shape]
    assert set(ours) - set(kept) == {
        f"{head}.{kind}" for head in ("aux1.fc2", "aux2.fc2", "fc") for kind in ("weight", "bias")
    }
    assert all(torch.equal(theirs[name], ours[name]) for name in kept)


def test_weights_of_another_network_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"are of timm/efficientnet_lite0, not of torchvision/"):
        create_model("resnet18", classes=2, pretrained="efficientnet-lite0")


def test_own_seed_and_the_global_generator(tmp_path: Path) -> None:
    path = given(tmp_path, small(7, seed=1).state_dict())
    torch.manual_seed(5)
    state = torch.get_rng_state()
    create_model("smallcnn", classes=4, **SMALL, generator_seed=3, pretrained=str(path))
    assert torch.equal(torch.get_rng_state(), state)
