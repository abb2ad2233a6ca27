"""Network and input contract of a configuration, with what must be measured of the images first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nunbit.config import Config
from nunbit.config.resolve import resolve_model_and_input
from nunbit.config.resolved import ModelAndInput
from nunbit.data.inspect import Inspection
from nunbit.data.value_range import MeasuredRange, measure_range
from nunbit.types import Samples


def choose_model_and_input(
    config: Config,
    samples: Samples,
    inspection: Inspection,
    *,
    device_type: str,
    rows: Sequence[int] | NDArray[np.int64] | None = None,
) -> ModelAndInput:
    """Decide on network and input contract; see `resolve_model_and_input` for what it raises.

    `rows` are the training images; None before the split: all that the data do not give to another
    part.
    """
    measured = measured_range(config, samples, inspection, rows=rows)
    return resolve_model_and_input(config, inspection, device_type=device_type, measured=measured)


def measured_range(
    config: Config,
    samples: Samples,
    inspection: Inspection,
    *,
    rows: Sequence[int] | NDArray[np.int64] | None,
) -> MeasuredRange | None:
    """The range that the training images of more than 8 bits use; None where nothing asks for it.

    Nothing is decoded for it where all images have 8 bits.
    """
    if config.pixels.range != "auto" or samples.images.decoded:
        return None
    if rows is None:
        rows = [row for row, part in enumerate(samples.parts) if part in ("", "train")]
    facts = [
        None if reason else fact
        for fact, reason in zip(inspection.facts, inspection.reasons, strict=True)
    ]
    return measure_range(
        samples.images,
        facts,
        rows,
        max_pixels=config.pixels.max_pixels,
        frame=config.pixels.frame,
    )
