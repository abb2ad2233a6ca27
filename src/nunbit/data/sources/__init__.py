"""Sources of labelled images: one module for each kind, one line in `SOURCES` adds one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nunbit.data.sources import class_folders, hub_folders, known, named_files, table
from nunbit.data.sources.archives import folders, shards
from nunbit.data.sources.array_files import cifar, idx, npz
from nunbit.data.sources.build_samples import SourceName, build_samples
from nunbit.data.sources.published import medmnist, registry
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import ConfigError, DataError
from nunbit.suggest import suggest
from nunbit.types import Samples

__all__ = ["SOURCES", "Source", "accepted_data", "load_samples"]

_ARCHIVES = (".gz", ".bz2", ".xz", ".txz", ".zst", ".7z", ".rar")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A kind of source: how it is recognised and read, and what messages and pages say of it."""

    kind: str
    """Name in docs/data.md."""
    form: str
    """Form of DATA, for messages and the command line's help."""
    looks_like: str
    """The same with examples, for docs/data.md, in Markdown."""
    recognises: Callable[[Path], bool]
    load: Callable[[Path, SourceOptions], RawSamples]
    holds: Callable[[str], bool] = lambda _: False
    """Test whether a file's name, in lower case, is that of one file of a folder of this kind."""


NAMED_FILES = Source(
    kind="labels in file names",
    form="a flat folder with labels in the file names (--label-from)",
    looks_like='a flat folder and `--label-from "{label}.{number}.jpg"`',
    recognises=lambda _: False,
    load=named_files.load,
)
"""Never recognised, only asked for, by a pattern."""

SOURCES: tuple[Source, ...] = (
    Source(
        kind="table",
        form="a CSV, JSON or Parquet table",
        looks_like="CSV (comma, semicolon or tab), a list of `path label`, JSON lines or Parquet "
        "with a path column (`path`, `file`, `filename`, `image`, or by its content) and a label "
        "column (`label`, `class`, `target`, …); JSON of Label Studio, COCO or iNaturalist; "
        "optional `split` and `group`; every other column "
        "is kept, and the report tells the accuracy by it",
        recognises=table.recognises,
        load=table.load,
    ),
    Source(
        kind="`.npz`",
        form="an .npz file",
        looks_like="arrays `x`, `y` (or `images`, `labels`; or `x_train`, `y_train`, `x_test`, "
        "`y_test`)",
        recognises=npz.recognises,
        load=npz.load,
    ),
    Source(
        kind="IDX",
        form="a folder of IDX files (MNIST)",
        looks_like="a folder with MNIST's four files, gzipped or not",
        recognises=idx.recognises,
        load=idx.load,
        holds=lambda name: "ubyte" in name,
    ),
    Source(
        kind="CIFAR",
        form="a folder of CIFAR files",
        looks_like="the python or the binary files of CIFAR-10 or CIFAR-100",
        recognises=cifar.recognises,
        load=cifar.load,
        holds=lambda name: name.startswith(("data_batch", "test_batch")),
    ),
    Source(
        kind="published layouts",
        form="a published data set as it is unpacked (Tiny-ImageNet, SVHN, EMNIST, …)",
        looks_like=", ".join(layout.name for layout in registry.LAYOUTS)
        + ": the root folder, or SVHN's `.mat`; see [below](#published-data-sets)",
        recognises=registry.recognises,
        load=registry.load,
        holds=lambda name: name.startswith(("emnist-", "qmnist-", "k49-", "kmnist-")),
    ),
    Source(
        kind="Parquet shards",
        form="a folder of Parquet files that hold the images",
        looks_like="Hugging Face's `train-00000-of-00002.parquet`, …, there or below `data/`: the "
        "names of the classes from the schema, the parts from the names of the files",
        recognises=hub_folders.recognises_shards,
        load=hub_folders.load_shards,
    ),
    Source(
        kind="WebDataset shards",
        form="tar shards of WebDataset",
        looks_like="`train-000000.tar`, …, in a folder or its `train/`, `test/`, with `17.jpg` "
        "beside `17.cls` (number or name) or `17.json` (`label`, …); `classnames.txt` beside the "
        "shards names the numbers",
        recognises=shards.recognises,
        load=shards.load,
    ),
    Source(
        kind="archive",
        form="a zip or tar archive of class folders",
        looks_like="`.zip`, `.tar`, `.tar.gz` or `.tar.bz2` with class folders in it, read without "
        "unpacking to disk (a packed tar is held in memory, up to 2 GB)",
        recognises=folders.recognises,
        load=folders.load,
    ),
    Source(
        kind="metadata",
        form="a folder with metadata.csv or metadata.jsonl",
        looks_like="Hugging Face's `metadata.csv` or `metadata.jsonl` with `file_name` and a label "
        "column, in the folder or in its `train/`, `test/`, …",
        recognises=hub_folders.recognises_metadata,
        load=hub_folders.load_metadata,
    ),
    NAMED_FILES,
    Source(
        kind="class folders",
        form="a folder of class folders (also below train, validation and test)",
        looks_like="`photos/cat/1.jpg`, `photos/dog/a/b.png` (sub-folders belong to the class); "
        "in parts: `photos/train/cat/…`, `photos/validation/…` or `photos/val/…`, `photos/test/…`",
        recognises=class_folders.recognises,
        load=class_folders.load,
    ),
)
"""Asked in this order; the first that recognises a path reads it."""


def accepted_data() -> str:
    """All that DATA may be, the usual first: what messages and the command line's help say."""
    forms = ", ".join(source.form for source in reversed(SOURCES))
    return f"{forms}, or a known name: {', '.join(known.KNOWN)}"


def load_samples(  # noqa: PLR0913 - an argument for each option
    data: str | Path,
    *,
    label_from: str | None = None,
    label_map: Path | None = None,
    group_from: str | None = None,
    parts: str | None = None,
    exclude: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    image_root: Path | None = None,
    header: bool = True,
    evaluating: bool = False,
) -> Samples:
    """Everything found in `data`, a path or the name of a known data set.

    `label_from` is a pattern of file names, `label_map` a JSON or CSV file that renames classes,
    `group_from` a regular expression on paths or a table's column. `parts` says which folders are
    parts of a split, `exclude` which files are left out; the others are for tables, see
    `SourceOptions`. Image files are not opened. Data that are `evaluating` a finished model may
    hold one class alone, or classes that their own training part lacks.

    Raises DataError where the data cannot be used and ConfigError for a wrong option; both name
    the path and say what is accepted.
    """
    options = SourceOptions(
        label_from=label_from,
        group_from=group_from,
        parts=parts,
        exclude=exclude,
        path_column=path_column,
        label_column=label_column,
        image_root=image_root,
        header=header,
        renamed=label_map is not None,
    )
    path = _existing_path(data)
    name = known.known_name(str(data))
    if path is not None:
        found = known.with_published_names(_recognise(path, options).load(path, options))
        found = medmnist.with_published_names(found, path)
        if name is not None:
            note = f"'{data}' here is used, not the known data set of this name"
            found = replace(found, notes=(note, *found.notes))
    elif name is not None:
        if label_from is not None:
            raise ConfigError(
                f"'{name}' has no file names to read labels from", remedy="leave --label-from out"
            )
        found = known.load(name)
    else:
        raise _nothing_there(str(data))
    source = SourceName(name=dataset_name(data), location=str(data))
    return build_samples(
        found,
        source=source,
        label_map=label_map,
        group_from=group_from,
        evaluating=evaluating,
    )


def dataset_name(data: str | Path) -> str:
    """Short name of what DATA names, before anything of it is read; 'data' for want of one."""
    path = _existing_path(data)
    if path is None:
        return known.known_name(str(data)) or "data"
    resolved = path.resolve()
    return (resolved.stem if path.is_file() else resolved.name) or "data"


def _existing_path(data: str | Path) -> Path | None:
    if not str(data).strip():  # an unset shell variable, not the current folder
        return None
    try:
        path = Path(data).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # a name too long, a folder that is locked, an unknown ~user
        return None


def _recognise(path: Path, options: SourceOptions) -> Source:
    if options.label_from is not None:
        if not path.is_dir():
            raise ConfigError(
                "a pattern for file names was given, but the data are not a folder",
                path=path,
                remedy="leave --label-from out, or give the folder of the images",
            )
        return NAMED_FILES
    for source in SOURCES:
        if source.recognises(path):
            return source
    raise DataError("this kind of file is not a data set", path=path, remedy=_remedy(path))


def _remedy(path: Path) -> str:
    name = path.name.lower()
    if any(source.holds(name) for source in SOURCES):
        return f"give the folder that holds it: '{path.parent}'"
    if name.endswith(_ARCHIVES):
        return "unpack it and give the folder"
    return f"give {accepted_data()}"


def _nothing_there(data: str) -> DataError:
    meant, wanted = suggest(data.lower(), known.KNOWN, form="'{}'"), f"give {accepted_data()}"
    return DataError(
        "no such file or folder, and no data set is known by this name",
        path=data,
        remedy=f"{meant} Otherwise {wanted}" if meant else wanted,
    )
