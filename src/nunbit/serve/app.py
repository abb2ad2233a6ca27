"""The application: all routes, and every error as JSON that says what to do."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from nunbit import __version__
from nunbit.serve.bodies import Budget
from nunbit.serve.contracts.hub import hub_router
from nunbit.serve.contracts.open_inference import open_inference_router
from nunbit.serve.contracts.own import own_router
from nunbit.serve.guard import Guard
from nunbit.serve.health import admin_router, health_router
from nunbit.serve.page_files import page_router
from nunbit.serve.problems import Problem, malformed
from nunbit.serve.service import Service
from nunbit.serve.settings import Access

_ABOUT = """Classifies pictures. Three contracts, one model: Hugging Face's image-classification
(`/predict`), the Open Inference Protocol (`/v2`), and many files at once (`/v1/predict`)."""
_STATUS_CODES = {404: "unknown_address", 405: "wrong_method"}


def make_app(service: Service, access: Access) -> ASGIApp:
    """The application of a service, behind its guard."""
    app = FastAPI(
        title="nunbit serve",
        version=__version__,
        description=_ABOUT,
        # The pages that FastAPI would show for them are fetched from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    budget = Budget(service.limits)
    app.include_router(page_router())
    app.include_router(hub_router(service, budget))
    app.include_router(own_router(service, budget))
    app.include_router(open_inference_router(service, budget))
    app.include_router(health_router(service))
    if access.token is not None:
        app.include_router(admin_router(service))
    _answer_errors(app, service)
    return Guard(app, service=service, access=access)


def _answer_errors(app: FastAPI, service: Service) -> None:
    def told(problem: Problem) -> Response:
        service.metrics.refusals.labels(problem.code).inc()
        return Response(
            problem.body,
            status_code=problem.status,
            media_type="application/json",
            headers=problem.headers,
        )

    @app.exception_handler(Problem)
    async def known(_: Request, problem: Problem) -> Response:
        return told(problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return told(malformed(f"{place}: {first['msg']}", "/openapi.json describes every address"))

    @app.exception_handler(HTTPException)
    async def by_status(_: Request, error: HTTPException) -> Response:
        code = _STATUS_CODES.get(error.status_code, "http_error")
        headers = dict(error.headers or {})
        remedy = "/openapi.json describes every address"
        return told(
            Problem(error.status_code, code, str(error.detail), remedy=remedy, headers=headers)
        )

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> Response:
        service.log.event("error", f"internal error: {type(error).__name__}")
        return told(
            Problem(
                500,
                "internal_error",
                "nunbit made a mistake with this request",
                remedy="report it with what the server wrote",
            )
        )
