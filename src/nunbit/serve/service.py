"""The life of a server: loading, ready, draining; and the one engine behind all contracts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import NunbitError, UnusableImage
from nunbit.formatting import count
from nunbit.serve.engine import Engine, EngineStopped, Row
from nunbit.serve.log import Log
from nunbit.serve.metrics import Metrics
from nunbit.serve.model import ServedModel, load_model
from nunbit.serve.problems import not_ready, too_busy
from nunbit.serve.settings import Limits

Status: TypeAlias = Literal["loading", "ready", "draining"]
Picture: TypeAlias = bytes | NDArray[np.uint8]
"""The bytes of a picture file, or a canvas, uint8 [H, W, C]."""
_T = TypeVar("_T")


@dataclass(eq=False)
class _Serving:
    """An engine, and how many requests are asking it."""

    engine: Engine
    asking: int = 0


class Service:
    """A model that is served; all methods but those of threads belong to the event loop."""

    def __init__(self, path: Path, *, name: str | None, limits: Limits, log: Log) -> None:
        """Prepare; `start` loads.

        Args:
            path: a run, a bundle or an export, read again at each reload.
            name: that the model is served under; None: its folder's.
            limits: of requests.
            log: is told what happens.
        """
        self.limits, self.log = limits, log
        self.status: Status = "loading"
        self.failure: BaseException | None = None
        """The error that ends the server, if one does."""
        self.waiting = 0
        """Pictures that are decoded or wait for an answer."""
        self.metrics = Metrics(
            waiting=lambda: self.waiting, ready=lambda: float(self.status == "ready")
        )
        self._path, self._name = path, name
        self._serving: _Serving | None = None
        self._reloading = asyncio.Lock()
        self._end: Callable[[], None] = lambda: None

    @property
    def model(self) -> ServedModel:
        """The model that is served. Raises Problem where there is none yet."""
        return self._current().engine.model

    async def start(self, *, end: Callable[[], None]) -> None:
        """Load the model and become ready; `end` is called when the server cannot go on."""
        self._end = end
        try:
            engine = await self._load()
        except Exception as error:
            self._fail(error)
            return
        self._serving = _Serving(engine)
        if self.status == "loading":
            self.status = "ready"
            self.log.event("ready", _said(engine.model), model=engine.model.name)

    async def reload(self) -> ServedModel:
        """Load the model again, check it, and let it take over; the old one ends its requests.

        Raises NunbitError where the new one is refused, and the old one stays; Problem while
        another reload is going on.
        """
        if self._reloading.locked():
            raise too_busy("the model is being loaded again already", seconds=5)
        async with self._reloading:
            old = self._current()
            try:
                engine = await self._load(name=old.engine.model.name)
            except NunbitError as error:
                self.metrics.reloads.labels("refused").inc()
                self.log.event("reload refused", error.what)
                raise
            self._serving = _Serving(engine)
            self.metrics.reloads.labels("done").inc()
            self.log.event("reloaded", _said(engine.model), model=engine.model.name)
            if not old.asking:
                await _in_thread(old.engine.close)
        return engine.model

    async def answer(
        self, pictures: Sequence[Picture]
    ) -> tuple[ServedModel, list[Row | UnusableImage]]:
        """Probabilities [K] of each picture, or UnusableImage; and the model that gave them.

        Raises Problem where the server is not ready, or has too much to do.
        """
        serving = self._current()
        if self.waiting + len(pictures) > self.limits.waiting:
            raise too_busy(f"{count(self.waiting, 'picture')} are waiting already")
        self.waiting += len(pictures)
        serving.asking += 1
        try:
            asked = [self._ask(serving.engine, picture) for picture in pictures]
            found = await asyncio.gather(*asked, return_exceptions=True)
        finally:
            self.waiting -= len(pictures)
            serving.asking -= 1
            if serving is not self._serving and not serving.asking:
                _start_thread(serving.engine.close)
        rows = [_checked(each) for each in found]
        self.metrics.pictures.inc(sum(isinstance(row, np.ndarray) for row in rows))
        return serving.engine.model, rows

    def drain(self) -> None:
        """Tell everybody that this server is about to end; requests are still answered."""
        self.status = "draining"
        self.log.event("draining", "no longer ready; requests that came are answered")

    async def close(self) -> None:
        """End the engine; nobody asks any more."""
        if self._serving is not None:
            await _in_thread(self._serving.engine.close)

    def _current(self) -> _Serving:
        if self._serving is None:
            raise not_ready(self.status)
        return self._serving

    def _ask(self, engine: Engine, picture: Picture) -> asyncio.Future[Row]:
        try:
            asked = (
                engine.submit_file(picture)
                if isinstance(picture, bytes)
                else engine.submit_canvas(picture)
            )
        except EngineStopped:
            raise not_ready("ending") from None
        return asyncio.wrap_future(asked)

    async def _load(self, name: str | None = None) -> Engine:
        loop = asyncio.get_running_loop()

        def failed(error: BaseException) -> None:
            loop.call_soon_threadsafe(self._fail, error)

        def load() -> Engine:
            model = load_model(self._path, name=name or self._name, max_pixels=self.limits.pixels)
            return Engine(
                model,
                wait_seconds=self.limits.wait_seconds,
                on_failure=failed,
                on_batch=self.metrics.batches.observe,
            )

        return await _in_thread(load)

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.status = "draining"
        self._end()


def _checked(found: Row | BaseException) -> Row | UnusableImage:
    if isinstance(found, EngineStopped):
        raise not_ready("ending")
    if isinstance(found, MemoryError):
        raise too_busy("there is not enough memory for this picture now", seconds=5)
    if isinstance(found, UnusableImage | np.ndarray):
        return found
    raise found


def _said(model: ServedModel) -> str:
    kit = model.kit
    checked = (
        f"{kit.files} drawn files were answered; a run has no recorded answers to compare with"
    )
    if kit.recorded:
        within = f"{kit.greatest_difference:.1g}"
        checked = f"its kit of {kit.files} files is answered as recorded (within {within})"
    sizes = f"up to {count(model.batch_sizes[0], 'picture')} a pass"
    return f"{model.name}, {count(len(model.classes), 'class', 'classes')}; {checked}; {sizes}"


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Result of work in a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except BaseException as error:
            failed = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, daemon=True).start()
    return await done
