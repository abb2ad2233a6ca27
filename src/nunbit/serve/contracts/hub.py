"""Hugging Face's task image-classification: `POST /` and `/predict`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from nunbit.errors import UnusableImage
from nunbit.serve.answers import json_response
from nunbit.serve.bodies import Budget, content_type, json_object
from nunbit.serve.contracts.openapi import ERRORS, PICTURE
from nunbit.serve.problems import malformed, unusable, wrong_kind
from nunbit.serve.ranking import ranked
from nunbit.serve.service import Service

DEFAULT_TOP_K = 5
"""Number of answers in the task's own definition."""
_RAW = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Types under which programs send bytes that they know nothing about; the last is curl's."""


class LabelScore(BaseModel):
    """A class and its probability."""

    label: str
    score: float


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": PICTURE,
            "application/octet-stream": PICTURE,
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "inputs": {"type": "string", "contentEncoding": "base64"},
                        "parameters": {
                            "type": "object",
                            "properties": {
                                "top_k": {"type": "integer", "minimum": 1},
                                "function_to_apply": {"enum": ["softmax", None]},
                            },
                        },
                    },
                }
            },
        },
    }
}


def hub_router(service: Service, budget: Budget) -> APIRouter:
    """Routes of the task."""
    router = APIRouter(tags=["Hugging Face image-classification"])

    async def classify(
        request: Request, top_k: Annotated[int | None, Query(ge=1)] = None
    ) -> Response:
        """Classify one picture: its bytes, or JSON with base64 `inputs`.

        The answer names the most probable classes, best first: five, or `top_k`.
        """
        async with budget.body(request) as body:
            data, given = body, top_k
            if content_type(request) == "application/json":
                data, asked = _of_json(await json_object(body))
                given = asked or top_k
            elif not _is_raw(content_type(request)):
                raise wrong_kind(
                    "this address takes the bytes of a picture, or JSON",
                    "send them with Content-Type: image/jpeg, or application/octet-stream; "
                    "forms go to /v1/predict",
                )
            model, (row,) = await service.answer([data])
        if isinstance(row, UnusableImage):
            raise unusable(row)
        best = ranked(row, model.classes, given or DEFAULT_TOP_K)
        answer = [{"label": label, "score": score} for label, score in best]
        return json_response(answer)

    add: Callable[..., Any] = router.add_api_route
    for path in ("/", "/predict"):
        add(
            path,
            classify,
            methods=["POST"],
            response_model=list[LabelScore],
            responses=ERRORS,
            openapi_extra=_BODY,
            operation_id="classify" if path == "/predict" else "classify_at_root",
        )
    return router


def _is_raw(kind: str) -> bool:
    return kind in _RAW or kind.startswith("image/")


def _of_json(value: dict[str, object]) -> tuple[bytes, int | None]:
    """Bytes of the picture, and the number of classes that are asked for. Raises Problem."""
    inputs, parameters = value.get("inputs"), value.get("parameters") or {}
    if not isinstance(inputs, str):
        raise malformed("`inputs` is not a text", "give the picture's bytes in base64 as `inputs`")
    if inputs[:8].lower().startswith(("http:", "https:", "file:", "ftp:")):
        raise malformed(
            "`inputs` is an address, and no address is fetched for a caller",
            "send the picture itself, in base64",
        )
    if not isinstance(parameters, dict):
        raise malformed("`parameters` is not an object", 'such as {"top_k": 3}')
    top_k = parameters.get("top_k")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise malformed("`top_k` is not a whole number from 1 on", 'such as {"top_k": 3}')
    if parameters.get("function_to_apply") not in (None, "softmax"):
        raise malformed(
            "`function_to_apply` is softmax here, at the model's own temperature",
            "leave it out",
        )
    try:
        return base64.b64decode(inputs, validate=True), top_k
    except (binascii.Error, ValueError):
        raise malformed("`inputs` is not base64", "encode the picture's bytes in base64") from None
