"""The commands as Python functions: the same configuration, the same pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nunbit.classifier import Classifier
from nunbit.config import Config, load_config
from nunbit.data.given import LabelledImages, is_place, keep_given
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.data.sources import load_samples
from nunbit.errors import UsageError
from nunbit.evaluation.comparison.values import Comparison
from nunbit.explain.feature_maps import FeatureMaps, feature_maps_of
from nunbit.explain.filters import Filters, filters_of
from nunbit.explain.layers import stages_of
from nunbit.files import write_new_file
from nunbit.pipelines.compare import compare_runs, read_runs
from nunbit.pipelines.comparison.page import comparison_page
from nunbit.pipelines.train import Run
from nunbit.pipelines.train import train as train_spine
from nunbit.predictor import Images
from nunbit.progress import SILENT, Progress
from nunbit.types import Samples


@dataclass(frozen=True)
class Data:
    """Labelled images that were found, and how to find them again."""

    samples: Samples
    settings: Mapping[str, object]
    """Dotted settings that name the data."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the network's outputs."""
        return self.samples.classes


def load_data(  # noqa: PLR0913 - an argument for each option
    data: LabelledImages,
    *,
    label_from: str | None = None,
    label_map: str | Path | None = None,
    group_from: str | None = None,
    parts: str | None = None,
    exclude: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    image_root: str | Path | None = None,
    header: bool = True,
) -> Data:
    """Find labelled images: a path, a known name such as `digits`, or data of the program.

    Data of the program are kept in nunbit's cache, so that `nunbit evaluate` and others can read
    them again.

    Args:
        data: folder of class folders, table, folder of IDX or CIFAR files, `.npz`, or known name;
            a DataFrame with a column of paths and one of labels; a pair
            (images, labels) of arrays, images [N, H, W] or [N, H, W, C]; or a list of
            (path, label).
        label_from: pattern that finds the label in file names, as `{label}.{number}.jpg`.
        label_map: JSON or CSV file that renames classes.
        group_from: column, or regular expression on the path, of groups that stay whole.
        parts: folders that are parts, as `fold1=train,fold2=test`; `none` where they are classes.
        exclude: patterns of file names or paths to leave out, separated by commas.
        path_column: column of a table that names the images.
        label_column: column of a table that holds the labels.
        image_root: folder of the images that a table names; the table's own otherwise, and the
            current one for a DataFrame and a list.
        header: whether the first line of a table names its columns.

    Raises:
        DataError: when there is nothing that can be read as labelled images.
        UsageError: when `data` are of another type; it says what is taken.
    """
    kept = None
    if not is_place(data):
        root = None if image_root is None else Path(image_root)
        folder = default_cache_folder() / "given"
        kept = keep_given(data, folder=folder, image_root=root, path_column=path_column)
        image_root = kept.image_root
    place = str(data) if kept is None else str(kept.path)
    named = {
        "data.path": place,
        "data.label_from": label_from,
        "data.label_map": None if label_map is None else str(label_map),
        "data.group_from": group_from,
        "data.parts": parts,
        "data.exclude": exclude,
        "data.path_column": path_column,
        "data.label_column": label_column,
        "data.image_root": None if image_root is None else str(image_root),
        "data.header": None if header else False,
    }
    settings = {key: value for key, value in named.items() if value is not None}
    samples = load_samples(
        place,
        label_from=label_from,
        label_map=None if label_map is None else Path(label_map),
        group_from=group_from,
        parts=parts,
        exclude=exclude,
        path_column=path_column,
        label_column=label_column,
        image_root=None if image_root is None else Path(image_root),
        header=header,
    )
    return Data(samples=samples, settings=settings)


def train(
    data: Data | LabelledImages,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    recipe: str | None = None,
    progress: Progress = SILENT,
    settings: Mapping[str, object] | None = None,
    **options: Any,
) -> Run:
    """Train, evaluate and report, as `nunbit train` does.

    Args:
        data: what `load_data` gave or takes.
        out: folder of the run; None makes a new one under runs/.
        resume: continue the run in `out` where it was interrupted.
        recipe: name or file of a recipe to start from.
        progress: listener to progress; silent by default.
        settings: dotted settings, as `{"training.batch_size": 64}`.
        options: `model`, `pretrained`, `epochs`, `minutes`, `seed`, `device`, `image_size`, `fit`,
            `augment`, `corrections`: short names of the settings that the command line has
            options for.

    Raises:
        ConfigError: for an unknown option or setting.
        UsageError: for data that `load_data` does not take; and what
            `nunbit.pipelines.train.train` raises.
    """
    if not isinstance(data, Data) and not is_place(data):
        data = load_data(data)
    named = data.settings if isinstance(data, Data) else {"data.path": str(data)}
    short = {
        _OPTIONS.get(key, key): str(value) if isinstance(value, Path) else value
        for key, value in options.items()
        if value is not None
    }
    merged = {**(settings or {}), **short, **named}
    config: Config = load_config(data=None, recipe=recipe, settings=merged)
    target = None if out is None else Path(out)
    return train_spine(config, out=target, resume=resume, progress=progress)


def compare(
    runs: Sequence[str | Path | Run],
    *,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress = SILENT,
) -> Comparison:
    """Compare finished runs on the same test images, as `nunbit compare` does.

    Args:
        runs: two or more runs or their folders, also of what `nunbit evaluate` wrote; the first is
            what the others are compared with. Runs that differ in their seed only are summarised by
            mean and spread.
        out: new HTML file with charts and pictures.
        device: where speed is measured.
        progress: listener to progress; silent by default.

    Returns:
        The numbers, with intervals, and `verdicts` in words.

    Raises:
        UsageError: when there is no finished run in a folder, the runs cannot be compared, or `out`
            exists already; the message names what differs.
        DataError: when the files of a run are damaged or do not belong together.
    """
    folders = [run.folder if isinstance(run, Run) else Path(run) for run in runs]
    if out is not None and Path(out).exists():
        raise UsageError(
            "the page exists already, and nothing is overwritten",
            path=out,
            remedy="choose another name, or move the old one away",
        )
    read = read_runs(folders, progress=progress)
    comparison = compare_runs(read, device=device, progress=progress)
    if out is not None:
        page = comparison_page(comparison, read, progress=progress)
        write_new_file(Path(out), page)
    return comparison


_OPTIONS = {
    "model": "model.name",
    "pretrained": "model.pretrained",
    "epochs": "training.epochs",
    "minutes": "training.minutes",
    "image_size": "pixels.image_size",
    "fit": "pixels.fit",
    "augment": "augment.preset",
    "corrections": "data.corrections",
}


def filters(
    model: Classifier | nn.Module, layer: str | None = None, *, shape: Sequence[int] | None = None
) -> Filters:
    """The filters of a layer, by default of the first convolution: weights [n, C, h, w].

    Args:
        model: a classifier, or a network.
        layer: name of a convolution, or of a linear layer that sees the whole image.
        shape: (C, H, W) of an image; needed where `model` is a network.

    Raises:
        UsageError: for an unknown layer, one without filters, and a network without a shape.
    """
    if isinstance(model, Classifier):
        return filters_of(model.model, model.subject.shape, layer)
    if shape is None:
        raise UsageError("a network needs the shape of an image: shape=(C, H, W)")
    return filters_of(model, shape, layer)


def feature_maps(
    model: Classifier | nn.Module, images: Images | Tensor, layers: Sequence[str] = ()
) -> list[tuple[FeatureMaps, ...]]:
    """Compute the maps of each layer for each image, by default of early, middle and late stages.

    Args:
        model: a classifier, or a network.
        images: of a classifier what its `predict` takes; of a network what it sees, float
            [B, C, H, W], on its device.
        layers: names of layers.

    Raises:
        UsageError: for an unknown layer, and for a network's images that are not a tensor.
    """
    if isinstance(model, Classifier):
        if isinstance(images, Tensor):
            raise UsageError("a classifier takes files, PIL images or uint8 arrays, not tensors")
        return [found.maps for found in model.explain(images, layers=layers, methods=())]
    if not isinstance(images, Tensor) or images.ndim != 4:
        raise UsageError("a network takes a tensor of images [B, C, H, W]")
    return feature_maps_of(model, images, layers or stages_of(model, images.shape[1:]))
