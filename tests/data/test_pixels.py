from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nunbit.data import pixel_cache
from nunbit.data.inspect import inspect
from nunbit.data.pixels import (
    ArrayPixels,
    Budget,
    DecodingPixels,
    Pixels,
    channel_statistics,
    open_pixels,
)
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError
from nunbit.progress import SILENT, Silent
from nunbit.types import ImageArrays, ImageFiles, Samples
from tests.data.odd_images import odd_images, write_odd_images
from tests.data.test_inspect import samples_of

T = TypeVar("T")
CONTRACT = Preprocess(height=12, width=16, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
MANY = 70  # enough for decoding in processes
PLENTY = 1 << 30


class Told(Silent):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tracked: list[tuple[str, int, int]] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        seen = 0
        for item in items:
            seen += 1
            yield item
        self.tracked.append((title, seen, total))


def photos(folder: Path, count: int = MANY) -> Samples:
    """Noise in files of several sizes."""
    rng = np.random.default_rng(count)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = rng.integers(0, 256, (*rng.integers(10, 40, 2), 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.{('jpg', 'png')[number % 2]}")
    return samples_of(ImageFiles(files=tuple(sorted(folder.iterdir()))))


def opened(
    samples: Samples,
    cache: Path,
    *,
    told: Silent = SILENT,
    preprocess: Preprocess = CONTRACT,
    **budget: Any,
) -> Pixels:
    found = inspect(samples, workers=2, progress=SILENT)
    plenty = {"ram_bytes": PLENTY, "disk_bytes": PLENTY, "workers": 2, "cache_folder": cache}
    return open_pixels(
        samples,
        sha256=found.sha256,
        reasons=found.reasons,
        preprocess=preprocess,
        budget=Budget(**{**plenty, **budget}),
        progress=told,
    )


def everything(pixels: Pixels, batch: int = 9) -> torch.Tensor:
    rows = np.flatnonzero(np.array(pixels.reasons, dtype=object) == "")
    starts = range(0, len(rows), batch)
    return torch.cat(list(pixels.stream([rows[s : s + batch] for s in starts])))


def canvases(samples: Samples, preprocess: Preprocess = CONTRACT) -> torch.Tensor:
    """The truth: each file through the contract, one by one."""
    assert isinstance(samples.images, ImageFiles)
    each = [preprocess.canvas(file.read_bytes()) for file in samples.images.files]
    return torch.from_numpy(np.stack(each))


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "pixels").iterdir()) if (cache / "pixels").exists() else []


STORAGES: dict[str, dict[str, int]] = {
    "cache read into memory": {},
    "cache mapped": {"ram_bytes": 0},
    "memory": {"disk_bytes": 0},
    "decoded at each use": {"ram_bytes": 0, "disk_bytes": 0},
    "in this process": {"ram_bytes": 0, "disk_bytes": 0, "workers": 1},
}


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_gives_the_same_tensors(tmp_path: Path, storage: str) -> None:
    samples = photos(tmp_path / "photos")
    truth = canvases(samples)
    told = Told()
    pixels = opened(samples, tmp_path / "cache", told=told, **STORAGES[storage])
    assert isinstance(pixels, ArrayPixels if "decoded" not in storage else DecodingPixels) or (
        storage == "in this process"
    )
    assert pixels.preprocess == CONTRACT
    assert pixels.reasons == ("",) * MANY
    assert told.tracked == [("Decoding images", MANY, MANY)]
    assert told.notes == []
    order = np.random.default_rng(0).permutation(MANY)
    batches = [*np.split(order, [30, 40, 69]), np.array([], dtype=np.int64)]
    streamed = list(pixels.stream(iter(batches)))
    assert [len(batch) for batch in streamed] == [30, 10, 29, 1, 0]
    for batch, rows in zip(streamed, batches, strict=True):
        assert batch.dtype == torch.uint8
        assert batch.is_contiguous()
        assert torch.equal(batch, truth[rows])


@pytest.mark.parametrize("storage", STORAGES)
def test_what_cannot_be_decoded_is_named_and_never_replaced(tmp_path: Path, storage: str) -> None:
    odd = write_odd_images(tmp_path / "odd")
    samples = samples_of(ImageFiles(files=tuple(sorted((tmp_path / "odd").iterdir()))))
    pixels = opened(samples, tmp_path / "cache", **STORAGES[storage])
    for row, (path, reason) in enumerate(zip(samples.paths, pixels.reasons, strict=True)):
        assert reason.startswith(odd[path].reason)
        assert bool(reason) == bool(odd[path].reason)
        if reason:
            with pytest.raises(ValueError, match=f"sample {row} has no pixels: "):
                list(pixels.stream([np.array([row])]))
        else:
            canvas = torch.from_numpy(CONTRACT.canvas(odd[path].data))
            assert torch.equal(next(pixels.stream([np.array([row])]))[0], canvas)
    assert len(odd_images()) == len(samples)


def test_given_reasons_stay_and_their_files_are_not_touched(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 6)
    truth = canvases(samples)
    found = inspect(samples, workers=1, progress=SILENT)
    assert isinstance(samples.images, ImageFiles)
    samples.images.files[2].unlink()
    for wording in ("no label", "another wording of it"):
        reasons = tuple(wording if row == 2 else "" for row in range(6))
        pixels = open_pixels(
            samples,
            sha256=found.sha256,
            reasons=reasons,
            preprocess=CONTRACT,
            budget=Budget(
                ram_bytes=PLENTY, disk_bytes=PLENTY, workers=1, cache_folder=tmp_path / "cache"
            ),
            progress=SILENT,
        )
        assert pixels.reasons == reasons
        assert torch.equal(everything(pixels), truth[[0, 1, 3, 4, 5]])
    assert len(entries(tmp_path / "cache")) == 1


def test_fitting_arrays_are_used_as_they_are(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 12, 16, 3), dtype=np.uint8)
    array.setflags(write=False)
    told = Told()
    pixels = opened(samples_of(ImageArrays(array=array)), tmp_path / "cache", told=told)
    assert isinstance(pixels, ArrayPixels)
    assert np.shares_memory(pixels.array, array)
    assert told.tracked == []
    assert entries(tmp_path / "cache") == []
    batch = next(pixels.stream([np.array([3, 3, 1])]))
    np.testing.assert_array_equal(batch.numpy(), array[[3, 3, 1]])
    batch.zero_()  # a batch belongs to its receiver
    assert array[3].any()


@pytest.mark.parametrize("storage", STORAGES)
def test_other_arrays_are_resized(tmp_path: Path, storage: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, (MANY, 8, 8, 1), dtype=np.uint8)
    pixels = opened(samples_of(ImageArrays(array=array)), tmp_path, **STORAGES[storage])
    truth = np.stack([CONTRACT.canvas_from_array(row) for row in array])
    np.testing.assert_array_equal(everything(pixels).numpy(), truth)


@given(data=st.data())
def test_any_batches_are_gathers(data: st.DataObject) -> None:
    array = np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2, 1)
    contract = replace(CONTRACT, height=2, width=2, channels=1, mean=(0.0,), std=(1.0,))
    pixels = ArrayPixels(array, reasons=("",) * 10, preprocess=contract)
    batches = data.draw(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=5))
    streamed = pixels.stream(np.array(rows, dtype=np.int64) for rows in batches)
    for rows, batch in zip(batches, streamed, strict=True):
        np.testing.assert_array_equal(batch.numpy(), array[np.array(rows, dtype=np.int64)])


def test_no_samples_at_all(tmp_path: Path) -> None:
    for storage in STORAGES.values():
        pixels = opened(samples_of(ImageFiles(files=())), tmp_path, **storage)
        assert pixels.reasons == ()
        assert list(pixels.stream([])) == []


def test_the_second_run_decodes_nothing(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 8)
    first, second = Told(), Told()
    opened(samples, tmp_path / "cache", told=first)
    again = opened(samples, tmp_path / "cache", told=second)
    assert (len(first.tracked), second.tracked) == (1, [])
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
    assert told.notes[0].startswith("a damaged entry of the pixel cache is made anew (")
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


def test_a_full_disk_is_told_and_memory_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = photos(tmp_path / "photos", 5)
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda _: usage)
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
    monkeypatch.setattr(pixel_cache.os, "fsync", full)
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


def test_a_file_that_changes_meanwhile_is_found_out(tmp_path: Path) -> None:
    samples = photos(tmp_path / "photos", 5)
    assert isinstance(samples.images, ImageFiles)
    found = inspect(samples, workers=1, progress=SILENT)
    files = samples.images.files
    shutil.copy(files[1], files[0])
    nothing = Budget(ram_bytes=0, disk_bytes=0, workers=1)
    given = {"sha256": found.sha256, "preprocess": CONTRACT, "budget": nothing}
    pixels = open_pixels(samples, reasons=found.reasons, progress=SILENT, **given)  # type: ignore[arg-type]
    assert pixels.reasons == ("changed while nunbit was working", "", "", "", "")
    shutil.copy(files[1], files[2])
    with pytest.raises(DataError) as failure:
        list(pixels.stream([np.array([1]), np.array([2])]))
    assert failure.value.what == (
        "an image can no longer be used: changed while nunbit was working"
    )
    assert failure.value.path == samples.paths[2]


def workers_of_this_process() -> list[int]:
    """Processes that decode for this one (Linux only; elsewhere none is seen)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and b"LokyProcess" in command:
            found.append(int(folder.name))
    return found


def test_decoding_processes_end_with_the_stream(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)
    assert workers_of_this_process() == []
    list(pixels.stream(np.array_split(np.arange(MANY), 7)))
    assert workers_of_this_process() == []
    abandoned = pixels.stream(np.array_split(np.arange(MANY), 7))
    next(abandoned)
    if sys.platform == "linux":
        assert len(workers_of_this_process()) == 2
    abandoned.close()  # type: ignore[attr-defined]
    assert workers_of_this_process() == []


def test_few_images_are_decoded_without_processes(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)
    stream = pixels.stream([np.arange(10), np.arange(10)])
    next(stream)
    assert workers_of_this_process() == []


def test_decoding_runs_only_a_little_ahead(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)
    asked = []

    def batches() -> Iterator[np.ndarray[Any, Any]]:
        for row in range(MANY):
            asked.append(row)
            yield np.array([row])

    stream = pixels.stream(batches())
    for taken in range(1, 6):
        next(stream)
        time.sleep(0.05)
        assert len(asked) <= taken + 4


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_killed_decoding_process_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)

    stream = pixels.stream(np.arange(10) for _ in range(1000))
    next(stream)
    os.kill(workers_of_this_process()[0], signal.SIGKILL)
    with pytest.raises(DataError, match="was ended from outside") as failure:
        list(stream)
    assert failure.value.remedy == "use fewer decoding workers or a smaller image size"
    assert workers_of_this_process() == []


RUN = """
import sys, time, hashlib
from pathlib import Path
import numpy as np
from tests.data.test_pixels import opened, everything
from tests.data.test_inspect import samples_of
from nunbit.types import ImageFiles
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
    outputs = [run.communicate(timeout=120) for run in runs]
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
            barrier.wait(timeout=30)  # all have decoded, none has published

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


def test_statistics_are_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (300, 12, 16, 3), dtype=np.uint8)
    array[..., 2] = 77
    pixels = opened(samples_of(ImageArrays(array=array)), tmp_path)
    rows = rng.permutation(300)[:290]
    mean, std = channel_statistics(pixels, rows)
    flat = array[rows].reshape(-1, 3) / 255
    np.testing.assert_allclose(mean, flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, [*flat.std(axis=0)[:2], 1 / 255], rtol=1e-9)
    assert channel_statistics(pixels, rows[::-1].copy()) == (mean, std)
    CONTRACT.with_statistics(mean, std)
    with pytest.raises(ValueError, match="no images"):
        channel_statistics(pixels, rows[:0])


def test_workers_and_the_command_line_are_spared_torch() -> None:
    code = "import sys, nunbit.data.pixels, nunbit.data.inspect; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
