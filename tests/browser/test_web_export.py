"""The web folder in Chromium: its pixels are nunbit's to the byte, and nothing leaves the page."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import ImageCms

from nunbit.bundle import Bundle, load_bundle, save_bundle
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import Deployed
from nunbit.errors import UsageError
from nunbit.export.conformance import HEIGHT, WIDTH, KitFile, drawn_picture, kit_files
from nunbit.export.web_runtime import PACKAGE, find_runtime
from nunbit.models import create_model
from nunbit.pipelines.export import export_web
from tests.browser.conftest import missing, new_page, show_at
from tests.browser.test_pages import CHECKS, SCHEMES, WIDTHS
from tests.surface.readme import ROOT

pytestmark = pytest.mark.browser

CONTRACTS: dict[str, dict[str, Any]] = {
    # The canvas is the picture itself, so that every pixel of it is compared.
    "whole": {"height": HEIGHT, "width": WIDTH, "channels": 3, "fit": "squash"},
    "small": {"height": 40, "width": 48, "channels": 1, "fit": "pad", "background": 0},
    # Much of what browsers read otherwise.
    "odd": {
        **{"height": 32, "width": 32, "channels": 3, "range": (0.0, 4095.0)},
        **{"frame": "middle", "transparency": "ignore"},
    },
}
CLASSES = ("a class", "둘", "<b>three</b>")


@pytest.fixture(scope="module")
def runtime() -> Path:
    return web_runtime()


def web_runtime() -> Path:
    """onnxruntime for browsers, or a skipped test."""
    installed = ROOT / "build" / "node_modules" / PACKAGE
    try:
        given = installed if installed.is_dir() else None
        return find_runtime(given, cache=ROOT / "build", note=print)
    except UsageError as error:
        missing(str(error))
        raise


def bundle_of(contract: dict[str, Any]) -> Bundle:
    """A small network that nobody trained: sure of some pictures, and of others not."""
    torch.manual_seed(4)
    channels = contract["channels"]
    preprocess = Preprocess(mean=(0.5,) * channels, std=(0.1,) * channels, **contract)
    # Where every pixel of a large canvas is compared, the network is the quickest of all.
    architecture = "mnist-cnn" if preprocess.height == HEIGHT else "patchcnn"
    model = create_model(
        architecture,
        classes=len(CLASSES),
        channels=channels,
        height=preprocess.height,
        width=preprocess.width,
        generator_seed=5,
    )
    return Bundle(
        model=model.eval(),
        architecture=architecture,
        classes=CLASSES,
        preprocess=preprocess,
        mirrored=channels == 3,
        thresholds={"0.9": 0.2, "0.95": 1.0},
    )


@pytest.fixture(scope="module")
def exports(runtime: Path, tmp_path_factory: Any) -> dict[str, Path]:
    """Web folders, each beside its model."""
    made = {}
    for name, contract in CONTRACTS.items():
        place = tmp_path_factory.mktemp(name)
        save_bundle(place / "model", bundle_of(contract))
        made[name] = export_web(place / "model", runtime=runtime).folder
    return made


def browser_files(folder: Path) -> list[KitFile]:
    """Those of the kit that browsers read as the contract says."""
    contract = load_bundle(folder.parent / "model").preprocess
    return [file for file in kit_files() if file.in_browsers(contract)]


@pytest.fixture
def folder(request: pytest.FixtureRequest, exports: dict[str, Path]) -> Path:
    """The small one, unless a test asks for each."""
    return exports[getattr(request, "param", "small")]


each = pytest.mark.parametrize("folder", CONTRACTS, indirect=True)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve the files of a folder; the server ends whatever the test does."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield serving
        finally:
            serving.shutdown()
            thread.join()


@pytest.fixture
def server(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A plain file server of the folder."""
    with served(folder) as serving:
        yield serving


@pytest.fixture
def page(browser: Any, server: http.server.ThreadingHTTPServer) -> Iterator[Any]:
    """The page, ready to answer; it must not complain, nor ask any other host for anything."""
    opened = new_page(browser, permissions=["camera"])
    own, complaints, elsewhere = f"http://127.0.0.1:{server.server_port}/", [], []
    # Listening from the start: the first expect_file_chooser() of a page may come too late for a
    # chooser that is opened at once (Playwright 1.65.2 on a busy machine: 23 of 150, so 0 of 120).
    opened.on("filechooser", lambda chooser: None)
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.context.on(
        "request",
        lambda asked: (
            elsewhere.append(asked.url)
            if not asked.url.removeprefix("blob:").startswith(own)
            else None
        ),
    )
    opened.goto(own)
    opened.wait_for_selector("#ask:not([hidden])")
    yield opened
    opened.context.close()
    assert complaints == []
    assert elsewhere == []


def full_canvases(folder: Path, files: Sequence[KitFile]) -> Iterator[np.ndarray]:
    """nunbit's canvases of files that are decoded in full."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / "preprocess.onnx"), options)
    preprocess = load_bundle(folder.parent / "model").preprocess
    for file in files:
        (canvas,) = session.run(None, {"picture": preprocess.picture(file.data, full=True)})
        yield np.asarray(canvas)


ASK = """async ([name]) => {
  const { classify } = await import("./model.js");
  const blob = await (await fetch("conformance/" + name)).blob();
  const { canvas, probabilities, label } = await classify(blob);
  const hash = await crypto.subtle.digest("SHA-256", canvas);
  return [Array.from(new Uint8Array(hash)), probabilities, label];
}"""


def sha256(canvas: np.ndarray) -> list[int]:
    return list(hashlib.sha256(canvas.tobytes()).digest())


@each
def test_pixels_and_answers_are_nunbits(folder: Path, page: Any) -> None:
    bundle = load_bundle(folder.parent / "model")
    deployed = Deployed.of(bundle)
    other = []
    files = browser_files(folder)
    assert len(files) > 20
    for file, canvas in zip(files, full_canvases(folder, files), strict=True):
        got, probabilities, label = page.evaluate(ASK, [file.name])
        if got != sha256(canvas):
            other.append(file.name)
        truth = deployed.answer(torch.from_numpy(canvas[None])).probabilities[0].numpy()
        assert np.abs(truth - probabilities).max() < 1e-4, file.name
        assert label == CLASSES[truth.argmax()]
    assert other == []


REFUSED = """async ([name]) => {
  const { classify } = await import("./model.js");
  const blob = await (await fetch("conformance/" + name)).blob();
  return classify(blob).then((found) => found.label, (error) => error.name);
}"""


@each
def test_what_browsers_read_otherwise_is_refused(folder: Path, page: Any) -> None:
    expected = json.loads((folder / "conformance" / "expected.json").read_text(encoding="utf-8"))
    assert expected["decoding"] == "full"
    rows = [row["file"] for row in expected["files"] if not row["browsers"]]
    assert len(rows) == len(kit_files()) - len(browser_files(folder)) > 7
    for name in rows:
        why = "TypeError" if name.endswith(".tif") else "NotSupportedError"
        assert page.evaluate(REFUSED, [name]) == why, name


def test_a_refusal_is_said_in_both_languages(folder: Path, page: Any) -> None:
    kit = folder / "conformance"
    names = ("png_16_bit_grey_12.png", "tiff_16_bit_grey_12.tif")
    page.set_input_files("#files", [str(kit / name) for name in names])
    page.locator("#answers .wrong-text").nth(1).wait_for()
    said = page.locator("#answers .wrong-text").all_inner_texts()
    assert said[0].startswith("It is not a picture that this page reads")
    assert said[1].startswith("Browsers do not read all of it as the model does (16 bits")
    page.select_option("#language", "ko")
    said = page.locator("#answers .wrong-text").all_inner_texts()
    assert said[0].startswith("이 페이지가 읽을 수 있는 사진")
    assert said[1].startswith("브라우저는 이 파일을 모델과 똑같이 읽을 수 없습니다(16비트")


SEE_THROUGH = """async ([name, background]) => {
  const { pictureOf } = await import("./classify.js");
  const blob = await (await fetch("conformance/" + name)).blob();
  const { data } = await pictureOf(
    blob, { background, frame: "first", max_pixels: 1e6, transparency: "show" });
  return Array.from(data, (value) => value.toString(16).padStart(2, "0")).join("");
}"""


PROFILED = """async (hexadecimal) => {
  const { pictureOf } = await import("./classify.js");
  const bytes = Uint8Array.from(hexadecimal.match(/../g), (digits) => parseInt(digits, 16));
  const { data } = await pictureOf(
    new Blob([bytes]), { background: 0, frame: "first", max_pixels: 1e6, transparency: "show" });
  return Array.from(data, (value) => value.toString(16).padStart(2, "0")).join("");
}"""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_colour_profiles_are_not_applied(folder: Path, page: Any, kind: str) -> None:
    """The profile takes red for green, so that applying it changes nearly every pixel."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1)
    profile = profile.replace(b"????", b"gXYZ", 1)
    buffer = io.BytesIO()
    drawn_picture(60, 80).save(buffer, kind, icc_profile=profile)
    picture = load_bundle(folder.parent / "model").preprocess.picture(buffer.getvalue(), full=True)
    got = page.evaluate(PROFILED, buffer.getvalue().hex())
    assert got == picture.tobytes().hex()


@pytest.mark.parametrize("background", [17, 255])
def test_transparency_shows_the_background(folder: Path, page: Any, background: int) -> None:
    """Browsers round twice, once for the picture and once for what lies under it.

    Over white and over black the second sum is exact; over any grey it is a level off at most.
    """
    contract = load_bundle(folder.parent / "model").preprocess
    picture = replace(contract, background=background).picture
    for file in browser_files(folder):
        if file.alpha:
            hexadecimal = page.evaluate(SEE_THROUGH, [file.name, background])
            got = np.frombuffer(bytes.fromhex(hexadecimal), dtype=np.uint8).astype(np.int16)
            levels = np.abs(got - picture(file.data, full=True).ravel()).max()
            assert levels <= (background not in {0, 255}), file.name


@pytest.mark.parametrize("folder", ["small", "odd"], indirect=True)
def test_the_page_checks_its_browser_itself(folder: Path, page: Any) -> None:
    page.click("summary")
    page.click("#check")
    page.wait_for_selector("#checked:not(:empty)")  # the check has begun, and ends below
    page.wait_for_selector("#check:enabled")
    count = len(browser_files(folder))
    assert page.inner_text("#checked").startswith(f"{count} of {count} files have nunbit's pixels")


def test_answers_are_shown_and_told(folder: Path, page: Any) -> None:
    kit = folder / "conformance"
    page.set_input_files("#files", [str(kit / name) for name in ("png_rgb.png", "tiff.tif")])
    page.wait_for_selector("#answers .verdict")
    page.wait_for_selector("#answers .wrong-text")
    # No answer is as sure as 1, so all are unsure; every class has its bar and its number.
    assert page.inner_text("#answers .verdict").startswith("unsure")
    assert sorted(page.locator("#answers th").all_inner_texts()) == sorted(CLASSES)
    shown = [float(text.strip("<> %")) for text in page.locator("td.number").all_inner_texts()]
    assert sum(shown) == pytest.approx(100, abs=0.3)
    told = page.locator("#told p").all_inner_texts()
    assert told[0].startswith("png_rgb.png: unsure; most likely ")
    assert told[1].startswith("tiff.tif: It is not a picture that this page reads (JPEG, PNG")
    page.select_option("#accuracy", "0.9")
    assert page.inner_text("#answers .verdict") in CLASSES
    page.select_option("#language", "ko")
    assert page.inner_text("#choose") == "사진 선택"
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.click("#clear")
    page.wait_for_selector("#results", state="hidden")


def test_the_page_at_both_widths_in_both_colours(folder: Path, page: Any) -> None:
    page.set_input_files("#files", [str(folder / "conformance" / "size_tall.png")])
    page.wait_for_selector("#answers .verdict")
    page.click("summary")
    found = []
    for language in ("en", "ko"):
        page.select_option("#language", language)
        for width in WIDTHS:
            for scheme in SCHEMES:
                show_at(page, width, scheme)
                found += [f"{width} {scheme}: {fault}" for fault in page.evaluate(CHECKS)]
    assert found == []


def test_the_keyboard_reaches_everything(page: Any) -> None:
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.localName")
        )
    assert reached == ["language", "choose", "open-camera", "accuracy", "summary"]
    page.focus("#choose")
    with page.expect_file_chooser():
        page.keyboard.press("Enter")


def test_pictures_are_dropped_and_taken_by_the_camera(page: Any) -> None:
    page.evaluate(
        """async () => {
          const blob = await (await fetch("conformance/png_rgb.png")).blob();
          const carried = new DataTransfer();
          carried.items.add(new File([blob], "dropped.png"));
          document.body.dispatchEvent(
            new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }"""
    )
    page.wait_for_selector("#answers .verdict")
    assert page.inner_text("#answers .file") == "dropped.png"
    page.click("#open-camera")
    page.wait_for_selector("#video", state="visible")
    page.wait_for_selector("#take:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answers li:nth-child(2) .verdict")  # the newest comes first
    assert page.locator("#answers .file").all_inner_texts() == ["Camera picture 1", "dropped.png"]
    page.click("#close-camera")
    page.wait_for_selector("#video", state="hidden")


def test_it_works_without_a_network_after_the_first_visit(
    folder: Path, page: Any, server: http.server.ThreadingHTTPServer
) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    server.shutdown()
    server.socket.close()
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("#ask:not([hidden])")
    page.set_input_files("#files", [str(folder / "conformance" / "jpeg_420.jpg")])
    page.wait_for_selector("#answers .verdict")


def test_files_of_another_model_are_refused(folder: Path, browser: Any, tmp_path: Path) -> None:
    mixed = Path(shutil.copytree(folder, tmp_path / "mixed"))
    data = bytearray((mixed / "model.onnx").read_bytes())
    data[-1] ^= 1
    (mixed / "model.onnx").write_bytes(data)
    with served(mixed) as serving:
        opened = new_page(browser)
        opened.goto(f"http://127.0.0.1:{serving.server_port}/")
        opened.wait_for_selector("text=model.onnx is damaged, or belongs to another export")
        assert not opened.is_visible("#choose")
        opened.context.close()


NODE = """
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as ort from "./ort.mjs";
import { openModel } from "./classify.mjs";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = await readFile("ort.wasm");
const model = await openModel(ort, process.argv[2] + "/", readFile);
for (const { height, width, raw } of JSON.parse(await readFile("pictures.json"))) {
  const data = new Uint8Array(await readFile(raw));
  const { canvas, probabilities, label } = await model.classify({ data, width, height });
  const hash = createHash("sha256").update(canvas).digest();
  console.log(JSON.stringify([Array.from(hash), probabilities, label]));
}
"""


def test_the_example_passes_the_kit_in_node(folder: Path, runtime: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        missing("there is no node")
    source = folder / "examples" / "classify.mjs"
    assert len(source.read_text(encoding="utf-8").splitlines()) <= 60
    shutil.copy(source, tmp_path)
    shutil.copy(runtime / "ort.wasm.bundle.min.mjs", tmp_path / "ort.mjs")
    shutil.copy(runtime / "ort-wasm-simd-threaded.wasm", tmp_path / "ort.wasm")
    (tmp_path / "kit.mjs").write_text(NODE, encoding="utf-8")
    preprocess = load_bundle(folder.parent / "model").preprocess
    pictures = []
    for file in kit_files():
        pixels = preprocess.picture(file.data, full=True)
        (tmp_path / f"{file.name}.raw").write_bytes(pixels.tobytes())
        height, width, _ = pixels.shape
        pictures.append({"height": height, "width": width, "raw": f"{file.name}.raw"})
    (tmp_path / "pictures.json").write_text(json.dumps(pictures), encoding="utf-8")
    done = subprocess.run(
        [str(node), "kit.mjs", str(folder)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    expected = json.loads((folder / "conformance" / "expected.json").read_text(encoding="utf-8"))
    lines, canvases = done.stdout.splitlines(), full_canvases(folder, kit_files())
    for row, canvas, line in zip(expected["files"], canvases, lines, strict=True):
        got, probabilities, label = json.loads(line)
        assert got == sha256(canvas), row["file"]
        assert label == row["label"]
        assert np.abs(np.subtract(probabilities, row["probabilities"])).max() < 1e-4
