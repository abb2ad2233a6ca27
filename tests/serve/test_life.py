"""A server from its first moment to its last, as whoever runs it sees it."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest

from nunbit.cli import main
from nunbit.errors import BundleError
from nunbit.loading import load_predictor
from nunbit.runtime.exported import CONTRACT, NETWORK
from nunbit.serve.model import load_model
from tests.serve.conftest import CLASSES
from tests.serve.server import LONG, RUN, WITHOUT_TORCH, Served, serving

TOKEN = "a-secret-of-24-characters"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SLOW = (
    WITHOUT_TORCH
    + """
import os, time
from nunbit.runtime.engine import OnnxEngine
quick = OnnxEngine.answer
def slow(self, canvases):
    # Only where canvases are black, which those of the kit and of the trials are not.
    while not canvases.any() and not os.path.exists(os.environ["NUNBIT_TEST_GATE"]):
        time.sleep(0.01)
    return quick(self, canvases)
OnnxEngine.answer = slow
"""
)
BROKEN = (
    WITHOUT_TORCH
    + """
from nunbit.runtime.engine import OnnxEngine
working = OnnxEngine.answer
def broken(self, canvases):
    if not canvases.any():
        raise RuntimeError("the kernel is broken")
    return working(self, canvases)
OnnxEngine.answer = broken
"""
)


@pytest.fixture
def copy(export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(export, tmp_path / "pictures"))


@pytest.fixture(scope="module")
def black() -> bytes:
    """A PPM of black pixels."""
    return b"P6 32 32 255\n" + bytes(32 * 32 * 3)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Message of a server that does not start, in this process."""
    assert main(["serve", *words]) == 2
    return capsys.readouterr().err


def test_requests_that_run_are_answered_after_sigterm(
    export: Path, black: bytes, tmp_path: Path
) -> None:
    gate = {"NUNBIT_TEST_GATE": str(tmp_path / "open")}
    with (
        serving(export, before=SLOW, environment=gate) as served,
        ThreadPoolExecutor(2) as callers,
        served.client() as client,
    ):
        asked = [callers.submit(client.post, "/predict", content=black) for _ in range(2)]
        while "waiting 2.0" not in client.get("/metrics").text:
            pass
        served.process.send_signal(signal.SIGTERM)
        served.wait_for("draining")
        while accepts(served.port):
            pass
        assert not any(each.done() for each in asked)
        (tmp_path / "open").touch()
        for each in asked:
            assert each.result(LONG).status_code == 200
        assert served.process.wait(LONG) == 0
        assert served.other == []


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=LONG).close()
    except OSError:
        return False
    return True


def test_before_the_end_it_is_not_ready_and_still_answers(export: Path) -> None:
    patient = "import nunbit.serve.run\nnunbit.serve.run.LAME_SECONDS = 3600\n"
    with serving(export, before=WITHOUT_TORCH + patient) as served, served.client() as client:
        assert "connection" not in client.get("/ready").headers
        served.process.send_signal(signal.SIGTERM)
        served.wait_for("draining")
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert ready.json()["error"] == "the server is draining"
        assert ready.headers["connection"] == "close"
        assert client.get("/v1/model").status_code == client.get("/live").status_code == 200
        assert served.end() == 0  # whoever insists does not wait


def test_until_the_model_is_loaded_it_is_not_ready(export: Path) -> None:
    """The model is read from a pipe, so that loading waits for the test."""
    before = WITHOUT_TORCH + (
        "import nunbit.serve.service as service\n"
        "load = service.load_model\n"
        "def late(*given, **named):\n"
        "    sys.stdin.read()\n"
        "    return load(*given, **named)\n"
        "service.load_model = late\n"
    )
    words = ["serve", str(export), "--port", "0", "--log", "json"]
    process = subprocess.Popen(
        [sys.executable, "-c", before + RUN, *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    served = Served(process)
    reader = threading.Thread(target=served.read)
    reader.start()
    try:
        served.url = served.wait_for("listening")["address"].rstrip("/")
        with served.client() as client:
            assert client.get("/live").status_code == 200
            for response in (client.get("/ready"), client.post("/predict", content=b"x")):
                assert response.status_code == 503
                assert response.json()["code"] == "not_ready"
            assert client.post("/predict", content=b"x").headers["retry-after"] == "1"
            assert process.stdin is not None
            process.stdin.close()
            served.wait_for("ready")
            assert client.get("/ready").json() == {"ready": True, "model": "pictures"}
        assert served.end() == 0
    finally:
        process.kill()
        reader.join(LONG)
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(scope="module")
def other_export(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the same classes with other weights, and its own kit."""
    folder = Path(shutil.copytree(export, tmp_path_factory.mktemp("other") / "pictures"))
    model = onnx.load(folder / NETWORK)
    shape, kind = [len(CLASSES)], onnx.TensorProto.FLOAT
    biases = [b for b in model.graph.initializer if list(b.dims) == shape and b.data_type == kind]
    for bias in biases:
        values = onnx.numpy_helper.to_array(bias) + np.arange(3, dtype=np.float32)
        bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    (folder / NETWORK).write_bytes(model.SerializeToString())
    contract = json.loads((folder / CONTRACT).read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / NETWORK).read_bytes()).hexdigest()
    contract["files"][NETWORK] = digest
    (folder / CONTRACT).write_text(json.dumps(contract), encoding="utf-8")
    classifier, path = load_predictor(folder), folder / "conformance" / "expected.json"
    expected = json.loads(path.read_text(encoding="utf-8"))
    for row in expected["files"]:
        file = folder / "conformance" / row["file"]
        row["probabilities"] = classifier.predict_proba(file)[0].tolist()
    path.write_text(json.dumps(expected), encoding="utf-8")
    return folder


@pytest.fixture
def reloadable(copy: Path) -> Iterator[Served]:
    with serving(copy, environment={"NUNBIT_TOKEN": TOKEN}) as served:
        yield served


def exchange(folder: Path, other: Path) -> None:
    """Another export at the place of a folder, as whoever deploys one does it."""
    folder.rename(folder.with_name("before"))
    shutil.copytree(other, folder)


def test_a_reload_takes_the_new_model(
    reloadable: Served, copy: Path, other_export: Path, pictures: dict[str, bytes]
) -> None:
    with reloadable.client(headers=AUTHORIZED) as client:
        before = client.get("/v1/model").json()
        first = client.post("/predict", content=pictures["png_rgb.png"]).json()
        exchange(copy, other_export)
        assert client.post("/predict", content=pictures["png_rgb.png"]).json() == first
        told = client.post("/admin/reload").json()
        after = client.get("/v1/model").json()
        assert told == {"reloaded": True, "model": "pictures", "version": after["version"]}
        assert after["version"] != before["version"]
        assert client.post("/predict", content=pictures["png_rgb.png"]).json() != first
        # Back by the signal.
        shutil.rmtree(copy)
        copy.with_name("before").rename(copy)
        reloadable.process.send_signal(signal.SIGHUP)
        reloadable.wait_for("reloaded")
        assert reloadable.wait_for("reloaded")["model"] == "pictures"
        assert client.post("/predict", content=pictures["png_rgb.png"]).json() == first
        assert 'nunbit_reloads_total{result="done"} 2.0' in client.get("/metrics").text


def test_a_bad_model_is_refused_and_the_old_one_stays(
    reloadable: Served, copy: Path, export: Path, pictures: dict[str, bytes]
) -> None:
    with reloadable.client(headers=AUTHORIZED) as client:
        first = client.post("/predict", content=pictures["png_rgb.png"]).json()
        for number, fault in enumerate(FAULTS, start=1):
            shutil.rmtree(copy)
            shutil.copytree(export, copy)
            spoil(copy, fault)
            refused = client.post("/admin/reload")
            assert (refused.status_code, refused.json()["code"]) == (409, "reload_refused")
            assert "the old one stays" in refused.json()["error"]
            assert str(copy) not in refused.text
            assert client.post("/predict", content=pictures["png_rgb.png"]).json() == first
            assert client.get("/ready").status_code == 200
            counted = f'nunbit_reloads_total{{result="refused"}} {number}.0'
            assert counted in client.get("/metrics").text
    assert reloadable.end() == 0


FAULTS = ("network", "answers", "gone")


def spoil(folder: Path, fault: str) -> None:
    if fault == "gone":
        shutil.rmtree(folder)
    elif fault == "network":
        data = bytearray((folder / "model.onnx").read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "model.onnx").write_bytes(data)
    else:
        path = folder / "conformance" / "expected.json"
        expected = json.loads(path.read_text(encoding="utf-8"))
        expected["files"][3]["probabilities"][0] += 0.01
        path.write_text(json.dumps(expected), encoding="utf-8")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_model_is_not_loaded(copy: Path, fault: str) -> None:
    spoil(copy, fault)
    with pytest.raises(BundleError) as refused:
        load_model(copy, name=None, max_pixels=10**6)
    assert refused.value.remedy


def test_a_model_with_other_answers_is_not_served(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / "conformance" / "expected.json"
    name = json.loads(path.read_text(encoding="utf-8"))["files"][3]["file"]
    spoil(copy, "answers")
    told = refusal(capsys, str(copy), "--port", "0")
    assert f"{name}: a probability differs by 0.01" in told
    assert "what to do: restore the folder" in told


def test_a_broken_engine_ends_the_process_with_a_message(export: Path, black: bytes) -> None:
    with serving(export, before=BROKEN) as served, served.client() as client:
        response = client.post("/predict", content=black)
        assert response.status_code == 503
        assert served.process.wait(LONG) == 1
    assert "the engine failed: the kernel is broken" in "".join(served.other)


def test_a_taken_port_is_named(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refusal(capsys, str(export), "--port", str(port))
    assert f"port {port} of 127.0.0.1 cannot be listened on: another program does" in told
    assert "give another one with --port" in told


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--host", "0.0.0.0"], "no token is given"),
        (["--token", "short"], "at least 16 characters"),
        (["--token", "a secret with spaces in it"], "at least 16 characters"),
        (["--host", "no.such.host.invalid", "--token", TOKEN], "not an address of this computer"),
        (["--name", "a/b"], "no slash"),
    ],
)
def test_an_open_door_is_refused(
    export: Path, words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, str(export), "--port", "0", *words)
    assert what in told
    assert TOKEN not in told


@pytest.mark.slow
def test_a_run_is_served_on_torch(export: Path, pictures: dict[str, bytes]) -> None:
    """The bundle that the export was made of gives the same answers, within float32."""
    bundle = export.parent / "model"
    with serving(bundle, before="import sys\n") as served, served.client() as client:
        response = client.post("/predict", content=pictures["png_rgb.png"])
        got = {row["label"]: row["score"] for row in response.json()}
    expected = json.loads((export / "conformance/expected.json").read_text(encoding="utf-8"))
    (row,) = (row for row in expected["files"] if row["file"] == "png_rgb.png")
    assert [got[name] for name in CLASSES] == pytest.approx(row["probabilities"], abs=1e-4)
