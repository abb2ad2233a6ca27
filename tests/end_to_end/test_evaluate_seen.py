"""A finished run evaluated on images that it learned from: said first, and scored without them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tests.end_to_end.commands import nunbit_here
from tests.fixtures_data import write_images


def noise(folder: Path, *, seed: int, images: int = 45) -> Path:
    """Noise in classes at random: nothing can be learned, only remembered."""
    random = np.random.default_rng(seed)
    for number in range(images):
        place = folder / "abc"[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{seed}-{number}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` and a run `run` of it."""
    place = tmp_path_factory.mktemp("seen")
    noise(place / "data", seed=1)
    settings = ["--model", "smallcnn", "--epochs", "1", "--out", "run"]
    nunbit_here("train", "data", *settings, "--quiet", cwd=place)
    return place


def summary_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return content


def seen_in(run: Path) -> int:
    n = summary_of(run)["n"]
    return int(n["train"] + n["validation"])


def test_the_same_folder_and_a_moved_copy(place: Path) -> None:
    shutil.copytree(place / "data", place / "moved")
    seen = seen_in(place / "run")
    for data in ("data", "moved"):
        told = nunbit_here("evaluate", "run", "--data", data, "--out", f"on-{data}", cwd=place)
        warning = told.index(f"the model was trained on {seen} of these 45 images")
        assert "the others are the run's own test part, image for image" in told
        assert warning < told.index("test accuracy")
        summary = summary_of(place / f"on-{data}")
        assert next(iter(summary)) == "leaks"
        assert summary["leaks"]["test_images"] == seen
        # What is left is the run's own test part.
        own = summary_of(place / "run")
        clean = summary["leaks"]["test_without_leaks"]
        assert clean["accuracy"] == own["test"]["accuracy"]
        report = (place / f"on-{data}" / "report.html").read_text(encoding="utf-8")
        assert report.index("The model was trained on") < report.index('<p class="headline"')
        assert f"of {own['n']['test']} images that the model has not seen" in report


def test_a_part_of_what_was_seen_leaves_no_number(place: Path) -> None:
    rows = (place / "run" / "split.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in rows:
        path, _, part, *_ = row.split(",")
        if part == "train":
            (place / "subset" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place / "data" / path, place / "subset" / f"{path[:-4]}-copy.png")
    told = nunbit_here("evaluate", "run", "--data", "subset", "--out", "on-subset", cwd=place)
    assert "no image is new to the model" in told
    assert summary_of(place / "on-subset")["leaks"]["test_without_leaks"] is None


def test_the_model_alone_remembers_within_its_run(place: Path) -> None:
    told = nunbit_here("evaluate", "run/model", "--data", "data", "--out", "on-model", cwd=place)
    assert f"trained on {seen_in(place / 'run')} of these" in told


def test_new_images_have_no_warning(place: Path) -> None:
    noise(place / "new", seed=2, images=9)
    told = nunbit_here("evaluate", "run", "--data", "new", "--out", "on-new", cwd=place)
    assert "trained on" not in told
    assert "leaks" not in summary_of(place / "on-new")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `scenes`, a run `run` of them, and `later`: copies and new pictures."""
    place, random = tmp_path_factory.mktemp("scenes"), np.random.default_rng(5)

    def scene() -> Image.Image:
        """Smooth random shapes, no two alike."""
        noise = Image.fromarray(random.integers(0, 256, (8, 8, 3)).astype(np.uint8))
        return noise.resize((64, 64), Image.Resampling.BICUBIC)

    for number in range(40):
        image, name = scene(), "ab"[number % 2]
        for folder in (place / "scenes" / name, place / "later" / name):
            folder.mkdir(parents=True, exist_ok=True)
        image.save(place / "scenes" / name / f"{number:02}.png")
        if number < 12:
            brighter = ImageEnhance.Brightness(image.resize((56, 56))).enhance(1.1)
            brighter.save(place / "later" / name / f"{number:02}.jpg", quality=80)
            scene().save(place / "later" / name / f"new-{number:02}.png")
    settings = ["--model", "smallcnn", "--epochs", "1", "--out", "run", "--quiet"]
    nunbit_here("train", "scenes", *settings, cwd=place)
    return place


def test_near_copies_of_training_images(scenes: Path) -> None:
    """Copies that were resized, brightened and compressed have other digests."""
    rows = (scenes / "run" / "split.csv").read_text(encoding="utf-8").splitlines()[1:]
    parts = {Path(row.split(",")[0]).stem: row.split(",")[2] for row in rows}
    trained = {stem for stem, part in parts.items() if part in ("train", "validation")}
    copied = {f"{number:02}" for number in range(12)} & trained
    told = nunbit_here("evaluate", "run", "--data", "later", "--out", "on-later", cwd=scenes)
    assert f"{len(copied)} images show the picture of a training image" in told
    assert f"trained on {len(copied)} of these 24 images ({len(copied)} as near-duplicates)" in told
    leaks = summary_of(scenes / "on-later")["leaks"]
    assert (leaks["test_images"], leaks["near_copies"]) == (len(copied), len(copied))
    assert leaks["test_without_leaks"] is not None
    report = (scenes / "on-later" / "report.html").read_text(encoding="utf-8")
    assert f"({len(copied)} as near-duplicates)" in report


def test_near_copies_need_the_images_that_trained(scenes: Path) -> None:
    (scenes / "scenes").rename(scenes / "elsewhere")
    try:
        told = nunbit_here("evaluate", "run", "--data", "later", "--out", "on-gone", cwd=scenes)
        moved = nunbit_here("evaluate", "run", "--out", "on-own", cwd=scenes, code=2)
    finally:
        (scenes / "elsewhere").rename(scenes / "scenes")
    assert "nunbit evaluate run --data DATA" in moved
    assert "near-duplicates of training images are not looked for" in told
    assert "leaks" not in summary_of(scenes / "on-gone")


def test_one_class_and_classes_that_the_model_does_not_know(place: Path) -> None:
    write_images(place / "one", ["a"], per_class=3)
    told = nunbit_here("evaluate", "run", "--data", "one", "--out", "on-one", cwd=place)
    assert "one: 3 images in 1 of 3 classes" in told
    assert "no usable image" not in told, "nothing is to be learned from these images"
    assert summary_of(place / "on-one")["n"]["test"] == 3
    write_images(place / "more", ["a", "b", "owl"], per_class=3)
    told = nunbit_here("evaluate", "run", "--data", "more", "--out", "on-more", cwd=place)
    assert "3 images left out, of classes that the model does not know: 'owl'" in told
    assert summary_of(place / "on-more")["n"]["test"] == 6


def test_other_data_are_read_by_every_option(place: Path) -> None:
    write_images(place / "spelt", ["A", "B"], per_class=3)
    (place / "map.json").write_text('{"A": "a", "B": "b"}', encoding="utf-8")
    options = ["--label-map", "map.json", "--exclude", "000.*"]
    nunbit_here("evaluate", "run", "--data", "spelt", *options, "--out", "on-spelt", cwd=place)
    assert summary_of(place / "on-spelt")["n"] == {
        "train": 0,
        "validation": 0,
        "test": 4,
        "excluded": 2,
    }
    told = nunbit_here("evaluate", "run", "--label-map", "map.json", cwd=place, code=2)
    assert "--data" in told
