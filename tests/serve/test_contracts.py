"""The three contracts over real HTTP, by the clients that people have."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from nunbit.loading import load_predictor
from tests.serve.conftest import CLASSES, SIZE
from tests.serve.server import LONG, Served

PICTURE = "png_rgb.png"


@pytest.fixture(scope="module")
def truth(export: Path) -> Any:
    """Answers of `nunbit predict` by the name of a file of the kit."""
    classifier = load_predictor(export)

    def of(name: str) -> dict[str, float]:
        (row,) = classifier.predict_proba(export / "conformance" / name)
        return dict(zip(CLASSES, map(float, row), strict=True))

    return of


def test_raw_bytes_and_base64_give_the_answer_of_predict(
    client: httpx.Client, pictures: dict[str, bytes], truth: Any
) -> None:
    expected = truth(PICTURE)
    asked = {"inputs": base64.b64encode(pictures[PICTURE]).decode(), "parameters": {"top_k": 2}}
    raw = client.post("/", content=pictures[PICTURE], headers={"Content-Type": "image/png"})
    untyped = client.post("/predict", content=pictures[PICTURE])
    encoded = client.post("/predict", json=asked)
    assert raw.status_code == encoded.status_code == 200
    assert raw.json() == untyped.json()
    assert encoded.json() == raw.json()[:2]
    assert [row["label"] for row in raw.json()] == sorted(expected, key=lambda n: -expected[n])
    assert {row["label"]: row["score"] for row in raw.json()} == pytest.approx(expected, abs=1e-6)


def test_every_file_of_a_form_has_its_answer_or_its_reason(
    client: httpx.Client, pictures: dict[str, bytes], truth: Any
) -> None:
    hostile = '"><img src=x onerror=alert(1)>.png'
    files = [
        ("files", (hostile, pictures[PICTURE])),
        ("files", ("text.jpg", b"this is a text")),
        ("anything", ("끝.webp", pictures["webp_lossy.webp"])),
        ("files", ("cut.jpg", pictures["jpeg_444.jpg"][:3000])),
    ]
    said = client.post("/v1/predict", files=files, params={"accuracy": 0.9})
    assert said.status_code == 200
    assert said.headers["content-type"] == "application/json"
    first, second, third, fourth = said.json()["answers"]
    # A browser writes quotes in a file's name as %22 (WHATWG), and httpx does the same.
    assert first["file"] == hostile.replace('"', "%22")
    assert first["probabilities"] == pytest.approx(truth(PICTURE), abs=1e-6)
    assert first["score"] == max(first["probabilities"].values())
    assert (first["unsure"], said.json()["threshold"]) == (first["score"] < 0.2, 0.2)
    assert second["file"] == "text.jpg"
    assert second["error"] == "the file cannot be used: not an image"
    assert third["file"] == "끝.webp"
    assert third["probabilities"] == pytest.approx(truth("webp_lossy.webp"), abs=1e-6)
    assert fourth["error"].startswith("the file cannot be used: truncated")
    assert all("label" not in each for each in (second, fourth))
    strict = client.post("/v1/predict", files=files[:1], params={"accuracy": 0.95})
    assert strict.json()["answers"][0]["unsure"] is True
    unknown = client.post("/v1/predict", files=files[:1], params={"accuracy": 0.5})
    assert (unknown.status_code, unknown.json()["what_to_do"]) == (422, "it has one for 0.9, 0.95")


def test_tensors_in_json(client: httpx.Client, pictures: dict[str, bytes], truth: Any) -> None:
    data = [base64.b64encode(pictures[PICTURE]).decode()] * 2
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2], "data": data}
    said = client.post("/v2/models/pictures/infer", json={"id": "seven", "inputs": [tensor]}).json()
    assert (said["model_name"], said["id"]) == ("pictures", "seven")
    label, probabilities = said["outputs"]
    expected = truth(PICTURE)
    assert label["data"] == [max(expected, key=lambda name: expected[name])] * 2
    assert probabilities["shape"] == [2, 3]
    assert probabilities["data"] == pytest.approx([*expected.values()] * 2, abs=1e-6)


def test_canvases_are_answered_as_they_are(client: httpx.Client, export: Path) -> None:
    canvas = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    tensor = {
        "name": "image",
        "datatype": "UINT8",
        "shape": [1, SIZE, SIZE, 3],
        "data": canvas.tolist(),
    }
    said = client.post("/v2/models/pictures/versions/1/infer", json={"inputs": [tensor]}).json()
    expected = load_predictor(export).predict_proba(canvas)[0]
    assert said["outputs"][1]["data"] == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"inputs": []}, "one input"),
        ({"inputs": "x"}, "one input"),
        ({"name": "picture"}, "not called image"),
        ({"shape": [-1]}, "shape"),
        ({"shape": [0]}, "no picture"),
        ({"shape": [2]}, "shape says 2"),
        ({"shape": [65]}, "more than 64"),
        ({"datatype": "FP32"}, "datatype"),
        ({"data": ["not base64!"]}, "base64"),
        ({"data": [1]}, "list of texts"),
        ({"datatype": "UINT8", "shape": [1, 2, 2, 3]}, "canvases have the shape"),
        ({"datatype": "UINT8", "shape": [1, SIZE, SIZE, 3], "data": [[1], [2, 3]]}, "0 to 255"),
        ({"datatype": "UINT8", "shape": [1, SIZE, SIZE, 3], "data": [256]}, "0 to 255"),
        ({"datatype": "UINT8", "shape": [1, SIZE, SIZE, 3], "data": [1]}, "1 came"),
        ({"parameters": {"binary_data_size": 4}}, "0 bytes follow"),
        ({"data": [base64.b64encode(b"a text").decode()]}, "not an image"),
    ],
)
def test_a_wrong_tensor_is_named(client: httpx.Client, change: dict[str, Any], word: str) -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [""]}
    body = change if "inputs" in change else {"inputs": [{**tensor, **change}]}
    said = client.post("/v2/models/pictures/infer", json=body)
    assert said.status_code in (413, 422)
    assert word in said.json()["error"]


@pytest.mark.parametrize(
    ("length", "tail"), [("99999", b""), ("-1", b""), ("x", b""), ("1" * 30, b""), (None, b"\x01")]
)
def test_binary_tensors_that_are_cut(client: httpx.Client, length: str | None, tail: bytes) -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1]}
    head = {"inputs": [{**tensor, "parameters": {"binary_data_size": len(tail)}}]}
    text = json.dumps(head).encode()
    headers = {"Inference-Header-Content-Length": length or str(len(text))}
    said = client.post("/v2/models/pictures/infer", content=text + tail, headers=headers)
    assert said.status_code == 422
    assert said.json()["code"] == "malformed_request"


def test_text_that_utf_8_cannot_hold(client: httpx.Client, pictures: dict[str, bytes]) -> None:
    """Half a pair of surrogates in JSON, and names of files in an encoding that makes one."""
    data = [base64.b64encode(pictures[PICTURE]).decode()]
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": data}
    for more in ({}, {"parameters": {"binary_data_output": True}}):
        body = json.dumps({"id": "\ud800", "inputs": [tensor], **more})
        said = client.post("/v2/models/pictures/infer", content=body)
        assert said.status_code == 200
        assert b'"id": "?"' in said.content
    kind = "multipart/form-data; boundary=b; charset=raw_unicode_escape"
    form = b'--b\r\nContent-Disposition: form-data; name="a"; filename="\\ud800.png"\r\n\r\n'
    form += pictures[PICTURE] + b"\r\n--b--\r\n"
    said = client.post("/v1/predict", content=form, headers={"Content-Type": kind})
    (answer,) = said.json()["answers"]
    assert answer["file"].isprintable()
    assert answer["label"] in CLASSES


def test_another_model_is_not_here(client: httpx.Client) -> None:
    for address in ("/v2/models/other", "/v2/models/pictures/versions/2"):
        said = client.get(address)
        assert (said.status_code, said.json()["code"]) == (404, "unknown_model")
        assert said.json()["what_to_do"] == "ask for pictures"


CLIENTS = """
import json, sys
import numpy as np
import tritonclient.http as triton
from huggingface_hub import InferenceClient

address, path = sys.argv[1:]
data = open(path, "rb").read()
hub = InferenceClient(address)
found = {
    "hub": [[row.label, row.score] for row in hub.image_classification(data)],
    "top": [row.label for row in hub.image_classification(path, top_k=2)],
}
client = triton.InferenceServerClient(address.removeprefix("http://"))
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("pictures")
found["metadata"] = client.get_model_metadata("pictures")
found["server"] = client.get_server_metadata()
files = triton.InferInput("image", [3], "BYTES")
files.set_data_from_numpy(np.array([data] * 3, dtype=object))
answer = client.infer("pictures", [files])
found["labels"] = [label.decode() for label in answer.as_numpy("label")]
found["probabilities"] = answer.as_numpy("probabilities").tolist()
canvases = triton.InferInput("image", [1, 32, 32, 3], "UINT8")
canvases.set_data_from_numpy(np.zeros((1, 32, 32, 3), np.uint8))
wanted = triton.InferRequestedOutput("probabilities", binary_data=False)
answer = client.infer("pictures", [canvases], outputs=[wanted])
found["black"] = answer.as_numpy("probabilities").tolist()
files.set_data_from_numpy(np.array([data, b"no", data], dtype=object))
try:
    client.infer("pictures", [files])
except triton.InferenceServerException as error:
    found["error"] = error.message()
print(json.dumps(found))
"""


def test_clients_of_hugging_face_and_triton(served: Served, export: Path, truth: Any) -> None:
    """In a process of their own: gevent, which one of them brings, is not for ours."""
    path = export / "conformance" / PICTURE
    environment = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLIENTS, served.url, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, expected = json.loads(done.stdout), truth(PICTURE)
    ranked = sorted(expected, key=lambda name: -expected[name])
    assert [label for label, _ in found["hub"]] == ranked
    assert dict(found["hub"]) == pytest.approx(expected, abs=1e-6)
    assert found["top"] == ranked[:2]
    assert found["labels"] == [ranked[0]] * 3
    for row in found["probabilities"]:
        assert row == pytest.approx(list(expected.values()), abs=1e-6)
    assert sum(found["black"][0]) == pytest.approx(1, abs=1e-5)
    assert found["error"].startswith("picture 1 cannot be used: not an image")
    assert found["metadata"]["parameters"]["classes"] == list(CLASSES)
    assert found["server"]["extensions"] == ["binary_tensor_data"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_as_the_readme_says(served: Served, export: Path) -> None:
    path = export / "conformance" / PICTURE
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--noproxy",
            "*",
            "--data-binary",
            f"@{path}",
            f"{served.url}/predict",
        ],
        capture_output=True,
        timeout=LONG,
        check=True,
    )
    assert {row["label"] for row in json.loads(done.stdout)} == set(CLASSES)


def test_the_description_names_every_address(client: httpx.Client) -> None:
    said = client.get("/openapi.json").json()
    assert set(said["paths"]) == {
        *(
            "/",
            "/predict",
            "/v1/predict",
            "/v1/model",
            "/v1/explain",
            "/live",
            "/ready",
            "/metrics",
        ),
        *("/v2", "/v2/health/live", "/v2/health/ready"),
        *("/v2/models/{name}", "/v2/models/{name}/ready", "/v2/models/{name}/infer"),
        "/v2/models/{name}/versions/{version}",
        "/v2/models/{name}/versions/{version}/ready",
        "/v2/models/{name}/versions/{version}/infer",
    }
    for path, methods in said["paths"].items():
        for method, described in methods.items():
            if method == "post":
                assert described["requestBody"]["content"], path
                assert {"413", "415", "422", "429", "503"} <= set(described["responses"]), path


def test_the_model_is_described_without_its_place(client: httpx.Client, export: Path) -> None:
    said = client.get("/v1/model")
    assert said.json()["classes"] == list(CLASSES)
    assert said.json()["name"] == "pictures"
    assert str(export.parent) not in said.text


def test_an_export_is_not_explained(client: httpx.Client, pictures: dict[str, bytes]) -> None:
    assert client.get("/v1/model").json()["explains"] is False
    said = client.post("/v1/explain", content=pictures[PICTURE])
    assert (said.status_code, said.json()["code"]) == (404, "no_explanations")
