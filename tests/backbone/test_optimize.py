"""The faster network answers as the model does, or is not used; what is shared is the same."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.explain.attribution import Method, explainer
from nunbit.explain.deletion_insertion import random_reference
from nunbit.explain.randomized_weights import Copies
from nunbit.explain.sanity import check_attribution
from tests.explain.trained import trained_network, unseen


def with_norm() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(144, 5),
    )
    model(3 * torch.randn(20, 3, 8, 8) + 1)  # statistics that are not 0 and 1
    return model


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_faster_network_answers_as_the_model_which_stays_as_it_is() -> None:
    model = with_norm().train()
    before = copy.deepcopy(model.state_dict())
    faster = optimize_for_inference(model, images())
    assert faster is not model
    assert not any(isinstance(module, nn.BatchNorm2d) for module in faster.modules())
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        torch.testing.assert_close(faster(images()), model.eval()(images()))


def test_a_network_whose_faster_form_fails_is_used_itself() -> None:
    class Viewing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = with_norm()

        def forward(self, given: Tensor) -> Tensor:
            return self.body[4](self.body[:3](given).view(-1, 144))

    model, plain = Viewing(), nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten())
    assert optimize_for_inference(model, images()) is model
    assert optimize_for_inference(plain, images()) is plain


def test_classes_of_one_image_share_the_random_orders() -> None:
    seen = 0

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = trained_network()

        def forward(self, given: Tensor) -> Tensor:
            nonlocal seen
            seen += len(given)
            return self.body(given)

    given, classes = unseen(2).images, torch.tensor([0, 1, 2, 3])
    model = Counting()
    alone = [random_reference(model, given[i // 3][None], classes[i][None]) for i in range(4)]
    apart, seen = seen, 0
    together = random_reference(model, given[[0, 0, 0, 1]], classes)
    assert seen * 2 == apart
    for i, single in enumerate(alone):
        np.testing.assert_allclose(together.deletion[i], single.deletion[0])
        np.testing.assert_allclose(together.insertion[i], single.insertion[0])


def test_copies_kept_or_made_anew_are_the_same() -> None:
    model, given = with_norm().eval(), images()
    kept, anew = Copies(model, given[:1], seed=3), Copies(model, given[:1], seed=3)
    anew._keep = False
    for (words, one), (other_words, other) in zip(kept, anew, strict=True):
        assert words == other_words
        torch.testing.assert_close(one.model(given), other.model(given))
        with torch.no_grad():
            torch.testing.assert_close(one.faster(given), other.model(given))
    assert [one for _, one in kept] == [one for _, one in kept]
    assert [words for words, _ in kept][-3:] == ["all layers"] * 3


def test_rough_maps_come_to_the_same_verdict() -> None:
    model, given = trained_network(), unseen(3)
    methods: tuple[Method, ...] = ("integrated-gradients", "occlusion")
    for method in methods:
        explain, rough = explainer(method), explainer(method, rough=True)
        (fine, coarse) = (
            check_attribution(explain, model, given.images, given.labels, rough=other)
            for other in (None, rough)
        )
        for one, other in zip(fine, coarse, strict=True):
            assert one.depends_on_model
            assert other.depends_on_model
            assert one.curves.gain == other.curves.gain
