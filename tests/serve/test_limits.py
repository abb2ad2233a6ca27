"""What a server refuses, by harmless samples; every refusal is JSON that says what to do."""

from __future__ import annotations

import base64
import io
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.serve.server import LONG, WITHOUT_TORCH, Served, serving

TOKEN = "a-secret-of-24-characters"


@pytest.fixture(scope="module")
def strict(export: Path) -> Iterator[Served]:
    """A server with small limits, and a token."""
    limits = ("--max-mebibytes", "1", "--max-files", "3", "--max-pixels", "100000")
    limits += ("--allow-host", "pictures.example")
    with serving(export, *limits, environment={"NUNBIT_TOKEN": TOKEN}) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(export: Path) -> Iterator[Served]:
    """A server that waits for nobody; what it answers in time depends on the machine."""
    quick = "import nunbit.serve.connections\nnunbit.serve.connections.HEAD_SECONDS = 0.5\n"
    with serving(export, "--max-seconds", "1", before=WITHOUT_TORCH + quick) as server:
        yield server


@pytest.fixture
def owner(strict: Served) -> Iterator[httpx.Client]:
    with strict.client(headers={"Authorization": f"Bearer {TOKEN}"}) as opened:
        yield opened


def said(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["error"]
    assert body["what_to_do"]
    return body


def png_header(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels, and which holds none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels


def one_colour(width: int, height: int) -> bytes:
    """A real picture that is far smaller packed than unpacked."""
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data", [png_header(60_000, 60_000), one_colour(400, 300)], ids=["promised", "real"]
)
def test_too_many_pixels_are_refused_by_the_header(owner: httpx.Client, data: bytes) -> None:
    assert len(data) < 1000
    body = said(owner.post("/predict", content=data), 413, "too_many_pixels")
    assert "enormous" in body["error"]
    (row,) = owner.post("/v1/predict", files={"files": ("a.png", data)}).json()["answers"]
    assert row["code"] == "too_many_pixels"


def test_the_usual_limit_is_25_million_pixels(client: httpx.Client) -> None:
    said(client.post("/predict", content=png_header(5001, 5000)), 413, "too_many_pixels")
    # One row less passes the limit, and the picture is then found to hold nothing.
    said(client.post("/predict", content=png_header(5000, 5000)), 422, "unusable_picture")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [(1 << 20) + 1, 5 << 20])
def test_too_many_bytes_are_counted_as_they_come(
    owner: httpx.Client, chunked: bool, size: int
) -> None:
    data = bytes(size)
    content = (data[at : at + 65536] for at in range(0, size, 65536)) if chunked else data
    said(owner.post("/predict", content=content), 413, "too_many_bytes")
    assert owner.get("/v1/model").status_code == 200


def test_too_many_files(owner: httpx.Client, pictures: dict[str, bytes]) -> None:
    files = [("files", ("one.gif", pictures["gif_animated.gif"]))] * 4
    said(owner.post("/v1/predict", files=files), 413, "too_many_pictures")
    assert owner.post("/v1/predict", files=files[:3]).status_code == 200


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "seen"</script></svg>'


@pytest.mark.parametrize(
    "data",
    [SVG, b"", b"\x00" * 100, b"GIF89a", b"<!DOCTYPE html><p>text", b"\xff\xd8\xff" + b"x" * 50],
    ids=["svg", "nothing", "zeros", "gif", "html", "jpeg"],
)
def test_what_is_not_a_picture(owner: httpx.Client, data: bytes) -> None:
    kind = {"Content-Type": "image/svg+xml"} if data == SVG else {}
    response = owner.post("/predict", content=data, headers=kind)
    said(response, 422, "unusable_picture")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["jpeg_444.jpg", "png_rgb.png", "webp_lossy.webp", "avif.avif"])
def test_truncated_pictures(client: httpx.Client, pictures: dict[str, bytes], name: str) -> None:
    data = pictures[name]
    said(client.post("/predict", content=data[: len(data) // 2]), 422, "unusable_picture")


@pytest.mark.parametrize(
    ("address", "kind"),
    [("/predict", "text/html"), ("/predict", "multipart/form-data"), ("/v1/predict", "image/png")],
)
def test_other_types(owner: httpx.Client, address: str, kind: str) -> None:
    response = owner.post(address, content=b"x", headers={"Content-Type": kind})
    said(response, 415, "wrong_content_type")


def test_packed_bodies_are_not_unpacked(owner: httpx.Client) -> None:
    headers = {"Content-Encoding": "gzip"}
    response = owner.post("/predict", content=b"x", headers=headers)
    said(response, 415, "wrong_content_type")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '"' + "x" * 100,
        "[" * 2000,
        '{"inputs": 7}',
        '{"inputs": "not base64!"}',
        '{"inputs": "", "parameters": 3}',
        '{"inputs": "", "parameters": {"top_k": 0}}',
        '{"inputs": "", "parameters": {"top_k": true}}',
        '{"inputs": "", "parameters": {"function_to_apply": "sigmoid"}}',
    ],
)
def test_json_that_says_something_else(owner: httpx.Client, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    said(owner.post("/predict", content=body, headers=headers), 422, "malformed_request")


@pytest.mark.parametrize("scheme", ["http", "HTTPS", "file", "ftp"])
def test_no_address_is_fetched(owner: httpx.Client, scheme: str) -> None:
    """A listener of the test's own is the address; nobody comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/a.png"
        body = said(owner.post("/", json={"inputs": address}), 422, "malformed_request")
        assert "no address is fetched" in body["error"]
        encoded = base64.b64encode(address.encode()).decode()
        said(owner.post("/", json={"inputs": encoded}), 422, "unusable_picture")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "path",
    [
        "/../nunbit.json",
        "/%2e%2e/nunbit.json",
        "/nunbit.json",
        "/model.onnx",
        "/conformance/expected.json",
        "//etc/passwd",
        "/app.js%00",
        "/v2/models/..%2f..%2fetc",
        "/docs",
        "/redoc",
    ],
)
def test_no_path_reaches_a_file(owner: httpx.Client, path: str) -> None:
    said(owner.get(path), 404, "unknown_address")


@pytest.mark.parametrize("form", ["field", "none", "cut", "begin", "boundary"])
def test_forms_that_hold_something_else(owner: httpx.Client, form: str) -> None:
    kind = "multipart/form-data; boundary=b"
    body = {
        "field": b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
        "none": b"--b--\r\n",
        "cut": b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n',
        "begin": b"--c\r\n\r\n",
        "boundary": b"x",
    }[form]
    headers = {"Content-Type": "multipart/form-data" if form == "boundary" else kind}
    response = owner.post("/v1/predict", content=body, headers=headers)
    said(response, 422, "malformed_request")


@pytest.mark.parametrize(
    "value", ["evil.example", "", "pictures.example.evil.example", "127.0.0.1.x"]
)
def test_foreign_hosts(owner: httpx.Client, value: str) -> None:
    """A page may let a name of its own point here (DNS rebinding); it is not one of ours."""
    said(owner.get("/live", headers={"Host": value}), 403, "foreign_host")


@pytest.mark.parametrize("value", ["pictures.example", "localhost:1", "[::1]:80", "192.0.2.1:8000"])
def test_own_hosts(owner: httpx.Client, value: str) -> None:
    assert owner.get("/live", headers={"Host": value}).status_code == 200


@pytest.mark.parametrize("value", ["http://evil.example", "null", "http://127.0.0.1:1", "x"])
def test_foreign_origins(owner: httpx.Client, pictures: dict[str, bytes], value: str) -> None:
    response = owner.post("/predict", content=pictures["png_rgb.png"], headers={"Origin": value})
    said(response, 403, "foreign_origin")
    assert "access-control-allow-origin" not in response.headers


def test_own_origins(owner: httpx.Client, strict: Served) -> None:
    for value in (strict.url, "https://pictures.example"):
        assert owner.get("/v1/model", headers={"Origin": value}).status_code == 200


@pytest.mark.parametrize(
    "given", [None, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"]
)
def test_without_the_token_nothing_is_read(strict: Served, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    with strict.client() as stranger:
        for method, path in (
            *(("POST", "/"), ("POST", "/predict"), ("POST", "/v1/predict"), ("GET", "/v1/model")),
            *(("GET", "/metrics"), ("GET", "/openapi.json"), ("POST", "/admin/reload")),
            *(("GET", "/v2"), ("POST", "/v2/models/pictures/infer"), ("GET", "/nothing")),
        ):
            response = stranger.request(method, path, headers=headers)
            said(response, 401, "token_missing_or_wrong")
        for path in ("/live", "/ready", "/v2/health/live", "/", "/app.js", "/style.css"):
            assert stranger.get(path).status_code == 200
    assert TOKEN not in json.dumps(strict.events)
    assert strict.other == []


def test_a_request_that_does_not_come_is_ended(impatient: Served) -> None:
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nsome"
    answer = b""
    while not answer:  # the head itself may have been too slow for it
        answer = everything(impatient, request)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "slow_request"' in answer


@pytest.mark.parametrize("begun", [b"", b"GET /live HTTP/1.1\r\nHost: localhost\r\nX-"])
def test_a_head_that_does_not_come_is_ended(impatient: Served, begun: bytes) -> None:
    """uvicorn alone would wait for ever."""
    assert everything(impatient, begun) == b""


def test_a_further_head_that_does_not_come_is_ended(impatient: Served) -> None:
    request = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = b""
    while not answer:  # the first one may be too slow for it, too
        answer = everything(impatient, request, further=request[:-2])
    assert answer.count(b'{"live":true}') == 1


def everything(served: Served, sent: bytes, *, further: bytes = b"") -> bytes:
    """All that the server says until it closes the connection; `further` follows its answer."""
    answer = b""
    with socket.create_connection(("127.0.0.1", served.port), timeout=LONG) as opened:
        try:
            opened.sendall(sent)
            while part := opened.recv(65536):
                answer += part
                if further and b'{"live":true}' in answer:
                    opened.sendall(further)
                    further = b""
        except ConnectionError:
            return answer
    return answer


def test_every_answer_has_the_headers(owner: httpx.Client) -> None:
    for response in (owner.get("/"), owner.get("/nothing"), owner.get("/v1/model")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in response.headers


def test_refusals_are_counted_by_reason(owner: httpx.Client) -> None:
    owner.post("/predict", content=b"x")
    numbers = owner.get("/metrics").text
    assert 'nunbit_refusals_total{reason="unusable_picture"}' in numbers
    assert 'nunbit_requests_total{route="/predict",status="422"}' in numbers
    owner.get("/a-path-of-the-caller")
    assert "a-path-of-the-caller" not in owner.get("/metrics").text
    assert 'route="other"' in owner.get("/metrics").text


def test_the_log_holds_nothing_of_the_caller(strict: Served, owner: httpx.Client) -> None:
    owner.post("/v1/predict", files={"files": ("my holiday.png", b"x")}, params={"q": "secret"})
    owner.get("/a-path-of-the-caller")
    owner.get("/live")
    told = [event for event in strict.events if event["event"] == "request"]
    assert all(set(event) == {"time", "event", "method", "route", "status", "ms"} for event in told)
    assert not any(word in json.dumps(told) for word in ("holiday", "secret", "caller", "127.0.0"))


def test_pictures_are_answered_right_at_the_end(owner: httpx.Client, strict: Served) -> None:
    """After all that came before, of which nothing was quoted on stderr."""
    assert strict.other == []
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(buffer, "PNG")
    assert owner.post("/predict", content=buffer.getvalue()).status_code == 200
