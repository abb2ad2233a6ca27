"""Images much smaller than the others, and of a very different shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import finding_of_images
from nunbit.checks.finding import Finding
from nunbit.data.inspect import Inspection
from nunbit.types import Samples

TINY = 3
"""So many times an image must be enlarged, and is smaller than the median image."""
LONG = 3
"""So many times wider or narrower than the input is; cropping then keeps less than a third."""


class ImageSizes(Check):
    """Sizes and shapes of the files as they are stored."""

    name = "image-sizes"
    needs = "metadata"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `sizes`."""
        return sizes(
            context.samples, context.inspection, context.reasons, input_size=context.input_size
        )


def sizes(
    samples: Samples,
    inspection: Inspection,
    reasons: Sequence[str],
    *,
    input_size: tuple[int, int] | None,
) -> Iterator[Finding]:
    """Findings about the sizes of files; arrays are all of one size.

    `reasons` is [N]; `input_size` is the network's (height, width), None takes the median image.
    """
    if samples.images.decoded:
        return
    rows = [i for i, fact in enumerate(inspection.facts) if fact is not None and not reasons[i]]
    if not rows:
        return
    facts = [fact for fact in (inspection.facts[i] for i in rows) if fact is not None]
    size = np.array([(fact.height, fact.width) for fact in facts], dtype=np.float64)
    median = np.median(size, axis=0)
    target = np.array(input_size or median, dtype=np.float64)
    tiny = (TINY * size <= np.minimum(target, median)).all(axis=1)
    if tiny.any():
        yield _tiny(samples, [rows[i] for i in np.flatnonzero(tiny)], target, median)
    shape = np.log((size[:, 1] / size[:, 0]) / (target[1] / target[0]))
    long = np.abs(shape) >= np.log(LONG)
    if long.any():
        order = np.argsort(-np.abs(shape[long]), kind="stable")
        yield _long(samples, [rows[i] for i in np.flatnonzero(long)[order]], len(rows), target)


def _tiny(
    samples: Samples,
    rows: list[int],
    target: np.ndarray[tuple[int], np.dtype[np.float64]],
    median: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Finding:
    return finding_of_images(
        samples,
        rows,
        kind="tiny-images",
        severity="note",
        title=f"{len(rows):,} {'image is' if len(rows) == 1 else 'images are'} tiny: {TINY} times "
        "or more below the usual size and the input",
        why=f"Enlarged to {target[0]:.0f} × {target[1]:.0f} pixels they are blurred, and the "
        f"network may take the blur for a sign of their class (the median image has "
        f"{median[0]:.0f} × {median[1]:.0f} pixels, height × width).",
        remedy="Look for the originals (thumbnails, icons?), or leave them out.",
    )


def _long(
    samples: Samples,
    rows: list[int],
    considered: int,
    target: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Finding:
    many = 2 * len(rows) > considered
    return finding_of_images(
        samples,
        rows,
        kind="extreme-aspect-ratio",
        severity="warning" if many else "note",
        title=f"{len(rows):,} of {considered:,} images "
        f"{'is' if len(rows) == 1 else 'are'} {LONG} times or more wider or narrower than the "
        "input",
        why=f"The input has {target[0]:.0f} × {target[1]:.0f} pixels (height × width): cropping "
        "keeps less than a third of such an image, squashing distorts it, padding leaves it small.",
        remedy="Cut them to what matters, or choose another shape: "
        "--set pixels.image_size=[height,width], and pixels.fit.",
    )
