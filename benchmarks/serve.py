"""How many pictures a second `nunbit serve` answers, beside other servers with the same network.

    python benchmarks/serve.py [--repeats 3] [--seconds 10] [--clients 32] [--quick] [--json FILE]

JPEG photographs of 1,200 x 900 pixels (drawn, with noise) are asked for over loopback by so many
clients at a time, of EfficientNet-lite0 at 224 x 224 and of smallcnn at 64 x 64, whose weights are
random: they cost what trained ones cost. Each server is a process of its own, in turns:

    nunbit     nunbit serve EXPORT
    fastapi    a `def` handler with an UploadFile, torch and torchvision's transforms, as FastAPI's
               documentation shows it
    litserve   a LitAPI with `max_batch_size` and `batch_timeout`, as LitServe's documentation shows
               it; left out, and said to be, where litserve is not installed

Also: milliseconds of one request alone, beyond decoding and the network measured within a process.
Exit code 1 when nunbit answers less than twice what another does, when its 99th percentile is
worse, or when a request alone takes more than `MAX_BEYOND_MS` beyond.
"""

from __future__ import annotations

import http.client
import importlib.util
import io
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measuring import alternate, arguments, bound, cores, finish, ratio, record, row
from PIL import Image

MIN_TIMES, MAX_BEYOND_MS = 2.0, 3.0
NETWORKS = {"efficientnet-lite0": ("timm/efficientnet_lite0", 224), "smallcnn": ("smallcnn", 64)}
CLASSES = tuple(f"class {number}" for number in range(10))
BATCH, BATCH_SECONDS = 8, 0.002
PORT = 8341


def main() -> int:
    """Measure and print; or one of the servers that are measured."""
    if sys.argv[1:2] == ["--server"]:
        return SERVERS[sys.argv[2]](Path(sys.argv[3]))
    parser = arguments(__doc__, repeats=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--clients", type=int, default=32, help="at a time")
    given = parser.parse_args()
    repeats, seconds = (1, 1.0) if given.quick else (given.repeats, given.seconds)
    others = ["fastapi"]
    if importlib.util.find_spec("litserve") is not None:
        others.append("litserve")
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as place:
        files = photographs(12)
        for name in NETWORKS:
            folder = Path(place) / name
            write_model(folder, name)
            found = alternate(
                {
                    server: lambda _, s=server, f=folder: load(s, f, files, given.clients, seconds)
                    for server in ("nunbit", *others)
                },
                repeats=repeats,
            )
            rates = {server: [rate for rate, _ in values] for server, values in found.items()}
            tails = {server: [tail for _, tail in values] for server, values in found.items()}
            for server in found:
                rows.append(row(f"{name}, {server}", "pictures/s", rates[server]))
                rows.append(row(f"{name}, {server}, 99th percentile", "ms", tails[server]))
            for other in others:
                what = f"{name}, nunbit / {other}"
                ratios.append(ratio(what, rates["nunbit"], rates[other], target=MIN_TIMES))
                what = f"{name}, 99th percentile, {other} / nunbit"
                ratios.append(ratio(what, tails[other], tails["nunbit"], target=1.0))
            beyond = [alone_beyond(folder, files) for _ in range(repeats)]
            ratios.append(bound(f"{name}, ms beyond, alone", beyond, target=MAX_BEYOND_MS))
    notes = [f"{given.clients} clients, {cores()} cores, {seconds:g} s each"]
    if "litserve" not in others:
        notes.append("litserve is not installed here, and was not measured")
    return finish(record("serve", repeats=repeats, rows=rows, ratios=ratios, notes=notes), given)


def photographs(n: int) -> list[bytes]:
    """JPEG files as cameras of telephones make them for the web."""
    rng, files = np.random.default_rng(0), []
    for _ in range(n):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((1200, 900), Image.Resampling.BICUBIC)
        noise = rng.normal(0, 6, (900, 1200, 3))
        pixels = np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
        files.append(buffer.getvalue())
    return files


def write_model(folder: Path, name: str) -> None:
    """A bundle with random weights in `folder`/model, and its export in `folder`/export."""
    from nunbit.bundle import Bundle, save_bundle
    from nunbit.data.preprocess import Preprocess
    from nunbit.models import create_model
    from nunbit.pipelines.export import export_onnx

    architecture, size = NETWORKS[name]
    model = create_model(
        architecture, classes=len(CLASSES), channels=3, height=size, width=size, generator_seed=0
    )
    contract = Preprocess(height=size, width=size, channels=3, mean=(0.5,) * 3, std=(0.2,) * 3)
    bundle = Bundle(
        model=model.eval(), architecture=architecture, classes=CLASSES, preprocess=contract
    )
    save_bundle(folder / "model", bundle)
    export_onnx(folder / "model", out=folder / "export")


# ---- The clients


@contextmanager
def server_of(kind: str, folder: Path) -> Iterator[str]:
    """The path to ask, of a server that runs until the block ends."""
    command = [sys.executable, __file__, "--server", kind, str(folder)]
    path = "/predict"
    if kind == "nunbit":
        command = [sys.executable, "-m", "nunbit", "serve", str(folder / "export")]
        command += ["--port", str(PORT), "--log", "none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        body, kind_of_body = (
            form(photographs(1)[0]) if kind != "nunbit" else (photographs(1)[0], "")
        )
        while time.monotonic() < until and process.poll() is None:
            try:
                if ask(http.client.HTTPConnection("127.0.0.1", PORT), path, body, kind_of_body):
                    break
            except OSError:
                time.sleep(0.2)
        else:
            raise SystemExit(f"the server {kind} did not start")
        yield path
    finally:
        process.terminate()
        process.wait(timeout=60)


def ask(connection: http.client.HTTPConnection, path: str, body: bytes, kind: str) -> bool:
    """One request; whether it was answered."""
    headers = {"Content-Type": kind or "image/jpeg"}
    connection.request("POST", path, body=body, headers=headers)
    response = connection.getresponse()
    response.read()
    return response.status == 200


def form(data: bytes) -> tuple[bytes, str]:
    """A picture as a form, and the form's type."""
    head = b'--b\r\nContent-Disposition: form-data; name="request"; filename="a.jpg"\r\n'
    head += b"Content-Type: image/jpeg\r\n\r\n"
    return head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def load(
    kind: str, folder: Path, files: Sequence[bytes], clients: int, seconds: float
) -> tuple[float, float]:
    """Pictures a second, and the 99th percentile of their milliseconds."""
    bodies = [(data, "") if kind == "nunbit" else form(data) for data in files]
    with server_of(kind, folder) as path:
        begin, times = threading.Event(), [[] for _ in range(clients)]  # type: ignore[var-annotated]
        until = 0.0

        def run(own: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", PORT)
            begin.wait()
            number = own
            while (begun := time.perf_counter()) < until:
                body, kind_of_body = bodies[number % len(bodies)]
                if not ask(connection, path, body, kind_of_body):
                    raise SystemExit(f"{kind} did not answer a picture")
                times[own].append(time.perf_counter() - begun)
                number += clients
            connection.close()

        threads = [threading.Thread(target=run, args=(own,)) for own in range(clients)]
        for thread in threads:
            thread.start()
        until = time.perf_counter() + seconds
        begin.set()
        for thread in threads:
            thread.join()
    every = sorted(value for own in times for value in own)
    return len(every) / seconds, 1e3 * every[int(0.99 * (len(every) - 1))]


def alone_beyond(folder: Path, files: Sequence[bytes]) -> float:
    """Median milliseconds of a request alone, less those of decoding and the network."""
    from nunbit.runtime.classifier import load_export

    classifier = load_export(folder / "export")

    def within(data: bytes) -> None:
        classifier.predict_canvases([classifier.preprocess.canvas(data)])

    inside = milliseconds(within, files)
    with server_of("nunbit", folder) as path:
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        outside = milliseconds(lambda data: ask(connection, path, data, ""), files)
        connection.close()
    return outside - inside


def milliseconds(work: Callable[[bytes], object], files: Sequence[bytes]) -> float:
    """Median over some rounds of all files."""
    values = []
    for _ in range(5):
        for data in files:
            begun = time.perf_counter()
            work(data)
            values.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(values)


# ---- The other servers


def network_of(folder: Path) -> tuple[Any, Any]:
    """The network in evaluation mode, and torchvision's transforms for it."""
    from torchvision import transforms

    from nunbit.bundle import load_bundle

    bundle = load_bundle(folder / "model")
    contract = bundle.preprocess
    prepare = transforms.Compose(
        [
            transforms.Resize(contract.height),
            transforms.CenterCrop(contract.height),
            transforms.ToTensor(),
            transforms.Normalize(contract.mean, contract.std),
        ]
    )
    return bundle.model.eval(), prepare


def plain_fastapi(folder: Path) -> int:
    """A handler in one of FastAPI's threads: decode, transform, forward."""
    import torch
    import uvicorn
    from fastapi import FastAPI, UploadFile

    network, prepare = network_of(folder)
    app = FastAPI()

    def predict(request: UploadFile) -> dict[str, float]:
        image = prepare(Image.open(request.file).convert("RGB"))
        with torch.inference_mode():
            (row_of,) = network(image[None]).softmax(dim=1)
        return dict(zip(CLASSES, row_of.tolist(), strict=True))

    predict.__annotations__["request"] = UploadFile
    app.post("/predict")(predict)
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
    return 0


def litserve(folder: Path) -> int:
    """A LitAPI that decodes in `decode_request` and answers batches."""
    import litserve as ls  # type: ignore[import-not-found]
    import torch

    class Classifies(ls.LitAPI):  # type: ignore[misc]
        def setup(self, device: str) -> None:  # noqa: ARG002
            self.network, self.prepare = network_of(folder)

        def decode_request(self, request: Any) -> Any:
            return self.prepare(Image.open(request["request"].file).convert("RGB"))

        def batch(self, inputs: Any) -> Any:
            return torch.stack(inputs)

        def predict(self, x: Any) -> Any:
            with torch.inference_mode():
                return self.network(x).softmax(dim=1)

        def unbatch(self, output: Any) -> Any:
            return list(output)

        def encode_response(self, output: Any) -> dict[str, float]:
            return dict(zip(CLASSES, output.tolist(), strict=True))

    api = Classifies(max_batch_size=BATCH, batch_timeout=BATCH_SECONDS)
    ls.LitServer(api, accelerator="cpu").run(port=PORT, generate_client_file=False)
    return 0


SERVERS: dict[str, Callable[[Path], int]] = {"fastapi": plain_fastapi, "litserve": litserve}

if __name__ == "__main__":
    sys.exit(main())
