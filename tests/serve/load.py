"""Callers for tests of a server under load: several threads, and what came of each request."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.serve.server import Served


def many_pictures(n: int, seed: int = 0) -> list[bytes]:
    """JPEG files of coarse noise, no two alike."""
    rng, files = np.random.default_rng(seed), []
    for _ in range(n):
        height, width = rng.integers(8, 16, 2)
        coarse = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse.repeat(10, 0).repeat(10, 1)).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


@dataclass
class Outcome:
    """What callers saw."""

    answered: int = 0
    not_taken: int = 0
    """Connections that were refused or closed before an answer began."""
    other: list[str] = field(default_factory=list)
    """Answers of another status, and answers that belong to another picture."""
    seen: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Answers by picture and text."""


class Callers:
    """Threads that ask for pictures again and again."""

    def __init__(self, served: Served, files: Sequence[bytes], *, threads: int) -> None:
        self.outcome, self.stop = Outcome(), threading.Event()
        self._served, self._files = served, files
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(k,)) for k in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def wait_for(self, answered: int) -> None:
        while self.outcome.answered < answered and not self.outcome.other:
            self.stop.wait(0.01)

    def _run(self, seed: int) -> None:
        rng, client = np.random.default_rng(seed), self._served.client()
        while not self.stop.is_set():
            number = int(rng.integers(len(self._files)))
            try:
                response = client.post("/predict", content=self._files[number])
            except httpx.TransportError:
                with self._lock:
                    self.outcome.not_taken += 1
                self.stop.wait(0.01)
                continue
            with self._lock:
                if response.status_code == 200:
                    self.outcome.answered += 1
                    self.outcome.seen[number, response.text] += 1
                else:
                    self.outcome.other.append(f"{response.status_code} {response.text}")
        client.close()


@contextmanager
def calling(served: Served, files: Sequence[bytes], *, threads: int) -> Iterator[Callers]:
    """Callers at work until the block ends."""
    callers = Callers(served, files, threads=threads)
    callers.start()
    try:
        yield callers
    finally:
        callers.stop.set()
        callers.join()


def answers_by_picture(outcome: Outcome) -> dict[int, set[str]]:
    """The different answers that each picture had."""
    found: dict[int, set[str]] = {}
    for number, text in outcome.seen:
        found.setdefault(number, set()).add(text)
    return found


def counted(served: Served) -> Counter[int]:
    """Requests to /predict by status, as the server's own log has them."""
    events: list[dict[str, Any]] = [e for e in served.events if e.get("route") == "/predict"]
    return Counter(event["status"] for event in events)
