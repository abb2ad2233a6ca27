"""The page of a check: everything in it, nothing fetched, bounded in size."""

from __future__ import annotations

import base64
import html as html_module
import io
import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.finding import Finding
from nunbit.reports.check import build_page
from nunbit.reports.check.sections.overview import headline
from tests.checks.cases import FACTS, made_diagnosis, relabel
from tests.reports.run.page import Page

SECTIONS = [
    "result",
    "findings",
    "pictures",
    "classes",
    "files",
    "pixels",
    "contract",
    "method",
]
COPIES = Finding(
    kind="near-duplicates-across-classes",
    severity="warning",
    title="2 groups of <near> copies appear in several classes",
    count=5,
    groups=((0, 3), (1, 2, 4)),
    why="At most one label is right; run `nunbit check --json`.",
    remedy="Look at them.",
)
SUSPECTS = Finding(
    kind="suspected-labels",
    severity="warning",
    title="2 images look mislabelled",
    count=2,
    groups=((2,), (3,)),
    captions=("97 % sure", "91 % sure"),
    corrections=(relabel("p2.png", "cat", "dog"),),
)
TORN = Finding(
    kind="unusable-files",
    severity="error",
    title="30 files cannot be used",
    count=30,
    examples=("x0.png (torn)", "x1.png (torn)"),
    everything=tuple(f"x{i}.png (torn)" for i in range(30)),
)


def diagnosis(**changes: Any) -> Diagnosis:
    values: dict[str, Any] = {
        "paths": tuple(f"p{i}.png" for i in range(6)),
        "labels": (0, 0, 0, 1, 1, 1),
        "classes": ("cat", "dog"),
        "parts": ("train", "train", "train", "test", "train", "excluded"),
        "given": ("train", "train", "train", "test", "train", "train"),
        "findings": (TORN, COPIES, SUSPECTS),
        "with_statistics": True,
    }
    return made_diagnosis(**(values | changes))


def made(what: Diagnosis | None = None) -> str:
    return build_page(
        diagnosis() if what is None else what,
        command="nunbit check photos --page check.html",
        finished="2026-01-02 03:04",
        versions={"nunbit": "9.9", "python": "3.11"},
    )


@cache
def usual() -> str:
    """The page of the usual diagnosis, made once: it takes a second."""
    return made()


CASES: dict[str, Diagnosis] = {
    "everything": diagnosis(),
    "grey": diagnosis(size=(28, 28, 1)),
    "large pictures": diagnosis(size=(224, 224, 3)),
    "one pixel": diagnosis(size=(1, 1, 1)),
    "no findings": diagnosis(findings=()),
    "quick": diagnosis(with_statistics=False),
    "nothing usable": diagnosis(parts=("excluded",) * 6, findings=(TORN,), with_statistics=False),
    "300 classes": made_diagnosis(
        paths=tuple(f"{i:04d}" for i in range(900)),
        labels=tuple(i % 300 for i in range(900)),
        classes=tuple(f"kind {k}" for k in range(300)),
        parts=("train",) * 900,
        with_statistics=True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_stands_alone_and_every_picture_is_described(case: str) -> None:
    html = usual() if case == "everything" else made(CASES[case])
    page = Page(html)
    assert not page.all("script")
    assert not page.all("link")
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", html)
    for image in page.all("img"):
        assert image.attributes["src"].startswith("data:image/")
        assert image.attributes["alt"]
    for drawing in page.all("svg"):
        assert drawing.attributes["aria-label"]
    names = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(names) == len(set(names))
    targets = [e.attributes["href"] for e in page.all("a")]
    assert all(target.removeprefix("#") in names for target in targets)
    assert len(html.encode()) < 3_000_000


def test_sections_stand_in_reading_order() -> None:
    assert Page(usual()).section_names == SECTIONS
    quick = Page(made(CASES["quick"])).section_names
    assert quick == [name for name in SECTIONS if name != "pixels"]
    empty = Page(made(CASES["nothing usable"])).section_names
    assert empty == ["result", "findings", "classes", "contract", "method"]


@pytest.mark.parametrize(
    ("severities", "text"),
    [
        ((), "Nothing found that would spoil a training: 6 images and files"),
        (("error",), "1 error about 6 images and files"),
        (("error", "note", "note"), "1 error and 2 notes about 6 images and files"),
        (("error", "warning", "note"), "1 error, 1 warning and 1 note about 6 images and files"),
    ],
)
def test_the_headline_counts(severities: tuple[str, ...], text: str) -> None:
    findings = tuple(replace(TORN, severity=word) for word in severities)  # type: ignore[arg-type]
    assert headline(diagnosis(findings=findings)) == text


def pictures_of(page: str, anchor: str) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """(path, pixels) of the pictures of one finding."""
    article = page[page.index(f'id="{anchor}"') :]
    article = article[: article.index("</article>")]
    found = []
    for source, path in re.findall(
        r'<img src="data:image/png;base64,([^"]+)".*?title="([^"]*)"', article
    ):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
        found.append((html_module.unescape(path), pixels))
    return found


def test_copies_stand_side_by_side_with_class_and_part() -> None:
    what = diagnosis()
    html = usual()
    shown = pictures_of(html, "finding-2")
    assert [path for path, _ in shown] == ["p0.png", "p3.png", "p1.png", "p2.png", "p4.png"]
    for path, pixels in shown:
        row = what.samples.paths.index(path)
        np.testing.assert_array_equal(pixels, what.pictures(np.array([row]))[0])
    page = Page(html)
    first, second = page.all("div", class_="group")
    assert first.words == "cat training p0.png dog test p3.png"
    assert second.words == "cat training p1.png cat → dog? training p2.png dog training p4.png"
    section = page.section("findings")
    assert "2 groups of <near> copies appear in several classes" in section
    assert "run nunbit check --json." in section


def test_suspected_labels_show_the_proposed_one_and_how_sure_it_is() -> None:
    html = usual()
    figures = [e.words for e in Page(html).all("figure", class_="card plain")]
    assert "cat → dog? training p2.png 97 % sure" in figures
    assert "dog test p3.png 91 % sure" in figures
    assert "relabels 1 image" in Page(html).section("findings")
    assert "0 to leave out, 1 to relabel" in Page(html).section("result")


def test_long_findings_are_cut_and_say_so() -> None:
    n = 300
    many = made_diagnosis(
        paths=tuple(f"{i:03d}.png" for i in range(n)),
        labels=(0, 1) * (n // 2),
        parts=("train",) * n,
        findings=(
            Finding(severity="note", title="dark", count=n, groups=tuple((i,) for i in range(n))),
            Finding(
                severity="note",
                title="copies",
                count=n,
                groups=tuple(tuple(range(i, i + 10)) for i in range(0, n, 10)),
            ),
        ),
    )
    html = made(many)
    assert len(pictures_of(html, "finding-1")) == 24
    assert len(pictures_of(html, "finding-2")) == 18 * 4
    section = Page(html).section("findings")
    assert "276 more images are not shown here" in section
    assert "12 more groups are not shown here" in section
    assert section.count("and 6 more") == 18


def test_files_without_pictures_are_listed() -> None:
    section = Page(usual()).section("findings")
    assert "x0.png (torn), x1.png (torn)" in section
    assert "All 30" in section
    assert "x29.png (torn)" in section


def test_contact_sheets_show_each_class_as_the_network_sees_it() -> None:
    html = usual()
    section = html[html.index('<section id="pictures"') : html.index('<section id="classes"')]
    paths = re.findall(r'title="(p\d.png)"', section)
    assert paths == ["p0.png", "p1.png", "p2.png", "p3.png", "p4.png"]
    assert "canvases of 12 × 10 pixels" in section


def test_numbers_of_pixels_are_those_of_the_statistics() -> None:
    what = diagnosis()
    section = Page(usual()).section("pixels")
    assert what.statistics is not None
    train = what.statistics.part("train")
    for channel in range(3):
        assert f"{train.mean[channel]:.2f} {train.std[channel]:.2f}" in section
    assert "z-score by the data’s own numbers" in section
    assert "subtracts 0.5, 0.5, 0.5 and divides by 0.25, 0.25, 0.25" in section


def test_sizes_are_drawn_when_they_differ() -> None:
    what = diagnosis()
    assert "All 5 images are 40 pixels wide and 30 high" in Page(usual()).section("files")
    facts = tuple(replace(FACTS, width=10 * 3**i, height=7 * 2**i) for i in range(6))
    html = made(replace(what, inspection=replace(what.inspection, facts=facts)))
    section = Page(html).section("files")
    assert "5 different sizes, from 10 to 810 pixels wide and from 7 to 112 pixels high" in section
    assert "Width 10 90 810" in section


def test_thousands_of_sizes_stay_a_small_drawing() -> None:
    n = 4000
    rng = np.random.default_rng(0)
    facts = tuple(
        replace(FACTS, width=int(w), height=int(h)) for w, h in rng.integers(20, 5000, (n, 2))
    )
    what = made_diagnosis(
        paths=tuple(f"{i:05d}" for i in range(n)), labels=(0, 1) * (n // 2), parts=("train",) * n
    )
    html = made(replace(what, inspection=replace(what.inspection, facts=facts)))
    assert "different sizes" in Page(html).section("files")
    assert len(html) < 2_000_000


def test_the_largest_page_stays_below_15_mb() -> None:
    """1,000 classes and many long findings, of pictures that no format makes small."""
    n = 6000
    findings = tuple(
        Finding(
            severity="note",
            title=f"finding {f}",
            count=n,
            groups=tuple(tuple(range(i, i + 8)) for i in range(f, n - 8, 8))
            if f % 2
            else tuple((i,) for i in range(f, n)),
        )
        for f in range(14)
    )
    what = made_diagnosis(
        paths=tuple(f"{i:05d}" for i in range(n)),
        labels=tuple(i % 1000 for i in range(n)),
        classes=tuple(f"kind {k}" for k in range(1000)),
        parts=("train",) * n,
        findings=findings,
        size=(112, 112, 3),
    )
    assert len(made(what).encode()) < 15_000_000


def test_the_same_input_gives_the_same_page() -> None:
    assert made() == usual()


def test_command_and_versions_are_told() -> None:
    section = Page(usual()).section("method")
    assert section.startswith("How it was done nunbit check photos --page check.html")
    assert "python 3.11" in section
    assert "Made by nunbit 9.9." in usual()
