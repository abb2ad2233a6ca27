"""A first look at every image: its digest, what its header says, and whether it can be used.

N samples. Nothing is decoded here, so a file that breaks further in is found out only when its
pixels are made (`nunbit.data.pixels`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from posixpath import splitext

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.data.decoding import FORMATS, ImageFacts, facts, read_image_bytes
from nunbit.data.inspection_cache import Look, RememberedLooks
from nunbit.data.sources.wording import TAKEN_OUT
from nunbit.errors import UnusableImage
from nunbit.progress import Progress
from nunbit.types import ImageArrays, Samples

__all__ = ["ImageFacts", "Inspection", "facts", "inspect", "looks_like_image"]

_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_UNREAD_IMAGE_SUFFIXES = (".heic", ".heif", ".tga", ".psd", ".eps", ".svg", ".dng", ".cr2", ".nef")


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What the first look found; row i is sample i of the `Samples`."""

    sha256: tuple[str, ...]
    """[N] of a file's bytes, or of an array row's shape and bytes; '' where unreadable."""
    facts: tuple[ImageFacts | None, ...]
    """[N] None where the content is no image."""
    reasons: tuple[str, ...]
    """[N] '' for a usable sample; the source's reason comes first, then what was found here."""
    bad_rows: tuple[int, ...]
    """Rows of the files that should be images and are not usable as such."""
    considered: int
    """Files that are images or should be; a sidecar such as notes.txt is neither, and what a table
    excludes does not count."""
    remarks: tuple[str, ...]
    """What is odd and yet used, with counts and an example each."""

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
    remembered: RememberedLooks | None = None,
) -> Inspection:
    """Digest and header of every sample, read with `workers` threads.

    Files that are `remembered` and are as they were are not read again. Threads, because reading
    and hashing release Python's lock. Never raises for an image: what cannot be read says so in
    `reasons`.
    """
    if isinstance(samples.images, ImageArrays):
        return _inspect_arrays(samples, samples.images.array, progress)
    looks = _looks(samples.images.files, workers, progress, remembered)
    found = tuple(look.reason for look in looks)
    reasons = tuple(first or then for first, then in zip(samples.reasons, found, strict=True))
    # What the user has taken out already is no fault of the data any more.
    images = [
        (look.facts is not None or _should_be_image(path, look.reason))
        and not given.startswith(TAKEN_OUT)
        for path, look, given in zip(samples.paths, looks, samples.reasons, strict=True)
    ]
    return Inspection(
        sha256=tuple(look.sha256 for look in looks),
        facts=tuple(look.facts for look in looks),
        reasons=reasons,
        bad_rows=tuple(i for i, image in enumerate(images) if image and found[i]),
        considered=sum(images),
        remarks=tuple(_remarks(samples.paths, looks, reasons)),
    )


def looks_like_image(path: str) -> bool:
    """The file name's extension is that of an image format, read or not."""
    suffix = PurePosixPath(path).suffix.lower()
    return suffix in _suffixes() or suffix in _UNREAD_IMAGE_SUFFIXES


def _look_at_file(path: Path) -> Look:
    try:
        data = read_image_bytes(path)
    except UnusableImage as error:
        return Look("", None, error.what)
    digest = hashlib.sha256(data).hexdigest()
    try:
        return Look(digest, facts(data), "")
    except UnusableImage as error:
        return Look(digest, None, error.what)


def _looks(
    files: Sequence[Path], workers: int, progress: Progress, remembered: RememberedLooks | None
) -> list[Look]:
    """[N] what is remembered, and new looks at all other files."""
    if remembered is None:
        return list(_look_at_files(files, workers, progress))
    known = remembered.find(files)
    others = [file for file, look in zip(files, known, strict=True) if look is None]
    new = iter(list(_look_at_files(others, workers, progress)) if others else ())
    looks = [next(new) if look is None else look for look in known]
    try:
        remembered.keep(files, looks)
    except OSError as error:
        progress.note(f"what is in the files is not remembered: {error.strerror or error}")
    return looks


def _look_at_files(files: Sequence[Path], workers: int, progress: Progress) -> Iterator[Look]:
    pool = ThreadPoolExecutor(max_workers=max(1, workers))
    try:
        looks = pool.map(_look_at_file, files)
        yield from progress.track(looks, total=len(files), title="Reading images")
    finally:  # a user who interrupts does not wait for the files that are left
        pool.shutdown(cancel_futures=True)


def _inspect_arrays(samples: Samples, array: NDArray[np.uint8], progress: Progress) -> Inspection:
    height, width, channels = array.shape[1:]
    shape = str(array.shape[1:]).encode()
    rows = progress.track(array, total=len(array), title="Reading images")
    digests = tuple(hashlib.sha256(shape + row.tobytes()).hexdigest() for row in rows)
    fact = ImageFacts(
        width=width,
        height=height,
        mode="L" if channels == 1 else "RGB",
        format="array",
        frames=1,
        bytes=height * width * channels,
        rotated=False,
        transparent=False,
    )
    return Inspection(
        sha256=digests,
        facts=(fact,) * len(array),
        reasons=samples.reasons,
        bad_rows=(),
        considered=len(array),
        remarks=(),
    )


def _should_be_image(path: str, reason: str) -> bool:
    """A file that is no readable image and yet was meant as one, by its name.

    One without any extension counts when it is empty: nothing else could say what it was.
    """
    nameless = PurePosixPath(path).suffix == "" and reason == "zero bytes"
    return looks_like_image(path) or nameless or reason.startswith("damaged")


def _remarks(paths: tuple[str, ...], looks: list[Look], reasons: tuple[str, ...]) -> Iterator[str]:
    """One remark for each oddity among the usable files."""
    used = [
        (path, look.facts)
        for path, look, reason in zip(paths, looks, reasons, strict=True)
        if look.facts is not None and not reason
    ]
    misnamed: dict[tuple[str, str], list[str]] = {}
    for path, fact in used:
        suffix = splitext(path)[1].lower()
        said, held = _suffixes().get(suffix, ""), _family(fact.format)
        if said != held:
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
    (
        "with several frames or pages",
        "the first is used",
        # A camera's MPO file is one photograph with previews beside it.
        lambda f: f.frames > 1 and f.format != "MPO",
    ),
    ("with transparency", "shown over the background", lambda f: f.transparent),
    ("in CMYK", "converted to RGB", lambda f: f.mode == "CMYK"),
    (
        "with 16 or more bits of grey",
        "the full range scaled to 8 bits",
        lambda f: f.mode.startswith("I"),
    ),
)


def _remark(paths: list[str], what: str, treatment: str) -> str:
    noun = "file" if len(paths) == 1 else "files"
    return f"{len(paths):,} {noun} {what}: {treatment} (e.g. {paths[0]})"


@cache
def _suffixes() -> dict[str, str]:
    """Extension to format, such as .jpg to JPEG."""
    known = Image.registered_extensions()
    return {suffix: _family(name) for suffix, name in known.items() if name in FORMATS}


def _family(name: str) -> str:
    """Formats that share their names' extensions, counted as one."""
    return {"MPO": "JPEG", "DIB": "BMP"}.get(name, name)


def _median(values: list[int]) -> int:
    if not values:
        raise ValueError("no usable image")
    return round(float(np.median(values)))
