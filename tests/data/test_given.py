"""Data that a program has in memory: tables, lists and arrays, as `nunbit.load_data` takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import nunbit
from nunbit.config import read_config
from nunbit.errors import DataError, UsageError
from nunbit.pipelines.dataset import inspect_data
from nunbit.pipelines.run_folder import RunFolder

KINDS = ("cat", "dog", "fox")
N = 12


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Twelve pictures of 4 x 4; number n has the grey level n and is of the kind n modulo 3."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(N):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(folder / f"{number:02}.png")
    return folder


def check(data: nunbit.Data) -> None:
    """Every image has its own class, which its grey level tells."""
    assert data.classes == KINDS
    assert len(data) == N
    for row, path in enumerate(data.samples.paths):
        assert data.samples.label_name(row) == KINDS[int(Path(path).stem) % 3]
    assert not any(data.samples.reasons)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_table(images: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool) -> None:
    monkeypatch.chdir(images.parent)
    folder = images if absolute else Path("images")
    paths = [folder / f"{number:02}.png" for number in range(N)]
    table = pd.DataFrame(
        {
            "image": paths if absolute else list(map(str, paths)),
            "label": pd.Categorical([KINDS[number % 3] for number in range(N)]),
            "split": ["test" if number < 3 else "train" for number in range(N)],
            "weight": [None, *np.arange(1.0, N)],
        }
    )
    data = nunbit.load_data(table)
    check(data)
    assert data.samples.parts[:4] == ("test", "test", "test", "train")
    assert data.samples.columns["weight"][:3] == ("", "1", "2")
    stem = "" if absolute else "images/"
    assert data.samples.paths[0] == f"{stem}00.png"


def test_the_options_of_tables_hold(images: Path) -> None:
    table = pd.DataFrame(
        {
            "key": [f"{number:02}" for number in range(N)],
            "what": [KINDS[number % 3] for number in range(N)],
            "more": ["x"] * N,
            "cow": [number // 4 for number in range(N)],
        }
    )
    data = nunbit.load_data(
        table, path_column="key", label_column="what", group_from="cow", image_root=images
    )
    check(data)
    assert data.samples.groups == tuple(str(number // 4) for number in range(N))


def test_pairs(images: Path) -> None:
    pairs = [(images / f"{number:02}.png", KINDS[number % 3]) for number in range(N)]
    check(nunbit.load_data(pairs))
    check(nunbit.load_data([(str(path), kind) for path, kind in reversed(pairs)]))


@pytest.mark.parametrize("kind", ["numpy", "torch", "list"])
def test_arrays(kind: str) -> None:
    pixels = np.arange(N, dtype=np.uint8)[:, None, None] * np.full((1, 4, 4), 20, np.uint8)
    images = {"numpy": pixels, "torch": torch.from_numpy(pixels), "list": list(pixels)}[kind]
    labels = np.arange(N) % 3
    data = nunbit.load_data((images, torch.from_numpy(labels) if kind == "torch" else labels))
    assert data.classes == ("0", "1", "2")
    assert data.samples.labels.tolist() == labels.tolist()
    assert data.samples.images.read(5).tolist() == np.full((4, 4, 1), 100).tolist()
    named = nunbit.load_data((images, [KINDS[number % 3] for number in range(N)]))
    assert named.classes == KINDS


def test_the_same_data_are_kept_once(images: Path) -> None:
    pairs = [(images / f"{number:02}.png", KINDS[number % 3]) for number in range(N)]
    first, second = nunbit.load_data(pairs), nunbit.load_data(pairs)
    assert first.settings == second.settings
    others = nunbit.load_data([*pairs[:-1], (pairs[-1][0], "cat")])
    assert others.settings["data.path"] != first.settings["data.path"]


def test_text_stays_as_it_is(images: Path) -> None:
    """Neither 'NA' nor a formula, a comma or an umlaut is anything but a name."""
    labels = ["NA", "=1+1", "a, b", "Ä"] * 3
    data = nunbit.load_data([(images / f"{n:02}.png", labels[n]) for n in range(N)])
    assert set(data.classes) == set(labels)


@pytest.mark.parametrize(
    "data",
    [None, 7, {"x": 1}, {"a.png", "b.png"}, b"photos", ["a.png", "b.png"], [("a.png", "x", 1)], []],
)
def test_anything_else_is_refused_with_what_is_taken(data: object) -> None:
    for use in (nunbit.load_data, nunbit.train):
        with pytest.raises(UsageError) as failure:
            use(data)  # type: ignore[arg-type]
        for taken in ("a path", "DataFrame", "(images, labels)", "(path, label)"):
            assert taken in failure.value.remedy


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ((np.zeros((3, 4, 4), np.uint8), [0, 1]), DataError, "3 images .* but 2 labels"),
        ((np.zeros((2, 4, 4), np.uint8), [0, None]), UsageError, "neither all whole numbers"),
        (([np.zeros((4, 4)), np.zeros((5, 4))], [0, 1]), UsageError, "not one array"),
        ((np.full((2, 4, 4), 4000, np.uint16), [0, 1]), DataError, "neither 0..1 nor 0..255"),
    ],
)
def test_arrays_that_do_not_fit(given: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        nunbit.load_data(given)  # type: ignore[arg-type]


def test_two_columns_of_one_name() -> None:
    table = pd.DataFrame([["a.png", "x", "y"]], columns=["path", "label", "label"])
    with pytest.raises(UsageError, match=r"two columns .* 'label'"):
        nunbit.load_data(table)


def test_a_run_reads_its_data_again(tmp_path: Path) -> None:
    """What a program had in memory is there for the commands that come after the training."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (24, 8, 8), np.uint8), np.arange(24) % 2
    run = nunbit.train((images, labels), out=tmp_path / "run", model="smallcnn", epochs=1)
    again, inspection = inspect_data(read_config(RunFolder(run.folder).config))
    assert [int(again.labels[row]) for row in range(24)] == labels.tolist()
    assert len(inspection.usable) == 24
