"""The bundle of a run, from the weights that it keeps."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping

from nunbit.bundle import Bundle, load_bundle, save_bundle
from nunbit.config.resolved import ResolvedConfig
from nunbit.data.dataset import Dataset
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.fit_network import load_best_weights
from nunbit.pipelines.training.network import model_options
from nunbit.progress import Progress
from nunbit.training.checkpoint import load_weights, newest
from nunbit.training.state import TrainingState


def deploy(
    config: ResolvedConfig,
    dataset: Dataset,
    state: TrainingState,
    folder: RunFolder,
    *,
    versions: Mapping[str, str],
    progress: Progress,
) -> Bundle:
    """Write the bundle from the chosen epoch, and read it back: what is evaluated is what ships."""
    if config.checkpoint.deploy == "best":
        load_best_weights(folder, state, progress)
    else:
        load_weights(newest(folder.last), state.model)
    data_hash = hashlib.sha256("\n".join(sorted(dataset.split.sha256)).encode()).hexdigest()
    bundle = Bundle(
        model=state.model,
        architecture=config.model.name,
        model_options=model_options(
            config.model, dataset, hidden_layer=config.transfer.hidden_layer
        ),
        mirrored=config.model.test_time_mirror,
        classes=dataset.classes,
        preprocess=dataset.preprocess,
        data_hash=data_hash,
        versions=dict(versions),
    )
    shutil.rmtree(folder.model, ignore_errors=True)  # left by a run killed after this point
    save_bundle(folder.model, bundle)
    return load_bundle(folder.model)
