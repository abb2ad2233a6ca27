"""Tables most of whose files are missing: each is told, and none is sought for long."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nunbit.data.inspect import inspect
from nunbit.data.sources import load_samples
from nunbit.data.sources.tables.files import MAX_MISSES, FileFinder
from nunbit.progress import SILENT
from tests.fixtures_data import write_files, write_images

ROWS = 2000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the system is asked about a file or for a folder's names."""
    count: Counter[str] = Counter()
    for function in ("stat", "scandir", "listdir", "open"):
        real: Any = getattr(os, function)

        def counting(*given: Any, _real: Any = real, _name: str = function, **named: Any) -> Any:
            count[_name] += 1
            return _real(*given, **named)

        monkeypatch.setattr(os, function, counting)
    return count


def test_a_folder_is_not_asked_for_each_missing_file(tmp_path: Path, asked: Counter[str]) -> None:
    """A million rows took 150 s and 3 GB: each path was tried in eight spellings, and twice."""
    write_images(tmp_path / "images", {"cat": 5, "dog": 5})
    there = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.png"))
    rows = [f"{path},{path.split('/')[1]}" for path in there]
    rows += [f"images/cat/missing{i}.png,{'cat' if i % 2 else 'dog'}" for i in range(ROWS)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    asked.clear()
    samples = load_samples(table)
    inspection = inspect(samples, workers=1, progress=SILENT)
    assert asked.total() < ROWS / 4
    assert inspection.reasons.count("file is missing") == ROWS
    assert inspection.bad == ROWS
    assert inspection.considered == len(samples) == ROWS + len(there)
    assert [p for p, why in zip(samples.paths, samples.reasons, strict=True) if not why] == there


def test_files_are_found_in_a_folder_that_misses_many(tmp_path: Path) -> None:
    """Also those that are written in another form than on the disk, and folders that are none."""
    odd = unicodedata.normalize("NFD", "gar\u00e7on.png")
    write_files(tmp_path, "a/1.png", f"a/{odd}", "a/inner/2.png")
    finder = FileFinder(tmp_path)
    for number in range(2 * MAX_MISSES):
        assert finder.locate(f"a/no{number}.png", place="")[1] == "file is missing"
        assert finder.locate(f"b/no{number}.png", place="")[1] == "file is missing"
    assert finder.locate("a/1.png", place="") == ("a/1.png", "")
    assert finder.locate("a\\1.png ", place="") == ("a/1.png", "")
    assert finder.locate(unicodedata.normalize("NFC", f"a/{odd}"), place="") == (f"a/{odd}", "")
    assert finder.locate("a/inner", place="") == ("a/inner", "not a regular file")
    assert finder.locate("a/inner/2.png", place="") == ("a/inner/2.png", "")
    assert finder.locate("elsewhere/2.png", place="") == ("a/inner/2.png", "")
    assert finder.locate("a/1.png/3.png", place="")[1] == "file is missing"
    assert finder.locate("a/\0.png", place="")[1] == "file is missing"


def test_a_file_system_that_takes_names_for_each_other_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On macOS `A.PNG` is `a.png`: a name that some system could find there is never ruled out."""
    write_files(tmp_path, "A.PNG", unicodedata.normalize("NFD", "\u00c9.png"))
    finder = FileFinder(tmp_path)
    for number in range(MAX_MISSES):
        finder.locate(f"no{number}.png", place="")
    sought = []
    real = os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, **named: (sought.append(path), real(path, **named))[1]
    )
    for name in ("a.png", "\u00e9.PNG", "c.png"):
        finder.locate(name, place="")
    assert f"{tmp_path}/a.png" in sought
    assert f"{tmp_path}/\u00e9.PNG" in sought
    assert f"{tmp_path}/c.png" not in sought
