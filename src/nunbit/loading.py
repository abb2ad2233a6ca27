"""A model to classify with, from whatever holds one: a run, a bundle, an export, or a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from nunbit.errors import UsageError
from nunbit.extras import extras_named
from nunbit.predictor import Predictor
from nunbit.runtime.exported import is_export

if TYPE_CHECKING:
    from nunbit.classifier import Classifier
    from nunbit.runtime.engines import EngineName


def load(path: str | Path, *, device: str = "auto", engine: EngineName | None = None) -> Classifier:
    """Load the classifier of a run's folder, of a bundle, or of pretrained weights by name.

    `device` is torch's name of one, or "auto" for an accelerator where there is one. An exported
    folder gives a classifier of the same face, which runs on onnxruntime, or on "openvino" where
    `engine` says so, and has no `explain`.

    Raises BundleError naming what is missing or damaged; UsageError naming the extra where what is
    needed is not installed, and where an engine is asked for and `path` is not an exported folder.
    """
    # Its face is the same; whoever explains an exported model gets an error that says what to do.
    return cast("Classifier", load_predictor(path, device=device, engine=engine))


def load_predictor(
    path: str | Path, *, device: str = "auto", engine: EngineName | None = None
) -> Predictor:
    """Load whatever classifies; an exported folder without importing torch. Raises as `load`."""
    if is_export(Path(path)):
        from nunbit.runtime.classifier import load_export

        return load_export(Path(path), engine=engine or "onnxruntime")
    if engine is not None:
        raise UsageError(
            f"{engine} runs exported models, and this is not one: {path}",
            remedy="nunbit export RUN, then give the folder that it writes",
        )
    with extras_named():
        from nunbit.classifier import load as load_bundle

    return load_bundle(path, device=device)
