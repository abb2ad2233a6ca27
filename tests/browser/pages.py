"""The pages that the tests open, made in seconds: tiny trainings, and the other commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from nunbit.config import build_config
from nunbit.pipelines.train import train
from tests.end_to_end.pieces import write_pieces
from tests.fixtures_data import write_idx, write_images


def trained(data: str | Path, out: Path, **settings: object) -> Path:
    """The report of one epoch of a small network."""
    given = {
        "data.path": str(data),
        "training.epochs": 1,
        "model.name": "mlp-64-128",
        **settings,
    }
    return train(build_config({}, given, origin="a test"), out=out).folder / "report.html"


def digits(folder: Path) -> Path:
    return trained("digits", folder / "run")


def fashion(folder: Path, source: Path) -> Path:
    """The first images of Fashion-MNIST."""
    from nunbit.data.sources import load_samples

    samples = load_samples(source)
    array = samples.images.array[..., 0]  # type: ignore[union-attr]
    parts = {}
    for name, part, n in (("train", "train", 300), ("t10k", "test", 200)):
        rows = [row for row, given in enumerate(samples.parts) if given == part][:n]
        parts[name] = (array[rows], samples.labels[rows].astype(np.uint8))
    return trained(write_idx(folder / "fashion-mnist", parts), folder / "run")


def two_classes(folder: Path) -> Path:
    """Pieces of photographs; a table says more about them."""
    return trained(photographs(folder / "photos"), folder / "run", **SMALL_PHOTOGRAPHS)


SMALL_PHOTOGRAPHS = {
    "model.name": "smallcnn",
    "pixels.image_size": 32,
    "split.test_fraction": 0.5,
    "augment.preset": "photos",
}


def photographs(folder: Path) -> Path:
    """A table of pieces of photographs of two kinds."""
    root = write_pieces(folder)
    lines = ["path,label,camera with a long name indeed"]
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        camera = "Nikon" if number % 3 else "Leica"
        lines.append(f"{path.relative_to(root)},{path.parent.name},{camera}")
    table = root / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def hundred_classes(folder: Path) -> Path:
    """Noise with long and short names."""
    names = [
        f"{'a very long name of a kind ' if k % 7 == 0 else 'kind '}{k:02d}" for k in range(100)
    ]
    root = write_images(folder / "kinds", names, per_class=6, size=(8, 8))
    return trained(root, folder / "run")


def long_class_names(folder: Path) -> Path:
    """Names of many words and of one, as Latin and German have them."""
    names = [
        "Chrysomelidae: Leptinotarsa decemlineata (Say, 1824)",
        "Donaudampfschifffahrtsgesellschaftskapitaen",
        "another class whose name has many words in it",
        "x",
    ]
    root = write_images(folder / "long", names, per_class=40, size=(8, 8))
    return trained(root, folder / "run")


def thirty_percent_excluded(folder: Path) -> Path:
    """Broken, empty and foreign files, some with names that do not break."""
    root = write_images(folder / "broken", ["left", "right"], per_class=35, size=(12, 12))
    for number in range(10):
        (root / "left" / f"empty-{number}.png").touch()
        whole = (root / "right" / f"{number:03d}.png").read_bytes()
        name = f"{'x' * 90}{number}.png"
        (root / "right" / name).write_bytes(whole[: len(whole) // 2])
        (root / "left" / f"notes{number}.txt").write_text("not an image")
    Image.new("RGB", (12, 12), (1, 2, 3)).save(root / "left" / "one colour.png")
    return trained(root, folder / "run", **{"data.max_bad_fraction": 0.9})
