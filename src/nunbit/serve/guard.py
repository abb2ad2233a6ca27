"""Checks that every request passes before anything is read of it, and headers of every answer."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nunbit.serve.bodies import COME
from nunbit.serve.problems import Problem, too_busy, too_slow, wrong_kind
from nunbit.serve.routes import is_open, route_of
from nunbit.serve.service import Service
from nunbit.serve.settings import LOOPBACK_NAMES, Access

_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer; the page has a content policy of its own."""


class Guard:
    """ASGI application around another one: checks, limits, time, headers, numbers, and the log."""

    def __init__(self, app: ASGIApp, *, service: Service, access: Access) -> None:
        self._app, self._service = app, service
        self._token = None if access.token is None else access.token.encode()
        own = {access.host.lower(), *(name.lower() for name in access.names)}
        self._names = own | set(LOOPBACK_NAMES)
        self._further = {name.lower() for name in access.names}
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # there are no websockets here, and no lifespan
        begun, route = time.perf_counter(), route_of(scope["path"])
        answer = _Answer(send, draining=lambda: self._service.status == "draining")
        self._working += 1
        try:
            self._check(scope)
            async with asyncio.timeout(self._service.limits.seconds):
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            await self._say(answer, self._slow(scope))
        except Problem as problem:
            await self._say(answer, problem)
        finally:
            self._working -= 1
            self._note(scope, route, answer.status, time.perf_counter() - begun)

    def _check(self, scope: Scope) -> None:
        """Raise Problem for a request that is not even to be read."""
        headers = Headers(scope=scope)
        self._check_names(headers)
        for_all = is_open(scope["method"], scope["path"])
        if self._token is not None and not for_all:
            self._check_token(headers)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise wrong_kind("packed bodies are not read", "send the body as it is")
        if self._working > self._service.limits.requests and not for_all:
            raise too_busy(f"{self._working - 1} requests are worked on already")

    def _check_names(self, headers: Headers) -> None:
        """Hold Host and Origin against the server's own names.

        A page of another site can make a browser send requests here, also under a name of its own
        that it lets point to this computer. Such a name is not one of ours; an address in numbers
        cannot be made to point elsewhere.
        """
        host = headers.get("host", "")
        name = _host_name(f"//{host}")
        if name not in self._names and not _is_number(name):
            raise Problem(
                403,
                "foreign_host",
                "the server does not go by the name in this request",
                remedy="start it with --allow-host NAME to let it",
            )
        origin = headers.get("origin")
        if origin is None:
            return
        same = urlsplit(origin).netloc.lower() == host.lower()
        if not same and _host_name(origin) not in self._further:
            raise Problem(
                403,
                "foreign_origin",
                "pages of other sites may not ask this server",
                remedy="start it with --allow-host NAME where the page has another address",
            )

    def _check_token(self, headers: Headers) -> None:
        kind, _, given = headers.get("authorization", "").partition(" ")
        expected = self._token or b""
        right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), expected)
        if kind.lower() != "bearer" or not right:
            raise Problem(
                401,
                "token_missing_or_wrong",
                "this server answers those who have its token",
                remedy="send the header Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _slow(self, scope: Scope) -> Problem:
        expects_none = scope["method"] in ("GET", "HEAD")
        return too_slow(self._service.limits.seconds, body_came=COME in scope or expects_none)

    async def _say(self, answer: _Answer, problem: Problem) -> None:
        self._service.metrics.refusals.labels(problem.code).inc()
        if not answer.status:
            await answer.problem(problem)

    def _note(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        metrics, told = self._service.metrics, status or 499  # 499: the caller has gone
        metrics.requests.labels(route, str(told)).inc()
        metrics.seconds.labels(route).observe(seconds)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._service.log.event(
            "request", method=method, route=route, status=told, ms=round(1e3 * seconds, 1)
        )


_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


class _Answer:
    """The answer on its way out: its headers are added, its status is kept."""

    def __init__(self, send: Send, *, draining: Callable[[], bool]) -> None:
        self._send, self._draining = send, draining
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self._draining():
                headers["Connection"] = "close"
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        headers = {"Content-Type": "application/json", **problem.headers}
        body = problem.body
        headers["Content-Length"] = str(len(body))
        raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})


def _host_name(address: str) -> str:
    """Name in `//name:port` or in an origin; "" where there is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
