"""Addresses of a server: their names in numbers and log, and who needs a token for them."""

from __future__ import annotations

PAGE_FILES = (
    *("app.js", "camera.js", "results.js", "words.js", "model.js", "here.js"),
    *("style.css", "icon-192.png", "manifest.webmanifest"),
)
"""Files of the page beside its HTML."""
HEALTH = ("/live", "/ready", "/v2/health/live", "/v2/health/ready")
_EXACT = frozenset(
    [
        *HEALTH,
        *("/", "/predict", "/v1/predict", "/v1/model", "/v1/explain"),
        *("/metrics", "/openapi.json", "/admin/reload", "/v2"),
    ]
)
_MODELS = "/v2/models/"
_FILES = frozenset(f"/{name}" for name in PAGE_FILES)


def route_of(path: str) -> str:
    """Name of an address from a closed set, whatever a caller asks for."""
    if path in _EXACT:
        return path
    if path in _FILES:
        return "page"
    if path.startswith(_MODELS):
        last = path.rpartition("/")[2]
        return f"{_MODELS}NAME/{last}" if last in ("infer", "ready") else f"{_MODELS}NAME"
    return "other"


def is_open(method: str, path: str) -> bool:
    """Tell whether anybody may ask for it: health, and the page, which holds nothing of a model."""
    return method in ("GET", "HEAD") and (path in HEALTH or path == "/" or path in _FILES)
