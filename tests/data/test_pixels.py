from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nunbit.data.inspect import inspect
from nunbit.data.pixels import (
    ArrayPixels,
    Budget,
    DecodingPixels,
    channel_statistics,
    open_pixels,
)
from nunbit.data.storage import ImageArrays, ImageFiles
from nunbit.errors import DataError
from nunbit.progress import SILENT
from tests.data.odd_images import odd_images, write_odd_images
from tests.data.photos import (
    CONTRACT,
    MANY,
    PLENTY,
    STORAGES,
    Told,
    canvases,
    entries,
    everything,
    opened,
    photos,
    samples_of,
)


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_gives_the_same_tensors(tmp_path: Path, storage: str) -> None:
    samples = photos(tmp_path / "photos")
    truth = canvases(samples)
    told = Told()
    pixels = opened(samples, tmp_path / "cache", told=told, **STORAGES[storage])
    on_demand = storage in ("decoded at each use", "in this process")
    assert isinstance(pixels, DecodingPixels if on_demand else ArrayPixels)
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


def test_arrays_of_the_right_size_lose_their_margins_where_the_contract_cuts_them_off(
    tmp_path: Path,
) -> None:
    array = np.random.default_rng(0).integers(0, 256, (4, 12, 16, 3), dtype=np.uint8)
    contract = replace(CONTRACT, crop_share=0.875)
    pixels = opened(samples_of(ImageArrays(array=array)), tmp_path, preprocess=contract)
    truth = np.stack([contract.canvas_from_array(row) for row in array])
    assert not np.array_equal(truth, array)
    np.testing.assert_array_equal(everything(pixels).numpy(), truth)


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


@pytest.mark.parametrize("storage", ["cache read into memory", "cache mapped", "decoded"])
def test_a_file_that_could_not_be_read_once_is_not_lost_for_later_runs(
    tmp_path: Path, storage: str
) -> None:
    samples = photos(tmp_path / "photos", 5)
    assert isinstance(samples.images, ImageFiles)
    found = inspect(samples, workers=1, progress=SILENT)
    file, away = samples.images.files[2], tmp_path / "away"
    sizes = {"decoded": {"ram_bytes": 0, "disk_bytes": 10}, **STORAGES}[storage]
    plenty = {"ram_bytes": PLENTY, "disk_bytes": PLENTY, "workers": 1}
    given = {
        "sha256": found.sha256,
        "reasons": found.reasons,
        "preprocess": CONTRACT,
        "budget": Budget(**{**plenty, **sizes, "cache_folder": tmp_path / "cache"}),  # type: ignore[arg-type]
    }
    file.rename(away)
    pixels = open_pixels(samples, progress=SILENT, **given)  # type: ignore[arg-type]
    assert pixels.reasons[2] == ("changed while nunbit was working: missing: there is no such file")
    away.rename(file)
    pixels = open_pixels(samples, progress=SILENT, **given)  # type: ignore[arg-type]
    assert pixels.reasons == ("",) * 5
    assert torch.equal(everything(pixels), canvases(samples))


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
