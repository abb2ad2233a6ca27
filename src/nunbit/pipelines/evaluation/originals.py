"""Images as they were found, for the few that a page shows beside what the network saw."""

from __future__ import annotations

import hashlib

import numpy as np

from nunbit.data.decoding import decode
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.errors import UnusableImage
from nunbit.reports.kit.pictures import MAX_SIDE
from nunbit.reports.run.inputs import Original, OriginalGetter
from nunbit.types import Samples


def originals_of(
    samples: Samples, inspection: Inspection, preprocess: Preprocess
) -> OriginalGetter:
    """A getter that reads an image only when it is asked for it.

    A file that has vanished, cannot be read any more or has changed since the run read it gives a
    fault in place of a picture. Only the contract's limit of pixels and its background matter
    here: rotation and transparency are resolved as for the network, size and colour left alone.
    """
    images = samples.images

    def original(row: int) -> Original:
        try:
            content = images.read(row)
            if isinstance(content, np.ndarray):
                return Original(picture=content, height=content.shape[0], width=content.shape[1])
            if hashlib.sha256(content).hexdigest() != inspection.sha256[row]:
                return Original(fault="the file has changed since the run read it")
            picture = decode(
                content,
                max_pixels=preprocess.max_pixels,
                background=preprocess.background,
                enough=(MAX_SIDE, MAX_SIDE),
            )
        except UnusableImage as error:
            return Original(fault=error.what)
        facts = inspection.facts[row]
        height, width = (
            (picture.height, picture.width) if facts is None else (facts.height, facts.width)
        )
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        return Original(picture=np.asarray(picture), height=height, width=width)

    return original
