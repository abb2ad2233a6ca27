"""Stopping a run politely: the first signal asks, the second one insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which stops a command as Ctrl-C does."""


def reason_of(stopped: KeyboardInterrupt) -> str:
    """Reason why a command stopped, as the beginning of a sentence."""
    return "stopped by SIGTERM" if isinstance(stopped, Terminated) else "stopped"


@contextmanager
def terminated_as_interrupted() -> Iterator[StopRequest]:
    """Let SIGTERM raise `Terminated` in the main thread, so that nothing is left half done.

    Where the signal is ignored, as its parent wanted, and outside the main thread it is left alone.
    """
    request = StopRequest()

    def stop(_number: int, _frame: FrameType | None) -> None:
        request.requested = True
        raise Terminated

    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    ):
        yield request
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)


class StopRequest:
    """Request to stop the run, from a signal or another thread."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn Ctrl-C and SIGTERM into a request that the training loop sees after its step.

    A second Ctrl-C stops at once. Outside the main thread signals are left alone.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if request.requested:
            signal.default_int_handler(number, frame)
        request.requested = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
