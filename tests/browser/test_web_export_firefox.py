"""The exported page in Firefox, which is driven by nothing but a page of its own that reports."""

from __future__ import annotations

import functools
import http.server
import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from nunbit.bundle import load_bundle, save_bundle
from nunbit.export.conformance import kit_files
from nunbit.pipelines.export import export_web
from tests.browser.test_web_export import CONTRACTS, bundle_of, full_canvases, web_runtime

FIREFOX = shutil.which("firefox") or shutil.which("firefox-esr")
AVIF_MEAN = 3.0
"""Mean difference, of 255 levels, at most: Firefox spreads AVIF's colours over pixels otherwise."""
MAX_SECONDS = 280

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox"),
]

PAGE = b"""<!doctype html><meta charset="utf-8"><title>report</title><script type="module">
const report = (found) => fetch("/report", { method: "POST", body: JSON.stringify(found) });
try {
  const { classify } = await import("./model.js");
  const { files } = await (await fetch("conformance/expected.json")).json();
  const answers = {};
  for (const { file, browsers } of files) {
    const blob = await (await fetch("conformance/" + file)).blob();
    try {
      const { canvas, probabilities } = await classify(blob);
      await fetch("/canvas/" + file, { method: "POST", body: canvas });
      answers[file] = { probabilities };
    } catch (error) {
      answers[file] = { error: error.name };
    }
  }
  const asked = performance.getEntriesByType("resource").map((entry) => entry.name);
  await report({ answers, asked, agent: navigator.userAgent });
} catch (error) {
  await report({ failed: String(error) });
}
</script>"""
SETTINGS = """
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


class Reporting(http.server.SimpleHTTPRequestHandler):
    """A plain file server with a page that reports, and an ear for its report."""

    def __init__(self, *given: Any, reports: queue.Queue[tuple[str, bytes]], **named: Any) -> None:
        self.reports = reports
        super().__init__(*given, **named)

    def do_GET(self) -> None:
        if self.path != "/report.html":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reports.put((self.path, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A web folder beside its model; the canvas is the picture itself, so every pixel counts."""
    place = tmp_path_factory.mktemp("whole")
    save_bundle(place / "model", bundle_of(CONTRACTS["whole"]))
    return export_web(place / "model", runtime=web_runtime()).folder


@pytest.fixture(scope="module")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Firefox found, and from where it asked for anything."""
    profile = tmp_path_factory.mktemp("profile")
    (profile / "user.js").write_text(SETTINGS, encoding="utf-8")
    reports: queue.Queue[tuple[str, bytes]] = queue.Queue()
    handler = functools.partial(Reporting, directory=str(folder), reports=reports)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        own = f"http://127.0.0.1:{serving.server_port}/"
        words = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(profile)]
        with subprocess.Popen(
            [*words, own + "report.html"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as browser:
            try:
                canvases = {}
                while (said := reports.get(timeout=MAX_SECONDS))[0] != "/report":
                    canvases[Path(said[0]).name] = said[1]
            finally:
                browser.kill()
        serving.shutdown()
    found = json.loads(said[1])
    assert "failed" not in found, found["failed"]
    return {**found, "canvases": canvases, "own": own}


def test_pixels_and_answers_are_nunbits(folder: Path, report: dict[str, Any]) -> None:
    assert "Firefox" in report["agent"]
    contract = load_bundle(folder.parent / "model").preprocess
    files = [file for file in kit_files() if file.in_browsers(contract)]
    other = []
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    for file, canvas in zip(files, full_canvases(folder, files), strict=True):
        answer = report["answers"][file.name]
        assert "error" not in answer, (file.name, answer)
        got = np.frombuffer(report["canvases"][file.name], dtype=np.uint8).reshape(canvas.shape)
        levels = np.abs(got.astype(np.int16) - canvas)
        if file.name.endswith(".avif"):
            assert levels.mean() <= AVIF_MEAN
            continue
        if levels.max() > file.alpha:  # Firefox rounds what shines through once more than Pillow
            other.append((file.name, int(levels.max())))
        elif levels.max() == 0:
            (wanted,) = session.run(["probabilities"], {"image": canvas[None]})
            assert np.abs(wanted[0] - answer["probabilities"]).max() < 1e-4, file.name
    assert other == []


def test_what_browsers_read_otherwise_is_refused(folder: Path, report: dict[str, Any]) -> None:
    contract = load_bundle(folder.parent / "model").preprocess
    others = [file.name for file in kit_files() if not file.in_browsers(contract)]
    assert others
    assert [name for name in others if "error" not in report["answers"][name]] == []


def test_nothing_is_asked_of_another_host(report: dict[str, Any]) -> None:
    assert report["asked"]
    elsewhere = [url for url in report["asked"] if not url.startswith(report["own"])]
    assert elsewhere == []
