"""Shards written by the library webdataset itself."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset
from PIL import Image

from nunbit.data.sources import load_samples
from nunbit.errors import DataError

N = 10


def pixels(number: int) -> np.ndarray:
    return np.full((6, 6, 3), 15 * number, np.uint8)


def write(folder: Path, name: str, *, first: int = 0, **fields: Any) -> None:
    """Two shards of ten samples; the fields are functions of the number."""
    folder.mkdir(parents=True, exist_ok=True)
    pattern = str(folder / f"{name}-%06d.tar")
    with webdataset.ShardWriter(pattern, maxcount=6, verbose=0) as writer:
        for number in range(first, first + N):
            sample = {ending.replace("_", "."): make(number) for ending, make in fields.items()}
            writer.write({"__key__": f"{number:06d}", **sample})


def shown(data: Any, row: int) -> int:
    with Image.open(io.BytesIO(data.images.read(row))) as image:
        return int(np.asarray(image)[0, 0, 0]) // 15


def test_numbers_in_cls(tmp_path: Path) -> None:
    write(tmp_path, "data", png=pixels, cls=lambda n: n % 3)
    data = load_samples(tmp_path)
    assert data.classes == ("0", "1", "2")
    assert data.paths[0] == "data-000000/000000.png"
    assert data.paths[-1] == "data-000001/000009.png"
    for row in range(N):
        assert int(data.label_name(row)) == shown(data, row) % 3
    assert data.parts == ("",) * N
    assert data.images.take([7]).read(0) == data.images.read(7)
    one = load_samples(tmp_path / "data-000000.tar")
    assert len(one) == 6


def test_names_of_the_numbers_and_parts_of_the_folders(tmp_path: Path) -> None:
    for part, first in (("train", 0), ("test", 5)):
        write(tmp_path / part, "x", first=first, jpg=pixels, cls=lambda n: n % 2)
    (tmp_path / "classnames.txt").write_text("tench\nblack cat\n", encoding="utf-8")
    data = load_samples(tmp_path)
    assert data.classes == ("tench", "black cat")
    assert data.parts.count("train") == data.parts.count("test") == N
    row = data.paths.index("test/x-000000/000005.jpg")
    assert (data.parts[row], data.label_name(row)) == ("test", "black cat")


def test_labels_in_json_and_parts_in_the_names(tmp_path: Path) -> None:
    def record(number: int) -> dict[str, Any]:
        return {"width": 6, "label": ["cat", "dog"][number % 2]}

    write(tmp_path, "imagenet-train", jpeg=pixels, json=record)
    write(tmp_path, "imagenet-validation", jpeg=pixels, json=record)
    data = load_samples(tmp_path)
    assert data.classes == ("cat", "dog")
    assert data.parts.count("validation") == N


def test_a_sample_without_a_label_and_a_second_image(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a",
        jpg=pixels,
        seg_png=pixels,
        json=lambda n: {} if n == 4 else {"label": n % 2},
    )
    data = load_samples(tmp_path)
    row = data.paths.index("a-000000/000004.jpg")
    assert data.reasons[row] == "no label in the shard"
    assert sum(map(bool, data.reasons)) == 1


def test_what_does_not_fit_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "a", png=pixels, cls=lambda n: n % 3)
    (tmp_path / "classes.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"the label '2', where .* names 2 classes"):
        load_samples(tmp_path)
    (tmp_path / "classes.txt").unlink()
    shard = tmp_path / "a-000001.tar"
    shard.write_bytes(shard.read_bytes()[:1500])
    with pytest.raises(DataError, match="archive cannot be read"):
        load_samples(tmp_path)


def test_archives_for_each_class_are_no_shards(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        with tarfile.open(tmp_path / f"{name}.tar", "w") as archive:
            for number in range(3):
                info = tarfile.TarInfo(f"{number}.png")
                archive.addfile(info, io.BytesIO(b""))
    with pytest.raises(DataError, match="the folder holds archives"):
        load_samples(tmp_path)
