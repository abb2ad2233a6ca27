"""nunbit's own contract: many files at once, one answer or one reason for each."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from nunbit.errors import UnusableImage, UsageError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.predictor import Threshold
from nunbit.serve.answers import json_response
from nunbit.serve.bodies import Budget, files_of_form
from nunbit.serve.contracts.openapi import ERRORS, PICTURE
from nunbit.serve.engine import Row
from nunbit.serve.explaining import Explainer
from nunbit.serve.model import ServedModel
from nunbit.serve.problems import malformed, unusable
from nunbit.serve.ranking import ranked
from nunbit.serve.service import Service


class FileAnswer(BaseModel):
    """Answer for one file: label, score and probabilities, or error, code and what_to_do."""

    file: str
    label: str | None = None
    score: float | None = None
    unsure: bool | None = None
    """True if the score is below the threshold for the accuracy that was asked for."""
    probabilities: dict[str, float] | None = None
    error: str | None = None
    code: str | None = None
    what_to_do: str | None = None


class FileAnswers(BaseModel):
    """Answers in the order of the files."""

    model: str
    version: str
    accuracy: float | None = None
    threshold: float | None = None
    """Confidence below which answers are unsure; or the probability that `positive` needs."""
    positive: str | None = None
    """Class that an asked threshold is about."""
    answers: list[FileAnswer]


class ModelDescription(BaseModel):
    """Description of the model that is served."""

    name: str
    version: str
    architecture: str
    classes: list[str]
    thresholds: dict[str, float]
    operating_point: dict[str, Any] | None
    """Threshold of a model of two classes: positive, threshold, rule, n_validation."""
    preprocess: dict[str, Any]
    explains: bool
    """True if /v1/explain has answers."""


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            }
        },
    }
}


def own_router(service: Service, budget: Budget) -> APIRouter:
    """Routes of the contract."""
    router = APIRouter(prefix="/v1", tags=["nunbit"])

    @router.post("/predict", response_model=FileAnswers, responses=ERRORS, openapi_extra=_BODY)
    async def predict_files(
        request: Request,
        accuracy: Annotated[float | None, Query(ge=0, le=1)] = None,
        threshold: Annotated[Threshold | None, Query()] = None,
    ) -> Response:
        """Classify the files of a form, each for itself: one bad file never fails the others.

        With `accuracy`, such as 0.95, answers that are not sure enough for it are marked unsure.
        With `threshold`, `operating-point` or a probability, a model of two classes answers its
        positive one from that probability on.
        """
        choice = _choice(service.model, accuracy, threshold)
        async with budget.body(request) as body:
            files = await files_of_form(request, body, limits=service.limits)
            model, rows = await service.answer([data for _, data in files])
        answers = [
            _answer(service, model, name, row, choice)
            for (name, _), row in zip(files, rows, strict=True)
        ]
        whole = {
            "model": model.name,
            "version": model.version,
            "accuracy": accuracy,
            "threshold": choice.point.threshold if choice.point else choice.sure,
            "positive": choice.point.positive if choice.point else None,
            "answers": answers,
        }
        return json_response(whole)

    explainer = Explainer()

    @router.post(
        "/explain",
        response_class=Response,
        responses={200: {"content": {"image/png": PICTURE}}, **ERRORS},
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/octet-stream": PICTURE}}
        },
    )
    async def explain(request: Request) -> Response:
        """Show what the network looked at in one picture, given as its bytes."""
        model = service.model
        async with budget.body(request) as body:
            try:
                await asyncio.to_thread(model.reading.canvas, body)  # within the limit of pixels
                shown = await asyncio.to_thread(explainer.png, model.predictor, body)
            except UnusableImage as error:
                raise unusable(error) from None
        return Response(shown, media_type="image/png")

    @router.get("/model", response_model=ModelDescription, responses=ERRORS)
    async def describe_model() -> Response:
        """Describe the model: its classes, thresholds and input contract."""
        return json_response(service.model.description())

    return router


class _Choice(NamedTuple):
    """Thresholds that a caller asked for."""

    sure: float | None = None
    point: OperatingPoint | None = None


def _choice(model: ServedModel, accuracy: float | None, threshold: Threshold | None) -> _Choice:
    predictor = model.predictor
    try:
        point = predictor.asked_point(threshold, accuracy)
        return _Choice(None if accuracy is None else predictor.threshold(accuracy), point)
    except UsageError as error:
        raise malformed(error.what, error.remedy) from None


def _answer(
    service: Service,
    model: ServedModel,
    name: str,
    row: Row | UnusableImage,
    choice: _Choice,
) -> dict[str, object]:
    if isinstance(row, UnusableImage):
        problem = unusable(row, which="the file")
        service.metrics.refusals.labels(problem.code).inc()
        return {
            "file": name,
            "error": problem.message,
            "code": problem.code,
            "what_to_do": problem.remedy,
        }
    label, score = ranked(row, model.classes, 1)[0]
    if choice.point is not None:
        place = int(choice.point.answers(row[np.newaxis], model.classes)[0])
        label, score = model.classes[place], float(row[place])
    return {
        "file": name,
        "label": label,
        "score": score,
        "unsure": None if choice.sure is None else score < choice.sure,
        "probabilities": dict(zip(model.classes, map(float, row), strict=True)),
    }
