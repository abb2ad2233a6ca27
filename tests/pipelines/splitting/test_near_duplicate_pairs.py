"""Near-duplicates stay together in a new split, whatever input size the network has."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter

from nunbit.config import Config, load_config
from nunbit.data.dataset import Dataset
from nunbit.pipelines.dataset import decode_data, inspect_data
from nunbit.pipelines.splitting import near_duplicate_pairs as copies
from nunbit.pipelines.splitting.make_or_load_split import make_or_load_split
from nunbit.progress import Silent

COPIES = 12


class Notes(Silent):
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, message: str) -> None:
        self.told.append(message)


def scene(rng: np.random.Generator) -> Image.Image:
    """Smooth random shapes, no two alike."""
    noise = Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8))
    large = noise.resize((96, 96), Image.Resampling.BICUBIC)
    return large.filter(ImageFilter.GaussianBlur(2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 scenes, and copies of some: brightened, resized and compressed anew."""
    root, rng = tmp_path_factory.mktemp("copies") / "scenes", np.random.default_rng(3)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(30):
            image = scene(rng)
            image.save(root / name / f"{number:02d}.png")
            if number < COPIES // 2:
                altered = ImageEnhance.Brightness(image.resize((80, 80))).enhance(1.1)
                altered.save(root / name / f"{number:02d}-copy.jpg", quality=80)
    return root


def decoded(folder: Path, **settings: object) -> tuple[Dataset, Config, Notes]:
    named = {key.replace("__", "."): value for key, value in settings.items()}
    config = load_config(data=str(folder), recipe=None, settings=named)
    notes = Notes()
    samples, inspection = inspect_data(config)
    cpu = torch.device("cpu")
    return decode_data(samples, inspection, config, device=cpu).dataset, config, notes


def torn(parts: dict[str, str]) -> list[str]:
    return [
        path
        for path in parts
        if path.endswith("-copy.jpg") and parts[path] != parts[path.replace("-copy.jpg", ".png")]
    ]


def parts_of(folder: Path, **settings: object) -> tuple[dict[str, str], list[str]]:
    data, config, notes = decoded(folder, **settings)
    split = make_or_load_split(data, config, progress=notes)
    return dict(zip(split.paths, split.parts, strict=True)), notes.told


def test_copies_stay_in_one_part_and_it_is_told(folder: Path) -> None:
    together, told = parts_of(folder)
    assert torn(together) == []
    (note,) = [line for line in told if "near-duplicates" in line]
    assert note.startswith(f"{2 * COPIES} images are near-duplicates of each other, such as a/00")
    apart, told = parts_of(folder, split__near_duplicates="ignore")
    assert torn(apart)
    assert not [line for line in told if "near-duplicates" in line]


def test_the_split_does_not_depend_on_the_networks_input(folder: Path) -> None:
    small, _ = parts_of(folder, pixels__image_size=16, pixels__fit="pad")
    large, _ = parts_of(folder, pixels__image_size=90, pixels__colour="grey")
    assert small == large


def test_many_images_are_not_searched_and_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "MAX_IMAGES", 20)
    _, told = parts_of(folder)
    assert any("near-duplicates are not looked for before the split of 72" in t for t in told)


def test_given_parts_stay_as_they_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["path,label,split"]
    for number, path in enumerate(sorted(folder.rglob("*.*"))):
        part = ("train", "validation", "test")[number % 3]
        rows.append(f"{path},{path.parent.name},{part}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(rows))
    monkeypatch.setattr(copies, "near_duplicates", None)  # would fail if it were called
    data, config, notes = decoded(table)
    split = make_or_load_split(data, config, progress=notes)
    assert split.parts == data.samples.parts


def test_a_second_search_is_spared_and_finds_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "cache"))
    first = parts_of(folder)
    assert any("near-duplicates" in note for note in first[1])
    monkeypatch.setattr(copies, "near_duplicates", lambda *_, **__: pytest.fail("searched again"))
    assert parts_of(folder) == first


def test_what_a_search_depends_on_is_searched_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "cache"))
    first = parts_of(folder)
    searched: list[int] = []
    original = copies.near_duplicates

    def search(*arguments: object, **options: object) -> object:
        searched.append(1)
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(copies, "near_duplicates", search)
    record = next((tmp_path / "cache" / "copies").iterdir())
    record.write_text(record.read_text(encoding="utf-8").replace("[", "[[", 1), encoding="utf-8")
    assert parts_of(folder) == first
    assert len(searched) == 1
    other = tmp_path / "scenes"
    shutil.copytree(folder, other)
    (other / "a" / "29.png").unlink()
    parts_of(other)
    assert len(searched) == 2
    parts_of(folder, pixels__disk_budget_bytes=0)
    assert len(searched) == 3
