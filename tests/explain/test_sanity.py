"""The checks of maps: what they flag, what they pass, and how often chance passes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import auc
from torch import Tensor, nn

from nunbit.explain import deletion_insertion as removal
from nunbit.explain.attribution import METHODS, Explainer, Maps, Method, explainer
from nunbit.explain.deletion_insertion import (
    PASSES,
    PASSES_OF_A_MAP,
    Curves,
    blurred,
    cells_of,
    curves_of,
    random_reference,
)
from nunbit.explain.sanity import Checks, Reference, check_attribution, rank_correlation
from nunbit.explain.verdict import crossing, verdict
from tests.explain.trained import trained_network, unseen

COUNT = 5


@pytest.fixture(scope="module")
def reference() -> Reference:
    given = unseen(COUNT)
    return random_reference(trained_network(), given.images, given.labels)


def checked(explain: Explainer, reference: Reference) -> tuple[Checks, ...]:
    given = unseen(COUNT)
    return check_attribution(
        explain, trained_network(), given.images, given.labels, reference=reference
    )


def edges(_: nn.Module, images: Tensor, __: Tensor) -> Maps:
    """A detector of edges: beautiful maps that know of no model (Adebayo et al. 2018)."""
    down = images.diff(dim=2, append=images[:, :, -1:])
    right = images.diff(dim=3, append=images[..., -1:])
    return (down**2 + right**2).sum(dim=1).sqrt().numpy()


def opposite(model: nn.Module, images: Tensor, targets: Tensor) -> Maps:
    return -explainer("integrated-gradients")(model, images, targets)


@pytest.mark.parametrize("method", ["grad-cam", "integrated-gradients", "occlusion"])
def test_maps_of_a_trained_network_pass(method: Method, reference: Reference) -> None:
    checks = checked(explainer(method), reference)
    assert all(check.depends_on_model for check in checks)
    assert sum(check.trusted for check in checks) >= COUNT - 1
    best = max(checks, key=lambda check: check.curves.gain)
    assert best.verdict.startswith("The map points to pixels that matter: removing them first")
    assert "10 random orders after" in best.verdict
    assert "with all weights randomized, another map comes out" in best.verdict


def test_a_detector_of_edges_is_flagged_although_its_pixels_matter(reference: Reference) -> None:
    found = checked(edges, reference)
    for check in found:
        assert check.similarity["all layers"] == pytest.approx(1)
        assert not check.depends_on_model
        assert not check.trusted
        assert check.verdict.startswith("Do not trust this map: with all weights of the network")
        assert "(rank correlation 1.00)" in check.verdict
        assert ("Its pixels do matter" in check.verdict) == check.beats_random
    assert sum(check.beats_random for check in found) >= 3


def test_a_map_of_the_opposite_is_flagged_although_it_depends_on_the_model(
    reference: Reference,
) -> None:
    for check in checked(opposite, reference):
        assert check.depends_on_model
        assert check.curves.gain < 0
        assert not check.trusted
        assert "Do not trust this map: it is not clearly better than a random" in check.verdict


def test_an_empty_map_is_flagged(reference: Reference) -> None:
    def empty(_: nn.Module, images: Tensor, __: Tensor) -> Maps:
        return np.zeros((len(images), 28, 28), dtype=np.float32)

    for check in checked(empty, reference):
        assert not check.trusted
        assert not check.depends_on_model
        assert check.verdict.startswith("The map is empty")


def test_an_improbable_class_is_said_to_be() -> None:
    given, model = unseen(COUNT), trained_network()
    others = (given.labels + 1) % 4
    first = check_attribution(explainer("gradients"), model, given.images[:1], others[:1])[0]
    assert first.curves.deletion[0] < 0.05
    assert "only: there is little to take away" in first.verdict


def test_random_maps_rarely_pass() -> None:
    """The limit is made to be exceeded by one random map in forty."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 3))
    generator = torch.Generator().manual_seed(0)
    images = 2 * torch.randn(240, 1, 8, 8, generator=generator)
    targets = model(images).argmax(dim=1)
    maps = torch.rand(240, 8, 8, generator=generator).numpy()
    passed = 0
    for part in range(3):  # each with other random orders
        rows = slice(80 * part, 80 * (part + 1))
        reference = random_reference(model, images[rows], targets[rows], seed=part)
        curves = curves_of(model, images[rows], targets[rows], maps[rows], reference=reference)
        passed += sum(curve.gain > curve.gain_needed for curve in curves)
    assert 1 <= passed <= 14  # 6 are expected


def test_curves_are_a_plain_loop(reference: Reference) -> None:
    given, model = unseen(COUNT), trained_network()
    maps = explainer("integrated-gradients")(model, given.images, given.labels)
    curves = curves_of(model, given.images, given.labels, maps, reference=reference)[2]
    image, label = given.images[2], int(given.labels[2])
    cells = cells_of(28, 28)
    means = [maps[2][cells == cell].mean() for cell in range(cells.max() + 1)]
    order = np.argsort(means)[::-1]
    for i, share in enumerate(curves.shares):
        first = torch.from_numpy(np.isin(cells, order[: round(share * len(order))]))
        gone, come = torch.where(first, 0.0, image), torch.where(first, image, blurred(image))
        with torch.no_grad():
            probabilities = model(torch.stack([gone, come])).softmax(dim=1)[:, label]
        assert curves.deletion[i] == pytest.approx(float(probabilities[0]), abs=1e-5)
        assert curves.insertion[i] == pytest.approx(float(probabilities[1]), abs=1e-5)
    assert curves.shares[0] == 0
    assert curves.shares[-1] == 1
    assert curves.insertion[-1] == pytest.approx(curves.deletion[0])
    area = auc(curves.shares, curves.insertion) - auc(curves.shares, curves.deletion)
    assert curves.area == pytest.approx(area)
    assert curves.gain == pytest.approx(area - np.mean(curves.random_areas))


def test_random_orders_are_prediction_limits_of_students_t(reference: Reference) -> None:
    given, model = unseen(COUNT), trained_network()
    maps = edges(model, given.images, given.labels)
    curve = curves_of(model, given.images, given.labels, maps, reference=reference)[0]
    areas = curve.random_areas
    assert len(areas) == 10
    assert len(np.unique(areas)) == 10
    spread = np.sqrt(np.sum((areas - areas.mean()) ** 2) / 9)
    assert curve.gain_needed == pytest.approx(2.2621572 * spread * np.sqrt(11 / 10), rel=1e-6)


def test_temperature_and_baseline_are_followed() -> None:
    given, model = unseen(COUNT), trained_network()
    baseline = torch.full_like(given.images[0], 3.0)
    found = random_reference(
        model, given.images[:2], given.labels[:2], baseline=baseline, temperature=4.0
    )
    with torch.no_grad():
        sure = (model(given.images[:2]) / 4).softmax(dim=1)
        emptied = (model(baseline[None]) / 4).softmax(dim=1)[0]
    rows = given.labels[:2]
    np.testing.assert_allclose(found.deletion[:, 3, 0], sure.gather(1, rows[:, None])[:, 0], 1e-5)
    np.testing.assert_allclose(found.deletion[:, 3, -1], emptied[rows], 1e-5)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (28, 28), (224, 224), (32, 50), (3, 1)])
def test_cells_cover_the_image_in_squares(height: int, width: int) -> None:
    cells = cells_of(height, width)
    assert cells.shape == (height, width)
    assert set(cells.ravel()) == set(range(cells.max() + 1))
    assert cells.max() < 14 * 14
    assert cells[0, 0] == 0
    for cell in range(cells.max() + 1):
        rows, columns = np.nonzero(cells == cell)
        assert len(rows) == np.ptp(rows) * np.ptp(columns) + np.ptp(rows) + np.ptp(columns) + 1


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (28, 40)])
def test_a_blurred_image_keeps_its_size_and_little_else(size: tuple[int, int]) -> None:
    image = torch.randn(3, *size, generator=torch.Generator().manual_seed(0))
    smooth = blurred(image)
    assert smooth.shape == image.shape
    if min(size) >= 8:
        assert smooth.std() < 0.4 * image.std()
        torch.testing.assert_close(smooth.mean(), image.mean(), atol=0.05, rtol=0)


class Counting(nn.Module):
    """Counts the images that it is asked of."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.seen = 0

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return self.model(images)


def test_passes_are_as_stated() -> None:
    given, model = unseen(COUNT), Counting(trained_network())
    reference = random_reference(model, given.images, given.labels)
    assert model.seen == COUNT * PASSES
    model.seen = 0
    maps = edges(model, given.images, given.labels)
    curves_of(model, given.images, given.labels, maps, reference=reference)
    assert model.seen == COUNT * PASSES_OF_A_MAP


def test_the_model_is_not_changed_and_the_same_seed_gives_the_same_checks(
    reference: Reference,
) -> None:
    before = copy.deepcopy(trained_network().state_dict())
    state = torch.get_rng_state()
    first = checked(explainer("gradients"), reference)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in trained_network().state_dict().items():
        assert torch.equal(value, before[name]), name
    second = checked(explainer("gradients"), reference)
    assert [check.similarity for check in first] == [check.similarity for check in second]
    assert [check.verdict for check in first] == [check.verdict for check in second]


def test_maps_made_before_are_not_made_again(reference: Reference) -> None:
    given, model, asked = unseen(COUNT), trained_network(), []

    def counted(of: nn.Module, images: Tensor, targets: Tensor) -> Maps:
        asked.append(of)
        return explainer("gradients")(of, images, targets)

    maps = explainer("gradients")(model, given.images, given.labels)
    check_attribution(counted, model, given.images, given.labels, maps=maps, reference=reference)
    assert len(asked) == 5
    assert all(of is not model for of in asked)


def test_maps_and_references_of_other_images_are_refused(reference: Reference) -> None:
    given, model = unseen(COUNT), trained_network()
    two, labels = given.images[:2], given.labels[:2]
    maps = edges(model, two, labels)
    with pytest.raises(ValueError, match="the reference is of 5 images, not 2"):
        curves_of(model, two, labels, maps, reference=reference)
    with pytest.raises(ValueError, match=r"of the images' size, not \[2, 27, 28\]"):
        check_attribution(edges, model, two, labels, maps=maps[:, 1:])


def test_rank_correlation_is_spearmans() -> None:
    generator = np.random.default_rng(0)
    one = generator.integers(0, 9, (3, 6, 7)).astype(np.float32)
    other = (one + generator.normal(0, 3, one.shape)).astype(np.float32)
    other[2] = 1
    found = rank_correlation(one, other)
    for i in range(2):
        expected = spearmanr(one[i].ravel(), other[i].ravel()).statistic
        assert found[i] == pytest.approx(expected)
    assert found[2] == 0
    other[1, 0, 0] = np.nan
    assert rank_correlation(one, other)[1] == 0


def test_crossings_lie_between_points() -> None:
    shares = np.array([0, 0.5, 1])
    assert crossing(np.array([0, 0.2, 1.0]), shares, 0.6) == pytest.approx(0.75)
    assert crossing(np.array([0, 0.2, 0.4]), shares, 0.6) == float("inf")
    assert crossing(np.array([0.7, 0.2, 0.4]), shares, 0.6) == 0


def hand_made(**changes: Any) -> Curves:
    falls = np.array([0.9, 0.1, 0.0])
    values = {
        "shares": np.array([0, 0.2, 1.0]),
        "deletion": falls,
        "insertion": falls[::-1],
        "random_deletion": np.array([[0.9, 0.7, 0.0], [0.9, 0.6, 0.0]]),
        "random_insertion": np.array([[0.0, 0.2, 0.9], [0.0, 0.3, 0.9]]),
    }
    return Curves(**{**values, **changes})


def test_verdicts_word_for_word() -> None:
    good = verdict(hand_made(), 0.03, empty=False, depends=True, beats_random=True)
    assert good == (
        "The map points to pixels that matter: removing them first halves the probability after "
        "11 % of the pixels, 2 random orders after 40 to 49 %. It shows what the network learned: "
        "with all weights randomized, another map comes out (rank correlation 0.03)."
    )
    never = np.array([[0.9, 0.8, 0.6], [0.9, 0.6, 0.0]])
    text = verdict(
        hand_made(random_deletion=never), 0.0, empty=False, depends=True, beats_random=True
    )
    assert "2 random orders after 40 %, or never." in text
    late = hand_made(deletion=np.array([0.9, 0.85, 0.0]), insertion=np.array([0.0, 0.1, 0.9]))
    bad = verdict(late, 0.1, empty=False, depends=True, beats_random=False)
    assert bad == (
        "Do not trust this map: it is not clearly better than a random order: removing them first "
        "halves the probability after 58 % of the pixels, 2 random orders after 40 to 49 %."
    )
    both = verdict(late, 0.9, empty=False, depends=False, beats_random=False)
    assert "(rank correlation 0.90)" in both
    assert "It is not clearly better than a random order" in both
    # Neither curve reaches half: the areas speak.
    high = np.array([0.9, 0.8, 0.7])
    flat = hand_made(
        deletion=high, insertion=high,
        random_deletion=np.stack([high, high]), random_insertion=np.stack([high, high]),
    )  # fmt: skip
    text = verdict(flat, 0.1, empty=False, depends=True, beats_random=False)
    assert "lies an area of 0.00, of 2 random orders 0.00 to 0.00" in text


def test_every_method_can_be_checked_on_a_network_of_one_layer() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for method in METHODS:
        if method == "grad-cam":
            continue
        (check, _) = check_attribution(explainer(method), model, images, torch.tensor([0, 1]))
        assert list(check.similarity) == ["all layers"]
    assert removal.CELLS == 14
