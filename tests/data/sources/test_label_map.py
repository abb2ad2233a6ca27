from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from nunbit.data.sources import load_samples
from nunbit.data.sources.label_map import apply_label_map, read_label_map
from nunbit.errors import ConfigError, DataError
from nunbit.types import Samples
from tests.fixtures_data import write_files


def load(folder: Path, text: str, name: str = "map.json", paths: tuple[str, ...] = ()) -> Samples:
    data = write_files(folder / "data", *(paths or ("cane/1.jpg", "gatto/1.jpg", "ragno/1.jpg")))
    (folder / name).write_text(text, encoding="utf-8")
    return load_samples(data, label_map=folder / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.json", '{"cane": "dog", "gatto": "cat", "ragno": "spider"}'),
        ("map.json", '\ufeff{"cane ": " dog", "gatto": "cat", "ragno": "spider"}'),
        ("map.csv", "cane,dog\ngatto,cat\nragno,spider\n"),
        ("map.csv", "old,new\ncane,dog\ngatto,cat\nragno,spider\n"),
        ("map.csv", "Old name;New name\ncane;dog\ngatto;cat\nragno;spider\n"),
        ("map.tsv", "from\tto\ncane\tdog\ngatto\tcat\nragno\tspider\n"),
    ],
)
def test_renames_without_touching_the_files(tmp_path: Path, name: str, text: str) -> None:
    samples = load(tmp_path, text, name)
    assert samples.classes == ("cat", "dog", "spider")
    assert samples.paths == ("cane/1.jpg", "gatto/1.jpg", "ragno/1.jpg")
    assert samples.labels.tolist() == [1, 0, 2]
    assert samples.notes == ()


def test_classes_not_named_keep_their_name(tmp_path: Path) -> None:
    samples = load(tmp_path, '{"cane": "dog"}')
    assert samples.classes == ("dog", "gatto", "ragno")
    assert samples.notes == ("the label map does not name 'gatto', 'ragno': kept as it is",)


def test_merging_is_told(tmp_path: Path) -> None:
    samples = load(tmp_path, '{"cane": "mammal", "gatto": "mammal", "ragno": "other"}')
    assert samples.classes == ("mammal", "other")
    assert samples.notes == ("the label map makes one class 'mammal' of 'cane', 'gatto'",)


def test_merging_into_an_existing_class(tmp_path: Path) -> None:
    samples = load(tmp_path, '{"cane": "gatto"}')
    assert samples.classes == ("gatto", "ragno")
    assert "the label map makes one class 'gatto' of 'cane', 'gatto'" in samples.notes


def test_names_can_be_swapped(tmp_path: Path) -> None:
    samples = load(tmp_path, '{"cane": "gatto", "gatto": "cane"}')
    assert [samples.label_name(row) for row in range(3)] == ["gatto", "cane", "ragno"]


def test_case_twins_are_resolved(tmp_path: Path) -> None:
    paths = ("Cat/1.jpg", "cat/2.jpg", "dog/1.jpg")
    samples = load(tmp_path, '{"Cat": "cat"}', paths=paths)
    if len(samples) < 3:
        pytest.skip("this file system does not tell case apart")
    assert samples.classes == ("cat", "dog")


def test_new_names_that_differ_in_case(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="differ only in upper and lower case"):
        load(tmp_path, '{"cane": "Dog", "gatto": "dog"}')


def test_empty_class_folders_may_be_named(tmp_path: Path) -> None:
    paths = ("cane/1.jpg", "gatto/1.jpg", "farfalla/")
    samples = load(tmp_path, '{"cane": "dog", "farfalla": "butterfly"}', paths=paths)
    assert samples.classes == ("dog", "gatto")
    assert "no image of class 'butterfly': not used as a class" in samples.notes


def test_everything_into_one_class(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only one class, 'x'"):
        load(tmp_path, '{"cane": "x", "gatto": "x", "ragno": "x"}')


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("map.json", '{"cano": "dog"}', "names a class that is not there: 'cano'"),
        ("map.json", '{"cane": "dog", "cane": "cat"}', "'cane' two new names: 'dog' and 'cat'"),
        ("map.json", '{"cane": ""}', "empty name"),
        ("map.json", '{"cane": null}', "not an object of names"),
        ("map.json", '{"cane": {"a": "b"}}', "not an object of names"),
        ("map.json", '{"cane": ["a"]}', "not an object of names"),
        ("map.json", '["cane"]', "not an object of names"),
        ("map.json", '"cane"', "not an object of names"),
        ("map.json", "{cane: dog}", "is not JSON"),
        ("map.json", "{}", "empty"),
        ("map.csv", "", "empty"),
        ("map.csv", "cane,dog,x\n", "line 1 of the label map has 3 columns"),
        ("map.csv", "cane\n", "line 1 of the label map has 1 columns"),
        ("map.csv", "odl,new\ncane,dog\n", "names a class that is not there: 'odl'"),
    ],
)
def test_wrong_maps(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, name)
    assert message in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '{"cano": "dog"}')
    assert caught.value.remedy == "did you mean 'cane'?"


def test_missing_map(tmp_path: Path) -> None:
    data = write_files(tmp_path, "a/1.jpg", "b/1.jpg")
    with pytest.raises(ConfigError, match="no such label map"):
        load_samples(data, label_map=tmp_path / "none.json")


def test_numbers_as_new_names(tmp_path: Path) -> None:
    assert load(tmp_path, '{"cane": 1, "gatto": 2, "ragno": 10}').classes == ("1", "2", "10")


@given(names=st.sets(st.text("abcXYZ ", min_size=1).filter(str.strip), min_size=1))
def test_the_identity_changes_nothing(names: set[str]) -> None:
    cleaned = sorted({name.strip() for name in names})
    renamed, notes = apply_label_map(cleaned, {n: n for n in cleaned}, path=Path("m.json"))
    assert renamed == cleaned
    assert notes == []


def test_header_that_is_a_class_is_still_a_header(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("old,new\na,b\n")
    assert read_label_map(tmp_path / "map.csv") == {"a": "b"}


def test_words_of_imagenets_numbers(tmp_path: Path) -> None:
    """Published words; the bird and the machine are both called crane."""
    for number in ("n01440764", "n02012849", "n03126707"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "1.jpg").write_bytes(b"x")
    plain = load_samples(tmp_path)
    assert plain.classes == ("n01440764", "n02012849", "n03126707")
    assert any("--label-map imagenet" in note for note in plain.notes)
    words = load_samples(tmp_path, label_map=Path("imagenet"))
    assert words.classes == ("crane (n02012849)", "crane (n03126707)", "tench")
    assert words.label_name(0) == "tench"


def test_no_numbers_of_wordnet(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"x")
    assert not any("WordNet" in note for note in load_samples(tmp_path).notes)
    with pytest.raises(ConfigError, match="no class is called by a number of WordNet"):
        load_samples(tmp_path, label_map=Path("imagenet"))
