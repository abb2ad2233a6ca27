"""What does not learn stays as it is to the last bit; what learns does so at its own rate."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import find_split_points
from nunbit.finetune.finetune import FineTuning
from nunbit.finetune.stages import Stages, stages_of
from nunbit.models.create import create_model
from nunbit.training.optim import make_optimizer, parameter_groups, set_learning_rate

SHAPE = (3, 48, 48)


def block(inside: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.Dropout(0.2)
    )


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        block(3, 4),
        nn.MaxPool2d(2),
        block(4, 5),
        nn.MaxPool2d(2),
        block(5, 6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6, 2),
    )


def stages(model: nn.Sequential) -> Stages:
    return stages_of(model, [model[:1], model[:3], model[:7]])


def everything(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def train_a_little(model: nn.Module, freezing: FineTuning, epochs: int = 2) -> None:
    torch.manual_seed(1)
    freezing.freeze(model, freezing.always_frozen)
    optimizer = make_optimizer("adamw", parameter_groups(model, 0.1), learning_rate=0.01)
    for epoch in range(1, epochs + 1):
        freezing.enter_epoch(model, epoch)
        for _ in range(3):
            logits = model(torch.randn(8, *SHAPE) * 5 + 3)
            nn.functional.cross_entropy(logits, torch.arange(8) % 2).backward()
            optimizer.step()
            optimizer.zero_grad()


def test_stages_of_parameters_and_modules() -> None:
    found = stages(small())
    assert found.count == 3
    assert {found.of_parameter[f"{i}.0.weight"] for i in (0, 2, 4)} == {0, 1, 2}
    assert found.of_parameter["8.weight"] == 3
    assert [found.of_module[name] for name in ("0", "0.3", "2", "4.1", "8", "")] == [
        *(0, 0, 1, 2, 3, 3)
    ]
    assert "7" not in found.of_module  # the head's dropout belongs to no stage


@pytest.mark.parametrize(
    ("mode", "learning"),
    [("head", 0), ("last-stage", 1), ("stages:2", 2), ("stages:9", 3), ("all", 3)],
)
def test_modes_count_stages_from_the_last(mode: str, learning: int) -> None:
    assert stages(small()).learning(mode) == learning


@pytest.mark.parametrize("learning", [0, 1, 2, 3])
def test_frozen_stages_are_bit_identical_after_training(learning: int) -> None:
    """Trap 5: in training mode, batch statistics of a "frozen" backbone move all the same."""
    model = small()
    before = everything(model)
    found = stages(model)
    train_a_little(model, FineTuning(stages=found, learning=learning))
    after = everything(model)
    frozen = {str(2 * i) for i in range(3 - learning)}
    for name, tensor in before.items():
        same = torch.equal(tensor, after[name])
        assert same == (name.partition(".")[0] in frozen), name


def test_the_trap_itself_requires_grad_alone_does_not_freeze() -> None:
    model = small()
    before = everything(model)
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    model.train()
    model(torch.randn(8, *SHAPE) * 5 + 3)
    after = everything(model)
    assert torch.equal(before["0.1.weight"], after["0.1.weight"])
    assert not torch.equal(before["0.1.running_mean"], after["0.1.running_mean"])
    change = (after["0.1.running_mean"] - before["0.1.running_mean"]).abs().max()
    assert change > 0.05  # not a rounding error: one batch moved them by a tenth of the way


def test_statistics_can_stand_still_where_weights_learn() -> None:
    model = small()
    before = everything(model)
    train_a_little(model, FineTuning(stages=stages(model), learning=3, freeze_statistics=True))
    after = everything(model)
    assert torch.equal(before["0.1.running_var"], after["0.1.running_var"])
    assert not torch.equal(before["0.1.weight"], after["0.1.weight"])


def test_dropout_of_frozen_stages_is_off_and_that_of_the_others_on() -> None:
    model = small()
    FineTuning(stages=stages(model), learning=1).enter_epoch(model, 1)
    assert [model.get_submodule(n).training for n in ("0.3", "2.3", "4.3", "7", "")] == [
        *(False, False, True, True, True)
    ]


def test_gradual_unfreezing_is_a_function_of_the_epoch() -> None:
    freezing = FineTuning(stages=stages(small()), learning=2, unfreeze_epochs=3)
    assert [freezing.frozen(epoch) for epoch in (1, 3, 4, 6, 7, 99)] == [2, 2, 1, 1, 1, 1]
    model = small()
    for epoch in (5, 1):  # in any order, as after an interruption
        freezing.enter_epoch(model, epoch)
        learns = model.get_parameter("2.0.weight").requires_grad
        assert (learns, model[2].training) == ((epoch == 5),) * 2


def test_a_stage_waits_bit_identical_until_it_is_unfrozen() -> None:
    model = small()
    before = everything(model)
    freezing = FineTuning(stages=stages(model), learning=2, unfreeze_epochs=2)
    train_a_little(copied := copy.deepcopy(model), freezing, epochs=2)
    assert torch.equal(everything(copied)["2.0.weight"], before["2.0.weight"])
    train_a_little(model, freezing, epochs=3)
    assert not torch.equal(everything(model)["2.0.weight"], before["2.0.weight"])
    assert torch.equal(everything(model)["0.1.running_mean"], before["0.1.running_mean"])


def test_earlier_stages_have_smaller_rates() -> None:
    model = small()
    found = stages(model)
    scales = found.scales(0.5)
    assert [scales[n] for n in ("0.0.weight", "2.1.bias", "4.0.weight", "8.bias")] == [
        *(0.25, 0.5, 1.0, 1.0)
    ]
    optimizer = make_optimizer(
        "sgd", parameter_groups(model, 0.1, scales=scales), learning_rate=1.0
    )
    set_learning_rate(optimizer, 0.08)
    rate_of = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rate_of[id(model.get_parameter("0.1.weight"))] == pytest.approx(0.02)
    assert rate_of[id(model.get_parameter("4.0.weight"))] == pytest.approx(0.08)
    assert len(rate_of) == len(list(model.parameters()))


@pytest.mark.parametrize(
    "name",
    ["timm/efficientnet_lite0", "torchvision/densenet121", "torchvision/googlenet", "xai-cnn"],
)
def test_real_networks_keep_what_is_frozen(name: str) -> None:
    torch.manual_seed(0)
    side = 64
    model = create_model(name, classes=2, channels=3, height=side, width=side)
    split_points = find_split_points(model, (3, side, side))
    found = stages_of(
        model, [feature_extractor(model, split_point) for split_point in split_points]
    )
    assert found.count == len(split_points) >= 3
    freezing = FineTuning(stages=found, learning=1)
    freezing.freeze(model, found.count - 1)
    before = everything(model)
    body = feature_extractor(model, split_points[-2])
    images = torch.randn(4, 3, side, side) * 5 + 3
    expected = body.eval()(images).detach()
    freezing.enter_epoch(model, 1)
    output = model(images)
    logits = output if isinstance(output, Tensor) else output.logits
    logits.sum().backward()
    make_optimizer("sgd", parameter_groups(model, 0.1), learning_rate=0.1).step()
    frozen = {n for n, stage in found.of_parameter.items() if stage < found.count - 1}
    norms = {
        f"{n}.{b}"
        for n, m in model.named_modules()
        for b, _ in m.named_buffers(recurse=False)
        if isinstance(m, _BatchNorm) and found.of_module[n] < found.count - 1
    }
    after = everything(model)
    assert all(torch.equal(before[n], after[n]) for n in frozen | norms)
    assert len(frozen) > 4
    assert len(norms) > 4
    moved = [n for n in before if n not in frozen and not torch.equal(before[n], after[n])]
    assert len(moved) > 2
    assert torch.equal(feature_extractor(model, split_points[-2])(images), expected)
