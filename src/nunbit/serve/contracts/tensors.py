"""Tensors of the Open Inference Protocol, in JSON and in Triton's binary form.

A request's JSON may be followed by the bytes of its inputs; the header
Inference-Header-Content-Length then says where it ends. Text of variable length is written as four
bytes of length, little-endian, and its bytes. N pictures, H height, W width, C channels.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.serve.problems import Problem, malformed

HEADER = "inference-header-content-length"
_BINARY_SIZE = "binary_data_size"


def split_body(body: bytes, stated: str | None) -> tuple[bytes, memoryview]:
    """The JSON of a body, and the tensors behind it. Raises Problem."""
    if stated is None:
        return body, memoryview(b"")
    if not stated.isdecimal() or len(stated) > 12 or int(stated) > len(body):
        raise malformed(
            "Inference-Header-Content-Length is not the length of a beginning of the body",
            "give the number of bytes of the JSON",
        )
    return body[: int(stated)], memoryview(body)[int(stated) :]


def shape_of(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of an input. Raises Problem."""
    shape = tensor.get("shape")
    whole = isinstance(shape, list) and all(type(n) is int and 0 <= n < 2**31 for n in shape)
    if not whole:
        raise malformed("the input's `shape` is not a list of whole numbers", "such as [1]")
    return tuple(shape)  # type: ignore[arg-type]


def binary_part(tensor: Mapping[str, Any], tensors: memoryview) -> memoryview | None:
    """The bytes behind the JSON that hold the only input; None where the JSON holds it."""
    parameters = tensor.get("parameters") or {}
    size = parameters.get(_BINARY_SIZE) if isinstance(parameters, dict) else None
    if size is None:
        return None
    if type(size) is not int or size != len(tensors):
        raise malformed(
            f"{_BINARY_SIZE} is {size!r}, and {len(tensors)} bytes follow the JSON",
            "give the number of bytes of the input",
        )
    return tensors


def files_in(tensor: Mapping[str, Any], tensors: memoryview, *, count: int) -> list[bytes]:
    """Encoded files of a BYTES input, binary or as base64 in JSON. Raises Problem."""
    raw = binary_part(tensor, tensors)
    files = _of_base64(tensor.get("data")) if raw is None else _of_binary(raw)
    if len(files) != count:
        raise malformed(
            f"the input's shape says {count} files, and it holds {len(files)}",
            "let shape and data agree",
        )
    return files


def canvases_in(
    tensor: Mapping[str, Any], tensors: memoryview, *, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Canvases of a UINT8 input, [N, H, W, C], binary or as numbers in JSON. Raises Problem."""
    raw = binary_part(tensor, tensors)
    size = int(np.prod(shape, dtype=np.int64))
    if raw is not None:
        values = np.frombuffer(raw, dtype=np.uint8)
    else:
        try:
            given = np.asarray(tensor.get("data"))
        except ValueError:  # rows of several lengths
            given = np.empty(0)
        if given.dtype.kind not in "iu" or given.size == 0 or given.min() < 0 or given.max() > 255:
            raise malformed("`data` are not whole numbers 0 to 255", "send uint8 pixels")
        values = given.astype(np.uint8).reshape(-1)
    if values.size != size:
        raise malformed(
            f"the input's shape holds {size} values, and {values.size} came",
            "let shape and data agree",
        )
    return values.reshape(shape)


def bytes_tensor(texts: Sequence[str]) -> bytes:
    """Texts in the binary form."""
    encoded = (text.encode("utf-8", "replace") for text in texts)
    return b"".join(struct.pack("<I", len(each)) + each for each in encoded)


def _of_binary(raw: memoryview) -> list[bytes]:
    files, at = [], 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise _cut()
        (length,) = struct.unpack_from("<I", raw, at)
        if at + 4 + length > len(raw):
            raise _cut()
        files.append(bytes(raw[at + 4 : at + 4 + length]))
        at += 4 + length
    return files


def _cut() -> Problem:
    return malformed(
        "the BYTES input ends in the middle of an element",
        "write each as four bytes of its length, little-endian, and its bytes",
    )


def _of_base64(data: object) -> list[bytes]:
    remedy = "send binary data (as tritonclient does), or each file's bytes in base64"
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise malformed("the BYTES input's `data` is not a list of texts", remedy)
    try:
        return [base64.b64decode(text, validate=True) for text in data]
    except (binascii.Error, ValueError):
        raise malformed("an element of `data` is not base64", remedy) from None
