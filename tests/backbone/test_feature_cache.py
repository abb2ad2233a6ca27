from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import nn

from nunbit.backbone import feature_cache as module
from nunbit.backbone.extract import extract
from nunbit.backbone.feature_cache import FeatureStore
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.models import create_model
from nunbit.progress import Silent
from tests.backbone.cases import CONTRACT, SHA256, N, batches_of

PLENTY = 1 << 30
T = TypeVar("T")


class Told(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.passes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        self.passes.append(title)
        return iter(items)


def network() -> tuple[nn.Module, tuple[SplitPoint, ...]]:
    model = create_model("smallcnn", classes=3, generator_seed=0)
    return model, find_split_points(model, (1, 28, 28))


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "features").iterdir()) if (folder / "features").exists() else []


def opened(folder: Path, told: Told | None = None, **settings: Any) -> FeatureStore:
    return FeatureStore(folder, **{"disk_bytes": PLENTY, "progress": told or Told(), **settings})


def test_the_second_time_nothing_is_computed(tmp_path: Path) -> None:
    model, split_points = network()
    expected = extract(
        feature_extractor(model, split_points[0]), batches_of(), pool=split_points[0].pooled
    )
    told = [Told(), Told(), Told()]
    for listener, ram in zip(told, (PLENTY, PLENTY, 0), strict=True):
        store = opened(tmp_path, listener, ram_bytes=ram)
        found = store.features(model, split_points[0], batches_of(), sha256=SHA256)
        np.testing.assert_array_equal(found, expected)
        assert isinstance(found, np.memmap) == (ram == 0)
    assert [listener.passes for listener in told] == [["Computing features"], [], []]


def test_maps_are_kept_as_they_are(tmp_path: Path) -> None:
    model, split_points = network()
    store = opened(tmp_path)
    found = store.features(model, split_points[1], batches_of(), sha256=SHA256, pooled=False)
    assert found.shape == (N, 128, 7, 7)
    np.testing.assert_array_equal(
        found, extract(feature_extractor(model, split_points[1]), batches_of())
    )


def _weights(model: nn.Module) -> None:
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1e-6


def _statistics(model: nn.Module) -> None:
    model.features[2].running_mean[3] += 1e-6


def _padding(model: nn.Module) -> None:
    model.features[0].padding_mode = "reflect"


def _head(model: nn.Module) -> None:
    with torch.no_grad():
        model.head[3].weight.add_(1)


CHANGES: dict[str, tuple[dict[str, Any], Callable[[nn.Module], None] | None, int]] = {
    "nothing": ({}, None, 1),
    "another order": ({"rows": [1, 0, 2]}, None, 2),
    "a row more": ({"rows": [0, 1, 2, 3]}, None, 2),
    "other content": ({"sha256": ("f" * 64, *SHA256[1:])}, None, 2),
    "content of another row": ({"sha256": (*SHA256[:-1], "f" * 64)}, None, 1),
    "another mean": ({"preprocess": CONTRACT.with_statistics((0.31,), (0.4,))}, None, 2),
    "another filter": ({"preprocess": replace(CONTRACT, interpolation="bicubic")}, None, 2),
    "another cut": ({"cut": 1}, None, 2),
    "another view": ({"view": "mirror"}, None, 2),
    "maps instead of vectors": ({"pooled": False}, None, 2),
    "another weight": ({}, _weights, 2),
    "another batch statistic": ({}, _statistics, 2),
    "another padding": ({}, _padding, 2),
    "another head": ({}, _head, 1),
    "another batch size": ({"batch_size": 2}, None, 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_decides_the_numbers_makes_another_entry(tmp_path: Path, change: str) -> None:
    model, split_points = network()
    settings, alter, expected = CHANGES[change]
    store = opened(tmp_path)
    store.features(model, split_points[0], batches_of([0, 1, 2]), sha256=SHA256)
    if alter is not None:
        alter(model)
    given = {"rows": [0, 1, 2], "cut": 0, "sha256": SHA256, "preprocess": CONTRACT, **settings}
    batches = batches_of(
        given.pop("rows"), preprocess=given.pop("preprocess"), batch_size=given.pop("batch_size", 5)
    )
    store.features(model, split_points[given.pop("cut")], batches, **given)
    assert len(entries(tmp_path)) == expected


def test_another_version_of_the_code_computes_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, split_points = network()
    opened(tmp_path).features(model, split_points[0], batches_of(), sha256=SHA256)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    opened(tmp_path).features(model, split_points[0], batches_of(), sha256=SHA256)
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "no entry.json"])
def test_a_damaged_entry_is_told_of_and_made_anew(tmp_path: Path, damage: str) -> None:
    model, split_points = network()
    first = opened(tmp_path).features(model, split_points[0], batches_of(), sha256=SHA256)
    (entry,) = entries(tmp_path)
    data = bytearray((entry / "features.npy").read_bytes())
    if damage == "cut":
        (entry / "features.npy").write_bytes(data[:-4])
    elif damage == "flipped":
        data[-1] ^= 1
        (entry / "features.npy").write_bytes(data)
    else:
        (entry / "entry.json").unlink()
    told = Told()
    again = opened(tmp_path, told).features(model, split_points[0], batches_of(), sha256=SHA256)
    np.testing.assert_array_equal(again, first)
    assert told.notes[0].startswith("a damaged entry of the feature cache is made again (")
    assert len(entries(tmp_path)) == 1


def test_pixels_and_features_share_one_limit(tmp_path: Path) -> None:
    """The entry longest unused goes first, of whichever kind."""
    model, split_points = network()
    old = tmp_path / "pixels" / ("a" * 64)
    old.mkdir(parents=True)
    (old / "pixels.npy").write_bytes(b"0" * 5000)
    (old / "entry.json").write_text(json.dumps({}))
    for path in (*old.iterdir(), old):
        os.utime(path, (1, 1))
    needed = N * 64 * 4
    opened(tmp_path, disk_bytes=needed + 6000).features(
        model, split_points[0], batches_of(), sha256=SHA256
    )
    assert old.exists()
    opened(tmp_path, disk_bytes=needed + 6000).features(
        model, split_points[0], batches_of([0, 1]), sha256=SHA256
    )
    assert old.exists()
    assert len(entries(tmp_path)) == 2
    opened(tmp_path, disk_bytes=needed + 4000).features(
        model, split_points[0], batches_of([0, 2]), sha256=SHA256
    )
    assert not old.exists()


@pytest.mark.parametrize("why", ["no disk", "too large", "no digest", "read-only"])
def test_without_a_place_features_are_computed_all_the_same(tmp_path: Path, why: str) -> None:
    model, split_points = network()
    told = Told()
    folder = tmp_path / "cache"
    if why == "read-only":
        folder.write_text("a file where the folder should be")
    store = opened(folder, told, disk_bytes={"no disk": 0, "too large": 100}.get(why, PLENTY))
    digests = ("",) * N if why == "no digest" else SHA256
    for _ in range(2):
        found = store.features(model, split_points[0], batches_of(), sha256=digests)
        np.testing.assert_array_equal(
            found,
            extract(
                feature_extractor(model, split_points[0]), batches_of(), pool=split_points[0].pooled
            ),
        )
    assert len(told.passes) == 2
    assert bool(told.notes) == (why == "read-only")
    assert all(note.startswith("features are not kept on disk: ") for note in told.notes)


def test_what_is_kept_serves_under_a_lower_limit(tmp_path: Path) -> None:
    model, split_points = network()
    first = opened(tmp_path).features(model, split_points[0], batches_of(), sha256=SHA256)
    told = Told()
    again = opened(tmp_path, told, disk_bytes=first.nbytes - 1)
    np.testing.assert_array_equal(
        again.features(model, split_points[0], batches_of(), sha256=SHA256), first
    )
    assert told.passes == []


def test_no_image_is_an_error(tmp_path: Path) -> None:
    model, split_points = network()
    with pytest.raises(ValueError, match="nothing to extract"):
        opened(tmp_path).features(model, split_points[0], batches_of([]), sha256=SHA256)
