"""Folders of files whose names say the class: `dog.113.jpg`."""

from __future__ import annotations

from pathlib import Path

from nunbit.data.sources.folder_parts import part_folders, part_of_path
from nunbit.data.sources.layouts.companions import check_companions
from nunbit.data.sources.layouts.excluded import leave_out
from nunbit.data.sources.patterns.name_pattern import NamePattern, compile_pattern, suggest_pattern
from nunbit.data.sources.raw_samples import FileRows, RawSamples, SourceOptions
from nunbit.data.sources.walking import list_files
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import examples


def load(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each file below `path`; a file that does not fit the pattern gets a reason.

    Folders named train, validation or test at the top are the parts of a split.

    Raises ConfigError for a wrong pattern and DataError where no file fits it.
    """
    if options.label_from is None:
        raise ValueError("labels from file names need a pattern")
    pattern = compile_pattern(options.label_from)
    if pattern.has_group and options.group_from is not None:
        raise ConfigError(
            f"groups are given twice: by {{group}} in '{pattern.text}' and by "
            f"'{options.group_from}'",
            remedy="leave one of the two out",
        )
    listing = leave_out(list_files(path), options.exclude)
    warnings = check_companions(path, listing, options.exclude)
    parts = part_folders(path, listing, options.parts)
    rows = FileRows()
    matches = pattern.match_all([found.path for found in listing.files])
    for found, match in zip(listing.files, matches, strict=True):
        label, group = match if match is not None else (None, "")
        reason = "" if match is not None else f"name does not fit the pattern '{pattern.text}'"
        part = part_of_path(found.path, parts)
        rows.add(
            found.path,
            found.file,
            name=None if found.excluded else label,
            part=part,
            group=group,
            reason=found.reason or reason,
        )
    if not rows.names:
        _raise_none(path, pattern, rows)
    notes = list(listing.notes)
    if any(rows.parts):
        notes.append(f"the folders {examples(sorted(parts))} are taken as the parts of the split")
    hint = f"the pattern '{pattern.text}' reads the same class from every name"
    return rows.raw_samples(
        notes=notes, warnings=warnings, hint=hint, groups_settled=pattern.has_group
    )


def _raise_none(path: Path, pattern: NamePattern, rows: FileRows) -> None:
    if not rows.paths:
        raise DataError("the folder holds no files", path=path)
    names = [at.rpartition("/")[2] for at in rows.paths]
    better, name, label = suggest_pattern(names)
    remedy = f"'{better}' would read '{label}' from '{name}'" if label else ""
    raise DataError(
        f"no file fits the pattern '{pattern.text}'; there are e.g. {examples(rows.paths)}",
        path=path,
        remedy=remedy or "write the pattern after the file names, with {label} for the class",
    )
