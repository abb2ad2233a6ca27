"""Random mixtures of requests, made from the server's own description: good, bad, huge, broken off.

Everything is harmless: what is wrong with a request is its form, its size, or that it ends early.
"""

from __future__ import annotations

import base64
import json
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import numpy as np

from tests.serve.server import LONG, Served

METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH")
TYPES = (
    *("image/jpeg", "application/json", "application/octet-stream", "text/html", ""),
    *("multipart/form-data; boundary=x", "multipart/form-data", "application/json; charset=utf-7"),
)
VALUES: tuple[Any, ...] = (
    None,
    -1,
    0,
    1.5,
    2**70,
    True,
    "",
    "x" * 500,
    [],
    {},
    [[1]],
    "\u0000",
    "\ud800",
)


class Mixture:
    """One caller that does a random thing each time."""

    def __init__(self, served: Served, files: Sequence[bytes], *, seed: int) -> None:
        self._served, self._files = served, files
        self._rng = np.random.default_rng(seed)
        self._client = served.client()
        self._paths = sorted(self._client.get("/openapi.json").json()["paths"])
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []

    def close(self) -> None:
        self._client.close()

    def step(self) -> None:
        """Do one thing."""
        kinds = (self._good, self._changed, self._json, self._form, self._tensor, self._any)
        kinds += (self._broken_off, self._huge)
        kinds[self._rng.integers(len(kinds))]()

    def _send(self, method: str, path: str, **how: Any) -> None:
        try:
            response = self._client.request(method, path, **how)
        except httpx.TransportError:  # it was refused while it was still being sent
            self.statuses[0] += 1
            return
        self.statuses[response.status_code] += 1
        if response.status_code >= 500:
            self.faults.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
        if response.status_code >= 400 and method != "HEAD":
            with suppress(ValueError, KeyError):
                assert response.json()["error"]
                return
            self.faults.append(f"{method} {path}: no JSON: {response.text[:200]}")

    def _file(self) -> bytes:
        return self._files[self._rng.integers(len(self._files))]

    def _good(self) -> None:
        self._send("POST", "/predict", content=self._file())

    def _mutated(self) -> bytes:
        data = bytearray(self._file())
        for _ in range(self._rng.integers(1, 20)):
            data[self._rng.integers(len(data))] = self._rng.integers(256)
        return bytes(data[: self._rng.integers(1, len(data))])

    def _changed(self) -> None:
        self._send("POST", "/", content=self._mutated())

    def _value(self) -> Any:
        return VALUES[self._rng.integers(len(VALUES))]

    def _json(self) -> None:
        encoded = base64.b64encode(self._file()).decode()
        body = {"inputs": encoded, "parameters": {"top_k": self._value()}}
        if self._rng.random() < 0.3:
            body[("inputs", "parameters")[self._rng.integers(2)]] = self._value()
        headers = {"Content-Type": "application/json"}
        self._send("POST", "/predict", content=json.dumps(body).encode(), headers=headers)

    def _form(self) -> None:
        files = [
            ("files", (f"{k}.jpg", self._file() if self._rng.random() < 0.7 else self._mutated()))
            for k in range(self._rng.integers(0, 5))
        ]
        accuracy = ("", "0.9", "0.95", "7", "nan", "x")[self._rng.integers(6)]
        self._send("POST", "/v1/predict", files=files, params={"accuracy": accuracy})

    def _tensor(self) -> None:
        raw = self._file()
        raw = len(raw).to_bytes(4, "little") + raw
        tensor: dict[str, Any] = {"name": "image", "datatype": "BYTES", "shape": [1]}
        tensor["parameters"] = {"binary_data_size": len(raw)}
        if self._rng.random() < 0.5:
            tensor[sorted(tensor)[self._rng.integers(4)]] = self._value()
        asked = {"id": self._value(), "inputs": [tensor], "outputs": self._value()}
        head = json.dumps(asked).encode()
        length = len(head) + (self._rng.random() < 0.2) * int(self._rng.integers(-9, 9))
        headers = {"Inference-Header-Content-Length": str(length)}
        self._send("POST", "/v2/models/pictures/infer", content=head + raw, headers=headers)

    def _any(self) -> None:
        """Any method at any described address, with any type of body; but no reload."""
        path = self._paths[self._rng.integers(len(self._paths))]
        path = path.replace("{name}", "pictures").replace("{version}", "1")
        method = METHODS[self._rng.integers(len(METHODS))]
        kind = TYPES[self._rng.integers(len(TYPES))]
        body = self._rng.integers(0, 256, self._rng.integers(0, 300), dtype=np.uint8).tobytes()
        self._send(method, path, content=body, headers={"Content-Type": kind} if kind else {})

    def _broken_off(self) -> None:
        """A request that ends in its head or its body, at once or after a while."""
        data = self._file()
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        whole = head.encode() + data
        with socket.create_connection(("127.0.0.1", self._served.port), timeout=LONG) as opened:
            opened.sendall(whole[: self._rng.integers(len(whole))])
            if self._rng.random() < 0.3:
                opened.settimeout(0.05)
                with suppress(TimeoutError, ConnectionError):
                    opened.recv(1)

    def _huge(self) -> None:
        """A body that is too large: promised, or sent."""
        if self._rng.random() < 0.5:
            head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            head += "Content-Length: 99999999999\r\n\r\n"
            with socket.create_connection(("127.0.0.1", self._served.port), timeout=LONG) as opened:
                opened.sendall(head.encode())
                answer = opened.recv(4096)
            if not answer.startswith(b"HTTP/1.1 413 "):
                self.faults.append(f"a huge promise: {answer[:200]!r}")
        else:
            self._send("POST", "/predict", content=bytes(2 << 20))
