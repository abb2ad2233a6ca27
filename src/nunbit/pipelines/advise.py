"""The adviser in a run: from the configuration and the divided data to its case.

Only the training and validation parts are shown to it.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from nunbit.advisor.advise import advise
from nunbit.advisor.inputs import AdvisorInput, Images, ScratchBaseline
from nunbit.advisor.plans import ALL, LAST_STAGE, SCRATCH, Advice
from nunbit.config import Config, decided
from nunbit.data.augment import load_augmentation
from nunbit.device import resolve_device
from nunbit.finetune.cached_activations import only_flips
from nunbit.models.choose import choose_model
from nunbit.models.create import create_model
from nunbit.pipelines.loading.groups import groups_of
from nunbit.pipelines.loading.make_split import complete_contract, divide, refuse_untrainable
from nunbit.pipelines.loading.parts import Parts
from nunbit.pipelines.loading.prepare import decode, find
from nunbit.pipelines.resolving.contract import wanted_weights
from nunbit.pipelines.resolving.defaults import resolve_network, resolve_training
from nunbit.pipelines.training.network import model_options, new_model
from nunbit.progress import Progress
from nunbit.seeds import Purpose, derive_seed


def advise_on(config: Config, parts: Parts, model: nn.Module, progress: Progress) -> Advice:
    """What to train of a network with pretrained weights, measured.

    `model` has a head for the classes of the data and is left as it is; the configuration's model
    and pixels are decided by now, its training need not be. Takes half a minute to some minutes.

    Raises:
        DataError: where a class has too few images to measure anything.
        UsageError: where the network does not end in a linear layer.
    """
    return advise(case_of(config, parts, model), progress)


def case_of(config: Config, parts: Parts, model: nn.Module) -> AdvisorInput:
    """What the adviser looks at; the test part is not among it."""
    split, samples, options = parts.split, parts.prepared.samples, model_options(config, parts)
    rows = np.sort(np.concatenate([split.indices("train"), split.indices("validation")]))
    tuning = _resolved(config, parts, mode=ALL)
    frozen = load_augmentation(_resolved(config, parts, mode=LAST_STAGE).augment.preset)
    weights = wanted_weights(config)
    seed = derive_seed(config.seed, Purpose.WEIGHTS)

    def untrained() -> nn.Module:
        return create_model(config.model.name, **options, generator_seed=seed)

    return AdvisorInput(
        data=samples.name,
        model=config.model.name,
        weights="" if weights is None else weights.name,
        classes=len(samples.classes),
        network=model.to(parts.device),
        untrained=untrained,
        scratch=_scratch(config, parts, seed=seed),
        images=Images(
            pixels=parts.prepared.pixels,
            preprocess=parts.preprocess,
            rows=rows,
            all_labels=samples.labels,
            device=parts.device,
        ),
        groups=groups_of(parts.split, rows),
        training_images=split.counts["train"],
        epochs=decided(tuning.training.epochs),
        stage_decay=config.transfer.stage_decay,
        augmented=not only_flips(frozen),
        seed=config.seed,
    )


def _resolved(config: Config, parts: Parts, *, mode: str) -> Config:
    """The training that a mode would get; where minutes are given, as if they were not."""
    wanted = config.with_settings({"transfer.mode": mode})
    if wanted.training.minutes is not None:
        wanted = wanted.with_settings({"training.epochs": "auto"})
    resolved, _ = resolve_training(
        wanted,
        data_name=parts.prepared.samples.name,
        n_train=parts.split.counts["train"],
    )
    return resolved


def _scratch(config: Config, parts: Parts, *, seed: int) -> ScratchBaseline:
    """The network that `nunbit train` takes without pretrained weights."""
    inspection, contract = parts.prepared.inspection, parts.preprocess
    choice = choose_model(
        height=inspection.median_height,
        width=inspection.median_width,
        same_size=inspection.same_size,
        channels=contract.channels,
        n_train=parts.split.counts["train"],
        device_type=parts.device.type,
    )
    classes = len(parts.prepared.samples.classes)

    def build(height: int, width: int) -> nn.Module:
        return create_model(
            choice.name,
            classes=classes,
            channels=contract.channels,
            height=height,
            width=width,
            generator_seed=seed,
        )

    epochs = decided(_resolved(config, parts, mode=SCRATCH).training.epochs)
    return ScratchBaseline(
        name=choice.name, build=build, height=choice.height, width=choice.width, epochs=epochs
    )


def advise_data(config: Config, progress: Progress) -> Advice:
    """Find, decode and divide the data of a configuration as a run would, and advise on it.

    Raises:
        what `nunbit.pipelines.train.train` raises before it trains.
    """
    device = resolve_device(config.device)
    prepared = decode(find(config, progress), config, device_type=device.type, progress=progress)
    split = divide(prepared, config)
    refuse_untrainable(split, prepared)
    preprocess = complete_contract(prepared, split)
    config, _ = resolve_network(config, model=prepared.model, preprocess=preprocess)
    parts = Parts(prepared=prepared, split=split, preprocess=preprocess, device=device)
    model, _ = new_model(config, parts)
    return advise_on(config, parts, model, progress)
