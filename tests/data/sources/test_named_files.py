from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from nunbit.data.sources import load_samples
from nunbit.data.sources.patterns.name_pattern import compile_pattern, suggest_pattern
from nunbit.errors import ConfigError, DataError
from tests.fixtures_data import write_files


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{label}.{number}.jpg", "dog.113.jpg", ("dog", "")),
        ("{label}.{number}.jpg", "deep/er/dog.113.JPG", ("dog", "")),
        ("{label}.{number}.jpg", "dog.x.jpg", None),
        ("{label}.{number}.jpg", "dog.113.jpg.txt", None),
        ("{label}_{number}.{any}", "big_cat_12.jpeg", ("big_cat", "")),
        ("{label}{number}.png", "cat12.png", ("cat", "")),
        ("{label}_{group}_{any}.png", "cat_p7_003.png", ("cat", "p7")),
        ("{label}_{group}_{...}.png", "cat_p7_.png", ("cat", "p7")),
        ("{group}/{label}-{any}.png", "p7/cat-1.png", ("cat", "p7")),
        ("{group}/{label}-{any}.png", "x/p7/cat-1.png", None),
        ("{any}[{label}].png", "1[cat].png", ("cat", "")),
        ("{{{label}}}.png", "{cat}.png", ("cat", "")),
        ("{any}_{any}_{label}.png", "1_2_cat.png", ("cat", "")),
        ("{label}.{number}.jpg", " .1.jpg", None),
        ("{label}.{number}.jpg", "été.1.jpg", ("été", "")),
    ],
)
def test_patterns(pattern: str, path: str, expected: tuple[str, str] | None) -> None:
    assert compile_pattern(pattern).match(path) == expected


@pytest.mark.parametrize(
    ("pattern", "message", "remedy"),
    [
        ("{number}.jpg", "has no {label}", "{label}"),
        ("{lable}.jpg", "unknown field: {lable}", "did you mean {label}?"),
        ("{}.jpg", "unknown field: {}", "{label}"),
        ("{label:d}.jpg", "unknown field", "label"),
        ("{label}.{label}", "{label} twice", ""),
        ("{label}{any}.jpg", "where {label} ends and {any} begins", ""),
        ("{label.jpg", "is not closed", ""),
        ("label}.jpg", "is not closed", ""),
    ],
)
def test_wrong_patterns(pattern: str, message: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_pattern(pattern)
    assert message in str(caught.value)
    assert remedy in caught.value.remedy


PART = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs")), min_size=1)


@given(label=PART, number=st.integers(0, 10**9), folder=PART)
def test_a_name_made_by_the_pattern_is_read_back(label: str, number: int, folder: str) -> None:
    assume("/" not in label and "/" not in folder and label.strip())
    pattern = compile_pattern("{label}.{number}.jpg")
    assert pattern.match(f"{folder}/{label}.{number}.jpg") == (label, "")


def test_rows(tmp_path: Path) -> None:
    write_files(tmp_path, "dog.1.jpg", "more/cat.2.jpg", "read.me", ".hidden.1.jpg")
    samples = load_samples(tmp_path, label_from="{label}.{number}.jpg")
    assert samples.paths == ("dog.1.jpg", "more/cat.2.jpg", "read.me")
    assert samples.classes == ("cat", "dog")
    assert samples.labels.tolist() == [1, 0, -1]
    assert samples.reasons == ("", "", "name does not fit the pattern '{label}.{number}.jpg'")
    assert "1 hidden file or folder ignored" in samples.notes[0]


def test_pattern_comes_before_class_folders(tmp_path: Path) -> None:
    write_files(tmp_path, "x/dog.1.jpg", "y/cat.2.jpg")
    samples = load_samples(tmp_path, label_from="{label}.{number}.jpg")
    assert samples.classes == ("cat", "dog")


def test_part_folders_are_kept(tmp_path: Path) -> None:
    names = [f"{name}.{number}.jpg" for name in ("cat", "dog") for number in range(2)]
    write_files(tmp_path, *(f"{part}/{name}" for part in ("train", "test") for name in names))
    samples = load_samples(tmp_path, label_from="{label}.{number}.jpg")
    assert samples.parts == ("test",) * 4 + ("train",) * 4
    assert "'test', 'train' are taken as the parts" in samples.notes[-1]


def test_groups_in_names(tmp_path: Path) -> None:
    write_files(tmp_path, "cat_p1_1.png", "dog_p2_1.png", "dog_p2_2.png")
    samples = load_samples(tmp_path, label_from="{label}_{group}_{number}.png")
    assert samples.groups == ("p1", "p2", "p2")


def test_groups_given_twice(tmp_path: Path) -> None:
    write_files(tmp_path, "cat_p1.png", "dog_p2.png")
    with pytest.raises(ConfigError, match="groups are given twice"):
        load_samples(tmp_path, label_from="{label}_{group}.png", group_from="(p.)")


def test_no_file_fits(tmp_path: Path) -> None:
    write_files(tmp_path, *(f"{name}_{n}.png" for name in ("cat", "dog") for n in range(2)))
    with pytest.raises(DataError, match="no file fits the pattern") as caught:
        load_samples(tmp_path, label_from="{label}.{number}.jpg")
    assert "'{label}_{number}.png' would read 'cat' from 'cat_0.png'" in caught.value.remedy


def test_one_class(tmp_path: Path) -> None:
    write_files(tmp_path, "cat.1.jpg", "cat.2.jpg")
    with pytest.raises(DataError, match="only one class") as caught:
        load_samples(tmp_path, label_from="{label}.{number}.jpg")
    assert "reads the same class from every name" in caught.value.remedy


def test_pattern_for_something_else(tmp_path: Path) -> None:
    write_files(tmp_path, "t.csv")
    with pytest.raises(ConfigError, match="the data are not a folder"):
        load_samples(tmp_path / "t.csv", label_from="{label}.jpg")
    with pytest.raises(ConfigError, match="has no file names"):
        load_samples("digits", label_from="{label}.jpg")


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files"):
        load_samples(tmp_path, label_from="{label}.jpg")


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["cat.1.jpg", "dog.2.jpg"], "{label}.{number}.jpg"),
        (["cat_1.JPG", "dog_2.JPG", "cat_3.JPG"], "{label}_{number}.jpg"),
        (["1-cat.png", "2-dog.png"], "{number}-{label}.png"),
        (["cat1.png", "dog2.bmp"], "{label}{number}.{any}"),
        (["a-xs.gif", "a-xt.gif", "b-xs.gif", "b-xt.gif"], "{label}-{any}.gif"),
    ],
)
def test_suggestions_fit(names: list[str], pattern: str) -> None:
    suggested, name, label = suggest_pattern(names)
    wanted = {compile_pattern(pattern).match(each) for each in names}
    assert {compile_pattern(suggested).match(each) for each in names} == wanted
    assert name in names
    assert name.startswith(label) or label in name


@pytest.mark.parametrize("names", [[], ["1.jpg", "2.jpg"], ["IMG_1.jpg", "IMG_2.jpg"], ["noise"]])
def test_no_suggestion_where_nothing_fits(names: list[str]) -> None:
    assert suggest_pattern(names)[1:] == ("", "")
