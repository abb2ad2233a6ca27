"""A first look at every image: its digest, what its header says, and whether it can be used.

N samples. Nothing is decoded here, so a file that breaks further in is found out only when its
pixels are made (`nunbit.data.pixels`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from posixpath import splitext

import numpy as np
from PIL import Image

from nunbit.data.decoding import FORMATS
from nunbit.data.decoding.pillow_state import pillow_held
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.data.sources.tables.files import MISSING
from nunbit.progress import Progress
from nunbit.types import FileRecord, ImageFacts, ImageStore, Samples

_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_ABSENT = FileRecord(sha256="", facts=None, reason="missing: there is no such file")
_UNREAD_IMAGE_SUFFIXES = (
    *(".heic", ".heif", ".hif", ".tga", ".psd", ".eps", ".svg", ".jxl", ".jxr", ".jls", ".exr"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".dcm", ".dicom"),
)
_SUFFIXES_OF_EXTRAS = {
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".hif": "HEIF",
    ".jxl": "JPEG XL",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
}


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Findings of the first look; row i is sample i of the `Samples`."""

    sha256: tuple[str, ...]
    """[N] of a file's bytes, or of an array row's shape and bytes; '' where unreadable."""
    facts: tuple[ImageFacts | None, ...]
    """[N] None where the content is not an image."""
    reasons: tuple[str, ...]
    """[N] '' for a usable sample; the source's reason comes first, then what was found here."""
    bad_rows: tuple[int, ...]
    """Rows of the files that should be images and are not usable as such."""
    considered: int
    """Files that are images or should be; a sidecar such as notes.txt is neither, and what a table
    excludes does not count."""
    remarks: tuple[str, ...]
    """Sentences on what is odd and yet used, with counts and an example each."""

    @property
    def bad(self) -> int:
        """Number of `bad_rows`."""
        return len(self.bad_rows)

    @cached_property
    def usable(self) -> tuple[ImageFacts, ...]:
        """The facts of the samples without a reason against them."""
        pairs = zip(self.facts, self.reasons, strict=True)
        return tuple(fact for fact, reason in pairs if fact is not None and not reason)

    @cached_property
    def median_height(self) -> int:
        """Pixels, over the usable samples. Raises ValueError without any."""
        return _median([fact.height for fact in self.usable])

    @cached_property
    def median_width(self) -> int:
        """Pixels, over the usable samples. Raises ValueError without any."""
        return _median([fact.width for fact in self.usable])

    @cached_property
    def same_size(self) -> bool:
        """All usable samples have the same height and width."""
        return len({(fact.height, fact.width) for fact in self.usable}) == 1

    @cached_property
    def is_grey(self) -> bool:
        """All usable samples are stored as grey or black and white."""
        return bool(self.usable) and all(fact.mode in _GREY_MODES for fact in self.usable)


def inspect(
    samples: Samples,
    *,
    workers: int,
    progress: Progress,
    remembered: InspectionCache | None = None,
) -> Inspection:
    """Digest and header of every sample, read with `workers` threads.

    Files that are `remembered` and are as they were are not read again. Threads, because reading
    and hashing release Python's lock. Never raises for an image: what cannot be read says so in
    `reasons`.
    """
    records = _records_of_all(samples, workers, progress, remembered)
    found = tuple(record.reason for record in records)
    reasons = tuple(first or then for first, then in zip(samples.reasons, found, strict=True))
    # What the user has taken out already is not a fault of the data any more.
    images = [
        (record.facts is not None or _should_be_image(path, record.reason))
        and not given.startswith(EXCLUDED_BY)
        for path, record, given in zip(samples.paths, records, samples.reasons, strict=True)
    ]
    return Inspection(
        sha256=tuple(record.sha256 for record in records),
        facts=tuple(record.facts for record in records),
        reasons=reasons,
        bad_rows=tuple(i for i, image in enumerate(images) if image and found[i]),
        considered=sum(images),
        remarks=() if samples.images.decoded else tuple(_remarks(samples.paths, records, reasons)),
    )


def grouped_by_patient(samples: Samples, inspection: Inspection) -> Samples:
    """The samples with DICOM's patients as groups, where neither data nor user name others."""
    patients = ["" if fact is None else fact.patient for fact in inspection.facts]
    if not any(patients) or any(samples.groups):
        return samples
    count = len({patient for patient in patients if patient})
    note = f"images of one patient stay in one part: {count:,} patients by the DICOM headers"
    groups = tuple(f"patient {patient}" if patient else "" for patient in patients)
    return replace(samples, groups=groups, notes=(*samples.notes, note))


def looks_like_image(path: str) -> bool:
    """The file name's extension is that of an image format, read or not."""
    suffix = splitext(path)[1].lower()
    return suffix in _suffixes() or suffix in _UNREAD_IMAGE_SUFFIXES


def _records_of_all(
    samples: Samples, workers: int, progress: Progress, remembered: InspectionCache | None
) -> list[FileRecord]:
    """[N] what is known of each image; files that a table names in vain are not sought again."""
    there = [row for row, why in enumerate(samples.reasons) if not why.startswith(MISSING)]
    if len(there) == len(samples.reasons):
        return _records(samples.paths, samples.images, workers, progress, remembered)
    paths = [samples.paths[row] for row in there]
    records = [_ABSENT] * len(samples.reasons)
    looks = _records(paths, samples.images.take(there), workers, progress, remembered)
    for row, record in zip(there, looks, strict=True):
        records[row] = record
    return records


def _records(
    paths: Sequence[str],
    images: ImageStore,
    workers: int,
    progress: Progress,
    remembered: InspectionCache | None,
) -> list[FileRecord]:
    """[N] what is remembered, and new looks at all other images."""
    if remembered is None or images.decoded:
        return list(_look(images, range(len(images)), workers, progress))
    known = remembered.find(paths, images)
    others = [row for row, record in enumerate(known) if record is None]
    new = iter(list(_look(images, others, workers, progress)) if others else ())
    records = [next(new) if record is None else record for record in known]
    try:
        remembered.keep(paths, records)
    except OSError as error:
        progress.note(f"what is in the files is not cached: {error.strerror or error}")
    return records


def _look(
    images: ImageStore, rows: Sequence[int], workers: int, progress: Progress
) -> Iterator[FileRecord]:
    if images.decoded:
        yield from progress.track(map(images.facts, rows), total=len(rows), title="Reading images")
        return
    pool = ThreadPoolExecutor(max_workers=max(1, workers))
    try:
        # Held once for all files: to enter and leave it is a tenth of the look at a header.
        with pillow_held():
            looks = pool.map(images.facts, rows)
            yield from progress.track(looks, total=len(rows), title="Reading images")
    finally:  # a user who interrupts does not wait for the files that are left
        pool.shutdown(cancel_futures=True)


def _should_be_image(path: str, reason: str) -> bool:
    """A file that is not a readable image and yet was meant as one, by its name.

    One without any extension counts when it is empty: nothing else could say what it was.
    """
    nameless = reason == "zero bytes" and splitext(path)[1] == ""
    return looks_like_image(path) or nameless or reason.startswith(("damaged", "format "))


def _remarks(
    paths: tuple[str, ...], records: list[FileRecord], reasons: tuple[str, ...]
) -> Iterator[str]:
    """One remark for each oddity among the usable files."""
    used = [
        (path, record.facts)
        for path, record, reason in zip(paths, records, reasons, strict=True)
        if record.facts is not None and not reason
    ]
    misnamed: dict[tuple[str, str], list[str]] = {}
    for path, fact in used:
        suffix = splitext(path)[1].lower()
        said, held = _suffixes().get(suffix, ""), _family(fact.format)
        # The files of a hospital's archive have no extension, or a number as one.
        if said != held and not (held == "DICOM" and not said):
            misnamed.setdefault((said, held), []).append(path)
    for (said, held), those in sorted(misnamed.items()):
        name = f"named as {said}" if said else "not named as an image"
        yield _remark(those, f"{name} with {held} content", "used by content")
    for title, treatment, applies in _ODDITIES:
        those = [path for path, fact in used if applies(fact)]
        if those:
            yield _remark(those, title, treatment)


_ODDITIES: tuple[tuple[str, str, Callable[[ImageFacts], bool]], ...] = (
    ("rotated by EXIF", "turned upright", lambda f: f.rotated),
    ("with transparency", "shown over the background", lambda f: f.transparent),
    ("in CMYK", "converted to RGB", lambda f: f.mode == "CMYK"),
    (
        "with a colour profile other than sRGB",
        "the stored values are taken as they are, without a conversion of colours",
        lambda f: bool(f.profile),
    ),
    (
        "with more than 8 bits",
        "made 8 bits over the range that the input contract states",
        lambda f: f.wide,
    ),
)


def _remark(paths: list[str], what: str, treatment: str) -> str:
    noun = "file" if len(paths) == 1 else "files"
    return f"{len(paths):,} {noun} {what}: {treatment} (e.g. {paths[0]})"


@cache
def _suffixes() -> dict[str, str]:
    """Extension to format, such as .jpg to JPEG."""
    known = Image.registered_extensions()
    found = {suffix: _family(name) for suffix, name in known.items() if name in FORMATS}
    return {**found, **_SUFFIXES_OF_EXTRAS}


def _family(name: str) -> str:
    """Formats that share their names' extensions, counted as one."""
    return {"MPO": "JPEG", "DIB": "BMP"}.get(name, name)


def _median(values: list[int]) -> int:
    if not values:
        raise ValueError("no usable image")
    return round(float(np.median(values)))
