"""Health, numbers, and loading the model again."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nunbit.errors import NunbitError
from nunbit.serve.answers import json_response
from nunbit.serve.contracts.openapi import ERRORS, Error
from nunbit.serve.metrics import CONTENT_TYPE
from nunbit.serve.problems import Problem
from nunbit.serve.service import Service


def health_router(service: Service) -> APIRouter:
    """Routes for whatever watches over the server."""
    router = APIRouter(tags=["Health"])

    @router.get("/live", operation_id="live")
    @router.get("/v2/health/live", operation_id="live_v2")
    async def live() -> dict[str, bool]:
        """Say that the process answers."""
        return {"live": True}

    @router.get("/ready", operation_id="ready", responses={503: {"model": Error}})
    @router.get("/v2/health/ready", operation_id="ready_v2", responses={503: {"model": Error}})
    async def ready() -> Response:
        """Say whether requests are taken: 503 while the model is loaded, and before the end."""
        if service.status != "ready":
            raise Problem(503, "not_ready", f"the server is {service.status}")
        return json_response({"ready": True, "model": service.model.name})

    @router.get("/metrics", response_class=Response, responses=ERRORS)
    async def metrics() -> Response:
        """Give the numbers of this server in Prometheus's text format."""
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router


def admin_router(service: Service) -> APIRouter:
    """Routes for who runs the server; only where there is a token."""
    router = APIRouter(tags=["Administration"])

    @router.post(
        "/admin/reload", responses={**ERRORS, 409: {"model": Error, "description": "Refused"}}
    )
    async def reload() -> Response:
        """Load the model again from its folder; it takes over if it answers its kit."""
        try:
            model = await service.reload()
        except NunbitError as error:
            raise Problem(
                409,
                "reload_refused",
                f"the new model is refused, and the old one stays: {error.what}",
                remedy=error.remedy,
            ) from None
        told = {"reloaded": True, "model": model.name, "version": model.version}
        return json_response(told)

    return router
