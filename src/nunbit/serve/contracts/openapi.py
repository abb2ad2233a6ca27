"""Pieces of the OpenAPI description that several contracts share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

PICTURE = {"schema": {"type": "string", "format": "binary"}}
"""The bytes of a picture file."""


class Error(BaseModel):
    """Reason why a request was not answered."""

    error: str
    code: str
    what_to_do: str


_MEANINGS = {
    400: "The request was broken off, or is not HTTP that makes sense",
    401: "The token is missing or wrong",
    403: "The host or the origin is not one of this server's",
    404: "There is nothing at this address",
    408: "The request came too slowly",
    413: "Too many bytes, pixels or pictures",
    415: "A body of this type is not taken here",
    422: "The request is not understood, or its picture cannot be used",
    429: "Too much is waiting already; see Retry-After",
    503: "Not ready, or it took too long; see Retry-After",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": meaning} for status, meaning in _MEANINGS.items()
}
