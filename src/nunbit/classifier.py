"""A trained model in use: pictures in, class names and probabilities out.

Images pass through `Preprocess.canvas`, as in training, and through `Deployed`, as in evaluation.
N images, K classes, H height, W width, C channels.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.bundle import CONFIG, CONTRACT, Bundle, load_bundle, pretrained_bundle
from nunbit.chunks import chunk_slices, chunks
from nunbit.data.batches import inference_batch_size
from nunbit.data.decoding import read_image_bytes
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import NOT_FINITE, Deployed, collect_answers, predict_canvases
from nunbit.device import resolve_device
from nunbit.errors import BundleError, UnusableImage, UsageError
from nunbit.types import CanvasBatch, ClassNames

if TYPE_CHECKING:
    from nunbit.explain.images import Explanation, Subject

OneImage: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
Images: TypeAlias = OneImage | Iterable[OneImage]
Canvas: TypeAlias = NDArray[np.uint8]
_State: TypeAlias = tuple[tuple[int, int], ...]
"""Where each tensor of a network lies, and how often it was changed."""

BATCH_SIZE = 64
"""Images decoded side by side; one pass of the network takes `inference_batch_size` of them."""
MANY_IMAGES = 128
"""From here on the network is first made faster, which takes about as long as 20 images do."""
UNSURE = "unsure"
"""What `predict` says instead of a class that is not sure enough."""


@dataclass(frozen=True, kw_only=True)
class FilePrediction:
    """What the model says about one file, or why it cannot."""

    path: Path
    names: tuple[str, ...] = ()
    """The most probable classes, best first."""
    probabilities: tuple[float, ...] = ()
    """[K] in the order of the model's classes."""
    unsure: bool = False
    """Whether the answer is below the threshold for the accuracy that was asked for."""
    error: str = ""
    """Why the file cannot be used; names and probabilities are then empty."""


class Classifier:
    """A bundle ready to classify, with scikit-learn's habits.

    Images are paths, the bytes of image files, PIL images or uint8 arrays, one or many: [H, W],
    [H, W, C] and [N, H, W, C], C = 1 or 3. [N, H, W] is many grey images, unless W is 1, 3 or 4.
    They may have any size.

    Several threads may ask at once. Asking changes nothing that others in the process see; a PIL
    image that is still to be read from its file belongs to one thread, as Pillow has it.
    """

    def __init__(self, bundle: Bundle, *, device: str = "auto") -> None:
        self.bundle = bundle
        self.device = resolve_device(device)
        self.model: nn.Module = bundle.model.to(self.device).eval()
        self.deployed = Deployed.of(bundle)
        """What answers: from canvases to probabilities."""
        self._lock = Lock()
        self._faster: tuple[_State, Deployed] | None = None

    @property
    def classes(self) -> ClassNames:
        """Names of the K classes, in the order of the probabilities."""
        return self.bundle.classes

    @property
    def preprocess(self) -> Preprocess:
        """The input contract: how an image becomes what the network sees."""
        return self.bundle.preprocess

    def predict(
        self, images: Images, *, accuracy: float | None = None, batch_size: int = BATCH_SIZE
    ) -> NDArray[np.str_]:
        """Class name of every image, [N]; a single image gives an array of one name.

        With `accuracy`, such as 0.95, only answers sure enough for it are given, the others are
        `UNSURE`: of the given ones, such a share is right on images like those of the training.

        Raises UnusableImage, naming the file, if an image cannot be decoded; UsageError for what
        is no image at all, or if the bundle has no threshold for that accuracy.
        """
        threshold = 0.0 if accuracy is None else self.bundle.threshold(accuracy)
        if accuracy is not None and UNSURE in self.classes:
            raise UsageError(
                f"a class is called {UNSURE}, so no answer could be marked so",
                remedy="compare predict_proba with bundle.threshold(accuracy) yourself",
            )
        rows = self.predict_proba(images, batch_size=batch_size)
        names = (self.classes[row.argmax()] if row.max() >= threshold else UNSURE for row in rows)
        return np.asarray(list(names), dtype=np.str_)

    def predict_proba(self, images: Images, *, batch_size: int = BATCH_SIZE) -> NDArray[np.float64]:
        """Calibrated probabilities of every image, [N, K]. Raises as `predict` does."""
        rows = [np.zeros((0, len(self.classes)))]
        given = _as_list(images)
        for canvases in self._canvases(given, batch_size):
            for canvas in canvases:
                if isinstance(canvas, UnusableImage):
                    raise canvas
            usable = [canvas for canvas in canvases if isinstance(canvas, np.ndarray)]
            deployed = self._deployed_for(usable, of=len(given))
            rows.append(predict_canvases(deployed, self._batches(usable)).probabilities)
        return np.concatenate(rows)

    def predict_files(
        self,
        files: Iterable[str | os.PathLike[str]],
        *,
        top_k: int = 1,
        accuracy: float | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> list[FilePrediction]:
        """One answer for each file, in the order given; an unusable file's answer says why.

        `top_k` is how many classes are named, at most K. With `accuracy`, answers that are not
        sure enough for it are marked `unsure`. Raises UsageError if `top_k` is below 1, or the
        bundle has no threshold for that accuracy.
        """
        if top_k < 1:
            raise UsageError(f"at least one class must be named, not {top_k}")
        threshold = 0.0 if accuracy is None else self.bundle.threshold(accuracy)
        paths = [Path(file) for file in files]
        answers: list[FilePrediction] = []
        for canvases in self._canvases(paths, batch_size):
            usable = [canvas for canvas in canvases if isinstance(canvas, np.ndarray)]
            rows = iter(())
            if usable:
                deployed = self._deployed_for(usable, of=len(paths))
                rows = iter(collect_answers(deployed, self._batches(usable)).probabilities)
            for canvas in canvases:
                path = paths[len(answers)]
                answers.append(
                    FilePrediction(path=path, error=canvas.what)
                    if isinstance(canvas, UnusableImage)
                    else self._answer(path, next(rows), top_k, threshold)
                )
        return answers

    @property
    def subject(self) -> Subject:
        """What the functions of `nunbit.explain` look at: the network, its contract and classes."""
        from nunbit.explain.images import Subject  # with captum and matplotlib: not for predicting

        return Subject(deployed=self.deployed, classes=self.classes)

    def explain(
        self,
        images: Images,
        *,
        layers: Sequence[str] = (),
        stages: bool | None = None,
        classes: Sequence[str] = (),
        methods: Sequence[str] | None = None,
        checks: bool = True,
        seed: int = 0,
    ) -> tuple[Explanation, ...]:
        """What the network makes of each image: probabilities, feature maps, attribution maps.

        Args:
            images: as `predict` takes them.
            layers: names of layers whose feature maps are wanted.
            stages: those of early, middle and late stages, too; None: where no layer is named.
            classes: attribution maps for these classes beside the predicted one.
            methods: of `nunbit.explain.attribution.METHODS`; None: the usual that suit the network.
            checks: whether each attribution map is checked, which takes most of the time.
            seed: of what the checks draw at random.

        Raises UnusableImage as `predict` does; UsageError for an unknown layer, class or method,
        or a method that does not suit the network.
        """
        from nunbit.explain.images import Wanted, explain_image, plan

        wanted = Wanted(
            layers=tuple(layers),
            stages=stages,
            classes=tuple(classes),
            methods=None if methods is None else tuple(methods),
            checks=checks,
            seed=seed,
        )
        subject = self.subject
        settled = plan(subject, wanted)
        given = _as_list(images)
        canvases = [canvas for some in self._canvases(given, BATCH_SIZE) for canvas in some]
        names = [
            os.fspath(image) if isinstance(image, str | os.PathLike) else f"image {number}"
            for number, image in enumerate(given, start=1)
        ]
        found = []
        for name, canvas in zip(names, canvases, strict=True):
            if isinstance(canvas, UnusableImage):
                raise canvas
            found.append(explain_image(subject, settled, name, canvas))
        return tuple(found)

    def _answer(
        self, path: Path, row: NDArray[np.float64], top_k: int, threshold: float
    ) -> FilePrediction:
        if not np.isfinite(row).all():
            return FilePrediction(path=path, error=NOT_FINITE)
        best = np.argsort(-row, kind="stable")[:top_k]
        return FilePrediction(
            path=path,
            names=tuple(self.classes[i] for i in best),
            probabilities=tuple(map(float, row)),
            unsure=bool(row.max() < threshold),
        )

    def _canvases(
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
        try:
            return self.preprocess.canvas_from_array(image)
        except ValueError as error:
            remedy = "pixels are whole numbers 0 to 255, channels last, grey or RGB"
            raise UsageError(str(error), remedy=remedy) from error

    def _deployed_for(self, canvases: Sequence[Canvas], *, of: int) -> Deployed:
        """What answers about so many images in all: on a CPU, for many of them, a faster network.

        It gives the answers of `deployed` but for rounding; a canvas is to try that on.
        """
        if of < MANY_IMAGES or self.device.type != "cpu":
            return self.deployed
        with self._lock:  # the first to come makes it, the others wait for it
            tensors = self.model.state_dict().values()
            state = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)
            if self._faster is None or self._faster[0] != state:  # or somebody trained it on
                image = self.deployed.images(torch.from_numpy(canvases[0][None]))
                faster = optimize_for_inference(self.model, image)
                self._faster = state, self.deployed.with_network(faster)
            return self._faster[1]

    def _batches(self, canvases: Sequence[Canvas]) -> Iterator[CanvasBatch]:
        size = inference_batch_size(self.preprocess.height, self.preprocess.width, self.device)
        for rows in chunk_slices(len(canvases), size):
            some = np.stack(canvases[rows])
            yield CanvasBatch(
                canvases=torch.from_numpy(some).to(self.device),
                targets=torch.full((len(some),), -1),
                indices=np.arange(rows.start, rows.stop),
            )


def load(path: str | Path, *, device: str = "auto") -> Classifier:
    """The classifier of a run's folder, of a bundle, or of pretrained weights by name.

    `device` is torch's name of one, or "auto" for an accelerator where there is one. Raises
    BundleError naming what is missing or damaged.
    """
    if not Path(path).exists():
        with contextlib.suppress(UsageError):  # no such name: the path is what was meant
            return Classifier(pretrained_bundle(str(path)), device=device)
    return Classifier(load_bundle(bundle_folder(Path(path))), device=device)


def bundle_folder(path: Path) -> Path:
    """The folder of the bundle in a run's folder, or of the bundle that `path` is itself.

    Raises BundleError saying what is there instead.
    """
    if not path.exists():
        raise BundleError(
            "there is no such run or model",
            path=path,
            remedy="give the folder that nunbit train wrote, or its folder model",
        )
    for folder in (path, path / "model"):
        if (folder / CONTRACT).exists() or (folder / CONFIG).exists():
            return folder
    if (path / "config.toml").exists():
        command = shlex.join(["nunbit", "train", "--resume", "--out", str(path)])
        raise BundleError(
            "this run has no finished model",
            path=path,
            remedy=f"finish it with: {command}",
        )
    raise BundleError(
        "this is neither a run nor a model",
        path=path,
        remedy="give the folder that nunbit train wrote, or its folder model",
    )


def _as_list(images: Images) -> list[Any]:
    """One or many images as a list."""
    if isinstance(images, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return [images]
    if isinstance(images, np.ndarray) and images.dtype.kind not in "UO":
        single = images.ndim == 2 or (images.ndim == 3 and images.shape[2] in (1, 3, 4))
        if images.ndim not in (2, 3, 4):
            raise UsageError(f"images are [H, W], [H, W, C] or [N, H, W, C], not {images.shape}")
        return [images] if single else list(images)
    try:
        return list(images)
    except TypeError:
        raise UsageError(
            f"{type(images).__name__} is neither an image nor a list of them"
        ) from None
