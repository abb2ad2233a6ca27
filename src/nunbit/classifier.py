"""A trained model in use: pictures in, class names and probabilities out.

Images pass through `Preprocess.canvas`, as in training, and through `Deployed`, as in evaluation.
N images, K classes, H height, W width, C channels.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.bundle import CONFIG, CONTRACT, Bundle, load_bundle, pretrained_bundle
from nunbit.chunks import chunk_slices
from nunbit.data.batches import inference_batch_size
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import Deployed, collect_answers
from nunbit.device import resolve_device
from nunbit.errors import BundleError, UnusableImage, UsageError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.predictor import BATCH_SIZE, Canvas, Images, Predictor, as_list, warn_of_other_resizing
from nunbit.types import CanvasBatch, ClassNames

if TYPE_CHECKING:
    from nunbit.explain.images import Explanation, Subject

_State: TypeAlias = tuple[tuple[int, int], ...]
"""Address of each tensor of a network, and how often it was changed."""

MANY_IMAGES = 128
"""Number of images from which on the network is first made faster, which takes about as long as 20
images do."""


class Classifier(Predictor):
    """A bundle ready to classify, on torch; see `Predictor` for what it takes and gives."""

    def __init__(self, bundle: Bundle, *, device: str = "auto") -> None:
        warn_of_other_resizing(bundle.versions)
        self.bundle = bundle
        self.device = resolve_device(device)
        self.model: nn.Module = bundle.model.to(self.device).eval()
        self.deployed = Deployed.of(bundle)
        """Model that answers: from canvases to probabilities."""
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

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Confidence thresholds by the accuracy above them, such as "0.95"."""
        return self.bundle.thresholds

    @property
    def operating_point(self) -> OperatingPoint | None:
        """Threshold of a model of two classes; None where none was chosen."""
        return self.bundle.operating_point

    @property
    def subject(self) -> Subject:
        """Subject of the functions of `nunbit.explain`: network, contract and classes."""
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
        """Explain each image: probabilities, feature maps, attribution maps.

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
        given = as_list(images, channels=self.preprocess.channels)
        canvases = [canvas for some in self.canvases(given, BATCH_SIZE) for canvas in some]
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

    def _probabilities(self, canvases: Sequence[Canvas], *, of: int) -> NDArray[np.float64]:
        deployed = self._deployed_for(canvases, of=of)
        return collect_answers(deployed, self._batches(canvases)).probabilities

    def _deployed_for(self, canvases: Sequence[Canvas], *, of: int) -> Deployed:
        """Deployed model for a number of images: on a CPU, for many, a faster network.

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


_WHAT_TO_GIVE = (
    "give the folder that nunbit train wrote, or its folder model; predict, evaluate and serve "
    "also take the folder of an export"
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
            remedy=_WHAT_TO_GIVE,
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
        remedy=_WHAT_TO_GIVE,
    )
