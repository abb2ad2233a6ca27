from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from nunbit.data import array_cache
from nunbit.data.array_cache import with_checksum
from nunbit.data.pixels import (
    DecodingPixels,
)
from nunbit.data.storage import ImageFiles
from nunbit.errors import DataError
from tests.data.odd_images import write_odd_images
from tests.data.photos import (
    CONTRACT,
    PLENTY,
    Told,
    canvases,
    entries,
    everything,
    opened,
    photos,
    samples_of,
    workers_of_this_process,
)

T = TypeVar("T")


def test_the_second_run_decodes_nothing(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 8)
    first, second = Told(), Told()
    built = opened(samples, tmp_path / "cache", told=first)
    again = opened(samples, tmp_path / "cache", told=second)
    assert (len(first.tracked), second.tracked) == (1, [])
    assert torch.equal(everything(built), canvases(samples))
    assert torch.equal(everything(again), canvases(samples))
    restated = CONTRACT.with_statistics((0.1,) * 3, (0.2,) * 3)
    third = Told()
    opened(samples, tmp_path / "cache", told=third, preprocess=restated)
    assert third.tracked == []


def test_other_content_contract_or_exclusion_is_another_entry(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 8)
    cache = tmp_path / "cache"
    opened(samples, cache)
    opened(samples, cache, preprocess=replace(CONTRACT, fit="pad"))
    assert len(entries(cache)) == 2
    assert isinstance(samples.images, ImageFiles)
    shutil.copy(samples.images.files[0], samples.images.files[1])
    pixels = opened(samples, cache)
    assert len(entries(cache)) == 3
    opened(replace(samples, reasons=("no label", *[""] * 7)), cache)
    assert len(entries(cache)) == 4
    assert torch.equal(everything(pixels), canvases(samples))


def _overwrite(name: str, position: int) -> Callable[[Path], None]:
    def damage(entry: Path) -> None:
        with (entry / name).open("r+b") as file:
            file.seek(position, os.SEEK_END if position < 0 else os.SEEK_SET)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))

    return damage


def _edit(**values: Any) -> Callable[[Path], None]:
    def damage(entry: Path) -> None:
        path = entry / "entry.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return damage


def _cut(entry: Path) -> None:
    os.truncate(entry / "pixels.npy", (entry / "pixels.npy").stat().st_size - 1)


def _grow(entry: Path) -> None:
    with (entry / "pixels.npy").open("ab") as file:
        file.write(b"0")


def _clear(name: str) -> Callable[[Path], None]:
    return lambda entry: (entry / name).write_bytes(b"") and None


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no entry.json": lambda entry: (entry / "entry.json").unlink(),
    "no pixels.npy": lambda entry: (entry / "pixels.npy").unlink(),
    "empty folder": lambda entry: [path.unlink() for path in entry.iterdir()] and None,
    "empty entry.json": _clear("entry.json"),
    "empty pixels.npy": _clear("pixels.npy"),
    "entry.json is no object": lambda entry: (entry / "entry.json").write_text("[]") and None,
    "reasons edited": _edit(reasons={"0": "invented"}),
    "other key": _edit(key="0" * 64),
    "other format": _edit(format=99),
    "pixels cut": _cut,
    "pixels grown": _grow,
    "header of the pixels": _overwrite("pixels.npy", 20),
}


@pytest.mark.parametrize("ram_bytes", [0, PLENTY])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_recognised_and_made_anew(
    tmp_path: Path, damage: str, ram_bytes: int
) -> None:
    samples = photos(tmp_path / "photos", 5)
    cache = tmp_path / "cache"
    opened(samples, cache)
    DAMAGES[damage](entries(cache)[0])
    told = Told()
    pixels = opened(samples, cache, told=told, ram_bytes=ram_bytes)
    assert len(told.notes) == 1
    assert told.notes[0].startswith("a damaged entry of the pixel cache is made again (")
    assert pixels.reasons == ("",) * 5
    assert torch.equal(everything(pixels), canvases(samples))
    whole = Told()
    opened(samples, cache, told=whole)
    assert (whole.notes, whole.tracked) == ([], [])
    assert len(entries(cache)) == 1


def test_a_changed_pixel_is_recognised_when_read_into_memory(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 5)
    opened(samples, tmp_path / "cache")
    _overwrite("pixels.npy", -1)(entries(tmp_path / "cache")[0])
    told = Told()
    pixels = opened(samples, tmp_path / "cache", told=told)
    assert "pixels.npy does not match its checksum" in told.notes[0]
    assert torch.equal(everything(pixels), canvases(samples))


def test_a_changed_pixel_of_a_map_is_recognised_before_it_is_used(tmp_path: Path) -> None:
    """Also where the map was opened whole: blocks are compared as they are first read."""
    samples, cache = photos(tmp_path / "photos", 5), tmp_path / "cache"
    opened(samples, cache, ram_bytes=0)
    damage = _overwrite("pixels.npy", -1)
    damage(entries(cache)[0])
    told = Told()
    pixels = opened(samples, cache, told=told, ram_bytes=0)
    assert told.notes == []  # the file has its size
    with pytest.raises(DataError, match="an entry of the cache is damaged") as caught:
        everything(pixels)
    assert "made again" in caught.value.remedy
    assert entries(cache) == []
    assert torch.equal(everything(opened(samples, cache, ram_bytes=0)), canvases(samples))


def test_a_map_of_an_older_version_is_compared_as_a_whole(tmp_path: Path) -> None:
    samples, cache = photos(tmp_path / "photos", 5), tmp_path / "cache"
    opened(samples, cache, ram_bytes=0)
    entry = entries(cache)[0]
    content = json.loads((entry / "entry.json").read_text())
    old = {k: v for k, v in content.items() if k not in ("blocks", "seal", "format")}
    (entry / "entry.json").write_text(with_checksum(old))
    assert torch.equal(everything(opened(samples, cache, ram_bytes=0)), canvases(samples))
    _overwrite("pixels.npy", -1)(entry)
    told = Told()
    pixels = opened(samples, cache, told=told, ram_bytes=0)
    assert "does not match its checksum" in told.notes[0]
    assert torch.equal(everything(pixels), canvases(samples))


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    class Interrupted(Told):
        def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
            for number, item in enumerate(items):
                if number == 66:
                    raise KeyboardInterrupt
                yield item

    samples = photos(tmp_path / "photos")
    with pytest.raises(KeyboardInterrupt):
        opened(samples, tmp_path / "cache", told=Interrupted())
    assert entries(tmp_path / "cache") == []
    assert workers_of_this_process() == []


def test_what_a_killed_build_left_is_cleared_later(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "pixels"
    old, fresh = folder / ".building-old", folder / ".building-fresh"
    for building in (old, fresh):
        building.mkdir(parents=True)
        (building / "pixels.npy").write_bytes(b"half")
    past = time.time() - 2 * 3600
    for path in (old / "pixels.npy", old):
        os.utime(path, (past, past))
    opened(photos(tmp_path / "photos", 3), tmp_path / "cache")
    assert not old.exists()
    assert fresh.exists()


def test_the_longest_unused_entries_make_room(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sets = [photos(tmp_path / str(count), count) for count in (10, 11, 12)]
    size = 12 * 16 * 3
    opened(sets[0], cache)
    opened(sets[1], cache)
    keep = cache / "pixels" / "notes of the user"
    keep.mkdir()
    first, second = (entry for entry in entries(cache) if entry != keep)
    used, unused = (first, second) if _rows(first) == 10 else (second, first)
    for entry, age in ((used, 3000), (unused, 1000)):
        moment = time.time() - age
        for path in (entry / "pixels.npy", entry / "entry.json", entry):
            os.utime(path, (moment, moment))
    opened(sets[0], cache)  # used again, so the other one is now the longest unused
    opened(sets[2], cache, disk_bytes=25 * size + 3000)
    assert used.exists()
    assert not unused.exists()
    assert keep.exists()
    assert sorted(_rows(entry) for entry in entries(cache) if entry != keep) == [10, 12]


def _rows(entry: Path) -> int:
    return int(json.loads((entry / "entry.json").read_text())["shape"][0])


def test_a_disk_that_refuses_is_told_and_memory_used(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 5)
    blocked = tmp_path / "file"
    blocked.write_bytes(b"in the way")
    told = Told()
    pixels = opened(samples, blocked, told=told)
    assert told.notes == [f"decoded pixels are not kept on disk: Not a directory ({blocked})"]
    assert torch.equal(everything(pixels), canvases(samples))
    assert blocked.read_bytes() == b"in the way"
    told = Told()
    pixels = opened(samples, blocked, told=told, ram_bytes=0)
    assert torch.equal(everything(pixels), canvases(samples))


def test_a_cache_that_may_only_be_read_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(30, "Read-only file system")

    samples = photos(tmp_path / "photos", 5)
    opened(samples, tmp_path / "cache")
    monkeypatch.setattr(array_cache.os, "utime", refuse)
    told = Told()
    opened(samples, tmp_path / "cache", told=told)
    assert (told.notes, told.tracked) == ([], [])


def test_a_full_disk_is_told_and_memory_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = photos(tmp_path / "photos", 5)
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(array_cache.shutil, "disk_usage", lambda _: usage)
    told = Told()
    pixels = opened(samples, tmp_path / "cache", told=told)
    assert "0.0 GB needed, 0.0 GB free" in told.notes[0]
    assert torch.equal(everything(pixels), canvases(samples))
    assert entries(tmp_path / "cache") == []


def test_a_disk_that_fills_up_while_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    samples = photos(tmp_path / "photos", 5)
    monkeypatch.setattr(array_cache.os, "fsync", full)
    told = Told()
    pixels = opened(samples, tmp_path / "cache", told=told)
    assert "No space left on device" in told.notes[0]
    assert torch.equal(everything(pixels), canvases(samples))
    assert entries(tmp_path / "cache") == []


def test_verdicts_are_kept_beyond_every_budget(tmp_path: Path) -> None:
    write_odd_images(tmp_path / "odd")
    samples = samples_of(ImageFiles(files=tuple(sorted((tmp_path / "odd").iterdir()))))
    first, second, third = Told(), Told(), Told()
    small = {"ram_bytes": 10, "disk_bytes": 10}
    one = opened(samples, tmp_path / "cache", told=first, **small)
    two = opened(samples, tmp_path / "cache", told=second, **small)
    assert isinstance(one, DecodingPixels)
    assert isinstance(two, DecodingPixels)
    assert one.reasons == two.reasons
    assert len(first.tracked) == 1
    assert second.tracked == []
    (verdicts,) = (tmp_path / "cache" / "verdicts").iterdir()
    verdicts.write_text(verdicts.read_text().replace("truncated", "fine"))
    three = opened(samples, tmp_path / "cache", told=third, **small)
    assert three.reasons == one.reasons
    assert len(third.tracked) == 1


RUN = """
import sys, time, hashlib
from pathlib import Path
import numpy as np
from tests.data.photos import everything, opened, samples_of
from nunbit.data.storage import ImageFiles
from nunbit.errors import DataError
photos, cache, ready, number = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
samples = samples_of(ImageFiles(files=tuple(sorted(photos.iterdir()))))
(ready / number).touch()
while len(list(ready.iterdir())) < 2:
    time.sleep(0.001)
pixels = opened(samples, cache)
print(hashlib.sha256(everything(pixels).numpy().tobytes()).hexdigest())
"""


def test_two_runs_at_once_share_one_entry(tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    (tmp_path / "ready").mkdir()
    folders = [str(tmp_path / name) for name in ("photos", "cache", "ready")]
    command = [sys.executable, "-W", "error", "-c", RUN, *folders]
    root = Path(__file__).parents[2]
    runs = [
        subprocess.Popen(
            [*command, number],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in ("1", "2")
    ]
    outputs = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == ""
    (entry,) = entries(tmp_path / "cache")
    assert sorted(path.name for path in entry.iterdir()) == ["entry.json", "pixels.npy"]


def test_many_builders_of_one_entry_at_the_same_moment(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 5)
    truth = canvases(samples)
    barrier = threading.Barrier(4)
    results: list[bool] = []

    class Together(Told):
        def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
            yield from items
            barrier.wait(timeout=600)  # all have decoded, none has published

    def run() -> None:
        pixels = opened(samples, tmp_path / "cache", told=Together())
        results.append(torch.equal(everything(pixels), truth))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4
    assert len(entries(tmp_path / "cache")) == 1
