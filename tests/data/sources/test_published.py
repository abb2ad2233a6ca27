"""Published data sets in small: the same folders, names and bytes, with pictures of our own.

What the layouts say is from the pages of their makers; the arrays are written by scipy and NumPy.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from nunbit.data.sources import load_samples
from nunbit.errors import DataError
from nunbit.types import Samples
from tests.fixtures_data import write_idx


def picture(file: Path, number: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(file)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def rows(samples: Samples) -> dict[str, tuple[str, str]]:
    """Path to class and part, of the images that can be used."""
    return {
        path: (samples.label_name(row), samples.parts[row])
        for row, path in enumerate(samples.paths)
        if not samples.reasons[row]
    }


def note(samples: Samples, word: str) -> bool:
    return any(f"read as {word}" in each for each in samples.notes)


def test_tiny_imagenet(tmp_path: Path) -> None:
    root = tmp_path / "tiny-imagenet-200"
    words = {"n01443537": "goldfish, Carassius auratus", "n02123045": "tabby, tabby cat"}
    write(root / "wnids.txt", "".join(f"{number}\n" for number in words))
    write(root / "words.txt", "".join(f"{n}\t{text}\n" for n, text in words.items()))
    for number in words:
        for image in range(2):
            picture(root / f"train/{number}/images/{number}_{image}.JPEG")
        write(root / f"train/{number}/{number}_boxes.txt", f"{number}_0.JPEG\t0\t0\t1\t1\n")
    for image in range(len(words)):
        picture(root / f"val/images/val_{image}.JPEG")
        picture(root / f"test/images/test_{image}.JPEG")
    listed = [f"val_{image}.JPEG\t{number}\t0\t0\t1\t1\n" for image, number in enumerate(words)]
    write(root / "val/val_annotations.txt", "".join(listed))
    samples = load_samples(root)
    assert note(samples, "Tiny-ImageNet")
    assert samples.classes == ("goldfish", "tabby")
    found = rows(samples)
    assert found["train/n02123045/images/n02123045_1.JPEG"] == ("tabby", "train")
    assert found["val/images/val_0.JPEG"] == ("goldfish", "test")
    assert len(found) == 6
    assert sum("'test' of Tiny-ImageNet has none" in reason for reason in samples.reasons) == 2


def test_food101(tmp_path: Path) -> None:
    lists: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for name in ("apple_pie", "baklava"):
        for image in range(3):
            picture(tmp_path / f"images/{name}/{image}.jpg")
            part = "test" if image == 2 else "train"
            lists[part].setdefault(name, []).append(f"{name}/{image}")
    for part, content in lists.items():
        write(tmp_path / f"meta/{part}.json", json.dumps(content))
    picture(tmp_path / "images/baklava/extra.jpg")
    samples = load_samples(tmp_path)
    assert note(samples, "Food-101")
    assert rows(samples)["images/apple_pie/2.jpg"] == ("apple_pie", "test")
    assert samples.parts.count("train") == 4
    assert "in none of the published lists" in samples.reasons


def test_cub(tmp_path: Path) -> None:
    names = ["001.Black_footed_Albatross", "002.Laysan_Albatross"]
    lines: dict[str, list[str]] = {name: [] for name in ("images", "split", "labels")}
    for number in range(4):
        file = f"{names[number % 2]}/{number}.jpg"
        picture(tmp_path / "images" / file)
        lines["images"].append(f"{number + 1} {file}")
        lines["split"].append(f"{number + 1} {int(number < 2)}")
        lines["labels"].append(f"{number + 1} {number % 2 + 1}")
    write(tmp_path / "images.txt", "\n".join(lines["images"]))
    write(tmp_path / "train_test_split.txt", "\n".join(lines["split"]))
    write(tmp_path / "image_class_labels.txt", "\n".join(lines["labels"]))
    write(tmp_path / "classes.txt", "".join(f"{n} {name}\n" for n, name in enumerate(names, 1)))
    samples = load_samples(tmp_path)
    assert note(samples, "CUB")
    assert rows(samples)["images/002.Laysan_Albatross/3.jpg"] == ("Laysan_Albatross", "test")
    assert samples.parts.count("train") == 2
    write(tmp_path / "train_test_split.txt", "1 1\n")
    with pytest.raises(DataError, match="do not fit together"):
        load_samples(tmp_path)


@pytest.mark.parametrize("lists", [True, False])
def test_stanford_dogs(tmp_path: Path, lists: bool) -> None:
    names = ["n02085620-Chihuahua", "n02085782-Japanese_spaniel"]
    files = [f"{name}/{number}.jpg" for name in names for number in range(3)]
    for file in files:
        picture(tmp_path / "Images" / file)
    (tmp_path / "Annotation").mkdir()
    for part, some in (("train", files[::2]), ("test", files[1::2])) if lists else ():
        cells = np.empty((len(some), 1), object)
        cells[:, 0] = some
        savemat(tmp_path / f"{part}_list.mat", {"file_list": cells})
    samples = load_samples(tmp_path)
    assert note(samples, "Stanford Dogs")
    assert samples.classes == ("Chihuahua", "Japanese_spaniel")
    parts = ("train", "test") if lists else ("", "")
    assert rows(samples)[f"Images/{files[0]}"] == ("Chihuahua", parts[0])
    assert rows(samples)[f"Images/{files[1]}"] == ("Chihuahua", parts[1])


def test_oxford_pets(tmp_path: Path) -> None:
    stems = [f"{name}_{n}" for name in ("Abyssinian", "great_pyrenees") for n in (1, 2)]
    for stem in stems:
        picture(tmp_path / f"images/{stem}.jpg")
        picture(tmp_path / f"annotations/trimaps/{stem}.png")
    write(tmp_path / "annotations/trainval.txt", "".join(f"{s} 1 1 1\n" for s in stems[::2]))
    write(tmp_path / "annotations/test.txt", "".join(f"{s} 1 1 1\n" for s in stems[1::2]))
    samples = load_samples(tmp_path)
    assert note(samples, "Oxford Pets")
    assert rows(samples) == {
        "images/Abyssinian_1.jpg": ("Abyssinian", "train"),
        "images/Abyssinian_2.jpg": ("Abyssinian", "test"),
        "images/great_pyrenees_1.jpg": ("great pyrenees", "train"),
        "images/great_pyrenees_2.jpg": ("great pyrenees", "test"),
    }


def upright(number: int) -> np.ndarray:
    """A picture whose columns, not rows, are told apart."""
    image = np.zeros((28, 28), np.uint8)
    image[:, number] = 255
    return image


@pytest.mark.parametrize("mapping", [True, False])
def test_emnist_is_turned_upright_and_letters_begin_at_one(tmp_path: Path, mapping: bool) -> None:
    labels = np.array([1, 2, 26, 2], np.uint8)
    images = np.stack([upright(number) for number in labels])
    write_idx(tmp_path, {"train": (images.transpose(0, 2, 1), labels)}, gzipped=True)
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / f"emnist-letters-{file.name}")
    if mapping:
        lines = [f"{n} {ord('A') + n - 1} {ord('a') + n - 1}\n" for n in range(1, 27)]
        write(tmp_path / "emnist-letters-mapping.txt", "".join(lines))
    samples = load_samples(tmp_path)
    assert samples.classes == (("A/a", "B/b", "Z/z") if mapping else ("A", "B", "Z"))
    assert samples.images.read(0)[:, :, 0].tolist() == upright(1).tolist()
    assert samples.label_name(2)[0] == "Z"


def test_qmnist_has_the_digit_in_its_first_column(tmp_path: Path) -> None:
    images = np.stack([upright(number) for number in range(6)])
    table = np.zeros((6, 8), ">i4")
    table[:, 0], table[:, 1:] = [7, 0, 7, 0, 9, 9], 3
    header = bytes((0, 0, 8, 3)) + np.array(images.shape, ">u4").tobytes()
    (tmp_path / "qmnist-train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    content = bytes((0, 0, 12, 2)) + np.array(table.shape, ">u4").tobytes() + table.tobytes()
    (tmp_path / "qmnist-train-labels-idx2-int.gz").write_bytes(gzip.compress(content))
    samples = load_samples(tmp_path)
    assert note(samples, "QMNIST")
    assert samples.classes == ("0", "7", "9")
    assert [samples.label_name(row) for row in range(6)] == ["7", "0", "7", "0", "9", "9"]


def test_kmnist(tmp_path: Path) -> None:
    for part in ("train", "test"):
        images = np.stack([upright(number) for number in (0, 1, 2)])
        np.savez_compressed(tmp_path / f"kmnist-{part}-imgs.npz", images)
        np.savez_compressed(tmp_path / f"kmnist-{part}-labels.npz", np.array([0, 1, 2], np.uint8))
    assert load_samples(tmp_path).classes == ("0", "1", "2")
    write(tmp_path / "kmnist_classmap.csv", "index,codepoint,char\n0,U+304A,お\n1,a,き\n2,b,す\n")
    samples = load_samples(tmp_path)
    assert samples.classes == ("お", "き", "す")
    assert rows(samples)["test/00001"] == ("き", "test")


def test_svhn_ten_is_the_digit_zero(tmp_path: Path) -> None:
    labels = np.array([[10], [1], [9], [10]], np.uint8)
    images = np.zeros((32, 32, 3, 4), np.uint8)
    images[5, 7, 2, :] = [10, 20, 30, 40]
    for part in ("train", "test"):
        savemat(tmp_path / f"{part}_32x32.mat", {"X": images, "y": labels})
    samples = load_samples(tmp_path)
    assert note(samples, "SVHN")
    assert samples.classes == ("0", "1", "9")
    assert [samples.label_name(row) for row in range(4)] == ["0", "1", "9", "0"]
    assert samples.images.read(2)[5, 7].tolist() == [0, 0, 30]
    assert len(load_samples(tmp_path / "test_32x32.mat")) == 4
    savemat(tmp_path / "train_32x32.mat", {"X": images})
    with pytest.raises(DataError, match="does not hold X"):
        load_samples(tmp_path)
    (tmp_path / "train_32x32.mat").write_bytes(b"no such file")
    with pytest.raises(DataError, match="cannot be read"):
        load_samples(tmp_path)


def test_stl10_is_stored_by_columns(tmp_path: Path) -> None:
    images = np.zeros((3, 96, 96, 3), np.uint8)
    images[:, 10, 20] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    for part in ("train", "test"):
        # As the makers describe it: planes of red, green and blue, each column by column.
        images.transpose(0, 3, 2, 1).tofile(tmp_path / f"{part}_X.bin")
        np.array([1, 10, 1], np.uint8).tofile(tmp_path / f"{part}_y.bin")
    samples = load_samples(tmp_path)
    assert note(samples, "STL-10")
    assert samples.classes == ("airplane", "truck")
    assert samples.images.read(1)[10, 20].tolist() == [4, 5, 6]
    assert not samples.images.read(1)[20, 10].any()
    (tmp_path / "test_X.bin").write_bytes(b"x")
    with pytest.raises(DataError, match="are not 3 images"):
        load_samples(tmp_path)


def test_cifar10_1(tmp_path: Path) -> None:
    images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    np.save(tmp_path / "cifar10.1_v6_data.npy", images)
    np.save(tmp_path / "cifar10.1_v6_labels.npy", np.array([0, 3, 9, 3], np.int32))
    for data in (tmp_path, tmp_path / "cifar10.1_v6_data.npy"):
        samples = load_samples(data)
        assert samples.classes == ("airplane", "cat", "truck")
        assert int(samples.images.read(2)[0, 0, 0]) == 2


def test_medmnist_has_its_names(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = random.integers(0, 256, (4, 28, 28), np.uint8)
        arrays[f"{part}_labels"] = np.array([[0], [1], [0], [1]], np.uint8)
    np.savez(tmp_path / "pneumoniamnist_64.npz", **arrays)
    samples = load_samples(tmp_path / "pneumoniamnist_64.npz")
    assert samples.classes == ("normal", "pneumonia")
    assert samples.parts.count("validation") == 4
    np.savez(tmp_path / "mine.npz", **arrays)
    assert load_samples(tmp_path / "mine.npz").classes == ("0", "1")
    arrays["train_labels"] = np.zeros((4, 14), np.uint8)
    np.savez(tmp_path / "chestmnist.npz", **arrays)
    with pytest.raises(DataError, match="one label for each image"):
        load_samples(tmp_path / "chestmnist.npz")


def test_the_user_decides_on_parts(tmp_path: Path) -> None:
    """What `--parts` says comes before what a layout means."""
    test_food101(tmp_path)
    samples = load_samples(tmp_path, parts="images=train")
    assert not note(samples, "Food-101")
    assert set(samples.classes) == {"apple_pie", "baklava"}
