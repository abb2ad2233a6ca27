from __future__ import annotations

import pytest

from nunbit.models import choose_model, create_model


@pytest.mark.parametrize(
    ("size", "device", "n_train", "expected", "words"),
    [
        ((28, 28), "cpu", 60_000, ("smallcnn", 28, 28), "at full size"),
        ((8, 8), "cuda", 1_000, ("smallcnn", 16, 16), "enlarged"),
        ((64, 48), "cuda", 1_000, ("smallcnn", 64, 48), "colour images of 64 × 48"),
        ((480, 640), "cpu", 50_000, ("patchcnn", 96, 96), "on a CPU"),
        ((480, 640), "cuda", 50_000, ("resnet18", 224, 224), "50,000 training images"),
        ((480, 640), "cuda", 300, ("patchcnn", 96, 96), "300 training images are few"),
    ],
)
def test_choice(
    size: tuple[int, int], device: str, n_train: int, expected: tuple[str, int, int], words: str
) -> None:
    choice = choose_model(
        height=size[0],
        width=size[1],
        same_size=True,
        channels=3,
        n_train=n_train,
        device_type=device,
    )
    assert (choice.name, choice.height, choice.width) == expected
    assert words in choice.reason
    create_model(choice.name, classes=2, channels=3, height=choice.height, width=choice.width)


def test_large_images_are_told_how_to_see_more() -> None:
    choice = choose_model(
        height=300, width=400, same_size=False, channels=1, n_train=10, device_type="cpu"
    )
    assert "about 300 × 400" in choice.reason
    assert "--model resnet18" in choice.reason
