"""A server that has enough to do, in this process: what it says, and that it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from nunbit.serve.app import make_app
from nunbit.serve.engine import Engine
from nunbit.serve.log import Log
from nunbit.serve.service import Service, _Serving
from nunbit.serve.settings import Access, Limits
from tests.serve.test_engine import Mean, engine_of, grey

Asking = Callable[[httpx.AsyncClient, Service], Awaitable[Any]]


def asked(engine: Engine, limits: Limits, ask: Asking) -> Any:
    """Result of asking a ready server of an engine."""

    async def run() -> Any:
        service = Service(Path("nowhere"), name=None, limits=limits, log=Log("none"))
        service._serving, service.status = _Serving(engine), "ready"
        app = make_app(service, Access())
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            found = await ask(client, service)
        await service.close()
        return found

    return asyncio.run(run())


def post(data: bytes = b"") -> Asking:
    async def ask(client: httpx.AsyncClient, service: Service) -> httpx.Response:
        return await client.post("/predict", content=data or grey(7))

    return ask


def busy(response: httpx.Response) -> bool:
    body = response.json()
    return (response.status_code, body["code"]) == (429, "too_busy") and int(
        response.headers["retry-after"]
    ) > 0


def test_too_many_pictures_waiting() -> None:
    async def ask(client: httpx.AsyncClient, service: Service) -> list[httpx.Response]:
        form = [("files", ("a.png", grey(7)))] * 4
        return [await client.post("/v1/predict", files=form[:n]) for n in (4, 3)]

    refused, answered = asked(engine_of(Mean()), Limits(waiting=3), ask)
    assert busy(refused)
    assert answered.status_code == 200


def test_too_many_requests() -> None:
    async def ask(client: httpx.AsyncClient, service: Service) -> list[httpx.Response]:
        return [await client.post("/predict", content=grey(7)), await client.get("/ready")]

    refused, ready = asked(engine_of(Mean()), Limits(requests=0), ask)
    assert busy(refused)
    assert ready.status_code == 200  # health is always told


def test_too_many_bytes_of_all_together() -> None:
    async def ask(client: httpx.AsyncClient, service: Service) -> list[httpx.Response]:
        large = await client.post("/predict", content=bytes(2000))
        return [large, await client.post("/predict", content=grey(7))]

    refused, answered = asked(engine_of(Mean()), Limits(buffered_bytes=1000), ask)
    assert busy(refused)
    assert answered.status_code == 200  # what was held is free again


def test_an_answer_that_does_not_come_in_time() -> None:
    predictor = Mean()
    predictor.go.clear()

    async def ask(client: httpx.AsyncClient, service: Service) -> list[Any]:
        late = await client.post("/predict", content=grey(7))
        waiting = service.waiting
        predictor.go.set()
        return [late, waiting]

    late, waiting = asked(engine_of(predictor), Limits(seconds=0.2), ask)
    assert (late.status_code, late.json()["code"]) == (503, "too_slow")
    assert late.headers["retry-after"]
    assert waiting == 0


def test_too_little_memory_for_a_picture_is_not_a_fault_of_the_server() -> None:
    engine = engine_of(Mean())

    class Full:
        def canvas(self, data: bytes) -> np.ndarray:
            raise MemoryError

    object.__setattr__(engine.model, "reading", Full())
    assert busy(asked(engine, Limits(), post()))


def test_a_mistake_of_nunbit_is_said_as_one() -> None:
    engine = engine_of(Mean())

    class Wrong:
        def canvas(self, data: bytes) -> np.ndarray:
            raise KeyError("a secret")

    object.__setattr__(engine.model, "reading", Wrong())
    response = asked(engine, Limits(), post())
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
