"""Every `nunbit` command of the README and the guides is run, as it is written, by a newcomer.

Known data sets are tiny stand-ins in the same files and layout, found through $NUNBIT_DATA, and
trainings are cut short, as slow tests do not; everything else is exactly what the reader would
type. No process is started for them: that costs seconds each, and the tests
beside this one do it.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nunbit
from nunbit.cli import main
from tests.fixtures_data import random_images, write_idx
from tests.surface.readme import PAGES, blocks, commands

NEW_FILES = ("--csv", "--page", "--fix-list")
"""Options that name a file which must not be there yet; pages may name the same one twice."""
SHORTER = {"5": "0.02"}  # --minutes 5
MAX_EPOCHS = 2
LENGTHS = {"--epochs", "--resume", "--recipe"}
CLASSES = ("ant", "bee")
EACH_ALONE = [page for page in PAGES if page.name != "python.md"]
"""Pages whose Python blocks stand alone; tests/surface/test_python_page.py runs the other one's."""
SLOW = (
    "nunbit advise photos --image-size 64 --out evidence.png",
    "nunbit train photos --pretrained efficientnet-lite0",
    "nunbit train photos --pretrained efficientnet-lite0 --transfer stages:2 --image-size 112"
    " --epochs 4",
)
"""They train a large network, or many; the tests of advice and of pretrained networks do less."""


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
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["train", "photos", "--out", "runs/NAME", "--epochs", "2"]) == 0
    shutil.copy(home / "runs" / "NAME" / "config.toml", home)
    shutil.copytree(home / "runs" / "NAME", home / "runs" / "OTHER")
    return home


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    monkeypatch.setenv("NUNBIT_DATA", str(home / "data"))
    return home


def documented() -> list[object]:
    """Commands that are whole, without repeats; placeholders such as DATA stand for themselves."""
    found = [
        c
        for c in commands("nunbit")
        # A server runs until it is ended; tests/serve starts them.
        if c[1] != "serve" and not any(w.isupper() and w != "NAME" for w in c[1:])
    ]
    return [
        pytest.param(list(words), id=" ".join(words), marks=marks(" ".join(words)))
        for words in dict.fromkeys(map(tuple, found))
    ]


def marks(command: str) -> list[pytest.MarkDecorator]:
    """Of the labs, the list and one quick run are looked at here."""
    if command in SLOW:
        return [pytest.mark.slow]
    is_another_lab = command.startswith("nunbit lab ") and command != "nunbit lab 01 --quick"
    return [pytest.mark.labs] if is_another_lab else []


def shortened(arguments: list[str]) -> list[str]:
    """The same words with a training of two epochs, or of seconds, if they train for longer."""
    arguments = list(arguments)
    if "--minutes" in arguments:
        at = arguments.index("--minutes") + 1
        arguments[at] = SHORTER[arguments[at]]
    elif "--epochs" in arguments:
        at = arguments.index("--epochs") + 1
        arguments[at] = str(min(MAX_EPOCHS, int(arguments[at])))
    elif arguments[0] == "train" and not LENGTHS & set(arguments):
        arguments += ["--epochs", str(MAX_EPOCHS)]
    return arguments


def long() -> list[object]:
    """Commands that train on small pictures for many epochs, and are cut short by fast tests."""
    return [
        param
        for param in documented()
        if "--epochs" in param.values[0] and shortened(param.values[0]) != param.values[0]
    ]


@pytest.mark.parametrize("words", documented())
def test_the_command_works_as_written(words: list[str], at_home: Path) -> None:
    arguments = shortened(words[1:])
    for option, value in pairwise(arguments):
        if option in NEW_FILES:
            (at_home / value).unlink(missing_ok=True)
    assert main(arguments) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("words", long())
def test_long_trainings_work_as_written(words: list[str]) -> None:
    arguments = list(words[1:])
    if "--out" in arguments:
        shutil.rmtree(arguments[arguments.index("--out") + 1], ignore_errors=True)
    assert main(arguments) == 0


def test_what_is_left_to_the_slow_tests_is_documented() -> None:
    assert set(SLOW) <= {" ".join(words) for words in commands("nunbit")}


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("block", blocks("python", pages=EACH_ALONE))
@pytest.mark.parametrize("epochs", [MAX_EPOCHS, pytest.param(None, marks=pytest.mark.slow)])
def test_the_python_of_the_readme_runs(
    block: str, epochs: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if epochs is not None:
        whole = nunbit.train
        monkeypatch.setattr(
            nunbit, "train", lambda data, **given: whole(data, **{**given, "epochs": epochs})
        )
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
