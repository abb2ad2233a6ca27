from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nunbit.data.augment import Augmentation, load_augmentation
from nunbit.data.dataset import Dataset
from nunbit.pipelines.evaluation.pictures import originals_of
from nunbit.pipelines.evaluation.preprocessing_steps import DRAWS, IMAGES, contract_strip
from nunbit.reports.run.preprocessing_steps import Strip
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.contract import contract
from nunbit.types import Split
from tests.evaluation.cases import random_predictions, report_input
from tests.pipelines.evaluation.test_slices import decoded
from tests.reports.run.page import Page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plain images of two classes, and one of each oddity, all to be trained on."""
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(8):
            level = 20 * number + (10 if name == "dog" else 0)
            Image.new("RGB", (20, 16), (level, 40, 80)).save(
                tmp_path / "data" / name / f"{number}.png"
            )
    turned = Image.new("RGB", (20, 16), (255, 0, 0))
    turned.paste((0, 0, 255), (0, 0, 10, 16))  # the left half is blue
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    turned.save(tmp_path / "data/cat/turned.png", exif=exif)
    clear = Image.new("RGBA", (20, 16), (0, 0, 0, 0))
    clear.save(tmp_path / "data/dog/clear.png")
    Image.new("CMYK", (20, 16), (0, 0, 0, 255)).save(tmp_path / "data/dog/print.jpg")
    return tmp_path / "data"


def parts_of(path: Path) -> Dataset:
    data = decoded(path)
    n = len(data.samples)
    split = Split(
        paths=data.samples.paths,
        labels=tuple(data.samples.label_name(i) for i in range(n)),
        parts=("train",) * n,
        groups=("",) * n,
        sha256=data.inspection.sha256,
        reasons=("",) * n,
    )
    return data.with_split(split).with_statistics(((0.4, 0.5, 0.6), (0.2, 0.3, 0.25)))


def strip_of(parts: Dataset, augmentation: Augmentation | None) -> Strip:
    originals = originals_of(parts.samples, parts.inspection, parts.preprocess)
    found = contract_strip(parts, originals, part="train", augmentation=augmentation, seed=3)
    assert found is not None
    return found


def test_odd_images_are_shown_on_every_step(folder: Path) -> None:
    found = strip_of(parts_of(folder), load_augmentation("clothes"))
    assert [example.path for example in found.examples[:3]] == [
        "cat/turned.png",
        "dog/clear.png",
        "dog/print.jpg",
    ]
    assert len(found.examples) == IMAGES
    turned, clear, printed, _ = found.examples
    assert [step.name for step in turned.steps] == [
        *("as stored", "decoded", "canvas"),
        *(f"augmented {draw + 1}" for draw in range(DRAWS)),
        "normalised and back",
    ]
    stored, decoded, canvas, *_, back = turned.steps
    assert stored.caption == "20 × 16, PNG, colour, to be turned"
    assert decoded.caption == "16 × 20, colour"
    assert stored.picture is not None
    assert decoded.picture is not None
    # Blue is on the left of the file, and above when it has been turned clockwise.
    assert stored.picture.shape == (16, 20, 3)
    assert stored.picture[8, 2].tolist() == [0, 0, 255]
    assert decoded.picture.shape == (20, 16, 3)
    assert decoded.picture[2, 8].tolist() == [0, 0, 255]
    assert canvas.picture is not None
    assert back.picture is not None
    np.testing.assert_array_equal(back.picture, canvas.picture)
    assert back.caption == "the canvas exactly"
    # Transparency shows the background only once it has been decoded.
    assert clear.steps[0].picture is not None
    assert clear.steps[0].picture.max() == 0
    assert clear.steps[1].picture is not None
    assert clear.steps[1].picture.min() == 255
    assert printed.steps[0].caption == "20 × 16, JPEG, CMYK"
    assert found.part == "training"
    assert found.random_changes == (
        "Augmented as in training (clothes: horizontal-flip), three times with new random numbers."
    )


def test_augmented_pictures_are_what_the_augmentation_makes(folder: Path) -> None:
    parts = parts_of(folder)
    found = strip_of(parts, load_augmentation("clothes"))
    steps = {step.name: step.picture for step in found.examples[0].steps}
    canvas = steps["canvas"]
    assert canvas is not None
    for draw in range(DRAWS):
        picture = steps[f"augmented {draw + 1}"]
        assert picture is not None
        assert (picture == canvas).all() or (picture == canvas[:, ::-1]).all()


@pytest.mark.parametrize("augmentation", [None, load_augmentation("none")])
def test_without_augmentation_none_is_shown(
    folder: Path, augmentation: Augmentation | None
) -> None:
    found = strip_of(parts_of(folder), augmentation)
    assert [step.name for step in found.examples[0].steps] == [
        *("as stored", "decoded", "canvas", "normalised and back"),
    ]
    assert found.random_changes == ""


def test_a_vanished_file_says_so_and_costs_nothing_else(folder: Path) -> None:
    parts = parts_of(folder)
    (folder / "cat/turned.png").unlink()
    gone, *others = strip_of(parts, None).examples
    assert gone.steps[0].picture is None
    assert gone.steps[0].caption == "missing: there is no such file"
    assert gone.steps[1].name == "canvas"  # the decoded pixels are kept
    assert all(example.steps[0].picture is not None for example in others)


def test_an_empty_part_has_no_strip(folder: Path) -> None:
    parts = parts_of(folder)
    originals = originals_of(parts.samples, parts.inspection, parts.preprocess)
    assert contract_strip(parts, originals, part="test", augmentation=None, seed=0) is None


def test_the_section_shows_rules_and_pictures(folder: Path) -> None:
    parts = parts_of(folder)
    (folder / "cat/turned.png").unlink()
    given: RunResult = report_input(
        random_predictions(9, 2), ("cat", "dog"), strip=strip_of(parts, None)
    )
    section = contract(given)
    assert section is not None
    page = Page(str(section.body))
    pictures = page.all("img")
    assert len(pictures) == 2 + 3 * 4
    assert all(picture.attributes["alt"] for picture in pictures)
    assert "4 images of the training part on the way." in page.all("p")[1].words
    assert "missing: there is no such file" in " ".join(f.words for f in page.all("figure"))
    assert "Canvas" in [term.words for term in page.all("dt")]
