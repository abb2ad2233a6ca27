"""A server as a user starts it: a process of its own, in which nothing heavy can be imported."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

WITHOUT_TORCH = """
import sys
for name in "torch torchvision timm pandas scipy sklearn matplotlib pyarrow jinja2".split():
    sys.modules[name] = None
"""
RUN = """
from nunbit.cli import main
sys.exit(main(sys.argv[1:]))
"""
LONG = 120.0
"""Seconds after which a test gives up, on the busiest machine."""


@dataclass
class Served:
    """A running server."""

    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    """Lines that are not events: errors."""
    _new: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent by its clients, such as the token."""

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                self.other.append(line)
                continue
            self.events.append(event)
            if event["event"] != "request":
                self._new.put(event)
        self._new.put(None)

    def wait_for(self, name: str) -> dict[str, Any]:
        """The next event of a name, whatever else comes before it."""
        while True:
            event = self._new.get(timeout=LONG)
            assert event is not None, "".join(self.other)
            if event["event"] == name:
                return event

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=LONG)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def client(self, **options: Any) -> httpx.Client:
        given = {"headers": self.headers, "timeout": LONG, "trust_env": False, **options}
        return httpx.Client(base_url=self.url, **given)


@contextmanager
def serving(
    folder: Path,
    *options: str,
    before: str = WITHOUT_TORCH,
    ready: bool = True,
    environment: dict[str, str] | None = None,
    python: str | Path = sys.executable,
) -> Iterator[Served]:
    """A server of a folder on a free port; its events are JSON on stderr."""
    words = ["serve", str(folder), "--port", "0", "--log", "json", *options]
    process = subprocess.Popen(
        [str(python), "-c", before + RUN, *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
    )
    served = Served(process)
    reader = threading.Thread(target=served.read)
    reader.start()
    try:
        if ready:
            served.url = served.wait_for("listening")["address"].rstrip("/")
            served.wait_for("ready")
        yield served
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=LONG)
        reader.join(timeout=LONG)
        assert process.stderr is not None
        process.stderr.close()
