"""The graph's canvases are Pillow's, byte for byte: Pillow itself is the truth."""

from __future__ import annotations

from itertools import product

import numpy as np
import onnx
import onnxruntime
import PIL
import pytest
from numpy.typing import NDArray

from nunbit.data.preprocess import Preprocess
from nunbit.export.resize import preprocess_graph

PILLOW = tuple(int(part) for part in PIL.__version__.split(".")[:2])
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos")
FITS = (("crop", 1.0), ("crop", 0.875), ("squash", 1.0), ("squash", 0.7), ("pad", 1.0))


def contract(**changes: object) -> Preprocess:
    channels = changes.get("channels", 3)
    assert isinstance(channels, int)
    values = {
        "height": 32,
        "width": 32,
        "channels": channels,
        "mean": (0.0,) * channels,
        "std": (1.0,) * channels,
        **changes,
    }
    return Preprocess(**values)  # type: ignore[arg-type]


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def pictures(wanted: Preprocess) -> list[NDArray[np.uint8]]:
    """Noise, whose every value counts, and edges that reach both ends of the range."""
    rng = np.random.default_rng(3)
    sizes = [
        (wanted.height, wanted.width),
        (wanted.width, wanted.height),
        (1, 1),
        (7, 500),
        (500, 7),
        (31, 33),
        *(tuple(rng.integers(2, 400, size=2)) for _ in range(4)),
    ]
    made = []
    for number, (height, width) in enumerate(sizes):
        channels = 1 if number % 3 == 2 else 3
        values = rng.integers(0, 256, size=(height, width, channels))
        if number % 2:
            values = (values > 127) * 255
        made.append(values.astype(np.uint8))
    return made


@pytest.mark.parametrize(("fit", "share"), FITS)
@pytest.mark.parametrize("interpolation", FILTERS)
def test_canvases_are_pillows_to_the_byte(fit: str, share: float, interpolation: str) -> None:
    for (height, width), channels in product(((32, 32), (33, 90), (64, 17)), (1, 3)):
        wanted = contract(
            height=height,
            width=width,
            channels=channels,
            fit=fit,
            crop_share=share,
            interpolation=interpolation,
            background=200,
        )
        run = session(preprocess_graph(wanted, pillow=PILLOW))
        for picture in pictures(wanted):
            given = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
            (canvas,) = run.run(None, {"picture": given})
            assert np.array_equal(canvas, wanted.canvas_from_array(picture)), picture.shape


def test_a_photograph_of_twelve_megapixels_takes_a_small_multiple_of_its_own_memory() -> None:
    """The graph never holds a picture in more than 8 bits beside each window's sums."""
    graph = preprocess_graph(contract(height=224, width=224), pillow=(12,))  # without branches
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True)
    wide = {onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT}
    for value in inferred.graph.value_info:
        kind = value.type.tensor_type
        if kind.elem_type in wide:
            # Weights of windows are matrices; nothing of three axes is a floating-point number.
            assert len(kind.shape.dim) <= 2, value.name


def test_no_path_of_this_machine_is_in_it() -> None:
    assert b"/" not in preprocess_graph(contract(), pillow=PILLOW).SerializeToString()
