"""Every `nunbit` command of the README and the guides is run, as it is written, by a newcomer.

Known data sets are tiny stand-ins in the same files and layout, found through $NUNBIT_DATA, and
times of minutes are cut short; everything else is exactly what the reader would type.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.commands import environment, nunbit
from tests.fixtures_data import random_images, write_idx
from tests.surface.readme import blocks, commands

NEW_FILES = ("--csv", "--page", "--fix-list")
"""Options that name a file which must not be there yet; pages may name the same one twice."""
SHORTER = {"5": "0.05"}  # --minutes 5
CLASSES = ("ant", "bee")


def write_photos(folder: Path, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for k, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 100, (40, 30, 3)) + 150 * k
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the documented commands name."""
    home = tmp_path_factory.mktemp("home")
    write_photos(home / "photos", 30, seed=0)
    write_photos(home / "other-photos", 5, seed=1)
    (home / "more").mkdir()
    for target in (home / "new.jpg", home / "a.jpg", home / "more" / "one.jpg"):
        Image.open(home / "photos" / "ant" / "0.png").save(target)
    shutil.copy(home / "photos" / "bee" / "0.png", home / "b.png")
    parts = {
        part: random_images(n, shape=(28, 28), classes=10, seed=n)
        for part, n in (("train", 400), ("t10k", 100))
    }
    write_idx(home / "data" / "fashion-mnist", parts)
    (example,) = (text for text in blocks("toml") if "[[operations]]" in text)
    (home / "mine.toml").write_text(example, encoding="utf-8")
    nunbit("train", "photos", "--out", "runs/NAME", "--epochs", "2", cwd=home)
    shutil.copy(home / "runs" / "NAME" / "config.toml", home)
    shutil.copytree(home / "runs" / "NAME", home / "runs" / "OTHER")
    return home


def documented() -> list[list[str]]:
    """Commands that are whole, without repeats; placeholders such as DATA stand for themselves."""
    found = [c for c in commands("nunbit") if not any(w.isupper() and w != "NAME" for w in c[1:])]
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


@pytest.mark.parametrize("words", documented(), ids=" ".join)
def test_the_command_works_as_written(words: list[str], home: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(home / "data"))
    arguments = list(words[1:])
    if "--minutes" in arguments:
        at = arguments.index("--minutes") + 1
        arguments[at] = SHORTER[arguments[at]]
    for option, value in pairwise(arguments):
        if option in NEW_FILES:
            (home / value).unlink(missing_ok=True)
    nunbit(*arguments, cwd=home)


@pytest.mark.parametrize("block", blocks("python"))
def test_the_python_of_the_readme_runs(block: str, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=home,
        env={**environment(home / "cache"), "NUNBIT_DATA": str(home / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
