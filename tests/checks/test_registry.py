"""A check is one file and one line: what follows from adding one, as a user sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nunbit.checks import registry
from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.cli import main


class WideImages(Check):
    """A check of files, as a newcomer would write it."""

    name = "wide-images"
    needs = "metadata"

    def run(self, context: Context) -> Iterator[Finding]:
        wide = context.properties.width > context.properties.height
        rows = context.properties.rows[wide]
        yield Finding(
            kind="wide-images",
            severity="warning",
            title=f"{len(rows)} images are wider than high",
            count=len(rows),
            groups=tuple((int(row),) for row in rows),
        )


class RedObserver:
    """Counts the images that are red on average."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        red, green, blue = np.moveaxis(canvases.astype(np.float64).mean(axis=(1, 2)), 1, 0)
        self.rows += rows[(red > green) & (red > blue)].tolist()


class RedImages(Check):
    """A check that looks at the pixels by an observer of its own."""

    name = "red-images"
    needs = "pixels"

    def observers(self, context: Context) -> tuple[RedObserver, ...]:
        return (RedObserver(),)

    def run(self, context: Context) -> Iterator[Finding]:
        rows = context.seen(RedObserver).rows
        yield Finding(
            kind="red-images",
            severity="note",
            title=f"{len(rows)} images are red",
            count=len(rows),
            groups=tuple((row,) for row in rows),
        )


class ManyFeatures(Check):
    """A check that judges by the features."""

    name = "features"
    needs = "embedding"

    def run(self, context: Context) -> Iterator[Finding]:
        n = len(context.features)
        yield Finding(kind="features", severity="note", title=f"{n} vectors", count=n)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six red images, two of them wide, and six blue ones."""
    rng = np.random.default_rng(0)
    for number in range(12):
        shape = (20, 40 if number < 2 else 20, 3)
        image = rng.integers(0, 100, shape, dtype=np.uint8)
        image[..., 2 * (number >= 6)] += 100
        path = tmp_path / "data" / ("red" if number < 6 else "blue") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / "data"


def added(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    monkeypatch.setattr(registry, "CHECKS", (*registry.CHECKS, *checks))


def test_names_are_unique_and_cheap_checks_come_first() -> None:
    names = [check.name for check in registry.CHECKS]
    assert len(set(names)) == len(names)
    needs = [check.needs for check in registry.CHECKS]
    assert needs == sorted(needs, key=["metadata", "pixels", "embedding"].index)


def test_an_added_check_is_seen_in_terminal_json_and_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    added(monkeypatch, WideImages(), RedImages(), ManyFeatures())
    titles = "2 images are wider than high", "6 images are red", "12 vectors"
    page = folder.parent / "check.html"
    assert main(["check", str(folder), "--backbone", "none", "--page", str(page)]) == 0
    told = capsys.readouterr().out
    assert all(title in told for title in titles)
    assert all(title in page.read_text() for title in titles)
    assert main(["check", str(folder), "--backbone", "none", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = {finding["kind"]: finding for finding in report["findings"]}
    assert found["wide-images"]["groups"] == [["red/0.png"], ["red/1.png"]]
    assert [group[0][:3] for group in found["red-images"]["groups"]] == ["red"] * 6
    assert {"red-images", "features"} <= report["seconds"].keys()


def test_a_check_of_files_is_part_of_the_quick_check_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    added(monkeypatch, WideImages(), RedImages())
    assert main(["check", str(folder), "--quick"]) == 0
    told = capsys.readouterr().out
    assert "2 images are wider than high" in told
    assert "images are red" not in told


def test_one_pass_serves_all_checks_that_look_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    looks: list[int] = []

    class Counted(RedObserver):
        def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
            looks.append(len(rows))

    class Once(RedImages):
        def observers(self, context: Context) -> tuple[RedObserver, ...]:
            return (Counted(),)

    class Twice(Once):
        name = "red-images-again"

    added(monkeypatch, Once(), Twice())
    assert main(["check", str(folder), "--backbone", "none", "--quiet"]) == 0
    assert sum(looks) == 12


def test_a_check_that_asked_for_no_observer_is_told_so(folder: Path) -> None:
    from tests.checks.metadata.cases import inspection_of, samples_of

    samples = samples_of([0, 1])
    context = Context(samples=samples, inspection=inspection_of(samples), reasons=["", ""])
    with pytest.raises(LookupError, match="RedObserver"):
        context.seen(RedObserver)
