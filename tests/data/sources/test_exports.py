"""JSON and CSV of labelling tools: Label Studio's by its own converter, and COCO's format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nunbit.data.sources import load_samples
from nunbit.errors import DataError
from nunbit.types import Samples

EXPORTED = Path(__file__).parent / "exported" / "label_studio"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Four pictures, called 1.png to 4.png, in `images/`."""
    (tmp_path / "images").mkdir()
    for number in range(1, 5):
        picture = Image.fromarray(np.full((8, 8), number, np.uint8))
        picture.save(tmp_path / "images" / f"{number}.png")
    return tmp_path


def labels(samples: Samples) -> dict[str, str]:
    return {path: samples.label_name(row) for row, path in enumerate(samples.paths)}


ODD_AND_EVEN = {f"images/{n}.png": "cat" if n % 2 else "dog" for n in range(1, 5)}


# ------------------------------------------------------------------------------------------------
# Label Studio
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "export", ["choices-csv.csv", "choices-json.json", "choices-json_min.json"]
)
@pytest.mark.parametrize("uploaded", [True, False])
def test_choices(place: Path, export: str, uploaded: bool) -> None:
    """Files are found whether they have the name of their upload or that of the original."""
    if uploaded:
        for number in range(1, 5):
            file = place / "images" / f"{number}.png"
            file.rename(file.with_name(f"{number:08x}-{number}.png"))
    shutil.copy(EXPORTED / export, place / export)
    found = labels(load_samples(place / export))
    assert {name.rpartition("-")[2].rpartition("/")[2]: label for name, label in found.items()} == {
        name.rpartition("/")[2]: label for name, label in ODD_AND_EVEN.items()
    }


@pytest.mark.parametrize("ending", ["csv.csv", "json.json", "json_min.json"])
def test_several_choices_are_said_as_what_they_are(place: Path, ending: str) -> None:
    shutil.copy(EXPORTED / f"several-{ending}", place / "export.x").rename(place / ending)
    with pytest.raises(DataError, match=r"1 of 3 .* several labels") as failure:
        load_samples(place / ending)
    assert "nunbit gives each image one class" in str(failure.value)


@pytest.mark.parametrize("ending", ["csv.csv", "json.json", "json_min.json", "coco.json"])
def test_boxes_of_one_class_are_a_warning_of_several_an_error(place: Path, ending: str) -> None:
    shutil.copy(EXPORTED / f"boxes-{ending}", place / ending)
    samples = load_samples(place / ending)
    assert labels(samples) == {"images/1.png": "cat", "images/2.png": "dog"}
    assert any("nunbit sees the whole image" in warning for warning in samples.warnings)
    shutil.copy(EXPORTED / f"mixed-{ending}", place / ending)
    with pytest.raises(DataError, match=r"1 of 2 .* several labels by their boxes") as failure:
        load_samples(place / ending)
    assert "cut the boxes out" in failure.value.remedy


def task(number: int, *choices: str, image: str = "") -> dict[str, Any]:
    result = [{"value": {"choices": [c]}, "to_name": "image", "type": "choices"} for c in choices]
    annotations = [{"result": [one], "was_cancelled": False} for one in result]
    return {
        "id": number,
        "data": {"image": image or f"images/{number}.png"},
        "annotations": annotations,
    }


def test_annotators(place: Path) -> None:
    """Who agrees counts once, a task without an annotation has no label, others are named."""
    export = place / "tasks.json"
    tasks = [task(1, "cat", "cat"), task(2, "dog"), task(3)]
    tasks[1]["annotations"].append({"result": task(2, "cat")["annotations"], "was_cancelled": True})
    export.write_text(json.dumps(tasks), encoding="utf-8")
    samples = load_samples(export)
    assert labels(samples) == {"images/1.png": "cat", "images/2.png": "dog", "images/3.png": ""}
    assert "1 task of Label Studio without an annotation" in samples.notes
    export.write_text(json.dumps([task(1, "cat", "dog"), task(2, "dog")]), encoding="utf-8")
    with pytest.raises(DataError, match="annotators of 1 image disagree"):
        load_samples(export)


@pytest.mark.parametrize(
    "address",
    ["/data/local-files/?d=images/{}.png", "s3://bucket/images/{}.png", "https://a.b/x/{}.png?k=1"],
)
def test_addresses_of_images(place: Path, address: str) -> None:
    export = place / "tasks.json"
    tasks = [task(n, "cat" if n % 2 else "dog", image=address.format(n)) for n in range(1, 5)]
    export.write_text(json.dumps(tasks), encoding="utf-8")
    assert labels(load_samples(export)) == ODD_AND_EVEN


# ------------------------------------------------------------------------------------------------
# COCO and iNaturalist
# ------------------------------------------------------------------------------------------------


def coco(**changes: Any) -> dict[str, Any]:
    """Whole-image labels, as iNaturalist has them: no boxes, ids that are not in order."""
    return {
        "info": {"year": 2026},
        "images": [
            {
                "id": 10 * n,
                "file_name": f"images/{n}.png",
                "width": 8,
                "height": 8,
                "location": n // 3,
            }
            for n in range(1, 5)
        ],
        "annotations": [
            {"id": n, "image_id": 10 * n, "category_id": 7 if n % 2 else 3} for n in range(1, 5)
        ],
        "categories": [{"id": 3, "name": "dog"}, {"id": 7, "name": "cat", "supercategory": "pet"}],
        **changes,
    }


@pytest.mark.parametrize("folder", [".", "annotations"])
def test_labels_of_whole_images(place: Path, folder: str) -> None:
    (place / folder).mkdir(exist_ok=True)
    export = place / folder / "train2026.json"
    export.write_text(json.dumps(coco()), encoding="utf-8")
    samples = load_samples(export)
    assert labels(samples) == ODD_AND_EVEN
    assert any("--group-from 'location'" in warning for warning in samples.warnings)
    assert load_samples(export, group_from="location").groups == ("0", "0", "1", "1")


def test_several_categories_and_none(place: Path) -> None:
    export = place / "coco.json"
    twice = [*coco()["annotations"], {"id": 9, "image_id": 10, "category_id": 3}]
    export.write_text(json.dumps(coco(annotations=twice)), encoding="utf-8")
    with pytest.raises(DataError, match="1 of 4 images has several labels") as failure:
        load_samples(export)
    assert "'images/1.png': 'cat', 'dog'" in failure.value.what
    export.write_text(json.dumps(coco(annotations=coco()["annotations"][:3])), encoding="utf-8")
    samples = load_samples(export)
    assert samples.reasons == ("", "", "", "no label in the table")


def test_an_export_without_images_names_the_other_export(place: Path) -> None:
    (place / "coco.json").write_text(json.dumps(coco(images=[], annotations=[])), encoding="utf-8")
    with pytest.raises(DataError, match="lists no images") as failure:
        load_samples(place / "coco.json")
    assert "export JSON or CSV" in failure.value.remedy


def test_categories_of_one_name_stay_apart(place: Path) -> None:
    names = [{"id": 3, "name": "pet"}, {"id": 7, "name": "pet"}]
    (place / "coco.json").write_text(json.dumps(coco(categories=names)), encoding="utf-8")
    assert load_samples(place / "coco.json").classes == ("pet (3)", "pet (7)")


# ------------------------------------------------------------------------------------------------
# Other JSON
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["objects", "pairs"])
def test_lists_of_objects_and_an_object_of_paths(place: Path, shape: str) -> None:
    document: Any = dict(ODD_AND_EVEN)
    if shape == "objects":
        document = [{"file": path, "category": label} for path, label in ODD_AND_EVEN.items()]
    (place / "labels.json").write_text(json.dumps(document), encoding="utf-8")
    assert labels(load_samples(place / "labels.json")) == ODD_AND_EVEN


@pytest.mark.parametrize("document", ["{}", "[]", "7", '{"a": [1]}', "[1, 2]", "{", ""])
def test_other_json_is_refused_with_what_is_read(place: Path, document: str) -> None:
    (place / "x.json").write_text(document, encoding="utf-8")
    with pytest.raises(DataError, match="JSON"):
        load_samples(place / "x.json")


def test_an_entry_that_lacks_what_the_format_says(place: Path) -> None:
    (place / "x.json").write_text(json.dumps(coco(images=[{"id": 1}])), encoding="utf-8")
    with pytest.raises(DataError, match="lacks 'file_name'"):
        load_samples(place / "x.json")
