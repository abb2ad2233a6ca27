"""A page that classifies pictures in the browser, laid around the files of an exported model.

The page is plain modules, without a build step, and fetches nothing from elsewhere. Beside it lie
classify.js (the reader that is also given away as an example), runtime/ (onnxruntime for browsers,
as pinned), files.js (what is kept for use without a network) and sw.js (the worker that keeps it).
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path

from nunbit.bundle import Bundle
from nunbit.export.icon import draw_icon
from nunbit.export.onnx_folder import write_json
from nunbit.export.web_runtime import RUNTIME_FILES
from nunbit.runtime.exported import CONTRACT, NETWORK, PREPROCESSING

RUNTIME = "runtime"
_SERVED_AS = {"ort.wasm.bundle.min.mjs": "ort.js"}
"""Not every file server knows that .mjs is JavaScript, and browsers run nothing else."""
_ICON_SIZES = (192, 512)
_LICENCE = """\
ONNX Runtime Web, its files in this folder unchanged but for their names.

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def write_web_files(folder: Path, bundle: Bundle, *, name: str, runtime: Path) -> None:
    """Write the page into a folder that holds a model's exported files already.

    Args:
        folder: is written into.
        bundle: the model.
        name: of the page, when it is installed.
        runtime: holds the files of onnxruntime for browsers, checked.
    """
    pages = [each for each in _PAGE.iterdir() if each.name.endswith(_KINDS)]
    for source in pages:
        (folder / source.name).write_bytes(source.read_bytes())
    (folder / "classify.js").write_bytes((_EXAMPLES / "classify.mjs").read_bytes())
    own = folder / RUNTIME
    own.mkdir()
    for file in RUNTIME_FILES:
        (own / _SERVED_AS.get(file, file)).write_bytes((runtime / file).read_bytes())
    (own / "LICENSE.txt").write_text(_LICENCE, encoding="utf-8")
    for size in _ICON_SIZES:
        draw_icon(size).save(folder / f"icon-{size}.png")
    write_json(folder / "manifest.webmanifest", _manifest(bundle, name))
    _write_file_list(folder)


_PAGE = resources.files("nunbit.export") / "web"
_EXAMPLES = resources.files("nunbit.export") / "examples"
_KINDS = (".html", ".css", ".js", ".svg")


def _manifest(bundle: Bundle, name: str) -> dict[str, object]:
    icons: list[dict[str, str]] = [
        {"src": f"icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"}
        for size in _ICON_SIZES
    ]
    return {
        "name": name,
        "short_name": name[:24],
        "description": f"{bundle.architecture}, {len(bundle.classes):,} classes",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#0b62a8",
        "icons": icons,
    }


def _write_file_list(folder: Path) -> None:
    """files.js: what is kept for use without a network, and a version that changes with any."""
    kept = sorted(
        [
            *(path.name for path in folder.glob("*.*") if path.suffix in _KEPT),
            *(f"{RUNTIME}/{path.name}" for path in (folder / RUNTIME).glob("ort*")),
            *(CONTRACT, NETWORK, PREPROCESSING),
        ]
    )
    kept = [name for name in kept if name != "sw.js"]  # browsers keep the worker themselves
    version = hashlib.sha256()
    for name in kept:
        version.update(hashlib.sha256((folder / name).read_bytes()).digest())
    listed = json.dumps(["./", *kept], indent=2)
    text = f'self.nunbitVersion = "{version.hexdigest()[:16]}";\nself.nunbitFiles = {listed};\n'
    (folder / "files.js").write_text(text, encoding="utf-8")


_KEPT = (*_KINDS, ".png", ".webmanifest")
