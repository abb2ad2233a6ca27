"""The process of a server: its socket, its signals, and its end.

SIGTERM and Ctrl-C: /ready turns 503 at once and answers say that the connection closes; after
`LAME_SECONDS` no new connection is taken; requests that came are answered; the process ends with
exit code 0. A request has `Limits.seconds`, so that all of it takes at most so long, and a second
or two. SIGHUP loads the model again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from prometheus_client import disable_created_metrics

from nunbit.errors import NunbitError, UsageError
from nunbit.serve.app import make_app
from nunbit.serve.connections import TimedConnection
from nunbit.serve.log import Log
from nunbit.serve.problems import Problem
from nunbit.serve.service import Service
from nunbit.serve.settings import Access, Limits, check_access

LAME_SECONDS = 1.0
"""Time for which a server that is about to end still takes new connections."""
_LAST_SECONDS = 5.0
"""Time after that of a request until connections are cut that do not read their answers."""
_MAX_CONNECTIONS = 1024
_KEEP_ALIVE_SECONDS = 30
_BACKLOG = 256


def serve(path: Path, *, name: str | None, access: Access, limits: Limits, log: Log) -> None:
    """Serve a model until a signal ends the process.

    Raises:
        UsageError: when the address cannot be listened on, or would be open to everybody.
        NunbitError: when the model is refused at the start.
        RuntimeError: when the engine failed; the process is to end with an error.
    """
    check_access(access)
    # A second series for each, which nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    with _listening(access) as listener:
        asyncio.run(_serve(listener, path, name=name, access=access, limits=limits, log=log))


async def _serve(
    listener: socket.socket,
    path: Path,
    *,
    name: str | None,
    access: Access,
    limits: Limits,
    log: Log,
) -> None:
    service = Service(path, name=name, limits=limits, log=log)
    config = uvicorn.Config(
        make_app(service, access),
        http=TimedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(limits.seconds + _LAST_SECONDS),
    )
    for library in ("uvicorn.error", "python_multipart"):
        # Their warnings are about what callers send, who are told; some quote it.
        logging.getLogger(library).setLevel(logging.ERROR)
    server = _Server(config)
    ending = _Ending(service, server)
    tasks = {asyncio.create_task(service.start(end=ending.at_once))}
    loop = asyncio.get_running_loop()

    def reload() -> None:
        task = asyncio.create_task(_reload(service))
        tasks.add(task)  # the loop itself keeps no task alive
        task.add_done_callback(tasks.discard)

    for number, act in ((signal.SIGTERM, ending.drain), (signal.SIGINT, ending.drain)):
        _on_signal(loop, number, act)
    if hasattr(signal, "SIGHUP"):
        _on_signal(loop, signal.SIGHUP, reload)
    address = f"http://{_shown(access.host)}:{listener.getsockname()[1]}/"
    log.event("listening", f"{address} (Ctrl-C ends it)", address=address)
    await server.serve(sockets=[listener])
    if service.failure is None:
        await service.close()
        log.event("ended", "every request that came was answered")
        return
    if isinstance(service.failure, NunbitError):
        raise service.failure
    raise RuntimeError(f"the engine failed: {service.failure}") from service.failure


async def _reload(service: Service) -> None:
    with contextlib.suppress(NunbitError, Problem):  # said in the log already
        await service.reload()


class _Server(uvicorn.Server):
    """uvicorn without its own signals, which end the process by the signal and not with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Ending:
    """The end of a server: first quietly, the second time at once."""

    def __init__(self, service: Service, server: uvicorn.Server) -> None:
        self._service, self._server, self._begun = service, server, False

    def drain(self) -> None:
        if self._begun:
            self._server.force_exit = self._server.should_exit = True
            return
        self._begun = True
        self._service.drain()
        asyncio.get_running_loop().call_later(LAME_SECONDS, self.at_once)

    def at_once(self) -> None:
        """Take no new connection, and end with the requests that came."""
        self._server.should_exit = True


def _on_signal(loop: asyncio.AbstractEventLoop, number: int, act: Callable[[], None]) -> None:
    try:
        loop.add_signal_handler(number, act)
    except NotImplementedError:  # Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))


@contextlib.contextmanager
def _listening(access: Access) -> Iterator[socket.socket]:
    """A socket that listens, so that nobody else takes the port while the model is loaded."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            access.host, access.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"{access.host} is not an address of this computer: {error}",
            remedy="leave --host out, or give 0.0.0.0 for all addresses",
        ) from None
    listener = socket.socket(kind, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEADDR") and hasattr(signal, "SIGHUP"):  # not on Windows
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            raise UsageError(
                f"port {access.port} of {access.host} cannot be listened on: "
                + ("another program does" if taken else str(error)),
                remedy="give another one with --port",
            ) from None
        yield listener
    finally:
        listener.close()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
