"""Every zoo network that the course names builds, runs forward and backward, and learns in a step.

Reduced input where the architecture allows; at least two pixels are left to the last normalisation.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nunbit.data.preprocess import Preprocess
from nunbit.models import create_model, model_info
from nunbit.training.losses import AUXILIARY_WEIGHT, loss_of_output, make_loss
from nunbit.training.optim import make_optimizer, parameter_groups

SIZES = {  # pixels of the test's input; the smallest with which each can be trained, or 64
    "resnet18": 64,
    "torchvision/alexnet": 63,
    "squeezenet1_0": 64,
    "shufflenet_v2_x1_0": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "googlenet": 64,
}
SLOW_SIZES = {  # large ones, and those that have a sibling above
    "vgg16": 32,
    "vgg19": 32,
    "densenet161": 64,
    "wide_resnet50_2": 64,
    "resnet50": 64,
    "resnext50_32x4d": 64,
    "mobilenet_v3_large": 64,
    "mnasnet1_0": 64,
    "xception": 96,
    "inception_v3": 299,
}
CLASSES = 3
NAMES = [
    *SIZES,
    *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_SIZES),
]
WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


def grey_batch(size: int) -> tuple[Tensor, Tensor]:
    """Grey images as the input contract shows them to networks for colour: [6, 3, size, size].

    Each class is a stripe at a place of its own.
    """
    contract = Preprocess(height=size, width=size, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 60, (6, 20, 20), generator=generator, dtype=torch.uint8)
    targets = torch.arange(6) % CLASSES
    for image, target in zip(pixels, targets.tolist(), strict=True):
        image[:, 6 * target : 6 * target + 5] += 180
    canvases = [torch.from_numpy(contract.canvas_from_array(image.numpy())) for image in pixels]
    images = contract.normalise(torch.stack(canvases).permute(0, 3, 1, 2))
    assert torch.equal(images[:, 0], images[:, 2])
    return images, targets


@pytest.mark.parametrize("name", NAMES)
def test_forward_backward_and_a_step(name: str) -> None:
    size = {**SIZES, **SLOW_SIZES}[name]
    assert size >= model_info(name).minimum_size
    model = create_model(name, classes=CLASSES, height=size, width=size, generator_seed=1)
    images, targets = grey_batch(size)
    loss = make_loss("cross-entropy")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, logits = loss_of_output(loss, model(images), targets)
        assert logits.shape == (6, CLASSES)
        first.backward()
        for parameter_name, parameter in model.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
        # So short a step that the slope alone, were it the same all the way, takes 1 % off the
        # loss: on a longer one, what the loss does depends on its curvature.
        squared = sum(p.grad.square().sum().item() for p in model.parameters())
        optimizer = make_optimizer(
            "sgd",
            parameter_groups(model, 0.0),
            learning_rate=0.01 * first.item() / squared,
            momentum=0.0,
        )
        optimizer.step()
        torch.manual_seed(0)  # the same dropout as in the first pass
        second, _ = loss_of_output(loss, model(images), targets)
    assert second.item() < first.item()
    assert model.eval()(images).shape == (6, CLASSES)


@pytest.mark.parametrize(
    "name", ["googlenet", pytest.param("inception_v3", marks=pytest.mark.slow)]
)
def test_auxiliary_heads_are_trained_with_their_share(name: str) -> None:
    size = {**SIZES, **SLOW_SIZES}[name]
    model = create_model(name, classes=CLASSES, height=size, width=size, generator_seed=1)
    images, targets = grey_batch(size)
    loss = make_loss("cross-entropy")
    output = model(images)
    total, _ = loss_of_output(loss, output, targets)
    heads = [item for item in output[1:] if item is not None]
    assert heads
    expected = loss(output[0], targets) + AUXILIARY_WEIGHT * sum(loss(h, targets) for h in heads)
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)
    total.backward()
    auxiliary = [p for key, p in model.named_parameters() if key.lower().startswith("aux")]
    assert auxiliary
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in auxiliary)


def test_the_list_is_the_courses() -> None:
    course = (
        "resnet18, alexnet, vgg16, vgg19, squeezenet1_0, densenet161, inception_v3, googlenet, "
        "shufflenet_v2_x1_0, mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small, "
        "resnext50_32x4d, wide_resnet50_2, mnasnet1_0, resnet50, xception"
    )
    # The bare name alexnet is the catalogue's own network.
    names = [name.removeprefix("torchvision/") for name in (*SIZES, *SLOW_SIZES)]
    assert sorted(names) == sorted(course.split(", "))


@pytest.mark.parametrize(
    "name", ["timm/resnet10t", "timm/convnext_atto", "timm/mobilenetv3_small_050"]
)
def test_timms_networks_learn_from_one_channel(name: str) -> None:
    model = create_model(name, classes=2, channels=1, height=32, width=32, generator_seed=1)
    model(torch.rand(4, 1, 32, 32)).square().mean().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert next(m for m in model.modules() if isinstance(m, nn.Conv2d)).in_channels == 1
