"""A few images step by step through the input contract, for the report.

B images, H height, W width, C channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nunbit.data.augment import Augmentation
from nunbit.data.dataset import Dataset
from nunbit.data.decoding import as_stored
from nunbit.errors import DataError, UnusableImage
from nunbit.pipelines.evaluation.attributes import MODES
from nunbit.reports.kit.pictures import MAX_SIDE, OriginalGetter
from nunbit.reports.run.preprocessing_steps import Example, Step, Strip
from nunbit.seeds import Purpose, rng_for, torch_rng_for
from nunbit.types import ImageFacts, Part

IMAGES = 4
DRAWS = 3
"""Draws of the augmentation, for each image."""
_ODD: tuple[Callable[[ImageFacts], bool], ...] = (
    lambda fact: fact.rotated,
    lambda fact: fact.transparent,
    lambda fact: fact.mode not in ("L", "RGB"),
    lambda fact: max(fact.width, fact.height) > 2 * min(fact.width, fact.height),
)
"""Oddities that are worth seeing on the way, where the data have them."""


def contract_strip(
    dataset: Dataset,
    originals: OriginalGetter,
    *,
    part: Part,
    augmentation: Augmentation | None,
    seed: int,
) -> Strip | None:
    """Some images of a part: odd ones first, then drawn; None where the part is empty.

    `augmentation` is shown where it changes anything; mixing with other images is only named. A
    file that has vanished since it was read costs its pictures, and says so.
    """
    rows = _choose(dataset, part, seed=seed)
    changes = augmentation is not None and bool(augmentation.operations)
    examples = []
    for row in rows:
        steps = [*_found(dataset, originals, row)]
        try:
            (canvas,) = dataset.pixels.stream([np.array([row], dtype=np.int64)])
        except DataError as error:  # of pixels that are decoded again at each use
            steps.append(Step(name="canvas", picture=None, caption=error.what))
        else:
            steps += _seen(dataset, canvas.permute(0, 3, 1, 2), augmentation, seed=seed + row)
        examples.append(Example(path=dataset.split.paths[row], steps=tuple(steps)))
    if not examples:
        return None
    return Strip(
        part={"train": "training"}.get(part, part),
        examples=tuple(examples),
        random_changes=_spoken(augmentation) if changes and augmentation is not None else "",
    )


def _choose(dataset: Dataset, part: Part, *, seed: int) -> list[int]:
    """Rows of the part: one for each oddity there is, the rest drawn from many classes."""
    order = rng_for(seed, Purpose.SAMPLE).permutation(dataset.split.indices(part)).tolist()
    facts = dataset.facts
    chosen: list[int] = []
    for is_odd in _ODD:
        fitting = (row for row in order if (fact := facts[row]) is not None and is_odd(fact))
        chosen += [row for row in [next(fitting, None)] if row is not None and row not in chosen]
    labels = dataset.labels
    while len(chosen) < min(IMAGES, len(order)):
        # The class that has been shown least so far.
        shown = Counter(labels[chosen].tolist())
        rest = (row for row in order if row not in chosen)
        chosen.append(min(rest, key=lambda row: shown[int(labels[row])]))
    return chosen[:IMAGES]


def _found(dataset: Dataset, originals: OriginalGetter, row: int) -> list[Step]:
    """The image as it is stored, and decoded where that differs for files."""
    images, fact = dataset.samples.images, dataset.facts[row]
    original = originals(row)
    if original.picture is None:
        return [Step(name="as stored", picture=None, caption=original.fault)]
    grey = original.picture.ndim == 2 or original.picture.shape[2] == 1
    size = f"{original.width} × {original.height}, {'grey' if grey else 'colour'}"
    if images.decoded or fact is None:
        return [Step(name="as stored", picture=original.picture, caption=f"{size}, array")]
    decoded = Step(name="decoded", picture=original.picture, caption=size)
    try:
        data = images.read(row)
        assert isinstance(data, bytes)
        stored, (width, height) = as_stored(data, longest=MAX_SIDE)
    except UnusableImage as error:
        return [Step(name="as stored", picture=None, caption=error.what), decoded]
    told = [f"{width} × {height}", fact.format, MODES.get(fact.mode, fact.mode)]
    told += ["to be turned"] if fact.rotated else []
    return [Step(name="as stored", picture=np.asarray(stored), caption=", ".join(told)), decoded]


def _seen(
    dataset: Dataset, pixels: Tensor, augmentation: Augmentation | None, *, seed: int
) -> list[Step]:
    """The canvas, uint8 [1, C, H, W], augmented, and what the network gets turned back."""
    contract = dataset.preprocess
    canvas = _picture(pixels)
    shape = (
        f"{contract.width} × {contract.height}, {'grey' if contract.channels == 1 else 'colour'}"
    )
    steps = [Step(name="canvas", picture=canvas, caption=f"{shape}, {contract.fit}")]
    if augmentation is not None and augmentation.operations:
        generator = torch_rng_for(seed, Purpose.AUGMENTATION)
        for draw in range(DRAWS):
            picture = _picture(augmentation(pixels, generator))
            steps.append(Step(name=f"augmented {draw + 1}", picture=picture))
    back = contract.denormalise(contract.normalise(pixels)).numpy()[0]
    apart = int(np.abs(back.astype(np.int16) - canvas).max())
    same = "the canvas exactly" if apart == 0 else f"{apart} of 255 grey levels from the canvas"
    steps.append(Step(name="normalised and back", picture=back, caption=same))
    return steps


def _picture(pixels: Tensor) -> NDArray[np.uint8]:
    """uint8 [1, C, H, W] as [H, W, C]."""
    return np.asarray(pixels[0].permute(1, 2, 0).contiguous().numpy())


def _spoken(augmentation: Augmentation) -> str:
    names = ", ".join(operation.name for operation in augmentation.operations)
    mixed = ", ".join(mixing.name for mixing in augmentation.mixing)
    words = f"Augmented as in training ({augmentation.name}: {names}), "
    words += "three times with new random numbers."
    return words + (f" Mixing with other images ({mixed}) is not shown." if mixed else "")
