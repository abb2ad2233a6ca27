"""The page for people: the one that `nunbit export --to web` writes, with the server as its model.

All its files are read once, when the server starts; a caller names one of a closed set.
"""

from __future__ import annotations

import io
import json
from importlib import resources

from fastapi import APIRouter
from starlette.responses import Response

from nunbit.export.icon import draw_icon
from nunbit.serve.routes import PAGE_FILES

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
_OWN = ("model.js", "here.js")
_ICON_SIZE = 192


def page_router() -> APIRouter:
    """Routes of the page and its files; what they hold is the same for every model."""
    router = APIRouter(include_in_schema=False)
    for name, content in _page_files().items():
        path = "/" if name == "index.html" else f"/{name}"
        router.add_api_route(path, _giver(name, content), methods=["GET"])
    return router


def _giver(name: str, content: bytes):  # type: ignore[no-untyped-def]
    kind = _KINDS[name.rpartition(".")[2]]
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}

    async def give() -> Response:
        return Response(content, media_type=kind, headers=headers)

    return give


def _page_files() -> dict[str, bytes]:
    shared = resources.files("nunbit.export") / "web"
    own = resources.files("nunbit.serve") / "page"
    manifest = {"name": "nunbit", "start_url": "./", "scope": "./", "display": "standalone"}
    made = {
        f"icon-{_ICON_SIZE}.png": _icon(),
        "manifest.webmanifest": json.dumps(manifest).encode(),
    }
    names = ("index.html", *(name for name in PAGE_FILES if name not in made))
    read = {name: ((own if name in _OWN else shared) / name).read_bytes() for name in names}
    return {**read, **made}


def _icon() -> bytes:
    buffer = io.BytesIO()
    draw_icon(_ICON_SIZE).save(buffer, "PNG")
    return buffer.getvalue()
