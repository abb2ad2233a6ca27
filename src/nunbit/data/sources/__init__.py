"""Sources of labelled images: one module for each kind, one line in `SOURCES` adds one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nunbit.data.sources import cifar, class_folders, idx, known, named_files, npz, table
from nunbit.data.sources.build_samples import Place, settle
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import ConfigError, DataError
from nunbit.suggest import suggest
from nunbit.types import Samples

__all__ = ["SOURCES", "Source", "load_samples"]

ACCEPTED = (
    "give a folder of class folders, a flat folder with --label-from, a CSV or Parquet table, "
    "a folder of IDX or CIFAR files, an .npz file, or a known name: " + ", ".join(known.KNOWN)
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A kind of source: how it is recognised and read."""

    kind: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path, SourceOptions], RawSamples]


NAMED_FILES = Source(
    kind="labels in file names", recognises=class_folders.recognises, load=named_files.load
)
"""Never recognised, only asked for, by a pattern."""

SOURCES: tuple[Source, ...] = (
    Source(kind="table", recognises=table.recognises, load=table.load),
    Source(kind="arrays", recognises=npz.recognises, load=npz.load),
    Source(kind="IDX files", recognises=idx.recognises, load=idx.load),
    Source(kind="CIFAR files", recognises=cifar.recognises, load=cifar.load),
    Source(kind="class folders", recognises=class_folders.recognises, load=class_folders.load),
)
"""Asked in this order; the first that recognises a path reads it."""


def load_samples(
    data: str | Path,
    *,
    label_from: str | None = None,
    label_map: Path | None = None,
    group_from: str | None = None,
) -> Samples:
    """Everything found in `data`, a path or the name of a known data set.

    `label_from` is a pattern of file names, `label_map` a JSON or CSV file that renames classes,
    `group_from` a regular expression on paths or a table's column. Image files are not opened.

    Raises DataError where the data cannot be used and ConfigError for a wrong option; both name
    the path and say what is accepted.
    """
    options = SourceOptions(label_from=label_from, group_from=group_from)
    path = _existing_path(data)
    name = known.known_name(str(data))
    if path is not None:
        found = known.with_published_names(_recognise(path, options).load(path, options))
        if name is not None:
            note = f"'{data}' here is used, not the known data set of this name"
            found = replace(found, notes=(note, *found.notes))
        resolved = path.resolve()
        called = resolved.stem if path.is_file() else resolved.name
    elif name is not None:
        if label_from is not None:
            raise ConfigError(
                f"'{name}' has no file names to read labels from", remedy="leave --label-from out"
            )
        found, called = known.load(name), name
    else:
        raise _nothing_there(str(data))
    place = Place(name=called or "data", location=str(data))
    return settle(found, place=place, label_map=label_map, group_from=group_from)


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
    raise DataError("this kind of file is no data set", path=path, remedy=_remedy_for_file(path))


def _remedy_for_file(path: Path) -> str:
    name = path.name.lower()
    if name.endswith((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")):
        if "ubyte" in name:
            return f"give the folder that holds it: '{path.parent}'"
        return "unpack it and give the folder"
    if "ubyte" in name or name.startswith(("data_batch", "test_batch")):
        return f"give the folder that holds it: '{path.parent}'"
    return ACCEPTED


def _nothing_there(data: str) -> DataError:
    meant = suggest(data.lower(), known.KNOWN, form="'{}'")
    return DataError(
        "no such file or folder, and no data set is known by this name",
        path=data,
        remedy=f"{meant} Otherwise {ACCEPTED}" if meant else ACCEPTED,
    )
