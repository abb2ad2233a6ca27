"""Pillow's resize as an ONNX graph: a decoded picture of any size in, the canvas out, to the byte.

Pillow resizes in two passes, each along one axis. A pass computes for every output pixel the
weights of a window of input pixels in float64, rounds them to whole multiples of 2**-22, sums
whole numbers, and rounds to 8 bits (libImaging, Resample.c). The graph does the same. The sums
are those of 8-bit integer matrix products, which every runtime computes exactly: each weight is
cut into four pieces of six bits. They pass through a window of each output pixel only, so that
memory stays a small multiple of the picture's own.

h, w: the picture; H, W: the canvas; K: input pixels in a window; m: values beside each other.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from nunbit.data.preprocess import Preprocess
from nunbit.export.graph import DOUBLE, FLOAT, INT32, INT64, UINT8, Graph

_PRECISION = 22
"""Bits of a weight behind the point, Pillow's PRECISION_BITS for 8-bit pixels."""
_PIECE = 64
"""A weight is cut into pieces in base 64: the products of 6 and 8 bits overflow in no kernel."""
_PIECES = 4
_OFFSET = 32
"""Added to each piece, and taken off by the product's zero point: the highest may be negative."""
_SUPPORT = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}
"""Radius of each filter, in input pixels where the picture is not made smaller."""


def preprocess_graph(contract: Preprocess, *, pillow: tuple[int, ...]) -> onnx.ModelProto:
    """The canvas of a decoded picture, as `Preprocess.canvas_from_array` makes it.

    Input `picture`, uint8 [h, w, 3] of any size, grey repeated three times; output `canvas`,
    uint8 [H, W, C]. `pillow` is the version whose order of passes is followed: from 13 on, tall
    pictures are first made lower.
    """
    g = Graph()
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, ["height", "width", 3])
    shape = [contract.height, contract.width, contract.channels]
    canvas = helper.make_tensor_value_info("canvas", TensorProto.UINT8, shape)
    pixels = "picture" if contract.channels == 3 else _grey(g, "picture")
    result = _Resize(g, contract, pillow).canvas(pixels)
    return g.model("nunbit_preprocess", [picture], [(result, canvas)])


def _grey(g: Graph, picture: str) -> str:
    """Luma [h, w, 1] of a picture [h, w, 3], ITU-R 601-2 in 16 bits as Pillow has it.

    A grey picture, repeated three times, keeps its values: the weights add up to 65,536.
    """
    weights = g.constant(np.array([19595, 38470, 7471], dtype=np.int32))
    weighted = g.op("Mul", g.cast(picture, INT32), weights)
    total = g.op("ReduceSum", weighted, g.whole([2]), keepdims=1)
    half, whole = (g.constant(np.array(value, dtype=np.int32)) for value in (32768, 65536))
    return g.cast(g.op("Div", g.op("Add", total, half), whole), UINT8)


class _Resize:
    """The nodes that bring pixels [h, w, C] to the canvas of a contract."""

    def __init__(self, g: Graph, contract: Preprocess, pillow: tuple[int, ...]) -> None:
        self.g = g
        self.contract = contract
        self.vertical_first = pillow >= (13,)

    def canvas(self, pixels: str) -> str:
        """The pixels on the canvas, uint8 [H, W, C]."""
        g, contract = self.g, self.contract
        shape = g.op("Shape", pixels)
        height, width = (g.cast(g.op("Gather", shape, g.whole(axis)), DOUBLE) for axis in (0, 1))
        size = g.whole(contract.height), g.whole(contract.width)
        if contract.fit == "pad":
            return self._padded(pixels, height, width)
        boxes = self._crop(height, width) if contract.fit == "crop" else self._squash(height, width)
        return self._resized(pixels, boxes, size)

    def _crop(self, height: str, width: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """The window of PIL.ImageOps.fit: rows, then columns, float64 from and to."""
        g, contract = self.g, self.contract
        margin = (1 - contract.crop_share) / 2
        bleed = [g.op("Mul", g.real(margin), side) for side in (height, width)]
        live_h, live_w = (
            g.op("Sub", side, g.op("Mul", cut, g.real(2)))
            for side, cut in zip((height, width), bleed, strict=True)
        )
        ratio = g.real(contract.width / contract.height)
        live_ratio = g.op("Div", live_w, live_h)
        wide = g.op("GreaterOrEqual", live_ratio, ratio)
        same = g.op("Equal", live_ratio, ratio)
        crop_w = g.op("Where", wide, g.op("Mul", ratio, live_h), live_w)
        crop_h = g.op("Where", wide, live_h, g.op("Div", live_w, ratio))
        crop_w = g.op("Where", same, live_w, crop_w)
        windows = []
        for cut, live, crop in ((bleed[0], live_h, crop_h), (bleed[1], live_w, crop_w)):
            start = g.op("Add", cut, g.op("Mul", g.op("Sub", live, crop), g.real(0.5)))
            windows.append((start, g.op("Add", start, crop)))
        return windows[0], windows[1]

    def _squash(self, height: str, width: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """The middle of both sides: rows, then columns, float64 from and to."""
        g = self.g
        margin = g.real((1 - self.contract.crop_share) / 2)
        windows = []
        for side in (height, width):
            start = g.op("Mul", margin, side)
            windows.append((start, g.op("Sub", side, start)))
        return windows[0], windows[1]

    def _padded(self, pixels: str, height: str, width: str) -> str:
        """The whole picture within the canvas, the rest of it the background."""
        g, contract = self.g, self.contract
        scale = g.op(
            "Min",
            g.op("Div", g.real(contract.width), width),
            g.op("Div", g.real(contract.height), height),
        )
        within = []
        for side, most in ((height, contract.height), (width, contract.width)):
            rounded = g.cast(g.op("Round", g.op("Mul", side, scale)), INT64)
            within.append(g.op("Min", g.whole(most), g.op("Max", g.whole(1), rounded)))
        zero = g.real(0)
        resized = self._resized(pixels, ((zero, height), (zero, width)), (within[0], within[1]))
        sides = g.vector(*within)
        free = g.op("Sub", g.whole([contract.height, contract.width]), sides)
        before = g.op("Div", free, g.whole(2))
        after = g.op("Sub", free, before)
        pads = g.op("Concat", before, g.whole([0]), after, g.whole([0]), axis=0)
        fill = g.constant(np.array(contract.background, dtype=np.uint8))
        return g.op("Pad", resized, pads, fill, mode="constant")

    def _resized(
        self,
        pixels: str,
        box: tuple[tuple[str, str], tuple[str, str]],
        size: tuple[str, str],
    ) -> str:
        """A window of the pixels at another size, uint8 [size[0], size[1], C]."""
        g, channels = self.g, self.contract.channels
        # Pillow takes the window as float32.
        rows, columns = ((g.cast(a, FLOAT), g.cast(b, FLOAT)) for a, b in box)

        def down(g: Graph, pixels: str) -> str:
            return self._along(g, pixels, rows, size[0])

        def across(g: Graph, pixels: str) -> str:
            turned = g.op("Transpose", pixels, perm=[1, 0, 2])
            return g.op("Transpose", self._along(g, turned, columns, size[1]), perm=[1, 0, 2])

        if not self.vertical_first or self.contract.interpolation == "nearest":
            result = down(g, across(g, pixels))
        else:
            result = g.either(
                self._lower_first(pixels, size),
                lambda g: across(g, down(g, pixels)),
                lambda g: down(g, across(g, pixels)),
            )
        dims = g.op(
            "Concat",
            *(g.op("Unsqueeze", s, g.whole([0])) for s in size),
            g.whole([channels]),
            axis=0,
        )
        return g.op("Reshape", result, dims)

    def _lower_first(self, pixels: str, size: tuple[str, str]) -> str:
        """Tell whether Pillow, from version 13 on, makes the picture lower before narrower."""
        g = self.g
        shape = g.op("Shape", pixels)
        h, w = (g.op("Gather", shape, g.whole(axis)) for axis in (0, 1))
        lost_h, lost_w = g.op("Sub", h, size[0]), g.op("Sub", w, size[1])
        much = g.op("Greater", lost_h, g.op("Mul", lost_w, g.whole(2)))
        return g.op("And", much, g.op("Greater", lost_h, g.whole(0)))

    def _along(self, g: Graph, pixels: str, window: tuple[str, str], size: str) -> str:
        """The first axis of pixels [n, a, C] brought to `size`, uint8 [size, a, C]."""
        if self.contract.interpolation == "nearest":
            return _nearest(g, pixels, window, size)
        return _filtered(g, pixels, window, size, self.contract.interpolation)


def _nearest(g: Graph, pixels: str, window: tuple[str, str], size: str) -> str:
    """The pixels under the middle of each output pixel, found by adding up steps as Pillow does."""
    step = g.op("Div", g.cast(g.op("Sub", window[1], window[0]), DOUBLE), g.cast(size, DOUBLE))
    first = g.op("Add", g.cast(window[0], DOUBLE), g.op("Mul", step, g.real(0.5)))
    rest = g.op("Expand", step, g.vector(g.op("Sub", size, g.whole(1))))
    steps = g.op("Concat", g.op("Unsqueeze", first, g.whole([0])), rest, axis=0)
    places = g.cast(g.op("CumSum", steps, g.whole(0)), INT64)
    last = g.op("Sub", g.op("Gather", g.op("Shape", pixels), g.whole(0)), g.whole(1))
    return g.op("Gather", pixels, g.op("Min", places, last), axis=0)


def _filtered(g: Graph, pixels: str, window: tuple[str, str], size: str, name: str) -> str:
    """One pass of the antialiased resize along the first axis of pixels [n, a, C]."""
    shape = g.op("Shape", pixels)
    length = g.op("Gather", shape, g.whole(0))
    places, weights = _windows(g, length, window, size, name)
    rows = g.op("Reshape", pixels, g.whole([0, -1]))  # [n, m]
    taken = g.op("Gather", rows, places, axis=0)  # uint8 [size, K, m]
    zero = g.constant(np.array(_OFFSET, dtype=np.uint8))
    none = g.constant(np.array(0, dtype=np.uint8))
    sums = g.op("MatMulInteger", weights, taken, zero, none)  # int32 [size, pieces, m]
    place_values = np.array([_PIECE**i for i in range(_PIECES)], dtype=np.int64)[:, None]
    parts = g.op("Mul", g.cast(sums, INT64), g.constant(place_values))
    total = g.op("ReduceSum", parts, g.whole([1]), keepdims=0)
    rounded = g.op(
        "Div", g.op("Add", total, g.whole(1 << (_PRECISION - 1))), g.whole(1 << _PRECISION)
    )
    values = g.cast(g.op("Clip", rounded, g.whole(0), g.whole(255)), UINT8)
    dims = g.op(
        "Concat",
        g.op("Unsqueeze", size, g.whole([0])),
        g.op("Slice", shape, g.whole([1]), g.whole([3])),
        axis=0,
    )
    return g.op("Reshape", values, dims)


def _windows(
    g: Graph, length: str, window: tuple[str, str], size: str, name: str
) -> tuple[str, str]:
    """The input pixels of each output pixel, int64 [size, K], and their weights in pieces.

    The weights are uint8 [size, pieces, K].
    """
    scale = g.op("Div", g.cast(g.op("Sub", window[1], window[0]), DOUBLE), g.cast(size, DOUBLE))
    filter_scale = g.op("Max", scale, g.real(1))
    support = g.op("Mul", g.real(_SUPPORT[name]), filter_scale)
    number = g.op("Range", g.whole(0), size, g.whole(1))
    middle = g.op("Mul", g.op("Add", g.cast(number, DOUBLE), g.real(0.5)), scale)
    center = g.op("Unsqueeze", g.op("Add", g.cast(window[0], DOUBLE), middle), g.whole([1]))
    half = g.real(0.5)
    first = g.cast(g.op("Add", g.op("Sub", center, support), half), INT64)
    first = g.op("Max", first, g.whole(0))
    end = g.cast(g.op("Add", g.op("Add", center, support), half), INT64)
    end = g.op("Min", end, length)
    reach = g.cast(g.op("Ceil", support), INT64)
    taps = g.op("Add", g.op("Mul", reach, g.whole(2)), g.whole(1))
    places = g.op("Add", first, g.op("Range", g.whole(0), taps, g.whole(1)))  # [size, K]
    offset = g.op("Add", g.op("Sub", g.cast(places, DOUBLE), center), half)
    inside = g.op("Less", places, end)
    weight = _filter(g, g.op("Mul", offset, g.op("Div", g.real(1), filter_scale)), name)
    weight = g.op("Where", inside, weight, g.real(0))
    weight = g.op("Div", weight, g.op("ReduceSum", weight, g.whole([1]), keepdims=1))
    weight = g.op("Mul", weight, g.real(1 << _PRECISION))
    # Rounded half away from zero: a cast cuts off what stands behind the point.
    away = g.op("Where", g.op("Less", weight, g.real(0)), g.real(-0.5), half)
    whole = g.cast(g.op("Add", weight, away), INT64)
    last = g.op("Sub", length, g.whole(1))
    return g.op("Min", places, last), _pieces(g, whole)


def _pieces(g: Graph, weights: str) -> str:
    """Whole weights, int64 [size, K], as digits in base 64, lowest first, uint8 [size, 4, K]."""
    base, pieces = g.whole(_PIECE), []
    for _ in range(_PIECES - 1):
        piece = g.op("Mod", weights, base)
        pieces.append(piece)
        weights = g.op("Div", g.op("Sub", weights, piece), base)
    pieces.append(weights)
    stacked = g.op("Concat", *(g.op("Unsqueeze", p, g.whole([1])) for p in pieces), axis=1)
    return g.cast(g.op("Add", stacked, g.whole(_OFFSET)), UINT8)


def _filter(g: Graph, x: str, name: str) -> str:
    """Pillow's filter at a distance, in multiples of an output pixel."""
    x = g.op("Abs", x)
    zero = g.real(0)

    def below(limit: float) -> str:
        return g.op("Less", x, g.real(limit))

    if name == "bilinear":
        return g.op("Where", below(1), g.op("Sub", g.real(1), x), zero)
    if name == "bicubic":
        a = -0.5
        near = g.op("Sub", g.op("Mul", g.real(a + 2), x), g.real(a + 3))
        near = g.op("Add", g.op("Mul", g.op("Mul", near, x), x), g.real(1))
        far = g.op("Add", g.op("Mul", g.op("Sub", x, g.real(5)), x), g.real(8))
        far = g.op("Mul", g.op("Sub", g.op("Mul", far, x), g.real(4)), g.real(a))
        return g.op("Where", below(1), near, g.op("Where", below(2), far, zero))
    value = g.op("Mul", _sinc(g, x), _sinc(g, g.op("Div", x, g.real(3))))
    return g.op("Where", below(3), value, zero)


def _sinc(g: Graph, x: str) -> str:
    """sin(pi x) / (pi x), 1 at 0."""
    angle = g.op("Mul", x, g.real(math.pi))
    at_zero = g.op("Equal", angle, g.real(0))
    safe = g.op("Where", at_zero, g.real(1), angle)
    return g.op("Where", at_zero, g.real(1), g.op("Div", g.op("Sin", safe), safe))
