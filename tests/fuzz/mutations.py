"""Seeded damage: what a disk, a spreadsheet or somebody who means harm makes of a file."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

TOKENS = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b'"',
    b"'",
    b",",
    b";",
    b"\t",
    b"[" * 200,
    b'{"a":' * 200,
    b"null",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-1",
    b"0",
    b"9" * 5000,
    b"true",
    b"\\ud800",
    b"../../outside",
    b"/etc/passwd",
    b"=1+1",
    b"x" * 10_000,
    "\u202e\u0000é".encode(),
)
"""Put in, or put in place of numbers and words."""
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x" * 10_000,
    "\ud800",
    "../../outside",
    [],
    {},
    [[]],
    {"a": {"b": []}},
    [0] * 1000,
)
"""Put in place of a value of JSON."""


def mutate(data: bytes, draw: random.Random) -> bytes:
    """The content with one to three changes."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        data = draw.choice(_CHANGES)(data, draw)
    return data


def mutate_json(data: bytes, draw: random.Random) -> bytes:
    """The content with one value of another type, one entry less, or one more."""
    value = json.loads(data)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        keys = node if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(value)
    if not places:
        return json.dumps(draw.choice(VALUES)).encode()
    node, key = draw.choice(places)
    match draw.randrange(4):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[draw.choice(("other", "x" * 10_000, "format"))] = draw.choice(VALUES)
        case _:
            node[key] = draw.choice(VALUES)
    return json.dumps(value).encode()


def _flip(data: bytes, draw: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _take_out(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    return data[:start] + data[start + draw.randrange(1, 50) :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    end = start + draw.randrange(1, 200)
    return data[:end] + data[start:end] * draw.choice((1, 3)) + data[end:]


def _insert(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    token = draw.choice((*TOKENS, draw.randbytes(8)))
    return data[:at] + token + data[at:]


def _replace_word(data: bytes, draw: random.Random) -> bytes:
    words = list(re.finditer(rb"[\w.+-]+", data[:100_000]))
    if not words:
        return _insert(data, draw)
    word = draw.choice(words)
    return data[: word.start()] + draw.choice(TOKENS) + data[word.end() :]


def _swap_lines(data: bytes, draw: random.Random) -> bytes:
    lines = data.split(b"\n")
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _cut,
    _take_out,
    _repeat,
    _insert,
    _replace_word,
    _replace_word,
    _swap_lines,
)
