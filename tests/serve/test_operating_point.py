"""A model of two classes answers by its operating point, or by a threshold that a caller names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.serve import service as serving
from nunbit.serve.app import make_app
from nunbit.serve.log import Log
from nunbit.serve.service import Service
from nunbit.serve.settings import Access, Limits
from tests.serve.test_engine import Mean, grey, model_of

POINT = OperatingPoint(positive="bright", threshold=0.75, rule="youden", n_validation=40)
PICTURES = {"dark.png": grey(51), "grey.png": grey(153), "bright.png": grey(255)}
"""Their probabilities of `bright`: 0.2, 0.6 and 1, for the model is a mean."""


class MeanWithPoint(Mean):
    operating_point = POINT


def answers(
    monkeypatch: pytest.MonkeyPatch, predictor: Mean, *asked: dict[str, str]
) -> tuple[dict[str, Any], list[httpx.Response]]:
    """What the service says of its model, and to the pictures at each request."""
    monkeypatch.setattr(serving, "load_model", lambda *_, **__: model_of(predictor))

    async def ask() -> tuple[dict[str, Any], list[httpx.Response]]:
        service = Service(Path("mean"), name=None, limits=Limits(), log=Log("none"))
        await service.start(end=lambda: None)
        transport = httpx.ASGITransport(app=make_app(service, Access()))
        files = [("files", item) for item in PICTURES.items()]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            model = (await client.get("/v1/model")).json()
            said = [await client.post("/v1/predict", files=files, params=p) for p in asked]
        await service.close()
        return model, said

    return asyncio.run(ask())


def labels(said: httpx.Response) -> list[str]:
    assert said.status_code == 200, said.text
    return [answer["label"] for answer in said.json()["answers"]]


def test_it_says_and_answers_by_its_operating_point(monkeypatch: pytest.MonkeyPatch) -> None:
    model, said = answers(
        monkeypatch,
        MeanWithPoint(),
        {},
        {"threshold": "operating-point"},
        {"threshold": "0.1"},
    )
    assert model["operating_point"] == POINT.to_dict()
    assert labels(said[0]) == ["dark", "bright", "bright"]
    assert labels(said[1]) == ["dark", "dark", "bright"]
    assert labels(said[2]) == ["bright", "bright", "bright"]
    whole = said[1].json()
    assert (whole["threshold"], whole["positive"]) == (0.75, "bright")
    grey_one = whole["answers"][1]
    assert grey_one["score"] == pytest.approx(0.4)
    assert grey_one["probabilities"] == pytest.approx({"dark": 0.4, "bright": 0.6})
    assert (said[0].json()["threshold"], said[0].json()["positive"]) == (None, None)


@pytest.mark.parametrize(
    ("predictor", "asked", "told"),
    [
        (Mean(), {"threshold": "0.5"}, "the model has no operating point"),
        (MeanWithPoint(), {"threshold": "1.5"}, "a probability from 0 to 1, not 1.5"),
        (MeanWithPoint(), {"threshold": "nan"}, "a probability from 0 to 1, not nan"),
        (MeanWithPoint(), {"threshold": "0.5", "accuracy": "0.9"}, "exclude each other"),
        (MeanWithPoint(), {"threshold": "high"}, "query.threshold"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, predictor: Mean, asked: dict[str, str], told: str
) -> None:
    _, (said,) = answers(monkeypatch, predictor, asked)
    assert said.status_code == 422
    assert told in said.json()["error"]
    assert said.json()["what_to_do"]


def test_without_one_the_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = answers(monkeypatch, Mean())
    assert model["operating_point"] is None
