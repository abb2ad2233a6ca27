"""Class folders: `cats/1.jpg`, also with `train/`, `validation/` or `test/` above them."""

from __future__ import annotations

from pathlib import Path

from nunbit.data.sources.folder_parts import has_class_folders, part_folders
from nunbit.data.sources.name_pattern import suggest_pattern
from nunbit.data.sources.part_names import part_of
from nunbit.data.sources.raw_samples import FileRows, RawSamples, SourceOptions
from nunbit.data.sources.walking import FoundFile, Listing, list_files
from nunbit.errors import DataError
from nunbit.formatting import examples

TABLE_ENDINGS = (".csv", ".tsv", ".parquet", ".npz")


def recognises(path: Path) -> bool:
    """Any folder; sources with a narrower idea of theirs are asked before."""
    return path.is_dir()


def load(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001 - the common signature
    """One row for each file below `path`; files outside class folders get a reason.

    Raises DataError where there is no class folder with a file in it.
    """
    listing = list_files(path)
    parts = part_folders(listing)
    if parts and not has_class_folders(listing, parts):
        _raise_parts_without_classes(path, listing, parts)
    rows = FileRows()
    for found in listing.files:
        _add(rows, found, parts)
    if not rows.names:
        _raise_flat(path, listing)
    notes = [*listing.notes, *_part_notes(listing, parts), *_empty_notes(rows, listing, parts)]
    return rows.raw_samples(notes=notes, hint=_hint(path, listing, parts))


def _add(rows: FileRows, found: FoundFile, parts: dict[str, str]) -> None:
    folders = found.path.split("/")[:-1]
    if not parts:
        name = folders[0] if folders else None
        reason = "" if folders else "outside the class folders"
        rows.add(found.path, found.file, name=name, reason=found.reason or reason)
        return
    if not folders or folders[0] not in parts:
        reason = f"outside the folders {examples(sorted(parts))}"
        rows.add(found.path, found.file, name=None, reason=found.reason or reason)
        return
    part = parts[folders[0]]
    name = folders[1] if len(folders) > 1 else None
    reason = "" if name is not None else f"in '{folders[0]}' but outside its class folders"
    rows.add(found.path, found.file, name=name, part=part, reason=found.reason or reason)


def _part_notes(listing: Listing, parts: dict[str, str]) -> list[str]:
    notes = []
    for part in sorted(set(parts.values())):
        same = sorted(top for top in parts if parts[top] == part)
        if len(same) > 1:
            notes.append(f"the folders {examples(same)} are all taken as the {part} part")
    if not parts:
        words = [top for top in listing.folders if "/" not in top and part_of(top)]
        notes += [
            f"the folder '{word}' is taken as a class, not as a part of a split, because folders "
            "that are not parts lie beside it"
            for word in words
        ]
    return notes


def _empty_notes(rows: FileRows, listing: Listing, parts: dict[str, str]) -> list[str]:
    """Remarks on class folders without files; their names still count for a label map."""
    depth = 1 if parts else 0
    filled = {"/".join(path.split("/")[: depth + 1]) for path in rows.paths}
    empty = [
        folder
        for folder in listing.folders
        if folder.count("/") == depth and folder not in filled
        if not parts or folder.split("/")[0] in parts
    ]
    with_files = set(rows.names)
    for folder in empty:
        rows.names.setdefault(folder.split("/")[-1], len(rows.names))
    partly = [folder for folder in empty if folder.split("/")[-1] in with_files]
    return [f"empty class folder {examples(partly)}"] if partly else []


def _hint(path: Path, listing: Listing, parts: dict[str, str]) -> str:
    """Remedy where only one class was found: often the classes lie one folder deeper."""
    deeper = [folder for folder in listing.folders if folder.count("/") == 1]
    if deeper and not parts:
        inner = path / deeper[0].split("/")[0]
        return f"if the classes are the folders {examples(deeper)}, give '{inner}' instead"
    return _tables_hint(path, listing) or (
        "give a folder with one folder of images for each of at least two classes"
    )


def _tables_hint(path: Path, listing: Listing) -> str:
    tables = [found.path for found in listing.files if found.path.endswith(TABLE_ENDINGS)]
    return f"if '{tables[0]}' holds the labels, give '{path / tables[0]}' instead" if tables else ""


def _raise_flat(path: Path, listing: Listing) -> None:
    if not listing.files:
        ignored = f" ({'; '.join(listing.notes)})" if listing.notes else ""
        raise DataError(
            f"the folder holds no files{ignored}",
            path=path,
            remedy="give a folder with one folder of images for each class",
        )
    names = [Path(found.path).name for found in listing.files]
    raise DataError(
        f"the folder has no class folders; its files lie directly in it, e.g. {examples(names)}",
        path=path,
        remedy=_tables_hint(path, listing) or _pattern_remedy(names),
    )


def _raise_parts_without_classes(path: Path, listing: Listing, parts: dict[str, str]) -> None:
    names = [Path(found.path).name for found in listing.files]
    if not names:
        _raise_flat(path, listing)
    raise DataError(
        f"the folders {examples(sorted(parts))} hold no class folders, e.g. "
        f"{examples(found.path for found in listing.files)}",
        path=path,
        remedy=_pattern_remedy(names),
    )


def _pattern_remedy(names: list[str]) -> str:
    pattern, name, label = suggest_pattern(names)
    say = f"'{name}' would then be of class '{label}'" if label else "with a pattern of your names"
    return (
        "sort the images into one folder for each class, or, if the file names say the class, "
        f'add --label-from "{pattern}": {say}'
    )
