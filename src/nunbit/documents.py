"""Reading JSON and TOML that somebody else may have written: with limits, and one kind of error.

Nothing else in nunbit parses either. A file is refused by its size before it is read, by its depth
before anybody walks through it, and whatever the parsers raise becomes a `DocumentError`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nunbit.formatting import quoted

MAX_JSON_BYTES = 256 * 2**20
"""Size of one file; the largest that nunbit writes are records of a million images."""
MAX_TOML_BYTES = 2**20
"""Size of one file; tomllib is quadratic in some of what a file may hold."""
MAX_DEPTH = 50
"""Lists and tables within each other; what nunbit writes has at most seven."""


class DocumentError(ValueError):
    """The content is not a document of this kind; the text says why, in few words."""


def read_json(
    path: Path, *, max_bytes: int = MAX_JSON_BYTES, pairs: Callable[[Any], Any] | None = None
) -> Any:
    """The value of a JSON file in UTF-8, with or without a byte order mark.

    `pairs` makes something else than a dictionary of the pairs of an object.

    Raises:
        DocumentError: when it is too large, too deep, or is not JSON.
        OSError: when it cannot be read.
    """
    return parse_json(_content(path, max_bytes), pairs=pairs)


def read_json_object(path: Path, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The same, for files that hold an object. Raises what `read_json` raises."""
    value = read_json(path, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise DocumentError("it is not a JSON object")
    return value


def parse_json(content: bytes | str, *, pairs: Callable[[Any], Any] | None = None) -> Any:
    """The value of a JSON text. Raises DocumentError."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=pairs)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise DocumentError(quoted(error)) from None
    check_depth(value)
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        DocumentError: when it is too large, too deep, or is not TOML.
        OSError: when it cannot be read.
    """
    return parse_toml(_content(path, MAX_TOML_BYTES))


def parse_toml(content: bytes | str) -> dict[str, Any]:
    """The tables of a TOML text. Raises DocumentError."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        value = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except (ValueError, OverflowError) as error:  # also a date that does not exist
        raise DocumentError(quoted(error)) from None
    check_depth(value)
    return value


def check_depth(value: object) -> None:
    """Raise DocumentError where lists, tuples and tables are nested deeper than `MAX_DEPTH`."""
    level = [value]
    for _ in range(MAX_DEPTH):
        members = [item for outer in level for item in _members(outer)]
        level = [item for item in members if isinstance(item, dict | list | tuple)]
        if not level:
            return
    raise _too_deep()


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _too_deep() -> DocumentError:
    return DocumentError(f"lists and tables are nested deeper than {MAX_DEPTH} levels")


def _content(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as file:  # not all of it where it is a device or has grown
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise DocumentError(f"it is larger than {max_bytes / 2**20:.0f} MiB")
    return content
