"""The engine: pictures in from any number of requests, each one's probabilities out.

Files are decoded side by side in threads. One further thread runs the network: it takes what has
been decoded by then, and shares a pass among as many pictures as leaves each answer as it is
(`ServedModel.batch_sizes`). K classes.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import UnusableImage
from nunbit.predictor import NOT_FINITE, Canvas
from nunbit.serve.model import ServedModel, cores

Row = NDArray[np.float64]
"""Calibrated probabilities of one picture, [K]."""


class EngineStopped(Exception):
    """The engine has ended; whoever still waits gets this."""


class _Job(NamedTuple):
    canvas: Canvas
    answer: Future[Row]


class Engine:
    """A model at work."""

    def __init__(
        self,
        model: ServedModel,
        *,
        wait_seconds: float,
        on_failure: Callable[[BaseException], None],
        on_batch: Callable[[int], None],
    ) -> None:
        """Start the threads.

        Args:
            model: is served.
            wait_seconds: for which a decoded picture waits for others that are being decoded.
            on_failure: called, in the engine's thread, with the error that ends the engine.
            on_batch: called with the number of pictures of each pass.
        """
        self.model = model
        self._wait_seconds = wait_seconds
        self._on_failure, self._on_batch = on_failure, on_batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._decoding = 0
        self._stopped = self._failed = False
        self._decoders = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit_file(self, data: bytes) -> Future[Row]:
        """Ask for the answer to the bytes of a picture file.

        The future raises UnusableImage where there is none, EngineStopped after the end.
        """
        answer: Future[Row] = Future()
        with self._lock:
            if self._stopped:
                raise EngineStopped
            self._decoding += 1
        self._decoders.submit(self._decode, data, answer)
        return answer

    def submit_canvas(self, canvas: Canvas) -> Future[Row]:
        """Ask for the answer to a canvas, uint8 [H, W, C]; the future is that of `submit_file`."""
        answer: Future[Row] = Future()
        with self._lock:
            if self._stopped:
                raise EngineStopped
            self._jobs.put(_Job(canvas, answer))
        return answer

    def close(self) -> None:
        """End after all that was asked for is answered."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        self._decoders.shutdown(wait=True)
        self._jobs.put(None)
        self._thread.join()

    def _decode(self, data: bytes, answer: Future[Row]) -> None:
        job = None
        try:
            if not answer.cancelled():  # whoever asked has given up
                job = _Job(self.model.reading.canvas(data), answer)
        except BaseException as error:  # also MemoryError: it belongs to this picture
            with suppress(InvalidStateError):
                answer.set_exception(error)
        finally:
            with self._lock:
                self._decoding -= 1
                failed = self._failed
                if job is not None and not failed:
                    self._jobs.put(job)
            if failed:
                with suppress(InvalidStateError):
                    answer.set_exception(EngineStopped())

    def _run(self) -> None:
        jobs: list[_Job] = []
        try:
            while jobs := self._next_jobs():
                self._answer(jobs)
        except BaseException as error:
            self._fail(error, jobs)

    def _next_jobs(self) -> list[_Job]:
        """Wait for a job, and take with it what is there or about to come; none at the end."""
        first = self._jobs.get()
        if first is None:
            return []
        jobs, until = [first], time.monotonic() + self._wait_seconds
        while len(jobs) < self.model.batch_sizes[0]:
            # Nobody waits for those who are not there.
            seconds = until - time.monotonic() if self._decoding else 0.0
            try:
                job = self._jobs.get(timeout=seconds) if seconds > 0 else self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # for the next turn, which ends
                break
            jobs.append(job)
        return jobs

    def _answer(self, jobs: list[_Job]) -> None:
        wanted = [job for job in jobs if job.answer.set_running_or_notify_cancel()]
        while wanted:
            size = next(size for size in self.model.batch_sizes if size <= len(wanted))
            now, wanted = wanted[:size], wanted[size:]
            rows = self.model.predictor.predict_canvases([job.canvas for job in now])
            self._on_batch(size)
            for job, row in zip(now, rows, strict=True):
                if np.isfinite(row).all():
                    job.answer.set_result(row)
                else:
                    job.answer.set_exception(UnusableImage(NOT_FINITE))

    def _fail(self, error: BaseException, jobs: list[_Job]) -> None:
        """End at once, and tell everybody who waits."""
        with self._lock:
            self._stopped = self._failed = True
        self._on_failure(error)
        for job in [*jobs, *self._left()]:
            with suppress(InvalidStateError):
                job.answer.set_exception(EngineStopped())

    def _left(self) -> list[_Job]:
        found: list[_Job] = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return found
            if job is not None:
                found.append(job)
