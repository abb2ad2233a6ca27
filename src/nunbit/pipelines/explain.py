"""`nunbit explain` from a run and some files to a folder of pictures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit import __version__
from nunbit.classifier import Classifier, load
from nunbit.data.decoding import read_image_bytes
from nunbit.device import describe_device
from nunbit.errors import UnusableImage, UsageError
from nunbit.explain.attribution import METHODS
from nunbit.explain.filters import Filters, filters_of
from nunbit.explain.images import Explanation, Plan, Subject, Wanted, explain_image, plan
from nunbit.files import check_can_write
from nunbit.formatting import timestamp
from nunbit.pipelines.explanation.nearest_training_images import resembling
from nunbit.progress import SILENT, Progress
from nunbit.reports.explanation.files import write_explanations
from nunbit.reports.explanation.page import SIDE, PageInput
from nunbit.versions import versions

NEIGHBOURS = 8


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Explanations that were made, and their page."""

    page: Path
    explanations: tuple[Explanation, ...]
    unusable: tuple[tuple[Path, str], ...]
    """Files that could not be used, and why."""


@dataclass(frozen=True, kw_only=True)
class _Given:
    """Images that could be read."""

    files: list[Path]
    canvases: list[NDArray[np.uint8]]
    """[H, W, C] each."""
    originals: list[NDArray[np.uint8]]
    """The same before they were fitted into the canvas, at most `SIDE` pixels long."""
    unusable: list[tuple[Path, str]]


def explain_run(
    run: str | Path,
    files: Sequence[Path],
    *,
    out: Path,
    wanted: Wanted | None = None,
    device: str = "auto",
    command: str = "",
    progress: Progress = SILENT,
) -> Explained:
    """Explain what a model makes of image files, in a new folder of pictures with one page.

    Args:
        run: what `nunbit.load` takes.
        files: images; those that cannot be read are named in the result.
        out: new folder.
        wanted: what the explanations are to hold.
        device: where the network runs.
        command: what the page names as the command that repeats it.
        progress: listener to progress.

    Raises:
        BundleError: when there is no usable model.
        UsageError: when something is at `out` already, no file can be used, or a class, layer or
            method is unknown or does not suit the network.
    """
    if out.exists():
        raise UsageError(
            "something is already there, and nothing is overwritten",
            path=out,
            remedy="choose another folder with --out",
        )
    check_can_write(out)
    classifier = load(run, device=device)
    subject = classifier.subject
    settled = plan(subject, wanted or Wanted())
    filters, notes = _filters(subject, () if wanted is None else wanted.layers)
    given = _read(files, classifier)
    near, where = resembling(
        Path(run),
        classifier.bundle,
        subject,
        given.canvases,
        count=NEIGHBOURS,
        progress=progress,
    )
    pairs = zip(given.files, given.canvases, near, strict=True)
    total = settled.parts * len(given.files)
    parts = progress.track(range(total), total=total, title="Explaining images")
    next(parts)
    explanations = tuple(
        replace(
            explain_image(subject, settled, str(file), canvas, done=lambda: next(parts, None)),
            neighbours=neighbours,
        )
        for file, canvas, neighbours in pairs
    )
    for _ in parts:  # without methods there was none to be done: the bar goes away all the same
        pass
    without = [] if any(near) else [where]
    page = PageInput(
        model=classifier.bundle.architecture,
        source=Path(run).name or str(run),
        explanations=explanations,
        originals=given.originals,
        filters=filters,
        methods=settled.methods,
        grad_cam_layer=settled.grad_cam_layer,
        neighbours=f"{where}.",
        notes=[*settled.notes, *notes, *without, *_left_out(given.unusable)],
        facts=_facts(classifier, settled, run),
        command=command,
        version=__version__,
        finished=timestamp(),
    )
    written = write_explanations(out, page)
    return Explained(page=written, explanations=explanations, unusable=tuple(given.unusable))


def _read(files: Sequence[Path], classifier: Classifier) -> _Given:
    """The files' images. Raises UsageError where none can be used."""
    given = _Given(files=[], canvases=[], originals=[], unusable=[])
    contract = classifier.preprocess
    for file in files:
        try:
            data = read_image_bytes(file)
            canvas = contract.canvas(data)
            image = contract.shown(data, longest=SIDE)
        except UnusableImage as error:
            given.unusable.append((file, error.what))
            continue
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        original = np.asarray(image, dtype=np.uint8)
        given.files.append(file)
        given.canvases.append(canvas)
        given.originals.append(original.reshape(*original.shape[:2], -1))
    if not given.files:
        path, reason = given.unusable[0] if given.unusable else (None, "no file was named")
        raise UsageError(
            f"there is no image to explain: {reason}",
            path=path,
            remedy="name image files, or folders that hold some",
        )
    return given


def _filters(subject: Subject, layers: Sequence[str]) -> tuple[list[Filters], list[str]]:
    """Those of the first convolution and of the named layers that have some; and a remark."""
    found: dict[str, Filters] = {}
    notes: list[str] = []
    for layer in (None, *layers):
        try:
            filters = filters_of(subject.model, subject.shape, layer)
        except UsageError as error:
            notes.append(error.what[:1].upper() + error.what[1:])
        else:
            found[filters.layer] = filters
    return list(found.values()), notes


def _left_out(unusable: Sequence[tuple[Path, str]]) -> list[str]:
    return [f"Left out: {file}: {reason}" for file, reason in unusable]


def _facts(classifier: Classifier, settled: Plan, run: str | Path) -> list[tuple[str, str]]:
    contract = classifier.preprocess
    layers = ", ".join(dict.fromkeys(layer.name for layer in settled.layers))
    methods = ", ".join(METHODS[method].title for method in settled.methods)
    known = versions()
    return [
        ("Model", f"{classifier.bundle.architecture}, from {run}"),
        ("Classes", f"{len(classifier.classes):,}"),
        ("Canvas", f"{contract.height} × {contract.width} pixels (height × width)"),
        ("Layers of the feature maps", layers or "none"),
        ("Attribution", methods or "none"),
        ("Checks", f"yes, seed {settled.seed}" if settled.checks else "no"),
        ("Device", describe_device(classifier.device)),
        ("Versions", ", ".join(f"{name} {version}" for name, version in known.items())),
    ]
