"""What the gallery shows is what the operations do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nunbit.data.augment import MIXINGS, PRESETS, Augmentation, CutMix, MixUp
from nunbit.data.augment.flips_and_shifts import HorizontalFlip, Shift
from nunbit.data.augment.photometric import BrightnessRange
from nunbit.reports.augmentation.gallery import Pictures, panels, spoken_shares

CLASSES = ("ant", "bee", "cat")


def pictures(n: int = 3, channels: int = 3) -> Pictures:
    """Each of one level, with a bright left half."""
    canvases = np.full((n, 6, 8, channels), 100, dtype=np.uint8)
    canvases[:, :, :4] = 200 + 10 * np.arange(n, dtype=np.uint8)[:, None, None, None]
    return Pictures(
        dataset="insects",
        canvases=canvases,
        paths=tuple(f"{i}.png" for i in range(n)),
        labels=np.arange(n) % 3,
        classes=CLASSES,
    )


def augmentation(*operations, mixing=()) -> Augmentation:
    return Augmentation(name="mine", assumption="", operations=operations, mixing=mixing)


def test_an_operation_alone_happens_to_every_picture_and_the_whole_as_often_as_it_says() -> None:
    rare = HorizontalFlip(probability=0.01)
    flip, whole = panels(augmentation(rare), pictures(), results=4, seed=0, whole=True)
    canvases = pictures().canvases
    assert flip.step is rare
    assert flip.certain
    assert np.array_equal(flip.results, np.repeat(canvases[:, None, :, ::-1], 4, axis=1))
    assert whole.step is None
    assert np.array_equal(whole.results, np.repeat(canvases[:, None], 4, axis=1))


def test_results_belong_to_their_originals_and_differ() -> None:
    change = BrightnessRange(factor=(0.5, 0.9))
    (panel,) = panels(augmentation(change), pictures(5), results=5, seed=0, whole=False)
    assert panel.results.shape == (5, 5, 6, 8, 3)
    assert not panel.certain
    for number, original in enumerate(pictures(5).canvases):
        factors = panel.results[number] / original
        assert np.ptp(factors, axis=(1, 2, 3)).max() < 0.011
        assert 0.48 < factors.min() <= factors.max() < 0.9


def test_the_whole_follows_the_operations_in_turn() -> None:
    steps = (HorizontalFlip(probability=1.0), BrightnessRange(factor=(0, 0)))
    *_, whole = panels(augmentation(*steps), pictures(), results=2, seed=0, whole=True)
    assert (whole.results == 0).all()


@pytest.mark.parametrize("kind", MIXINGS.values())
def test_mixed_pictures_come_with_the_shares_of_their_target(kind: type) -> None:
    black_or_white = np.zeros((8, 16, 16, 1), dtype=np.uint8)
    black_or_white[4:] = 255
    shown = Pictures(
        dataset="",
        canvases=black_or_white,
        paths=tuple(map(str, range(8))),
        labels=np.array([0] * 4 + [1] * 4),
        classes=("black", "white"),
    )
    (panel,) = panels(augmentation(mixing=(kind(),)), shown, results=6, seed=3, whole=False)
    assert panel.shares is not None
    white = panel.results.mean(axis=(2, 3, 4)) / 255
    assert np.abs(white - panel.shares[:, :, 1]).max() < 0.003
    assert ((white > 0.05) & (white < 0.95)).any()


def test_without_mixing_there_are_no_shares() -> None:
    for panel in panels(PRESETS["photos"], pictures(), results=2, seed=0, whole=True):
        assert panel.shares is None


def test_the_seed_alone_decides() -> None:
    def made(seed: int, global_seed: int) -> list[np.ndarray]:
        torch.manual_seed(global_seed)
        mine = augmentation(Shift(fraction=0.5), mixing=(MixUp(), CutMix()))
        return [
            panel.results for panel in panels(mine, pictures(), results=3, seed=seed, whole=True)
        ]

    first, again, other = made(1, 0), made(1, 9), made(2, 0)
    assert len(first) == 4
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_shares_are_spoken_largest_first() -> None:
    shares = np.array([0.3, 0.7, 0.0], dtype=np.float32)
    assert spoken_shares(shares, CLASSES) == "70\N{NO-BREAK SPACE}% bee, 30\N{NO-BREAK SPACE}% ant"
    certain = np.array([0.0, 0.002, 0.998], dtype=np.float32)
    assert spoken_shares(certain, CLASSES) == "100\N{NO-BREAK SPACE}% cat"


def test_pictures_that_do_not_fit_together_are_refused() -> None:
    some = pictures()
    with pytest.raises(ValueError, match="different lengths"):
        Pictures(dataset="", canvases=some.canvases, paths=(), labels=some.labels, classes=CLASSES)
    with pytest.raises(ValueError, match="no pictures"):
        Pictures(
            dataset="",
            canvases=some.canvases[:0],
            paths=(),
            labels=some.labels[:0],
            classes=CLASSES,
        )
