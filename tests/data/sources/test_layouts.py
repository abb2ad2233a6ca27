"""Folders above the classes: read as parts, or refused with the folder to give."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nunbit.data.sources import load_samples
from nunbit.errors import ConfigError, DataError
from nunbit.types import Samples
from tests.fixtures_data import write_files


def classes(folder: str, names: tuple[str, ...] = ("cat", "dog"), first: int = 0) -> list[str]:
    return [f"{folder}/{name}/{number}.png" for name in names for number in (first, first + 1)]


def flat(folder: str, number: int = 3) -> list[str]:
    return [f"{folder}/{i}.png" for i in range(number)]


def labelled(samples: Samples) -> Counter[tuple[str, str]]:
    """Part and class of what can be used."""
    rows = [i for i, reason in enumerate(samples.reasons) if not reason]
    return Counter((samples.parts[i], samples.label_name(i)) for i in rows)


PARTS = {
    "doubled folders": ("seg_train/seg_train", "seg_test/seg_test"),
    "words beside others": ("training_set", "test_set"),
    "holdout": ("train", "holdout"),
    "images": ("train_images", "test_images"),
    "years": ("train2017", "test2017"),
    "capitals": ("TrainImages", "TestImages"),
    "joined": ("trainset", "testset"),
    "pictures below": ("train/images", "test/images"),
    "plain": ("Training", "Testing"),
}


@pytest.mark.parametrize("name", PARTS)
def test_folders_that_hold_a_word_of_a_part_are_parts(tmp_path: Path, name: str) -> None:
    train, test = PARTS[name]
    write_files(tmp_path, *classes(train), *classes(test))
    expected = {(part, c): 2 for part in ("train", "test") for c in ("cat", "dog")}
    assert labelled(load_samples(tmp_path)) == expected


def test_unlabelled_pictures_beside_the_parts_are_for_predict(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        *classes("seg_train/seg_train"),
        *classes("seg_test/seg_test"),
        *flat("seg_pred/seg_pred", 16),
    )
    samples = load_samples(tmp_path)
    assert samples.classes == ("cat", "dog")
    assert sum(labelled(samples).values()) == 8
    (warning,) = samples.warnings
    assert "'seg_pred' holds 16 images without a class" in warning
    assert "nunbit predict" in warning


@pytest.mark.parametrize(
    "test", ["test1", "test", "test/test", "test/unknown", "test/images", "test_images/all"]
)
def test_an_unlabelled_test_folder_is_for_predict(tmp_path: Path, test: str) -> None:
    write_files(tmp_path, *classes("train"), *flat(test, 20))
    samples = load_samples(tmp_path)
    assert labelled(samples) == {("train", "cat"): 2, ("train", "dog"): 2}
    assert (
        f"'{test.split('/', maxsplit=1)[0]}' holds 20 images without a class" in samples.warnings[0]
    )
    assert "nunbit predict" in samples.warnings[0]


def test_parts_within_each_class(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        *(f"{c}/{p}/{n}.png" for c in ("cat", "dog") for p in ("train", "test") for n in "12"),
    )
    expected = {(part, c): 2 for part in ("train", "test") for c in ("cat", "dog")}
    assert labelled(load_samples(tmp_path)) == expected


VARIANTS = {
    "colours": (("color", "grayscale"), ("leaf", "root")),
    "folds": (("fold1", "fold2"), ("a", "b")),
    "magnifications": (("40X", "100X", "200X"), ("benign", "malignant")),
    "sites": (("bottle", "cable"), ("train", "test")),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_folders_that_hold_the_same_folders_are_never_classes(tmp_path: Path, name: str) -> None:
    tops, inner = VARIANTS[name]
    for top in tops:
        below = [f"{top}/{folder}" for folder in inner]
        if name == "sites":
            below = [f"{folder}/good" for folder in below]
        write_files(tmp_path, *(f"{folder}/{i}.png" for folder in below for i in range(3)))
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert all(f"'{top}'" in caught.value.what for top in tops)
    assert f"give '{tmp_path / sorted(tops)[0]}'" in caught.value.remedy
    assert "--parts" in caught.value.remedy


def test_the_user_may_say_that_they_are_parts_or_classes(tmp_path: Path) -> None:
    write_files(tmp_path, *classes("fold1"), *classes("fold2", first=5), *classes("fold3", first=9))
    samples = load_samples(tmp_path, parts="fold1=train,fold2=test")
    assert labelled(samples) == {(p, c): 2 for p in ("train", "test") for c in ("cat", "dog")}
    left_out = [r for p, r in zip(samples.paths, samples.reasons, strict=True) if "fold3" in p]
    assert all(reason.startswith("excluded by the choice of parts") for reason in left_out)
    assert load_samples(tmp_path, parts="none").classes == ("fold1", "fold2", "fold3")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ("fold1=trian", "did you mean 'train'?"),
        ("fold1", "FOLDER=train"),
        ("fold7=train", "no folder 'fold7'"),
        ("fold1=train,fold1=test", "two parts"),
    ],
)
def test_wrong_parts(tmp_path: Path, parts: str, says: str) -> None:
    write_files(tmp_path, *classes("fold1"), *classes("fold2"))
    with pytest.raises(ConfigError) as caught:
        load_samples(tmp_path, parts=parts)
    assert says in str(caught.value)


def test_variants_below_parts(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_files(tmp_path, *classes(f"{part}/color"), *classes(f"{part}/grey"))
    with pytest.raises(DataError, match="'color', 'grey' hold the same folders"):
        load_samples(tmp_path)


ROLES = {
    "yolo": (classes("images/train") + classes("images/val") + flat("labels"), "images"),
    "voc": ([*classes("JPEGImages"), "Annotations/0.xml"], "JPEGImages"),
    "masks": (classes("images") + flat("masks"), "images"),
    "namesakes": (flat("scans") + flat("masks"), "scans"),
}


@pytest.mark.parametrize("name", ROLES)
def test_images_beside_labels_are_no_classes(tmp_path: Path, name: str) -> None:
    paths, wanted = ROLES[name]
    write_files(tmp_path, *paths)
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert f"'{wanted}'" in caught.value.what
    if name != "namesakes":
        assert f"give '{tmp_path / wanted}'" in caught.value.remedy


def test_trimaps_under_annotations(tmp_path: Path) -> None:
    """The layout of the Oxford pets."""
    names = [f"{breed}_{number}" for breed in ("Abyssinian", "beagle") for number in range(1, 5)]
    write_files(
        tmp_path,
        *(f"images/{name}.jpg" for name in names),
        *(f"annotations/trimaps/{name}.png" for name in names),
        "annotations/list.txt",
    )
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert f"give '{tmp_path / 'images'}' with --label-from" in caught.value.remedy
    samples = load_samples(tmp_path / "images", label_from="{label}_{number}.jpg")
    assert samples.classes == ("Abyssinian", "beagle")


def test_pieces_of_one_set_name_the_table(tmp_path: Path) -> None:
    """The layout of HAM10000."""
    write_files(
        tmp_path,
        *(f"HAM10000_images_part_{p}/ISIC_{p}{i}.jpg" for p in (1, 2) for i in range(4)),
        "HAM10000_metadata.csv",
    )
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "pieces of one data set" in caught.value.what
    assert str(tmp_path / "HAM10000_metadata.csv") in caught.value.remedy


@pytest.mark.parametrize("odd", ["test", "val", "annotations", "cat_masks", "labels"])
def test_names_that_are_hardly_classes_are_a_warning(tmp_path: Path, odd: str) -> None:
    for number, folder in enumerate(("cat", "dog", odd)):
        write_files(tmp_path, *(f"{folder}/{number}{i}.png" for i in range(3)))
    (warning,) = load_samples(tmp_path).warnings
    assert f"the folder '{odd}' is taken for a class" in warning
    assert f'--exclude "{odd}/*"' in warning


def test_labelled_beside_unlabelled(tmp_path: Path) -> None:
    write_files(tmp_path, *classes("labeled"), *flat("unlabeled"))
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert f"give '{tmp_path / 'labeled'}'" in caught.value.remedy
    assert "nunbit predict" in caught.value.remedy


def test_unlabelled_beside_classes_is_a_warning(tmp_path: Path) -> None:
    write_files(tmp_path, *flat("cat"), *flat("dog"), *flat("unlabelled"))
    (warning,) = load_samples(tmp_path).warnings
    assert '--exclude "unlabelled/*"' in warning
    assert load_samples(tmp_path, exclude="unlabelled/*").classes == ("cat", "dog")


@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_a_table_beside_folders_that_are_not_its_classes(tmp_path: Path, ending: str) -> None:
    paths = [f"hospital_{place}/{place}{n}.jpg" for place in "AB" for n in range(4)]
    write_files(tmp_path, *paths)
    rows = [f"{p.split('/')[1][:-4]}{ending},{('nv', 'mel')[i % 2]}" for i, p in enumerate(paths)]
    (tmp_path / "meta.csv").write_text("image_id,dx\n" + "\n".join(rows), encoding="utf-8")
    with pytest.raises(DataError, match="gives 8 images other classes than the names") as caught:
        load_samples(tmp_path)
    assert f"give '{tmp_path / 'meta.csv'}'" in caught.value.remedy
    assert load_samples(tmp_path / "meta.csv").classes == ("mel", "nv")
    assert load_samples(tmp_path, parts="none").classes == ("hospital_A", "hospital_B")


def test_a_table_that_says_the_same_as_the_folders(tmp_path: Path) -> None:
    write_files(tmp_path, *(f"{c}/{c}{n}.jpg" for c in ("cat", "dog") for n in range(4)))
    rows = [f"{c}{n}.jpg,{c.title()},{n}" for c in ("cat", "dog") for n in range(4)]
    text = "file,label,age\n" + "\n".join(rows)
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    assert load_samples(tmp_path).classes == ("cat", "dog")


def test_the_table_of_a_competition_is_named(tmp_path: Path) -> None:
    write_files(tmp_path, *flat("train"), *flat("test"), "sample_submission.csv", "train.csv")
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert f"give '{tmp_path / 'train.csv'}'" in caught.value.remedy


def test_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    write_files(tmp_path, "cat-samples.zip", "dog-samples.zip")
    with pytest.raises(DataError, match="the folder holds archives") as caught:
        load_samples(tmp_path)
    assert "unpack each" in caught.value.remedy


@pytest.mark.parametrize(
    ("mask", "exclude"),
    [
        ("{}_mask.png", "*_mask.*"),
        ("{}_segmentation.png", "*_segmentation.*"),
        ("{}_mask_1.png", "*_mask_[0-9]*"),
        ("{}.mask.png", "*.mask.*"),
        ("mask_{}.png", "mask_*"),
    ],
)
def test_masks_beside_images(tmp_path: Path, mask: str, exclude: str) -> None:
    names = [f"{kind}/{kind} ({i})" for kind in ("benign", "malignant") for i in range(3)]
    masks = [f"{n.split('/')[0]}/{mask.format(n.split('/')[1])}" for n in names]
    write_files(tmp_path, *(f"{name}.png" for name in names), *masks)
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "6 of 12 files are masks or annotations" in caught.value.what
    assert f'--exclude "{exclude}"' in caught.value.remedy
    samples = load_samples(tmp_path, exclude=exclude)
    assert labelled(samples) == {("", "benign"): 3, ("", "malignant"): 3}
    assert Counter(samples.reasons) == {"": 6, f"excluded by the pattern '{exclude}'": 6}


def test_a_single_mask_is_a_warning(tmp_path: Path) -> None:
    write_files(tmp_path, *(f"{c}/{i}.png" for c in "ab" for i in range(15)), "a/0_mask.png")
    (warning,) = load_samples(tmp_path).warnings
    assert "1 of 31 files is a mask" in warning


def test_a_pattern_that_fits_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, *classes("photos"))
    with pytest.raises(ConfigError, match=r"no file fits the pattern '\*\.gif'"):
        load_samples(tmp_path / "photos", exclude="*.gif")


def test_whole_folders_are_left_out(tmp_path: Path) -> None:
    write_files(tmp_path, *flat("cat"), *flat("dog"), *flat("old"))
    assert load_samples(tmp_path, exclude="old/*").classes == ("cat", "dog")


@pytest.mark.parametrize(
    "names",
    [
        ("car", "plane", "train"),
        ("bullet_train", "test_tube", "car"),
        ("mask", "no_mask"),
        ("with_mask", "without_mask"),
        ("type1", "type2", "type3"),
        ("n01440764", "n01443537"),
        ("positive", "negative"),
        ("0", "1"),
        ("dogs", "images"),
        ("set", "unset"),
    ],
)
def test_classes_of_such_names_stay_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_files(tmp_path, *(f"{c}/{c}{i}.png" for c in names for i in range(3)))
    samples = load_samples(tmp_path)
    assert samples.classes == tuple(sorted(names))
    assert samples.warnings == ()


@pytest.mark.parametrize("inner", ["images", "young", "1"])
def test_one_shared_folder_below_classes_says_nothing(tmp_path: Path, inner: str) -> None:
    write_files(tmp_path, *(f"{c}/{inner}/{i}.png" for c in ("cat", "dog", "fox") for i in "12"))
    assert load_samples(tmp_path).classes == ("cat", "dog", "fox")


def test_one_part_with_classes_beside_other_folders(tmp_path: Path) -> None:
    write_files(tmp_path, *classes("train"), *flat("extra"))
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "'train' is named like the train part" in caught.value.what
    assert f"give '{tmp_path / 'train'}'" in caught.value.remedy
    samples = load_samples(tmp_path, parts="train=train")
    assert labelled(samples) == {("train", "cat"): 2, ("train", "dog"): 2}


def test_files_beside_a_part_alone_leave_it_a_part(tmp_path: Path) -> None:
    write_files(tmp_path, *classes("train"), "docs/read.txt", "labels.txt")
    assert load_samples(tmp_path).classes == ("cat", "dog")
