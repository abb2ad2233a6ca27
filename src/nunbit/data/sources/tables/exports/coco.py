"""COCO's JSON of `images`, `annotations` and `categories`, which iNaturalist and LILA use too.

The format is at https://cocodataset.org/#format-data. Here an image gets the one category of its
annotations; where boxes give several, no class of the whole image is meant.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nunbit.data.sources.tables.cells import Table, as_text
from nunbit.errors import DataError
from nunbit.formatting import count, examples

KEYS = ("images", "annotations", "categories")
_SAID_OTHERWISE = frozenset(
    {"id", "file_name", "width", "height", "license", "url", "coco_url", "flickr_url"}
    | {"rights_holder", "date_captured", "label", "path"}
)
"""Fields of an image that tell nothing of a class or a group."""


def is_coco(document: object) -> bool:
    """Tell whether a JSON document holds COCO's three lists."""
    return isinstance(document, Mapping) and all(
        isinstance(document.get(key), list) for key in KEYS
    )


def coco_table(document: Mapping[str, Any], path: Path) -> Table:
    """A row for each image: its path, its category, and what else is said of the image.

    Raises:
        DataError: where images have several categories, or entries are not what the format says.
    """
    try:
        names = _category_names(document["categories"])
        labels: dict[Any, set[str]] = defaultdict(set)
        boxed = False
        for annotation in document["annotations"]:
            labels[annotation["image_id"]].add(names[annotation["category_id"]])
            boxed = boxed or bool(annotation.get("bbox"))
        images = document["images"]
        files = [str(image["file_name"]) for image in images]
        found = [labels.get(image["id"], set()) for image in images]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(
            f"the JSON looks like COCO's, but an entry lacks {error}",
            path=path,
            remedy="images have id and file_name, annotations image_id and category_id, categories "
            "id and name",
        ) from error
    if not files:
        raise DataError(
            "the JSON has COCO's form and lists no images",
            path=path,
            remedy="Label Studio leaves choices out of its COCO export: export JSON or CSV",
        )
    check_one_label(dict(zip(files, found, strict=True)), boxed=boxed, path=path)
    columns = {
        "path": files,
        "label": [min(labels, default="") for labels in found],
        **_columns(images),
    }
    if boxed:  # the warning on boxes is that of tables
        columns["bbox"] = ["yes"] * len(files)
    return Table(columns=columns, lines=list(range(1, len(files) + 1)), line_word="image")


def check_one_label(labels: Mapping[str, set[str]], *, boxed: bool, path: Path) -> None:
    """Refuse images that have several labels.

    Raises:
        DataError: with how many there are, and one of them.
    """
    several = [name for name, given in labels.items() if len(given) > 1]
    if not several:
        return
    first = several[0]
    have = "has" if len(several) == 1 else "have"
    by_boxes = " by their boxes" if boxed else ""
    raise DataError(
        f"{len(several):,} of {count(len(labels), 'image')} {have} several labels{by_boxes}, e.g. "
        f"'{first}': {examples(sorted(labels[first]))}; nunbit gives each image one class",
        path=path,
        remedy="cut the boxes out, and give each cutting as an image of its own"
        if boxed
        else "keep one label of each image, or leave such images without one",
    )


def _category_names(categories: list[Mapping[str, Any]]) -> dict[Any, str]:
    """Name of each category by its id; with the id where several have one name."""
    names = [str(category["name"]) for category in categories]
    times = Counter(names)
    return {
        category["id"]: name if times[name] == 1 else f"{name} ({category['id']})"
        for category, name in zip(categories, names, strict=True)
    }


def _columns(images: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    keys = dict.fromkeys(key for image in images for key in image)
    return {
        str(key): [as_text(image.get(key)) for image in images]
        for key in keys
        if str(key).lower() not in _SAID_OTHERWISE
        and not any(isinstance(image.get(key), dict | list) for image in images)
    }
