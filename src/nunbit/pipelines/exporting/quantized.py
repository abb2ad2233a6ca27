"""`nunbit export --quantize int8`: calibrated on training images, judged on validation images."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.documents import read_json_object
from nunbit.errors import ExportError, UnusableImage, UsageError
from nunbit.evaluation.calibration import reliability
from nunbit.evaluation.intervals import wilson_interval
from nunbit.export.int8 import quantize_network
from nunbit.formatting import percentage
from nunbit.pipelines.exporting.raw_files import LabelledFile, labelled_files
from nunbit.progress import Progress
from nunbit.runtime.engine import OnnxEngine
from nunbit.runtime.exported import CONTRACT, NETWORK, Exported

MAX_CALIBRATION_FILES = 300
MIN_AGREEMENT = 0.98
_TIMED = 30


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One network on the validation images."""

    accuracy: float
    accuracy_ci95: tuple[float, float]
    ece: float
    """Expected calibration error."""
    ece_ci95: tuple[float, float]
    milliseconds: float
    """Median of one image alone, canvas to answer, on this machine as busy as it was."""
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """Part that 8 bits keep of a network's answers."""

    n: int
    """Validation images."""
    n_calibration: int
    """Training images."""
    agreement: float
    """Fraction of validation images with the same first class as in float32."""
    agreement_ci95: tuple[float, float]
    float32: Measured
    int8: Measured

    def to_dict(self) -> dict[str, Any]:
        """Plain values for parity.json."""
        return asdict(self)

    def lines(self) -> tuple[str, ...]:
        """Lines that are printed, and shown in the card."""
        low, high = self.agreement_ci95
        return (
            f"int8 gives the same class as float32 on {percentage(self.agreement)} of {self.n:,} "
            f"validation images (95 %: {percentage(low)} to {percentage(high)})",
            *(_line(name, each) for name, each in (("float32", self.float32), ("int8", self.int8))),
        )

    def section(self) -> str:
        """The part of the card that says so."""
        rows = "\n".join(f"- {line}" for line in self.lines())
        return f"""
## In 8 bits

The table above is of the network in float32; this folder's `model.onnx` computes in 8 bits, with \
ranges taken from {self.n_calibration:,} training images.

{rows}
"""


def files_for_8_bits(
    run: Path, progress: Progress
) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Read the training images that calibrate and the validation images that judge.

    Raises:
        UsageError: when one of the two is not there.
    """
    training = labelled_files(run, ("train",), progress, max_files=MAX_CALIBRATION_FILES)
    validation = labelled_files(run, ("validation", "test"), progress)
    if not training or not validation:
        raise _no_images()
    return training, validation


def quantize_export(
    exported: Exported,
    training: Sequence[LabelledFile],
    validation: Sequence[LabelledFile],
    *,
    min_agreement: float,
) -> Quantized:
    """Replace the network of a finished folder by one in 8 bits; its hash is written anew.

    Raises:
        UsageError: when there are no training or validation images.
        ExportError: when onnxruntime cannot quantise it, or too many answers change.
    """
    ranges = [canvas for canvas, _ in _canvases(exported, training)]
    judged = _canvases(exported, validation)
    if not ranges or not judged:
        raise _no_images()
    labels = np.array([exported.classes.index(name) for _, name in judged])
    canvases = [canvas for canvas, _ in judged]
    before = _answers(exported, canvases)
    plain = _measured(exported, before, labels, canvases[0])
    target = exported.folder / "int8.onnx"
    quantize_network(exported.network, ranges, target)
    target.replace(exported.network)
    _renew_hash(exported)
    after = _answers(exported, canvases)
    same = int((before.argmax(axis=1) == after.argmax(axis=1)).sum())
    found = Quantized(
        n=len(canvases),
        n_calibration=len(ranges),
        agreement=same / len(canvases),
        agreement_ci95=wilson_interval(same, len(canvases)),
        float32=plain,
        int8=_measured(exported, after, labels, canvases[0]),
    )
    if found.agreement < min_agreement:
        raise ExportError(
            f"{found.lines()[0]}, fewer than {percentage(min_agreement)}",
            remedy="leave --quantize out, or allow it with --min-agreement",
        )
    return found


def _no_images() -> UsageError:
    return UsageError(
        "8 bits are calibrated on training images and judged on validation images, and they "
        "are not there",
        remedy="give a run's folder whose images still exist, or leave --quantize out",
    )


def _canvases(
    exported: Exported, files: Sequence[LabelledFile]
) -> list[tuple[NDArray[np.uint8], str]]:
    """Canvas and class of each file that can be decoded."""
    found = []
    for item in files:
        try:
            found.append((exported.preprocess.canvas(item.file.data), item.label))
        except UnusableImage:
            continue
    return found


def _answers(exported: Exported, canvases: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Probabilities [n, K]."""
    engine = OnnxEngine(exported)
    rows = [
        engine.answer(np.stack(canvases[start : start + 32])).probabilities
        for start in range(0, len(canvases), 32)
    ]
    return np.concatenate(rows).astype(np.float64)


def _measured(
    exported: Exported,
    rows: NDArray[np.float64],
    labels: NDArray[np.int64],
    canvas: NDArray[np.uint8],
) -> Measured:
    right = rows.argmax(axis=1) == labels
    confidence = reliability(np.clip(rows.max(axis=1), 0, 1), right)
    engine, seconds = OnnxEngine(exported, threads=1), []
    for _ in range(_TIMED):
        started = time.perf_counter()
        engine.answer(canvas[None])
        seconds.append(time.perf_counter() - started)
    return Measured(
        accuracy=float(right.mean()),
        accuracy_ci95=wilson_interval(int(right.sum()), len(right)),
        ece=confidence.error,
        ece_ci95=confidence.error_ci95,
        milliseconds=round(1000 * float(np.median(seconds)), 3),
        bytes=exported.network.stat().st_size,
    )


def _renew_hash(exported: Exported) -> None:
    path = exported.folder / CONTRACT
    contract = read_json_object(path)
    contract["files"][NETWORK] = hashlib.sha256(exported.network.read_bytes()).hexdigest()
    text = json.dumps(contract, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")


def _line(name: str, found: Measured) -> str:
    (low, high), (least, greatest) = found.accuracy_ci95, found.ece_ci95
    return (
        f"{name}: accuracy {percentage(found.accuracy)} "
        f"({percentage(low)} to {percentage(high)}), calibration error "
        f"{found.ece:.3f} ({least:.3f} to {greatest:.3f}), {found.milliseconds:.2f} ms an image on "
        f"one thread, {found.bytes / 1e6:.2f} MB"
    )
