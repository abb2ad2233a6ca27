"""Class folders within a zip or tar archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nunbit.data.sources.archives.members import content_of
from nunbit.data.sources.archives.tar_images import (
    HeldImages,
    TarImages,
    TarMember,
    is_packed,
    packed_members,
    plain_members,
)
from nunbit.data.sources.archives.zip_images import ZipImages, ZipMember, list_zip
from nunbit.data.sources.class_folders import READ_ENDINGS, load_listing
from nunbit.data.sources.raw_samples import RawSamples, Rows, SourceOptions
from nunbit.data.sources.walking import Listing
from nunbit.errors import DataError


def recognises(path: Path) -> bool:
    """Tell whether the file's ending is one of an archive that is read."""
    return path.name.lower().endswith(READ_ENDINGS) and path.is_file()


def load(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each file of an archive whose folders are the classes.

    Raises DataError for an archive that cannot be read, and what class folders raise.
    """
    rows: Rows[Any]
    if path.suffix.lower() == ".zip":
        zipped = list_zip(path)

        def zip_images(places: tuple[tuple[str, ZipMember | None], ...]) -> ZipImages:
            names, members = _split(places)
            return ZipImages(archive=path, members=members, names=names)

        rows = Rows(store=zip_images)
        return _load(path, zipped.listing, options, rows, zipped.where)
    if is_packed(path):
        held = content_of(path, packed_members(path))

        def held_images(places: tuple[tuple[str, bytes | None], ...]) -> HeldImages:
            names, contents = _split(places)
            return HeldImages(archive=path, contents=contents, names=names)

        rows = Rows(store=held_images)
        return _load(path, held.listing, options, rows, held.where)
    plain = content_of(path, plain_members(path))

    def tar_images(places: tuple[tuple[str, TarMember | None], ...]) -> TarImages:
        names, members = _split(places)
        return TarImages(archives=(path,), members=members, names=names)

    rows = Rows(store=tar_images)
    return _load(path, plain.listing, options, rows, plain.where)


def _load(
    path: Path, listing: Listing, options: SourceOptions, rows: Rows[Any], where: dict[str, Any]
) -> RawSamples:
    places = {shown: (shown.rpartition("/")[2], place) for shown, place in where.items()}
    try:
        return load_listing(path, listing, options, rows=rows, places=places)
    except DataError as error:
        if str(path / "_")[:-1] not in error.remedy:
            raise
        # What it names to be given lies within the archive.
        remedy = f"unpack the archive first; then {error.remedy}"
        raise DataError(error.what, path=error.path, remedy=remedy) from error


def _split(places: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    return tuple(name for name, _ in places), tuple(place for _, place in places)
