"""The README.md of an export: what it is, how it is used, and how it was proven."""

from __future__ import annotations

from collections.abc import Sequence

from nunbit.bundle import Bundle
from nunbit.export.parity import Parity


def export_card(bundle: Bundle, results: Sequence[Parity], *, web: bool = False) -> str:
    """The model card of the bundle, with how to use the folder and the table of parity."""
    rows = "\n".join(_row(result) for result in results)
    height, width, channels = bundle.preprocess.shape
    return f"""{bundle.card.rstrip()}

## This folder

| file | holds |
| --- | --- |
| `model.onnx` | canvases, uint8 [N, {height}, {width}, {channels}], to `probabilities`, `logits` \
[N, {len(bundle.classes)}]; normalising, network and temperature are inside |
| `preprocess.onnx` | a decoded picture of any size, uint8 [h, w, 3], to its canvas |
| `nunbit.json` | the whole contract: classes, preprocessing, thresholds, hashes |
| `conformance/` | raw files of every odd kind with their canvases and answers, to test a reader |
| `examples/` | short readers |{_PAGE_FILES if web else ""}
{_PAGE if web else ""}
```bash
nunbit predict THIS_FOLDER picture.jpg     # without torch
python examples/classify.py THIS_FOLDER picture.jpg
```

## Proven on raw files

Every file went the whole way twice: through nunbit, and through this export.

| way | files | canvases equal | answers equal | greatest difference of a probability | mean |
| --- | --- | --- | --- | --- | --- |
{rows}

*onnxruntime* decodes and resizes as nunbit does; *preprocess.onnx* resizes in the graph; *other \
runtimes* is what they do who decode every JPEG at its full size, where nunbit decodes large ones \
at a half, a quarter or an eighth.
"""


_PAGE_FILES = """
| `index.html` and beside it | a page that classifies pictures in the browser |
| `runtime/` | onnxruntime for browsers, under its own licence |"""
_PAGE = """
Any file server serves the page; `python -m http.server --directory THIS_FOLDER` tries it here. \
Phones install it, and use their camera, when it comes by https. Browsers decode every JPEG in \
full: their answers are those of *other runtimes* below, and `conformance/` holds the canvases \
that they make.
"""


def _row(result: Parity) -> str:
    answered = result.files - result.unusable
    return (
        f"| {result.engine} | {answered:,} | {result.canvases_equal:,} | {result.labels_equal:,} | "
        f"{result.greatest_difference:.2g} | {result.mean_difference:.2g} |"
    )
