"""Parquet files, also those that hold the images themselves, as Hugging Face's data sets do."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nunbit.data.decoding import read_image_bytes
from nunbit.data.sources.class_names import clean
from nunbit.data.sources.tables.cells import Table, as_text
from nunbit.data.storage import EncodedImages
from nunbit.documents import parse_json
from nunbit.errors import DataError, UnusableImage
from nunbit.formatting import quoted

if TYPE_CHECKING:
    import pyarrow as pa

KEPT_GROUPS = 2
"""Row groups whose images stay in memory: they are read in the order of the rows."""


def read_parquet(path: Path) -> Table:
    """The cells of a Parquet file; of a column of images, their names. Raises DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        image = _image_column(schema)
        flat = [f.name for f in schema if not _is_opaque(f.type)]
        lists = [f.name for f in schema if _is_text_list(f.type)]
        columns = {clean(name): _cells(file, name) for name in (*flat, *lists)}
        if image is not None:
            columns[clean(image)] = _image_names(file, schema, image)
        rows = file.metadata.num_rows
    except (OSError, ValueError, LookupError, OverflowError, pa.ArrowException) as error:
        # Among them text that is not UTF-8, and dates that no calendar has.
        raise DataError(
            f"the Parquet file cannot be read: {quoted(error)}",
            path=path,
            remedy="write it again; texts are UTF-8",
        ) from error
    return Table(
        columns=columns,
        lines=list(range(1, rows + 1)),
        line_word="row",
        unreadable=tuple(f.name for f in schema if f.name not in columns),
        class_names=_class_names(schema),
        image_column=None if image is None else clean(image),
    )


def _cells(file: Any, name: str) -> list[str]:
    try:
        return [as_text(value) for value in file.read(columns=[name])[name].to_pylist()]
    except (ValueError, OverflowError) as error:
        raise ValueError(f"column '{quoted(name)}': {error}") from error


def has_images(path: Path) -> bool:
    """Tell whether a Parquet file holds images; False for one that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _image_column(pq.read_schema(path)) is not None
    except (OSError, ValueError, LookupError, pa.ArrowException):
        return False


def _is_opaque(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kinds = pa.types
    return bool(kinds.is_nested(kind) or kinds.is_binary(kind) or kinds.is_large_binary(kind))


def _is_text_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind)) and not _is_opaque(kind.value_type)


def _image_column(schema: pa.Schema) -> str | None:
    """The column of structs with bytes and a path, or of bytes called image; None for none."""
    import pyarrow as pa

    for each in schema:
        if pa.types.is_struct(each.type):
            names = {each.type.field(i).name for i in range(each.type.num_fields)}
            if names == {"bytes", "path"}:
                return str(each.name)
    for each in schema:
        binary = pa.types.is_binary(each.type) or pa.types.is_large_binary(each.type)
        if binary and each.name.lower() in ("image", "img", "bytes", "image_bytes", "jpg", "png"):
            return str(each.name)
    return None


def _image_names(file: Any, schema: pa.Schema, column: str) -> list[str]:
    import pyarrow as pa

    if not pa.types.is_struct(schema.field(column).type):
        return [""] * int(file.metadata.num_rows)
    # The paths alone: the bytes stay in the file until an image is read.
    paths = file.read(columns=[f"{column}.path"])[column]
    return [as_text((cell or {}).get("path")) for cell in paths.to_pylist()]


def _class_names(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """Names of ClassLabel features, as the library `datasets` writes them into the schema."""
    try:
        info = parse_json((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            clean(column): tuple(map(str, feature["names"]))
            for column, feature in info.items()
            if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


@dataclass
class _Groups:
    """Row groups read lately, by file and number."""

    content: OrderedDict[tuple[Path, int], list[Any]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def __reduce__(self) -> tuple[type[_Groups], tuple[()]]:
        return (_Groups, ())


class Shard(NamedTuple):
    """A Parquet file of images."""

    path: Path
    column: str
    starts: tuple[int, ...]
    """First row of each of its row groups, and the number of rows at the end."""
    complete: bool
    """False where some images may be files of their own, which the column only names."""


@dataclass(frozen=True, kw_only=True)
class ParquetImages(EncodedImages):
    """Images within Parquet files, each read with its row group."""

    shards: tuple[Shard, ...]
    rows: tuple[tuple[int, int], ...]
    """Number of the shard and of the row in it, of each image."""
    names: tuple[str, ...]
    base: Path
    """Folder of images that a row names without holding their bytes."""
    groups: _Groups = field(default_factory=_Groups, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, row: int) -> bytes:
        """The bytes of one image. Raises `UnusableImage`."""
        number, at = self.rows[row]
        shard = self.shards[number]
        group = bisect_right(shard.starts, at) - 1
        cell = self._group(shard.path, shard.column, group)[at - shard.starts[group]]
        if isinstance(cell, Mapping):
            cell = cell["bytes"] if cell["bytes"] is not None else cell["path"]
        if isinstance(cell, str):
            return read_image_bytes(self.base / cell)
        if not cell:
            raise UnusableImage("no image in the table")
        return bytes(cell)

    def _group(self, path: Path, column: str, group: int) -> list[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kept = self.groups
        with kept.lock:
            if (path, group) not in kept.content:
                try:
                    table = pq.ParquetFile(path).read_row_group(group, columns=[column])
                    kept.content[path, group] = table[column].to_pylist()
                except (OSError, ValueError, LookupError, pa.ArrowException) as error:
                    what = f"the Parquet file cannot be read: {quoted(error)}"
                    raise UnusableImage(what) from error
                while len(kept.content) > KEPT_GROUPS:
                    kept.content.popitem(last=False)
            return kept.content[path, group]

    def name(self, row: int) -> str:
        """The name that the table gives the image."""
        return self.names[row]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ParquetImages:
        """Some of the images."""
        return ParquetImages(
            shards=self.shards,
            rows=tuple(self.rows[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
            base=self.base,
        )

    def file(self, row: int) -> Path | None:
        """The Parquet file that holds the image; None where it may be a file of its own."""
        shard = self.shards[self.rows[row][0]]
        return shard.path if shard.complete else None


def shard_of(path: Path, column: str) -> Shard:
    """A file whose `column` holds images."""
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(path).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    starts = tuple(int(start) for start in np.cumsum([0, *(group.num_rows for group in groups)]))
    complete = all(_has_all_bytes(group, column) for group in groups)
    return Shard(path=path, column=column, starts=starts, complete=complete)


def _has_all_bytes(group: Any, column: str) -> bool:
    """Tell by its statistics whether no image of a row group lacks its bytes; False if unknown."""
    for number in range(group.num_columns):
        chunk = group.column(number)
        if chunk.path_in_schema == f"{column}.bytes":
            known = chunk.statistics is not None and chunk.statistics.has_null_count
            return known and chunk.statistics.null_count == 0
    return True  # a column of bytes names no files
