"""Python pickles of plain values and arrays, read without the power to run code.

A pickle may name any function to be called on loading. Here only a few names are known, those
that rebuild numpy arrays and Python 2 strings; any other ends the reading.
"""

from __future__ import annotations

import codecs
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nunbit.errors import DataError


def _encode(text: str, encoding: str) -> bytes:
    """`codecs.encode` for the one use that pickles of strings have for it."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding '{encoding}' is not expected")
    return codecs.latin_1_encode(text)[0]


def _from_buffer(buffer: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> Any:
    """Function that NumPy calls for arrays in pickles of protocol 5."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


# Taken from an array, because the module that holds it has moved between versions of numpy.
_RECONSTRUCT: Callable[..., Any] = np.zeros(1).__reduce__()[0]  # type: ignore[assignment]

ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return ALLOWED[(module_name, global_name)]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for '{module_name}.{global_name}', which no such data needs"
            ) from None


def read_plain_pickle(path: Path) -> dict[str, Any]:
    """The dictionary pickled in a file; keys as text.

    Raises DataError for a file that is cut off, no pickle, no dictionary, or that asks for code.
    """
    try:
        with path.open("rb") as opened:
            content = _Restricted(opened, encoding="latin1").load()
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", path=path) from error
    except Exception as error:  # damaged pickles raise nearly every built-in exception
        raise DataError(
            f"the file cannot be read as CIFAR's python layout: {error}",
            path=path,
            remedy="get it again from the data set's own site",
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"the file holds a {type(content).__name__}, not a dictionary", path=path)
    return {_text(key): value for key, value in content.items()}


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)
