"""Class folders: `cats/1.jpg`, also with `train/`, `validation/` or `test/` above them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nunbit.data.sources.layouts.companions import check_companions
from nunbit.data.sources.layouts.decide import decide_layout
from nunbit.data.sources.layouts.excluded import leave_out
from nunbit.data.sources.layouts.layout import Layout, Place
from nunbit.data.sources.layouts.remedies import tables_hint
from nunbit.data.sources.layouts.tables_beside import check_tables
from nunbit.data.sources.layouts.tree import Tree, last
from nunbit.data.sources.layouts.words import DRAWN_WORDS, NO_CLASS_WORDS, words_of
from nunbit.data.sources.part_names import part_of
from nunbit.data.sources.patterns.name_pattern import suggest_pattern
from nunbit.data.sources.raw_samples import FileRows, RawSamples, Rows, SourceOptions
from nunbit.data.sources.walking import Listing, list_files
from nunbit.errors import DataError
from nunbit.formatting import examples

READ_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")
"""Endings of archives of class folders that are read as they are."""
ARCHIVE_ENDINGS = (*READ_ENDINGS, ".tar.xz", ".7z", ".rar")


def recognises(path: Path) -> bool:
    """Any folder; sources with a narrower idea of theirs are asked before."""
    return path.is_dir()


def load(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each file below `path`; files outside class folders get a reason.

    Raises DataError where there is no class folder with a file in it, and where folders are named
    or filled as those above classes are and nothing says what they are.
    """
    return load_listing(path, list_files(path), options)


def load_listing(
    path: Path,
    listing: Listing,
    options: SourceOptions,
    *,
    rows: Rows[Any] | None = None,
    places: Mapping[str, Any] | None = None,
) -> RawSamples:
    """The same of a listing of files; those that do not lie on disk have `places` by their path.

    `rows` makes the storage of such files. Raises what `load` raises.
    """
    listing = leave_out(listing, options.exclude)
    tree = Tree(listing)
    layout = decide_layout(path, tree, options.parts)
    if layout.has_parts and not any(tree.children(root) for root in layout.roots):
        _raise_parts_without_classes(path, listing, [*layout.roots, *layout.unlabelled])
    check_tables(path, tree, layout)
    warnings = [
        *layout.warnings,
        *_unlabelled_warnings(tree, layout),
        *check_companions(path, listing, options.exclude),
    ]
    rows = FileRows() if rows is None else rows
    meanings: dict[str, Place] = {}
    for found, folder in zip(listing.files, tree.folders_of_files, strict=True):
        if (place := meanings.get(folder)) is None:
            place = meanings[folder] = layout.place(folder)
        rows.add(
            found.path,
            found.file if places is None else places[found.path],
            name=None if found.excluded else place.name,
            part=place.part,
            reason=found.reason or place.reason,
        )
    if not rows.names:
        _raise_flat(path, listing)
    notes = [
        *listing.notes,
        *layout.notes,
        *_class_notes(tree, layout),
        *_empty_notes(rows, tree, layout),
    ]
    return rows.raw_samples(notes=notes, warnings=warnings, hint=_hint(path, listing, layout))


def _unlabelled_warnings(tree: Tree, layout: Layout) -> list[str]:
    """Warnings about classes whose names say that they are none."""
    warnings = []
    names = {last(child) for root in layout.roots for child in tree.filled(root)}
    for name in [] if layout.chosen else sorted(names):
        words, leave_out = set(words_of(name)), f'leave them out with --exclude "{name}/*"'
        taken = f"the folder '{name}' is taken for a class"
        if NO_CLASS_WORDS & words or part_of(name) in ("validation", "test"):
            predict = "`nunbit predict` is for such images"
            warnings.append(f"{taken}; where its images have none, {leave_out}: {predict}")
        elif DRAWN_WORDS & words:
            warnings.append(f"{taken}; where it holds masks or annotations, {leave_out}")
    return warnings


def _class_notes(tree: Tree, layout: Layout) -> list[str]:
    if layout.has_parts or layout.chosen:
        return []
    return [
        f"the folder '{word}' is taken as a class, not as a part of a split, because folders "
        "that are not parts lie beside it"
        for word in tree.children("")
        if part_of(word)
    ]


def _empty_notes(rows: Rows[Any], tree: Tree, layout: Layout) -> list[str]:
    """Remarks on class folders without files; their names still count for a label map."""
    folders = [child for root in layout.roots for child in tree.children(root)]
    empty = [folder for folder in folders if folder not in tree.holding]
    with_files = set(rows.names)
    for folder in empty:
        rows.names.setdefault(last(folder), len(rows.names))
    partly = [folder for folder in empty if last(folder) in with_files]
    return [f"empty class folder {examples(partly)}"] if partly else []


def _hint(path: Path, listing: Listing, layout: Layout) -> str:
    """Remedy where only one class was found: often the classes lie one folder deeper."""
    deeper = [folder for folder in listing.folders if folder.count("/") == 1]
    if deeper and not layout.has_parts:
        inner = path / deeper[0].split("/")[0]
        return f"if the classes are the folders {examples(deeper)}, give '{inner}' instead"
    return tables_hint(path, [found.path for found in listing.files]) or (
        "give a folder with one folder of images for each of at least two classes"
    )


def _raise_flat(path: Path, listing: Listing) -> None:
    if not listing.files:
        ignored = f" ({'; '.join(listing.notes)})" if listing.notes else ""
        raise DataError(
            f"the folder holds no files{ignored}",
            path=path,
            remedy="give a folder with one folder of images for each class",
        )
    names = [Path(found.path).name for found in listing.files]
    archives = [name for name in names if name.lower().endswith(ARCHIVE_ENDINGS)]
    if len(archives) == 1 and archives[0].lower().endswith(READ_ENDINGS):
        raise DataError(
            f"the folder holds an archive, '{archives[0]}', and no class folders",
            path=path,
            remedy=f"give '{path / archives[0]}'",
        )
    if 2 * len(archives) > len(names):
        raise DataError(
            f"the folder holds archives, e.g. {examples(archives)}",
            path=path,
            remedy="unpack each into a folder of its own, named after its class or part",
        )
    raise DataError(
        f"the folder has no class folders; its files lie directly in it, e.g. {examples(names)}",
        path=path,
        remedy=tables_hint(path, [found.path for found in listing.files]) or _pattern_remedy(names),
    )


def _raise_parts_without_classes(path: Path, listing: Listing, parts: list[str]) -> None:
    names = [Path(found.path).name for found in listing.files]
    if not names:
        _raise_flat(path, listing)
    raise DataError(
        f"the folders {examples(sorted(parts))} hold no class folders, e.g. "
        f"{examples(found.path for found in listing.files)}",
        path=path,
        remedy=tables_hint(path, [found.path for found in listing.files]) or _pattern_remedy(names),
    )


def _pattern_remedy(names: list[str]) -> str:
    pattern, name, label = suggest_pattern(names)
    say = f"'{name}' would then be of class '{label}'" if label else "with a pattern of your names"
    return (
        "sort the images into one folder for each class, or, if the file names say the class, "
        f'add --label-from "{pattern}": {say}; images without labels are for `nunbit predict`'
    )
