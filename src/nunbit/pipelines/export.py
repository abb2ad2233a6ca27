"""`nunbit export`: a model as a folder for other runtimes, kept only when it answers the same.

The folder is built under a temporary name; the gate sends raw files the whole way through nunbit
and through the export; only then does the folder appear.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.bundle import Bundle
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.errors import ExportError, UsageError
from nunbit.export.onnx_folder import (
    CARD,
    KIT,
    PARITY,
    write_json,
    write_kit,
    write_model_files,
)
from nunbit.export.parity import Canvas, Engine, Gate, Parity, check_parity
from nunbit.export.web_folder import write_web_files
from nunbit.export.web_runtime import find_runtime
from nunbit.files import folder_written_atomically
from nunbit.pipelines.exporting.card import export_card
from nunbit.pipelines.exporting.quantized import (
    Quantized,
    files_for_8_bits,
    quantize_export,
)
from nunbit.pipelines.exporting.raw_files import LabelledFile, conformance_files, validation_files
from nunbit.pipelines.exporting.reference import exported_bundle, new_folder, nunbit_engine
from nunbit.progress import SILENT, Progress
from nunbit.runtime.engine import OnnxEngine
from nunbit.runtime.exported import NETWORK, PREPROCESSING, Exported, read_export
from nunbit.versions import versions

FULL_DECODING = "other runtimes"
"""The engine that decodes every JPEG in full, as all runtimes but nunbit's do: measured only."""


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """Result of an export, with the differences of its answers from nunbit's."""

    folder: Path
    parity: tuple[Parity, ...]
    bytes: int
    """Size of the network."""
    quantized: Quantized | None = None
    """Effect of 8 bits on the answers; None in float32. `parity` is that of float32."""

    @property
    def full_decoding(self) -> Parity:
        """Differences of runtimes that decode every JPEG in full, browsers among them."""
        return next(parity for parity in self.parity if parity.engine == FULL_DECODING)


def export_onnx(
    run: Path,
    *,
    out: Path | None = None,
    min_agreement: float | None = None,
    progress: Progress = SILENT,
) -> ExportResult:
    """Export the model of a run, or a model alone, as an ONNX folder.

    Args:
        run: a run's folder, or a model's.
        out: the new folder; None: beside the run, its name with -onnx or -int8.
        min_agreement: quantise the network to 8 bits, and keep it where at least such a fraction
            of the validation images gets the same class; None: leave it in float32.
        progress: listener to progress.

    Raises:
        BundleError: when there is no model, or it is damaged.
        ExportError: when the network cannot be expressed in ONNX, or answers differently.
        UsageError: when something is already at `out`, or the extra is not installed.
    """
    _check_installed()
    suffix = "onnx" if min_agreement is None else "int8"
    return _export(run, new_folder(run, out, suffix), progress, min_agreement=min_agreement)


def export_web(
    run: Path,
    *,
    out: Path | None = None,
    runtime: Path | None = None,
    progress: Progress = SILENT,
) -> ExportResult:
    """Export the model of a run, or a model alone, as a page for any file server.

    It is an ONNX folder with a page and the runtime for browsers in it; its conformance kit holds
    the canvases of JPEG files decoded in full, as browsers decode them.

    Args:
        run: a run's folder, or a model's.
        out: the new folder; None: beside the run, its name with -web.
        runtime: onnxruntime for browsers, an unpacked npm package; None: nunbit's cache, or npm.
        progress: listener to progress.

    Raises:
        BundleError: when there is no model, or it is damaged.
        ExportError: when the network cannot be expressed in ONNX, or answers differently.
        UsageError: when something is already at `out`, the extra is not installed, or the runtime
            is neither here nor to be fetched.
    """
    _check_installed()
    out = new_folder(run, out, "web")
    files = find_runtime(runtime, cache=default_cache_folder(), note=progress.note)
    name = run.resolve().name

    def add_page(folder: Path, bundle: Bundle) -> None:
        write_web_files(folder, bundle, name=name, runtime=files)

    return _export(run, out, progress, add_page=add_page)


def _export(
    run: Path,
    out: Path,
    progress: Progress,
    *,
    add_page: Callable[[Path, Bundle], None] | None = None,
    min_agreement: float | None = None,
) -> ExportResult:
    """The folder, proven on raw files; `add_page` makes it one for browsers."""
    bundle = exported_bundle(run)
    # ---- What it is proven on
    files = [*validation_files(run, progress), *conformance_files()]
    # Before the work: without images there is no quantised network.
    by_part = None if min_agreement is None else files_for_8_bits(run, progress)
    try:
        with folder_written_atomically(out) as unfinished:
            # ---- The files
            progress.note(f"writing {bundle.architecture} as ONNX")
            write_model_files(unfinished, bundle, versions=versions())
            reference, engines = nunbit_engine(bundle), _engines(read_export(unfinished))
            as_browsers = None if add_page is None else engines[-1].canvas
            write_kit(unfinished, bundle, reference.answer, full_decoding=as_browsers)
            if add_page is not None:
                add_page(unfinished, bundle)
            # ---- The gate
            gate = Gate(reference, engines)
            results = gate.run(progress.track(files, total=len(files), title="Comparing answers"))
            check_parity(results)
            record: dict[str, Any] = {"engines": [result.to_dict() for result in results]}
            card = export_card(bundle, results, web=add_page is not None)
            quantized = None
            if min_agreement is not None and by_part is not None:
                progress.note("calibrating 8 bits on training images")
                quantized = _quantize(unfinished, bundle, by_part, min_agreement)
                record["quantization"] = quantized.to_dict()
                card += quantized.section()
            write_json(unfinished / PARITY, record)
            (unfinished / CARD).write_text(card, encoding="utf-8")
            size = (unfinished / NETWORK).stat().st_size
    except OSError as error:
        raise ExportError(
            f"the export cannot be written: {error.strerror or error}",
            path=out,
            remedy="free some space or choose another place with --out; nothing was left behind",
        ) from error
    return ExportResult(folder=out, parity=results, bytes=size, quantized=quantized)


def _quantize(
    folder: Path,
    bundle: Bundle,
    by_part: tuple[list[LabelledFile], list[LabelledFile]],
    min_agreement: float,
) -> Quantized:
    """Bring the proven network of a folder to 8 bits, and its conformance kit to its answers."""
    found = quantize_export(read_export(folder), *by_part, min_agreement=min_agreement)
    # A reader of the folder is tested by the answers that the folder gives.
    shutil.rmtree(folder / KIT)
    engine = OnnxEngine(read_export(folder))
    write_kit(folder, bundle, lambda canvases: engine.answer(np.stack(canvases)).probabilities)
    return found


def _check_installed() -> None:
    """Raise UsageError, before anything long starts, where the extra is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"nunbit export needs {error.name}, which is not installed",
            remedy="python -m pip install 'nunbit[export]'",
        ) from error


def _engines(exported: Exported) -> tuple[Engine, ...]:
    """The ways of using the export, each the whole way from raw files."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    graph = onnxruntime.InferenceSession(str(exported.folder / PREPROCESSING), options)
    engine, contract = OnnxEngine(exported), exported.preprocess

    def answer(canvases: list[Canvas]) -> NDArray[np.float32]:
        return engine.answer(np.stack(canvases)).probabilities

    def by_graph(data: bytes, *, full: bool) -> Canvas:
        (canvas,) = graph.run(None, {"picture": contract.picture(data, full=full)})
        return np.asarray(canvas)

    return (
        Engine(name="onnxruntime", canvas=contract.canvas, answer=answer),
        Engine(
            name=PREPROCESSING,
            canvas=lambda data: by_graph(data, full=False),
            answer=answer,
        ),
        Engine(
            name=FULL_DECODING,
            canvas=lambda data: by_graph(data, full=True),
            answer=answer,
            exact_canvases=False,
        ),
    )
