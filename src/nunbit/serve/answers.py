"""Answers as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response


def to_json(value: object) -> bytes:
    """JSON in UTF-8; what UTF-8 cannot hold, such as half a pair of surrogates, becomes "?".

    Names of classes may come from file names that are not text, and a caller may send such a text.
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def json_response(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The response whose body is a value as JSON."""
    return Response(
        to_json(value),
        status_code=status,
        media_type="application/json",
        headers=None if headers is None else dict(headers),
    )
