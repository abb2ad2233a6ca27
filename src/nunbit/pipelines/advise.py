"""The adviser in a run: from the configuration and the split data to its input.

Only the training and validation parts are shown to it.
"""

from __future__ import annotations

import json

import numpy as np
from torch import nn

from nunbit.advisor.advise import advise
from nunbit.advisor.inputs import AdvisorInput, Images, ScratchBaseline
from nunbit.advisor.plans import ALL, LAST_STAGE, SCRATCH, Advice
from nunbit.config import Config
from nunbit.config.resolve import decide_augmentation, decide_epochs
from nunbit.config.resolved import ResolvedModel
from nunbit.data.augment import load_augmentation
from nunbit.data.dataset import Dataset
from nunbit.device import resolve_device
from nunbit.files import write_atomically
from nunbit.finetune.cached_activations import only_flips
from nunbit.models.choose import choose_model
from nunbit.models.create import create_model
from nunbit.pipelines.dataset import open_dataset
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.splitting.groups import group_numbers
from nunbit.pipelines.training.network import model_options, new_model
from nunbit.pipelines.training.objective import objective_of
from nunbit.progress import Progress
from nunbit.seeds import Purpose, derive_seed
from nunbit.training.speedups.process import keep_freed_memory


def advise_on(
    config: Config, wanted: ResolvedModel, dataset: Dataset, model: nn.Module, progress: Progress
) -> Advice:
    """Advise on what to train of a network with pretrained weights, by measurement.

    `model` is the network `wanted` with a head for the classes of the data, and is left as it is;
    how it is to be trained need not be decided. Takes half a minute to some minutes.

    Raises:
        DataError: where a class has too few images to measure anything.
        UsageError: where the network does not end in a linear layer.
    """
    return advise(case_of(config, wanted, dataset, model), progress)


def advise_and_record(
    config: Config,
    wanted: ResolvedModel,
    dataset: Dataset,
    model: nn.Module,
    folder: RunFolder,
    progress: Progress,
) -> Advice:
    """Measure as `advise_on` does, and keep the evidence in the folder of a run."""
    from nunbit.reports.advice import draw_advice

    advice = advise_on(config, wanted, dataset, model, progress)
    content = json.dumps(advice.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder.advice, content)
    write_atomically(folder.advice.with_suffix(".png"), draw_advice(advice, form="png"))
    return advice


def case_of(
    config: Config, wanted: ResolvedModel, dataset: Dataset, model: nn.Module
) -> AdvisorInput:
    """Build the adviser's inputs, without the test part."""
    split, samples, options = dataset.split, dataset.samples, model_options(wanted, dataset)
    rows = np.sort(np.concatenate([split.indices("train"), split.indices("validation")]))
    frozen = decide_augmentation(config.augment.preset, data_name=samples.name, mode=LAST_STAGE)
    seed = derive_seed(config.seed, Purpose.WEIGHTS)
    objective = objective_of(config.training, dataset)

    def untrained() -> nn.Module:
        return create_model(wanted.name, **options, generator_seed=seed)

    return AdvisorInput(
        data=samples.name,
        model=wanted.name,
        weights="" if wanted.weights is None else wanted.weights.name,
        classes=len(samples.classes),
        network=model.to(dataset.device),
        untrained=untrained,
        scratch=_scratch(config, dataset, seed=seed),
        images=Images(
            pixels=dataset.pixels,
            preprocess=dataset.preprocess,
            rows=rows,
            all_labels=samples.labels,
            device=dataset.device,
        ),
        groups=group_numbers(dataset.split, rows),
        training_images=split.counts["train"],
        epochs=_epochs(config, dataset, mode=ALL),
        stage_decay=config.transfer.stage_decay,
        augmented=not only_flips(load_augmentation(frozen.value)),
        seed=config.seed,
        loss=objective.loss,
        balanced=objective.balanced_sampling,
        head_objective=objective.head,
    )


def _epochs(config: Config, dataset: Dataset, *, mode: str) -> int:
    """Epochs that a mode would get; where minutes are given, as if they were not."""
    training = config.training.model_copy(update={"minutes": None})
    n_train = dataset.split.counts["train"]
    return decide_epochs(training, head=config.transfer.head, mode=mode, n_train=n_train).value


def _scratch(config: Config, dataset: Dataset, *, seed: int) -> ScratchBaseline:
    """The network that `nunbit train` takes without pretrained weights."""
    inspection, contract = dataset.inspection, dataset.preprocess
    choice = choose_model(
        height=inspection.median_height,
        width=inspection.median_width,
        same_size=inspection.same_size,
        channels=contract.channels,
        n_train=dataset.split.counts["train"],
        device_type=dataset.device.type,
    )
    classes = len(dataset.classes)

    def build(height: int, width: int) -> nn.Module:
        return create_model(
            choice.name,
            classes=classes,
            channels=contract.channels,
            height=height,
            width=width,
            generator_seed=seed,
        )

    epochs = _epochs(config, dataset, mode=SCRATCH)
    return ScratchBaseline(
        name=choice.name, build=build, height=choice.height, width=choice.width, epochs=epochs
    )


def advise_data(config: Config, progress: Progress) -> Advice:
    """Open the data of a configuration as a run would, and advise on it.

    Raises:
        what `nunbit.pipelines.train.train` raises before it trains.
    """
    keep_freed_memory()
    device = resolve_device(config.device)
    dataset, chosen, _ = open_dataset(config, device=device, progress=progress)
    model, _ = new_model(chosen.model, dataset, seed=config.seed)
    return advise_on(config, chosen.model, dataset, model, progress)
