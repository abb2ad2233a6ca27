"""Bodies of requests: counted as they come, held in memory, and never parsed before they are whole.

Nothing is written to a disk: what a caller sends never becomes a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from nunbit.documents import DocumentError, parse_json
from nunbit.serve.problems import Problem, malformed, too_busy, too_large, wrong_kind
from nunbit.serve.settings import Limits

_LARGE = 1 << 20
"""Bytes of JSON that are parsed in a thread, so that others are not kept waiting."""
_MAX_FILE_NAME = 255
_DISCARDED, _DISCARD_SECONDS = 64 << 20, 10.0
"""Bytes and seconds of a body that is too large, read before it is refused: a caller that is still
sending when the connection is closed does not see the answer."""
COME = "nunbit.body_came"
"""Key of a request's scope that is there once its body is whole."""


class Budget:
    """Bytes of bodies that all requests hold together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Give the whole body of a request; its bytes count until the block ends.

        Raises Problem where it is too large, or too much is held already.
        """
        limit, held = self.limits.body_bytes, 0
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and (len(stated) > 15 or int(stated) > limit):
            if request.headers.get("expect", "").lower() != "100-continue":  # it has sent nothing
                await _discard(request)
            raise too_large(limit)
        try:
            parts: list[bytes] = []
            try:
                async for part in request.stream():
                    held += len(part)
                    self._held += len(part)
                    if held > limit:
                        parts.clear()
                        await _discard(request)
                        raise too_large(limit)
                    if self._held > self.limits.buffered_bytes:
                        raise too_busy("other requests hold all the memory that is for them")
                    parts.append(part)
            except ClientDisconnect:
                raise Problem(400, "broken_off", "the request was broken off") from None
            request.scope[COME] = True
            yield b"".join(parts)
        finally:
            self._held -= held


async def _discard(request: Request) -> None:
    """Read on for a little while, and keep nothing."""
    read = 0
    try:
        async with asyncio.timeout(_DISCARD_SECONDS):
            async for part in request.stream():
                read += len(part)
                if read > _DISCARDED:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):
        return  # RuntimeError: the stream had been read in part


def content_type(request: Request) -> str:
    """The type of the body without its parameters, "" where none is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def json_object(body: bytes) -> dict[str, object]:
    """The object in a JSON body. Raises Problem."""
    try:
        value = (
            await asyncio.to_thread(parse_json, body) if len(body) > _LARGE else parse_json(body)
        )
    except DocumentError as error:
        raise malformed(f"the body is not JSON: {error}", "send a JSON object") from None
    if not isinstance(value, dict):
        raise malformed("the body is not a JSON object", "send a JSON object")
    return value


class _InMemory(MultiPartParser):
    spool_max_size = 1 << 62
    """Starlette writes files beyond a megabyte to the disk otherwise."""

    def on_headers_finished(self) -> None:
        """Read names of files as UTF-8, in whatever else a caller says that they are written."""
        self._charset = "utf-8"
        super().on_headers_finished()


async def files_of_form(
    request: Request, body: bytes, *, limits: Limits
) -> list[tuple[str, bytes]]:
    """Names and bytes of the files in a multipart body, in their order. Raises Problem."""
    if content_type(request) != "multipart/form-data":
        raise wrong_kind(
            "this address takes multipart/form-data",
            "curl -F files=@one.jpg -F files=@two.jpg ADDRESS; or send one picture to /predict",
        )

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), _LARGE):
            yield body[start : start + _LARGE]
            await asyncio.sleep(0)

    parser = _InMemory(
        Headers(scope=request.scope),
        chunks(),  # type: ignore[arg-type]
        max_files=limits.files,
        max_fields=0,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise too_many_files(limits.files) from None
        raise malformed(
            f"the form cannot be read: {error.message}", "send a form of files, and no fields"
        ) from None
    files: list[tuple[str, bytes]] = []
    try:
        for _, part in form.multi_items():
            if isinstance(part, str):
                raise malformed("the form has a field", "send a form of files, and no fields")
            files.append(((part.filename or "")[:_MAX_FILE_NAME], await part.read()))
    finally:
        await form.close()
    if not files:
        raise malformed("the form holds no file", "curl -F files=@one.jpg ADDRESS")
    return files


def too_many_files(limit: int) -> Problem:
    """The problem of a request with more pictures than it may have."""
    return Problem(
        413,
        "too_many_pictures",
        f"the request has more than {limit} pictures",
        remedy="send them in several requests",
    )
