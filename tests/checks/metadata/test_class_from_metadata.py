"""Metadata that predict the label: each planted kind is found, and chance is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from nunbit.checks.finding import Finding
from nunbit.checks.measurements.properties import properties
from nunbit.checks.metadata.class_from_metadata import (
    MIN_IMAGES,
    MetadataFit,
    fit_metadata,
    metadata,
)
from nunbit.data.inspect import inspect
from nunbit.data.sources import load_samples
from nunbit.progress import SILENT
from nunbit.types import ImageFacts
from tests.checks.metadata.cases import checked, fact, inspection_of, kinds, of_kind, samples_of

Generator = np.random.Generator


def looked_at(
    labels: Sequence[int], facts: Sequence[ImageFacts], **columns: object
) -> tuple[list[Finding], MetadataFit | None]:
    samples = samples_of(labels, **columns)  # type: ignore[arg-type]
    inspection = inspection_of(samples, facts=facts)
    found = properties(samples, inspection, [""] * len(labels))
    return list(metadata(samples, found)), fit_metadata(samples, found)


def day(number: int) -> str:
    return str(np.datetime64("2020-01-01T12:00:00") + np.timedelta64(number, "D"))


PLANTED: dict[str, Callable[[Generator, int], ImageFacts]] = {
    "camera": lambda random, label: fact(camera=("Canon", "Nikon")[label]),
    "date": lambda random, label: fact(taken=day(int(random.integers(0, 30)) + 30 * label)),
    "format": lambda random, label: fact(format=("JPEG", "PNG")[label]),
    "colour profile": lambda random, label: fact(profile=("", "Display P3")[label]),
    "colour mode": lambda random, label: fact(mode=("RGB", "L")[label]),
    "width": lambda random, label: fact(width=int(random.integers(0, 100)) + 300 + 100 * label),
}


@pytest.mark.parametrize("name", list(PLANTED))
def test_each_property_is_found_and_named(name: str) -> None:
    random = np.random.default_rng(1)
    labels = [0, 1] * 50
    # One in ten is as the other class has it, so about 90 % can be told.
    facts = [
        PLANTED[name](random, label if i % 20 > 1 else 1 - label) for i, label in enumerate(labels)
    ]
    findings, fit = looked_at(labels, facts)
    assert kinds(findings) == ["metadata-predicts-label"]
    assert fit is not None
    assert (fit.n, fit.baseline, fit.largest) == (100, 0.5, "cat")
    assert 0.8 <= fit.accuracy <= 0.92
    assert fit.accuracy_ci95[0] < fit.accuracy < fit.accuracy_ci95[1]
    assert fit.single[0] == (name, pytest.approx(fit.accuracy, abs=0.05))
    (warning,) = findings
    assert warning.severity == "warning"
    assert warning.title == (
        f"Metadata alone tell the class of {fit.accuracy * 100:.0f} % of the images; chance is 50 %"
    )
    assert "always answering cat" in warning.why
    assert warning.examples[0].startswith(f"{name} alone ")
    assert "on 100 images" in warning.why


def test_the_folder_beside_a_table_is_metadata() -> None:
    labels = [0, 1] * 50
    folders = [("north", "south")[label if i % 10 else 1 - label] for i, label in enumerate(labels)]
    (warning,) = looked_at(labels, [fact()] * 100, folders=folders)[0]
    assert warning.examples == ("sub-folder alone 90 %",)


def test_the_class_folder_itself_is_none() -> None:
    labels = [0, 1] * 50
    assert looked_at(labels, [fact()] * 100, folders=["cat", "dog"] * 50) == ([], None)
    parts = ["train", "test"] * 50
    labels = [0, 0, 1, 1] * 25
    folders = ["train/Cat", "test/cat", "train/dog", "test/dog"] * 25
    columns = {"folders": folders, "parts": parts}
    assert looked_at(labels, [fact()] * 100, **columns) == ([], None)


def test_the_class_folder_is_none_under_another_name_either(tmp_path: Path) -> None:
    labels = [0, 1] * 48
    folders = [
        "gatto/north",
        "cane/south",
        "gatto/south",
        "cane/north",
        "gatto/north",
        "cane/south",
    ]
    columns = {"folders": folders * 16, "location": str(tmp_path)}
    (warning,) = looked_at(labels, [fact()] * 96, **columns)[0]
    assert warning.examples == ("sub-folder alone 67 %",)


def test_sub_folders_of_one_class_each_are_a_note() -> None:
    labels = [0, 0, 1, 1] * 25
    columns = {"folders": ["cat/siamese", "cat/persian", "dog/poodle", "dog/boxer"] * 25}
    findings, _ = looked_at(labels, [fact()] * 100, **columns)
    (note,) = findings
    assert (note.kind, note.severity) == ("folders-of-one-class", "note")
    assert note.title == "Each of the 4 sub-folders holds images of one class only"
    assert note.examples[0] == "siamese: cat"
    assert "--group-from" in note.remedy
    grouped = looked_at(labels, [fact()] * 100, **columns, groups=columns["folders"])[0]
    assert grouped == []


def test_bytes_depend_on_the_content_and_do_not_count() -> None:
    labels = [0, 1] * 50
    assert looked_at(labels, [fact(bytes=1000 + 1000 * label) for label in labels]) == ([], None)


def random_fact(random: Generator) -> ImageFacts:
    return fact(
        int(random.integers(100, 800)),
        int(random.integers(100, 800)),
        format=str(random.choice(["JPEG", "PNG"])),
        camera=str(random.choice(["", "Canon", "Nikon"])),
        taken=day(int(random.integers(0, 3000))) if random.random() < 0.5 else "",
    )


@pytest.mark.parametrize(("n", "share"), [(30, 0.5), (60, 0.9), (200, 0.5)])
def test_random_metadata_raise_no_alarm(n: int, share: float) -> None:
    random = np.random.default_rng(n)
    alarms = 0
    for _ in range(30):
        labels = [0, 1, *(random.random(n - 2) > share).astype(int).tolist()]
        folders = random.choice(["a", "b", "c"], n).tolist()
        facts = [random_fact(random) for _ in labels]
        alarms += bool(looked_at(labels, facts, folders=folders)[0])
    # With FALSE_ALARMS = 0.001, two of thirty happen once in 2,400 times.
    assert alarms <= 1


def test_groups_that_share_everything_are_few_witnesses() -> None:
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(20):
        # Twelve people with forty photographs each, every person with one camera and one class.
        label_of, camera_of = random.integers(0, 2, 12), random.integers(0, 3, 12)
        people = np.repeat(np.arange(12), 40)
        labels = [*label_of[people].tolist(), 0, 1]
        facts = [fact(camera=f"camera {camera_of[person]}") for person in people] + [fact()] * 2
        groups = [*(f"person {person}" for person in people), "", ""]
        alarms += bool(looked_at(labels, facts, groups=groups)[0])
    assert alarms == 0


def test_few_images_say_nothing() -> None:
    n = MIN_IMAGES - 2
    labels = [0, 1] * (n // 2)
    assert looked_at(labels, [fact(camera=f"{label}") for label in labels]) == ([], None)


def test_classes_with_fewer_images_than_folds_are_left_out() -> None:
    labels = [0, 1] * 40 + [2] * 3
    facts = [fact(camera=f"{label}") for label in labels]
    findings, fit = looked_at(labels, facts)
    assert kinds(findings) == ["metadata-predicts-label"]
    assert fit is not None
    assert fit.n == 80


def test_arrays_have_no_metadata_and_the_check_reports_that_of_files() -> None:
    labels = [0, 1] * 50
    facts = [fact(camera=("Canon", "Nikon")[label]) for label in labels]
    samples = samples_of(labels)
    found = checked(samples, inspection_of(samples, facts=facts))
    assert of_kind(found, "metadata-predicts-label").title.startswith("Metadata alone tell")
    arrays = samples_of(labels, files=False)
    assert checked(arrays, inspection_of(arrays, facts=facts)) == ()


def test_of_very_many_images_a_part_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nunbit.checks.metadata.class_from_metadata.MAX_IMAGES", 60)
    labels = [0, 1] * 100
    (warning,) = looked_at(labels, [fact(camera=f"{label}") for label in labels])[0]
    assert "on 60 images" in warning.why


def write_photographs(folder: Path, count: int, *, camera: str, suffix: str = ".jpg") -> list[Path]:
    """Noise with a camera's name, in files."""
    random = np.random.default_rng(len(str(folder)))
    folder.mkdir(parents=True)
    tags = Image.Exif()
    tags[ExifTags.Base.Model] = camera
    files = [folder / f"{number:02}{suffix}" for number in range(count)]
    for file in files:
        pixels = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, exif=tags)
    return files


def checked_on_disk(path: Path) -> list[Finding]:
    samples = load_samples(path)
    looked = inspect(samples, workers=1, progress=SILENT)
    return list(checked(samples, looked))


def test_files_on_disk_with_a_format_for_each_class(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos" / "cat", 30, camera="Canon")
    write_photographs(tmp_path / "photos" / "dog", 30, camera="Canon", suffix=".png")
    found = checked_on_disk(tmp_path / "photos")
    assert kinds(found) == ["format-shortcut", "metadata-predicts-label"]
    assert found[0].examples[0] == "100 % of cat and 0 % of the others are JPEG"


def test_files_on_disk_from_two_sites_in_a_table(tmp_path: Path) -> None:
    north = write_photographs(tmp_path / "images" / "north", 40, camera="Nikon D1")
    south = write_photographs(tmp_path / "images" / "south", 40, camera="Canon EOS")
    rows = [(file, "sick" if number % 8 else "well") for number, file in enumerate(north)]
    rows += [(file, "well" if number % 8 else "sick") for number, file in enumerate(south)]
    lines = [f"{file.relative_to(tmp_path)},{label}" for file, label in rows]
    (tmp_path / "table.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    warning = of_kind(checked_on_disk(tmp_path / "table.csv"), "metadata-predicts-label")
    assert warning.title.startswith("Metadata alone tell the class of 88 % of the images")
    assert set(warning.examples) == {"camera alone 88 %", "sub-folder alone 88 %"}
