"""The Open Inference Protocol, version 2, with Triton's binary tensors.

N pictures, K classes, H height, W width, C channels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from nunbit import __version__
from nunbit.errors import UnusableImage
from nunbit.serve.answers import json_response, to_json
from nunbit.serve.bodies import Budget, json_object, too_many_files
from nunbit.serve.contracts.openapi import ERRORS
from nunbit.serve.contracts.tensors import (
    HEADER,
    bytes_tensor,
    canvases_in,
    files_in,
    shape_of,
    split_body,
)
from nunbit.serve.engine import Row
from nunbit.serve.model import ServedModel
from nunbit.serve.problems import Problem, malformed, unusable
from nunbit.serve.service import Picture, Service

OUTPUTS = ("label", "probabilities")
PLATFORM = "nunbit"
_VERSIONS = ("", "1")
"""Versions that a model may be asked for under; there is one."""

_BODY = {
    "parameters": [
        {
            "name": "Inference-Header-Content-Length",
            "in": "header",
            "required": False,
            "schema": {"type": "integer"},
            "description": "Bytes of the JSON, where binary tensors follow it",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "inputs": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 1,
                            "items": {
                                "type": "object",
                                "required": ["name", "shape", "datatype"],
                                "properties": {
                                    "name": {"const": "image"},
                                    "shape": {"type": "array", "items": {"type": "integer"}},
                                    "datatype": {"enum": ["BYTES", "UINT8"]},
                                    "data": {"type": "array"},
                                    "parameters": {"type": "object"},
                                },
                            },
                        },
                        "outputs": {"type": "array"},
                        "parameters": {"type": "object"},
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


def open_inference_router(service: Service, budget: Budget) -> APIRouter:
    """Routes of the protocol, but for health."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"], responses=ERRORS)

    @router.get("")
    async def server_metadata() -> dict[str, Any]:
        """Name and version of the server, and its extensions."""
        return {
            "name": "nunbit",
            "version": __version__,
            "extensions": ["binary_tensor_data"],
        }

    @router.get("/models/{name}/ready")
    @router.get("/models/{name}/versions/{version}/ready")
    async def model_ready(name: str, version: str = "") -> Response:
        """Say that a model is ready."""
        model = _named(service, name, version)
        if service.status != "ready":
            raise Problem(503, "not_ready", f"the server is {service.status}")
        return json_response({"name": model.name, "ready": True})

    @router.get("/models/{name}")
    @router.get("/models/{name}/versions/{version}")
    async def model_metadata(name: str, version: str = "") -> Response:
        """Inputs and outputs of a model."""
        return json_response(_metadata(_named(service, name, version)))

    @router.post("/models/{name}/infer", openapi_extra=_BODY, operation_id="infer")
    @router.post(
        "/models/{name}/versions/{version}/infer",
        openapi_extra=_BODY,
        operation_id="infer_version",
    )
    async def infer(request: Request, name: str, version: str = "") -> Response:
        """Classify pictures: files as BYTES [N], or canvases as UINT8 [N, H, W, C]."""
        _named(service, name, version)
        async with budget.body(request) as body:
            head, tensors = split_body(body, request.headers.get(HEADER))
            asked = await json_object(head)
            outputs = _wanted(asked)
            pictures = await asyncio.to_thread(_pictures, service, asked, tensors)
            model, found = await service.answer(pictures)
        rows = _rows(found)
        return _response(model, rows, asked.get("id"), outputs)

    return router


def _named(service: Service, name: str, version: str) -> ServedModel:
    model = service.model
    if name != model.name or version not in _VERSIONS:
        raise Problem(
            404,
            "unknown_model",
            "there is no model of this name and version here",
            remedy=f"ask for {model.name}",
        )
    return model


def _metadata(model: ServedModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "versions": ["1"],
        "platform": PLATFORM,
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(model.classes)]},
        ],
        "parameters": {
            "classes": list(model.classes),
            "network": model.version,
            "canvas": [
                model.reading.height,
                model.reading.width,
                model.reading.channels,
            ],
        },
    }


def _pictures(service: Service, asked: Mapping[str, Any], tensors: memoryview) -> Sequence[Picture]:
    """The pictures of the only input. Raises Problem."""
    inputs = asked.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise malformed("`inputs` is not a list of one input", "send one input, called image")
    tensor, limit = inputs[0], service.limits.files
    if tensor.get("name") != "image":
        raise malformed("the input is not called image", "call it image")
    shape, kind = shape_of(tensor), tensor.get("datatype")
    if not shape or shape[0] < 1:
        raise malformed("the input holds no picture", "send at least one")
    if shape[0] > limit:
        raise too_many_files(limit)
    if kind == "BYTES":
        if len(shape) != 1 and shape[1:] != (1,):
            raise malformed(f"files have the shape [N], not {list(shape)}", "send [N]")
        return files_in(tensor, tensors, count=shape[0])
    contract = service.model.reading
    wanted = (contract.height, contract.width, contract.channels)
    if kind != "UINT8":
        raise malformed("the input's datatype is not BYTES or UINT8", "send one of them")
    if shape[1:] != wanted:
        raise malformed(
            f"canvases have the shape [N, {', '.join(map(str, wanted))}], not {list(shape)}",
            "send files as BYTES, and they are brought to it",
        )
    return list(canvases_in(tensor, tensors, shape=shape))


def _wanted(asked: Mapping[str, Any]) -> dict[str, bool]:
    """Names of the outputs that are asked for, and whether each is to be binary."""
    parameters = asked.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise malformed("`parameters` is not an object", "leave it out")
    usual = bool(parameters.get("binary_data_output", False))
    given = asked.get("outputs")
    if not given:
        return dict.fromkeys(OUTPUTS, usual)
    known = isinstance(given, list) and all(
        isinstance(each, dict) and each.get("name") in OUTPUTS for each in given
    )
    if not known or not isinstance(given, list):
        raise malformed("an output is not known", f"there are {' and '.join(OUTPUTS)}")
    wanted = {}
    for each in given:
        own = each.get("parameters") or {}
        binary = own.get("binary_data", usual) if isinstance(own, dict) else usual
        wanted[str(each["name"])] = bool(binary)
    return wanted


def _rows(found: Sequence[Row | UnusableImage]) -> list[Row]:
    rows = []
    for number, row in enumerate(found):
        if isinstance(row, UnusableImage):
            raise unusable(row, which="the picture" if len(found) == 1 else f"picture {number}")
        rows.append(row)
    return rows


def _response(
    model: ServedModel, rows: Sequence[Row], asked_id: object, outputs: Mapping[str, bool]
) -> Response:
    labels = [model.classes[int(row.argmax())] for row in rows]
    probabilities = np.stack(rows).astype(np.float32)
    described: list[dict[str, Any]] = []
    behind = b""
    for name, binary in outputs.items():
        text = name == "label"
        one: dict[str, Any] = {
            "name": name,
            "datatype": "BYTES" if text else "FP32",
            "shape": [len(rows)] if text else list(probabilities.shape),
        }
        if binary:
            raw = bytes_tensor(labels) if text else probabilities.astype("<f4").tobytes()
            one["parameters"] = {"binary_data_size": len(raw)}
            behind += raw
        else:
            one["data"] = labels if text else probabilities.ravel().tolist()
        described.append(one)
    whole: dict[str, Any] = {"model_name": model.name, "model_version": "1", "outputs": described}
    if isinstance(asked_id, str):
        whole["id"] = asked_id
    if not any(outputs.values()):
        return json_response(whole)
    head = to_json(whole)
    return Response(
        head + behind,
        media_type="application/octet-stream",
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
