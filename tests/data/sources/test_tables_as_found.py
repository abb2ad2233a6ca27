"""Tables as people have them, written by the csv module, json, pandas and pyarrow."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from nunbit.data.sources import load_samples
from nunbit.errors import ConfigError, DataError
from nunbit.types import Samples

N = 12
KINDS = ("cat", "dog", "fox")


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), number, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def stem(number: int) -> str:
    return f"im{number:03d}"


def kind(number: int) -> str:
    return KINDS[number % 3]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Twelve images in `train/`, of three kinds in turn."""
    (tmp_path / "train").mkdir()
    for number in range(N):
        (tmp_path / "train" / f"{stem(number)}.png").write_bytes(png(number))
    return tmp_path


def write(file: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        if header:
            writer.writerow(header)
        writer.writerows(rows)
    return file


def check(samples: Samples) -> None:
    """All images are found, each with its kind."""
    assert samples.classes == KINDS
    assert set(samples.reasons) == {""}
    read = [samples.images.read(row) for row in range(N)]
    assert sorted(read) == sorted(png(n) for n in range(N))
    numbers = {png(n): n for n in range(N)}
    assert [samples.label_name(row) for row in range(N)] == [
        kind(numbers[bytes(data)]) for data in read
    ]


PATHS = {
    "with ending": "{}.png",
    "without ending": "{}",
    "with folder": "train/{}",
    "of another system": "C:\\Users\\me\\train\\{}.png",
    "absolute, elsewhere": "/home/someone/{}.png",
    "uploaded": "/data/upload/1/{}.png",
}


@pytest.mark.parametrize("form", PATHS)
@pytest.mark.parametrize("header", [("id", "breed"), ("image", "choice"), ("img_path", "category")])
def test_paths_are_found_by_what_they_name(place: Path, form: str, header: tuple[str, str]) -> None:
    rows = [(PATHS[form].format(stem(n)), kind(n)) for n in range(N)]
    check(load_samples(write(place / "labels.csv", header, rows)))


def test_a_name_that_several_files_have(place: Path) -> None:
    (place / "other").mkdir()
    (place / "other" / f"{stem(0)}.png").write_bytes(png(200))
    rows = [(f"{stem(n)}.png", kind(n)) for n in range(N)]
    samples = load_samples(write(place / "labels.csv", ("path", "label"), rows))
    assert Counter(samples.reasons) == {"": N - 1, "file is missing: 2 files have this name": 1}


def test_columns_by_option(place: Path) -> None:
    rows = [(n, f"{stem(n)}.png", "x", kind(n)) for n in range(N)]
    table = write(place / "t.csv", ("path", "Picture", "label", "What"), rows)
    check(load_samples(table, path_column="picture", label_column="what"))
    with pytest.raises(ConfigError, match="no column 'pictures' for --path-column") as caught:
        load_samples(table, path_column="pictures")
    assert "did you mean 'Picture'?" in caught.value.remedy


def test_a_root_of_the_images(place: Path) -> None:
    (place / "tables").mkdir()
    rows = [(f"train/{stem(n)}.png", kind(n)) for n in range(N)]
    table = write(place / "tables" / "t.csv", ("path", "label"), rows)
    with pytest.raises(DataError) as caught:
        load_samples(table)
    assert "--image-root" in caught.value.remedy
    samples = load_samples(table, image_root=place)
    check(samples)
    assert samples.paths[0] == "train/im000.png"


@pytest.mark.parametrize("header", [True, False])
def test_no_header(place: Path, header: bool) -> None:
    rows = [(f"train/{stem(n)}.png", kind(n)) for n in range(N)]
    table = write(place / "t.csv", (), rows)
    if not header:
        check(load_samples(table, header=False))
        check(load_samples(table, header=False, path_column="1", label_column="2"))
        return
    with pytest.raises(DataError, match="first line looks like data") as caught:
        load_samples(table)
    assert "--no-header" in caught.value.remedy


def test_a_list_of_paths_and_labels(place: Path) -> None:
    lines = [f"train/{stem(n)}.png {kind(n)}\n" for n in range(N)]
    (place / "list.txt").write_text("".join(lines), encoding="utf-8")
    check(load_samples(place / "list.txt"))


def test_a_comment_before_the_header(place: Path) -> None:
    lines = [f"train/{stem(n)}.png,{kind(n)}\n" for n in range(N)]
    (place / "t.csv").write_text("# mine\npath,label\n" + "".join(lines), encoding="utf-8")
    check(load_samples(place / "t.csv"))


@pytest.mark.parametrize("sex", [False, True])
def test_one_column_for_each_class(place: Path, sex: bool) -> None:
    rows = [(f"{stem(n)}.png", *(int(kind(n) == k) for k in KINDS)) for n in range(N)]
    check(load_samples(write(place / "t.csv", ("path", *KINDS), rows)))
    several = [(f"{stem(n)}.png", 1, int(n < 4), int(sex)) for n in range(N)]
    with pytest.raises(DataError, match="nunbit gives each image one class"):
        load_samples(write(place / "u.csv", ("path", *KINDS), several))


@pytest.mark.parametrize("separator", ["|", ";", ",", ", "])
def test_several_labels_in_one_cell(place: Path, separator: str) -> None:
    labels = ("Effusion", "Mass", f"Effusion{separator}Mass")
    rows = [(f"{stem(n)}.png", labels[n % 3]) for n in range(N)]
    table = write(place / "t.csv", ("path", "label"), rows)
    with pytest.raises(DataError, match="4 of 12 rows have several labels in one cell") as caught:
        load_samples(table)
    assert "nunbit gives each image one class" in caught.value.what


def test_a_second_word_that_recurs_is_a_second_label(place: Path) -> None:
    rows = [(f"{stem(n)}.png", kind(n) + " indoor" * (n % 2)) for n in range(N)]
    with pytest.raises(DataError, match="several labels in one cell"):
        load_samples(write(place / "t.csv", ("path", "label"), rows))


@pytest.mark.parametrize(
    "labels", [("dog", "hot dog", "corn dog"), ("a, b", "c", "d"), ("1/2", "1", "2")]
)
def test_names_of_several_words_are_names(place: Path, labels: tuple[str, ...]) -> None:
    rows = [(f"{stem(n)}.png", labels[n % 3]) for n in range(N)]
    samples = load_samples(write(place / "t.csv", ("path", "label"), rows))
    assert set(samples.classes) == set(labels)


def test_minus_one_is_no_label(place: Path) -> None:
    rows = [(f"{stem(n)}.png", (0, 1, -1)[n % 3]) for n in range(N)]
    samples = load_samples(write(place / "t.csv", ("path", "label"), rows))
    assert samples.classes == ("0", "1")
    assert Counter(samples.reasons) == {"": 8, "no label in the table": 4}
    assert "label −1 is read as no label: 4 rows of 12" in samples.notes
    rows = [(f"{stem(n)}.png", (1, -1)[n % 2]) for n in range(N)]
    assert load_samples(write(place / "u.csv", ("path", "label"), rows)).classes == ("-1", "1")


def test_a_raised_digit_is_a_name_and_not_a_number(place: Path) -> None:
    """Python calls it a digit, and yet makes no number of it."""
    rows = [(f"{stem(n)}.png", ("0", "²", "-1")[n % 3]) for n in range(N)]
    table = write(place / "t.csv", ("path", "label"), rows)
    assert set(load_samples(table).classes) == {"0", "²", "-1"}
    assert not any("no label" in note for note in load_samples(table).notes)


GROUPS = ("patient_id", "Subject", "slide", "animal", "lesion_id", "case_no", "StudyInstanceUID")


@pytest.mark.parametrize("column", GROUPS)
def test_columns_that_tell_what_belongs_together(place: Path, column: str) -> None:
    rows = [(f"{stem(n)}.png", kind(n), f"p{n // 3}") for n in range(N)]
    table = write(place / "t.csv", ("path", "label", column), rows)
    (warning,) = load_samples(table).warnings
    assert f"--group-from '{column}'" in warning
    assert load_samples(table, group_from=column).warnings == ()


def test_a_column_of_folds(place: Path) -> None:
    rows = [(f"{stem(n)}.png", kind(n), n % 4) for n in range(N)]
    (warning,) = load_samples(write(place / "t.csv", ("path", "label", "fold"), rows)).warnings
    assert "--group-from 'fold'" in warning


@pytest.mark.parametrize("column", ["dataset", "subset", "phase", "usage", "which", "fold"])
def test_columns_of_part_words_are_parts(place: Path, column: str) -> None:
    rows = [(f"{stem(n)}.png", kind(n), "Test" if n < 3 else "train") for n in range(N)]
    samples = load_samples(write(place / "t.csv", ("path", "label", column), rows))
    assert Counter(samples.parts) == {"train": 9, "test": 3}
    assert f"column '{column}' says the parts" in samples.notes


@pytest.mark.parametrize(
    ("column", "yes", "no"),
    [("is_valid", "validation", "train"), ("is_test", "test", "train"), ("train", "train", "test")],
)
def test_columns_that_say_yes_or_no_of_a_part(place: Path, column: str, yes: str, no: str) -> None:
    rows = [(f"{stem(n)}.png", kind(n), n < 3) for n in range(N)]
    rows[-1] = (rows[-1][0], rows[-1][1], False)
    samples = load_samples(write(place / "t.csv", ("path", "label", column), rows))
    assert Counter(samples.parts) == {yes: 3, no: 9}


def test_an_unknown_word_for_a_part_is_a_warning(place: Path) -> None:
    rows = [(f"{stem(n)}.png", kind(n), "ab"[n % 2]) for n in range(N)]
    (warning,) = load_samples(write(place / "t.csv", ("path", "label", "subset"), rows)).warnings
    assert "'subset' may say the parts" in warning


@pytest.mark.parametrize(
    "box", [("xmin", "ymin", "xmax", "ymax"), ("x", "y", "width", "height"), ("bbox",)]
)
def test_boxes(place: Path, box: tuple[str, ...]) -> None:
    rows = [(f"{stem(n // 2)}.png", kind(n // 2), *(n for _ in box)) for n in range(N)]
    (warning,) = load_samples(write(place / "t.csv", ("path", "label", *box), rows)).warnings
    assert "nunbit sees the whole image" in warning
    rows = [(f"{stem(n // 2)}.png", kind(n), *(n for _ in box)) for n in range(N)]
    with pytest.raises(DataError) as caught:
        load_samples(write(place / "t.csv", ("path", "label", *box), rows))
    assert "nunbit gives each image one class" in caught.value.remedy


def test_json_lines(place: Path) -> None:
    lines = [
        json.dumps({"file_name": f"train/{stem(n)}.png", "label": kind(n), "extra": {"a": 1}})
        for n in range(N)
    ]
    (place / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    check(load_samples(place / "labels.jsonl"))


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_folder_with_metadata(place: Path, name: str) -> None:
    rows = [(f"{stem(n)}.png", kind(n)) for n in range(N)]
    if name.endswith("csv"):
        write(place / "train" / name, ("file_name", "label"), rows)
    else:
        text = "".join(json.dumps({"file_name": f, "label": k}) + "\n" for f, k in rows)
        (place / "train" / name).write_text(text, encoding="utf-8")
    check(load_samples(place / "train"))
    samples = load_samples(place)
    check(samples)
    assert set(samples.parts) == {""}
    (place / "test").mkdir()
    (place / "test" / "new.png").write_bytes(png(99))
    write(place / "test" / "metadata.csv", ("file_name", "label"), [("new.png", "cat")])
    samples = load_samples(place)
    assert Counter(samples.parts) == {"train": N, "test": 1}


def test_metadata_without_labels_leaves_class_folders(tmp_path: Path) -> None:
    for n in range(N):
        (tmp_path / kind(n)).mkdir(exist_ok=True)
        (tmp_path / kind(n) / f"{n}.png").write_bytes(png(n))
    write(tmp_path / "metadata.csv", ("file_name", "age"), [(f"cat/{n}.png", n) for n in (0, 3)])
    samples = load_samples(tmp_path)
    assert samples.classes == KINDS


def image_table(numbers: Sequence[int], *, names: bool, embedded: bool = True) -> pa.Table:
    """A table as the library `datasets` writes it: a struct of bytes and path, ClassLabel."""
    image = pa.array(
        [
            {"bytes": png(n) if embedded else None, "path": f"{stem(n)}.png" if names else None}
            for n in numbers
        ],
        pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    )
    table = pa.table({"image": image, "label": pa.array([n % 3 for n in numbers], pa.int64())})
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(KINDS), "_type": "ClassLabel"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return table.replace_schema_metadata(metadata)


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("row_group", [1, 5, 100])
def test_parquet_with_the_images_in_it(tmp_path: Path, names: bool, row_group: int) -> None:
    file = tmp_path / "hub.parquet"
    pq.write_table(image_table(range(N), names=names), file, row_group_size=row_group)
    samples = load_samples(file)
    check(samples)
    again = pickle.loads(pickle.dumps(samples.images.take([3, 1])))
    assert [again.read(0), again.read(1)] == [samples.images.read(3), samples.images.read(1)]


def test_parquet_that_names_its_images(place: Path) -> None:
    pq.write_table(image_table(range(N), names=True, embedded=False), place / "train" / "t.parquet")
    check(load_samples(place / "train" / "t.parquet"))


def test_an_image_beside_the_parquet_file_is_a_file_of_its_own(place: Path) -> None:
    """Its change does not show in the Parquet file, so nothing of it may be remembered by that."""
    file = place / "train" / "t.parquet"
    pq.write_table(image_table(range(N), names=True, embedded=False), file)
    assert {load_samples(file).images.file(row) for row in range(N)} == {None}
    pq.write_table(image_table(range(N), names=True), file)
    assert {load_samples(file).images.file(row) for row in range(N)} == {file}
    mixed = pa.concat_tables(
        [
            image_table(range(N - 1), names=True),
            image_table([N - 1], names=True, embedded=False),
        ]
    )
    pq.write_table(mixed, file, row_group_size=5)
    samples = load_samples(file)
    check(samples)
    assert samples.images.file(0) is None


def test_parquet_written_by_pandas(tmp_path: Path) -> None:
    images = [{"bytes": png(n), "path": f"{stem(n)}.png"} for n in range(N)]
    frame = pd.DataFrame({"image": images, "label": [kind(n) for n in range(N)]})
    frame.to_parquet(tmp_path / "t.parquet")
    check(load_samples(tmp_path / "t.parquet"))


@pytest.mark.parametrize("inner", ["", "data"])
def test_parquet_shards_are_parts(tmp_path: Path, inner: str) -> None:
    folder = tmp_path / inner
    folder.mkdir(exist_ok=True)
    (tmp_path / "README.md").write_text("a data set", encoding="utf-8")
    shards = {
        "train-00000-of-00002": range(4),
        "train-00001-of-00002": range(4, 8),
        "test-00000-of-00001": range(8, N),
    }
    for name, numbers in shards.items():
        pq.write_table(image_table(numbers, names=False), folder / f"{name}.parquet")
    samples = load_samples(tmp_path)
    check(samples)
    assert Counter(samples.parts) == {"train": 8, "test": 4}


def test_shards_that_the_library_datasets_has_written() -> None:
    """The grey level of each picture is ten times its number, which tells its class."""
    samples = load_samples(Path(__file__).parent / "exported" / "datasets")
    assert samples.classes == KINDS
    assert samples.parts.count("train") == 6
    assert samples.parts.count("test") == 3
    for row in range(9):
        with Image.open(io.BytesIO(samples.images.read(row))) as image:
            number = image.getpixel((0, 0)) // 10  # type: ignore[operator]
        assert samples.label_name(row) == kind(number)


def test_parquet_among_other_tables_is_not_guessed(place: Path) -> None:
    pq.write_table(image_table(range(N), names=True), place / "t.parquet")
    write(place / "labels.csv", ("path", "label"), [(f"{stem(n)}.png", kind(n)) for n in range(N)])
    with pytest.raises(DataError) as caught:
        load_samples(place)
    assert str(place / "labels.csv") in caught.value.remedy


def test_class_names_of_a_schema(place: Path) -> None:
    label = [n % 3 if n else -1 for n in range(N)]
    meta = {"names": list(KINDS), "_type": "ClassLabel"}
    schema = {"huggingface": json.dumps({"info": {"features": {"label": meta}}})}
    table = pa.table({"path": [f"{stem(n)}.png" for n in range(N)], "label": label})
    pq.write_table(table.replace_schema_metadata(schema), place / "t.parquet")
    samples = load_samples(place / "t.parquet")
    assert samples.classes == KINDS
    assert Counter(samples.reasons) == {"": N - 1, "no label in the table": 1}


def test_lesions_in_pieces_with_their_table(tmp_path: Path) -> None:
    """The layout of HAM10000: the table names images in several folders, without an ending."""
    for n in range(N):
        folder = tmp_path / f"HAM10000_images_part_{n % 2 + 1}"
        folder.mkdir(exist_ok=True)
        (folder / f"{stem(n)}.jpg").write_bytes(png(n))
    rows = [(f"L{n // 2}", stem(n), kind(n)) for n in range(N)]
    table = write(tmp_path / "HAM10000_metadata.csv", ("lesion_id", "image_id", "dx"), rows)
    samples = load_samples(table)
    check(samples)
    assert "--group-from 'lesion_id'" in samples.warnings[0]
