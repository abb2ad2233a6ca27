"""Lines that a server writes to stderr: for people, or JSON for programs, nothing personal.

A line of a request holds no address of a caller, no name of a file, and only addresses of the
server that it knows itself.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO, TypeAlias

LogFormat: TypeAlias = Literal["plain", "json", "none"]


class Log:
    """Writes events, one line each."""

    def __init__(self, kind: LogFormat, stream: TextIO | None = None) -> None:
        self._kind = kind
        self._stream = stream

    def event(self, name: str, said: str = "", **facts: object) -> None:
        """Write an event: `said` is for people, `facts` are for programs."""
        if self._kind == "none":
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if self._kind == "json":
            told = {"text": said} if said else {}
            values = {"time": now, "event": name, **told, **facts}
            line = json.dumps(values, ensure_ascii=False)
        else:
            text = said or " ".join(f"{key}={value}" for key, value in facts.items())
            line = f"{now} {name}: {text}"
        print(line, file=self._stream or sys.stderr, flush=True)
