"""Pictures in, class names and probabilities out: what every way of running a model shares.

Nothing here needs torch: a bundle's classifier and an exported model's are both predictors, and
differ only in what turns canvases into probabilities. N images, K classes, H height, W width, C
channels.
"""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from nunbit.chunks import chunks
from nunbit.data.decoding import read_image_bytes
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError, UnusableImage, UsageError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.types import ClassNames

OneImage: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]
Images: TypeAlias = OneImage | Iterable[OneImage]
Canvas: TypeAlias = NDArray[np.uint8]

BATCH_SIZE = 64
"""Images decoded side by side."""
UNSURE = "unsure"
"""Answer of `predict` instead of a class that is not sure enough."""
RESIZING_CHANGED = 13
"""Major version of Pillow from which on tall pictures are resized to other bytes than before: one
value in eight, by up to 5 of 255 levels."""
OPERATING_POINT = "operating-point"
"""The threshold that a model of two classes was given after its training."""
Threshold: TypeAlias = float | Literal["operating-point"]
NOT_FINITE = "the model's answers are not finite numbers"
"""Reason why there is no answer."""


@dataclass(frozen=True, kw_only=True)
class FilePrediction:
    """Answer of the model for one file, or the reason why there is none."""

    path: Path
    names: tuple[str, ...] = ()
    """The most probable classes, best first."""
    probabilities: tuple[float, ...] = ()
    """[K] in the order of the model's classes."""
    unsure: bool = False
    """True if the answer is below the threshold for the accuracy that was asked for."""
    error: str = ""
    """Reason why the file cannot be used; names and probabilities are then empty."""


class Predictor(ABC):
    """A model ready to classify, with scikit-learn's habits.

    Images are paths, the bytes of image files, PIL images or arrays, one or many: [H, W],
    [H, W, C] and [N, H, W, C], C = 1 or 3. [N, H, W] is many grey images, unless W is 1, 3 or 4.
    They may have any size. Arrays are uint8, or uint16, of which the contract's range makes bytes.
    A model of colours reads [3, H, W] and [N, 3, H, W] as channels first, and warns that it does.

    Several threads may ask at once. Asking changes nothing that others in the process see; a PIL
    image that is still to be read from its file belongs to one thread, as Pillow has it.
    """

    @property
    @abstractmethod
    def classes(self) -> ClassNames:
        """Names of the K classes, in the order of the probabilities."""

    @property
    @abstractmethod
    def preprocess(self) -> Preprocess:
        """The input contract: how an image becomes what the network sees."""

    @property
    @abstractmethod
    def thresholds(self) -> Mapping[str, float]:
        """Confidence thresholds by the accuracy above them, such as "0.95"."""

    @property
    @abstractmethod
    def operating_point(self) -> OperatingPoint | None:
        """Threshold of a model of two classes; None where none was chosen."""

    @abstractmethod
    def _probabilities(self, canvases: Sequence[Canvas], *, of: int) -> NDArray[np.float64]:
        """Calibrated probabilities [n, K] of n > 0 canvases, some of so many in all."""

    def threshold(self, accuracy: float) -> float:
        """The confidence from which answers reach an accuracy, such as 0.95.

        Raises UsageError naming the accuracies that there are thresholds for.
        """
        return threshold_for(self.thresholds, accuracy)

    def point_at(self, threshold: Threshold) -> OperatingPoint:
        """The operating point of a model of two classes, or the same at another threshold.

        Raises UsageError where the model has none, or the threshold lies outside of 0 to 1.
        """
        point = self.operating_point
        if point is None:
            why = "it was trained without one, or by an older nunbit"
            if len(self.classes) != 2:
                why = f"it tells {len(self.classes)} classes apart, and only two have one"
            raise UsageError(
                f"the model has no operating point: {why}",
                remedy="leave the threshold out; --accuracy marks answers that are not sure enough",
            )
        if threshold == OPERATING_POINT:
            return point
        if isinstance(threshold, str | bool) or not 0 <= threshold <= 1:
            raise UsageError(
                f"a threshold is {OPERATING_POINT} or a probability from 0 to 1, not {threshold!r}",
                remedy=f"the model's own is at {point.threshold:.4g}: {OPERATING_POINT}",
            )
        return replace(point, threshold=float(threshold))

    def predict(
        self,
        images: Images,
        *,
        accuracy: float | None = None,
        threshold: Threshold | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.str_]:
        """Class name of every image, [N]; a single image gives an array of one name.

        With `accuracy`, such as 0.95, only answers sure enough for it are given, the others are
        `UNSURE`: of the given ones, such a share is right on images like those of the training.

        With `threshold`, a model of two classes answers its positive one from that probability on:
        `operating-point` is the one chosen after the training.

        Raises UnusableImage, naming the file, if an image cannot be decoded; UsageError for what
        is not an image at all, if the bundle has no threshold for that accuracy or no operating
        point, or if both are asked for.
        """
        point = self.asked_point(threshold, accuracy)
        sure = 0.0 if accuracy is None else self.threshold(accuracy)
        if accuracy is not None and UNSURE in self.classes:
            raise UsageError(
                f"a class is called {UNSURE}, so no answer could be marked so",
                remedy="compare predict_proba with threshold(accuracy) yourself",
            )
        rows = self.predict_proba(images, batch_size=batch_size)
        if point is not None:
            answers = point.answers(rows, self.classes)
            return np.asarray([self.classes[k] for k in answers], dtype=np.str_)
        names = (self.classes[row.argmax()] if row.max() >= sure else UNSURE for row in rows)
        return np.asarray(list(names), dtype=np.str_)

    def predict_proba(self, images: Images, *, batch_size: int = BATCH_SIZE) -> NDArray[np.float64]:
        """Calibrated probabilities of every image, [N, K]. Raises as `predict` does."""
        rows = [np.zeros((0, len(self.classes)))]
        given = as_list(images, channels=self.preprocess.channels)
        for canvases in self.canvases(given, batch_size):
            for canvas in canvases:
                if isinstance(canvas, UnusableImage):
                    raise canvas
            usable = [canvas for canvas in canvases if isinstance(canvas, np.ndarray)]
            if usable:
                rows.append(self._probabilities(usable, of=len(given)))
                check_finite(rows[-1])
        return np.concatenate(rows)

    def predict_canvases(self, canvases: Sequence[Canvas]) -> NDArray[np.float64]:
        """Calibrated probabilities, [n, K], of canvases made under the contract.

        They are uint8 [H, W, C] each, at least one, and are answered in one pass where it fits;
        whether the answers are finite is the caller's to check.
        """
        return self._probabilities(canvases, of=len(canvases))

    def predict_files(
        self,
        files: Iterable[str | os.PathLike[str]],
        *,
        top_k: int = 1,
        accuracy: float | None = None,
        threshold: Threshold | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> list[FilePrediction]:
        """One answer for each file, in the order given; an unusable file's answer says why.

        `top_k` is how many classes are named, at most K. With `accuracy`, answers that are not
        sure enough for it are marked `unsure`; `threshold` is that of `predict`. Raises UsageError
        if `top_k` is below 1, or the bundle has no threshold for that accuracy or no operating
        point.
        """
        if top_k < 1:
            raise UsageError(f"at least one class must be named, not {top_k}")
        point = self.asked_point(threshold, accuracy)
        sure = 0.0 if accuracy is None else self.threshold(accuracy)
        paths = [Path(file) for file in files]
        answers: list[FilePrediction] = []
        for canvases in self.canvases(paths, batch_size):
            usable = [canvas for canvas in canvases if isinstance(canvas, np.ndarray)]
            rows = iter(())
            if usable:
                rows = iter(self._probabilities(usable, of=len(paths)))
            for canvas in canvases:
                path = paths[len(answers)]
                answers.append(
                    FilePrediction(path=path, error=canvas.what)
                    if isinstance(canvas, UnusableImage)
                    else self._file_prediction(path, next(rows), top_k, sure, point)
                )
        return answers

    def asked_point(
        self, threshold: Threshold | None, accuracy: float | None
    ) -> OperatingPoint | None:
        """The operating point at `threshold`; None where none is asked for.

        Raises UsageError where an accuracy is asked for as well, and as `point_at` does.
        """
        if threshold is None:
            return None
        if accuracy is not None:
            raise UsageError(
                "a threshold and an accuracy exclude each other: one says which class, the other "
                "whether any",
                remedy="leave one of the two out",
            )
        return self.point_at(threshold)

    def _file_prediction(
        self,
        path: Path,
        row: NDArray[np.float64],
        top_k: int,
        sure: float,
        point: OperatingPoint | None,
    ) -> FilePrediction:
        if not np.isfinite(row).all():
            return FilePrediction(path=path, error=NOT_FINITE)
        best = np.argsort(-row, kind="stable")
        if point is not None and point.answers(row[None], self.classes)[0] != best[0]:
            best = best[::-1]  # of two classes: the answer is the less probable one
        return FilePrediction(
            path=path,
            names=tuple(self.classes[i] for i in best[:top_k]),
            probabilities=tuple(map(float, row)),
            unsure=bool(row.max() < sure),
        )

    def canvases(
        self, images: Sequence[OneImage], batch_size: int
    ) -> Iterator[list[Canvas | UnusableImage]]:
        """The images in batches, decoded side by side; Pillow lets go of Python's lock."""
        if batch_size < 1:
            raise UsageError(f"a batch holds at least one image, not {batch_size}")
        if len(images) <= 1:
            yield from ([self._canvas(image)] for image in images)
            return
        with ThreadPoolExecutor(min(os.cpu_count() or 1, len(images))) as pool:
            for some in chunks(images, batch_size):
                yield list(pool.map(self._canvas, some))

    def _canvas(self, image: OneImage) -> Canvas | UnusableImage:
        """One image as the contract wants it, uint8 [H, W, C], or why that cannot be."""
        if isinstance(image, str | os.PathLike):
            try:
                return self.preprocess.canvas(read_image_bytes(Path(image)))
            except UnusableImage as error:
                return UnusableImage(error.what, path=Path(image))
        if isinstance(image, bytes | bytearray | memoryview | Image.Image):
            try:
                if isinstance(image, Image.Image):
                    return self.preprocess.canvas_from_image(image)
                return self.preprocess.canvas(bytes(image))
            except UnusableImage as error:
                return error
        if not isinstance(image, np.ndarray):
            kind = type(image).__name__
            raise UsageError(f"an image is a path, bytes, a PIL image or a uint8 array, not {kind}")
        return self._canvas_of_array(image)

    def _canvas_of_array(self, image: NDArray[Any]) -> Canvas:
        if self.preprocess.channels == 3 and _is_channels_first(image.shape):
            image = _channels_last(image)
        try:
            return self.preprocess.canvas_from_array(image)
        except ValueError as error:
            remedy = "pixels are whole numbers 0 to 255 (uint8), channels last, grey or RGB"
            raise UsageError(str(error), remedy=remedy) from error


def check_accuracy(accuracy: float) -> None:
    """Raise UsageError for an accuracy that is not a fraction, such as 95."""
    if not 0 <= accuracy <= 1:
        meant = accuracy / 100
        raise UsageError(
            f"an accuracy is a fraction from 0 to 1, not {accuracy:g}",
            remedy=f"give {meant:g} for {accuracy:g} %" if 0 < meant <= 1 else "give 0.95, say",
        )


def threshold_for(thresholds: Mapping[str, float], accuracy: float) -> float:
    """The threshold for an accuracy, such as 0.95.

    Raises UsageError naming the accuracies that there are thresholds for, and for what is not a
    fraction.
    """
    check_accuracy(accuracy)
    known = {f"{accuracy:g}", str(accuracy)} & set(thresholds)
    if not known:
        there = ", ".join(thresholds)
        raise UsageError(
            f"the model has no threshold for an accuracy of {accuracy:g}",
            remedy=f"it has one for {there}"
            if there
            else "its validation images gave no such threshold; more of them might",
        )
    return thresholds[known.pop()]


def check_finite(rows: NDArray[Any]) -> None:
    """Raise BundleError, with their number, where rows [N, K] hold what is not a number."""
    strange = int((~np.isfinite(rows).all(axis=1)).sum())
    if strange:
        raise BundleError(
            f"{NOT_FINITE} (for {strange:,} of {len(rows):,} images)",
            remedy="its weights are of no use: train again, or take another checkpoint",
        )


def as_list(images: Images, *, channels: int) -> list[Any]:
    """One or many images as a list, for a model of so many channels.

    Raises UsageError for what is neither, and for arrays without a pixel.
    """
    if isinstance(images, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return [images]
    if isinstance(images, np.ndarray) and images.dtype.kind not in "UO":
        if images.size == 0:
            raise UsageError(
                f"there is no image in an array of {images.shape}",
                remedy="give at least one image, and each with at least one pixel",
            )
        single = images.ndim == 2 or (images.ndim == 3 and images.shape[2] in (1, 3, 4))
        single = single or (channels == 3 and images.ndim == 3 and images.shape[0] == 3)
        if images.ndim not in (2, 3, 4):
            raise UsageError(f"images are [H, W], [H, W, C] or [N, H, W, C], not {images.shape}")
        return [images] if single else list(images)
    try:
        return list(images)
    except TypeError:
        raise UsageError(
            f"{type(images).__name__} is neither an image nor a list of them"
        ) from None


def _is_channels_first(shape: tuple[int, ...]) -> bool:
    """[3, H, W], and not three columns of something else."""
    return len(shape) == 3 and shape[0] == 3 and shape[2] not in (1, 3, 4)


def _channels_last(image: NDArray[Any]) -> NDArray[Any]:
    warnings.warn(
        f"an array of {image.shape} is read as one picture whose channels come first; give "
        "[H, W, 3] to leave no doubt",
        stacklevel=2,
    )
    return np.moveaxis(image, 0, 2)


def warn_of_other_resizing(versions: Mapping[str, Any]) -> None:
    """Warn, once in a process, where a model was trained on pictures that Pillow resized otherwise.

    `versions` are those that the model was written with.
    """
    major = str(versions.get("pillow", "")).partition(".")[0]
    here = int(PIL.__version__.partition(".")[0])
    if major.isdecimal() and (int(major) < RESIZING_CHANGED) != (here < RESIZING_CHANGED):
        _warn_once(
            f"this model was trained with Pillow {versions['pillow']}, and Pillow "
            f"{PIL.__version__} resizes tall pictures slightly differently (by up to 5 of 255 "
            "levels): answers may differ a little; evaluate it again, or install the other Pillow"
        )


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, stacklevel=4)
