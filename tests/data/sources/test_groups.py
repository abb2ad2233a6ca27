from __future__ import annotations

from pathlib import Path

import pytest

from nunbit.data.sources import load_samples
from nunbit.errors import ConfigError
from tests.fixtures_data import write_files

PATHS = ("a/p1_1.jpg", "a/p1_2.jpg", "b/p2_1.jpg", "b/other.jpg")


@pytest.mark.parametrize("pattern", [r"/(p\d)_", r"(?P<group>p\d)_(\d)", r"(?:a|b)/(p\d)?"])
def test_groups_from_paths(tmp_path: Path, pattern: str) -> None:
    samples = load_samples(write_files(tmp_path, *PATHS), group_from=pattern)
    assert dict(zip(samples.paths, samples.groups, strict=True)) == {
        "a/p1_1.jpg": "p1",
        "a/p1_2.jpg": "p1",
        "b/other.jpg": "",
        "b/p2_1.jpg": "p2",
    }
    assert "1 path has no group" in samples.notes[0]
    assert "'b/other.jpg'" in samples.notes[0]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(p", "is not a regular expression"),
        ("p1", "has 0 capture groups, not one"),
        ("(p)(1)", "has 2 capture groups, not one"),
        ("(q)", "is found in none of the paths, e.g. 'a/p1_1.jpg'"),
    ],
)
def test_wrong_patterns(tmp_path: Path, pattern: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_samples(write_files(tmp_path, *PATHS), group_from=pattern)
    assert message in str(caught.value)
    assert caught.value.remedy
