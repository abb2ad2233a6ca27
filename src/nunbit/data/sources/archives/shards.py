"""WebDataset shards: tar archives in which the files of one sample share their name up to a dot.

`000017.jpg` beside `000017.cls` or `000017.json`, as https://github.com/webdataset/webdataset
writes them. The label is the text of `.cls`, or a field of `.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from nunbit.data.sources.archives.members import Member, member_path
from nunbit.data.sources.archives.tar_images import TarImages, TarMember, plain_members
from nunbit.data.sources.class_names import clean
from nunbit.data.sources.layouts.words import part_in
from nunbit.data.sources.raw_samples import RawSamples, Rows, SourceOptions
from nunbit.data.sources.tables.cells import as_text
from nunbit.data.sources.tables.columns import COLUMNS, MORE_LABELS
from nunbit.data.sources.walking import is_hidden
from nunbit.documents import parse_json
from nunbit.errors import DataError
from nunbit.formatting import count, examples, quoted

LABELS = ("cls", "class", "label", "json")
"""Endings of the files that tell the class, best first."""
IMAGES = ("jpg", "jpeg", "png", "webp", "ppm", "pgm", "bmp", "gif", "tif", "tiff", "jp2", "img")
NAME_FILES = ("classnames.txt", "classes.txt", "class_names.txt")
"""Files beside the shards that name class 0, 1, …, a line each."""
MAX_LABEL_BYTES = 1 << 20
_LOOKED_AT = 60
"""Members of the first shard by which it is recognised."""


@dataclass
class _Sample:
    """The files of one sample by their ending."""

    key: str
    files: dict[str, TarMember | None] = field(default_factory=dict)


def recognises(path: Path) -> bool:
    """Tell whether a tar archive, or the first in a folder, holds images beside their labels."""
    shards = _shards(path)
    if not shards:
        return False
    try:
        first = list(islice(plain_members(shards[0]), _LOOKED_AT))
    except DataError:  # the source of class folders says what is wrong
        return False
    samples = list(_samples(iter(first)))
    return any(_image(s) and any(e in s.files for e in LABELS) for s in samples)


def load(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001 - the common signature
    """One row for each sample with an image; parts are told by the names of the shards.

    Raises DataError for a shard that is not whole, and for labels that cannot be read.
    """
    shards = _shards(path)
    base = path if path.is_dir() else path.parent
    parts = [_part(shard, base) for shard in shards]
    names = _class_names(base)

    def images(places: tuple[tuple[str, TarMember | None], ...]) -> TarImages:
        return TarImages(
            archives=tuple(shards),
            members=tuple(member for _, member in places),
            names=tuple(name for name, _ in places),
        )

    rows: Rows[Any] = Rows(store=images)
    rows.names = {name: number for number, name in enumerate(names)}
    without, ignored = [], set()
    for number, shard in enumerate(shards):
        stem = shard.relative_to(base).with_suffix("").as_posix()
        seen: set[str] = set()
        with shard.open("rb") as opened:
            for sample in _samples(plain_members(shard, number)):
                ending = _image(sample)
                if ending is None:
                    without.append(f"{stem}/{sample.key}")
                    continue
                if sample.key in seen:
                    raise DataError(f"the sample '{sample.key}' is in the shard twice", path=shard)
                seen.add(sample.key)
                ignored |= set(sample.files) & set(IMAGES) - {ending}
                label = _label(sample, opened, shard)
                name = f"{sample.key}.{ending}"
                rows.add(
                    f"{stem}/{name}",
                    (name.rpartition("/")[2], sample.files[ending]),
                    name=_named(label, names, shard),
                    part=parts[number] if len(set(parts)) > 1 else "",
                    reason="" if label else "no label in the shard",
                )
    notes = [f"read as {count(len(shards), 'WebDataset shard')}"]
    if without:
        notes.append(f"{count(len(without), 'sample')} without an image: {examples(without)}")
    if ignored:
        notes.append(f"of samples with several images one is read, not {examples(sorted(ignored))}")
    found = rows.raw_samples(
        notes=notes, hint="write the class of each image as .cls, or into .json as 'label'"
    )
    return replace(found, in_order=bool(names))


def _shards(path: Path) -> list[Path]:
    """The tar archives of a folder or of its folders of parts; of a file, itself."""
    if not path.is_dir():
        return [path] if path.suffix.lower() == ".tar" and path.is_file() else []
    try:
        entries = sorted(entry for entry in path.iterdir() if not is_hidden(entry.name))
        folders = [entry for entry in entries if entry.is_dir()]
        if any(part_in(folder.name) is None for folder in folders):
            return []
        inside = [e for f in folders for e in sorted(f.iterdir()) if not is_hidden(e.name)]
    except OSError:
        return []
    return [e for e in (*entries, *inside) if e.suffix.lower() == ".tar" and e.is_file()]


def _samples(members: Iterator[Member[TarMember]]) -> Iterator[_Sample]:
    """Samples in their order: neighbours whose names are the same up to the first dot."""
    sample: _Sample | None = None
    for member in members:
        path, _ = member_path(member.name)
        folder, _, name = path.rpartition("/")
        stem, dot, ending = name.partition(".")
        if member.is_folder or not stem or not dot or is_hidden(name):
            continue
        key = f"{folder}/{stem}".lstrip("/")
        if sample is None or sample.key != key:
            if sample is not None:
                yield sample
            sample = _Sample(key)
        sample.files[ending.lower()] = member.where
    if sample is not None:
        yield sample


def _image(sample: _Sample) -> str | None:
    """The ending of the image: one that is nothing else, before such as `seg.png`."""
    plain = [ending for ending in IMAGES if ending in sample.files]
    inner = [e for e in sample.files if e.rpartition(".")[2] in IMAGES]
    return next(iter(plain or inner), None)


def _label(sample: _Sample, opened: Any, shard: Path) -> str:
    """The text of the label, '' for none."""
    for ending in LABELS:
        member = sample.files.get(ending)
        if member is None:
            continue
        if member.size > MAX_LABEL_BYTES:
            raise DataError(f"the label of '{sample.key}' has {member.size:,} bytes", path=shard)
        opened.seek(member.offset)
        content = opened.read(member.size)
        try:
            text = content.decode("utf-8")
            found = _of_json(text) if ending == "json" else clean(text)
        except ValueError as error:
            raise DataError(
                f"the label of '{sample.key}' cannot be read: {quoted(error)}", path=shard
            ) from error
        if found:
            return found
    return ""


def _of_json(text: str) -> str:
    record = parse_json(text)
    if not isinstance(record, dict):
        return clean(as_text(record)) if isinstance(record, str | int) else ""
    lower = {str(key).lower(): value for key, value in record.items()}
    words = [word for word in (*COLUMNS["label"], *MORE_LABELS, "cls") if word in lower]
    values = [lower[word] for word in words]
    return next((clean(as_text(v)) for v in values if isinstance(v, str | int | float)), "")


def _named(label: str, names: Sequence[str], shard: Path) -> str | None:
    """The class name that a label means, None for none."""
    if not label:
        return None
    if not names or label in names:
        return label
    if label.isdecimal() and int(label) < len(names):
        return names[int(label)]
    raise DataError(
        f"a sample has the label '{label}', where a file beside the shards names {len(names)} "
        "classes",
        path=shard,
    )


def _class_names(folder: Path) -> tuple[str, ...]:
    for file in (folder / name for name in NAME_FILES):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        names = tuple(clean(line) for line in lines if line.strip())
        if len(set(names)) == len(names):
            return names
    return ()


def _part(shard: Path, base: Path) -> str:
    """The part that the name of a shard or of its folder says, '' for none."""
    for name in (shard.stem, *(f.name for f in shard.relative_to(base).parents if f.name)):
        if part := part_in(name):
            return part
    return ""
