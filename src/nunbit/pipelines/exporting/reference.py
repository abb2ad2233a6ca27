"""nunbit's own answers, with which every export is compared, and where an export may go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nunbit.bundle import Bundle, load_bundle
from nunbit.classifier import bundle_folder
from nunbit.deployed import Deployed
from nunbit.errors import UsageError
from nunbit.export.parity import Canvas, Engine
from nunbit.runtime.exported import is_export


def exported_bundle(run: Path) -> Bundle:
    """The model of a run's folder, or of a model's own.

    Raises:
        BundleError: when there is no model, or it is damaged.
        UsageError: when it is an exported folder already.
    """
    if is_export(run):
        raise UsageError(
            "this is an exported model, and its network is not there to be exported again",
            path=run,
            remedy="give the run that it was exported from",
        )
    return load_bundle(bundle_folder(run))


def nunbit_engine(bundle: Bundle) -> Engine:
    """The bundle as nunbit uses it."""
    deployed = Deployed.of(bundle)

    def answer(canvases: list[Canvas]) -> NDArray[np.float64]:
        batch = torch.from_numpy(np.stack(canvases))
        return np.asarray(deployed.answer(batch).probabilities.double().numpy())

    return Engine(name="nunbit", canvas=bundle.preprocess.canvas, answer=answer)


def new_folder(run: Path, out: Path | None, suffix: str) -> Path:
    """`out`, or a folder beside the run with the suffix.

    Raises:
        UsageError: when something is already there.
    """
    out = out or run.parent / f"{run.resolve().name}-{suffix}"
    if out.exists():
        raise UsageError(
            "something is already there, and nothing is overwritten",
            path=out,
            remedy="choose another folder with --out, or move this one away",
        )
    return out
