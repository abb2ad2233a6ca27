"""The digest in nunbit.json, which tells files that do not belong together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FORMAT = 3
"""Version of nunbit.json; raised when an older nunbit could misread a bundle."""
READABLE = (1, 2, FORMAT)
"""1 does not know `mirrored`; 1 and 2 have no `classes` and no `digest`."""
BOUND = (
    *("architecture", "model_options", "classes", "preprocess", "mirrored"),
    *("temperature", "thresholds", "weights_sha256"),
)
"""Fields that shape an answer, and are bound by the digest."""
BOUND_IF_THERE = ("operating_point",)
"""Models of two classes may have one."""


def digest_of(contract: Mapping[str, Any]) -> str:
    """SHA-256 of what shapes an answer, whatever the order and layout of the JSON."""
    bound = {name: contract[name] for name in BOUND}
    bound |= {name: contract[name] for name in BOUND_IF_THERE if name in contract}
    text = json.dumps(bound, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def with_digest(contract: Mapping[str, Any]) -> dict[str, Any]:
    """nunbit.json with the digest of its content; formats before the third have none."""
    if contract["format"] < FORMAT:
        return dict(contract)
    return {**contract, "digest": digest_of(contract)}
