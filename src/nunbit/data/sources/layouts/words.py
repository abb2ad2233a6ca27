"""Folder names that say what a folder holds: a part of a split, pictures, labels, pieces of a set.

Words are compared in lower case. A name consists of words where anything but a letter, or a capital
after a small letter, separates: `seg_train`, `TrainImages` and `train2017` all hold `train`.
"""

from __future__ import annotations

import re

from nunbit.data.sources.part_names import PART_NAMES, part_of

PART_WORDS = {**PART_NAMES, "trn": "train", "tst": "test", "holdout": "test", "heldout": "test"}
"""Words within a name, and the part that each means."""
COMMON_WORDS = frozenset(
    {"set", "data", "dataset", "images", "image", "imgs", "img", "pictures", "photos", "folder"}
    | {"dir", "split", "part", "seg", "files", "all", "public", "private", "final", "new", "jpg"}
    | {"png", "jpeg", "cropped", "resized", "the", "hold", "out", "held"}
)
"""Words that name no class when they stand beside the word of a part."""
PICTURE_FOLDERS = frozenset(
    {"images", "image", "img", "imgs", "pictures", "photos", "jpegimages", "originals", "jpg"}
    | {"jpeg", "jpegs", "jpgs", "png", "pngs", "inputs", "input", "image_files"}
)
LABEL_FOLDERS = frozenset(
    {"labels", "label", "annotations", "annotation", "annots", "annot", "masks", "mask", "gt"}
    | {"segmentations", "segmentation", "segmentationclass", "segmentationobject", "trimaps"}
    | {"groundtruth", "ground_truth", "ground truth", "ground-truth", "xmls", "xml", "bboxes"}
    | {"bbox", "boxes", "targets", "seg", "segs", "lbl", "lbls", "landmarks", "labeltxt"}
)
UNLABELLED_WORDS = frozenset(
    {"pred", "preds", "predict", "prediction", "predictions", "unlabelled", "unlabeled", "unknown"}
    | {"submission", "inference", "samples", "sample", "demo"}
)
NO_CLASS_WORDS = frozenset({"unlabelled", "unlabeled", "pred", "preds", "predictions", "unsorted"})
DRAWN_WORDS = frozenset(
    {
        "masks",
        "annotation",
        "annotations",
        "segmentations",
        "trimaps",
        "groundtruth",
        "labels",
        "gt",
    }
)
"""Words of folders beside classes that are hardly a class themselves."""
ONE_FOLDER = frozenset({"unknown", "unlabelled", "unlabeled", "none", "all", "data", "unsorted"})
"""Names of the only folder of a part whose classes nobody knows, besides those of pictures."""
_PIECE = re.compile(
    r"(?P<stem>(?:.*[^a-z]|.*data|)(?:part|fold|batch|chunk|shard|split|subset|set|images|image"
    r"|imgs|img|folder|dir|cv|zip|volume))[ _.-]*(?:\d+|[a-e])",
    re.IGNORECASE,
)


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, numbers left out."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W\d_]+", spaced.lower()) if word]


def part_in(name: str) -> str | None:
    """The part that a folder's name means or contains the word of; None for none or several."""
    if (exact := part_of(name)) is not None:
        return exact
    parts = {part for word in words_of(name) if (part := _part_of_word(word)) is not None}
    if not parts and "holdout" in "".join(words_of(name)):
        return "test"
    return parts.pop() if len(parts) == 1 else None


def means_part(name: str) -> bool:
    """Tell whether a name says a part and nothing else, as `test_images` does, not `test tube`."""
    if part_in(name) is None:
        return False
    return all(_part_of_word(word) or word in COMMON_WORDS for word in words_of(name))


def is_unlabelled_word(name: str) -> bool:
    """Tell whether a name announces pictures whose classes nobody has said."""
    return not UNLABELLED_WORDS.isdisjoint(words_of(name))


def piece_stem(name: str) -> str | None:
    """'images_part' for `images_part_1`: what pieces of one set have in common; else None."""
    match = _PIECE.fullmatch(name)
    return match["stem"].lower() if match else None


def _part_of_word(word: str) -> str | None:
    for ending in ("", "set", "data", "images", "imgs", "ing"):
        if word.endswith(ending) and (part := PART_WORDS.get(word.removesuffix(ending))):
            return part
    return None
